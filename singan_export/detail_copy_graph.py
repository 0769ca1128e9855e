"""singan_core.detail.coherence in a graph, all the work everywhere: a copied level from the level below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.coherence import CANDIDATES, ROUNDS
from singan_core.detail.patches import REACH, Basis
from singan_export.detail_patch_graph import find_features
from singan_export.detail_resize_graph import resize
from singan_export.detail_vote_graph import Tables, make_tables, paint, premultiply, tabulate
from singan_export.values import Value, choose, constant, count_up

_FAR = 1 << 14  # features of what lies beyond the photo: so far away that nothing else is farther
_ALL = 1 << 30  # above every position


@dataclass(frozen=True)
class Drawn:
    """A picture as far as it is drawn, and the photo at its level; all int32."""

    pixels: Value  # (h, w, C), straight
    rows: Value  # (h, w), its map
    columns: Value
    photo: Value  # (H, W, C), premultiplied

    @property
    def values(self) -> list[Value]:
        """All of it, as branches of a graph hand it on."""
        return [self.pixels, self.rows, self.columns, self.photo]


def copy_level(
    below: Drawn,
    photo: tuple[Value, Value],
    canvas: tuple[Value, Value],
    basis: Basis,
    centre: NDArray[np.int64],
    sigma: float,
) -> Drawn:
    """Draw a copied level on a canvas, int64, from the photo there, straight and premultiplied, int32."""
    channels = len(centre)
    straight, matched = photo
    blurred = resize(below.photo, matched.side(0), matched.side(1))
    tables = make_tables(straight, matched, blurred, channels)
    keys = tabulate(find_features(blurred, basis, centre), _FAR)

    enlarged = resize(premultiply(below.pixels, channels), *canvas)
    wanted = find_features(enlarged, basis, centre).reshape(-1, basis.count)
    found = enlarge_map(below, tables, canvas)
    for _ in range(ROUNDS):
        found = refine(tables, keys, wanted, found)
    return Drawn(
        paint(tables, found, sigma, enlarged), tables.rows(found), tables.columns(found), matched
    )


def enlarge_map(below: Drawn, tables: Tables, canvas: tuple[Value, Value]) -> Value:
    """Enlarge the map of the smaller canvas to positions (h, w), int32, of a canvas."""
    old = [below.rows.side(axis) for axis in (0, 1)]
    near = [find_near(smaller, side) for smaller, side in zip(old, canvas, strict=True)]
    made = []
    for axis, (values, size) in enumerate(
        ((below.rows, tables.height), (below.columns, tables.width))
    ):
        smaller, larger = below.photo.side(axis), size.cast(np.int64)
        apart = values.cast(np.int64) - count_up(old[axis]).expand_dims(1 - axis)
        grown = (apart * larger * 2 + smaller) // (smaller * 2)
        grown = grown.gather(near[0]).gather(near[1], axis=1)
        own = count_up(canvas[axis]).expand_dims(1 - axis)
        made.append((grown + own).clip(0, larger - 1).cast(np.int32))
    return tables.locate(made[0], made[1])


def find_near(old: Value, new: Value) -> Value:
    """Find the pixels of an axis that lie nearest to those, (new,), of a larger one."""
    return ((count_up(new) * 2 + 1) * old).divide(new * 2)


def refine(tables: Tables, keys: Value, wanted: Value, found: Value) -> Value:
    """The positions (h, w) after one round: each pixel's own, or that of a neighbour that is nearer.

    keys are the photo's features in a table, wanted the picture's, (h w, n). In a tie it is the own, then the lowest.
    """
    height, width = found.side(0), found.side(1)
    around = tables.surround(found)

    def measure(positions: Value) -> Value:
        apart = keys.gather(positions.reshape(-1)) - wanted
        return (apart * apart).reduce("ReduceSum", 1).reshape(height, width)

    best = measure(found)
    least, lowest = best, constant(found.writer, np.array(_ALL, np.int32))
    for dy, dx in CANDIDATES:
        positions = around.window(dy, dx, REACH) - (tables.stride * dy + dx)
        apart = measure(positions)
        better = (apart < least) | (apart.equals(least) & (positions < lowest))
        least, lowest = choose(better, apart, least), choose(better, positions, lowest)
    return choose(least < best, lowest, found)

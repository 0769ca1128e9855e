"""Write singan_core.detail.coherence: a copied level from the level below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.coherence import CANDIDATES, ROUNDS
from singan_core.detail.patches import REACH, Basis
from singan_core.detail.slips import MOST
from singan_export.graphs.patches import find_features
from singan_export.graphs.resize import resize
from singan_export.graphs.slips import spread_slips
from singan_export.graphs.values import Value, add_constant, choose, count_up
from singan_export.graphs.votes import Tables, make_tables, paint, premultiply, tabulate

_FAR = 1 << 14  # features of what lies beyond the photo: farther away than any patch of the photo
_HIGHEST = 1 << 30  # above every position


@dataclass(frozen=True)
class LevelOutput:
    """What a level has drawn, and the photo at that level, all int32."""

    pixels: Value  # (h, w, C), straight
    rows: Value  # (h, w), of the map
    columns: Value  # (h, w), of the map
    photo: Value  # (H, W, C), premultiplied

    @property
    def values(self) -> list[Value]:
        """All of it, in the order of the fields, as outputs of a branch."""
        return [self.pixels, self.rows, self.columns, self.photo]


def copy_level(
    below: LevelOutput,
    photo: tuple[Value, Value],
    canvas: tuple[Value, Value],
    basis: Basis,
    centre: NDArray[np.int64],
    sigma: float,
) -> LevelOutput:
    """Draw a copied level on a canvas (height, width), int64.

    photo is the photo at this level, int32, straight and premultiplied.
    """
    channels = len(centre)
    straight, matched = photo
    blurred = resize(below.photo, matched.get_length(0), matched.get_length(1))
    tables = make_tables(straight, matched, blurred, channels)
    keys = tabulate(find_features(blurred, basis, centre), _FAR)

    enlarged = resize(premultiply(below.pixels, channels), *canvas)
    query = find_features(enlarged, basis, centre).reshape(-1, basis.count)
    found = spread_slips(tables, enlarge_map(below, tables, canvas))
    for _ in range(ROUNDS):
        found = refine(tables, keys, query, found)

    painted = paint(tables, found, sigma, enlarged)
    return LevelOutput(painted, tables.get_rows(found), tables.get_columns(found), matched)


def enlarge_map(below: LevelOutput, tables: Tables, canvas: tuple[Value, Value]) -> Value:
    """Enlarge the map of the level below to positions (h, w), int32, of a larger canvas.

    How far a position lies from its pixel's own grows as the photo does.
    """
    old = [below.rows.get_length(axis) for axis in (0, 1)]
    near = [find_near(smaller, side) for smaller, side in zip(old, canvas, strict=True)]
    enlarged = []
    sides = (below.rows, tables.height), (below.columns, tables.width)
    for axis, (values, size) in enumerate(sides):
        smaller, larger = below.photo.get_length(axis), size.cast(np.int64)
        offset = values.cast(np.int64) - count_up(old[axis]).expand_dims(1 - axis)
        grown = (offset * larger * 2 + smaller) // (smaller * 2)
        grown = grown.gather(near[0]).gather(near[1], axis=1)
        own = count_up(canvas[axis]).expand_dims(1 - axis)
        enlarged.append((grown + own).clip(0, larger - 1).cast(np.int32))
    return tables.locate(enlarged[0], enlarged[1])


def find_near(old: Value, new: Value) -> Value:
    """Find the pixels (new,) of an axis of length old that lie nearest to those of a longer one."""
    return ((count_up(new) * 2 + 1) * old).divide(new * 2)


def refine(tables: Tables, keys: Value, query: Value, found: Value) -> Value:
    """Compare every pixel's position, (h, w), with its neighbours' shifted back, for one round.

    keys are the photo's features in a table, query the picture's, (h w, n). The nearest wins, in a
    tie the pixel's own position, then the lowest. Slips do not count.
    """
    height, width = found.get_length(0), found.get_length(1)
    around = tables.surround(found)

    def measure(positions: Value) -> Value:
        difference = keys.gather(positions.reshape(-1)) - query
        return (difference * difference).reduce("ReduceSum", 1).reshape(height, width)

    own = measure(found)
    least, lowest = own, add_constant(found.writer, np.array(_HIGHEST, np.int32))
    for dy, dx in CANDIDATES:
        positions = around.take_neighbours(dy, dx, REACH) - (tables.stride * dy + dx)
        distance = measure(positions)
        better = (distance < least) | (distance.equals(least) & (positions < lowest))
        better = better & are_apart(tables, found, positions)
        least, lowest = choose(better, distance, least), choose(better, positions, lowest)
    return choose(least < own, lowest, found)


def are_apart(tables: Tables, found: Value, positions: Value) -> Value:
    """Tell which positions (h, w) lie more than a slip from those found."""
    step = positions - found + (tables.stride + 1) * MOST
    down = step // tables.stride
    across = step - down * tables.stride
    return (step < 0) | (down > 2 * MOST) | (across > 2 * MOST)

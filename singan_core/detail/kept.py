"""Kept objects: parts of the photo that stand in a picture as they are, wherever the picture wants them.

At every level the map of such an object is fixed, so that its pixels are the photo's own. Its patches are barred to all
other pixels, so that no fragments of it appear elsewhere; only what goes on from the object itself, in the same piece,
may show what lies beside it in the photo: shadows and edges join without a halo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import resize
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Level
from singan_core.detail.votes import Map, spread
from singan_core.pyramid import Size
from singan_core.windows import Region

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

HALF, EIGHTH = 128, 32
"""The share of a pixel, of 255, from which it belongs to an object; at searched levels a rim of it does as well, which
brings along the shadow and the light around an object.
"""
SEARCHED_REACH = 1
"""Pixels around an object that are barred as well at searched levels; at copied ones as far as votes reach."""


@dataclass(frozen=True, eq=False)
class Kept:
    """An object of the photo and how far it has been moved."""

    mask: Mask  # (H, W) of the photo
    apart: tuple[
        int, int
    ]  # rows and columns from a pixel to its position in the photo, at the size of
    of: Size  # the photo for which that is so: the last level's

    def at(self, size: Size) -> tuple[int, int]:
        """How far positions lie from their pixels at a level at which the photo has a size."""
        return _carry(self.apart, self.of, size)


class Held:
    """The kept objects at one level of a picture."""

    def __init__(
        self, objects: Sequence[Kept], size: Size, below: Size | None, canvas: Size
    ) -> None:
        """Take the photo's size at the level and, where the map is enlarged, at the one below; and the canvas."""
        self.canvas = canvas
        self.aparts = [one.at(size) for one in objects]
        self.carried = (
            [] if below is None else [_carry(one.at(below), below, size) for one in objects]
        )
        shares = [measure_share(one.mask, size) for one in objects]
        self.masks = [share >= (HALF if below is not None else EIGHTH) for share in shares]
        self.object = np.logical_or.reduce(self.masks)  # (H, W)
        touched = np.logical_or.reduce([share > 0 for share in shares])
        self.barred = spread(touched, SEARCHED_REACH if below is None else REACH)

    def lay(self, region: Region) -> Laid:
        """Find which pixels of a region of the canvas are kept, and what they show."""
        rows, columns = (
            np.arange(*span) % length for span, length in zip(region, self.canvas, strict=True)
        )
        height, width = self.barred.shape
        inside = np.zeros((len(rows), len(columns)), bool)
        positions = np.zeros(inside.shape, np.int32)
        for mask, (down, across) in zip(self.masks, self.aparts, strict=True):
            y, x = rows + down, columns + across
            ys, xs = (np.flatnonzero((v >= 0) & (v < n)) for v, n in ((y, height), (x, width)))
            part = np.ix_(ys, xs)
            here = mask[np.ix_(y[ys], x[xs])]
            inside[part] |= here
            positions[part] = np.where(here, y[ys][:, None] * width + x[xs], positions[part])
        return Laid(self, rows, columns, inside, positions)


def measure_share(mask: Mask, size: Size) -> Pixels:
    """Measure how much of each pixel a mask covers when it is brought to a size, (h, w), 0 to 255."""
    return resize.resize(mask[..., None].astype(np.uint8) * 255, size)[..., 0]


def _carry(apart: tuple[int, int], below: Size, size: Size) -> tuple[int, int]:
    """What enlarging the map makes of how far positions lie from their pixels."""
    rows, columns = ((2 * a * n + m) // (2 * m) for a, n, m in zip(apart, size, below, strict=True))
    return rows, columns


@dataclass(frozen=True, eq=False)
class Laid:
    """The kept objects of one level over a region of its canvas, (h, w)."""

    held: Held
    rows: NDArray[np.int64]  # (h,), on the canvas
    columns: NDArray[np.int64]  # (w,)
    inside: Mask  # (h, w)
    positions: Ints  # (h, w), row by row of the photo, where inside

    def allow(
        self, at: NDArray[np.integer], rows: NDArray[np.integer], columns: NDArray[np.integer]
    ) -> Mask:
        """Tell which pixels (n,), numbered row by row, may show positions (n,) of the photo."""
        free: Mask = ~self.held.barred[rows, columns]
        barred = np.flatnonzero(~free)
        y, x = np.divmod(at[barred], len(self.columns))
        down, across = rows[barred] - self.rows[y], columns[barred] - self.columns[x]
        height, width = self.held.canvas
        own = np.zeros(len(barred), bool)
        for a, b in self.held.aparts:
            own |= ((down - a) % height == 0) & ((across - b) % width == 0)
        free[barred] = own
        return free & ~self.inside.reshape(-1)[at]

    def fix(self, found: Map) -> Map:
        """Put the objects' own positions into an enlarged map of the region.

        What goes on from an object, enlarged with a rounding of its own, follows it by the pixel that it is off.
        """
        height, width = self.held.barred.shape
        rows, columns = found.rows.copy(), found.columns.copy()
        for (down, across), (y, x) in zip(self.held.aparts, self.held.carried, strict=True):
            own = (found.rows - self.rows[:, None] == y) & (found.columns - self.columns == x)
            rows[own] = (rows[own] + np.int32(down - y)).clip(0, height - 1)
            columns[own] = (columns[own] + np.int32(across - x)).clip(0, width - 1)
        fixed = np.divmod(self.positions[self.inside], np.int32(width))
        rows[self.inside], columns[self.inside] = fixed
        return Map(rows, columns, found.top, found.left)

    def put_in(self, level: Level, picture: Pixels) -> None:
        """Put the photo's own pixels into a picture (h, w, C) of the region, colours straight."""
        rows, columns = np.divmod(self.positions[self.inside], np.int32(self.held.barred.shape[1]))
        picture[self.inside] = level.pixels[rows, columns]

"""Kept objects: parts of the photo that stay whole in a picture, at a place that the user chooses.

At every level the map of such an object is fixed, so that its pixels are the photo's own. Its
patches are barred to all other pixels, so that no fragments of it appear elsewhere. Only a pixel
that continues the object's own piece may show what lies beside it in the photo: so shadows and
edges join without a halo.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask, Pixels
from singan_core.detail import resize
from singan_core.detail.maps import Map, Positions, find_drift
from singan_core.detail.morphology import dilate
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Level
from singan_core.pyramid import Size
from singan_core.windows import Region

HALF, EIGHTH = 128, 32
"""How much of a pixel (of 255) an object must cover to own it: at copied and at searched levels.

The rim that an eighth adds at searched levels brings along the shadow and the light around the
object.
"""
SEARCHED_REACH = 1
"""Pixels around an object that are barred too at searched levels; at copied ones it is REACH."""


@dataclass(frozen=True, eq=False)
class KeptObject:
    """An object of the photo and how far it has been moved."""

    mask: Mask  # (H, W) of the photo
    displacement: tuple[int, int]  # rows and columns from a pixel to its position in the photo
    of: Size  # size of the photo at which that is so: the last level's

    def at(self, size: Size) -> tuple[int, int]:
        """Scale the displacement to a level at which the photo has this size."""
        return _scale_displacement(self.displacement, self.of, size)


class ObjectsAtLevel:
    """The kept objects at one level of a picture."""

    def __init__(
        self,
        objects: Sequence[KeptObject],
        size: Size,
        below: tuple[Size, Size] | None,
        canvas: Size,
    ) -> None:
        """Take the size of the photo at this level, and the size of the canvas.

        below are both sizes at the level below, whose map is enlarged to this level; a searched
        level has none.
        """
        self.canvas, self.below = canvas, below
        self.displacements = [one.at(size) for one in objects]

        # What enlarging the map from the level below makes of the displacements there.
        self.enlarged: list[tuple[int, int]] = []
        if below is not None:
            old = below[0]
            self.enlarged = [_scale_displacement(one.at(old), old, size) for one in objects]

        shares = [measure_share(one.mask, size) for one in objects]
        least = EIGHTH if below is None else HALF
        self.masks = [share >= least for share in shares]
        self.object = np.logical_or.reduce(self.masks)  # (H, W)
        touched = np.logical_or.reduce([share > 0 for share in shares])
        self.barred = dilate(touched, SEARCHED_REACH if below is None else REACH)  # (H, W)

    def place(self, region: Region) -> ObjectsInRegion:
        """Find which pixels of a region of the canvas are kept, and what they show."""
        rows, columns = (
            np.arange(*span) % length for span, length in zip(region, self.canvas, strict=True)
        )
        height, width = self.barred.shape
        inside = np.zeros((len(rows), len(columns)), bool)
        positions = np.zeros(inside.shape, np.int32)

        for mask, (down, across) in zip(self.masks, self.displacements, strict=True):
            # The part of the region whose displaced pixels lie on the photo.
            y, x = rows + down, columns + across
            ys = np.flatnonzero((y >= 0) & (y < height))
            xs = np.flatnonzero((x >= 0) & (x < width))
            part = np.ix_(ys, xs)
            here = mask[np.ix_(y[ys], x[xs])]

            inside[part] |= here
            shown = y[ys][:, None] * width + x[xs]
            positions[part] = np.where(here, shown, positions[part])

        return ObjectsInRegion(self, rows, columns, inside, positions)

    def take_away(self, canvas: Size) -> ObjectsAtLevel:
        """Return the same level with another canvas, on which no object stands.

        Their patches stay barred.
        """
        bare = copy.copy(self)
        bare.canvas, bare.masks, bare.displacements = canvas, [], []
        return bare


def measure_share(mask: Mask, size: Size) -> Pixels:
    """Measure how much of each pixel a mask covers when it is resized, (h, w), 0 to 255."""
    return resize.resize(mask[..., None].astype(np.uint8) * 255, size)[..., 0]


def _scale_displacement(apart: tuple[int, int], below: Size, size: Size) -> tuple[int, int]:
    """Scale a displacement as enlarging a map does, from the photo's size below to its size."""
    rows, columns = (
        (2 * one * new + old) // (2 * old) for one, new, old in zip(apart, size, below, strict=True)
    )
    return rows, columns


@dataclass(frozen=True, eq=False)
class ObjectsInRegion:
    """The kept objects at one level, over a region (h, w) of its canvas."""

    level: ObjectsAtLevel
    rows: NDArray[np.int64]  # (h,), on the canvas
    columns: NDArray[np.int64]  # (w,)
    inside: Mask  # (h, w)
    positions: Positions  # (h, w), row by row of the photo; 0 where not inside

    def allow(
        self, at: NDArray[np.integer], rows: NDArray[np.integer], columns: NDArray[np.integer]
    ) -> Mask:
        """Tell which pixels (n,), numbered row by row, may show the positions (n,) of the photo.

        Kept pixels may not change. Others may not show a barred position, unless it lies as far
        from them as the object does: then they continue its piece.
        """
        free: Mask = ~self.level.barred[rows, columns]
        barred = np.flatnonzero(~free)
        y, x = np.divmod(at[barred], len(self.columns))
        down, across = rows[barred] - self.rows[y], columns[barred] - self.columns[x]

        height, width = self.level.canvas
        continues = np.zeros(len(barred), bool)
        for one_down, one_across in self.level.displacements:
            same_row = (down - one_down) % height == 0
            continues |= same_row & ((across - one_across) % width == 0)
        free[barred] = continues
        return free & ~self.inside.reshape(-1)[at]

    def fix(self, found: Map) -> Map:
        """Put the objects' own positions into an enlarged map of the region.

        Rounding may place pixels that continue an object one pixel off it; they follow the object.
        """
        height, width = self.level.barred.shape
        rows, columns = found.rows.copy(), found.columns.copy()
        moves = zip(self.level.displacements, self.level.enlarged, strict=True)
        enlarged = [place - drift for place, drift in zip(*self._find_drifts(), strict=True)]
        for (down, across), (y, x) in moves:
            own = found.rows == enlarged[0][:, None] + y
            own &= found.columns == enlarged[1] + x
            at_rows, at_columns = np.nonzero(own)
            rows[own] = (self.rows[at_rows] + down).clip(0, height - 1)
            columns[own] = (self.columns[at_columns] + across).clip(0, width - 1)

        fixed = np.divmod(self.positions[self.inside], np.int32(width))
        rows[self.inside], columns[self.inside] = fixed
        return Map(rows, columns, found.top, found.left)

    def _find_drifts(self) -> tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]]:
        """Find where rows and columns lie, and the drift that enlarging the map gave them."""
        assert self.level.below is not None
        places, drifts = [self.rows, self.columns], []
        sides = zip(
            places, self.level.below[1], self.level.canvas, self.level.below[0],
            self.level.barred.shape, strict=True,
        )  # fmt: skip
        for place, smaller, canvas, below, size in sides:
            near = (2 * place + 1) * smaller // (2 * canvas)
            drifts.append(find_drift(near, smaller, canvas, below, size))
        return places, drifts

    def put_in(self, level: Level, picture: Pixels) -> None:
        """Put the photo's own pixels into a picture (h, w, C) of the region, colours straight."""
        rows, columns = np.divmod(self.positions[self.inside], np.int32(self.level.barred.shape[1]))
        picture[self.inside] = level.pixels[rows, columns]

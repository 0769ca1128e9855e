"""The map of a picture: which position of the photo each pixel shows (a nearest-neighbour field).

A coherent piece is a region whose pixels all lie equally far from the positions that they show: it
is copied from the photo in one stretch. A join is where two pieces meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask
from singan_core.detail.morphology import pair_shifts
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Level
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Positions = NDArray[np.int32]
"""Rows, columns or both as one number: row times width plus column, or an entry of the tables."""


@dataclass(frozen=True)
class Map:
    """Rows and columns of the photo, (h, w) each, for a part of a canvas from (top, left) on."""

    rows: Positions
    columns: Positions
    top: int = 0
    left: int = 0

    @property
    def size(self) -> Size:
        """(height, width) of the part."""
        return self.rows.shape[0], self.rows.shape[1]


def index_map(level: Level, found: Map) -> Positions:
    """Find the entries of the level's tables that a map shows, (h + 6, w + 6).

    Around the map, 3 px wide, are entries that have no vote.
    """
    height, width = found.size
    entries = np.full((height + 2 * REACH, width + 2 * REACH), level.nowhere, np.int32)
    inner = entries[REACH:-REACH, REACH:-REACH]
    inner[...] = level.find_entries(found.rows, found.columns)
    return entries


def find_offsets(level: Level, entries: Positions) -> Positions:
    """Compute the offset of each pixel (h, w) to its position, as one number.

    It is equal within a piece. entries (h + 6, w + 6) come from index_map.
    """
    offsets = entries[REACH:-REACH, REACH:-REACH] - np.arange(
        entries.shape[1] - 2 * REACH, dtype=np.int32
    )
    offsets -= np.arange(len(offsets), dtype=np.int32)[:, None] * np.int32(level.stride)
    return offsets


def find_joins(offsets: Positions, reach: int) -> Mask:
    """Find the pixels (h, w) within reach px of another piece, straight up, down, left or right."""
    joins = np.zeros(offsets.shape, bool)
    for axis in (0, 1):
        for ahead, behind in pair_shifts(axis, reach):
            differ = offsets[ahead] != offsets[behind]
            joins[ahead] |= differ
            joins[behind] |= differ
    return joins


def find_nearest(span: Span, smaller: int, canvas: int) -> NDArray[np.int64]:
    """Find, for each position of a span of a canvas, the nearest position of the smaller canvas.

    Both are lengths of one axis. Positions of the span beyond its ends mean its repeats.
    """
    return (2 * (np.arange(*span, dtype=np.int64) % canvas) + 1) * smaller // (2 * canvas)


def carry_map(found: Map, smaller: Size, canvas: Size, region: Region) -> Map:
    """Carry a map to a region of another canvas: each pixel shows what the nearest one shows."""
    near = _find_nearest_pixels(found, smaller, canvas, region)
    rows, columns = _take(found.rows, near), _take(found.columns, near)
    return Map(rows, columns, region[0].start, region[1].start)


def enlarge_map(
    found: Map, level: Level, below: Size, canvas: Size, smaller: Size, region: Region
) -> Map:
    """Enlarge a map of the smaller canvas to a region of the next level's canvas.

    level is that next level, below the size of the photo at the smaller canvas. Each pixel takes
    the offset of the nearest smaller pixel, multiplied by the growth of the photo and less the
    drift, and adds it to its own place. So a coherent piece stays one, however sizes are rounded,
    but for a slip wherever the drift grows by a pixel. Positions are held in the photo.
    """
    near = _find_nearest_pixels(found, smaller, canvas, region)
    begin = found.top, found.left
    positions = []

    for axis, shown in enumerate((found.rows, found.columns)):
        # Offsets on the smaller grid, at the photo's next size, rounded.
        places = (begin[axis] + np.arange(shown.shape[axis], dtype=np.int64)) % smaller[axis]
        offsets = shown - _along(places, axis)
        old, new = below[axis], level.size[axis]
        grown = (2 * offsets * new + old) // (2 * old)
        grown -= _along(find_drift(places, smaller[axis], canvas[axis], old, new), axis)

        # Added to the places of the pixels of the larger canvas.
        values = _take(grown.astype(np.int32), near)
        places = np.arange(*region[axis], dtype=np.int64) % canvas[axis]
        values += _along(places.astype(np.int32), axis)
        positions.append(np.clip(values, 0, new - 1, out=values))

    return Map(positions[0], positions[1], region[0].start, region[1].start)


def find_drift(
    places: NDArray[np.int64], smaller: int, canvas: int, below: int, size: int
) -> NDArray[np.int64]:
    """Find how much farther places (px) of a smaller canvas move than with the photo's growth.

    The others are lengths of one axis: a canvas grows from smaller to canvas, the photo from below
    to size. Rounding makes the two growths differ a little, which adds up along a wide picture.
    """
    apart = canvas * below - size * smaller
    return (2 * places * apart + smaller * below) // (2 * smaller * below)


def _find_nearest_pixels(
    found: Map, smaller: Size, canvas: Size, region: Region
) -> list[NDArray[np.int64]]:
    """Find the rows and the columns of a map nearest to those of a region of another canvas."""
    begin = found.top, found.left
    near = []
    for axis in (0, 1):
        places = find_nearest(region[axis], smaller[axis], canvas[axis])
        near.append((places - begin[axis]) % smaller[axis])
    return near


def _take(values: Positions, at: list[NDArray[np.int64]]) -> Positions:
    """Take some rows of values (h, w), and of these some columns."""
    return values.take(at[0], axis=0).take(at[1], axis=1)


def _along(values: NDArray[np.integer], axis: int) -> NDArray[np.integer]:
    """Shape values (n,) so that they vary along one axis of a picture."""
    return values[:, None] if axis == 0 else values

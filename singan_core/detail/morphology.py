"""Dilation and erosion by a square, one axis at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from singan_core.arrays import Mask, Pixels

Slices = tuple[slice, slice]


def dilate(mask: Mask, reach: int) -> Mask:
    """Add to a mask (h, w) all pixels within reach px of it along both axes."""
    for axis in (0, 1):
        wide = mask.copy()
        for ahead, behind in pair_shifts(axis, min(reach, mask.shape[axis] - 1)):
            wide[ahead] |= mask[behind]
            wide[behind] |= mask[ahead]
        mask = wide
    return mask


def erode(values: Pixels, reach: int) -> Pixels:
    """Replace each value (h, w) by the smallest one within reach px along both axes."""
    for axis in (0, 1):
        low = values.copy()
        for ahead, behind in pair_shifts(axis, min(reach, values.shape[axis] - 1)):
            np.minimum(low[ahead], values[behind], out=low[ahead])
            np.minimum(low[behind], values[ahead], out=low[behind])
        values = low
    return values


def pair_shifts(axis: int, reach: int) -> Iterator[tuple[Slices, Slices]]:
    """Yield, for each distance from 1 to reach, the slices of all pairs of pixels so far apart.

    The first slice of a pair lies ahead of the second along the axis.
    """
    for distance in range(1, reach + 1):
        ahead: list[slice] = [slice(None), slice(None)]
        behind: list[slice] = [slice(None), slice(None)]
        ahead[axis], behind[axis] = slice(distance, None), slice(None, -distance)
        yield (ahead[0], ahead[1]), (behind[0], behind[1])

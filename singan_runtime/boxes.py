"""Sums over boxes of pixels, whose cost does not grow with the box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def sum_along(values: Values, axis: int, reach: int) -> Values:
    """Sum up the 2 reach + 1 values around every one along an axis, with repeated edges."""
    around = [(0, 0)] * values.ndim
    around[axis] = (reach + 1, reach)
    sums = np.moveaxis(np.pad(values, around, mode="edge").cumsum(axis=axis), axis, 0)

    length = values.shape[axis]
    return np.moveaxis(sums[2 * reach + 1 :] - sums[:length], 0, axis)


def box_sums(values: Values, reach: int) -> Values:
    """Sum up the square of 2 reach + 1 px around every value of (H, W), with repeated edges.

    Sums of whole numbers are exact.
    """
    for axis in (0, 1):
        values = sum_along(values, axis, reach)
    return values

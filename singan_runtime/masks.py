"""What is done with masks, bool (H, W): feathers, blending, bounds. singan_core/masks.py reads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.photo import premultiplied, straight
from singan_core.masks import Mask as Mask
from singan_core.masks import read as read
from singan_core.windows import Region, Span

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def box_sums(values: NDArray[np.float64], radius: int) -> NDArray[np.float64]:
    """The sum over the square of 2 radius + 1 px around every value of (H, W); what lies beyond an edge repeats it.

    Sums of whole numbers are exact.
    """
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (radius + 1, radius)
        sums = np.pad(values, padding, mode="edge").cumsum(axis=axis)
        length = values.shape[axis]
        low, high = (
            np.take(sums, np.arange(length) + start, axis) for start in (0, 2 * radius + 1)
        )
        values = high - low
    return values


def feathered(mask: Mask, reach: int) -> Floats:
    """Weights (H, W) that are exactly 1 on the mask and fall smoothly to exactly 0 beyond reach px around it.

    The mask is dilated by half the reach, then blurred by two boxes that share the other half, so that no weight
    leaves the reach, as a Gaussian's would. Source: SinGAN's harmonization and editing, which dilate and blur.
    """
    first, second = (reach - reach // 2) // 2, reach // 2 // 2
    grown = box_sums(mask.astype(np.float64), reach - first - second) > 0
    sums = box_sums(
        box_sums(grown.astype(np.float64), first), second
    )  # whole numbers, hence exact zeros and ones
    return (sums / ((2 * first + 1) * (2 * second + 1)) ** 2).astype(np.float32)


def mix(below: Pixels, above: Pixels, share: Floats) -> Pixels:
    """Blend two pictures (h, w, C) by the share (h, w, 1), 0 to 1, of the second.

    The result has the first's very pixels where the share is 0, the second's where it is 1. Transparent pictures are
    blended premultiplied, so that the colour of a pixel that cannot be seen has no part in it.
    """
    soft = ((share > 0) & (share < 1))[..., 0]
    pixels = np.where(share > 0, above, below)

    first, second = (premultiplied(one[soft][None]).astype(np.float32) for one in (below, above))
    values = first + share[soft] * (second - first)
    pixels[soft] = straight((values + np.float32(0.5)).clip(0, 255).astype(np.uint8))[0]
    return pixels


def bounds(mask: Mask) -> Region:
    """The smallest rectangle around what is true."""
    rows, columns = (
        Span(int(hit[0]), int(hit[-1]) + 1)
        for hit in (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    )
    return rows, columns

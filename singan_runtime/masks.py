"""Masks, bool (H, W), at work: growing, feathering, blending. singan_core.masks reads them."""

from __future__ import annotations

import numpy as np

from singan_core.arrays import Floats, Mask, Pixels
from singan_core.detail.photo import premultiply, straighten
from singan_core.masks import read as read
from singan_core.windows import Region, Span
from singan_runtime.boxes import box_sums


def dilate(mask: Mask, by: int) -> Mask:
    """Grow a mask by so many px to all sides, corners included."""
    return box_sums(mask.astype(np.float64), by) > 0


def erode(mask: Mask, by: int) -> Mask:
    """Shrink a mask by so many px from all sides, but not from the edges of the picture."""
    return ~dilate(~mask, by)


def feather(mask: Mask, reach: int) -> Floats:
    """Soften a mask to weights (H, W): exactly 1 on it, exactly 0 beyond reach px around it.

    The mask is dilated by half the reach, then blurred by two boxes that share the other half: no
    weight leaves the reach, as a Gaussian's would.
    Source: SinGAN's harmonization and editing, which dilate and blur; the boxes are ours.
    """
    first, second = (reach - reach // 2) // 2, reach // 2 // 2
    grown = dilate(mask, reach - first - second)

    # Sums of whole numbers, hence exact zeros and ones.
    sums = box_sums(box_sums(grown.astype(np.float64), first), second)
    return (sums / ((2 * first + 1) * (2 * second + 1)) ** 2).astype(np.float32)


def blend(below: Pixels, above: Pixels, share: Floats) -> Pixels:
    """Blend two pictures (h, w, C) by the share (h, w, 1), 0 to 1, of the second.

    The result has the first's very pixels where the share is 0, the second's where it is 1.
    Transparent pictures are blended premultiplied, so that the colour of an invisible pixel has no
    part in it.
    """
    soft = ((share > 0) & (share < 1))[..., 0]
    pixels = np.where(share > 0, above, below)

    first, second = (premultiply(one[soft][None]).astype(np.float32) for one in (below, above))
    values = first + share[soft] * (second - first)
    pixels[soft] = straighten((values + np.float32(0.5)).clip(0, 255).astype(np.uint8))[0]
    return pixels


def find_bounds(mask: Mask) -> Region:
    """Find the smallest rectangle that holds all of a mask, which must not be empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return Span(int(rows[0]), int(rows[-1]) + 1), Span(int(columns[0]), int(columns[-1]) + 1)

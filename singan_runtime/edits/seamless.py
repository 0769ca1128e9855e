"""Edits pictures that repeat without a seam: shifts the edit away from the edges and back."""

from __future__ import annotations

import numpy as np

from singan_core.arrays import Floats, Mask, Pixels
from singan_core.errors import RequestError
from singan_runtime.edits import redrawing
from singan_runtime.edits.redrawing import Redrawing
from singan_runtime.request import read_wrap
from singan_runtime.sampler import Sampler


def redraw(
    sampler: Sampler,
    image: Floats,
    mask: Mask,
    how: Redrawing,
    tileable: str,
    start_scale: int | None = None,
    reach: int | None = None,
    seed: int = 0,
) -> Pixels:
    """Redraw the masked part as redrawing.redraw does, of an image that repeats along tileable.

    tileable is x, y, xy or nothing. What the mask reaches over an edge goes on at the opposite one.
    Raises RequestError, also if nothing is left along such an axis that stays as it is.
    """
    image, mask = redrawing.check_material(sampler, image, mask, how)
    size = mask.shape[0], mask.shape[1]
    if reach is None:
        reach = redrawing.choose_reach(sampler, size, how)
    else:
        reach = redrawing.read_reach(reach, size)
    shift = [
        find_shift(mask, reach, axis) if wraps else 0
        for axis, wraps in enumerate(read_wrap(tileable))
    ]

    moved, moved_mask = np.roll(image, shift, (2, 3)), np.roll(mask, shift, (0, 1))
    drawn = redrawing.redraw(sampler, moved, moved_mask, how, start_scale, reach, seed)
    return np.roll(drawn, [-by for by in shift], (0, 1))


def find_shift(mask: Mask, reach: int, axis: int) -> int:
    """Find by how many px to shift along an axis to bring a mask and its reach off both ends.

    It is 0 where it already is; else the middle of the widest gap becomes the end. Raises
    RequestError if no gap is wide enough.
    """
    length = mask.shape[axis]
    hit = np.flatnonzero(mask.any(axis=1 - axis))
    if hit[0] > reach and hit[-1] < length - 1 - reach:
        return 0

    gaps = np.diff(hit, append=hit[0] + length) - 1
    widest = int(gaps.argmax())
    if gaps[widest] <= 2 * reach:
        raise RequestError(
            f"the mask and the {reach} px around it go all the way along {'yx'[axis]}, so that "
            f"nothing is left where the edges could meet: leave more than {2 * reach} px of it "
            "black there, or lower --reach"
        )
    return -int(hit[widest] + 1 + gaps[widest] // 2) % length

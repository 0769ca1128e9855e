"""Move the pixels of a finished picture, in whole numbers: the same bytes on every processor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels

Words = NDArray[np.uint64]
Places = NDArray[np.int32]

UNIT = 16
"""Positions count in 1/16 px."""
_HALFWAY = -1, 4, -11, 40, 40, -11, 4, -1
"""Weights of eight pixels in a row for the value in their middle, in 64ths."""
_STEP = UNIT // 2  # units between two positions of a doubled picture
_FIELD = 16  # bits of a channel in a word
_ROUND_UP = np.uint64(sum(_STEP * _STEP // 2 << _FIELD * channel for channel in range(4)))


def double(pixels: Pixels) -> Words:
    """Draw a picture (h, w, C) twice as fine: (2 h + 1, 2 w + 1) words of four channels each.

    Even positions are the pixels themselves, so that what does not move stays as it is. Those
    between come from eight pixels, which keeps more of the finest detail than the usual four; so
    does mixing over half a pixel instead of one.
    """
    height, width, channels = pixels.shape
    wide = np.empty((height, 2 * width + 1, channels), np.uint8)
    wide[:, :-1:2] = pixels
    wide[:, 1::2] = _interpolate_halfway(pixels, 1)
    wide[:, -1] = pixels[:, -1]

    fine = np.zeros((2 * height + 1, 2 * width + 1, 4), np.uint16)
    fine[:-1:2, :, :channels] = wide
    fine[1::2, :, :channels] = _interpolate_halfway(wide, 0)
    fine[-1] = fine[-2]
    return fine.view(np.uint64)[..., 0]


def move(fine: Words, channels: int, rows: Places, columns: Places) -> Pixels:
    """Draw the pixels (h, w, C) that a doubled picture has at some places.

    The places are rows and columns, (h, w) each, in 1/16 px of the picture before doubling. Beyond
    an edge the picture goes on as it is there. Between the positions of the doubled picture its
    values are mixed by their distance, all channels of a word at once.
    """
    height, width = (side // 2 for side in fine.shape)
    rows, columns = rows.clip(0, UNIT * (height - 1)), columns.clip(0, UNIT * (width - 1))
    down, across = ((one % _STEP).astype(np.uint64) for one in (rows, columns))
    place = (rows // _STEP).astype(np.int64) * fine.shape[1] + columns // _STEP

    # In place, since these are the largest arrays of a clip.
    total = _mix_across(fine, place, across)
    total *= _STEP - down
    lower = _mix_across(fine, place + fine.shape[1], across)
    lower *= down
    total += lower
    total += _ROUND_UP

    fields = total.view(np.uint16).reshape(*total.shape, 4)
    return (fields[..., :channels] // (_STEP * _STEP)).astype(np.uint8)


def _interpolate_halfway(pixels: Pixels, axis: int) -> Pixels:
    """Interpolate halfway from each pixel to the next along an axis, with repeated edges."""
    around = [(0, 0), (0, 0), (0, 0)]
    around[axis] = (len(_HALFWAY) // 2 - 1, len(_HALFWAY) // 2)
    wider = np.moveaxis(np.pad(pixels, around, mode="edge").astype(np.int16), axis, 0)

    length = pixels.shape[axis]
    total = np.full((length, *wider.shape[1:]), 32, np.int16)
    for tap, weight in enumerate(_HALFWAY):
        total += weight * wider[tap : tap + length]
    between = (total >> 6).clip(0, 255)

    # A colour beyond its neighbours would exceed its alpha where that ends at 255.
    if pixels.shape[2] == 4:
        first, second = wider[3 : 3 + length], wider[4 : 4 + length]
        between = between.clip(np.minimum(first, second), np.maximum(first, second))
    return np.moveaxis(between.astype(np.uint8), 0, axis)


def _mix_across(fine: Words, place: NDArray[np.int64], across: Words) -> Words:
    """Mix the values at a place and its right neighbour by eighths of the latter, times eight."""
    flat = fine.reshape(-1)
    left, right = flat.take(place, mode="clip"), flat.take(place + 1, mode="clip")
    left *= _STEP - across
    right *= across
    left += right
    return left

"""The picture of a map: every pixel is the weighted mean of what the patches around it, each in its place, say."""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.patches import REACH
from singan_core.detail.photo import FIELD, FULL, VOTE_BIT, WIDE_FIELD, Level

Pixels = NDArray[np.uint8]
Ints = NDArray[np.int32]
Mask = NDArray[np.bool_]

_AT_ONCE = 1 << 15  # pixels voted on, so that what is in work stays in the cache
COARSE, FINE = 1.2, 0.8
"""Sigma of the weights, px: at the last level the nearest patches count for more, which keeps it crisp."""


@functools.cache
def weights(sigma: float) -> tuple[tuple[int, int, int], ...]:
    """(dy, dx, weight): Gaussian weights, in 64ths of the largest and at least 2 of them."""
    places = itertools.product(range(-REACH, REACH + 1), repeat=2)
    rounded = [
        (dy, dx, round(64 * math.exp(-(dy * dy + dx * dx) / (2 * sigma**2)))) for dy, dx in places
    ]
    return tuple(one for one in rounded if one[2] >= 2)


@dataclass(frozen=True)
class Map:
    """Rows and columns of the photo, (h, w) each, int32, for a part of a canvas that begins at (top, left)."""

    rows: Ints
    columns: Ints
    top: int = 0
    left: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the part."""
        return self.rows.shape[0], self.rows.shape[1]


def indices(level: Level, found: Map) -> Ints:
    """Where in the level's tables the positions of a map are, (h + 6, w + 6): nowhere beyond the map."""
    height, width = found.size
    whole = np.full((height + 2 * REACH, width + 2 * REACH), level.nowhere, np.int32)
    inner = whole[REACH:-REACH, REACH:-REACH]
    np.multiply(found.rows, np.int32(level.stride), out=inner)
    inner += found.columns
    inner += np.int32(REACH * level.stride + REACH)
    return whole


def offsets(level: Level, index: Ints) -> Ints:
    """One number a pixel (h, w) that says how far its position lies from its own place: equal within a piece.

    index is that of the map with its border, which is left out.
    """
    codes = index[REACH:-REACH, REACH:-REACH] - np.arange(
        index.shape[1] - 2 * REACH, dtype=np.int32
    )
    codes -= np.arange(len(codes), dtype=np.int32)[:, None] * np.int32(level.stride)
    return codes


def joins(codes: Ints, reach: int) -> Mask:
    """Where a pixel at a distance of up to reach, straight up, down, left or right, has another offset."""
    found = np.zeros(codes.shape, bool)
    for distance in range(1, reach + 1):
        for axis in (0, 1):
            ahead: list[slice] = [slice(None), slice(None)]
            behind: list[slice] = [slice(None), slice(None)]
            ahead[axis], behind[axis] = slice(distance, None), slice(None, -distance)
            apart = codes[tuple(ahead)] != codes[tuple(behind)]
            found[tuple(ahead)] |= apart
            found[tuple(behind)] |= apart
    return found


def spread(mask: Mask, reach: int) -> Mask:
    """The mask and all within reach px of it, along both axes."""
    for axis in (0, 1):
        wide = mask.copy()
        for distance in range(1, min(reach, mask.shape[axis] - 1) + 1):
            ahead: list[slice] = [slice(None), slice(None)]
            behind: list[slice] = [slice(None), slice(None)]
            ahead[axis], behind[axis] = slice(distance, None), slice(None, -distance)
            wide[tuple(ahead)] |= mask[tuple(behind)]
            wide[tuple(behind)] |= mask[tuple(ahead)]
        mask = wide
    return mask


def lowest(values: Pixels, reach: int) -> Pixels:
    """The smallest value within reach px, along both axes."""
    for axis in (0, 1):
        low = values.copy()
        for distance in range(1, min(reach, values.shape[axis] - 1) + 1):
            ahead: list[slice] = [slice(None), slice(None)]
            behind: list[slice] = [slice(None), slice(None)]
            ahead[axis], behind[axis] = slice(distance, None), slice(None, -distance)
            np.minimum(low[tuple(ahead)], values[tuple(behind)], out=low[tuple(ahead)])
            np.minimum(low[tuple(behind)], values[tuple(ahead)], out=low[tuple(behind)])
        values = low
    return values


def paint(
    level: Level,
    found: Map,
    sigma: float,
    below: Pixels | None = None,
    everywhere: bool = False,
    keep_colours: bool = False,
) -> Pixels:
    """The picture (h, w, C) of a map, colours straight; correct 3 px or more from where the map was cut off.

    below is the coarser picture, enlarged and premultiplied: where the photo is smooth, and all within 3 px of it, the
    picture keeps its colours and gets from the photo only what the enlarged photo lacks; with keep_colours everywhere,
    but for RGBA. None keeps nothing.
    Only pixels near a join are voted on, since elsewhere all votes say the same; everywhere does all the work.
    """
    height, width = found.size
    channels = level.pixels.shape[2]
    index = indices(level, found)
    values = (
        level.words.take(index[REACH:-REACH, REACH:-REACH])
        .view(np.uint8)
        .reshape(height, width, -1)
    )
    picture = np.ascontiguousarray(values[..., :channels])

    smooth = None
    if below is not None and channels != 4:
        smooth = lowest(np.ascontiguousarray(values[..., channels]), REACH)
        if keep_colours:
            smooth[:] = FULL
    voted = np.ones((height, width), bool)
    if not everywhere:
        voted = spread(joins(offsets(level, index), 1), REACH)
    flat = picture.reshape(-1, channels)
    if smooth is not None and below is not None:
        alone = np.flatnonzero((smooth > 0) & ~voted)
        flat[alone] = _keep_colours(level, found, smooth, below, alone)
    at = np.flatnonzero(voted)
    for start in range(0, len(at), _AT_ONCE):
        part = at[start : start + _AT_ONCE]
        flat[part] = _vote(level, index, sigma, smooth, below, part)
    return picture


def _keep_colours(
    level: Level, found: Map, smooth: Pixels, below: Pixels, at: NDArray[np.intp]
) -> Pixels:
    """What smooth pixels (n, C), whose votes all say the same, become."""
    channels = below.shape[2]
    share = smooth.reshape(-1)[at].astype(np.int32)[:, None]
    rows, columns = found.rows.reshape(-1)[at], found.columns.reshape(-1)[at]
    mixed = level.pixels[rows, columns].astype(np.int32) * FULL
    mixed += share * (
        below.reshape(-1, channels)[at].astype(np.int32) - level.blurred[rows, columns]
    )
    return ((mixed + FULL // 2) // FULL).clip(0, 255).astype(np.uint8)


def _vote(
    level: Level,
    index: Ints,
    sigma: float,
    smooth: Pixels | None,
    below: Pixels | None,
    at: NDArray[np.intp],
) -> Pixels:
    """The weighted means at pixels (n, C). What lies beyond the canvas or the photo has no vote."""
    channels = level.pixels.shape[2]
    across = index.shape[1]
    rows, columns = np.divmod(at, across - 2 * REACH)
    places = (rows + REACH) * across + columns + REACH
    totals = [np.zeros(len(at), np.uint64) for _ in level.ballots]
    share = (
        np.zeros(len(at), np.int32) if smooth is None else smooth.reshape(-1)[at].astype(np.int32)
    )
    soft = np.flatnonzero(share)
    blur = np.zeros(len(soft), np.uint64)
    for dy, dx, weight in weights(sigma):
        positions = index.take(places - (dy * across + dx))
        positions += np.int32(dy * level.stride + dx)
        for total, ballots in zip(totals, level.ballots, strict=True):
            total += ballots.take(positions) * np.uint64(weight)
        if len(soft):
            blur += level.blurred_ballots.take(positions[soft]) * np.uint64(weight)

    count = (totals[0] >> np.uint64(VOTE_BIT)).astype(np.int32)[:, None]
    if channels == 4:
        return _opaque_means(totals, count)
    sums = _unpack(totals[0], channels)
    if below is None or not len(soft):
        return ((2 * sums + count) // (2 * count)).astype(np.uint8)
    sums *= FULL
    kept = below.reshape(-1, channels)[at[soft]] * count[soft] - _unpack(blur, channels)
    sums[soft] += share[soft, None] * kept
    return ((sums + count * (FULL // 2)) // (count * FULL)).clip(0, 255).astype(np.uint8)


def _unpack(words: NDArray[np.uint64], channels: int) -> Ints:
    """The fields of packed sums, (n, C)."""
    mask = np.uint64((1 << FIELD) - 1)
    fields = [(words >> np.uint64(FIELD * channel)) & mask for channel in range(channels)]
    return np.stack(fields, axis=1).astype(np.int32)


def _opaque_means(totals: list[NDArray[np.uint64]], count: Ints) -> Pixels:
    """RGBA of the sums: colours weighed by how opaque they are."""
    mask, wide = np.uint64((1 << WIDE_FIELD) - 1), np.uint64(WIDE_FIELD)
    red, green = totals[0] & mask, (totals[0] >> wide) & mask
    blue, alpha = totals[1] & mask, (totals[1] >> wide)
    colours = np.stack([red, green, blue], axis=1).astype(np.int64)
    opacity = alpha.astype(np.int64)[:, None]
    straight = (2 * colours + opacity) // np.maximum(2 * opacity, 1)
    return np.concatenate([straight, (2 * opacity + count) // (2 * count)], axis=1).astype(np.uint8)

"""The picture of a map: each pixel is the weighted mean of what the patches around it show there.

The patch around pixel q shows position p, so it says that pixel q + d has the colour of p + d: one
vote. Source: the vote of Simakov et al. 2008. Ours has Gaussian weights by the distance d, in whole
numbers, and leaves smooth pixels the colours that they have.
"""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail.maps import Map, Positions, find_joins, find_offsets, index_map
from singan_core.detail.morphology import dilate, erode
from singan_core.detail.patches import REACH
from singan_core.detail.photo import FULL, Level
from singan_core.detail.tables import Votes, count_votes, unpack_field, unpack_wide

COARSE, FINE = 1.2, 0.8
"""Sigma of the weights (px): smaller at the last level, which keeps it crisp."""
_AT_ONCE = 1 << 15  # pixels voted on, so that what is in work stays in the cache

Sums = NDArray[np.int32]
"""Weighted sums (n, C): below 2^18, in 64ths below 2^24."""


@functools.cache
def compute_weights(sigma: float) -> tuple[tuple[int, int, int], ...]:
    """Compute the weights of votes, (dy, dx, weight), from patches up to 3 px away.

    They are Gaussian, in 64ths of the largest, without those below 2. They add up to less than
    2^10.
    """
    places = itertools.product(range(-REACH, REACH + 1), repeat=2)
    rounded = []
    for dy, dx in places:
        rounded.append((dy, dx, round(64 * math.exp(-(dy * dy + dx * dx) / (2 * sigma**2)))))
    return tuple(one for one in rounded if one[2] >= 2)


def paint(
    level: Level,
    found: Map,
    sigma: float,
    below: Pixels | None = None,
    everywhere: bool = False,
    keep_colours: bool = False,
) -> Pixels:
    """Paint the picture (h, w, C) of a map, colours straight.

    It is correct 3 px or more from where the map was cut off. sigma is that of the votes' weights.

    below is the coarser picture, enlarged and premultiplied. Where the photo is smooth, and within
    3 px of that, the picture keeps these colours and takes from the photo only what the enlarged
    photo lacks. With keep_colours it does so everywhere. Neither is done for RGBA.

    Only pixels near a join are voted on, since elsewhere all votes are equal. everywhere does all
    the work, with the same result.
    """
    entries = index_map(level, found)
    picture, smooth = _look_up_pixels(level, entries, below is not None, keep_colours)

    if everywhere:
        voted = np.ones(found.size, bool)
    else:
        joins = find_joins(find_offsets(level, entries), 1)
        voted = dilate(joins, max(_reach_joins(dy, dx) for dy, dx, _ in compute_weights(sigma)))

    # Inside pieces all votes agree. Smooth pixels keep the colours of below.
    flat = picture.reshape(-1, picture.shape[2])
    if smooth is not None and below is not None:
        alone = np.flatnonzero((smooth > 0) & ~voted)
        flat[alone] = _keep_colours(level, found, smooth, below, alone)

    # Near joins the votes are counted.
    at = np.flatnonzero(voted)
    for start in range(0, len(at), _AT_ONCE):
        part = at[start : start + _AT_ONCE]
        flat[part] = _vote(level, entries, sigma, smooth, below, part)
    return picture


def _reach_joins(dy: int, dx: int) -> int:
    """Tell how far (px) a pixel may be from a join if a neighbour in another piece votes on it.

    On the way there, straight steps first, the last step is the shortest way out of the pixel's
    own piece. It starts at a pixel beside a join, one step nearer unless the way is diagonal.
    """
    return max(abs(dy), abs(dx)) - (abs(dy) != abs(dx))


def _look_up_pixels(
    level: Level, entries: Positions, keep_smooth: bool, keep_colours: bool
) -> tuple[Pixels, Pixels | None]:
    """Look up what each pixel's own patch shows there, (h, w, C), and how smooth it is, (h, w).

    Smoothness is the least within 3 px, 0 to 64, or FULL everywhere with keep_colours. None if
    smooth pixels are not kept, and for RGBA.
    """
    shown = level.words.take(entries[REACH:-REACH, REACH:-REACH])
    values = shown.view(np.uint8).reshape(*shown.shape, -1)
    channels = level.pixels.shape[2]
    picture = np.ascontiguousarray(values[..., :channels])

    if not keep_smooth or channels == 4:
        return picture, None
    if keep_colours:
        return picture, np.full(shown.shape, FULL, np.uint8)
    return picture, erode(np.ascontiguousarray(values[..., channels]), REACH)


def _keep_colours(
    level: Level, found: Map, smooth: Pixels, below: Pixels, at: NDArray[np.intp]
) -> Pixels:
    """Compute smooth pixels (n, C) whose votes all agree.

    Each is photo + L / 64 (below - blurred photo), rounded, L being its smoothness.
    """
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
    entries: Positions,
    sigma: float,
    smooth: Pixels | None,
    below: Pixels | None,
    at: NDArray[np.intp],
) -> Pixels:
    """Compute the weighted means (n, C) of all votes on the pixels at.

    What lies beyond the canvas or the photo has no vote.
    """
    channels = level.pixels.shape[2]
    share = np.zeros(len(at), np.int32)
    if smooth is not None:
        share = smooth.reshape(-1)[at].astype(np.int32)
    soft = np.flatnonzero(share)

    totals, blurred = _sum_votes(level, entries, sigma, at, soft)
    count = count_votes(totals[0]).astype(np.int32)[:, None]
    if channels == 4:
        return _divide_by_alpha(totals, count)

    sums = _unpack(totals[0], channels)
    if below is None or not len(soft):
        return ((2 * sums + count) // (2 * count)).astype(np.uint8)

    # Sums stay below 64 x 255 x 2^10 x 2 < 2^31.
    sums *= FULL
    kept = below.reshape(-1, channels)[at[soft]] * count[soft] - _unpack(blurred, channels)
    sums[soft] += share[soft, None] * kept
    return ((sums + count * (FULL // 2)) // (count * FULL)).clip(0, 255).astype(np.uint8)


def _sum_votes(
    level: Level,
    entries: Positions,
    sigma: float,
    at: NDArray[np.intp],
    soft: NDArray[np.intp],
) -> tuple[list[Votes], Votes]:
    """Sum the packed votes on the pixels at, and those of the blurred photo on the soft ones."""
    across = entries.shape[1]
    rows, columns = np.divmod(at, across - 2 * REACH)
    places = (rows + REACH) * across + columns + REACH
    totals = [np.zeros(len(at), np.uint64) for _ in level.ballots]
    blurred = np.zeros(len(soft), np.uint64)

    for dy, dx, weight in compute_weights(sigma):
        shown = entries.take(places - (dy * across + dx))
        shown += np.int32(dy * level.stride + dx)
        for total, ballots in zip(totals, level.ballots, strict=True):
            total += ballots.take(shown) * np.uint64(weight)
        if len(soft):
            blurred += level.blurred_ballots.take(shown[soft]) * np.uint64(weight)
    return totals, blurred


def _unpack(words: Votes, channels: int) -> Sums:
    """Unpack the fields of packed sums."""
    fields = [unpack_field(words, channel) for channel in range(channels)]
    return np.stack(fields, axis=1).astype(np.int32)


def _divide_by_alpha(totals: list[Votes], count: Sums) -> Pixels:
    """Compute RGBA (n, 4), colours straight, from sums of colours times alpha and of alpha."""
    wide, alpha = unpack_wide(totals)
    colours, opacity = wide.astype(np.int64), alpha.astype(np.int64)[:, None]
    means = (2 * colours + opacity) // np.maximum(2 * opacity, 1)
    return np.concatenate([means, (2 * opacity + count) // (2 * count)], axis=1).astype(np.uint8)

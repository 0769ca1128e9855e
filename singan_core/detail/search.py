"""Searched levels: every patch of the picture finds its nearest neighbour in the whole photo.

The score of a photo's patch is

    (squared distance + squared difference in height) / (constant + least distance to any query)

and the least score wins; a tie goes to the lowest position. A query is a patch of the picture. The
divisor, the completeness weight, favours parts of the photo that nothing resembles yet, so that
each is shown by someone. Source: Granot et al. 2022 (GPNN), after Simakov et al. 2008; the term for
heights and the propagation that follows are ours.

Bit budget: squared distances with heights are whole numbers below 2^24, exact in float32. A score
is one product with a float32 reciprocal, correctly rounded, the same on every processor. A pair
that is not allowed has at least 2^25, which need not be exact: it never wins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail.full_search import (
    Each,
    Match,
    Scores,
    expand_distances,
    find_best_keys,
    find_least_distances,
    group_alike,
)
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Map, Positions
from singan_core.detail.patches import REACH, Features, compute_all_features
from singan_core.detail.photo import Level, Photo, premultiply
from singan_core.detail.propagation import JUMPS, propagate
from singan_core.detail.votes import COARSE, paint
from singan_core.pyramid import Size
from singan_core.windows import Wrap

_UNEXPLAINED = 0.08  # share of the variance of the features below which heights do not count
_HALF_WAY = 0.12  # above that they count more and more; bricks have 0.04, a Chinese temple 0.57
_FORBIDDEN = 1 << 25  # more than any squared distance
HEIGHTS = 512
"""Values of the height feature, 0 to 511."""


@dataclass(frozen=True)
class Weights:
    """How a level is searched. Two weights are in parts of the variance of its features."""

    position: float = 2.0  # weight of the squared difference in relative height
    completeness: float = 0.02  # the small constant: less favours what nothing shows yet
    passes: int = 2  # searches, each followed by a vote; one more where the first query is sharp
    # Whether a patch that reaches beyond the photo fits only where the picture ends as well. What
    # lies beyond is the photo's edge repeated, which would be drawn as streaks.
    bordered: bool = False


class Heights(NamedTuple):
    """Where the rows of a picture lie on its canvas."""

    rows: NDArray[np.int64]  # (h,)
    canvas: int  # height of the canvas


Rewards = Sequence[Scores]
"""The completeness weights of the photo's m patches, (m,), for each search of a level."""


class Synthesis(NamedTuple):
    """A searched level that has been drawn."""

    map: Map
    pixels: Pixels  # (h, w, C), colours straight
    rewards: Rewards  # those used


Follow = Callable[[Pixels], Pixels]
"""Changes a painted picture, premultiplied, before its patches search again."""


def choose_position(photo: Photo) -> float:
    """Choose how much relative heights count for this photo, 0 to 2.

    Where rows explain much of the variance of the features, as in sky over ground, heights count in
    full. Where rows explain nothing, as in bricks, they would only forbid good matches.
    """
    level = photo.level(0)
    values = level.features.reshape(*level.size, -1).astype(np.float64)
    centred = values - values.mean(axis=(0, 1))
    total = float((centred**2).sum(axis=2).mean())
    explained = 1.0
    if total:
        explained = float((centred.mean(axis=1) ** 2).sum(axis=1).mean()) / total

    share = min(max((explained - _UNEXPLAINED) / _HALF_WAY, 0.0), 1.0)
    return round(Weights.position * share, 3)


def synthesize_level(
    level: Level,
    query: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    sharp: bool,
    each: Each = map,
    kept: ObjectsInRegion | None = None,
    follow: Follow | None = None,
    rewards: Rewards | None = None,
) -> Synthesis:
    """Draw a searched level: search, paint, and search again for what was painted.

    query is the picture so far at this level's size, (h, w, C), premultiplied. It is sharp if it
    was handed over at this size, not enlarged. follow may change what was painted, before the next
    search. rewards are the completeness weights of each search; without them they are those of the
    query. The other arguments are those of search.
    """
    used = []
    for turn in range(weights.passes + sharp):
        reward = None if rewards is None else rewards[turn]
        found, reward = search(
            level, query, weights, wrap, heights, sharp or turn > 0, each, kept, reward
        )
        used.append(reward)

        picture = paint_wrapped(level, found, COARSE, wrap)
        if kept is not None:
            kept.put_in(level, picture)
        query = premultiply(picture)
        if follow is not None:
            query = follow(query)
    return Synthesis(found, picture, used)


def search(
    level: Level,
    query: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    sharp: bool,
    each: Each = map,
    kept: ObjectsInRegion | None = None,
    reward: Scores | None = None,
) -> tuple[Map, Scores]:
    """Find the map (h, w) of a picture of this level's canvas, and the completeness weights used.

    The picture, (h, w, C), is premultiplied. A sharp one is compared with the photo, one that was
    enlarged with the enlarged photo. Without heights, as along an axis that wraps, the height does
    not count. The positions of kept objects are fixed, and barred to all other pixels.
    """
    match = pair(level, query, weights, wrap, heights, sharp)
    asking, allowed = np.arange(len(match.queries)), np.arange(len(match.keys))
    if kept is not None:  # pixels of kept objects ask nothing
        asking = np.flatnonzero(~kept.inside.reshape(-1))
        allowed = np.flatnonzero(~kept.level.barred.reshape(-1))

    groups = group_alike(match, asking, each)
    if reward is None:
        reward = _weigh_completeness(match, weights, find_least_distances(match, groups, each))
    nearest = find_best_keys(match, groups, reward, allowed, each).reshape(query.shape[:2])
    if kept is not None:
        nearest = np.where(kept.inside, kept.positions, nearest)

    def score(first: int, positions: Positions) -> Scores:
        """Score positions (k, n) for each of n queries from the first on."""
        asked = match.left[first : first + positions.shape[1]]
        distance = np.einsum("nc,knc->kn", asked, match.right[positions])
        return distance * reward[positions]

    for jump in JUMPS:
        nearest = propagate(nearest, level.size, wrap, score, jump, each, kept)
    rows, columns = np.divmod(nearest, np.int32(level.size[1]))
    return Map(rows, columns), reward


def pair(
    level: Level, query: Pixels, weights: Weights, wrap: Wrap, heights: Heights | None, sharp: bool
) -> Match:
    """Pair the patches of a picture with the photo's. The arguments are those of search."""
    keys = level.features if sharp else level.blurred_features
    queries = compute_all_features(query, level.basis, level.centre, wrap)
    variance = sum_variances(keys)

    key_heights, query_heights = _compute_heights(
        level, heights, query.shape, weights.position * variance
    )
    left, right = expand_distances(
        np.concatenate([queries, query_heights], axis=1),
        np.concatenate([keys, key_heights], axis=1),
    )
    if weights.bordered:
        asking = mark_borders((query.shape[0], query.shape[1]), wrap)
        offered = forbid_borders(mark_borders(level.size, (False, False)))
        left = np.concatenate([left, asking], axis=1)
        right = np.concatenate([right, offered], axis=1)
    return Match(queries, keys, left, right, variance)


def mark_borders(size: Size, wrap: Wrap) -> Features:
    """Mark how far each pixel lies from the four borders, 0 to REACH px or more, (n, 16) of 0 or 1.

    An axis that wraps has no borders.
    """
    marks = []
    for axis, (side, periodic) in enumerate(zip(size, wrap, strict=True)):
        near = np.full(side, REACH) if periodic else np.minimum(np.arange(side), REACH)
        for distances in (near, near[::-1]):
            lines = np.eye(REACH + 1, dtype=np.float32)[distances]
            lines = lines[:, None] if axis == 0 else lines[None]
            marks.append(np.broadcast_to(lines, (*size, REACH + 1)).reshape(-1, REACH + 1))
    return np.concatenate(marks, axis=1)


def forbid_borders(marks: Features) -> Features:
    """Forbid each key, (m, 16), to pixels that lie farther from a border than it does."""
    sides = marks.reshape(len(marks), -1, REACH + 1)
    farther = np.cumsum(sides, axis=2) - sides  # 1 at every distance beyond the key's own
    return (farther * np.float32(_FORBIDDEN)).reshape(len(marks), -1)


def _compute_heights(
    level: Level, heights: Heights | None, shape: tuple[int, ...], weight: float
) -> tuple[Features, Features]:
    """Compute one more feature for keys and queries, (n, 1): their relative heights, 0 to 511.

    Their scale is such that the squared difference is the weighted term of the score.
    """
    scale = 0 if heights is None else min(round(math.sqrt(weight)), HEIGHTS - 1)
    height, width = shape[:2]
    rows, canvas = (np.arange(height), 1) if heights is None else heights
    key_heights = np.arange(level.size[0]) * scale // level.size[0]
    query_heights = rows * scale // canvas
    return (
        np.repeat(key_heights, level.size[1]).astype(np.float32)[:, None],
        np.repeat(query_heights, width).astype(np.float32)[:, None],
    )


def sum_variances(values: Features) -> int:
    """Sum the variances of features (n, count), rounded down."""
    whole = values.astype(np.int64)
    count = len(whole)
    return int((count * (whole * whole).sum(axis=0) - whole.sum(axis=0) ** 2).sum() // count**2)


def _weigh_completeness(match: Match, weights: Weights, least: Scores) -> Scores:
    """Compute what each key's distances are multiplied with, (m,): the completeness weight.

    It is 1 / max(constant + least squared distance of the key to any query, 1), heights not
    included.
    """
    constant = np.float32(round(weights.completeness * match.variance))
    return np.float32(1) / np.maximum(constant + least, 1)


def paint_wrapped(level: Level, found: Map, sigma: float, wrap: Wrap) -> Pixels:
    """Paint a whole canvas, whose opposite edges meet along the axes that wrap."""
    around = [(REACH, REACH) if periodic else (0, 0) for periodic in wrap]
    rows, columns = (np.pad(values, around, mode="wrap") for values in (found.rows, found.columns))
    picture = paint(level, Map(rows, columns), sigma, everywhere=True)
    (top, _), (left, _) = around
    return np.ascontiguousarray(picture[top : top + found.size[0], left : left + found.size[1]])

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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Map, Positions
from singan_core.detail.patches import REACH, Features, compute_all_features
from singan_core.detail.photo import Level, Photo, premultiply
from singan_core.detail.propagation import JUMPS, Scores, propagate
from singan_core.detail.votes import COARSE, paint
from singan_core.pyramid import Size
from singan_core.windows import Wrap

_UNEXPLAINED = 0.08  # share of the variance of the features below which heights do not count
_HALF_WAY = 0.12  # above that they count more and more; bricks have 0.04, a Chinese temple 0.57
_FORBIDDEN = 1 << 25  # more than any squared distance
HEIGHTS = 512
"""Values of the height feature, 0 to 511."""
AT_ONCE = 1 << 21
"""Scores computed at once: 8 MB."""


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


Follow = Callable[[Pixels], Pixels]
"""Changes a painted picture, premultiplied, before its patches search again."""
Each = Callable[..., Iterable[Any]]
"""Calls a function for the start of every chunk of patches, in order: map, or that of a pool."""


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
) -> tuple[Map, Pixels]:
    """Draw a searched level: search, paint, and search again for what was painted.

    query is the picture so far at this level's size, (h, w, C), premultiplied. It is sharp if it
    was handed over at this size, not enlarged. follow may change what was painted, before the next
    search. Returns the map and the picture, colours straight. The other arguments are those of
    search.
    """
    for turn in range(weights.passes + sharp):
        found = search(level, query, weights, wrap, heights, sharp or turn > 0, each, kept)
        picture = paint_wrapped(level, found, COARSE, wrap)
        if kept is not None:
            kept.put_in(level, picture)
        query = premultiply(picture)
        if follow is not None:
            query = follow(query)
    return found, picture


def search(
    level: Level,
    query: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    sharp: bool,
    each: Each = map,
    kept: ObjectsInRegion | None = None,
) -> Map:
    """Find the map (h, w) of a picture (h, w, C), premultiplied, of this level's canvas.

    A sharp picture is compared with the photo, one that was enlarged with the enlarged photo.
    Without heights, as along an axis that wraps, the height does not count. The positions of kept
    objects are fixed, and barred to all other pixels.
    """
    match = pair(level, query, weights, wrap, heights, sharp)
    reward = _weigh_completeness(match, weights, each, kept)
    nearest = _find_nearest(match, reward, each, kept).reshape(query.shape[:2])
    if kept is not None:
        nearest = np.where(kept.inside, kept.positions, nearest)

    def score(positions: Positions) -> Scores:
        """Score one position for each query."""
        distance = np.einsum("nc,nc->n", match.left, match.right[positions])
        return distance * reward[positions]

    for jump in JUMPS:
        nearest = propagate(nearest, level.size, wrap, score, jump, kept)
    rows, columns = np.divmod(nearest, np.int32(level.size[1]))
    return Map(rows, columns)


class Match(NamedTuple):
    """The n patches of a picture (queries) and m patches of the photo (keys), to be compared."""

    queries: Features  # (n, count)
    keys: Features  # (m, count)
    left: Features  # left @ right.T are the squared distances, heights and borders included
    right: Features
    variance: int  # of the keys, summed over the features


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


def expand_distances(queries: Features, keys: Features) -> tuple[Features, Features]:
    """Expand features to two matrices left, right so that left @ right.T are the squared distances.

    The squared distance is a^2 - 2 a b + b^2: left holds (a, a^2, 1), right holds (-2 b, 1, b^2).
    """
    ones = np.ones((max(len(queries), len(keys)), 1), np.float32)
    left = np.concatenate(
        [queries, (queries**2).sum(axis=1, keepdims=True), ones[: len(queries)]], axis=1
    )
    right = np.concatenate(
        [-2 * keys, ones[: len(keys)], (keys**2).sum(axis=1, keepdims=True)], axis=1
    )
    return left, right


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


def _weigh_completeness(
    match: Match, weights: Weights, each: Each, kept: ObjectsInRegion | None
) -> Scores:
    """Compute what each key's distances are multiplied with, (m,): the completeness weight.

    It is 1 / max(constant + least squared distance of the key to any query, 1), heights not
    included. Pixels of kept objects ask nothing.
    """
    asking = match.queries
    if kept is not None:
        asking = asking[~kept.inside.reshape(-1)]

    left, right = expand_distances(asking, match.keys)
    step = max(1, AT_ONCE // len(match.keys))

    def find_least(start: int) -> Scores:
        """Find each key's least distance to the queries of one chunk."""
        return (left[start : start + step] @ right.T).min(axis=0)

    least = np.minimum.reduce(list(each(find_least, range(0, len(asking), step))))
    constant = np.float32(round(weights.completeness * match.variance))
    return np.float32(1) / np.maximum(constant + least, 1)


def _find_nearest(
    match: Match, reward: Scores, each: Each, kept: ObjectsInRegion | None
) -> Positions:
    """Find the key with the least score for each query, (n,), by full search."""
    offered, scale = match.right, reward
    if kept is not None:
        allowed = np.flatnonzero(~kept.level.barred.reshape(-1))
        offered, scale = match.right[allowed], reward[allowed]
    step = max(1, AT_ONCE // len(match.right))

    def find_least(start: int) -> NDArray[np.intp]:
        """Find the least score of each query of one chunk.

        Of equal scores it is the first.
        """
        scores: Scores = match.left[start : start + step] @ offered.T
        scores *= scale
        return scores.argmin(axis=1)

    nearest = np.concatenate(list(each(find_least, range(0, len(match.left), step))))
    if kept is not None:
        nearest = allowed[nearest]
    return nearest.astype(np.int32)


def paint_wrapped(level: Level, found: Map, sigma: float, wrap: Wrap) -> Pixels:
    """Paint a whole canvas, whose opposite edges meet along the axes that wrap."""
    around = [(REACH, REACH) if periodic else (0, 0) for periodic in wrap]
    rows, columns = (np.pad(values, around, mode="wrap") for values in (found.rows, found.columns))
    picture = paint(level, Map(rows, columns), sigma, everywhere=True)
    (top, _), (left, _) = around
    return np.ascontiguousarray(picture[top : top + found.size[0], left : left + found.size[1]])

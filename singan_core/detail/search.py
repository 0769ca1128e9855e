"""Small levels: every patch of the picture finds its nearest in the whole photo, by full search.

Score of a photo's patch: (squared distance + position term) / (small constant + the patch's smallest distance to any
patch of the picture); the least wins, in a tie the lowest position. The divisor lets each part of the photo be found by
someone (completeness; Granot et al. 2022, GPNN, after Simakov et al. 2008). Then neighbours are asked, which joins what
belongs together and breaks up repeats. All sums are whole numbers below 2^24; products with the reciprocal are single
correctly rounded float32 operations, the same on every processor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.kept import Laid
from singan_core.detail.patches import REACH, all_features
from singan_core.detail.photo import Level, Photo, premultiplied
from singan_core.detail.votes import COARSE, Map, paint
from singan_core.pyramid import Size
from singan_core.windows import Wrap

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_UNEXPLAINED, _HALF_WAY = (
    0.08,
    0.12,
)  # share of the features' variance that rows explain: bricks 0.04, china 0.57
HEIGHTS = 512  # the position feature is 0 to 511
ROUNDS = 8  # in which neighbours are asked
AT_ONCE = 1 << 21  # scores


@dataclass(frozen=True)
class Weights:
    """What the score is made of, in parts of the variance of the level's features."""

    position: float = 2.0  # of the squared difference in relative height
    completeness: float = 0.02  # lower favours what nothing shows yet
    passes: int = (
        2  # in which a picture is painted and looks again; one more for a picture that is sharp
    )


def choose_position(photo: Photo) -> float:
    """How much heights count for this photo, 0 to 2.

    Where rows explain much of how patches differ, as sky and ground do, they count in full; where rows explain nothing,
    as on bricks, heights would only forbid.
    """
    level = photo.level(0)
    values = level.features.reshape(*level.size, -1).astype(np.float64)
    apart = values - values.mean(axis=(0, 1))
    total = float((apart**2).sum(axis=2).mean())
    explained = float((apart.mean(axis=1) ** 2).sum(axis=1).mean()) / total if total else 1.0
    share = min(max((explained - _UNEXPLAINED) / _HALF_WAY, 0.0), 1.0)
    return round(Weights.position * share, 3)


Heights = tuple[NDArray[np.int64], int]
"""The rows that a picture's own are of a canvas, and how many that has."""


Follow = Callable[[Pixels], Pixels]
"""Changes what was painted, premultiplied, before its patches look again."""
Each = Callable[..., Iterable[Any]]
"""Calls a function for every start of a chunk of patches, in order: map, or a pool's."""


def search(
    level: Level,
    query: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    sharp: bool,
    each: Each = map,
    kept: Laid | None = None,
) -> Map:
    """The map (h, w) of a picture (h, w, C), premultiplied and of this level's canvas.

    A sharp picture is compared with the photo, one that was enlarged with the enlarged photo. Without heights, as along
    a wrapped axis, they do not count. The positions of kept objects are fixed, and barred to all other pixels.
    """
    height, width = query.shape[:2]
    match = pair(level, query, weights, wrap, heights, sharp)
    constant = np.float32(round(weights.completeness * match.variance))
    free = np.s_[:] if kept is None else ~kept.inside.reshape(-1)
    worth = np.float32(1) / np.maximum(constant + _smallest(match.asked[free], match.keys, each), 1)

    left, right, offered, reward = match.left, match.right, match.right, worth
    if kept is not None:
        allowed = np.flatnonzero(~kept.held.barred.reshape(-1))
        offered, reward = right[allowed], worth[allowed]
    step = max(1, AT_ONCE // len(right))

    def find(start: int) -> NDArray[np.intp]:
        scores: Floats = left[start : start + step] @ offered.T
        scores *= reward
        return scores.argmin(axis=1)

    found = np.concatenate(list(each(find, range(0, len(left), step))))
    found = found if kept is None else allowed[found]
    nearest = found.astype(np.int32).reshape(height, width)
    nearest = nearest if kept is None else np.where(kept.inside, kept.positions, nearest)

    def score(at: Ints) -> Floats:
        return np.einsum("nc,nc->n", left, right[at]) * worth[at]

    for _ in range(ROUNDS):
        nearest = _cohere(nearest, level.size, wrap, score, kept)
    rows, columns = np.divmod(nearest, np.int32(level.size[1]))
    return Map(rows, columns)


class Match(NamedTuple):
    """Patches of a picture (n of them) and of the photo (m), to be compared."""

    asked: Floats  # features (n, count) of the picture's
    keys: Floats  # features (m, count) of the photo's
    left: Floats  # two matrices whose product left @ right.T holds the squared distances, heights included
    right: Floats
    variance: int  # of the keys, summed over the features


def pair(
    level: Level, query: Pixels, weights: Weights, wrap: Wrap, heights: Heights | None, sharp: bool
) -> Match:
    """Pair a picture's patches, (h, w, C), with the photo's, or with the enlarged photo's if it is not sharp."""
    keys, asked = (
        level.features if sharp else level.blurred_features,
        _all_features(level, query, wrap),
    )
    variance = sum_variances(keys)
    key_heights, asked_heights = _height_features(
        level, heights, query.shape, weights.position * variance
    )
    joined = (
        np.concatenate([asked, asked_heights], axis=1),
        np.concatenate([keys, key_heights], axis=1),
    )
    return Match(asked, keys, *_products(*joined), variance)


def settle(
    level: Level,
    query: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    sharp: bool,
    each: Each = map,
    kept: Laid | None = None,
    follow: Follow | None = None,
) -> tuple[Map, Pixels]:
    """Map and picture (straight) of a searched level: look, paint, look again, for what follow makes of it if given."""
    for turn in range(weights.passes + sharp):
        found = search(level, query, weights, wrap, heights, sharp or turn > 0, each, kept)
        picture = paint_wrapped(level, found, COARSE, wrap)
        if kept is not None:
            kept.put_in(level, picture)
        query = premultiplied(picture) if follow is None else follow(premultiplied(picture))
    return found, picture


def _cohere(
    found: Ints, photo: Size, wrap: Wrap, score: Callable[[Ints], Floats], kept: Laid | None = None
) -> Ints:
    """The positions (h, w) after one round in which every pixel asks its four neighbours.

    Of its own position and theirs, shifted back, it takes the one with the least score times (16 - 3 for each neighbour
    that says the same + 8 for each that shows that very position itself), in a tie the lowest. So a piece of the photo
    goes on where it may, instead of being begun again at every pixel, which shows as a comb. Source: the coherence
    search of Hertzmann et al. 2001; ours asks all pixels at once.
    """
    beside = _neighbours(found, wrap)
    proposals = [_shifted(near, photo, dy, dx) for (dy, dx), near in beside.items()]
    best = np.full(found.size, np.inf, np.float32)
    chosen = np.full(found.size, photo[0] * photo[1], np.int32)
    for candidate in (found, *proposals):
        sixteenths = np.full(found.shape, 16, np.int32)
        for said, near in zip(proposals, beside.values(), strict=True):
            sixteenths -= 3 * (said == candidate)
            sixteenths += 8 * (near == candidate)

        flat = candidate.reshape(-1)
        scores = score(np.maximum(flat, 0)) * sixteenths.reshape(-1).astype(np.float32)
        better = (scores < best) | ((scores == best) & (flat < chosen))
        better &= flat >= 0
        if kept is not None and candidate is not found:
            asking = np.flatnonzero(better)
            better[asking] = kept.allow(asking, *np.divmod(flat[asking], np.int32(photo[1])))
        best[better], chosen[better] = scores[better], flat[better]
    return chosen.reshape(found.shape)


def _neighbours(found: Ints, wrap: Wrap) -> dict[tuple[int, int], Ints]:
    """What the pixel above, below, left and right of each (h, w) shows, by (dy, dx); -1 beyond the canvas."""
    height, width = found.shape
    around = np.pad(found, 1, constant_values=-1)
    if wrap[0]:
        around[0], around[-1] = around[-2], around[1]
    if wrap[1]:
        around[:, 0], around[:, -1] = around[:, -2], around[:, 1]
    ways = ((-1, 0), (1, 0), (0, -1), (0, 1))
    return {(dy, dx): around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in ways}


def _shifted(near: Ints, photo: Size, dy: int, dx: int) -> Ints:
    """What a neighbour at (dy, dx) would have each pixel show, (h, w); -1 for nothing."""
    row, column = near // photo[1] - dy, near % photo[1] - dx
    inside = (near >= 0) & (row >= 0) & (row < photo[0]) & (column >= 0) & (column < photo[1])
    return np.where(inside, row * np.int32(photo[1]) + column, np.int32(-1))


def _products(asked: Floats, keys: Floats) -> tuple[Floats, Floats]:
    """Two matrices, a row for each, whose product with each other holds the squared distances of all pairs."""
    ones = np.ones((max(len(asked), len(keys)), 1), np.float32)
    left = np.concatenate(
        [asked, (asked**2).sum(axis=1, keepdims=True), ones[: len(asked)]], axis=1
    )
    right = np.concatenate(
        [-2 * keys, ones[: len(keys)], (keys**2).sum(axis=1, keepdims=True)], axis=1
    )
    return left, right


def _height_features(
    level: Level, heights: Heights | None, shape: tuple[int, ...], weight: float
) -> tuple[Floats, Floats]:
    """The photo's and the picture's relative heights as a feature each, (n, 1): squared differences are the term."""
    scale = 0 if heights is None else min(round(math.sqrt(weight)), HEIGHTS - 1)
    height, width = shape[:2]
    rows, of = (np.arange(height), 1) if heights is None else heights
    photo = np.arange(level.size[0]) * scale // level.size[0]
    asked = rows * scale // of
    repeated = np.repeat(photo, level.size[1]), np.repeat(asked, width)
    return repeated[0].astype(np.float32)[:, None], repeated[1].astype(np.float32)[:, None]


def paint_wrapped(level: Level, found: Map, sigma: float, wrap: Wrap) -> Pixels:
    """Paint a whole canvas, whose opposite edges meet along the axes that wrap."""
    around = [(REACH, REACH) if periodic else (0, 0) for periodic in wrap]
    rows, columns = (np.pad(values, around, mode="wrap") for values in (found.rows, found.columns))
    picture = paint(level, Map(rows, columns), sigma, everywhere=True)
    (top, _), (left, _) = around
    return np.ascontiguousarray(picture[top : top + found.size[0], left : left + found.size[1]])


def _all_features(level: Level, pixels: Pixels, wrap: Wrap) -> Floats:
    return all_features(pixels, level.basis, level.centre, wrap)


def sum_variances(values: Floats) -> int:
    """Sum the variances of features (n, count), rounded down."""
    whole = values.astype(np.int64)
    count = len(whole)
    return int((count * (whole * whole).sum(axis=0) - whole.sum(axis=0) ** 2).sum() // count**2)


def _smallest(asked: Floats, keys: Floats, each: Each) -> Floats:
    """Squared distance of every key to the nearest that is asked."""
    left, right = _products(asked, keys)
    step = max(1, AT_ONCE // len(keys))

    def find(start: int) -> Floats:
        return (left[start : start + step] @ right.T).min(axis=0)

    return np.minimum.reduce(list(each(find, range(0, len(asked), step))))

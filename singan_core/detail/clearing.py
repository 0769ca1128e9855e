"""Clearing a hand-over around kept objects: second copies of them give way to the scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask, Pixels
from singan_core.detail.full_search import Match
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.morphology import dilate
from singan_core.detail.photo import Level
from singan_core.detail.search import Heights, Weights, pair
from singan_core.windows import Wrap

AT_ONCE = 1 << 21
"""Distances computed at once: 8 MB."""
MISSED = 20
"""A pixel misses the barred patches where they are nearer by 1/20 of the features' variance."""


def clear(
    level: Level,
    guide: Pixels,
    weights: Weights,
    wrap: Wrap,
    heights: Heights | None,
    kept: ObjectsInRegion,
) -> Pixels:
    """Put the kept objects into a hand-over, and fill all else that looks like them.

    guide is the hand-over (h, w, C), premultiplied; the other arguments are those of search.
    Generators draw a second tower or cup where they please. Its patches are barred, so no others
    could draw it well. Such places are filled with the scene around them.
    """
    match = pair(level, guide, weights, wrap, heights, sharp=True)
    nearer = _measure_how_much_nearer(match, kept.level.barred.reshape(-1))
    missed = (nearer * MISSED > match.variance).reshape(guide.shape[:2])
    hole = dilate(missed | kept.inside, 1)

    picture = fill(guide, hole, wrap)
    rows, columns = np.divmod(kept.positions[kept.inside], np.int32(level.size[1]))
    picture[kept.inside] = level.matched[rows, columns]
    return picture


def _measure_how_much_nearer(match: Match, barred: Mask) -> NDArray[np.float32]:
    """Measure how much nearer each query's nearest barred patch is than its nearest free one, (n,).

    Negative where the free one is nearer.
    """
    step = max(1, AT_ONCE // len(match.right))
    nearer = []
    for start in range(0, len(match.left), step):
        distance = match.left[start : start + step] @ match.right.T
        nearer.append(distance[:, ~barred].min(axis=1) - distance[:, barred].min(axis=1))
    return np.concatenate(nearer)


def fill(picture: Pixels, hole: Mask, wrap: Wrap) -> Pixels:
    """Fill a hole (h, w) of a picture (h, w, C) from its left and right.

    Most scenes lie in layers. Values are interpolated linearly between the two sides, in 256ths. A
    row without any known pixel is filled from the rows above and below. A hole that is the whole
    picture stays as it is.
    """
    values, unknown = picture.astype(np.int64) * 256, hole.copy()
    _fill_rows(values, unknown, wrap[1])
    _fill_rows(values.transpose(1, 0, 2), unknown.T, wrap[0])
    return ((values + 128) // 256).astype(np.uint8)


def _fill_rows(values: NDArray[np.int64], unknown: Mask, periodic: bool) -> None:
    """Fill every row of values (h, w, C) that has a known value, in place, and mark it known."""
    some = np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1))
    if not len(some):
        return
    before, after = _find_nearest_known(unknown[some], periodic)
    length = unknown.shape[1]
    left, right = (values[some[:, None], at % length] for at in (before, after))

    gap = np.maximum(after - before, 1)[..., None]
    here = (np.arange(length) - before)[..., None]
    values[some] = (left * (gap - here) + right * here) // gap
    unknown[some] = False


def _find_nearest_known(
    unknown: Mask, periodic: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the columns (h, w) of the nearest known values at or before and at or after each one.

    Columns of a periodic axis may lie beyond its ends. Where one side has none, both are the other
    side's.
    """
    length, far = unknown.shape[1], 4 * unknown.shape[1]
    beside = unknown if periodic else np.ones_like(unknown)
    turns, at = np.concatenate([beside, unknown, beside], axis=1), np.arange(-length, 2 * length)

    # Scan from the left for the last known column, and from the right for the next.
    own_turn = np.s_[:, length : 2 * length]
    before = np.maximum.accumulate(np.where(turns, -far, at), axis=1)[own_turn]
    backwards = np.where(turns, far, at)[:, ::-1]
    after = np.minimum.accumulate(backwards, axis=1)[:, ::-1][own_turn]
    return np.where(before == -far, after, before), np.where(after == far, before, after)

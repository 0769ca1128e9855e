"""Clearing a hand-over around kept objects: what generators drew of such objects elsewhere gives way to the scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.kept import Laid
from singan_core.detail.photo import Level
from singan_core.detail.search import AT_ONCE, Heights, Match, Weights, pair
from singan_core.detail.votes import spread
from singan_core.windows import Wrap

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MISSED = 20
"""A pixel misses the barred patches where they are nearer by a twentieth of the features' variance."""


def clear(
    level: Level, guide: Pixels, weights: Weights, wrap: Wrap, heights: Heights | None, kept: Laid
) -> Pixels:
    """Put kept objects into what was handed over, (h, w, C), premultiplied, and take out all else that looks like them.

    Generators draw a second tower or cup where they please. Its patches are barred, so that no others could draw it
    well: such places are filled with the scene around them.
    """
    match = pair(level, guide, weights, wrap, heights, sharp=True)
    missed = _compare(match, kept.held.barred.reshape(-1)) * MISSED > match.variance
    hole = spread(missed.reshape(guide.shape[:2]) | kept.inside, 1)

    picture = fill(guide, hole, wrap)
    rows, columns = np.divmod(kept.positions[kept.inside], np.int32(level.size[1]))
    picture[kept.inside] = level.matched[rows, columns]
    return picture


def _compare(match: Match, barred: Mask) -> Floats:
    """How much nearer the nearest barred patch is than the nearest free one, (n,); below 0 where it is not."""
    step = max(1, AT_ONCE // len(match.right))
    nearer = []
    for start in range(0, len(match.left), step):
        apart = match.left[start : start + step] @ match.right.T
        nearer.append(apart[:, ~barred].min(axis=1) - apart[:, barred].min(axis=1))
    return np.concatenate(nearer)


def fill(picture: Pixels, hole: Mask, wrap: Wrap) -> Pixels:
    """Fill a hole (h, w) of a picture (h, w, C) from what lies to its left and right, since most scenes lie in layers.

    Values lie on a straight line between the two, in whole numbers. A row without any known pixel is filled from the
    rows above and below. A hole that is the whole picture stays as it is.
    """
    values, unknown = picture.astype(np.int64) * 256, hole.copy()
    _fill_rows(values, unknown, wrap[1])
    _fill_rows(values.transpose(1, 0, 2), unknown.T, wrap[0])
    return ((values + 128) // 256).astype(np.uint8)


def _fill_rows(values: NDArray[np.int64], unknown: Mask, periodic: bool) -> None:
    """Fill in place, of (h, w, C) and (h, w), every row that has a known value."""
    some = np.flatnonzero(unknown.any(axis=1) & ~unknown.all(axis=1))
    if not len(some):
        return
    before, after = _nearest_known(unknown[some], periodic)
    length = unknown.shape[1]
    left, right = (values[some[:, None], at % length] for at in (before, after))

    apart = np.maximum(after - before, 1)[..., None]
    here = (np.arange(length) - before)[..., None]
    values[some] = (left * (apart - here) + right * here) // apart
    unknown[some] = False


def _nearest_known(unknown: Mask, periodic: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns (h, w) of the nearest known values at or before and at or after every one.

    Columns of a periodic axis may lie beyond its ends. Where one side has none, both are the other side's.
    """
    length, far = unknown.shape[1], 4 * unknown.shape[1]
    beside = unknown if periodic else np.ones_like(unknown)
    shut, at = np.concatenate([beside, unknown, beside], axis=1), np.arange(-length, 2 * length)
    before = np.maximum.accumulate(np.where(shut, -far, at), axis=1)[:, length : 2 * length]
    after = np.minimum.accumulate(np.where(shut, far, at)[:, ::-1], axis=1)[:, ::-1][
        :, length : 2 * length
    ]
    return np.where(before == -far, after, before), np.where(after == far, before, after)

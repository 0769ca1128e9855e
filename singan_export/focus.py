"""Find the part of a photo's scene that pictures of other shapes are cut out of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core import RECEPTIVE_FIELD
from singan_core.detail.patches import PATCH
from singan_core.detail.photo import Photo
from singan_core.pyramid import Size

PLACED = 0.6
"""Share of the coarsest canvas's shorter side that a generator sees where things have places."""
ROWS, COLUMNS = 0.6, 0.4
"""Shares of the photo's height and width for which the best part is sought."""
_HIGHEST = 1.5  # weight of the top row, falling by 1 to the lowest: people have heads
_APART = PATCH + 3  # px between patches that count as two
_AT_ONCE = 512  # patches compared at once


def find_focus(photo: Photo, coarsest: Size) -> tuple[float, float] | None:
    """Find the centre (y, x) of what is unlike anything else in the photo, as shares of its sides.

    coarsest is the coarsest generator's canvas. The larger it is, the more freely generators place
    things. None if they may stand anywhere, so that pictures need not be cut out of one scene.
    """
    if PLACED * min(coarsest) > RECEPTIVE_FIELD:
        return None

    unlike = measure_uniqueness(photo)
    heights = _HIGHEST - np.arange(len(unlike)) / len(unlike)
    across = unlike.sum(axis=0)
    return _find_best(unlike.sum(axis=1) * heights, ROWS), _find_best(across, COLUMNS)


def measure_uniqueness(photo: Photo) -> NDArray[np.float64]:
    """Measure how unlike all others each patch of the photo is, (h, w), 0 or more.

    It is the squared distance of its features to those of the nearest patch that does not overlap
    it, at the largest searched level. Where no patch lies far enough away, it is 0.
    """
    level = photo.level(photo.searched - 1)
    features = level.features.astype(np.float64)
    rows, columns = np.divmod(np.arange(len(features)), level.size[1])
    squares = (features**2).sum(axis=1)
    found = np.empty(len(features))

    for start in range(0, len(features), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        apart = squares[part, None] + squares - 2 * features[part] @ features.T
        near = np.abs(rows[part, None] - rows) < _APART
        near &= np.abs(columns[part, None] - columns) < _APART
        found[part] = np.where(near, np.inf, apart).min(axis=1)

    return np.where(np.isfinite(found), np.maximum(found, 0), 0).reshape(level.size)


def _find_best(profile: NDArray[np.float64], share: float) -> float:
    """Find the centre, 0 to 1, of the part of a profile that holds most. Of equals, the middle."""
    length = max(1, round(share * len(profile)))
    running = np.concatenate([[0.0], np.cumsum(profile)])
    sums = running[length:] - running[:-length]
    best = np.flatnonzero(sums >= sums.max() * (1 - 1e-9))
    middle = best[len(best) // 2]
    return round(float(middle + length / 2) / len(profile), 4)

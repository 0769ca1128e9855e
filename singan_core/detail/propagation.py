"""Propagation: each pixel tries the positions of its four neighbours, so that coherent pieces grow.

Full search alone begins the same flat region of the photo again at every pixel, which shows as a
comb. Source: the coherence search of Hertzmann et al. 2001 and the propagation of PatchMatch
(Barnes et al. 2009). Ours asks all pixels at once from the old map, and a score counts for less
where neighbours agree and for more where a neighbour shows the very same position.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask
from singan_core.detail.kept import ObjectsInRegion
from singan_core.detail.maps import Positions
from singan_core.pyramid import Size
from singan_core.windows import Wrap

Scores = NDArray[np.float32]

_UNIT = 16  # a score is multiplied by 16 - 3 n + 8 m, at least 4 and at most 48
_AGREES = 3  # n: how many of the four neighbours propose the candidate
_REPEATS = 8  # m: how many of them show it themselves
_BEYOND = -1  # what no pixel shows: beyond the canvas or the photo


def propagate(
    found: Positions,
    photo: Size,
    wrap: Wrap,
    score: Callable[[Positions], Scores],
    kept: ObjectsInRegion | None = None,
) -> Positions:
    """Return the positions (h, w) after one round, in which every pixel asks its four neighbours.

    found holds row times width plus column, photo is the photo's size. score gives the scores (n,)
    of one position for each pixel, row by row. A pixel takes, of its own position and its
    neighbours' shifted back, the one with the least score times (16 - 3 n + 8 m) / 16. A tie goes
    to the lowest position.
    """
    beside = _find_neighbours(found, wrap)
    proposals = [_shift_back(near, photo, dy, dx) for (dy, dx), near in beside.items()]
    best = np.full(found.size, np.inf, np.float32)
    chosen = np.full(found.size, photo[0] * photo[1], np.int32)

    for candidate in (found, *proposals):
        factor = np.full(found.shape, _UNIT, np.int32)
        for proposal, near in zip(proposals, beside.values(), strict=True):
            factor -= _AGREES * (proposal == candidate)
            factor += _REPEATS * (near == candidate)

        flat = candidate.reshape(-1)
        scores = score(np.maximum(flat, 0)) * factor.reshape(-1).astype(np.float32)
        better = (scores < best) | ((scores == best) & (flat < chosen))
        better &= flat != _BEYOND
        if kept is not None and candidate is not found:
            better = _keep_allowed(better, flat, photo, kept)
        best[better], chosen[better] = scores[better], flat[better]

    return chosen.reshape(found.shape)


def _keep_allowed(better: Mask, flat: Positions, photo: Size, kept: ObjectsInRegion) -> Mask:
    """Take out the pixels (n,) whose candidates belong to a kept object not theirs to continue."""
    asking = np.flatnonzero(better)
    better[asking] = kept.allow(asking, *np.divmod(flat[asking], np.int32(photo[1])))
    return better


def _find_neighbours(found: Positions, wrap: Wrap) -> dict[tuple[int, int], Positions]:
    """Find what the pixel above, below, left and right of each shows, (h, w) by (dy, dx)."""
    height, width = found.shape
    around = np.pad(found, 1, constant_values=_BEYOND)
    if wrap[0]:
        around[0], around[-1] = around[-2], around[1]
    if wrap[1]:
        around[:, 0], around[:, -1] = around[:, -2], around[:, 1]

    ways = ((-1, 0), (1, 0), (0, -1), (0, 1))
    return {(dy, dx): around[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in ways}


def _shift_back(near: Positions, photo: Size, dy: int, dx: int) -> Positions:
    """Shift the positions of neighbours at (dy, dx) back to the pixels that ask, (h, w)."""
    row, column = near // photo[1] - dy, near % photo[1] - dx
    inside = (near >= 0) & (row >= 0) & (row < photo[0]) & (column >= 0) & (column < photo[1])
    return np.where(inside, row * np.int32(photo[1]) + column, np.int32(_BEYOND))

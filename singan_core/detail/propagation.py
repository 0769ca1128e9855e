"""Propagation: each pixel tries what four others show, so that coherent pieces grow.

Full search alone begins the same region of the photo again at every pixel, or at every few, which
shows as a comb. Source: the coherence search of Hertzmann et al. 2001 and the propagation of
PatchMatch (Barnes et al. 2009), with distances that change from round to round as in jump flooding
(Rong and Tan 2006). Ours asks all pixels at once from the old map, and a score counts for less
where neighbours agree and for more where a pixel nearby shows the very same position.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Positions
from singan_core.pyramid import Size
from singan_core.windows import Wrap

Scores = NDArray[np.float32]

JUMPS = (1, 4, 2, 1, 4, 2, 1, 1)
"""How far above, below, left and right the pixels lie that are asked, round by round, in px.

With neighbours alone a comb stays one: in a row of pixels that all show position p, each is offered
p + 1 and p - 1 by both sides, so all of them move on together. Others farther away break the row.
"""
NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))
REPEAT_ROWS, REPEAT_COLUMNS = 1, 8
"""How near another pixel lies whose showing the same position is a repeat: combs lie level, since
heights keep things in their rows."""

_UNIT = 16  # a score is multiplied by 16 - 3 n + 8 m
_AGREES = 3  # n: how many of the four neighbours propose the candidate
_REPEATS = 8  # m: how many pixels nearby show it
_BEYOND = -1  # what no pixel shows: beyond the canvas or the photo


def propagate(
    found: Positions,
    photo: Size,
    wrap: Wrap,
    score: Callable[[Positions], Scores],
    jump: int,
    kept: ObjectsInRegion | None = None,
) -> Positions:
    """Return the positions (h, w) after one round, in which every pixel asks four at a distance.

    found holds row times width plus column, photo is the photo's size. score gives the scores (n,)
    of one position for each pixel, row by row. A pixel takes, of its own position and those of the
    pixels at the distance jump, shifted back, the one with the least score times (16 - 3 n + 8 m).
    A tie goes to the lowest position.
    """
    around = _surround(found, wrap)
    proposals = [_propose(around, found.shape, photo, dy, dx) for dy, dx in NEIGHBOURS]
    repeats = _stack_nearby(around, found.shape)
    best = np.full(found.size, np.inf, np.float32)
    chosen = np.full(found.size, photo[0] * photo[1], np.int32)

    candidates = [found]
    candidates += [
        _propose(around, found.shape, photo, dy * jump, dx * jump) for dy, dx in NEIGHBOURS
    ]
    for candidate in candidates:
        factor = np.full(found.shape, _UNIT, np.int32)
        factor += _REPEATS * np.add.reduce(repeats == candidate, axis=0, dtype=np.int32)
        for proposal in proposals:
            factor -= _AGREES * (proposal == candidate)

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


def _surround(found: Positions, wrap: Wrap) -> Positions:
    """Add REPEAT_COLUMNS px on every side: the repeats of an axis that wraps, else nothing."""
    for axis, periodic in enumerate(wrap):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (REPEAT_COLUMNS, REPEAT_COLUMNS)
        found = (
            np.pad(found, widths, mode="wrap")
            if periodic
            else np.pad(found, widths, constant_values=_BEYOND)
        )
    return found


def _look(around: Positions, canvas: tuple[int, ...], dy: int, dx: int) -> Positions:
    """Return what the pixel at (dy, dx) from each shows, (h, w)."""
    top, left = REPEAT_COLUMNS + dy, REPEAT_COLUMNS + dx
    return around[top : top + canvas[0], left : left + canvas[1]]


def _stack_nearby(around: Positions, canvas: tuple[int, ...]) -> Positions:
    """Stack what the pixels nearby show, (n, h, w)."""
    return np.stack([_look(around, canvas, dy, dx) for dy, dx in list_nearby()])


def list_nearby() -> list[tuple[int, int]]:
    """List where the pixels lie that must not show the same: 50 pairs (dy, dx)."""
    rows = range(-REPEAT_ROWS, REPEAT_ROWS + 1)
    columns = range(-REPEAT_COLUMNS, REPEAT_COLUMNS + 1)
    return [(dy, dx) for dy in rows for dx in columns if (dy, dx) != (0, 0)]


def _propose(
    around: Positions, canvas: tuple[int, ...], photo: Size, dy: int, dx: int
) -> Positions:
    """Shift what the pixels at (dy, dx) show back to those that ask, (h, w)."""
    near = _look(around, canvas, dy, dx)
    row, column = near // photo[1] - dy, near % photo[1] - dx
    inside = (near >= 0) & (row >= 0) & (row < photo[0]) & (column >= 0) & (column < photo[1])
    return np.where(inside, row * np.int32(photo[1]) + column, np.int32(_BEYOND))

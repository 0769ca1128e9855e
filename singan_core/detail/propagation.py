"""Propagation: each pixel tries what four others show, so that coherent pieces grow.

Full search alone begins the same region of the photo again at every pixel, or at every few, which
shows as a comb. Source: the coherence search of Hertzmann et al. 2001 and the propagation of
PatchMatch (Barnes et al. 2009), with distances that change from round to round as in jump flooding
(Rong and Tan 2006). Ours asks all pixels at once from the old map, and a score counts for less
where neighbours agree and for more where a pixel nearby shows the very same position.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from singan_core.arrays import Mask
from singan_core.detail.full_search import Each, Scores
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Positions
from singan_core.pyramid import Size
from singan_core.windows import Wrap

Score = Callable[[int, Positions], Scores]
"""Scores k positions of the photo, (k, n), for each of n pixels, row by row from a number on."""

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
_AT_ONCE = 1 << 13  # pixels, so that what is in work stays in the cache
_BEYOND = -1  # what no pixel shows: beyond the canvas or the photo


def propagate(
    found: Positions,
    photo: Size,
    wrap: Wrap,
    score: Score,
    jump: int,
    each: Each = map,
    kept: ObjectsInRegion | None = None,
) -> Positions:
    """Return the positions (h, w) after one round, in which every pixel asks four at a distance.

    found holds row times width plus column, photo is the photo's size. A pixel takes, of its own
    position and those of the pixels at the distance jump, shifted back, the one with the least
    score times (16 - 3 n + 8 m). A tie goes to the lowest position.
    """
    height, width = found.shape
    around = _surround(found, wrap)
    rows = max(1, _AT_ONCE // width)

    def ask(top: int) -> Positions:
        """Let the pixels of a strip of rows ask."""
        strip = _Strip(around, top, min(top + rows, height), width, photo)
        return _choose(strip, score, jump, kept)

    return np.concatenate(list(each(ask, range(0, height, rows))))


class _Strip(NamedTuple):
    """Rows of a map, from top on, with what lies around the whole map."""

    around: Positions
    top: int
    bottom: int
    width: int
    photo: Size

    def look(self, dy: int, dx: int) -> Positions:
        """Return what the pixel at (dy, dx) from each shows, (h, w)."""
        left = REPEAT_COLUMNS + dx
        rows = slice(self.top + REPEAT_COLUMNS + dy, self.bottom + REPEAT_COLUMNS + dy)
        return self.around[rows, left : left + self.width]

    def propose(self, jump: int) -> list[Positions]:
        """Shift what the four pixels at a distance show back to those that ask, (h, w) each."""
        height, width = self.photo
        proposals = []
        for dy, dx in NEIGHBOURS:
            near = self.look(dy * jump, dx * jump)
            row, column = np.divmod(near, np.int32(width))
            row -= dy * jump
            column -= dx * jump
            inside = (near >= 0) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            position = row * np.int32(width) + column
            proposals.append(np.where(inside, position, np.int32(_BEYOND)))
        return proposals


def _choose(strip: _Strip, score: Score, jump: int, kept: ObjectsInRegion | None) -> Positions:
    """Choose the positions (h, w) of a strip after one round."""
    own, proposals = strip.look(0, 0), strip.propose(1)
    candidates = np.stack([own, *(proposals if jump == 1 else strip.propose(jump))])
    near = np.stack([strip.look(dy, dx) for dy, dx in list_nearby()])
    first = strip.top * strip.width
    scores = score(first, np.maximum(candidates, 0).reshape(len(candidates), -1))

    best, chosen = scores[0] * _weigh(own, proposals, near), own.reshape(-1).copy()
    for candidate, values in zip(candidates[1:], scores[1:], strict=True):
        weighed, flat = values * _weigh(candidate, proposals, near), candidate.reshape(-1)
        better = (weighed < best) | ((weighed == best) & (flat < chosen))
        better &= flat != _BEYOND
        if kept is not None:
            better = _keep_allowed(better, strip, flat, kept)
        best[better], chosen[better] = weighed[better], flat[better]

    return chosen.reshape(own.shape)


def _weigh(shown: Positions, proposals: list[Positions], near: Positions) -> Scores:
    """Compute what the scores of positions (h, w) are multiplied with, (h w,).

    near is what the pixels nearby show, (50, h, w).
    """
    shows = np.add.reduce((near == shown).view(np.uint8), axis=0, dtype=np.uint8)
    factor = _UNIT + _REPEATS * shows.astype(np.float32)
    for proposal in proposals:
        factor -= _AGREES * (proposal == shown).astype(np.float32)
    return factor.reshape(-1)


def _keep_allowed(better: Mask, strip: _Strip, flat: Positions, kept: ObjectsInRegion) -> Mask:
    """Take out the pixels (n,) whose candidates belong to a kept object not theirs to continue."""
    asking = np.flatnonzero(better)
    rows, columns = np.divmod(flat[asking], np.int32(strip.photo[1]))
    better[asking] = kept.allow(strip.top * strip.width + asking, rows, columns)
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


def list_nearby() -> list[tuple[int, int]]:
    """List where the pixels lie that must not show the same: 50 pairs (dy, dx)."""
    rows = range(-REPEAT_ROWS, REPEAT_ROWS + 1)
    columns = range(-REPEAT_COLUMNS, REPEAT_COLUMNS + 1)
    return [(dy, dx) for dy in rows for dx in columns if (dy, dx) != (0, 0)]

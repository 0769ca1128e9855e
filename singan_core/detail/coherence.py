"""Fine levels: a pixel compares its own position with its neighbours' shifted back, all read from the old map.

Order-free and local, so that a window equals the slice of the whole. Within a coherent piece all candidates are the
pixel's own, so that only pixels near a join have work. Source: Ashikhmin 2001; Tong et al. 2002; Lefebvre and Hoppe
2005, whose parallel passes we take once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.kept import Laid
from singan_core.detail.patches import REACH, features
from singan_core.detail.photo import VOTE_BIT, Level
from singan_core.detail.votes import Map, Mask, indices, joins, offsets
from singan_core.pyramid import Size
from singan_core.windows import Region, Span

Pixels = NDArray[np.uint8]

JUMPS = (1, 2)
"""Distances at which neighbours are asked."""
ROUNDS = 2
"""How often: a second time makes joins a tenth less visible, further ones do little."""
CANDIDATES = tuple(
    (dy * jump, dx * jump) for jump in JUMPS for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
)


def enlarge(
    found: Map, level: Level, below: Size, canvas: Size, smaller: Size, region: Region
) -> Map:
    """The map of a region of a canvas from that of the smaller canvas; below is the photo's size there.

    How far a position lies from its pixel's own grows as the photo grows from level to level, so that a coherent piece
    stays one. Beyond the ends of an axis that wraps, coordinates mean its repeats.
    """
    rows = _along(
        found.rows, 0, found.top, smaller[0], canvas[0], below[0], level.size[0], region[0]
    )
    columns = _along(
        found.columns, 1, found.left, smaller[1], canvas[1], below[1], level.size[1], region[1]
    )
    near_rows, near_columns = (
        ((2 * (np.arange(*span, dtype=np.int64) % new) + 1) * old // (2 * new) - begin) % old
        for span, old, new, begin in zip(
            region, smaller, canvas, (found.top, found.left), strict=True
        )
    )
    made = []
    for axis, (apart, own) in enumerate((rows, columns)):
        values = apart.take(near_rows, axis=0).take(near_columns, axis=1)
        values += own[:, None] if axis == 0 else own
        made.append(np.clip(values, 0, level.size[axis] - 1, out=values))
    return Map(made[0], made[1], region[0].start, region[1].start)


def _along(
    values: NDArray[np.int32],
    axis: int,
    begin: int,
    old: int,
    new: int,
    photo_old: int,
    photo_new: int,
    span: Span,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """How far positions lie from their pixels on the larger canvas, still on the smaller grid; the pixels' own."""
    own = (begin + np.arange(values.shape[axis], dtype=np.int64)) % old
    apart = values - (own[:, None] if axis == 0 else own)
    grown = (2 * apart * photo_new + photo_old) // (2 * photo_old)
    return grown.astype(np.int32), (np.arange(*span, dtype=np.int64) % new).astype(np.int32)


def refine(
    level: Level, found: Map, padded: Pixels, everywhere: bool = False, kept: Laid | None = None
) -> Map:
    """The map after all rounds in which pixels take their best candidate; wrong within 4 px of where it was cut off.

    padded is the enlarged picture with 3 px around it, premultiplied: a pixel's patch is compared with the photo's,
    enlarged as well. Only pixels near a join are asked, and after the first round only for candidates that are new:
    all others have been compared before and lost. everywhere does all the work. Kept objects stay, and nothing else
    takes their positions.
    """
    changed: Mask | None = None
    for _ in range(ROUNDS):
        index = indices(level, found)
        if everywhere:
            near, changed = np.ones(found.size, bool), None
        else:
            near = joins(offsets(level, index), max(JUMPS)) if changed is None else _asking(changed)
        at, position = _better(level, index, padded, np.flatnonzero(near), changed, kept)
        if not len(at):
            return found

        rows, columns = found.rows.copy(), found.columns.copy()
        for values, new in zip(
            (rows, columns), np.divmod(position, np.int32(level.stride)), strict=True
        ):
            values.reshape(-1)[at] = new - REACH
        found = Map(rows, columns, found.top, found.left)
        inner = np.zeros(found.size, bool)
        inner.reshape(-1)[at] = True
        changed = np.pad(inner, REACH)
    return found


def _asking(changed: Mask) -> Mask:
    """The pixels (h, w) that ask one that has changed, (h + 6, w + 6)."""
    places = np.flatnonzero(changed)
    mask = np.zeros_like(changed)
    for dy, dx in CANDIDATES:
        mask.reshape(-1)[places - (dy * mask.shape[1] + dx)] = True
    return mask[REACH:-REACH, REACH:-REACH]


def _better(
    level: Level,
    index: NDArray[np.int32],
    padded: Pixels,
    at: NDArray[np.intp],
    changed: Mask | None,
    kept: Laid | None,
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Of some pixels those that find a better position, and which: in a tie their own, then the lowest."""
    rows, columns = np.divmod(at, index.shape[1] - 2 * REACH)
    places = (rows + REACH) * index.shape[1] + columns + REACH
    own = index.take(places)
    pixel, position = _candidates(level, index, places, own, changed)
    if kept is not None:
        y, x = np.divmod(position, np.int32(level.stride))
        allowed = kept.allow(at[pixel], y - REACH, x - REACH)
        pixel, position = pixel[allowed], position[allowed]
    if not len(pixel):
        return at[:0], position

    asking, pixel = np.unique(pixel, return_inverse=True)  # the others have nothing to compare
    wanted = features(padded, rows[asking], columns[asking], level.basis, level.centre)
    best = _distance(level, wanted, own[asking])
    apart = _distance(level, wanted[pixel], position)
    order = np.lexsort((position, apart, pixel))  # the first of every pixel is its best
    leading = order[np.flatnonzero(np.diff(pixel[order], prepend=-1))]
    better = leading[apart[leading] < best]
    return at[asking[pixel[better]]], position[better]


def _candidates(
    level: Level,
    index: NDArray[np.int32],
    places: NDArray[np.intp],
    own: NDArray[np.int32],
    changed: Mask | None,
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """(pixel's number, position) of every candidate but its own, each once; of changed neighbours alone, if any are."""
    seen = [own]
    pixels, positions = [], []
    for dy, dx in CANDIDATES:
        neighbours = places + (dy * index.shape[1] + dx)
        position = index.take(neighbours)
        position -= np.int32(dy * level.stride + dx)
        fresh = level.ballots[0].take(position) >> np.uint64(VOTE_BIT) != 0
        if changed is not None:
            fresh &= changed.take(neighbours)
        for known in seen:
            fresh &= position != known
        seen.append(position)
        number = np.flatnonzero(fresh)
        pixels.append(number)
        positions.append(position[number])
    return np.concatenate(pixels), np.concatenate(positions)


def _distance(
    level: Level, wanted: NDArray[np.float32], positions: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Squared distance between features and those of the enlarged photo's patches at positions of the tables."""
    rows, columns = np.divmod(positions, np.int32(level.stride))
    apart = features(level.padded, rows - REACH, columns - REACH, level.basis, level.centre)
    apart -= wanted
    found: NDArray[np.float32] = np.einsum("nc,nc->n", apart, apart)
    return found

"""Copied levels: each pixel takes the best of its own position and its neighbours' proposals.

A candidate is the position that a neighbour shows, shifted back by the distance to the neighbour,
so that it continues the neighbour's piece. All are read from the old map, so the order of pixels
does not matter, and a window equals the slice of the whole. Inside a coherent piece all candidates
are the pixel's own position, so only pixels near a join have work. Slips are no candidates: they
have been spread (slips.py), and would be drawn together again.

Source: Ashikhmin 2001; k-coherence of Tong et al. 2002, with neighbours of the picture alone; the
parallel correction passes of Lefebvre and Hoppe 2005, without their subpasses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask, Pixels
from singan_core.detail.kept_objects import ObjectsInRegion
from singan_core.detail.maps import Map, Positions, find_offsets, index_map
from singan_core.detail.morphology import pair_shifts
from singan_core.detail.patches import REACH, Features, compute_features
from singan_core.detail.photo import Level
from singan_core.detail.slips import MOST
from singan_core.detail.tables import count_votes

JUMPS = (1, 2)
"""Distances (px) of the neighbours that are asked."""
ROUNDS = 2
"""How often: the second time makes joins a tenth less visible, a third does little."""
CANDIDATES = tuple(
    (dy * jump, dx * jump) for jump in JUMPS for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
)
"""The eight neighbours, (dy, dx)."""


def refine(
    level: Level,
    found: Map,
    padded: Pixels,
    everywhere: bool = False,
    kept: ObjectsInRegion | None = None,
) -> Map:
    """Give every pixel of a map its best candidate, for all rounds.

    The result is wrong within 4 px of where the map was cut off.

    padded is the enlarged picture, premultiplied, with 3 px around it. A pixel's patch is compared
    with patches of the enlarged photo. Kept objects stay, and no other pixel takes their positions.

    Only pixels near a join compare anything. After the first round, those that have not changed
    compare new candidates only, since all others have lost before. everywhere does all the work,
    with the same result.
    """
    changed: Mask | None = None
    for _ in range(ROUNDS):
        entries = index_map(level, found)
        at = _find_asking(level, entries, changed, everywhere)
        fresh = None if everywhere else changed
        better, chosen = _find_better(level, entries, padded, at, fresh, kept)
        if not len(better):
            return found

        rows, columns = found.rows.copy(), found.columns.copy()
        rows.reshape(-1)[better], columns.reshape(-1)[better] = level.find_positions(chosen)
        found = Map(rows, columns, found.top, found.left)

        inner = np.zeros(found.size, bool)
        inner.reshape(-1)[better] = True
        changed = np.pad(inner, REACH)
    return found


def _find_asking(
    level: Level, entries: Positions, changed: Mask | None, everywhere: bool
) -> NDArray[np.intp]:
    """Find the pixels, numbered row by row, that may have candidates other than their own position.

    In the first round those near a join, later those that have changed or have a neighbour that
    has. changed is (h + 6, w + 6), as entries are.
    """
    height, width = (side - 2 * REACH for side in entries.shape)
    if everywhere:
        return np.arange(height * width)
    if changed is None:
        return np.flatnonzero(_find_joins(find_offsets(level, entries), level.stride))

    asking = changed.copy()
    places = np.flatnonzero(changed)
    for dy, dx in CANDIDATES:
        asking.reshape(-1)[places - (dy * asking.shape[1] + dx)] = True
    return np.flatnonzero(asking[REACH:-REACH, REACH:-REACH])


def _find_joins(offsets: Positions, stride: int) -> Mask:
    """Find the pixels (h, w) that have a candidate: those near a join that is no slip."""
    joins = np.zeros(offsets.shape, bool)
    for axis in (0, 1):
        for ahead, behind in pair_shifts(axis, max(JUMPS)):
            step = offsets[ahead] - offsets[behind]
            differ = step != 0
            differ[differ] = ~_is_slip(step[differ], stride)
            joins[ahead] |= differ
            joins[behind] |= differ
    return joins


def _find_better(
    level: Level,
    entries: Positions,
    padded: Pixels,
    at: NDArray[np.intp],
    changed: Mask | None,
    kept: ObjectsInRegion | None,
) -> tuple[NDArray[np.intp], Positions]:
    """Find which of the pixels at have a candidate nearer than their own position, and its entry.

    A tie goes to the pixel's own position, then to the lowest.
    """
    rows, columns = np.divmod(at, entries.shape[1] - 2 * REACH)
    places = (rows + REACH) * entries.shape[1] + columns + REACH
    own = entries.take(places)
    pixel, candidate = _list_candidates(level, entries, places, own, changed)
    if kept is not None:
        allowed = kept.allow(at[pixel], *level.find_positions(candidate))
        pixel, candidate = pixel[allowed], candidate[allowed]
    if not len(pixel):
        return at[:0], candidate

    # Queries are needed only for pixels that have something to compare.
    asking, pixel = np.unique(pixel, return_inverse=True)
    queries = compute_features(padded, rows[asking], columns[asking], level.basis, level.centre)
    own_distance = _measure_distance(level, queries, own[asking])
    distance = _measure_distance(level, queries[pixel], candidate)

    # Sorted by pixel, distance, position: the first candidate of each pixel is its best.
    order = np.lexsort((candidate, distance, pixel))
    first = order[np.flatnonzero(np.diff(pixel[order], prepend=-1))]
    better = first[distance[first] < own_distance]
    return at[asking[pixel[better]]], candidate[better]


def _list_candidates(
    level: Level,
    entries: Positions,
    places: NDArray[np.intp],
    own: Positions,
    changed: Mask | None,
) -> tuple[NDArray[np.intp], Positions]:
    """List all candidates: the number of a pixel within places, and an entry of the tables.

    Each pixel has each candidate once, and none that is its own position but for a slip. With
    changed, only pixels that have changed ask neighbours that have not.
    """
    known = [own]
    pixels, candidates = [], []
    for dy, dx in CANDIDATES:
        neighbours = places + (dy * entries.shape[1] + dx)
        candidate = entries.take(neighbours)
        candidate -= np.int32(dy * level.stride + dx)

        # Only within the photo, where an entry has a vote.
        fresh = count_votes(level.ballots[0].take(candidate)) != 0
        fresh &= ~_is_slip(candidate - own, level.stride)
        if changed is not None:
            fresh &= changed.take(neighbours) | changed.take(places)
        for other in known:
            fresh &= candidate != other
        known.append(candidate)

        number = np.flatnonzero(fresh)
        pixels.append(number)
        candidates.append(candidate[number])
    return np.concatenate(pixels), np.concatenate(candidates)


def _is_slip(step: Positions, stride: int) -> Mask:
    """Tell which steps between entries (n,) are at most 2 px along each axis."""
    down, across = np.divmod(step + np.int32(MOST * (stride + 1)), np.int32(stride))
    slip: Mask = (down >= 0) & (down <= 2 * MOST) & (across <= 2 * MOST)
    return slip


def _measure_distance(level: Level, queries: Features, entries: Positions) -> NDArray[np.float32]:
    """Measure the squared distances (n,) of n queries to patches of the enlarged photo."""
    rows, columns = level.find_positions(entries)
    apart = compute_features(level.padded, rows, columns, level.basis, level.centre)
    apart -= queries
    distance: NDArray[np.float32] = np.einsum("nc,nc->n", apart, apart)
    return distance

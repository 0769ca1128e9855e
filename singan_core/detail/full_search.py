"""Full search that leaves out what cannot win: the same answers as from comparing every pair.

Queries are put into groups of alike ones. How near a key can come to any query of a group is known
from the range of their features. Most keys are farther from most groups than what was found
already, and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from singan_core.detail.maps import Positions
from singan_core.detail.patches import Features

Scores = NDArray[np.float32]
Each = Callable[..., Iterable[Any]]
"""Calls a function for every group or chunk, in order: map, or that of a pool of threads."""

_GROUP = 512
"""Most queries in a group: smaller groups leave out more, but are more."""
_COMPARED = 8
"""Features, the first and strongest ones, from which groups are made and bounds computed."""
_FIRST = 16
"""One key in so many, those that may be nearest to a group, is tried before all others."""


class Match(NamedTuple):
    """The n patches of a picture (queries) and m patches of the photo (keys), to be compared."""

    queries: Features  # (n, count)
    keys: Features  # (m, count)
    left: Features  # left @ right.T are the squared distances, heights and borders included
    right: Features
    variance: int  # of the keys, summed over the features


class Group(NamedTuple):
    """Queries that are alike."""

    members: NDArray[np.intp]  # their numbers
    bounds: Scores  # (m,): no query of the group is nearer to a key, in squared distance


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


def group_alike(match: Match, asking: NDArray[np.intp], each: Each) -> list[Group]:
    """Put the queries with the numbers asking into groups."""
    strongest = np.ascontiguousarray(match.keys[:, :_COMPARED])

    def measure(members: NDArray[np.intp]) -> Group:
        """Bound the distances of a group."""
        near = match.queries[members, :_COMPARED]
        apart = strongest.clip(near.min(axis=0), near.max(axis=0)) - strongest
        apart *= apart
        return Group(members, apart @ np.ones(apart.shape[1], np.float32))

    return list(each(measure, _split(match.queries, asking)))


def _split(queries: Features, asking: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Halve a set of queries, at the median of the feature that varies most, until it is small."""
    groups, left = [], [asking]
    while left:
        members = left.pop()
        if len(members) <= _GROUP:
            groups.append(members)
            continue
        values = queries[members, :_COMPARED]
        values = np.ascontiguousarray(values[:, values.var(axis=0).argmax()])
        middle = len(members) // 2
        order = np.argpartition(values, middle)
        left += [members[order[:middle]], members[order[middle:]]]
    return groups


def find_least_distances(match: Match, groups: Sequence[Group], each: Each) -> Scores:
    """Find each key's least squared distance to any query of the groups, heights not included."""
    left, right = expand_distances(match.queries, match.keys)
    bounds = np.stack([group.bounds for group in groups])
    nearest = bounds.argmin(axis=0)

    def find_least(number: int, keys: NDArray[np.intp]) -> Scores:
        """Find the least distances of some keys to the queries of a group."""
        distance: Scores = left[groups[number].members] @ right[keys].T
        return distance.min(axis=0)

    def find_first(number: int) -> tuple[NDArray[np.intp], Scores]:
        """Find how near the keys are that may be nearest to this group."""
        keys = np.flatnonzero(nearest == number)
        return keys, find_least(number, keys)

    least = np.empty(len(match.keys), np.float32)
    for keys, found in each(find_first, range(len(groups))):
        least[keys] = found
    known = least.copy()

    def find_nearer(number: int) -> tuple[NDArray[np.intp], Scores]:
        """Find how near the keys are that may be nearer to this group than to their first."""
        keys = np.flatnonzero(bounds[number] < known)
        return keys, find_least(number, keys)

    for keys, found in each(find_nearer, range(len(groups))):
        least[keys] = np.minimum(least[keys], found)
    return least


def find_best_keys(
    match: Match, groups: Sequence[Group], reward: Scores, allowed: NDArray[np.intp], each: Each
) -> Positions:
    """Find the key with the least score for each query of the groups, (n,), elsewhere 0.

    A score is the squared distance times the key's reward. allowed numbers the keys that may be
    found, in rising order. Of equal scores the first wins.
    """
    right, reward = match.right[allowed], reward[allowed]
    heights = match.right[allowed, match.keys.shape[1]] / -2
    first = len(allowed) // _FIRST

    def find_best(group: Group) -> NDArray[np.intp]:
        """Find the best keys for the queries of a group."""
        left = match.left[group.members]
        asked = left[:, match.keys.shape[1]]
        apart = heights.clip(asked.min(), asked.max()) - heights
        least = (group.bounds[allowed] + apart * apart) * reward

        # Nothing that scores more than the worst of these need be looked at.
        promising = np.argpartition(least, first)[: first + 1]
        worst = _score(left, right[promising], reward[promising]).min(axis=1).max()
        left_over = np.flatnonzero(least <= worst)
        return left_over[_score(left, right[left_over], reward[left_over]).argmin(axis=1)]

    nearest = np.zeros(len(match.left), np.int32)
    for group, best in zip(groups, each(find_best, groups), strict=True):
        nearest[group.members] = allowed[best]
    return nearest


def _score(left: Features, right: Features, reward: Scores) -> Scores:
    """Score keys for queries, (n, m)."""
    scores: Scores = left @ right.T
    scores *= reward
    return scores

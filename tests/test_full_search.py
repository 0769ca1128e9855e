"""Full search finds what comparing every pair finds, and compares few of them."""

from __future__ import annotations

import numpy as np
import pytest

from singan_core.detail import full_search
from singan_core.detail.full_search import Match, expand_distances

FEATURES, REWARDS = 24, (1.0, 0.5, 0.125)


def make_match(queries: int, keys: int, seed: int, spread: int = 60) -> Match:
    """Make patches that lie around twelve places, as those of a photo do, with heights."""
    random = np.random.default_rng(seed)
    places = random.integers(-200, 200, (12, FEATURES + 1))

    def draw(count: int) -> np.ndarray:
        apart = random.integers(-spread, spread + 1, (count, FEATURES + 1))
        return (places[random.integers(0, len(places), count)] + apart).astype(np.float32)

    asked, offered = draw(queries), draw(keys)
    offered[1::7] = offered[0]  # ties
    left, right = expand_distances(asked, offered)
    return Match(asked[:, :FEATURES], offered[:, :FEATURES], left, right, 1)


def choose_rewards(match: Match) -> np.ndarray:
    return np.random.default_rng(5).choice(REWARDS, len(match.keys)).astype(np.float32)


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (7, 300), (3000, 40), (3000, 500)])
@pytest.mark.parametrize("seed", [0, 1])
def test_answers_are_those_of_all_pairs(queries, keys, seed):
    match, asking = make_match(queries, keys, seed), np.arange(queries)
    groups = full_search.group_alike(match, asking, map)
    assert np.array_equal(np.sort(np.concatenate([group.members for group in groups])), asking)

    distances = (match.queries[:, None] - match.keys[None]) ** 2
    least = full_search.find_least_distances(match, groups, map)
    assert np.array_equal(least, distances.sum(axis=2).min(axis=0))

    reward, everything = choose_rewards(match), np.arange(keys)
    scores = (match.left @ match.right.T) * reward
    best = full_search.find_best_keys(match, groups, reward, everything, map)
    assert np.array_equal(best, scores.argmin(axis=1))


def test_barred_keys_are_not_found_and_queries_that_do_not_ask_find_nothing():
    match, asking, allowed = make_match(2000, 300, 2), np.arange(0, 2000, 3), np.arange(1, 300, 2)
    groups = full_search.group_alike(match, asking, map)
    reward = choose_rewards(match)
    best = full_search.find_best_keys(match, groups, reward, allowed, map)

    scores = (match.left[asking] @ match.right[allowed].T) * reward[allowed]
    assert np.array_equal(best[asking], allowed[scores.argmin(axis=1)])
    assert not np.delete(best, asking).any()


def test_a_small_part_of_all_pairs_is_compared(monkeypatch):
    match, compared = make_match(8000, 1000, 3, spread=20), []
    score = full_search._score

    def count(left, right, reward):
        compared.append(len(left) * len(right))
        return score(left, right, reward)

    monkeypatch.setattr(full_search, "_score", count)
    groups = full_search.group_alike(match, np.arange(8000), map)
    reward = np.ones(1000, np.float32)
    full_search.find_best_keys(match, groups, reward, np.arange(1000), map)
    assert sum(compared) < 8000 * 1000 / 3

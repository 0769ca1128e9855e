"""singan_core.detail.search in a graph: every patch of the picture finds its nearest in the whole photo.

The scores are computed for so many patches at once that they stay in a few megabytes, however large the canvas is.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from singan_core.detail.photo import Level
from singan_core.detail.search import AT_ONCE, HEIGHTS, ROUNDS, Weights, sum_variances
from singan_core.detail.votes import COARSE
from singan_export.detail_patch_graph import find_features
from singan_export.detail_vote_graph import make_tables, paint, premultiply
from singan_export.values import Value, choose, constant, count_up, join, loop
from singan_export.writer import Writer

_WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class Keys:
    """The photo's patches at a level, and what of the search depends on them alone."""

    features: Value  # (n, 24), float32
    heights: Value  # (n, 1), float32: the rows' relative heights
    scale: int  # of the relative heights
    constant: float  # of the divisor
    count: int
    size: tuple[int, int]


def write_keys(writer: Writer, level: Level, weights: Weights, sharp: bool) -> Keys:
    """Write the photo's patches, or those of the blurred photo, into the graph."""
    found = level.features if sharp else level.blurred_features
    variance = sum_variances(found)
    scale = min(round(math.sqrt(weights.position * variance)), HEIGHTS - 1)
    rows = np.repeat(np.arange(level.size[0]) * scale // level.size[0], level.size[1])
    return Keys(
        constant(writer, found.astype(np.int16)).cast(np.float32),
        constant(writer, rows.astype(np.int16)[:, None]).cast(np.float32),
        scale,
        round(weights.completeness * variance),
        len(found),
        level.size,
    )


def search(keys: Keys, asked: Value) -> Value:
    """Search for the nearest of the photo's patches, (h, w), int32, counted row by row, from features (h, w, 24)."""
    height, width = asked.side(0), asked.side(1)
    flat = asked.reshape(-1, asked.side(2))
    smallest = _find_smallest(flat, keys)
    worth = 1.0 / (smallest + keys.constant).maximum(1)

    relative = (count_up(height) * keys.scale).divide(height).cast(np.float32)
    heights = relative.expand_dims(1).expand(height, width).reshape(-1, 1)
    left, right = _products(join([flat, heights], 1), join([keys.features, keys.heights], 1))
    found = _find_nearest(left, right, worth, keys.count).reshape(height, width)

    def step(turn: Value, carried: list[Value]) -> tuple[list[Value], list[Value]]:
        return [cohere(carried[0], keys.size, left, right, worth)], []

    return loop(constant(asked.writer, np.array(ROUNDS)), [found], step)[0][0]


def _products(asked: Value, keys: Value) -> tuple[Value, Value]:
    """Two matrices, a row for each, whose product with each other holds the squared distances of all pairs."""
    square, key_square = ((one * one).reduce("ReduceSum", 1, keep=True) for one in (asked, keys))
    one = constant(asked.writer, np.ones((1, 1), np.float32))
    left = join([asked, square, one.expand(asked.side(0), 1)], 1)
    right = join([keys * -2, one.expand(keys.side(0), 1), key_square], 1)
    return left, right


def _chunk(flat: Value, turn: Value, step: int) -> Value:
    """So many rows, from a turn's first on; beyond the last it is the last again."""
    rows = constant(flat.writer, np.arange(step)) + turn * step
    return flat.gather(rows.minimum(flat.side(0) - 1))


def _find_smallest(asked: Value, keys: Keys) -> Value:
    """The squared distance (n,) of every key to the nearest that is asked."""
    left, right = _products(asked, keys.features)
    turned, step = right.transpose(1, 0), max(1, AT_ONCE // keys.count)

    def nearest(turn: Value) -> Value:
        return _chunk(left, turn, step).matmul(turned).reduce("ReduceMin", 0)

    def go_on(turn: Value, carried: list[Value]) -> tuple[list[Value], list[Value]]:
        return [carried[0].minimum(nearest(turn + 1))], []

    turns = (asked.side(0) + (step - 1)).divide(step)
    return loop(turns - 1, [nearest(constant(asked.writer, np.array(0)))], go_on)[0][0]


def _find_nearest(left: Value, right: Value, worth: Value, count: int) -> Value:
    """The key (n,), int32, of the least score for every row of left."""
    turned, step = right.transpose(1, 0), max(1, AT_ONCE // count)

    def find(turn: Value, carried: list[Value]) -> tuple[list[Value], list[Value]]:
        return [], [
            (_chunk(left, turn, step).matmul(turned) * worth).find("ArgMin", 1).cast(np.int32)
        ]

    rows = left.side(0)
    (parts,) = loop((rows + (step - 1)).divide(step), [], find)[1]
    return parts.reshape(-1).slice(0, 0, rows)


def cohere(found: Value, size: tuple[int, int], left: Value, right: Value, worth: Value) -> Value:
    """The positions (h, w) after one round in which every pixel asks its four neighbours."""
    height, width = found.side(0), found.side(1)
    around = found.pad((1, 1), (1, 1), -1)
    beside = [around.window(dy, dx, 1) for dy, dx in _WAYS]
    proposals = [_shift(near, size, dy, dx) for near, (dy, dx) in zip(beside, _WAYS, strict=True)]

    best: Value | None = None
    chosen = found
    for candidate in (found, *proposals):
        said, shown = (count_equal(candidate, others) for others in (proposals, beside))
        sixteenths = said * -3 + shown * 8 + 16
        at = candidate.maximum(0).reshape(-1)
        apart = (left * right.gather(at)).reduce("ReduceSum", 1)
        scores = (apart * worth.gather(at)).reshape(height, width) * sixteenths.cast(np.float32)
        if best is None:
            best = scores
            continue
        better = (scores < best) | (scores.equals(best) & (candidate < chosen))
        better = better & (candidate >= 0)
        best, chosen = choose(better, scores, best), choose(better, candidate, chosen)
    return chosen


def count_equal(value: Value, others: Sequence[Value]) -> Value:
    """Count how many of the others a value equals, int32."""
    return functools.reduce(operator.add, (one.equals(value).cast(np.int32) for one in others))


def _shift(near: Value, size: tuple[int, int], dy: int, dx: int) -> Value:
    """What a neighbour at (dy, dx) would have each pixel show; -1 for nothing."""
    row, column = near.divide(size[1]) - dy, near % size[1] - dx
    inside = (near >= 0) & (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    return choose(inside, row * size[1] + column, -1)


def settle(level: Level, weights: Weights, query: Value, sharp: bool) -> tuple[Value, Value, Value]:
    """Look, paint, look again: the picture (h, w, C), straight, and the rows and columns (h, w) of its map, int32.

    query is the picture that comes in, premultiplied.
    """
    writer, channels = query.writer, level.pixels.shape[2]
    pixels, matched, blurred = (
        constant(writer, part).cast(np.int32)
        for part in (level.pixels, level.matched, level.blurred)
    )
    tables = make_tables(pixels, matched, blurred, channels)

    for turn in range(weights.passes + sharp):
        keys = write_keys(writer, level, weights, sharp or turn > 0)
        found = search(keys, find_features(query, level.basis, level.centre))
        rows, columns = found.divide(level.size[1]), found % level.size[1]
        picture = paint(tables, tables.locate(rows, columns), COARSE)
        query = premultiply(picture, channels)
    return picture, rows, columns

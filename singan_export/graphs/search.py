"""Write singan_core.detail.search: every patch finds its nearest patch in the whole photo.

Scores are computed for so many patches at once that they stay within a few megabytes, however large
the canvas is.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from singan_core.detail.clearing import AT_ONCE
from singan_core.detail.patches import REACH, Features
from singan_core.detail.photo import Level
from singan_core.detail.propagation import JUMPS, NEIGHBOURS, REPEAT_COLUMNS, list_nearby
from singan_core.detail.search import (
    HEIGHTS,
    Weights,
    forbid_borders,
    mark_borders,
    sum_variances,
)
from singan_core.detail.votes import COARSE
from singan_core.pyramid import Size
from singan_export.graphs.control_flow import loop
from singan_export.graphs.patches import find_features
from singan_export.graphs.values import Value, add_constant, choose, count_up, join
from singan_export.graphs.votes import make_tables, paint, premultiply
from singan_export.graphs.writer import Writer


@dataclass(frozen=True)
class Keys:
    """The photo's patches at a level, and what of the search depends on them alone."""

    features: Value  # (n, 24), float32
    heights: Value  # (n, 1), float32: the relative heights of their rows
    scale: int  # of the relative heights
    constant: float  # of the divisor
    count: int
    size: tuple[int, int]
    borders: Value | None  # (n, 16), float32: which pixels they are forbidden to, if to any


def write_keys(writer: Writer, level: Level, weights: Weights, sharp: bool) -> Keys:
    """Write the patches of the photo, or of the blurred photo for a picture that is not sharp."""
    found = level.features if sharp else level.blurred_features
    variance = sum_variances(found)
    scale = min(round(math.sqrt(weights.position * variance)), HEIGHTS - 1)
    rows = np.repeat(np.arange(level.size[0]) * scale // level.size[0], level.size[1])
    return Keys(
        add_constant(writer, found.astype(np.int16)).cast(np.float32),
        add_constant(writer, rows.astype(np.int16)[:, None]).cast(np.float32),
        scale,
        round(weights.completeness * variance),
        len(found),
        level.size,
        add_constant(writer, _forbid_borders(level.size)) if weights.bordered else None,
    )


def _forbid_borders(size: Size) -> Features:
    return forbid_borders(mark_borders(size, (False, False)))


def _mark_borders(height: Value, width: Value) -> Value:
    """Mark how far each pixel lies from the four borders, as singan_core.detail.search does."""
    near = add_constant(height.writer, np.eye(REACH + 1, dtype=np.float32))
    marks = []
    for axis, side in enumerate((height, width)):
        place = count_up(side)
        for distance in (place, side - 1 - place):
            lines = near.gather(distance.minimum(REACH)).expand_dims(1 - axis)
            marks.append(lines.expand(height, width, REACH + 1).reshape(-1, REACH + 1))
    return join(marks, 1)


def search(keys: Keys, query: Value) -> Value:
    """Search for the nearest patches of the photo from features (h, w, 24).

    The result (h, w), int32, counts the photo's positions row by row.
    """
    height, width = query.get_length(0), query.get_length(1)
    flat = query.reshape(-1, query.get_length(2))
    smallest = _find_smallest(flat, keys)
    reward = 1.0 / (smallest + keys.constant).maximum(1)

    # Relative heights are one more feature.
    relative = (count_up(height) * keys.scale).divide(height).cast(np.float32)
    heights = relative.expand_dims(1).expand(height, width).reshape(-1, 1)
    left, right = _make_factors(join([flat, heights], 1), join([keys.features, keys.heights], 1))
    if keys.borders is not None:
        left = join([left, _mark_borders(height, width)], 1)
        right = join([right, keys.borders], 1)
    found = _find_nearest(left, right, reward, keys.count).reshape(height, width)

    jumps = add_constant(query.writer, np.array(JUMPS, np.int32))

    def step(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        return [propagate(state[0], keys.size, left, right, reward, jumps.gather(turn))], []

    return loop(add_constant(query.writer, np.array(len(JUMPS))), [found], step)[0][0]


def _make_factors(query: Value, keys: Value) -> tuple[Value, Value]:
    """Make two matrices, with a row for each patch, whose product holds all squared distances."""
    square, key_square = ((one * one).reduce("ReduceSum", 1, keep=True) for one in (query, keys))
    one = add_constant(query.writer, np.ones((1, 1), np.float32))
    left = join([query, square, one.expand(query.get_length(0), 1)], 1)
    right = join([keys * -2, one.expand(keys.get_length(0), 1), key_square], 1)
    return left, right


def _take_chunk(flat: Value, turn: Value, step: int) -> Value:
    """Take the rows of a turn, step of them.

    Beyond the last row it is the last one again.
    """
    rows = add_constant(flat.writer, np.arange(step)) + turn * step
    return flat.gather(rows.minimum(flat.get_length(0) - 1))


def _find_smallest(query: Value, keys: Keys) -> Value:
    """Find the squared distance (n,) of every key to the nearest patch of the picture."""
    left, right = _make_factors(query, keys.features)
    turned, step = right.transpose(1, 0), max(1, AT_ONCE // keys.count)

    def find(turn: Value) -> Value:
        return _take_chunk(left, turn, step).matmul(turned).reduce("ReduceMin", 0)

    def go_on(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        return [state[0].minimum(find(turn + 1))], []

    turns = (query.get_length(0) + (step - 1)).divide(step)
    return loop(turns - 1, [find(add_constant(query.writer, np.array(0)))], go_on)[0][0]


def _find_nearest(left: Value, right: Value, reward: Value, count: int) -> Value:
    """Find the key (n,), int32, of the least score for every row of left."""
    turned, step = right.transpose(1, 0), max(1, AT_ONCE // count)

    def find(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        scores = _take_chunk(left, turn, step).matmul(turned) * reward
        return [], [scores.find("ArgMin", 1).cast(np.int32)]

    rows = left.get_length(0)
    (parts,) = loop((rows + (step - 1)).divide(step), [], find)[1]
    return parts.reshape(-1).slice(0, 0, rows)


def propagate(
    found: Value, size: tuple[int, int], left: Value, right: Value, reward: Value, jump: Value
) -> Value:
    """Compare the position of every pixel, (h, w), with what four at the distance jump propose."""
    height, width = found.get_length(0), found.get_length(1)
    reach = (REPEAT_COLUMNS, REPEAT_COLUMNS)
    around = found.pad(reach, reach, -1)
    proposals = [
        _propose(around, found, size, jump * 0 + dy, jump * 0 + dx) for dy, dx in NEIGHBOURS
    ]
    repeats = join([_look(around, found, dy, dx).expand_dims(0) for dy, dx in list_nearby()], 0)

    best: Value | None = None
    winner = found
    candidates = [_propose(around, found, size, jump * dy, jump * dx) for dy, dx in NEIGHBOURS]
    for candidate in (found, *candidates):
        # Cheaper if neighbours propose it too, dearer if pixels nearby have it already.
        proposed = count_equal(candidate, proposals)
        repeated = repeats.equals(candidate).cast(np.int32).reduce("ReduceSum", 0)
        sixteenths = proposed * -3 + repeated * 8 + 16
        at = candidate.maximum(0).reshape(-1)
        distance = (left * right.gather(at)).reduce("ReduceSum", 1)
        scores = (distance * reward.gather(at)).reshape(height, width)
        scores = scores * sixteenths.cast(np.float32)

        if best is None:
            best = scores
            continue
        better = (scores < best) | (scores.equals(best) & (candidate < winner))
        better = better & (candidate >= 0)
        best, winner = choose(better, scores, best), choose(better, candidate, winner)
    return winner


def count_equal(value: Value, others: Sequence[Value]) -> Value:
    """Count how many of the others a value equals, int32."""
    return functools.reduce(operator.add, (one.equals(value).cast(np.int32) for one in others))


def _look(around: Value, found: Value, dy: Value | int, dx: Value | int) -> Value:
    """Take what the pixel at (dy, dx) from each shows, (h, w)."""
    for axis, offset in enumerate((dy, dx)):
        start = offset + REPEAT_COLUMNS
        around = around.slice(axis, start, found.get_length(axis) + start)
    return around


def _propose(around: Value, found: Value, size: tuple[int, int], dy: Value, dx: Value) -> Value:
    """Shift what the pixels at (dy, dx) show back to those that ask.

    Beyond the photo it is -1.
    """
    near = _look(around, found, dy.cast(np.int64), dx.cast(np.int64))
    row, column = near.divide(size[1]) - dy, near % size[1] - dx
    inside = (near >= 0) & (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    return choose(inside, row * size[1] + column, -1)


def search_level(
    level: Level, weights: Weights, query: Value, sharp: bool
) -> tuple[Value, Value, Value]:
    """Search, paint, and search again with what was painted.

    query is the picture that comes in, premultiplied. Returns the picture (h, w, C), straight, and
    the rows and columns (h, w) of its map, int32.
    """
    writer, channels = query.writer, level.pixels.shape[2]
    pixels, matched, blurred = (
        add_constant(writer, part).cast(np.int32)
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

"""Write singan_core.detail.votes: a picture from the positions of its patches in the photo.

A level's tables have (h + 13) x (w + 6) entries, row by row: the photo's pixels, 3 empty entries on
every side and ten empty rows below. What lies beyond the photo has no vote, and a pixel beyond the
canvas has a position in the middle of the empty rows. So a map is one number for each pixel, int32,
and a step to the side is one addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singan_core.detail.patches import REACH
from singan_core.detail.photo import FULL, tabulate_smoothness
from singan_core.detail.votes import compute_weights
from singan_export.graphs.control_flow import loop
from singan_export.graphs.values import Value, add_constant, join, make_list

_BELOW = 3 * REACH + 1  # empty rows


@dataclass(frozen=True)
class Tables:
    """The photo at one level: its size, int32 scalars, and what each position votes for."""

    height: Value
    width: Value
    ballots: Value  # (n, C + 1 + C), int32: the vote, 1, and the blurred photo
    smoothness: Value  # (n,), int32, 0 to 64
    channels: int

    @property
    def stride(self) -> Value:
        """The number of positions in a row."""
        return self.width + 2 * REACH

    @property
    def nowhere(self) -> Value:
        """The position of a pixel beyond the canvas."""
        return (self.height + 3 * REACH) * self.stride + REACH

    def locate(self, rows: Value, columns: Value) -> Value:
        """Turn rows and columns into positions, int32."""
        return (rows + REACH) * self.stride + (columns + REACH)

    def get_rows(self, positions: Value) -> Value:
        """Get the rows of positions."""
        return positions.divide(self.stride) - REACH

    def get_columns(self, positions: Value) -> Value:
        """Get the columns of positions."""
        return positions % self.stride - REACH

    def surround(self, positions: Value) -> Value:
        """Add 3 px of nowhere around a map (h, w)."""
        return positions.pad((REACH, REACH), (REACH, REACH), self.nowhere)


def tabulate(values: Value, empty: float = 0) -> Value:
    """Lay out values (h, w, n) of the photo as a level's table, (positions, n)."""
    padded = values.pad((REACH, REACH, 0), (_BELOW, REACH, 0), empty)
    return padded.reshape(-1, padded.get_length(2))


def make_tables(pixels: Value, matched: Value, blurred: Value, channels: int) -> Tables:
    """Make the tables of the photo's pixels (h, w, C), int32: straight, premultiplied, blurred."""
    height, width = (pixels.get_length(axis).cast(np.int32) for axis in (0, 1))
    votes = pixels
    if channels == 4:  # colours count as much as they are opaque
        alpha = pixels.slice(2, 3, 4)
        votes = join([pixels.slice(2, 0, 3) * alpha, alpha], 2)
    one = add_constant(pixels.writer, np.ones((1, 1, 1), np.int32)).expand(
        pixels.get_length(0), pixels.get_length(1), 1
    )

    ballots = tabulate(join([votes, one, blurred], 2))
    smoothness = tabulate(find_smoothness(matched, blurred, channels).expand_dims(2)).reshape(-1)
    return Tables(height, width, ballots, smoothness, channels)


def find_smoothness(matched: Value, blurred: Value, channels: int) -> Value:
    """Find how little detail of its own each pixel has, 0 to 64, (h, w), int32."""
    table = add_constant(matched.writer, tabulate_smoothness(channels).astype(np.int32))
    return table.gather((matched - blurred).apply("Abs").reduce("ReduceSum", 2))


def paint(tables: Tables, positions: Value, sigma: float, below: Value | None = None) -> Value:
    """Paint the picture (h, w, C), straight, int32, of a map (h, w).

    below is the coarser picture, enlarged and premultiplied, whose colours stay where the photo is
    smooth.
    """
    channels, total = tables.channels, count_votes(tables, positions, sigma)
    sums, count = total.slice(2, 0, channels), total.slice(2, channels, channels + 1)
    if channels == 4:
        return _divide_by_opacity(sums, count)
    if below is None:
        return (sums * 2 + count).divide(count * 2)

    low = total.slice(2, channels + 1, 2 * channels + 1)
    share = find_lowest(tables.smoothness.gather(positions)).expand_dims(2)
    mixed = sums * FULL + share * (below * count - low) + count * (FULL // 2)
    # A negative value may be rounded either way here, as it becomes 0 in any case.
    return mixed.divide(count * FULL).clip(0, 255)


def count_votes(tables: Tables, positions: Value, sigma: float) -> Value:
    """Sum the ballots of the patches around every pixel by their weights, (h, w, ...), int32."""
    writer, around, votes = positions.writer, tables.surround(positions), compute_weights(sigma)
    starts = np.array([(REACH - dy, REACH - dx) for dy, dx, _ in votes], np.int64)
    places = add_constant(writer, starts)
    rows, columns, counts = (
        add_constant(writer, np.array(column, np.int32)) for column in zip(*votes, strict=True)
    )
    steps = rows * tables.stride + columns
    canvas = make_list(writer, [positions.get_length(0), positions.get_length(1)])

    def count_one(turn: Value) -> Value:
        near = around.take_block(places.gather(turn), canvas) + steps.gather(turn)
        return tables.ballots.gather(near) * counts.gather(turn)

    def step(turn: Value, state: list[Value]) -> tuple[list[Value], list[Value]]:
        return [state[0] + count_one(turn + 1)], []

    first, others = (add_constant(writer, np.array(number)) for number in (0, len(votes) - 1))
    return loop(others, [count_one(first)], step)[0][0]


def find_lowest(values: Value) -> Value:
    """Find the smallest value within 3 px along both axes, of (h, w), int32."""
    for axis in (0, 1):
        widths = [REACH * (axis == 0), REACH * (axis == 1)]
        around = values.pad(widths, widths, FULL)
        for distance in range(-REACH, REACH + 1):
            shift = distance * (axis == 0), distance * (axis == 1)
            before = [width + by for width, by in zip(widths, shift, strict=True)]
            after = [width - by for width, by in zip(widths, shift, strict=True)]
            values = values.minimum(around.crop(before, after))
    return values


def _divide_by_opacity(sums: Value, count: Value) -> Value:
    """Turn sums of colours times alpha, and of alpha, into RGBA."""
    opacity = sums.slice(2, 3, 4)
    colours = (sums.slice(2, 0, 3) * 2 + opacity).divide((opacity * 2).maximum(1))
    return join([colours, (opacity * 2 + count).divide(count * 2)], 2)


def premultiply(pixels: Value, channels: int) -> Value:
    """Multiply the colours of RGBA, int32, by alpha.

    Other pictures stay as they are.
    """
    if channels != 4:
        return pixels
    alpha = pixels.slice(2, 3, 4)
    return join([(pixels.slice(2, 0, 3) * alpha + 127).divide(255), alpha], 2)


def straighten(pixels: Value, channels: int) -> Value:
    """Divide the colours of RGBA, int32, by alpha.

    Other pictures stay as they are.
    """
    if channels != 4:
        return pixels
    alpha = pixels.slice(2, 3, 4)
    colours = (pixels.slice(2, 0, 3) * 510 + alpha).divide((alpha * 2).maximum(1)).minimum(255)
    return join([colours * (alpha > 0).cast(np.int32), alpha], 2)

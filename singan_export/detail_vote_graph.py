"""singan_core.detail.votes in a graph, all the work everywhere: a picture from where its patches lie in the photo.

A level's tables are (h + 13, w + 6) entries row by row, with 3 empty ones on every side and ten rows of them below, as
the engine's are: what lies beyond the photo says nothing, and a pixel beyond the canvas shows a place in the middle of
nothing. A map is then one position a pixel, int32, and a step to the side is one addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from singan_core.detail.patches import REACH
from singan_core.detail.photo import FULL, tabulate_smoothness
from singan_core.detail.votes import weights
from singan_export.values import Value, constant, join, list_of, loop

_BELOW = 3 * REACH + 1  # empty rows


@dataclass(frozen=True)
class Tables:
    """The photo at one level: its size, int32 without axes, and what it says of every position."""

    height: Value
    width: Value
    ballots: Value  # (n, C + 1 + C), int32: what a vote says, 1, and the blurred photo
    smoothness: Value  # (n,), int32, 0 to 64
    channels: int

    @property
    def stride(self) -> Value:
        """Positions in a row."""
        return self.width + 2 * REACH

    @property
    def nowhere(self) -> Value:
        """What a pixel beyond the canvas shows."""
        return (self.height + 3 * REACH) * self.stride + REACH

    def locate(self, rows: Value, columns: Value) -> Value:
        """The positions of rows and columns, int32."""
        return (rows + REACH) * self.stride + (columns + REACH)

    def rows(self, positions: Value) -> Value:
        """The rows of positions."""
        return positions.divide(self.stride) - REACH

    def columns(self, positions: Value) -> Value:
        """The columns of positions."""
        return positions % self.stride - REACH

    def surround(self, positions: Value) -> Value:
        """A map (h, w) with 3 px of nowhere around it."""
        return positions.pad((REACH, REACH), (REACH, REACH), self.nowhere)


def tabulate(values: Value, empty: float = 0) -> Value:
    """Lay values (h, w, n) of the photo out as a level's table, (positions, n)."""
    padded = values.pad((REACH, REACH, 0), (_BELOW, REACH, 0), empty)
    return padded.reshape(-1, padded.side(2))


def make_tables(pixels: Value, matched: Value, blurred: Value, channels: int) -> Tables:
    """Make the tables of the photo's pixels (h, w, C), straight, premultiplied and blurred, int32."""
    height, width = (pixels.side(axis).cast(np.int32) for axis in (0, 1))
    says = pixels
    if channels == 4:  # colours count as much as they are opaque
        alpha = pixels.slice(2, 3, 4)
        says = join([pixels.slice(2, 0, 3) * alpha, alpha], 2)
    one = constant(pixels.writer, np.ones((1, 1, 1), np.int32)).expand(
        pixels.side(0), pixels.side(1), 1
    )
    ballots = tabulate(join([says, one, blurred], 2))
    smoothness = tabulate(find_smoothness(matched, blurred, channels).expand_dims(2)).reshape(-1)
    return Tables(height, width, ballots, smoothness, channels)


def find_smoothness(matched: Value, blurred: Value, channels: int) -> Value:
    """How far a pixel is without detail of its own, 0 to 64, (h, w), int32."""
    table = constant(matched.writer, tabulate_smoothness(channels).astype(np.int32))
    return table.gather((matched - blurred).apply("Abs").reduce("ReduceSum", 2))


def paint(tables: Tables, positions: Value, sigma: float, below: Value | None = None) -> Value:
    """Paint the picture (h, w, C), straight, int32, of a map (h, w).

    below is the coarser picture, enlarged and premultiplied, whose colours stay where the photo is smooth.
    """
    channels, total = tables.channels, count_votes(tables, positions, sigma)
    said, count = total.slice(2, 0, channels), total.slice(2, channels, channels + 1)
    if channels == 4:
        return _weigh_by_opacity(said, count)
    if below is None:
        return (said * 2 + count).divide(count * 2)
    low = total.slice(2, channels + 1, 2 * channels + 1)
    share = find_lowest(tables.smoothness.gather(positions)).expand_dims(2)
    mixed = said * FULL + share * (below * count - low) + count * (FULL // 2)
    return mixed.divide(count * FULL).clip(
        0, 255
    )  # what is negative becomes 0 however it is rounded


def count_votes(tables: Tables, positions: Value, sigma: float) -> Value:
    """Add up what the patches around every pixel say of it, by their weights: (h, w, ...) as the ballots are."""
    writer, around, votes = positions.writer, tables.surround(positions), weights(sigma)
    starts = constant(writer, np.array([(REACH - dy, REACH - dx) for dy, dx, _ in votes], np.int64))
    rows, columns, counts = (
        constant(writer, np.array(column, np.int32)) for column in zip(*votes, strict=True)
    )
    steps = rows * tables.stride + columns
    canvas = list_of(writer, [positions.side(0), positions.side(1)])

    def vote(turn: Value) -> Value:
        near = around.block(starts.gather(turn), canvas) + steps.gather(turn)
        return tables.ballots.gather(near) * counts.gather(turn)

    def step(turn: Value, carried: list[Value]) -> tuple[list[Value], list[Value]]:
        return [carried[0] + vote(turn + 1)], []

    first, others = (constant(writer, np.array(number)) for number in (0, len(votes) - 1))
    return loop(others, [vote(first)], step)[0][0]


def find_lowest(values: Value) -> Value:
    """The smallest value within 3 px, along both axes, of (h, w), int32."""
    for axis in (0, 1):
        widths = [REACH * (axis == 0), REACH * (axis == 1)]
        around = values.pad(widths, widths, FULL)
        for distance in range(-REACH, REACH + 1):
            shift = distance * (axis == 0), distance * (axis == 1)
            beside = around.crop(
                [width + by for width, by in zip(widths, shift, strict=True)],
                [width - by for width, by in zip(widths, shift, strict=True)],
            )
            values = values.minimum(beside)
    return values


def _weigh_by_opacity(said: Value, count: Value) -> Value:
    """RGBA of the sums of colours times alpha, and of alpha."""
    opacity = said.slice(2, 3, 4)
    colours = (said.slice(2, 0, 3) * 2 + opacity).divide((opacity * 2).maximum(1))
    return join([colours, (opacity * 2 + count).divide(count * 2)], 2)


def premultiply(pixels: Value, channels: int) -> Value:
    """RGBA, int32, with its colours times alpha; other pictures as they are."""
    if channels != 4:
        return pixels
    alpha = pixels.slice(2, 3, 4)
    return join([(pixels.slice(2, 0, 3) * alpha + 127).divide(255), alpha], 2)


def straighten(pixels: Value, channels: int) -> Value:
    """RGBA, int32, with its colours divided by alpha; other pictures as they are."""
    if channels != 4:
        return pixels
    alpha = pixels.slice(2, 3, 4)
    colours = (pixels.slice(2, 0, 3) * 510 + alpha).divide((alpha * 2).maximum(1)).minimum(255)
    return join([colours * (alpha > 0).cast(np.int32), alpha], 2)

"""What is connected: nodes that links join, and the pieces of a mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Mask

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A connected piece of a mask, cut out: bool (h, w), and where its box begins."""

    y: int
    x: int
    mask: Mask

    @property
    def area(self) -> int:
        """How many pixels it covers."""
        return int(np.count_nonzero(self.mask))

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width and height in px."""
        height, width = self.mask.shape
        return self.x, self.y, width, height


def connect(count: int, one: Integers, other: Integers) -> Integers:
    """Find for each of count nodes the lowest node that is connected to it.

    The links join node one[i] and node other[i]."""
    lowest = np.arange(count)
    while True:
        one, other = lowest[one], lowest[other]
        apart = one != other
        if not apart.any():
            return lowest

        # Only tops of trees are linked here, each to a lower number: there are no cycles, and every
        # round leaves at least one tree less.
        one, other = one[apart], other[apart]
        np.minimum.at(lowest, np.maximum(one, other), np.minimum(one, other))

        # Point every node straight to the top of its tree.
        while not np.array_equal(higher := lowest[lowest], lowest):
            lowest = higher


def find_pieces(mask: Mask, least: int = 1) -> Iterator[Piece]:
    """Find the pieces of a mask (h, w) of at least so many pixels, in reading order.

    Pixels that touch by a side or by a corner are connected.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return
    tops = connect(len(rows), *_link_pixels(mask))

    # The pixels of a piece, which is numbered by its first one, follow each other.
    order = np.argsort(tops, kind="stable")
    starts = np.flatnonzero(np.diff(tops[order], prepend=-1))
    for pixels in np.split(order, starts[1:]):
        if len(pixels) >= least:
            yield _cut_out(rows[pixels], columns[pixels])


def _link_pixels(mask: Mask) -> tuple[Integers, Integers]:
    """Link every pixel of a mask with those after it that it touches; both as numbers."""
    numbers = np.full((mask.shape[0] + 1, mask.shape[1] + 2), -1)
    inner = numbers[:-1, 1:-1]
    inner[mask] = np.arange(np.count_nonzero(mask))

    ones, others = [], []
    for beside in (numbers[:-1, 2:], numbers[1:, :-2], numbers[1:, 1:-1], numbers[1:, 2:]):
        both = (inner >= 0) & (beside >= 0)
        ones.append(inner[both])
        others.append(beside[both])
    return np.concatenate(ones), np.concatenate(others)


def _cut_out(rows: Integers, columns: Integers) -> Piece:
    """Cut out the pixels of a piece."""
    y, x = int(rows.min()), int(columns.min())
    mask = np.zeros((int(rows.max()) - y + 1, int(columns.max()) - x + 1), np.bool_)
    mask[rows - y, columns - x] = True
    return Piece(y, x, mask)

"""Which region of every scale must be drawn for a window of the picture.

Rows and columns are planned in the same way, one axis at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from singan_core import HALO, resample
from singan_core.pyramid import Pass, Size

Wrap = tuple[bool, bool]
"""Whether the rows and the columns are periodic, so that opposite edges of the canvas meet."""


class Span(NamedTuple):
    """The positions start to stop - 1 along one axis.

    On a periodic axis they may lie outside the canvas, where its content repeats.
    """

    start: int
    stop: int

    @property
    def length(self) -> int:
        """Number of positions."""
        return self.stop - self.start

    def grow(self, by: int) -> Span:
        """Extend both ends by this many positions."""
        return Span(self.start - by, self.stop + by)

    def move(self, by: int) -> Span:
        """Move both ends by this many positions."""
        return Span(self.start + by, self.stop + by)

    def clip(self, length: int, periodic: bool) -> Span:
        """Clip to a canvas of this length. On a periodic axis, keep at most one full turn."""
        if not periodic:
            return Span(max(self.start, 0), min(self.stop, length))
        return self if self.length < length else Span(0, length)


Region = tuple[Span, Span]
"""A rectangle of a canvas: its rows and its columns."""


@dataclass(frozen=True)
class Step:
    """One pass of the cascade, restricted to the part of its canvas that a window needs."""

    index: int  # of the pass, which selects its noise
    generator: int
    canvas: Size
    detail: float | None  # share of the detail that is added; None up to the finest scale
    smaller: Size  # canvas of the image that the pass enlarges
    drawn: Region  # what the generator draws
    kept: Region  # what the next pass receives: less than was drawn where detail is filtered

    @property
    def size(self) -> Size:
        """(height, width) of the drawn region."""
        return self.drawn[0].length, self.drawn[1].length


def cover_canvas(size: Size) -> Region:
    """Return the region that covers a canvas of this size."""
    return Span(0, size[0]), Span(0, size[1])


def plan_steps(
    passes: Sequence[Pass], source: Size | None, window: Region, wrap: Wrap = (False, False)
) -> list[Step]:
    """Plan the steps, coarsest first, that draw a window of the last pass's canvas.

    source is the size of the image that the first pass enlarges. Without one it starts from zeros
    on its own canvas.
    """
    smaller = [source or passes[0].canvas]
    smaller += [one.canvas for one in passes[:-1]]

    # From the finest pass down: what a step reads is what the step below has to keep.
    steps: list[Step] = []
    kept = window
    for one, below in zip(reversed(passes), reversed(smaller), strict=True):
        drawn = find_drawn(kept, one.canvas, below, wrap) if one.beyond else kept
        steps.append(Step(one.index, one.generator, one.canvas, one.detail, below, drawn, kept))
        kept = find_sources(add_halo(drawn, one.canvas, wrap), below, one.canvas, wrap)

    return steps[::-1]


def plan_whole_picture(passes: Sequence[Pass]) -> list[Step]:
    """Plan the steps that draw the whole picture."""
    return plan_steps(passes, None, cover_canvas(passes[-1].canvas))


def add_halo(region: Region, canvas: Size, wrap: Wrap) -> Region:
    """Extend a region by the halo that a generator reads around it.

    Clip it to the canvas on an axis that is not periodic: beyond it there is no image to read.
    """
    rows, columns = (
        span.grow(HALO) if periodic else span.grow(HALO).clip(length, False)
        for span, length, periodic in zip(region, canvas, wrap, strict=True)
    )
    return rows, columns


def find_sources(region: Region, n_in: Size, n_out: Size, wrap: Wrap) -> Region:
    """Find the region of a canvas n_in that is read when it is resampled to a region of n_out."""
    rows, columns = (
        Span(*resample.find_reach(n_in[axis], n_out[axis], *region[axis])).clip(
            n_in[axis], wrap[axis]
        )
        for axis in (0, 1)
    )
    return rows, columns


def find_drawn(kept: Region, canvas: Size, smaller: Size, wrap: Wrap) -> Region:
    """Find the region that must be drawn so that fine detail can be told apart in the kept region.

    Fine is what the smaller canvas cannot hold. To find it, the drawn image is resampled to the
    smaller canvas and back, which reads a little beyond the kept region.
    """
    coarse = find_sources(kept, smaller, canvas, wrap)
    read = find_sources(coarse, canvas, smaller, wrap)
    joined = [
        Span(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(kept, read, strict=True)
    ]
    rows, columns = (joined[axis].clip(canvas[axis], wrap[axis]) for axis in (0, 1))
    return rows, columns


def cut_tiles(region: Region, down: int, across: int) -> Iterator[Region]:
    """Cut a region into down x across tiles of nearly equal size, row by row.

    A tile is empty only if the region has fewer positions than tiles along an axis.
    """
    yield from itertools.product(_share(region[0], down), _share(region[1], across))


def _share(span: Span, count: int) -> list[Span]:
    """Cut a span into this many parts of nearly equal length."""
    bounds = [span.start + span.length * n // count for n in range(count + 1)]
    return [Span(*pair) for pair in itertools.pairwise(bounds)]


def cut_blocks(size: Size, side: int, fixed: bool) -> Iterator[Region]:
    """Cover a canvas with blocks of one shape, at most side x side, row by row.

    Where the blocks do not divide the canvas evenly, the last ones overlap their neighbours. Fixed
    blocks are exactly side x side on every canvas that is large enough. Others are made smaller, so
    that they overlap as little as possible.
    """
    rows, columns = (_place_blocks(length, side, fixed) for length in size)
    yield from itertools.product(rows, columns)


def _place_blocks(length: int, side: int, fixed: bool) -> list[Span]:
    """Cover one axis with as few blocks of one length, at most side, as possible."""
    count = -(-length // side)
    side = min(side, length) if fixed else -(-length // count)
    starts = (min(n * side, length - side) for n in range(count))
    return [Span(start, start + side) for start in starts]

"""Which region of every scale a window of the picture needs. Rows and columns are planned alike, one axis at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from singan_core import HALO, resample
from singan_core.pyramid import Pass, Size

Wrap = tuple[bool, bool]
"""Whether rows and columns are periodic: the canvas meets itself at the opposite edge."""


class Span(NamedTuple):
    """Positions start .. stop-1 of one axis; on a periodic one they may lie outside the canvas and mean its repeats."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many positions."""
        return self.stop - self.start

    def grown(self, by: int) -> Span:
        """With so many more positions at both ends."""
        return Span(self.start - by, self.stop + by)

    def moved(self, by: int) -> Span:
        """So many positions further on."""
        return Span(self.start + by, self.stop + by)

    def within(self, length: int, periodic: bool) -> Span:
        """What of it lies on the canvas; once around is all that a periodic one has."""
        if not periodic:
            return Span(max(self.start, 0), min(self.stop, length))
        return self if self.length < length else Span(0, length)


Region = tuple[Span, Span]
"""Rows and columns."""


@dataclass(frozen=True)
class Step:
    """A pass of the cascade over the part of its canvas that a window needs."""

    index: int  # of the pass, which numbers its noise
    generator: int
    canvas: Size
    detail: float | None  # of a pass beyond the finest scale: the share of its detail that it adds
    smaller: Size  # canvas of the image that it starts from
    drawn: Region  # what the generator has to draw
    kept: Region  # what goes on to the next pass: less, where detail is filtered

    @property
    def size(self) -> Size:
        """(height, width) of the drawn region."""
        return self.drawn[0].length, self.drawn[1].length


def whole(size: Size) -> Region:
    """The region that is the whole canvas."""
    return Span(0, size[0]), Span(0, size[1])


def plan(
    passes: Sequence[Pass], source: Size | None, window: Region, wrap: Wrap = (False, False)
) -> list[Step]:
    """The steps, coarsest first, that draw the window of the last canvas, from an image of the source size."""
    smaller = [source or passes[0].canvas, *(step.canvas for step in passes[:-1])]
    steps: list[Step] = []
    needed = window
    for one, below in zip(reversed(passes), reversed(smaller), strict=True):
        drawn = filtered(needed, one.canvas, below, wrap) if one.beyond else needed
        steps.append(Step(one.index, one.generator, one.canvas, one.detail, below, drawn, needed))
        needed = sources(seen(drawn, one.canvas, wrap), below, one.canvas, wrap)
    return steps[::-1]


def whole_steps(passes: Sequence[Pass]) -> list[Step]:
    """The steps that draw the whole picture."""
    return plan(passes, None, whole(passes[-1].canvas))


def seen(drawn: Region, canvas: Size, wrap: Wrap) -> Region:
    """What of its canvas the generator looks at to draw a region: with the halo, as far as there is canvas."""
    rows, columns = (
        span.grown(HALO) if periodic else span.grown(HALO).within(length, False)
        for span, length, periodic in zip(drawn, canvas, wrap, strict=True)
    )
    return rows, columns


def sources(region: Region, n_in: Size, n_out: Size, wrap: Wrap) -> Region:
    """What of a canvas of n_in the resampler reads for a region of n_out."""
    rows, columns = (
        Span(*resample.reach(n_in[axis], n_out[axis], *region[axis])).within(n_in[axis], wrap[axis])
        for axis in (0, 1)
    )
    return rows, columns


def filtered(kept: Region, canvas: Size, smaller: Size, wrap: Wrap) -> Region:
    """What has to be drawn so that the kept region's detail can be told from what the smaller canvas holds."""
    coarse = sources(kept, smaller, canvas, wrap)
    rows, columns = (
        Span(min(span.start, reach.start), max(span.stop, reach.stop)).within(length, periodic)
        for span, reach, length, periodic in zip(
            kept, sources(coarse, canvas, smaller, wrap), canvas, wrap, strict=True
        )
    )
    return rows, columns


def tiles(region: Region, down: int, across: int) -> Iterator[Region]:
    """So many parts of about equal size, none of them empty, that cover a region row by row."""
    yield from itertools.product(_shares(region[0], down), _shares(region[1], across))


def _shares(span: Span, count: int) -> list[Span]:
    bounds = [span.start + span.length * n // count for n in range(count + 1)]
    return [Span(*pair) for pair in itertools.pairwise(bounds)]


def blocks(size: Size, side: int, fixed: bool) -> Iterator[Region]:
    """Blocks of one shape, at most side x side, that cover a canvas row by row; the last ones reach back into others.

    Fixed blocks have that very side on every canvas that is not smaller; others share the canvas evenly.
    """
    rows, columns = (_equal(length, side, fixed) for length in size)
    yield from itertools.product(rows, columns)


def _equal(length: int, side: int, fixed: bool) -> list[Span]:
    count = -(-length // side)
    side = min(side, length) if fixed else -(-length // count)
    return [
        Span(start, start + side) for start in (min(n * side, length - side) for n in range(count))
    ]

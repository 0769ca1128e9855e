"""The searched levels of one picture: drawn whole, or for a long canvas in blocks, and kept.

Their scores are sums over the canvas, so a part cannot be drawn by itself. A canvas that is too
long to be searched as one is cut into blocks of a fixed grid, each with a margin that is thrown
away. So every region of a picture finds the same blocks.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.clearing import clear
from singan_core.detail.drawn_region import DrawnRegion
from singan_core.detail.full_search import Each
from singan_core.detail.kept_objects import ObjectsAtLevel, ObjectsInRegion
from singan_core.detail.maps import Map
from singan_core.detail.original import Original
from singan_core.detail.photo import Photo, premultiply
from singan_core.detail.search import Follow, Heights, Weights, synthesize_level
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap

Guide = Callable[[Region], Pixels]
"""The hand-over: the picture of a region of the first level's canvas, (h, w, C), premultiplied."""

WHOLE = 256
"""Longest side (px) of a hand-over's canvas that is searched as one."""
BLOCK, MARGIN = 96, 16
"""Side of a block of a longer canvas, and the margin around it (px of the hand-over)."""
STRIP = 64
"""Least rows of a hand-over that a thread draws by itself."""
KEPT_BLOCKS = 64
"""Blocks of one picture that are kept."""


@dataclass(eq=False)
class SearchedLevels:
    """The searched levels of one picture, drawn by several threads at once if need be.

    first is the level that receives the hand-over. canvases and objects have one entry for each
    level of the pyramid, of which the first count are searched. The first compose of them settle
    the composition.
    """

    photo: Photo
    canvases: Sequence[Size]
    count: int
    guide: Guide
    weights: Weights
    wrap: Wrap
    first: int
    threads: int
    objects: Sequence[ObjectsAtLevel | None]
    original: Original | None
    compose: int  # number of composition levels, 0 or 1
    _blocks: OrderedDict[tuple[int, int], DrawnRegion] = field(
        default_factory=OrderedDict, init=False
    )
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    @property
    def is_one_block(self) -> bool:
        """Whether the canvas is small enough to be searched as one."""
        return max(self.canvases[self.first]) <= WHOLE

    def draw(self, want: Region) -> DrawnRegion:
        """Draw a region of the largest searched level from the blocks that it lies in."""
        canvas = self.canvases[self.count - 1]
        rows, columns = (list(self._cut(axis, want[axis], canvas[axis])) for axis in (0, 1))
        size = want[0].length, want[1].length
        pixels = np.empty((*size, self.photo.pixels.shape[2]), np.uint8)
        shown_rows, shown_columns = np.empty(size, np.int32), np.empty(size, np.int32)

        for top, y, block_row in rows:
            for left, x, block_column in columns:
                piece = self.draw_block(block_row, block_column).cut((y, x))
                target = np.s_[top : top + y.length, left : left + x.length]
                pixels[target] = piece.pixels
                shown_rows[target] = piece.map.rows
                shown_columns[target] = piece.map.columns

        found = Map(shown_rows, shown_columns, want[0].start, want[1].start)
        return DrawnRegion(want, pixels, found)

    def draw_block(self, row: int, column: int) -> DrawnRegion:
        """Return a block, drawn when first asked for, of which the latest ones are kept."""
        with self._lock:
            if (row, column) not in self._blocks:
                self._blocks[row, column] = self._search_block(row, column)
                if len(self._blocks) > KEPT_BLOCKS:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end((row, column))
            return self._blocks[row, column]

    def _cut(self, axis: int, span: Span, length: int) -> Iterator[tuple[int, Span, int]]:
        """Cut a span of an axis of the largest searched canvas, of this length, at the blocks.

        Yields, for each piece, where it begins in the span, its place on the canvas, and the number
        of its block.
        """
        first = self.canvases[self.first][axis]
        cores = [Span(0, length)]
        if first > WHOLE:
            cores = [_scale(core, first, length) for core in _cut_cores(first)]

        at = span.start
        while at < span.stop:
            place = at % length
            number = next(n for n, core in enumerate(cores) if place < core.stop)
            count = min(cores[number].stop - place, span.stop - at)
            yield at - span.start, Span(place, place + count), number
            at += count

    def _search_block(self, row: int, column: int) -> DrawnRegion:
        """Draw the searched levels of one block, with its margin."""
        spans, wrap = [], []
        first = self.canvases[self.first]
        for length, number, periodic in zip(first, (row, column), self.wrap, strict=True):
            is_cut = length > WHOLE
            span = _cut_cores(length)[number].grow(MARGIN) if is_cut else Span(0, length)
            spans.append(span if periodic and is_cut else span.clip(length, False))
            wrap.append(periodic and not is_cut)
        region, periodic_axes = (spans[0], spans[1]), (wrap[0], wrap[1])

        if self.threads == 1:
            return self._search_region(region, periodic_axes, self.guide(region), map)
        with ThreadPoolExecutor(self.threads) as pool:
            strips = _cut_strips(region, self.threads)
            query = np.concatenate(list(pool.map(self.guide, strips)))
            return self._search_region(region, periodic_axes, query, pool.map)

    def _search_region(self, spans: Region, wrap: Wrap, query: Pixels, each: Each) -> DrawnRegion:
        """Draw the searched levels of a region of the first one's canvas, from its hand-over.

        wrap tells which axes of the region, not of the canvas, are periodic.
        """
        first = self.canvases[self.first]
        for number in range(self.first, self.count):
            canvas, level = self.canvases[number], self.photo.level(number)
            rows, columns = (
                _scale(span, old, new) for span, old, new in zip(spans, first, canvas, strict=True)
            )
            region = rows, columns
            query = resize.resize(query, (rows.length, columns.length), wrap)

            # A periodic canvas has no top and no bottom.
            heights = None
            if not self.wrap[0]:
                heights = Heights(np.arange(*rows) % canvas[0], canvas[0])

            kept = self._place_objects(number, region)
            sharp = number == self.first
            if kept is not None and sharp:
                query = clear(level, query, self.weights, wrap, heights, kept)
            follow = self._follow(region, canvas)
            weights = replace(self.weights, bordered=number < self.compose)
            found, pixels = synthesize_level(
                level, query, weights, wrap, heights, sharp, each, kept, follow
            )
            query = premultiply(pixels)

        found = Map(found.rows, found.columns, rows.start, columns.start)
        return DrawnRegion(region, pixels, found)

    def _place_objects(self, number: int, region: Region) -> ObjectsInRegion | None:
        """Place the kept objects of a level in a region, if there are any."""
        objects = self.objects[number]
        return None if objects is None else objects.place(region)

    def _follow(self, region: Region, canvas: Size) -> Follow | None:
        """Return what mixes a painted region with the user's picture, if there is one."""
        if self.original is None:
            return None
        return functools.partial(self.original.follow, region=region, canvas=canvas)


def _cut_cores(length: int) -> list[Span]:
    """Cut a long axis into the blocks' own shares, of which the last may be shorter."""
    return [Span(start, min(start + BLOCK, length)) for start in range(0, length, BLOCK)]


def _cut_strips(region: Region, most: int) -> list[Region]:
    """Cut a region into strips of rows, up to so many, none so low that it would be mostly halo."""
    rows, columns = region
    count = min(most, max(1, rows.length // STRIP))
    edges = [rows.start + rows.length * number // count for number in range(count + 1)]
    return [(Span(top, bottom), columns) for top, bottom in itertools.pairwise(edges)]


def _scale(span: Span, old: int, new: int) -> Span:
    """Scale a span of an axis of length old to one of length new."""
    return Span(span.start * new // old, span.stop * new // old)

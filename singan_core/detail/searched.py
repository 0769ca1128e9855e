"""The searched levels of one picture: drawn whole, or for a long canvas in blocks, and kept.

A search reaches far over its canvas, so a part cannot be drawn by itself. A canvas that is too long
to be searched as one is cut into blocks of a fixed grid, each with a margin that is thrown away. So
every region of a picture finds the same blocks.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail import excerpt, resize
from singan_core.detail.clearing import clear
from singan_core.detail.drawn_region import DrawnRegion, grow
from singan_core.detail.full_search import Each
from singan_core.detail.kept_objects import ObjectsAtLevel, ObjectsInRegion
from singan_core.detail.maps import Map
from singan_core.detail.original import Original
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Photo, premultiply
from singan_core.detail.search import (
    Follow,
    Heights,
    Rewards,
    Synthesis,
    Weights,
    synthesize_level,
)
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap, cover_canvas

WHOLE = 256
"""Longest side (px of the hand-over) of a canvas that is searched as one."""
BLOCK = 96
"""Side of a block of a longer canvas, in px of the largest searched level."""
MARGIN = 2 * REACH
"""Pixels around what is wanted of a level that are drawn too: patches and votes reach so far.

Propagation may come from farther away, but what it follows is the same picture below on both sides
of an edge. With 16 px edges are hardly less visible, and a block costs twice as much.
"""
KEPT = 1 << 23
"""Pixels of one picture's blocks that are kept, 11 bytes each."""
STRIP = 64
"""Least rows of a hand-over that a thread draws by itself."""


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
    guide: excerpt.Guide
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
    _rewards: list[Rewards] | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    @property
    def is_one_block(self) -> bool:
        """Whether the canvas is small enough to be searched as one."""
        return max(self.canvases[self.first]) <= WHOLE

    @property
    def cut(self) -> excerpt.Cut:
        """Which axes of the canvas are cut: of a long canvas, those longer than two blocks."""
        height, width = self.canvases[self.count - 1]
        is_long = not self.is_one_block
        return is_long and height > 2 * BLOCK, is_long and width > 2 * BLOCK

    def draw(self, want: Region) -> DrawnRegion:
        """Draw a region of the largest searched level from the blocks that it lies in."""
        rows, columns = (list(self._cut_span(axis, want[axis])) for axis in (0, 1))
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
                block = self._search_block(row, column)
                self._blocks[row, column] = block
                if len(self._blocks) > max(KEPT // block.map.rows.size, 4):
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end((row, column))
            return self._blocks[row, column]

    def _cut_span(self, axis: int, span: Span) -> Iterator[tuple[int, Span, int]]:
        """Cut a span of an axis of the largest searched canvas at the blocks.

        Yields, for each piece, where it begins in the span, its place on the canvas, and the number
        of its block.
        """
        length = self.canvases[self.count - 1][axis]
        side = BLOCK if self.cut[axis] else length
        at = span.start
        while at < span.stop:
            place = at % length
            number = place // side
            count = min(min((number + 1) * side, length) - place, span.stop - at)
            yield at - span.start, Span(place, place + count), number
            at += count

    def _search_block(self, row: int, column: int) -> DrawnRegion:
        """Draw the searched levels of one block, and cut off its margin."""
        core = []
        sides = zip(self.canvases[self.count - 1], (row, column), self.cut, strict=True)
        for length, number, is_cut in sides:
            side = BLOCK if is_cut else length
            core.append(Span(number * side, min((number + 1) * side, length)))
        block = core[0], core[1]

        rewards = None if self.is_one_block else self._weigh_excerpt()
        with self._open_pool() as each:
            drawn, _ = self._search_regions(self._list_regions(block), self.cut, each, rewards)
        return drawn.cut(block)

    def _list_regions(self, block: Region) -> list[Region]:
        """List the region that each searched level draws for a block, coarsest level first."""
        regions, want = [], block
        for number in range(self.count - 1, self.first - 1, -1):
            canvas = self.canvases[number]
            grown = grow(want, MARGIN, canvas, self.wrap)
            rows, columns = (
                span if is_cut else Span(0, length)
                for span, is_cut, length in zip(grown, self.cut, canvas, strict=True)
            )
            regions.append((rows, columns))
            if number > self.first:
                smaller = self.canvases[number - 1]
                want = resize.find_sources(regions[-1], smaller, canvas, self.wrap)
        return regions[::-1]

    def _weigh_excerpt(self) -> list[Rewards]:
        """Find the completeness weights of a long canvas, for each level, from its excerpt."""
        if self._rewards is None:
            canvases = self.canvases[self.first : self.count]
            sizes = tuple(self.canvases[: self.first]) + excerpt.shorten(canvases, self.cut)
            with self._open_pool() as each:
                guide = excerpt.make_guide(self.guide, canvases[0], sizes[self.first], each)
                objects = [
                    None if one is None else one.take_away(size)
                    for one, size in zip(self.objects, sizes, strict=False)
                ]
                levels = replace(self, canvases=sizes, guide=guide, objects=objects, original=None)
                regions = [cover_canvas(size) for size in sizes[self.first :]]
                _, self._rewards = levels._search_regions(regions, (False, False), each, None)
        return self._rewards

    @contextmanager
    def _open_pool(self) -> Iterator[Each]:
        """Open a pool of threads, if there is to be more than one."""
        if self.threads == 1:
            yield map
            return
        with ThreadPoolExecutor(self.threads) as pool:
            yield pool.map

    def _search_regions(
        self,
        regions: Sequence[Region],
        cut: excerpt.Cut,
        each: Each,
        rewards: Sequence[Rewards] | None,
    ) -> tuple[DrawnRegion, list[Rewards]]:
        """Draw a region of each searched level, the coarsest first, and the last from all others.

        cut tells along which axes they are parts of their canvases. rewards are the completeness
        weights for each level; without them they are those of the regions. Returns those used.
        """
        wrap = self.wrap[0] and not cut[0], self.wrap[1] and not cut[1]
        strips = _cut_strips(regions[0], self.threads)
        query, used = np.concatenate(list(each(self.guide, strips))), []

        for number, region in enumerate(regions, self.first):
            canvas = self.canvases[number]
            if number > self.first:
                below, smaller = regions[number - self.first - 1], self.canvases[number - 1]
                query = resize.resize_window(query, below, smaller, canvas, region, self.wrap)
            given = None if rewards is None else rewards[number - self.first]
            found, pixels, own = self._search_level(number, region, query, wrap, each, given)
            used.append(own)
            query = premultiply(pixels)

        found = Map(found.rows, found.columns, region[0].start, region[1].start)
        return DrawnRegion(region, pixels, found), used

    def _search_level(
        self,
        number: int,
        region: Region,
        query: Pixels,
        wrap: Wrap,
        each: Each,
        rewards: Rewards | None,
    ) -> Synthesis:
        """Draw a region of one searched level from the picture so far."""
        canvas, level = self.canvases[number], self.photo.level(number)
        sharp = number == self.first

        # A periodic canvas has no top and no bottom.
        heights = None
        if not self.wrap[0]:
            heights = Heights(np.arange(*region[0]), canvas[0])

        kept = self._place_objects(number, region)
        if kept is not None and sharp:
            query = clear(level, query, self.weights, wrap, heights, kept)
        weights = replace(self.weights, bordered=number < self.compose)
        follow = self._follow(region, canvas)
        return synthesize_level(
            level, query, weights, wrap, heights, sharp, each, kept, follow, rewards
        )

    def _place_objects(self, number: int, region: Region) -> ObjectsInRegion | None:
        """Place the kept objects of a level in a region, if there are any."""
        objects = self.objects[number]
        return None if objects is None else objects.place(region)

    def _follow(self, region: Region, canvas: Size) -> Follow | None:
        """Return what mixes a painted region with the user's picture, if there is one."""
        if self.original is None:
            return None
        return functools.partial(self.original.follow, region=region, canvas=canvas)


def _cut_strips(region: Region, most: int) -> list[Region]:
    """Cut a region into strips of rows, up to so many, none so low that it would be mostly halo."""
    rows, columns = region
    count = min(most, max(1, rows.length // STRIP))
    edges = [rows.start + rows.length * number // count for number in range(count + 1)]
    return [(Span(top, bottom), columns) for top, bottom in itertools.pairwise(edges)]

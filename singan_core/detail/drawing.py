"""A picture from its hand-over on: searched levels once for the whole, copied levels for any part of it.

The searched levels are sums over the canvas, so they are computed whole and kept; a canvas too large for that is cut
into blocks of a fixed grid, each with a margin that is thrown away. Above them all is local: a window of the picture
needs a window of every level, a few pixels larger, and equals the slice of the whole byte for byte.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import beyond, coherence, resize
from singan_core.detail.clear import clear
from singan_core.detail.kept import Held, Kept
from singan_core.detail.original import Original
from singan_core.detail.patches import REACH, pad
from singan_core.detail.photo import Photo, premultiplied, straight
from singan_core.detail.search import Each, Weights, settle
from singan_core.detail.votes import COARSE, FINE, Map, paint
from singan_core.pyramid import Size
from singan_core.windows import Region, Span, Wrap, whole

Pixels = NDArray[np.uint8]
Guide = Callable[[Region], Pixels]
"""What is handed over for a region of the first level's canvas, (h, w, C), premultiplied."""

WHOLE = 256
"""Longest side (px) of a hand-over's canvas that is searched as one."""
BLOCK, MARGIN = 96, 16  # px of a longer one: of a block's side, and around it
KEPT_BLOCKS = 64
AROUND = 16  # px of a seamless photo that are repeated beyond its edges: a blur, patches and votes reach less
LOCAL = 2 * REACH + (coherence.ROUNDS - 1) * max(coherence.JUMPS)
"""Pixels around a region that a copied level has to draw as well: votes reach 3, so do the patches behind them, and
each further round reads the last one's map 2 px away.
"""


@dataclass(frozen=True)
class Part:
    """A region of a level's canvas, drawn."""

    region: Region
    pixels: Pixels  # (h, w, C), colours straight
    map: Map

    def cut(self, region: Region) -> Part:
        """A smaller region of it."""
        rows, columns = region
        top, left = rows.start - self.region[0].start, columns.start - self.region[1].start
        inside = np.s_[top : top + rows.length, left : left + columns.length]
        found = Map(self.map.rows[inside], self.map.columns[inside], rows.start, columns.start)
        return Part(region, np.ascontiguousarray(self.pixels[inside]), found)


class Drawing:
    """One picture, of which any region can be drawn; by several threads at once if need be."""

    def __init__(
        self,
        photo: Photo,
        canvases: Sequence[Size],
        guide: Guide,
        weights: Weights = Weights(),  # noqa: B008 (frozen)
        wrap: Wrap = (False, False),
        first: int = 0,
        threads: int = 1,
        kept: Sequence[Kept] = (),
        original: Original | None = None,
    ) -> None:
        """Begin at the level first, a searched one, from what the guide says there; search by so many threads.

        original is the picture that the guide shows, if it is to be followed further.
        """
        self.photo, self.canvases, self.guide = photo, tuple(canvases), guide
        self.weights, self.wrap, self.first, self.threads = weights, wrap, first, threads
        self.original = original
        levels = range(len(self.canvases))
        self.searched = sum(photo.is_searched(level) for level in levels)
        self._blocks: OrderedDict[tuple[int, int], Part] = OrderedDict()
        self._lock = threading.RLock()
        self.held = [
            Held(
                kept,
                photo.sizes[n],
                photo.sizes[n - 1] if n >= self.searched else None,
                self.canvases[n],
            )
            if kept
            else None
            for n in levels
        ]

    def draw(self, want: Region) -> Part:
        """A region of the last canvas; along an axis that wraps it may lie outside and means its repeats."""
        return self.draw_level(len(self.canvases) - 1, want)

    def sketch(self) -> Part:
        """Draw the largest searched level whole: the composition, which all that is larger follows."""
        return self.draw_level(self.searched - 1, whole(self.canvases[self.searched - 1]))

    def draw_level(self, number: int, want: Region) -> Part:
        """Draw a region of a level's canvas, as far as every larger picture has it too: the last searched or later."""
        wanted, grown = [want], []
        for level in range(number, self.searched - 1, -1):
            canvas, smaller = self.canvases[level], self.canvases[level - 1]
            larger = self.around(wanted[-1], LOCAL, canvas)
            grown.append(larger)
            wanted.append(resize.sources(larger, smaller, canvas, self.wrap))
        part = self._searched(wanted.pop())
        for level in range(self.searched, number + 1):
            part = self._copied(level, part, grown.pop()).cut(wanted.pop())
        return part

    @property
    def chores(self) -> list[Callable[[], object]]:
        """What every region needs, in parts that threads can share: the tables of copied levels, and the search."""
        tables = [
            functools.partial(self.photo.level, n)
            for n in range(len(self.canvases) - 1, self.searched - 1, -1)
        ]
        one_block = max(self.canvases[self.first]) <= WHOLE
        return [functools.partial(self._block, 0, 0), *tables] if one_block else [*tables]

    def resampled(self, want: Region, whole: Size) -> Part:
        """Draw a region of the picture at any size, and its map at the nearest pixels.

        Above the photo's own size the picture gets detail from around, up to about twice; the rest is resampled.
        """
        sizes = [self.canvases[-1]]
        if (
            len(self.canvases) == len(self.photo.sizes)
            and sizes[0][0] <= whole[0]
            and sizes[0][1] <= whole[1]
        ):
            sizes = beyond.choose_canvases(sizes[0], whole)
        canvas = sizes[-1]
        if canvas == whole:
            return self._enlarged(want, sizes)
        drawn = self._enlarged(resize.sources(want, canvas, whole, self.wrap), sizes)

        pixels = resize.window(
            premultiplied(drawn.pixels), drawn.region, canvas, whole, want, self.wrap
        )
        return Part(want, straight(pixels), beyond.carry(drawn.map, canvas, whole, want))

    def _enlarged(self, want: Region, sizes: Sequence[Size]) -> Part:
        """Draw a region of the last of the sizes, which begin with the last canvas."""
        steps = beyond.plan(sizes, want, self.wrap)
        if not steps:
            return self.draw(want)
        level = self.photo.level(len(self.photo.sizes) - 1)
        detail = beyond.find_detail(level, steps[0])

        part = self.draw(steps[0].needs)
        pixels, found = premultiplied(part.pixels), part.map
        for step in steps:
            pixels, found = beyond.enlarge(level, detail, step, pixels, found)
        return Part(want, straight(pixels), found)

    def around(self, region: Region, reach: int, canvas: Size) -> Region:
        """The region with so many pixels around it, as far as the canvas goes."""
        rows, columns = (
            span.grown(reach) if periodic else span.grown(reach).within(length, False)
            for span, length, periodic in zip(region, canvas, self.wrap, strict=True)
        )
        return rows, columns

    def sigma(self, number: int) -> float:
        """Of the weights of a level's votes, px."""
        return FINE if number == len(self.photo.sizes) - 1 and number >= self.searched else COARSE

    def _copied(self, number: int, below: Part, region: Region) -> Part:
        """A region of a copied level, wrong within 8 px of where it was cut off."""
        level = self.photo.level(number)
        canvas, smaller = self.canvases[number], self.canvases[number - 1]
        shown = premultiplied(below.pixels)
        enlarged = resize.window(shown, below.region, smaller, canvas, region, self.wrap)
        keep = self.original is not None and self.original.keeps(number)
        if self.original is not None:
            enlarged = self.original.follow_enlarged(enlarged, region, self.canvases, number)
        found = coherence.enlarge(
            below.map, level, self.photo.sizes[number - 1], canvas, smaller, region
        )
        held = self.held[number]
        kept = None if held is None else held.lay(region)
        found = found if kept is None else kept.fix(found)
        found = coherence.refine(level, found, pad(enlarged), kept=kept)
        pixels = paint(level, found, self.sigma(number), enlarged, keep_colours=keep)
        if kept is not None:
            kept.put_in(level, pixels)
        return Part(region, pixels, found)

    def _searched(self, want: Region) -> Part:
        """A region of the largest searched level, put together from the blocks that it lies in."""
        canvas = self.canvases[self.searched - 1]
        rows, columns = (list(self._pieces(axis, want[axis], canvas[axis])) for axis in (0, 1))
        size = want[0].length, want[1].length
        pixels = np.empty((*size, self.photo.pixels.shape[2]), np.uint8)
        found = Map(
            np.empty(size, np.int32), np.empty(size, np.int32), want[0].start, want[1].start
        )
        for top, y, block_row in rows:
            for left, x, block_column in columns:
                block = self._block(block_row, block_column)
                target = np.s_[top : top + y.length, left : left + x.length]
                piece = block.cut((y, x))
                pixels[target] = piece.pixels
                found.rows[target], found.columns[target] = piece.map.rows, piece.map.columns
        return Part(want, pixels, found)

    def _pieces(self, axis: int, span: Span, length: int) -> Iterator[tuple[int, Span, int]]:
        """(offset, positions on the canvas, block's number) of the blocks along an axis that cover a span."""
        first = self.canvases[self.first][axis]
        cores = (
            [_scaled(core, first, length) for core in _cores(first)]
            if first > WHOLE
            else [Span(0, length)]
        )
        at = span.start
        while at < span.stop:
            place = at % length
            number = next(n for n, core in enumerate(cores) if place < core.stop)
            count = min(cores[number].stop - place, span.stop - at)
            yield at - span.start, Span(place, place + count), number
            at += count

    def _block(self, row: int, column: int) -> Part:
        with self._lock:
            if (row, column) not in self._blocks:
                self._blocks[row, column] = self._search_block(row, column)
                if len(self._blocks) > KEPT_BLOCKS:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end((row, column))
            return self._blocks[row, column]

    def _search_block(self, row: int, column: int) -> Part:
        """The searched levels of one block, with its margin."""
        first = self.canvases[self.first]
        spans, wrap = [], []
        for length, number, periodic in zip(first, (row, column), self.wrap, strict=True):
            cut = length > WHOLE
            core = _cores(length)[number].grown(MARGIN) if cut else Span(0, length)
            spans.append(core if periodic and cut else core.within(length, False))
            wrap.append(periodic and not cut)
        query = self.guide((spans[0], spans[1]))
        region = spans[0], spans[1]
        if self.threads == 1:
            return self._search_region(region, (wrap[0], wrap[1]), query, map)
        with ThreadPoolExecutor(self.threads) as pool:
            return self._search_region(region, (wrap[0], wrap[1]), query, pool.map)

    def _search_region(self, spans: Region, wrap: Wrap, query: Pixels, each: Each) -> Part:
        """The searched levels of a region of the first one's canvas, from what was handed over for it."""
        first = self.canvases[self.first]
        for number in range(self.first, self.searched):
            canvas = self.canvases[number]
            rows, columns = (
                _scaled(span, a, b) for span, a, b in zip(spans, first, canvas, strict=True)
            )
            query = resize.resize(query, (rows.length, columns.length), wrap)
            level = self.photo.level(number)
            heights = (np.arange(*rows) % canvas[0], canvas[0]) if not self.wrap[0] else None
            held, sharp = self.held[number], number == self.first
            kept = None if held is None else held.lay((rows, columns))
            if kept is not None and sharp:
                query = clear(level, query, self.weights, wrap, heights, kept)
            follow = None
            if self.original is not None:
                follow = functools.partial(
                    self.original.follow, region=(rows, columns), canvas=canvas
                )
            found, pixels = settle(
                level, query, self.weights, wrap, heights, sharp, each, kept, follow
            )
            query = premultiplied(pixels)
        return Part(
            (rows, columns), pixels, Map(found.rows, found.columns, rows.start, columns.start)
        )


class Still(Drawing):
    """The photo as it is, to be drawn larger; along an axis that wraps its opposite edges meet."""

    def __init__(self, photo: Photo, wrap: Wrap = (False, False)) -> None:
        self.margins = AROUND * wrap[0], AROUND * wrap[1]
        sizes = photo.sizes
        if any(wrap):  # patches at an edge find what lies beyond it
            photo, sizes = photo.repeat_around(*self.margins), sizes[-1:]
        super().__init__(
            photo,
            sizes,
            lambda region: photo.at(0)[slice(*region[0]), slice(*region[1])],
            wrap=wrap,
        )

    @property
    def chores(self) -> list[Callable[[], object]]:
        """The finest level's tables alone: nothing is searched."""
        return [functools.partial(self.photo.level, len(self.canvases) - 1)]

    def draw(self, want: Region) -> Part:
        """A region of the photo, every pixel showing its own position."""
        down, across = (
            (np.arange(*span) % side + margin).astype(np.int32)
            for span, side, margin in zip(want, self.canvases[-1], self.margins, strict=True)
        )
        rows, columns = np.meshgrid(down, across, indexing="ij")
        return Part(
            want, self.photo.pixels[rows, columns], Map(rows, columns, want[0].start, want[1].start)
        )


def _cores(length: int) -> list[Span]:
    """The blocks' own shares of a long axis; the last is the shorter."""
    return [Span(start, min(start + BLOCK, length)) for start in range(0, length, BLOCK)]


def _scaled(span: Span, old: int, new: int) -> Span:
    return Span(span.start * new // old, span.stop * new // old)

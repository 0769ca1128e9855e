"""One picture from the hand-over on, of which any region can be drawn.

Searched levels are drawn once for the whole (searched.py). Above them everything is local: a region
of the picture needs a region of every level that is a few pixels larger, and equals the slice of
the whole byte for byte.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail import coherence, resize, super_resolution
from singan_core.detail.drawn_region import DrawnRegion, grow
from singan_core.detail.excerpt import Guide
from singan_core.detail.kept_objects import KeptObject, ObjectsAtLevel
from singan_core.detail.maps import Map, carry_map, enlarge_map
from singan_core.detail.original import Original
from singan_core.detail.patches import REACH, pad
from singan_core.detail.photo import Photo, premultiply, straighten
from singan_core.detail.search import Weights
from singan_core.detail.searched import SearchedLevels
from singan_core.detail.slips import SPREAD, spread_slips
from singan_core.detail.votes import COARSE, FINE, paint
from singan_core.pyramid import Size
from singan_core.windows import Region, Wrap, cover_canvas

AROUND = 16
"""Pixels of a seamless photo repeated beyond its edges: blur, patches and votes reach less."""
LOCAL = 2 * REACH + SPREAD + (coherence.ROUNDS - 1) * max(coherence.JUMPS)
"""Pixels around a region that a copied level draws too.

Votes reach 3 px, the patches behind them 3 more, each further round reads the last map 2 px away,
and slips are spread by 6.
"""


class Drawing:
    """One picture, of which any region can be drawn, by several threads at once."""

    def __init__(
        self,
        photo: Photo,
        canvases: Sequence[Size],
        guide: Guide,
        weights: Weights = Weights(),  # noqa: B008 (frozen)
        wrap: Wrap = (False, False),
        first: int = 0,
        threads: int = 1,
        kept: Sequence[KeptObject] = (),
        original: Original | None = None,
        compose: int = 0,
    ) -> None:
        """Take the canvas of each level, and the guide: the hand-over to the searched level first.

        threads are those of a search. kept are objects of the photo that stay whole. original is
        the picture that the guide shows, if the drawing is to follow it at further levels. compose
        is the number of levels that settle the composition.
        """
        self.photo, self.canvases, self.guide = photo, tuple(canvases), guide
        self.wrap, self.first, self.original = wrap, first, original
        self.searched = min(photo.searched, len(self.canvases))
        self.objects = [self._place_objects(kept, n) for n in range(len(self.canvases))]

        self.searched_levels = SearchedLevels(
            photo=photo,
            canvases=self.canvases,
            count=self.searched,
            guide=guide,
            weights=weights,
            wrap=wrap,
            first=first,
            threads=threads,
            objects=self.objects,
            original=original,
            compose=compose,
        )

    def _place_objects(self, kept: Sequence[KeptObject], number: int) -> ObjectsAtLevel | None:
        """Find the kept objects at one level, if there are any."""
        if not kept:
            return None
        below = None
        if number >= self.searched:
            below = self.photo.sizes[number - 1], self.canvases[number - 1]
        return ObjectsAtLevel(kept, self.photo.sizes[number], below, self.canvases[number])

    def draw(self, want: Region) -> DrawnRegion:
        """Draw a region of the last canvas. Along an axis that wraps it may lie outside."""
        return self.draw_level(len(self.canvases) - 1, want)

    def sketch(self) -> DrawnRegion:
        """Draw the largest searched level whole: the composition that all larger levels follow."""
        return self.draw_level(self.searched - 1, cover_canvas(self.canvases[self.searched - 1]))

    def draw_level(self, number: int, want: Region) -> DrawnRegion:
        """Draw a region of a level's canvas, of the last searched level or a later one.

        It equals what the whole picture has at that level.
        """
        # Downwards: the region that each level draws, and what it needs from the level below.
        wanted, grown = [want], []
        for level in range(number, self.searched - 1, -1):
            canvas, smaller = self.canvases[level], self.canvases[level - 1]
            grown.append(grow(wanted[-1], LOCAL, canvas, self.wrap))
            wanted.append(resize.find_sources(grown[-1], smaller, canvas, self.wrap))

        # Upwards: each level draws its region, of which what is wrong near the border is cut off.
        part = self.searched_levels.draw(wanted.pop())
        for level in range(self.searched, number + 1):
            part = self._copy(level, part, grown.pop()).cut(wanted.pop())
        return part

    def _copy(self, number: int, below: DrawnRegion, region: Region) -> DrawnRegion:
        """Draw a region of a copied level, which is wrong within 14 px of where it was cut off."""
        level, coarser = self.photo.level(number), self.photo.sizes[number - 1]
        canvas, smaller = self.canvases[number], self.canvases[number - 1]
        enlarged = self._enlarge_pixels(number, below, region)
        found = enlarge_map(below.map, level, coarser, canvas, smaller, region)

        objects = self.objects[number]
        kept = None if objects is None else objects.place(region)
        if kept is not None:
            found = kept.fix(found)
        found = spread_slips(found, kept)
        found = coherence.refine(level, found, pad(enlarged), kept=kept)

        keep_colours = self.original is not None and self.original.is_kept_at(number)
        sigma = self.choose_sigma(number)
        pixels = paint(level, found, sigma, enlarged, keep_colours=keep_colours)
        if kept is not None:
            kept.put_in(level, pixels)
        return DrawnRegion(region, pixels, found)

    def _enlarge_pixels(self, number: int, below: DrawnRegion, region: Region) -> Pixels:
        """Enlarge the picture of the level below to a region, premultiplied: the queries."""
        canvas, smaller = self.canvases[number], self.canvases[number - 1]
        matched = premultiply(below.pixels)
        enlarged = resize.resize_window(matched, below.region, smaller, canvas, region, self.wrap)
        if self.original is not None:
            enlarged = self.original.follow_enlarged(enlarged, region, self.canvases, number)
        return enlarged

    def choose_sigma(self, number: int) -> float:
        """Choose the sigma (px) of a level's votes: small at the photo's own size."""
        return FINE if number == len(self.photo.sizes) - 1 and number >= self.searched else COARSE

    @property
    def chores(self) -> list[Callable[[], object]]:
        """What every region needs, in parts that threads can share: tables, and the search."""
        tables = [
            functools.partial(self.photo.level, n)
            for n in range(len(self.canvases) - 1, self.searched - 1, -1)
        ]
        if self.searched_levels.is_one_block:
            return [functools.partial(self.searched_levels.draw_block, 0, 0), *tables]
        return [*tables]

    def draw_resampled(self, want: Region, whole: Size) -> DrawnRegion:
        """Draw a region of the picture resampled to the size whole, and its map.

        Above the photo's own size detail is added up to about twice that size, as in
        super_resolution.py. The rest is resampled, and each pixel has the position of the nearest
        one.
        """
        sizes = [self.canvases[-1]]
        at_own_size = len(self.canvases) == len(self.photo.sizes)
        if at_own_size and sizes[0][0] <= whole[0] and sizes[0][1] <= whole[1]:
            sizes = super_resolution.choose_canvases(sizes[0], whole)
        canvas = sizes[-1]
        if canvas == whole:
            return self._enlarge(want, sizes)

        drawn = self._enlarge(resize.find_sources(want, canvas, whole, self.wrap), sizes)
        matched = premultiply(drawn.pixels)
        pixels = resize.resize_window(matched, drawn.region, canvas, whole, want, self.wrap)
        return DrawnRegion(want, straighten(pixels), carry_map(drawn.map, canvas, whole, want))

    def _enlarge(self, want: Region, sizes: Sequence[Size]) -> DrawnRegion:
        """Draw a region of the last of the sizes, of which the first is the last canvas."""
        steps = super_resolution.plan_steps(sizes, want, self.wrap)
        if not steps:
            return self.draw(want)
        level = self.photo.level(len(self.photo.sizes) - 1)
        detail = super_resolution.find_lost_detail(level, steps[0])

        part = self.draw(steps[0].needs)
        pixels, found = premultiply(part.pixels), part.map
        for step in steps:
            pixels, found = super_resolution.enlarge(level, detail, step, pixels, found)
        return DrawnRegion(want, straighten(pixels), found)


class PhotoDrawing(Drawing):
    """The photo as it is, to be drawn larger.

    Along an axis that wraps its opposite edges meet.
    """

    def __init__(self, photo: Photo, wrap: Wrap = (False, False)) -> None:
        self.margins = AROUND * wrap[0], AROUND * wrap[1]
        sizes = photo.sizes
        if any(wrap):  # patches at an edge find what lies beyond it
            photo, sizes = photo.repeat_around(*self.margins), sizes[-1:]

        def show_photo(region: Region) -> Pixels:
            """Hand over the photo itself."""
            return photo.at(0)[slice(*region[0]), slice(*region[1])]

        super().__init__(photo, sizes, show_photo, wrap=wrap)

    @property
    def chores(self) -> list[Callable[[], object]]:
        """The tables of the finest level alone: nothing is searched."""
        return [functools.partial(self.photo.level, len(self.canvases) - 1)]

    def draw(self, want: Region) -> DrawnRegion:
        """Draw a region of the photo, in which every pixel shows its own position."""
        places = []
        for span, side, margin in zip(want, self.canvases[-1], self.margins, strict=True):
            places.append((np.arange(*span) % side + margin).astype(np.int32))
        rows, columns = np.meshgrid(*places, indexing="ij")
        found = Map(rows, columns, want[0].start, want[1].start)
        return DrawnRegion(want, self.photo.pixels[rows, columns], found)

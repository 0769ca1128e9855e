"""A picture of the user's that enters the detail levels: where a drawing follows it.

A drawing searches again for what it has painted, which joins pieces but drifts away from the
picture that it was given. Where that picture is trusted, it stays the query: in every turn of the
searched level, and at each copied level. From some level on the drawing may also keep the picture's
colours, so that the photo gives only what is finer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.photo import premultiply
from singan_core.pyramid import Size
from singan_core.windows import Region

FULL_TRUST = 255
"""Trust of a pixel at which the query is the user's picture alone."""


class Original:
    """A picture on the whole canvas that a drawing follows, in several threads if need be."""

    def __init__(self, pixels: Pixels, trust: Pixels, keeps_from: int | None = None) -> None:
        """Take the picture (h, w, C), uint8, colours straight, of any size.

        trust (h', w', 1), 0 to 255, of any size, is the share of the picture in what is searched
        for. keeps_from is the first copied level that keeps the picture's colours; None keeps none.
        """
        self.pixels, self.trust, self.keeps_from = premultiply(pixels), trust, keeps_from
        self._resized: dict[tuple[str, Size], Pixels] = {}
        self._lock = threading.Lock()

    def is_kept_at(self, number: int) -> bool:
        """Whether a level keeps the picture's colours and takes only detail from the photo."""
        return self.keeps_from is not None and number >= self.keeps_from

    def follow(self, drawn: Pixels, region: Region, canvas: Size) -> Pixels:
        """Mix what was drawn of a region of a searched level with the picture, premultiplied."""
        return self._mix(drawn, _cut(self._resize("pixels", canvas), region), region, canvas)

    def follow_enlarged(
        self, drawn: Pixels, region: Region, canvases: Sequence[Size], number: int
    ) -> Pixels:
        """Mix the enlarged drawing of a region of a copied level with the picture, premultiplied.

        The picture is reduced to the level below and enlarged, as the drawing was. At the first
        level that keeps its colours it replaces the drawing; from the next one on the drawing has
        them.
        """
        if self.is_kept_at(number - 1):
            return drawn
        smaller, canvas = canvases[number - 1], canvases[number]
        have = resize.find_sources(region, smaller, canvas)
        picture = _cut(self._resize("pixels", smaller), have)
        enlarged = resize.resize_window(picture, have, smaller, canvas, region)
        if self.is_kept_at(number):
            return enlarged
        return self._mix(drawn, enlarged, region, canvas)

    def _mix(self, drawn: Pixels, picture: Pixels, region: Region, canvas: Size) -> Pixels:
        """Mix two pictures of a region, (drawn (255 - trust) + picture trust) / 255, rounded."""
        trust = _cut(self._resize("trust", canvas), region).astype(np.int32)
        mixed = drawn * (FULL_TRUST - trust) + picture * trust
        return ((2 * mixed + FULL_TRUST) // (2 * FULL_TRUST)).astype(np.uint8)

    def _resize(self, name: str, canvas: Size) -> Pixels:
        """Resize the picture ("pixels") or the trust ("trust") to a canvas, once."""
        with self._lock:
            if (name, canvas) not in self._resized:
                self._resized[name, canvas] = resize.resize(getattr(self, name), canvas)
            return self._resized[name, canvas]


def _cut(picture: Pixels, region: Region) -> Pixels:
    """Cut a region out of a picture of the whole canvas."""
    return np.ascontiguousarray(picture[slice(*region[0]), slice(*region[1])])

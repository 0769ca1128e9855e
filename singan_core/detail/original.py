"""A picture of the user's that enters the detail levels: where the drawing follows it, and which colours it keeps.

A drawing looks again for patches of what it has painted, which joins pieces but drifts from the picture that was given.
Where that picture is trusted it stays what is looked for: at the searched level in every turn, then at each copied
level. From a level on the drawing may also keep the picture's colours, so that the photo gives only what is finer.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import resize
from singan_core.detail.photo import premultiplied
from singan_core.pyramid import Size
from singan_core.windows import Region

Pixels = NDArray[np.uint8]

FULL_TRUST = 255


class Original:
    """A picture on the whole canvas, and how a drawing uses it; by several threads at once if need be."""

    def __init__(self, pixels: Pixels, trust: Pixels, keeps_from: int | None = None) -> None:
        """Take the picture (h, w, C), colours straight, how much of what is looked for it is (h', w', 1), 0 to 255, of
        any size, and the copied level from which its colours are kept, if they are.
        """
        self.pixels, self.trust, self.keeps_from = premultiplied(pixels), trust, keeps_from
        self._resized: dict[tuple[str, Size], Pixels] = {}
        self._lock = threading.Lock()

    def keeps(self, number: int) -> bool:
        """Whether a level gives its detail alone, to colours that are there."""
        return self.keeps_from is not None and number >= self.keeps_from

    def follow(self, drawn: Pixels, region: Region, canvas: Size) -> Pixels:
        """Mix what was drawn of a region of a searched level with the picture, both premultiplied."""
        return self._mix(drawn, _cut(self._at("pixels", canvas), region), region, canvas)

    def follow_enlarged(
        self, drawn: Pixels, region: Region, canvases: Sequence[Size], number: int
    ) -> Pixels:
        """Mix the enlarged drawing of a region of a copied level with the picture enlarged from the level below.

        At the level that begins to keep its colours it is the picture alone; above, the drawing has them.
        """
        if self.keeps(number - 1):
            return drawn
        smaller, canvas = canvases[number - 1], canvases[number]
        need = resize.sources(region, smaller, canvas)
        shown = resize.window(
            _cut(self._at("pixels", smaller), need), need, smaller, canvas, region
        )
        return shown if self.keeps(number) else self._mix(drawn, shown, region, canvas)

    def _mix(self, drawn: Pixels, shown: Pixels, region: Region, canvas: Size) -> Pixels:
        """Mix two pictures of a region by the trust in the second, rounded."""
        share = _cut(self._at("trust", canvas), region).astype(np.int32)
        mixed = drawn * (FULL_TRUST - share) + shown * share
        return ((2 * mixed + FULL_TRUST) // (2 * FULL_TRUST)).astype(np.uint8)

    def _at(self, name: str, canvas: Size) -> Pixels:
        """The picture or the trust at a canvas's size."""
        with self._lock:
            if (name, canvas) not in self._resized:
                self._resized[name, canvas] = resize.resize(getattr(self, name), canvas)
            return self._resized[name, canvas]


def _cut(whole: Pixels, region: Region) -> Pixels:
    """A region of a whole canvas."""
    return np.ascontiguousarray(whole[slice(*region[0]), slice(*region[1])])

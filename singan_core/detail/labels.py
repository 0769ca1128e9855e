"""Labels of a drawn picture: the photo's masks, put where the map says by the votes that make its colours.

A pixel near a join is a weighted mean of what several patches say of it, and a photo that was reduced has mixed pixels
at an object's border. So a pixel has a label where half or more of what is mixed in it has: there its colour, too, is
nearer to the object's than to what lies beside it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from singan_core.detail import resize
from singan_core.detail.drawing import Drawing, Part
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Level, make_level
from singan_core.detail.store import look_up
from singan_core.detail.votes import paint
from singan_core.pyramid import Size
from singan_core.windows import Region

Pixels = NDArray[np.uint8]
Masks = NDArray[np.bool_]

_TOGETHER = 3  # labels voted on at once, as channels are
_HALF = 128
_KEPT = 2  # sizes of the photo whose tables are kept


class Labels:
    """The masks of a photo, bool (H, W, labels), to be looked up for drawn pictures; by several threads if need be."""

    def __init__(self, masks: Masks) -> None:
        self.masks = masks
        self._levels: OrderedDict[Size, list[Level]] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, drawing: Drawing, want: Region, whole: Size) -> tuple[Pixels, Pixels]:
        """Draw a region of a picture at any size, (h, w, C), and its masks, (h, w, labels) of 0 or 255.

        Beyond the photo's own size a pixel has the labels of the position that it shows.
        """
        canvas, last = drawing.canvases[-1], len(drawing.canvases) - 1
        size = drawing.photo.sizes[last]
        if whole[0] > canvas[0] or whole[1] > canvas[1]:
            drawn = drawing.resampled(want, whole)
            return drawn.pixels, look_up(self.masks, drawn.map, size)

        need = want if canvas == whole else resize.sources(want, canvas, whole, drawing.wrap)
        part = drawing.draw(drawing.around(need, REACH, canvas))
        shares = self._vote(drawing, part, size, drawing.sigma(last))
        inside = tuple(
            slice(b.start - a.start, b.stop - a.start)
            for a, b in zip(part.region, need, strict=True)
        )
        shares = resize.window(
            np.ascontiguousarray(shares[inside]), need, canvas, whole, want, drawing.wrap
        )

        drawn = part.cut(want) if canvas == whole else drawing.resampled(want, whole)
        return drawn.pixels, np.where(shares >= _HALF, np.uint8(255), np.uint8(0))

    def _vote(self, drawing: Drawing, part: Part, photo: Size, sigma: float) -> Pixels:
        """How much of each pixel of a part has each label, 0 to 255, (h, w, labels), for the photo at a size."""
        held = drawing.held[-1]
        kept = None if held is None else held.lay(part.region)
        shares = []
        for level in self._at(drawing, photo):
            voted = paint(level, part.map, sigma)
            if kept is not None:
                kept.put_in(level, voted)
            shares.append(voted)
        return np.concatenate(shares, axis=2)[..., : self.masks.shape[2]]

    def _at(self, drawing: Drawing, size: Size) -> list[Level]:
        """The masks at a size of the photo, reduced as the photo is, three a level."""
        with self._lock:
            if size not in self._levels:
                whole = np.where(self.masks, np.uint8(255), np.uint8(0))
                groups = [
                    whole[..., n : n + _TOGETHER] for n in range(0, whole.shape[2], _TOGETHER)
                ]
                basis, centre = (
                    drawing.photo.level(0).basis,
                    drawing.photo.centre,
                )  # nothing is compared by them
                self._levels[size] = [
                    make_level(resize.resize(_fill(group), size), basis, None, centre)
                    for group in groups
                ]
                if len(self._levels) > _KEPT:
                    self._levels.popitem(last=False)
            self._levels.move_to_end(size)
            return self._levels[size]


def _fill(group: Pixels) -> Pixels:
    """Masks (h, w, 1 to 3) with empty ones to make them three."""
    return np.pad(group, ((0, 0), (0, 0), (0, _TOGETHER - group.shape[2])))

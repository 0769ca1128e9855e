"""Labels of a drawn picture: the photo's masks, put where the map says by the same votes.

Near a join a pixel is a weighted mean of what several patches say, and a photo that was reduced has
mixed pixels along the border of an object. So a pixel has a label where at least half of what is
mixed in it has: there its colour, too, is nearer to the object than to what lies beside it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np

from singan_core.arrays import Mask, Pixels
from singan_core.detail import resize
from singan_core.detail.drawing import Drawing
from singan_core.detail.drawn_region import DrawnRegion, grow, locate
from singan_core.detail.patches import REACH
from singan_core.detail.photo import Level, make_level
from singan_core.detail.store import look_up_masks
from singan_core.detail.votes import paint
from singan_core.pyramid import Size
from singan_core.windows import Region

_TOGETHER = 3  # labels voted on at once, in place of the three colours
_HALF = 128
_KEPT_SIZES = 2  # of the photo, whose tables are kept


class Labels:
    """The masks of a photo, bool (H, W, labels), for drawings in several threads."""

    def __init__(self, masks: Mask) -> None:
        self.masks = masks
        self._levels: OrderedDict[Size, list[Level]] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, drawing: Drawing, want: Region, whole: Size) -> tuple[Pixels, Pixels]:
        """Draw a region of a picture that is resampled to the size whole, and its masks.

        Returns pixels (h, w, C), colours straight, and masks (h, w, labels), 0 or 255. Above the
        photo's own size a pixel has the labels of the position that it shows.
        """
        canvas, last = drawing.canvases[-1], len(drawing.canvases) - 1
        size = drawing.photo.sizes[last]
        if whole[0] > canvas[0] or whole[1] > canvas[1]:
            drawn = drawing.draw_resampled(want, whole)
            return drawn.pixels, look_up_masks(self.masks, drawn.map, size)

        # Votes reach beyond the region that is needed.
        need = want if canvas == whole else resize.find_sources(want, canvas, whole, drawing.wrap)
        part = drawing.draw(grow(need, REACH, canvas, drawing.wrap))
        shares = np.ascontiguousarray(self._vote(drawing, part, size)[locate(part.region, need)])
        shares = resize.resize_window(shares, need, canvas, whole, want, drawing.wrap)

        drawn = part.cut(want) if canvas == whole else drawing.draw_resampled(want, whole)
        return drawn.pixels, np.where(shares >= _HALF, np.uint8(255), np.uint8(0))

    def _vote(self, drawing: Drawing, part: DrawnRegion, photo: Size) -> Pixels:
        """Vote on how much of each pixel has each label, 0 to 255, (h, w, labels).

        photo is the size of the photo at the last level.
        """
        objects = drawing.objects[-1]
        kept = None if objects is None else objects.place(part.region)
        sigma = drawing.choose_sigma(len(drawing.canvases) - 1)
        shares = []
        for level in self._make_levels(drawing, photo):
            voted = paint(level, part.map, sigma)
            if kept is not None:
                kept.put_in(level, voted)
            shares.append(voted)
        return np.concatenate(shares, axis=2)[..., : self.masks.shape[2]]

    def _make_levels(self, drawing: Drawing, size: Size) -> list[Level]:
        """Make levels of the masks, three in each, reduced as the photo is to a size."""
        with self._lock:
            if size not in self._levels:
                # Nothing is compared, so any basis will do.
                basis, centre = drawing.photo.level(0).basis, drawing.photo.centre
                levels = []
                for group in self._group():
                    levels.append(make_level(resize.resize(group, size), basis, None, centre))
                self._levels[size] = levels
                if len(self._levels) > _KEPT_SIZES:
                    self._levels.popitem(last=False)
            self._levels.move_to_end(size)
            return self._levels[size]

    def _group(self) -> list[Pixels]:
        """Group the masks, as 0 and 255, by three, with empty ones to fill the last group."""
        masks = np.where(self.masks, np.uint8(255), np.uint8(0))
        missing = -masks.shape[2] % _TOGETHER
        masks = np.pad(masks, ((0, 0), (0, 0), (0, missing)))
        starts = range(0, masks.shape[2], _TOGETHER)
        return [np.ascontiguousarray(masks[..., n : n + _TOGETHER]) for n in starts]

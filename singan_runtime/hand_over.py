"""Hands what the generators drew last over to the detail levels, rounded to 8 bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from singan_core.arrays import Floats, Pixels
from singan_core.detail import resize
from singan_core.detail.excerpt import Guide
from singan_core.pyramid import Size
from singan_core.windows import Region
from singan_runtime.plan import Plan


def make_guide(picture: Plan, level: Size, generate: Callable[[Region], Floats]) -> Guide:
    """Return what gives a picture's first detail level the region that it begins with.

    generate draws a region of the last generator's canvas.
    """
    canvas = _find_guide_canvas(picture)

    def draw_hand_over(region: Region) -> Pixels:
        if picture.passes:
            return round_hand_over(generate(region))
        assert picture.base is not None
        rows, columns = (slice(*span) for span in region)
        return round_hand_over(picture.base[..., rows, columns])

    def guide(region: Region) -> Pixels:
        if canvas == level:
            return draw_hand_over(region)
        sources = resize.find_sources(region, canvas, level, picture.wrap)
        handed = draw_hand_over(sources)
        return resize.resize_window(handed, sources, canvas, level, region, picture.wrap)

    return guide


def _find_guide_canvas(picture: Plan) -> Size:
    """Return the canvas of what comes in at a picture's first level."""
    if picture.passes:
        return picture.passes[-1].canvas
    assert picture.base is not None
    return picture.base.shape[2], picture.base.shape[3]


def round_hand_over(image: Floats) -> Pixels:
    """Round what the generators drew, (1, C, H, W), once to 8 bits, (h, w, C), premultiplied."""
    unit = (image[0].transpose(1, 2, 0) + 1) * 127.5
    return np.floor(unit + 0.5).clip(0, 255).astype(np.uint8)

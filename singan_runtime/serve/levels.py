"""Levels of a picture: the same seed and shape at half the size, a quarter and so on, in windows.

A level is drawn at its own size, so that nothing finer is drawn for it. Levels below the smallest
that is drawn are that one reduced.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from PIL import Image

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime.parsing import Window
from singan_runtime.request import Request, find_region
from singan_runtime.sampler import Sampler
from singan_runtime.serve.effort import check_effort

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in px."""

SMALLEST = 512
"""Longer side, in px, below which no level is drawn by itself."""


def halve(size: Size, times: int) -> Size:
    """Halve a size so many times; what is odd is rounded up."""
    height, width = (-(-side // 2**times) for side in size)
    return height, width


def count_halvings(size: Size) -> int:
    """Count how often a size can be halved until it is one pixel."""
    return math.ceil(math.log2(max(size)))


def halve_request(request: Request, times: int) -> Request:
    """Return the request of a picture's level, halved so many times."""
    assert request.size is not None
    zoom = request.zoom if isinstance(request.zoom, str) else request.zoom / 2**times
    return replace(request, size=halve(request.size, times), zoom=zoom)


def find_smallest(sampler: Sampler, request: Request) -> int:
    """Find how often a picture is halved for the smallest level that is drawn by itself.

    Raises RequestError if not even the picture itself can be drawn.
    """
    assert request.size is not None
    times = max(0, math.floor(math.log2(max(request.size) / SMALLEST)))
    while times:
        try:
            check_effort(sampler, halve_request(request, times))
            return times
        except RequestError:
            times -= 1
    check_effort(sampler, request)
    return 0


def draw_level(sampler: Sampler, request: Request, times: int, window: Window) -> Pixels:
    """Draw a window (y, x, height, width) of a picture that is halved so many times.

    The result is uint8 (height, width, C). Raises RequestError.
    """
    smallest = find_smallest(sampler, request)
    if times <= smallest:
        return sampler.draw(replace(halve_request(request, times), window=window))

    assert request.size is not None
    size = halve(request.size, times)
    rows, columns = find_region(size, window)
    whole = sampler.draw(halve_request(request, smallest))
    reduced = resize(whole, size)
    return np.ascontiguousarray(reduced[rows.start : rows.stop, columns.start : columns.stop])


def resize(
    pixels: Pixels, size: Size, box: tuple[float, float, float, float] | None = None
) -> Pixels:
    """Reduce a box (left, top, right, bottom) of a picture to a size, each pixel an average."""
    image = images.to_pillow(pixels)
    small = image.resize((size[1], size[0]), Image.Resampling.BOX, box)
    return np.asarray(small).reshape(*size, -1)

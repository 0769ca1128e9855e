"""IIIF Image API 3.0: the words of a URL, and the pixels that they ask for.

Source: https://iiif.io/api/image/3.0/, compliance level 2, with mirroring and bitonal besides.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime.files.deepzoom import TILE
from singan_runtime.parsing import Window
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler
from singan_runtime.serve import levels

CONTEXT = "http://iiif.io/api/image/3/context.json"
FORMATS = {"jpg": "jpeg", "png": "png", "webp": "webp"}
QUALITIES = ("default", "color", "gray", "bitonal")

_WHOLE, _REAL = r"(\d{1,9})", r"(\d{1,9}(?:\.\d{1,9})?)"
_REGION = re.compile(",".join([_WHOLE] * 4), re.ASCII)
_PERCENTS = re.compile("pct:" + ",".join([_REAL] * 4), re.ASCII)
_SIZE = re.compile(r"(!?)(\d{1,9})?,(\d{1,9})?", re.ASCII)
_PERCENT = re.compile(f"pct:{_REAL}", re.ASCII)
_ROTATION = re.compile(f"(!?){_REAL}", re.ASCII)


@dataclass(frozen=True)
class View:
    """What of a picture is asked for, and how it is to be shown."""

    region: Window  # (y, x, height, width) of the whole picture
    size: Size  # (height, width) before it is rotated
    is_mirrored: bool
    rotation: int  # degrees clockwise: 0, 90, 180 or 270
    quality: str


def read_view(size: Size, most: int, region: str, scaled: str, rotation: str, quality: str) -> View:
    """Read the words of a URL for a picture of a size, of which so many pixels may be sent.

    Raises RequestError.
    """
    window = read_region(size, region)
    if quality not in QUALITIES:
        raise RequestError(f"quality {quality[:80]!r} is not known: {', '.join(QUALITIES)}")
    mirrored, degrees = read_rotation(rotation)
    return View(window, read_size(window[2:], most, scaled), mirrored, degrees, quality)


def read_region(size: Size, word: str) -> Window:
    """Read full, square, 'x,y,w,h' or 'pct:x,y,w,h' as a window within a picture of a size.

    What lies outside is cut off. Raises RequestError.
    """
    height, width = size
    if word == "full":
        return 0, 0, height, width
    if word == "square":
        side = min(size)
        return (height - side) // 2, (width - side) // 2, side, side

    if found := _REGION.fullmatch(word):
        x, y, w, h = (int(part) for part in found.groups())
    elif found := _PERCENTS.fullmatch(word):
        shares = (float(part) / 100 for part in found.groups())
        sides = (width, height, width, height)
        x, y, w, h = (round(part * side) for part, side in zip(shares, sides, strict=True))
    else:
        raise RequestError(f"region {word[:80]!r} is not full, square, x,y,w,h or pct:x,y,w,h")
    if not (w and h and x < width and y < height):
        raise RequestError(f"region {word} holds no pixel of a picture of {width}x{height}")
    return y, x, min(h, height - y), min(w, width - x)


def read_size(region: Size, most: int, word: str) -> Size:
    """Read max, 'w,', ',h', 'w,h', '!w,h' or 'pct:n' as the (height, width) of a region.

    Raises RequestError, also for what is larger than the region or has too many pixels.
    """
    if word.startswith("^"):
        raise RequestError("pictures are not enlarged here: leave out ^")
    if word == "max":
        factor = min(1.0, math.sqrt(most / math.prod(region)))
        height, width = (max(1, math.floor(side * factor)) for side in region)
        return height, width

    height, width = _scale(region, word)
    if height > region[0] or width > region[1]:
        raise RequestError(f"size {word} is larger than the region, {region[1]}x{region[0]}")
    if height * width > most:
        raise RequestError(f"size {word} is {height * width} pixels, over the limit of {most}")
    return height, width


def _scale(region: Size, word: str) -> Size:
    """Scale a region as a word says."""
    if found := _PERCENT.fullmatch(word):
        share = float(found[1]) / 100
        height, width = (round(side * share) for side in region)
    elif (found := _SIZE.fullmatch(word)) and (found[2] or found[3]):
        height, width = _fit(region, bool(found[1]), found[2], found[3])
    else:
        raise RequestError(f"size {word[:80]!r} is not max, w, ,h w,h !w,h or pct:n")
    if not (height and width):
        raise RequestError(f"size {word} holds no pixel")
    return height, width


def _fit(region: Size, is_confined: bool, width: str | None, height: str | None) -> Size:
    """Fit a region into a width, a height or both."""
    shares = [int(word) / side for word, side in ((height, region[0]), (width, region[1])) if word]
    if len(shares) == 2 and not is_confined:
        return int(height or 0), int(width or 0)
    if len(shares) < 2 and is_confined:
        raise RequestError("size !w,h needs both a width and a height")

    share = min(shares)
    if not share:
        return 0, 0
    h, w = (max(1, round(side * share)) for side in region)
    return h, w


def read_rotation(word: str) -> tuple[bool, int]:
    """Read whether a picture is mirrored, and by how many degrees it is turned clockwise.

    Raises RequestError for what is no multiple of 90.
    """
    found = _ROTATION.fullmatch(word)
    if found is None or float(found[2]) not in (0, 90, 180, 270):
        raise RequestError(f"rotation {word[:80]!r} is not 0, 90, 180 or 270, or ! before it")
    return bool(found[1]), int(float(found[2]))


def draw_view(sampler: Sampler, request: Request, view: View) -> Pixels:
    """Draw a view of the picture of a request, uint8 (h, w, C). Raises RequestError."""
    pixels = _draw_region(sampler, request, view)
    if view.quality in ("gray", "bitonal"):
        grey = images.to_pillow(images.flatten(pixels, (255, 255, 255))).convert("L")
        pixels = np.asarray(grey)[..., None]
    if view.quality == "bitonal":
        pixels = np.where(pixels > 127, np.uint8(255), np.uint8(0))
    if view.is_mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, -view.rotation // 90))


def _draw_region(sampler: Sampler, request: Request, view: View) -> Pixels:
    """Draw a region at a size: from the level next larger, or as a whole picture of that size."""
    assert request.size is not None
    (y, x, height, width), size = view.region, view.size
    if (height, width) == request.size and _has_shape(request.size, size):
        return sampler.draw(Request(size, request.seed, request.zoom))

    factor = min(height / size[0], width / size[1])
    times = max(0, math.floor(math.log2(factor)))
    whole = levels.halve(request.size, times)
    top, bottom = _place(y, height, request.size[0], times, whole[0])
    left, right = _place(x, width, request.size[1], times, whole[1])
    first = math.floor(top), math.floor(left)
    window = (*first, math.ceil(bottom) - first[0], math.ceil(right) - first[1])

    sampler.check_pixels(window[2:])
    drawn = levels.draw_level(sampler, request, times, window)
    box = left - first[1], top - first[0], right - first[1], bottom - first[0]
    if size == window[2:] and box == (0, 0, size[1], size[0]):
        return drawn
    return levels.resize(drawn, size, box)


def _has_shape(whole: Size, size: Size) -> bool:
    """Whether a size is a whole picture's, reduced evenly to whole pixels."""
    return abs(size[1] - whole[1] * size[0] / whole[0]) <= 1 or (
        abs(size[0] - whole[0] * size[1] / whole[1]) <= 1
    )


def _place(start: int, length: int, side: int, times: int, halved: int) -> tuple[float, float]:
    """Return where a span of a side begins and ends at a level; the last pixel ends it there."""
    unit = 2**times
    stop = start + length
    return start / unit, float(halved) if stop == side else stop / unit


def describe(address: str, size: Size, most: int) -> dict[str, Any]:
    """Return the content of info.json of a picture at an address."""
    halvings = [
        times
        for times in range(levels.count_halvings(size) + 1)
        if times == 0 or max(size) > TILE * 2**times // 2
    ]
    # The whole picture is offered at the sizes of the tiles' levels alone. OpenSeadragon 5, which
    # Mirador has, takes sizes for a list of levels where there are as many, or one less.
    offered = [levels.halve(size, times) for times in reversed(halvings)]

    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2",
        "width": size[1],
        "height": size[0],
        "maxArea": most,
        "sizes": [
            {"width": width, "height": height}
            for height, width in offered
            if height * width <= most
        ],
        "tiles": [
            {"width": TILE, "height": TILE, "scaleFactors": [2**times for times in halvings]}
        ],
        "extraFormats": ["webp"],
        "preferredFormats": ["webp", "jpg"],
        "extraQualities": list(QUALITIES[1:]),
        "extraFeatures": ["canonicalLinkHeader", "mirroring", "profileLinkHeader"],
    }


def write_canonical(size: Size, view: View, suffix: str) -> str:
    """Write the words of a view in their canonical form, as the specification has it."""
    y, x, height, width = view.region
    region = "full" if (height, width) == size else f"{x},{y},{width},{height}"
    scaled = "max" if view.size == (height, width) else f"{view.size[1]},{view.size[0]}"
    turned = f"{'!' if view.is_mirrored else ''}{view.rotation}"
    return f"{region}/{scaled}/{turned}/{view.quality}.{suffix}"

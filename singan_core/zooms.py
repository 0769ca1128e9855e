"""How large a picture draws its scene: its zoom, which is a number or a word."""

from __future__ import annotations

import math
from typing import Literal, get_args

from singan_core.errors import RequestError
from singan_core.limits import read_real
from singan_core.pyramid import Pyramid, Size
from singan_core.windows import Wrap

ZoomWord = Literal["auto", "scene", "height", "area"]
Zoom = float | ZoomWord
"""How large content is drawn, where 1 is the photo's own scale.

height keeps the photo's height on any shape, so that a wide picture shows more of the scene and a
narrow one less. scene composes a picture of the photo's own shape, of which the picture is a part.
area shows as much of the scene as the photo does. auto is what suits the model (settle_zoom).
"""

ZOOM_WORDS: tuple[ZoomWord, ...] = get_args(ZoomWord)
NAMED_ZOOMS = f"{', '.join(ZOOM_WORDS[:-1])} or {ZOOM_WORDS[-1]}"
"""The same for error messages."""

ZOOMS = 0.001, 1000
"""The least and the largest zoom that may be asked for."""

AUTO_RANGE = 0.4, 2.2
"""How far zoom height may leave the zoom that keeps the area, to keep the photo's height."""

LEAST_SHOWN = 0.4, 0.16
"""Least share of the scene's height and width that zoom scene leaves in a picture.

Shapes that are wider or narrower still show more of the scene, or less of it.
"""

_AUTO_COARSEST = 16  # px, least side of the coarsest canvas at zoom auto, without detail levels


def choose_zoom(pyramid: Pyramid, size: Size, zoom: Zoom) -> float:
    """Turn a zoom into a number for a picture of this size.

    With detail levels, auto and height keep the photo's height, so that the sky stays above and the
    ground below on any shape. AUTO_RANGE limits how far that may leave the zoom that keeps the
    area. scene covers the picture with a scene of the photo's shape. Without levels, auto keeps the
    area as long as the coarsest canvas stays large enough. Raises RequestError for a number outside
    ZOOMS, for any other word, and for scene without levels.
    """
    height, width = pyramid.finest
    area = math.sqrt(size[0] * size[1] / (height * width))
    word = zoom if isinstance(zoom, str) else None
    if word == "area":
        return area

    if word == "scene":
        if not pyramid.levels:
            raise RequestError("zoom scene needs a model with detail; choose auto or a number")
        kept = size[0] / height
        return min(max(kept, size[1] / width), kept / LEAST_SHOWN[0])

    if word not in ("auto", "height"):
        return read_real(zoom, "zoom", *ZOOMS, besides=f", {NAMED_ZOOMS}")

    if pyramid.levels or word == "height":
        low, high = AUTO_RANGE
        return min(max(size[0] / height, low * area), high * area)
    return min(area, min(size) * pyramid.ratio(0) / _AUTO_COARSEST)


def settle_zoom(pyramid: Pyramid, zoom: Zoom, wrap: Wrap = (False, False)) -> Zoom:
    """Settle what auto means for a new picture of a model.

    A model whose things have their places (Pyramid.focus) composes scenes of the photo's shape,
    which hold together best. All others keep the photo's height, as does a picture that wraps.
    """
    if zoom == "auto" and pyramid.focus is not None and not any(wrap):
        return "scene"
    return zoom

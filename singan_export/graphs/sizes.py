"""Write singan_core.fitting.fit for pictures with detail: which levels draw, on which canvases."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass

import numpy as np

from singan_core import RECEPTIVE_FIELD
from singan_core.fitting import WORTH_A_STEP
from singan_core.pyramid import Pyramid, Size, count_searched
from singan_core.zooms import AUTO_RANGE, LEAST_SHOWN
from singan_export.graphs.values import Value, choose

Canvas = tuple[Value, Value]
"""Height and width, int64 scalars."""


@dataclass(frozen=True)
class Sizes:
    """The canvases of a picture whose size is known when the graph runs."""

    generators: list[Canvas]
    levels: list[Canvas]  # of every level, whether it draws or not
    draws: list[Value]  # whether each level draws, a bool scalar
    photo: Canvas  # the photo's size at the last level
    whole: Canvas  # what the levels draw, of which the picture is a part
    origin: Canvas  # row and column of the picture in the whole
    picture: Canvas


def write_sizes(size: Value, zoom: Value, pyramid: Pyramid) -> Sizes:
    """Write them from the picture's (height, width), int64, and the zoom, float64.

    Zoom 0 means auto. A zoom over 1 is taken as 1.
    """
    picture = size.gather(0), size.gather(1)
    height, width = (side.cast(np.float64) for side in picture)
    auto = choose_zoom(height, width, pyramid)
    is_scene = (zoom > 0.0).apply("Not") & (auto <= 1.0)
    zoom = choose(zoom > 0.0, zoom, auto).minimum(1.0)
    scene = [height, width]
    if pyramid.focus is not None:
        scene = _find_scene((height, width), zoom, is_scene, pyramid)

    # A side whose coarsest canvas would be too small is drawn longer, and the picture cut out.
    whole, world = [], []
    for axis, side in enumerate((height, width)):
        smallest = (RECEPTIVE_FIELD - 0.5 + 1e-6) * pyramid.finest[axis] / pyramid.shapes[0][axis]
        least = (zoom * smallest).apply("Ceil")
        longest = side.maximum(least).maximum(scene[axis].apply("Round"))
        whole.append(longest.cast(np.int64))
        world.append(choose(scene[axis] > least, scene[axis] / zoom, smallest))

    def write_canvas(shape: Size) -> Canvas:
        sides = []
        for side, own, finest in zip(world, shape, pyramid.finest, strict=True):
            sides.append(_round(side * float(own) / float(finest)))
        return sides[0], sides[1]

    levels = [write_canvas(shape) for shape in pyramid.levels]
    photo, draws, is_resampled = _choose_levels(zoom, pyramid)
    last = []
    for side, level in zip(whole, levels[-1], strict=True):
        last.append(choose(is_resampled, level, side))
    levels[-1] = last[0], last[1]

    origin = [(side - own).divide(2) for side, own in zip(whole, picture, strict=True)]
    if pyramid.focus is not None:
        for axis, focus in enumerate(pyramid.focus):
            side, own = whole[axis], picture[axis]
            begin = (side.cast(np.float64) * focus).apply("Floor").cast(np.int64) - own.divide(2)
            begin = begin.maximum(0).minimum(side - own)
            origin[axis] = choose(is_scene, begin, origin[axis])

    return Sizes(
        [write_canvas(step.canvas) for step in pyramid.passes],
        levels,
        draws,
        photo,
        (whole[0], whole[1]),
        (origin[0], origin[1]),
        picture,
    )


def _choose_levels(zoom: Value, pyramid: Pyramid) -> tuple[Canvas, list[Value], Value]:
    """Choose the photo's size at the last level, which levels draw, and if the last is resampled.

    A picture smaller than the photo ends with a level of its own scale, which is the last one here,
    unless that scale is another level's or as small as those that are searched.
    """
    ratios = [math.sqrt(h * w / (pyramid.finest[0] * pyramid.finest[1])) for h, w in pyramid.levels]
    worth = zoom * WORTH_A_STEP
    own_scale = (worth > ratios[count_searched(pyramid.levels) - 1]) & (zoom < 1.0)
    others = own_scale.apply("Not")
    rows, columns = (_round(zoom * float(side)) for side in pyramid.finest)

    draws, same = [], []
    below = [0.0, *ratios[:-1]]
    for ratio, before, (height, width) in zip(ratios, below, pyramid.levels, strict=True):
        same.append(own_scale & rows.equals(height) & columns.equals(width))
        draws.append((own_scale & (worth >= ratio)) | (others & (zoom > before)) | same[-1])
    is_another = functools.reduce(operator.or_, same[:-1])
    draws[-1] = draws[-1] | (own_scale & is_another.apply("Not"))

    photo = []
    for own, full in zip((rows, columns), pyramid.finest, strict=True):
        photo.append(choose(own_scale, own, full))
    return (photo[0], photo[1]), draws, others & (zoom < 1.0)


def choose_zoom(height: Value, width: Value, pyramid: Pyramid) -> Value:
    """Choose zoom auto: one that covers the picture with a scene, or keeps the photo's height."""
    full_height, full_width = (float(side) for side in pyramid.finest)
    kept = height / full_height
    if pyramid.focus is not None:
        return kept.maximum(width / full_width).minimum(kept / LEAST_SHOWN[0])
    low, high = AUTO_RANGE
    area = (height * width / float(pyramid.finest[0] * pyramid.finest[1])).apply("Sqrt")
    return kept.maximum(area * low).minimum(area * high)


def _find_scene(picture: Canvas, zoom: Value, is_scene: Value, pyramid: Pyramid) -> list[Value]:
    """Find the sides of the scene of which the picture is a part, float64; without one, its own."""
    sides = []
    for side, own, least in zip(picture, pyramid.finest, LEAST_SHOWN, strict=True):
        shown = (side / (zoom * float(own))).maximum(least).minimum(1.0)
        sides.append(choose(is_scene, side / shown, side))
    return sides


def _round(side: Value) -> Value:
    """Round to the nearest whole number, halves to the even one, and to at least 1."""
    return side.apply("Round").maximum(1.0).cast(np.int64)

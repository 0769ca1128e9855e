"""singan_core.pyramid.fit in a graph, for pictures with detail: which levels draw, and on what canvases."""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass

import numpy as np

from singan_core.pyramid import AUTO_RANGE, MIN_CANVAS, WORTH_A_STEP, Pyramid, Size, count_searched
from singan_export.values import Value, choose

Canvas = tuple[Value, Value]
"""Height and width, int64 without axes."""


@dataclass(frozen=True)
class Sizes:
    """What draws a picture of a size that is known when the graph runs."""

    generators: list[Canvas]
    levels: list[Canvas]  # of every level, whether it draws or not
    draws: list[Value]  # whether it does
    photo: Canvas  # the photo's size at the last level
    whole: Canvas
    origin: Canvas
    picture: Canvas


def write_sizes(size: Value, zoom: Value, pyramid: Pyramid) -> Sizes:
    """Write them from the picture's (height, width), int64, and the zoom, float64, of which 0 means auto.

    A zoom over 1 is taken as 1.
    """
    picture = size.gather(0), size.gather(1)
    height, width = (side.cast(np.float64) for side in picture)
    zoom = choose_zoom(height, width, zoom, pyramid)

    whole, world = [], []
    for axis, side in enumerate((height, width)):
        shown = (MIN_CANVAS - 0.5 + 1e-6) * pyramid.finest[axis] / pyramid.shapes[0][axis]
        least = (zoom * shown).apply("Ceil")
        whole.append(side.maximum(least).cast(np.int64))
        world.append(choose(side > least, side / zoom, shown))

    def canvas(shape: Size) -> Canvas:
        rows, columns = (
            _round(side * float(own) / float(finest))
            for side, own, finest in zip(world, shape, pyramid.finest, strict=True)
        )
        return rows, columns

    levels = [canvas(shape) for shape in pyramid.levels]
    photo, draws, rounded = _choose_levels(zoom, pyramid)
    last = [choose(rounded, level, side) for side, level in zip(whole, levels[-1], strict=True)]
    levels[-1] = last[0], last[1]
    origin = [(side - shown).divide(2) for side, shown in zip(whole, picture, strict=True)]
    return Sizes(
        [canvas(step.canvas) for step in pyramid.passes],
        levels,
        draws,
        photo,
        (whole[0], whole[1]),
        (origin[0], origin[1]),
        picture,
    )


def _choose_levels(zoom: Value, pyramid: Pyramid) -> tuple[Canvas, list[Value], Value]:
    """The photo's size at the last level, which levels draw, and whether the last one's canvas is not the picture's.

    A picture smaller than the photo ends with a level of its own scale, the last one here, unless that scale is just
    another level's or as small as those that are searched.
    """
    ratios = [math.sqrt(h * w / (pyramid.finest[0] * pyramid.finest[1])) for h, w in pyramid.levels]
    worth = zoom * WORTH_A_STEP
    own_scale = (worth > ratios[count_searched(pyramid.levels) - 1]) & (zoom < 1.0)
    others = own_scale.apply("Not")
    rows, columns = (_round(zoom * float(side)) for side in pyramid.finest)

    draws, alike = [], []
    for ratio, before, (height, width) in zip(
        ratios, [0.0, *ratios[:-1]], pyramid.levels, strict=True
    ):
        alike.append(own_scale & rows.equals(height) & columns.equals(width))
        draws.append((own_scale & (worth >= ratio)) | (others & (zoom > before)) | alike[-1])
    another = functools.reduce(operator.or_, alike[:-1])
    draws[-1] = draws[-1] | (own_scale & another.apply("Not"))

    photo = [
        choose(own_scale, own, full)
        for own, full in zip((rows, columns), pyramid.finest, strict=True)
    ]
    return (photo[0], photo[1]), draws, others & (zoom < 1.0)


def choose_zoom(height: Value, width: Value, zoom: Value, pyramid: Pyramid) -> Value:
    """The zoom as a number, up to 1: 0 keeps the photo's height within limits, as singan_core.pyramid does."""
    low, high = AUTO_RANGE
    area = (height * width / float(pyramid.finest[0] * pyramid.finest[1])).apply("Sqrt")
    auto = (height / float(pyramid.finest[0])).maximum(area * low).minimum(area * high)
    return choose(zoom > 0.0, zoom, auto).minimum(1.0)


def _round(side: Value) -> Value:
    """To the nearest whole number, halves to the even one, and at least 1."""
    return side.apply("Round").maximum(1.0).cast(np.int64)

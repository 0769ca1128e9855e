"""Fits a pyramid to each requested picture: its canvases at every scale and level.

Sizes are (height, width).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

from singan_core import RECEPTIVE_FIELD
from singan_core.errors import RequestError
from singan_core.pyramid import Pass, Pyramid, Size, compute_ratio, count_searched, scale_size
from singan_core.windows import Wrap
from singan_core.zooms import LEAST_SHOWN, Zoom, choose_zoom

MAX_SIDE = 2**20
"""Longest side of a picture in pixels."""

MAX_PIXELS = 7680 * 4320
"""Pixels of the largest picture that is drawn whole unless the caller allows more."""

DETAIL = {False: 0.5, True: 1.0}
"""Share of its fine detail that a pass beyond the finest scale adds.

The key is whether a continuation draws it. docs/decisions.md has the measurements.
"""

WORTH_A_STEP = 0.8
"""Detail levels larger than this part of the request's own scale are left out below that scale."""

MOST_PASSES = 200
"""Passes beyond the finest scale, whose number grows as the scale factor approaches 1."""

_FAR = 2.0  # zoom from which there surely are passes beyond the finest scale


@dataclass(frozen=True)
class Fit:
    """Everything that draws a picture of some size: generators, detail levels, one last resize."""

    passes: tuple[Pass, ...]
    levels: tuple[Size, ...]  # canvases of the detail levels that draw, coarsest first
    whole: Size  # what is drawn: more than the picture if that alone had too small a canvas
    origin: tuple[int, int]  # top and left of the picture in the whole
    size: Size  # of the picture
    searched: int = 0  # number of levels whose every patch is searched for in the whole photo
    photo_sizes: tuple[Size, ...] = ()  # of the photo at each of the levels
    entry: int = 0  # the first level that is as large as the hand-over: 1 after a composition level

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of the whole that are the picture, (start, stop) each."""
        (top, left), (height, width) = self.origin, self.size
        return (top, top + height), (left, left + width)


def check_size(size: Size) -> None:
    """Raise RequestError unless both sides are within 1..2^20."""
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise RequestError(
            f"size {size[1]}x{size[0]} is not possible: each side must be 1 to {MAX_SIDE} px"
        )


def fit(pyramid: Pyramid, size: Size, zoom: Zoom = "auto", wrap: Wrap = (False, False)) -> Fit:
    """Fit a pyramid to a picture of exactly this size.

    Zoom 1 keeps the texture of the finest scale, 2 draws everything twice as large. Below 1 the
    finest scales are left out. Above 1, generators without detail levels go on beyond the finest
    scale.

    A coarsest canvas under 11 px raises RequestError. With detail levels a wider picture is drawn
    instead, of which the picture is a part, except along an axis that wraps. A scene, which may be
    larger than its picture, cannot wrap: RequestError.
    """
    check_size(size)
    is_scene = isinstance(zoom, str) and zoom == "scene"
    zoom = choose_zoom(pyramid, size, zoom)
    if is_scene and any(wrap):
        raise RequestError("a tileable picture has no zoom scene; choose auto, area or a number")
    if pyramid.levels:
        shown = _find_shown(pyramid, size, zoom) if is_scene else None
        return _fit_with_detail(pyramid, size, zoom, wrap, shown)

    if zoom > _FAR:  # before passes without number are planned
        _check_coarsest(pyramid, size, zoom, scale_size(size, pyramid.ratio(0) / zoom))
    passes = _fit_passes(pyramid, size, zoom)
    _check_coarsest(pyramid, size, zoom, passes[0].canvas)
    return Fit(passes, (), size, (0, 0), size)


def _check_coarsest(pyramid: Pyramid, size: Size, zoom: float, canvas: Size) -> None:
    """Raise RequestError for a coarsest canvas under 11 px."""
    if min(canvas) < RECEPTIVE_FIELD:
        raise RequestError(_describe_too_coarse(pyramid, size, zoom, canvas))


def _find_shown(pyramid: Pyramid, size: Size, zoom: float) -> tuple[float, float]:
    """Find the shares of a scene's height and width that a picture shows, each up to 1."""
    shares = [side / (zoom * own) for side, own in zip(size, pyramid.finest, strict=True)]
    return min(1.0, max(shares[0], LEAST_SHOWN[0])), min(1.0, max(shares[1], LEAST_SHOWN[1]))


def _fit_with_detail(
    pyramid: Pyramid, size: Size, zoom: float, wrap: Wrap, shown: tuple[float, float] | None
) -> Fit:
    """Fit a pyramid with detail levels.

    shown are the shares of a scene that the picture shows; None if it is all of it.
    """
    whole, world = _widen(pyramid, size, zoom, wrap, shown or (1.0, 1.0))
    origin = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
    if shown is not None:
        origin = _choose_part(pyramid, size, whole)
    photo_sizes, own_scale = _choose_photo_sizes(pyramid, zoom)

    # Canvases follow from what the picture shows of the photo's world, in pixels of the photo.
    passes = tuple(
        replace(step, canvas=_compute_canvas(step.canvas, world, pyramid.finest))
        for step in pyramid.passes
    )
    canvases = [_compute_canvas(shape, world, pyramid.finest) for shape in photo_sizes]

    # A last canvas that is meant to be the picture must not differ from it by a rounded pixel.
    if zoom == 1 or (own_scale and photo_sizes[-1] not in pyramid.levels[:-1]):
        canvases[-1] = whole

    searched = min(len(photo_sizes), count_searched(pyramid.levels))
    return Fit(passes, tuple(canvases), whole, origin, size, searched, photo_sizes, pyramid.entry)


def _choose_part(pyramid: Pyramid, size: Size, whole: Size) -> tuple[int, int]:
    """Choose the top and left of the part of a scene that is the picture: around the focus."""
    top, left = (
        min(max(int(focus * scene) - side // 2, 0), scene - side)
        for focus, scene, side in zip(pyramid.focus or (0.5, 0.5), whole, size, strict=True)
    )
    return top, left


def _choose_photo_sizes(pyramid: Pyramid, zoom: float) -> tuple[tuple[Size, ...], bool]:
    """Choose the sizes of the photo at which a picture's detail levels copy from it.

    They end either with the first trained level that is large enough, or with the photo reduced to
    the picture's own scale. Return the sizes, coarsest first, and whether the latter is the case.
    """
    ratios = [compute_ratio(level, pyramid.finest) for level in pyramid.levels]
    last_searched = ratios[count_searched(pyramid.levels) - 1]
    if zoom >= 1 or WORTH_A_STEP * zoom <= last_searched:
        used = next((n for n, ratio in enumerate(ratios) if ratio >= zoom), len(ratios) - 1)
        return pyramid.levels[: max(used, pyramid.entry) + 1], False

    smaller = (ratio <= WORTH_A_STEP * zoom for ratio in ratios)
    sizes = itertools.compress(pyramid.levels, smaller)
    height, width = pyramid.finest
    return (*sizes, (max(1, round(height * zoom)), max(1, round(width * zoom)))), True


def _compute_canvas(shape: Size, world: tuple[float, float], finest: Size) -> Size:
    """Compute the canvas on which a trained shape shows this part of the photo's world."""
    height, width = (
        max(1, round(side * own / full))
        for side, own, full in zip(world, shape, finest, strict=True)
    )
    return height, width


def _widen(
    pyramid: Pyramid, size: Size, zoom: float, wrap: Wrap, shown: tuple[float, float]
) -> tuple[Size, tuple[float, float]]:
    """Lengthen each side to that of the scene, and until its coarsest canvas has 11 px.

    Return the size and what it shows of the photo's world, in pixels of the photo. The latter is
    not rounded, so that pictures of one shape have the same canvases at every size. Raises
    RequestError along an axis that wraps and is too short.
    """
    whole, world = [], []
    for axis, side in enumerate(size):
        needed = (RECEPTIVE_FIELD - 0.5 + 1e-6) * pyramid.finest[axis] / pyramid.shapes[0][axis]
        least = math.ceil(needed * zoom)
        if side < least and wrap[axis]:
            raise RequestError(
                f"size {size[1]}x{size[0]} at zoom {zoom:.4g} is too short to repeat along "
                f"{'yx'[axis]}: that side needs at least {least} px, or a lower zoom"
            )
        scene = side / shown[axis]
        whole.append(max(side, least, round(scene)))
        world.append(needed if scene <= least else scene / zoom)
    return (whole[0], whole[1]), (world[0], world[1])


def _fit_passes(pyramid: Pyramid, size: Size, zoom: float) -> tuple[Pass, ...]:
    """Fit the passes of a pyramid without detail levels, the last one exactly to the size."""
    if zoom < 1:
        last, further = _find_closest_scale(pyramid, zoom), 0
        unit = pyramid.ratio(last)
    else:
        last, further = len(pyramid.shapes) - 1, count_further_passes(pyramid, zoom)
        unit = zoom if further else 1.0

    canvases = [scale_size(size, pyramid.ratio(n) / unit) for n in range(last + 1)]
    passes = [Pass(n, n, canvas) for n, canvas in enumerate(canvases)]
    passes += plan_further_passes(pyramid, size, zoom, further)
    passes[-1] = replace(passes[-1], canvas=size)
    return tuple(passes)


def plan_further_passes(pyramid: Pyramid, size: Size, zoom: float, count: int) -> list[Pass]:
    """Plan passes beyond the finest scale, in equal steps from size / zoom up to the size."""
    if count == 0:
        return []
    finest, generator = len(pyramid.shapes) - 1, len(pyramid.sizes) - 1
    canvases = [scale_size(size, zoom ** (step / count) / zoom) for step in range(1, count)]
    canvases.append(size)
    share = DETAIL[pyramid.continuation]
    return [
        Pass(finest + step, generator, canvas, share) for step, canvas in enumerate(canvases, 1)
    ]


def count_further_passes(pyramid: Pyramid, zoom: float) -> int:
    """Count the passes beyond the finest scale that a zoom of 1 or more takes.

    Raises RequestError for so many that a picture would take hours.
    """
    count = round(math.log(zoom) / math.log(1 / pyramid.scale_factor))
    if count > MOST_PASSES:
        raise RequestError(
            f"zoom {zoom:.4g} takes {count} passes at this model's scale factor of "
            f"{pyramid.scale_factor:.4g}, at most {MOST_PASSES} are possible: ask for less zoom"
        )
    return count


def _find_closest_scale(pyramid: Pyramid, zoom: float) -> int:
    """Find the scale that draws content at a size closest to a zoom below 1."""
    return min(range(len(pyramid.shapes)), key=lambda n: abs(math.log(pyramid.ratio(n) / zoom)))


def find_largest_zoom(pyramid: Pyramid, size: Size) -> float | None:
    """Find the largest zoom whose coarsest canvas has 11 px, rounded down to three digits.

    There is none, and the result is None, for a side under 11 px.
    """
    if min(size) < RECEPTIVE_FIELD:
        return None

    bound = min(size) * pyramid.ratio(0) / (RECEPTIVE_FIELD - 0.5)
    if bound < 1:
        bound = _find_bound_below_one(pyramid, size)

    # Canvases are rounded, so near the bound a zoom may still be a little too large.
    digits = 2 - math.floor(math.log10(bound))
    zoom = math.floor(bound * 10**digits) / 10**digits
    while min(_fit_passes(pyramid, size, zoom)[0].canvas) < RECEPTIVE_FIELD:
        zoom = round(zoom - 10**-digits, digits)
    return zoom


def _find_bound_below_one(pyramid: Pyramid, size: Size) -> float:
    """Find where the last scale whose coarsest canvas has 11 px gives way to the next one."""
    ratios = [pyramid.ratio(scale) for scale in range(len(pyramid.shapes))]
    coarsest = [scale_size(size, ratios[0] / ratio) for ratio in ratios]
    last = max(n for n, canvas in enumerate(coarsest) if min(canvas) >= RECEPTIVE_FIELD)
    return 1.0 if last == len(ratios) - 1 else math.sqrt(ratios[last] * ratios[last + 1])


def _describe_too_coarse(pyramid: Pyramid, size: Size, zoom: float, canvas: Size) -> str:
    """Say that the coarsest canvas is too small, and which zoom or side is possible."""
    got = (
        f"size {size[1]}x{size[0]} at zoom {zoom:.4g} needs a coarsest canvas of "
        f"{canvas[1]}x{canvas[0]}, under {RECEPTIVE_FIELD} px"
    )
    limit = find_largest_zoom(pyramid, size)
    if limit is None:
        return f"{got}: the smallest side that can be drawn is {RECEPTIVE_FIELD} px"
    return f"{got}: the largest zoom for this size is {limit:g}"

"""The sizes of every scale, planned once at training and fitted to each requested size.

Sizes are (height, width). Scale 0 is the coarsest, whereas the SinGAN paper counts from the finest.
Above the generators a pyramid may have detail levels, which have no weights and lead up to the
photo's own size.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Literal

from singan_core import RECEPTIVE_FIELD
from singan_core.errors import RequestError

Size = tuple[int, int]
"""(height, width) in pixels."""

Zoom = float | Literal["auto", "area"]
"""How large content is drawn, where 1 is the photo's own scale.

auto keeps the photo's composition on any shape, area shows as much of the scene as the photo does.
"""

MIN_CANVAS = RECEPTIVE_FIELD

MAX_SIDE = 2**20
"""Longest side of a picture in pixels."""

MAX_PIXELS = 7680 * 4320
"""Pixels of the largest picture that is drawn whole unless the caller allows more."""

DETAIL = {False: 0.5, True: 1.0}
"""Share of its fine detail that a pass beyond the finest scale adds.

The key is whether a continuation draws it. docs/decisions.md has the measurements.
"""

SEARCH_AREA = 4_500
"""Positions in the largest detail level whose every patch is searched for in the whole photo."""

AUTO_RANGE = 0.4, 2.2
"""How far zoom auto may leave the zoom that keeps the area, to keep the photo's height."""

WORTH_A_STEP = 0.8
"""Detail levels larger than this part of the request's own scale are left out below that scale."""

_AUTO_COARSEST = 16  # px, least side of the coarsest canvas at zoom auto, without detail levels
_SEARCH_FACTOR = 0.75  # between detail levels that are searched
_COPY_FACTOR = 0.5  # between larger ones
_WORTH_A_LEVEL = 0.9  # of the search area's side: above it, only the hand-over's level is searched


@dataclass(frozen=True)
class Pyramid:
    """The trained sizes, coarsest first, and the mean ratio of neighbouring scales."""

    shapes: tuple[Size, ...]
    scale_factor: float
    continuation: bool = False  # whether one more generator draws beyond the finest scale
    levels: tuple[Size, ...] = ()  # detail levels, coarsest first: hand-over's size to photo's own
    hand_over: int = -1  # the last generator that draws, if there are levels

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Size that each generator is trained at: a continuation has the finest once more."""
        return (*self.shapes, self.shapes[-1]) if self.continuation else self.shapes

    def is_continuation(self, scale: int) -> bool:
        """Whether a generator is the continuation, which draws beyond the finest scale."""
        return scale == len(self.shapes)

    @property
    def finest(self) -> Size:
        """Size of the finest level, which is the photo's own, or else of the finest generator."""
        return (self.levels or self.shapes)[-1]

    @property
    def generators(self) -> Pyramid:
        """The same pyramid without detail levels."""
        return replace(self, levels=(), hand_over=-1)

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The generators' part of the cascade at the trained sizes."""
        last = self.hand_over if self.levels else len(self.shapes) - 1
        return tuple(Pass(n, n, shape) for n, shape in enumerate(self.shapes[: last + 1]))

    def ratio(self, scale: int) -> float:
        """Compute r_n: how large scale n draws content, relative to the finest size."""
        return compute_ratio(self.shapes[scale], self.finest)


@dataclass(frozen=True)
class Pass:
    """One turn of the cascade: its number, its generator and the canvas that it draws."""

    index: int  # selects the noise: the scale, counted on beyond the finest one
    generator: int
    canvas: Size
    detail: float | None = None  # beyond the finest scale: the share of fine detail that it adds

    @property
    def beyond(self) -> bool:
        """Whether the pass goes on beyond the finest scale."""
        return self.detail is not None


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

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows and columns of the whole that are the picture, (start, stop) each."""
        (top, left), (height, width) = self.origin, self.size
        return (top, top + height), (left, left + width)


def compute_ratio(shape: Size, finest: Size) -> float:
    """Compute how large a shape draws content relative to the finest size."""
    return math.sqrt(shape[0] * shape[1] / (finest[0] * finest[1]))


def plan(
    size: Size,
    min_size: int = 25,
    max_size: int = 250,
    scale_factor: float = 0.75,
    scales: int | None = None,
    schedule: str = "geometric",
) -> Pyramid:
    """Plan the generators' sizes for a photo.

    The finest scale's longer side has at most max_size px, the coarsest scale's shorter side
    min_size. With the geometric schedule every scale is larger than the one below by one factor,
    close to 1 / scale_factor, so that a whole number of scales fits. With the linear schedule it is
    larger by one number of pixels, about min_size. Raises RequestError if the photo or the scales
    do not fit. Source: SinGAN, section 3, and its reference code, which rounds sides up where we
    round.
    """
    finest = scale_size(size, min(max_size / max(size), 1.0))
    short = min(finest)
    if short < min_size:
        raise RequestError(_describe_too_small(size, finest, min_size))

    if scales is None:
        steps = _count_steps(short, min_size, scale_factor, schedule)
    elif 1 <= scales <= max(1, short - min_size + 1):
        steps = scales - 1
    else:
        most = max(1, short - min_size + 1)
        raise RequestError(
            f"{scales} scales do not fit between {min_size} and {short} px: ask for 1 to {most}"
        )
    if steps == 0:
        return Pyramid((finest,), scale_factor)

    factor = (min_size / short) ** (1 / steps)
    ratios = [factor ** (steps - scale) for scale in range(steps + 1)]
    if schedule == "linear":
        growth = short - min_size
        ratios = [(min_size + growth * scale / steps) / short for scale in range(steps + 1)]
    return Pyramid(tuple(scale_size(finest, ratio) for ratio in ratios), factor)


def _count_steps(short: int, min_size: int, scale_factor: float, schedule: str) -> int:
    """Count the steps from min_size to the finest scale's shorter side."""
    if schedule == "linear":
        return math.ceil((short - min_size) / min_size)
    return math.ceil(round(math.log(min_size / short) / math.log(scale_factor), 6))


def _describe_too_small(size: Size, finest: Size, min_size: int) -> str:
    """Say why no pyramid fits, and what to do."""
    if min(size) < min_size:
        return (
            f"a photo of {size[1]}x{size[0]} is smaller than the coarsest scale of {min_size} px: "
            "use a larger one"
        )
    needed = math.ceil(min_size * max(size) / min(size))
    return (
        f"a photo of {size[1]}x{size[0]} gives a finest scale of {finest[1]}x{finest[0]}, "
        f"but the shorter side needs at least {min_size}: raise the maximal size to at least "
        f"{needed} or crop the photo"
    )


def detail_levels(photo: Size, hand_over: Size) -> tuple[Size, ...]:
    """Plan the sizes of the detail levels, from the hand-over's to the photo's own.

    There are none for a photo that is no larger than the hand-over. Steps are small as long as
    every patch is searched for. Above that they are larger, since copying patches needs fewer.
    """
    if min(photo) <= min(hand_over):
        return ()

    # The searched levels end at the search area. A hand-over close to it is the only one.
    top = min(math.sqrt(SEARCH_AREA / (photo[0] * photo[1])), 1.0)
    base = compute_ratio(hand_over, photo)
    ratios = _divide(base, top, _SEARCH_FACTOR) if base < _WORTH_A_LEVEL * top else [base]
    ratios += _divide(ratios[-1], 1.0, _COPY_FACTOR)[1:]

    # The hand-over's sides were rounded, so one of them may exceed the exact side of a level.
    sizes = [hand_over]
    for ratio in ratios[1:]:
        height, width = (math.floor(side * ratio + 1e-9) for side in photo)
        sizes.append((max(height, hand_over[0]), max(width, hand_over[1])))
    return (*sizes[:-1], photo)


def _divide(low: float, high: float, factor: float) -> list[float]:
    """Divide the way from low to high into equal steps of about 1 / factor, at least one."""
    steps = max(1, round(math.log(low / high) / math.log(factor))) if low < high else 0
    return [low * (high / low) ** (step / steps) for step in range(steps)] + [high]


def count_searched(levels: tuple[Size, ...]) -> int:
    """Count the levels, coarsest first, that are searched as a whole. It is at least one."""
    return max(1, sum(height * width <= SEARCH_AREA for height, width in levels))


def check_size(size: Size) -> None:
    """Raise RequestError unless both sides are within 1..2^20."""
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise RequestError(
            f"size {size[1]}x{size[0]} is not possible: each side must be 1 to {MAX_SIDE} px"
        )


def chosen_zoom(pyramid: Pyramid, size: Size, zoom: Zoom) -> float:
    """Turn a zoom into a number for a picture of this size.

    With detail levels, auto keeps the photo's height, so that the sky stays above and the ground
    below on any shape. AUTO_RANGE limits how far that may leave the zoom that keeps the area.
    Without levels, auto keeps the area as long as the coarsest canvas stays large enough. Raises
    RequestError for a number that is not finite and above 0, and for any other word.
    """
    height, width = pyramid.finest
    area = math.sqrt(size[0] * size[1] / (height * width))
    if zoom == "area":
        return area

    if zoom != "auto":
        if isinstance(zoom, str) or not (math.isfinite(zoom) and zoom > 0):
            raise RequestError(
                f"zoom {zoom} is not possible: it must be a number above 0, auto or area"
            )
        return zoom

    if pyramid.levels:
        low, high = AUTO_RANGE
        return min(max(size[0] / height, low * area), high * area)
    return min(area, min(size) * pyramid.ratio(0) / _AUTO_COARSEST)


def fit(
    pyramid: Pyramid, size: Size, zoom: Zoom = "auto", wrap: tuple[bool, bool] = (False, False)
) -> Fit:
    """Fit a pyramid to a picture of exactly this size.

    Zoom 1 keeps the texture of the finest scale, 2 draws everything twice as large. Below 1 the
    finest scales are left out. Above 1, generators without detail levels go on beyond the finest
    scale.

    A coarsest canvas under 11 px raises RequestError. With detail levels a wider picture is drawn
    instead, of which the picture is a part, except along an axis that wraps.
    """
    check_size(size)
    zoom = chosen_zoom(pyramid, size, zoom)
    if pyramid.levels:
        return _fit_with_detail(pyramid, size, zoom, wrap)

    passes = _fit_passes(pyramid, size, zoom)
    if min(passes[0].canvas) < RECEPTIVE_FIELD:
        raise RequestError(_describe_too_coarse(pyramid, size, zoom, passes[0].canvas))
    return Fit(passes, (), size, (0, 0), size)


def _fit_with_detail(pyramid: Pyramid, size: Size, zoom: float, wrap: tuple[bool, bool]) -> Fit:
    """Fit a pyramid with detail levels."""
    whole, world = _widen(pyramid, size, zoom, wrap)
    origin = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
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
    return Fit(passes, tuple(canvases), whole, origin, size, searched, photo_sizes)


def _choose_photo_sizes(pyramid: Pyramid, zoom: float) -> tuple[tuple[Size, ...], bool]:
    """Choose the sizes of the photo at which a picture's detail levels copy from it.

    They end either with the first trained level that is large enough, or with the photo reduced to
    the picture's own scale. Return the sizes, coarsest first, and whether the latter is the case.
    """
    ratios = [compute_ratio(level, pyramid.finest) for level in pyramid.levels]
    last_searched = ratios[count_searched(pyramid.levels) - 1]
    if zoom >= 1 or WORTH_A_STEP * zoom <= last_searched:
        used = next((n for n, ratio in enumerate(ratios) if ratio >= zoom), len(ratios) - 1)
        return pyramid.levels[: used + 1], False

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
    pyramid: Pyramid, size: Size, zoom: float, wrap: tuple[bool, bool]
) -> tuple[Size, tuple[float, float]]:
    """Lengthen each side until its coarsest canvas has 11 px.

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
        whole.append(max(side, least))
        world.append(needed if side <= least else side / zoom)
    return (whole[0], whole[1]), (world[0], world[1])


def _fit_passes(pyramid: Pyramid, size: Size, zoom: float) -> tuple[Pass, ...]:
    """Fit the passes of a pyramid without detail levels, the last one exactly to the size."""
    if zoom < 1:
        last, further = _find_closest_scale(pyramid, zoom), 0
        unit = pyramid.ratio(last)
    else:
        last, further = len(pyramid.shapes) - 1, further_passes(pyramid, zoom)
        unit = zoom if further else 1.0

    canvases = [scale_size(size, pyramid.ratio(n) / unit) for n in range(last + 1)]
    passes = [Pass(n, n, canvas) for n, canvas in enumerate(canvases)]
    passes += beyond(pyramid, size, zoom, further)
    passes[-1] = replace(passes[-1], canvas=size)
    return tuple(passes)


def beyond(pyramid: Pyramid, size: Size, zoom: float, count: int) -> list[Pass]:
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


def further_passes(pyramid: Pyramid, zoom: float) -> int:
    """Count the passes beyond the finest scale that a zoom of 1 or more takes."""
    return round(math.log(zoom) / math.log(1 / pyramid.scale_factor))


def _find_closest_scale(pyramid: Pyramid, zoom: float) -> int:
    """Find the scale that draws content at a size closest to a zoom below 1."""
    return min(range(len(pyramid.shapes)), key=lambda n: abs(math.log(pyramid.ratio(n) / zoom)))


def scale_size(size: Size, ratio: float) -> Size:
    """Scale both sides by a ratio."""
    return round(size[0] * ratio), round(size[1] * ratio)


def largest_zoom(pyramid: Pyramid, size: Size) -> float | None:
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
    limit = largest_zoom(pyramid, size)
    if limit is None:
        return f"{got}: the smallest side that can be drawn is {RECEPTIVE_FIELD} px"
    return f"{got}: the largest zoom for this size is {limit:g}"

"""Shapes of every scale: planned once at training, fitted to a requested size ever after. Sizes are (height, width).

Scale 0 is the coarsest (the SinGAN paper counts from the finest). Above the generators a pyramid
may have detail levels, which have no weights and go up to the photo's own size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from singan_core.errors import RequestError

Size = tuple[int, int]
Zoom = float | Literal["auto", "area"]
"""How large content is drawn, 1 being the photo's own scale; auto keeps the composition, area the photo's area."""

MIN_CANVAS = 11  # the receptive field: a smaller canvas has no pixel that sees only picture
_AUTO_COARSEST = 16  # zoom auto keeps the coarsest canvas at least this high and wide
DETAIL = {False: 0.5, True: 1.0}
"""How much of its detail a pass beyond the finest scale adds, by whether a continuation draws it: docs/decisions.md."""
MAX_SIDE = 2**20
MAX_PIXELS = 7680 * 4320  # of a whole picture, unless told otherwise
SEARCH_AREA = 4_500
"""Positions of the largest detail level whose every patch is searched for in the whole photo."""
_SEARCH_FACTOR, _COPY_FACTOR = (
    0.75,
    0.5,
)  # between detail levels, up to the search area and above it
_WORTH_A_LEVEL = (
    0.9  # of the search area's side: a hand-over that is larger is the only level searched
)
WORTH_A_STEP = 0.8  # of the request's own scale: levels from there on are left out below it
AUTO_RANGE = 0.4, 2.2  # how far zoom auto may go from keeping the area to keep the photo's height


@dataclass(frozen=True)
class Pyramid:
    """The trained sizes, coarsest first, and the (geometric mean) ratio of neighbouring scales."""

    shapes: tuple[Size, ...]
    scale_factor: float
    continuation: bool = False  # one generator more, which draws what lies beyond the finest scale
    levels: tuple[
        Size, ...
    ] = ()  # of the photo's detail, coarsest first: from the hand-over's size to the photo's own
    hand_over: int = -1  # the last generator that draws when there are levels

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The size that each generator is trained at: the shapes, and the finest again for a continuation."""
        return (*self.shapes, self.shapes[-1]) if self.continuation else self.shapes

    @property
    def finest(self) -> Size:
        """The size of the finest scale: with detail the photo's own, else the last generator's."""
        return (self.levels or self.shapes)[-1]

    @property
    def generators(self) -> Pyramid:
        """The same without detail levels."""
        return replace(self, levels=(), hand_over=-1)

    def ratio(self, scale: int) -> float:
        """r_n: how large scale n draws the scene's content, relative to the finest."""
        height, width = self.shapes[scale]
        return math.sqrt(height * width / (self.finest[0] * self.finest[1]))

    @property
    def passes(self) -> tuple[Pass, ...]:
        """The generators' part of the cascade on the trained sizes."""
        last = self.hand_over if self.levels else len(self.shapes) - 1
        return tuple(Pass(n, n, shape) for n, shape in enumerate(self.shapes[: last + 1]))


@dataclass(frozen=True)
class Pass:
    """One turn of the cascade: its number, the generator's scale and the canvas that it draws."""

    index: int  # which noise it gets; the scale, and beyond the finest counted on
    generator: int
    canvas: Size
    detail: float | None = (
        None  # beyond the finest scale: the share of its detail that it adds (cascade.detail_only)
    )

    @property
    def beyond(self) -> bool:
        """Whether it goes on beyond the finest scale."""
        return self.detail is not None


@dataclass(frozen=True)
class Fit:
    """What draws a picture: generators, then detail levels, then one resampling, of which the picture is a part."""

    passes: tuple[Pass, ...]
    levels: tuple[Size, ...]  # canvases of the detail levels that draw, coarsest first
    whole: Size  # of what is drawn: larger than the picture where its coarsest canvas would be under 11 px
    origin: tuple[int, int]  # top and left of the picture in it
    size: Size  # (height, width) of the picture
    searched: int = (
        0  # of the levels: those whose every patch looks for its nearest in the whole photo
    )
    photo_sizes: tuple[Size, ...] = ()  # of the photo at each of the levels

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The rows and the columns, (start, stop) each, of the whole that are the picture."""
        (top, left), (height, width) = self.origin, self.size
        return (top, top + height), (left, left + width)


def detail_levels(photo: Size, hand_over: Size) -> tuple[Size, ...]:
    """The sizes of the detail levels from the hand-over's to the photo's own; none for a photo that is no larger.

    Small steps as long as every patch is searched for, then larger ones, which copying needs less
    of.
    """
    if min(photo) <= min(hand_over):
        return ()
    top = min(math.sqrt(SEARCH_AREA / (photo[0] * photo[1])), 1.0)
    base = math.sqrt(hand_over[0] * hand_over[1] / (photo[0] * photo[1]))
    ratios = _between(base, top, _SEARCH_FACTOR) if base < _WORTH_A_LEVEL * top else [base]
    ratios += _between(ratios[-1], 1.0, _COPY_FACTOR)[1:]
    sizes = [hand_over]
    for ratio in ratios[
        1:
    ]:  # the hand-over's own sides are rounded, so that one may be a little longer
        height, width = (math.floor(side * ratio + 1e-9) for side in photo)
        sizes.append((max(height, hand_over[0]), max(width, hand_over[1])))
    return (*sizes[:-1], photo)


def count_searched(levels: tuple[Size, ...]) -> int:
    """How many levels of the photo, coarsest first, are searched as a whole: the small ones, the first in any case."""
    return max(1, sum(height * width <= SEARCH_AREA for height, width in levels))


def _between(low: float, high: float, factor: float) -> list[float]:
    """Ratios from low to high, each larger by about 1 / factor, in a whole number of equal steps, one at least."""
    steps = max(1, round(math.log(low / high) / math.log(factor))) if low < high else 0
    return [low * (high / low) ** (step / steps) for step in range(steps)] + [high]


def plan(
    size: Size,
    min_size: int = 25,
    max_size: int = 250,
    scale_factor: float = 0.75,
    scales: int | None = None,
    schedule: str = "geometric",
) -> Pyramid:
    """The pyramid of a photo of the given size: longer side at most max_size, coarsest shorter side min_size.

    With a geometric schedule every scale is larger than the one below by the same factor, adjusted
    so that a whole number of scales fits; with a linear one by the same number of pixels, about
    min_size. Raises RequestError. Source: SinGAN section 3 and its reference code; sides are
    rounded here where the reference rounds up.
    """
    reduction = min(max_size / max(size), 1.0)
    finest = (round(size[0] * reduction), round(size[1] * reduction))
    short = min(finest)
    if short < min_size:
        raise RequestError(_too_small(size, finest, min_size))
    if scales is None:
        steps = _steps(short, min_size, scale_factor, schedule)
    elif 1 <= scales <= max(1, short - min_size + 1):
        steps = scales - 1
    else:
        raise RequestError(
            f"{scales} scales do not fit between {min_size} and {short} px: ask for 1 to {max(1, short - min_size + 1)}"
        )
    if steps == 0:
        return Pyramid((finest,), scale_factor)
    factor = (min_size / short) ** (1 / steps)
    if schedule == "linear":
        ratios = [
            (min_size + (short - min_size) * scale / steps) / short for scale in range(steps + 1)
        ]
    else:
        ratios = [factor ** (steps - scale) for scale in range(steps + 1)]
    return Pyramid(
        tuple((round(finest[0] * ratio), round(finest[1] * ratio)) for ratio in ratios), factor
    )


def _steps(short: int, min_size: int, scale_factor: float, schedule: str) -> int:
    """How many steps lead from min_size to the finest shorter side."""
    if schedule == "linear":
        return math.ceil((short - min_size) / min_size)
    return math.ceil(round(math.log(min_size / short) / math.log(scale_factor), 6))


def _too_small(size: Size, finest: Size, min_size: int) -> str:
    if min(size) < min_size:
        return f"a photo of {size[1]}x{size[0]} is smaller than the coarsest scale of {min_size} px: use a larger one"
    needed = math.ceil(min_size * max(size) / min(size))
    return (
        f"a photo of {size[1]}x{size[0]} gives a finest scale of {finest[1]}x{finest[0]}, "
        f"but the shorter side needs at least {min_size}: raise the maximal size to at least {needed} or crop the photo"
    )


def check_size(size: Size) -> None:
    """Raise RequestError unless both sides are within 1..2^20."""
    if not all(1 <= side <= MAX_SIDE for side in size):
        raise RequestError(
            f"size {size[1]}x{size[0]} is not possible: each side must be 1 to {MAX_SIDE} px"
        )


def chosen_zoom(pyramid: Pyramid, size: Size, zoom: Zoom) -> float:
    """A zoom as a number: auto keeps the photo's composition on a canvas of the given size, area the photo's area.

    With detail levels auto keeps the photo's height, so that what is above and below keeps its
    place on any shape, within limits that count from keeping the area. Raises RequestError unless
    it is a number above 0.
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
    """What draws a picture of exactly the given size.

    Zoom 1 keeps the texture scale of the finest scale; 2 draws everything twice as large. Below 1
    the finest scales are left out. Above 1 a pyramid of generators goes on with its finest. Raises
    RequestError when the coarsest canvas would be under 11 px; with detail levels, where it is then
    a part of a wider one, only along an axis that wraps.
    """
    check_size(size)
    zoom = chosen_zoom(pyramid, size, zoom)
    if pyramid.levels:
        return _fit_with_detail(pyramid, size, zoom, wrap)
    passes = _passes(pyramid, size, zoom)
    if min(passes[0].canvas) < MIN_CANVAS:
        raise RequestError(_too_coarse(pyramid, size, zoom, passes[0].canvas))
    return Fit(passes, (), size, (0, 0), size)


def _fit_with_detail(pyramid: Pyramid, size: Size, zoom: float, wrap: tuple[bool, bool]) -> Fit:
    whole, world = _wide_enough(pyramid, size, zoom, wrap)
    origin = (whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2
    searched = count_searched(pyramid.levels)
    ratios = [_level_ratio(pyramid, n) for n in range(len(pyramid.levels))]
    own_scale = WORTH_A_STEP * zoom > ratios[searched - 1] and zoom < 1
    if own_scale:
        own = tuple(max(1, round(side * zoom)) for side in pyramid.finest)
        sizes = [
            shape
            for shape, ratio in zip(pyramid.levels, ratios, strict=True)
            if ratio <= WORTH_A_STEP * zoom
        ]
        sizes.append((own[0], own[1]))
    else:
        used = next((n for n, ratio in enumerate(ratios) if ratio >= zoom), len(ratios) - 1)
        sizes = list(pyramid.levels[: used + 1])

    def canvas(shape: Size) -> Size:
        height, width = (
            max(1, round(side * own / finest))
            for side, own, finest in zip(world, shape, pyramid.finest, strict=True)
        )
        return height, width

    passes = tuple(replace(step, canvas=canvas(step.canvas)) for step in pyramid.passes)
    canvases = [canvas(shape) for shape in sizes]
    if zoom == 1 or (own_scale and sizes[-1] not in pyramid.levels[:-1]):
        canvases[-1] = (
            whole  # not rounded from what it shows, else it would be resampled by a pixel
        )
    return Fit(
        passes, tuple(canvases), whole, origin, size, min(len(sizes), searched), tuple(sizes)
    )


def _level_ratio(pyramid: Pyramid, level: int) -> float:
    height, width = pyramid.levels[level]
    return math.sqrt(height * width / (pyramid.finest[0] * pyramid.finest[1]))


def _wide_enough(
    pyramid: Pyramid, size: Size, zoom: float, wrap: tuple[bool, bool]
) -> tuple[Size, tuple[float, float]]:
    """The size with each side so long that its coarsest canvas has 11 px, and what it shows in pixels of the photo.

    The latter is not rounded, so that a shape has the same canvases at every size. Raises
    RequestError along a wrapped axis that is too short.
    """
    whole, world = [], []
    for axis, side in enumerate(size):
        shown = (MIN_CANVAS - 0.5 + 1e-6) * pyramid.finest[axis] / pyramid.shapes[0][axis]
        least = math.ceil(shown * zoom)
        if side < least and wrap[axis]:
            name = "xy"[1 - axis]
            raise RequestError(
                f"size {size[1]}x{size[0]} at zoom {zoom:.4g} is too short to repeat along {name}: "
                f"that side needs at least {least} px, or a lower zoom"
            )
        whole.append(max(side, least))
        world.append(shown if side <= least else side / zoom)
    return (whole[0], whole[1]), (world[0], world[1])


def _passes(pyramid: Pyramid, size: Size, zoom: float) -> tuple[Pass, ...]:
    finest = len(pyramid.shapes) - 1
    further = further_passes(pyramid, zoom) if zoom >= 1 else 0
    if zoom >= 1:
        last, unit = finest, zoom if further else 1.0
    else:
        last = _last_scale(pyramid, zoom)
        unit = pyramid.ratio(last)
    canvases = [_scaled(size, pyramid.ratio(n) / unit) for n in range(last + 1)]
    passes = [Pass(n, n, canvas) for n, canvas in enumerate(canvases)]
    passes += beyond(pyramid, size, zoom, further)
    passes[-1] = replace(passes[-1], canvas=size)
    return tuple(passes)


def beyond(pyramid: Pyramid, size: Size, zoom: float, count: int) -> list[Pass]:
    """So many passes beyond the finest scale, in equal steps from 1/zoom of the size up to it."""
    finest, generator = len(pyramid.shapes) - 1, len(pyramid.sizes) - 1
    canvases = [_scaled(size, zoom ** (step / count) / zoom) for step in range(1, count)] + [
        size
    ] * (count > 0)
    share = DETAIL[pyramid.continuation]
    return [
        Pass(finest + step, generator, canvas, share) for step, canvas in enumerate(canvases, 1)
    ]


def further_passes(pyramid: Pyramid, zoom: float) -> int:
    """How many passes beyond the finest scale a zoom of 1 or more takes."""
    return round(math.log(zoom) / math.log(1 / pyramid.scale_factor))


def _last_scale(pyramid: Pyramid, zoom: float) -> int:
    """Which scale's content is drawn closest to the zoom (< 1)."""
    return min(range(len(pyramid.shapes)), key=lambda n: abs(math.log(pyramid.ratio(n) / zoom)))


def _scaled(size: Size, ratio: float) -> Size:
    return round(size[0] * ratio), round(size[1] * ratio)


def largest_zoom(pyramid: Pyramid, size: Size) -> float | None:
    """The largest zoom (rounded down to three digits) whose coarsest canvas reaches 11 px; None if there is none."""
    if min(size) < MIN_CANVAS:
        return None
    bound = min(size) * pyramid.ratio(0) / (MIN_CANVAS - 0.5)
    if bound < 1:
        legal = [
            n
            for n in range(len(pyramid.shapes))
            if min(_scaled(size, pyramid.ratio(0) / pyramid.ratio(n))) >= MIN_CANVAS
        ]
        last = legal[-1]
        bound = (
            1.0
            if last == len(pyramid.shapes) - 1
            else math.sqrt(pyramid.ratio(last) * pyramid.ratio(last + 1))
        )
    digits = 2 - math.floor(math.log10(bound))
    zoom = math.floor(bound * 10**digits) / 10**digits
    while (
        min(_passes(pyramid, size, zoom)[0].canvas) < MIN_CANVAS
    ):  # rounding of canvases near the bound
        zoom = round(zoom - 10**-digits, digits)
    return zoom


def _too_coarse(pyramid: Pyramid, size: Size, zoom: float, canvas: Size) -> str:
    coarsest = f"a coarsest canvas of {canvas[1]}x{canvas[0]}, under {MIN_CANVAS} px"
    got = f"size {size[1]}x{size[0]} at zoom {zoom:.4g} needs {coarsest}"
    zoom_limit = largest_zoom(pyramid, size)
    if zoom_limit is None:
        return f"{got}: the smallest side that can be drawn is {MIN_CANVAS} px"
    return f"{got}: the largest zoom for this size is {zoom_limit:g}"

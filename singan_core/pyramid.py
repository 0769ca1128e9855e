"""The sizes of every scale, planned once at training.

Sizes are (height, width). Scale 0 is the coarsest, whereas the SinGAN paper counts from the finest.
Above the generators a pyramid may have detail levels, which have no weights and lead up to the
photo's own size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from singan_core.errors import RequestError
from singan_core.file_limits import MOST_PIXELS, MOST_SCALES, MOST_SEARCHED

Size = tuple[int, int]
"""(height, width) in pixels."""


SEARCH_AREA = 4_500
"""Positions in the largest detail level whose every patch is searched for in the whole photo."""


_SEARCH_FACTOR = 0.75  # between detail levels that are searched
_COPY_FACTOR = 0.5  # between larger ones
_WORTH_A_LEVEL = 0.9  # of the search area's side: above it, only the hand-over's level is searched

COMPOSITION = 13
"""Shorter side of the composition level, px: there a patch spans half of the picture's height."""


@dataclass(frozen=True)
class Pyramid:
    """The trained sizes, coarsest first, and the mean ratio of neighbouring scales."""

    shapes: tuple[Size, ...]
    scale_factor: float
    continuation: bool = False  # whether one more generator draws beyond the finest scale
    levels: tuple[Size, ...] = ()  # detail levels, coarsest first, up to the photo's own size
    hand_over: int = -1  # the last generator that draws, if there are levels
    focus: tuple[float, float] | None = None
    """(y, x) as shares of the photo: where pictures of other shapes are cut out of its scene.

    None if things have no places of their own, so that other shapes show more of the scene or less.
    """

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
    def entry(self) -> int:
        """The first detail level that is as large as the hand-over: 1 after a composition level."""
        return self.levels.index(self.shapes[self.hand_over]) if self.levels else 0

    @property
    def generators(self) -> Pyramid:
        """The same pyramid without detail levels."""
        return replace(self, levels=(), hand_over=-1, focus=None)

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
    if steps >= MOST_SCALES:
        raise RequestError(
            f"{steps + 1} scales between {min_size} and {short} px, at most {MOST_SCALES} are "
            "possible: ask for fewer"
        )

    factor = (min_size / short) ** (1 / steps)
    ratios = [factor ** (steps - scale) for scale in range(steps + 1)]
    if schedule == "linear":
        growth = short - min_size
        ratios = [(min_size + growth * scale / steps) / short for scale in range(steps + 1)]
    shapes = tuple(scale_size(finest, ratio) for ratio in ratios)
    if (pixels := sum(height * width for height, width in shapes)) > MOST_PIXELS:
        raise RequestError(
            f"scales up to {finest[1]}x{finest[0]} have {pixels} pixels, "
            f"at most {MOST_PIXELS} are possible: lower the max size"
        )
    return Pyramid(shapes, factor)


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


def plan_detail_levels(photo: Size, hand_over: Size) -> tuple[Size, ...]:
    """Plan the sizes of the detail levels, from the hand-over's to the photo's own.

    There are none for a photo that is no larger than the hand-over. Steps are small as long as
    every patch is searched for. Above that they are larger, since copying patches needs fewer.
    """
    if min(photo) <= min(hand_over):
        return ()

    _check_detail(photo, hand_over)

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


def _check_detail(photo: Size, hand_over: Size) -> None:
    """Raise RequestError for a photo or a hand-over that would take gigabytes or hours."""
    for name, size, most, option in (
        ("stored photo", photo, MOST_PIXELS, "max size"),
        ("hand-over", hand_over, MOST_SEARCHED, "hand-over"),
    ):
        if size[0] * size[1] > most:
            raise RequestError(
                f"a {name} of {size[1]}x{size[0]} has {size[0] * size[1]} pixels, "
                f"at most {most} are possible: lower the {option}"
            )


def plan_composition(hand_over: Size) -> tuple[Size, ...]:
    """Plan the size of the composition level, which a hand-over no larger than that has not."""
    short = min(hand_over)
    return (scale_size(hand_over, COMPOSITION / short),) if short > COMPOSITION else ()


def _divide(low: float, high: float, factor: float) -> list[float]:
    """Divide the way from low to high into equal steps of about 1 / factor, at least one."""
    steps = max(1, round(math.log(low / high) / math.log(factor))) if low < high else 0
    return [low * (high / low) ** (step / steps) for step in range(steps)] + [high]


def count_searched(levels: tuple[Size, ...]) -> int:
    """Count the levels, coarsest first, that are searched as a whole. It is at least one."""
    return max(1, sum(height * width <= SEARCH_AREA for height, width in levels))


def scale_size(size: Size, ratio: float) -> Size:
    """Scale both sides by a ratio."""
    return round(size[0] * ratio), round(size[1] * ratio)

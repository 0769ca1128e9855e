"""A choice among begun pictures: which seeds hold together best, without favouring copies.

What a picture shows is settled at the largest searched level, about 80 px. There each candidate is
judged by how badly its pieces join and by how much of the photo it leaves out. A copy of the photo
is faultless and nothing new, so that these measures alone would choose copies; the order is held to
the candidates' own mean of the copied share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from singan_core.detail.drawing import Drawing
from singan_core.detail.photo import premultiply
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.limits import read_whole
from singan_core.pyramid import Size
from singan_core.windows import Region, Span
from singan_runtime import heap
from singan_runtime.measures import pieces, quality
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler

LARGEST = 1 << 18
"""Pixels of a composition: each takes about 0.05 ms, so that a candidate stays within some 15 s."""
MOST = 1000  # candidates, which wait in memory for the last one
NARROWEST = 16  # px: of a narrower picture, what is drawn beside it is judged as well
_ROUNDING = 1e-9  # what rounding may add to a mean of copied shares


@dataclass(frozen=True)
class Candidate:
    """A picture of a seed, begun and judged."""

    seed: int
    misfit: float  # 0 or more: how badly its pieces join (pieces.misfit)
    omission: float  # 0..1: how much of the photo it leaves out (quality.completeness)
    copied_share: float  # above 0 and up to 1: its largest piece
    drawing: Drawing | None = field(default=None, repr=False, compare=False)

    @property
    def cost(self) -> float:
        """The sum of both distances, which have one unit, a pixel's range."""
        return self.misfit + self.omission


def rank(
    sampler: Sampler,
    picture: Plan,
    seeds: Sequence[int],
    advance: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Order the pictures of some seeds, best first. Raises RequestError."""
    return order(judge(sampler, picture, seeds, advance))


def judge(
    sampler: Sampler,
    picture: Plan,
    seeds: Sequence[int],
    advance: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Begin and judge the picture of each seed, in the order of the seeds. Raises RequestError."""
    check(sampler, picture, len(seeds))
    fit = picture.fit
    assert fit is not None

    def judge_seed(seed: int) -> Candidate:
        drawing = sampler.begin_drawing(
            picture, sampler.create_noise(seed, wrap=picture.wrap), threads=1
        )
        candidate = judge_drawing(fit, drawing, seed)
        advance()
        return candidate

    with ThreadPoolExecutor(sampler.graphs.threads) as pool:
        candidates = list(pool.map(judge_seed, seeds))
    heap.trim()
    return candidates


def order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates by cost, as far as copying allows.

    Next comes always the candidate of the least cost with which the mean copied share of those
    ordered so far is at most that of all candidates. So for every n the first n are no larger
    copies than n at random. There always is such a candidate: while the mean is kept, one of those
    left keeps it.
    """
    left = sorted(candidates, key=lambda one: (one.cost, one.seed))
    usual = sum(one.copied_share for one in left) / max(1, len(left))
    ordered: list[Candidate] = []
    copied = 0.0

    while left:
        most = usual * (len(ordered) + 1) - copied + _ROUNDING
        allowed = (one for one in left if one.copied_share <= most)
        chosen = next(allowed, None)
        if chosen is None:
            chosen = min(left, key=lambda one: one.copied_share)
        ordered.append(chosen)
        left.remove(chosen)
        copied += chosen.copied_share
    return ordered


def check(sampler: Sampler, picture: Plan, count: int = 1) -> None:
    """Raise RequestError unless so many candidates of the picture can be begun and compared.

    It must begin with a composition of the photo's own pixels, and a small enough one.
    """
    fit = picture.fit
    if fit is None:
        raise RequestError(
            f"{sampler.manifest.name}: this model draws without the photo's detail, and only "
            "pictures with it can be compared or previewed: leave out --best and --sheet, or train "
            "it without --no-detail"
        )

    read_whole(count, "number of candidates", 1, MOST)
    height, width = fit.levels[fit.searched - 1]
    if height * width > LARGEST:
        raise RequestError(
            f"a picture of {picture.size[1]}x{picture.size[0]} at this zoom begins with "
            f"{width}x{height}: {height * width} pixels, over the {LARGEST} that are compared; "
            "leave out --best and --sheet, or zoom in"
        )


def judge_drawing(fit: Fit, drawing: Drawing, seed: int) -> Candidate:
    """Begin the picture of a drawing and judge it."""
    sketch = drawing.sketch()
    canvas = sketch.pixels.shape[0], sketch.pixels.shape[1]
    sketch = sketch.cut(_find_window(fit, canvas))

    photo = premultiply(drawing.photo.level(drawing.searched - 1).pixels)
    pixels = premultiply(sketch.pixels)
    positions = np.stack([sketch.map.rows, sketch.map.columns], axis=2)
    misfit = pieces.misfit(photo, pixels, positions)
    omission = quality.completeness(photo, pixels)
    return Candidate(seed, misfit, omission, pieces.copied_share(positions), drawing)


def _find_window(fit: Fit, canvas: Size) -> Region:
    """Find the part of a canvas that the picture shows, widened to 16 px a side."""
    spans = []
    for (start, stop), whole, length in zip(fit.window, fit.whole, canvas, strict=True):
        low, high = start * length // whole, math.ceil(stop * length / whole)
        least = min(NARROWEST, length)
        if high - low < least:
            low = min(max(0, (low + high - least) // 2), length - least)
            high = low + least
        spans.append(Span(low, high))
    return spans[0], spans[1]

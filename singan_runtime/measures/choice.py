"""A choice among begun pictures: which seeds hold together best and are not the photo again.

What a picture shows is settled at the searched levels. At about 50 px each candidate is
judged by how badly its pieces join and by how much of the photo it leaves out. A copy of the photo
is faultless and nothing new, so that these measures alone would choose copies. Hence the photo
again comes last, and what stands elsewhere than in the photo is rewarded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

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

EARLIER = 2
"""Levels below the largest searched one at which candidates are judged, unless that is too few."""
LARGEST = 1 << 18
"""Pixels of a composition: each takes about 0.05 ms, so that a candidate stays within some 15 s."""
MOST = 1000  # candidates, which wait in memory for the last one
MOST_CHOSEN = 100  # pictures for which seeds are chosen where none are given
NARROWEST = 16  # px: of a narrower picture, what is drawn beside it is judged as well
SAME = 0.9  # share of a picture that, copied in one piece, makes it the photo again
REWARD = 0.04  # for a picture all of whose parts stand elsewhere, in the unit of the cost


@dataclass(frozen=True)
class Candidate:
    """A picture of a seed, begun and judged."""

    seed: int
    misfit: float  # 0 or more: how badly its pieces join (pieces.misfit)
    omission: float  # 0..1: how much of the photo it leaves out (quality.completeness)
    copied_share: float  # above 0 and up to 1: its largest piece
    moved: float  # 0..1: how far its parts stand from where the photo has them
    drawing: Drawing | None = field(default=None, repr=False, compare=False)

    @property
    def cost(self) -> float:
        """The sum of both distances, which have one unit, a pixel's range."""
        return self.misfit + self.omission

    @property
    def score(self) -> float:
        """What candidates are ordered by, lowest first: the cost less a reward for what is new."""
        return self.cost - REWARD * self.moved

    @property
    def is_photo(self) -> bool:
        """Whether it is the photo again: nine tenths of it or more are one piece."""
        return self.copied_share >= SAME


def rank(
    sampler: Sampler,
    picture: Plan,
    seeds: Sequence[int],
    advance: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Order the pictures of some seeds, best first. Raises RequestError."""
    return order(judge(sampler, picture, seeds, advance))


def can_choose(picture: Plan, count: int) -> bool:
    """Whether seeds of so many pictures can be chosen, if none are given.

    They are if the pictures are new compositions of the photo's own pixels, small enough to be
    judged (check), and not too many.
    """
    fit = picture.fit
    if fit is None or picture.base is not None or count > MOST_CHOSEN:
        return False
    height, width = fit.levels[fit.searched - 1]
    return height * width <= LARGEST


def count_candidates(count: int) -> int:
    """Count the candidates of which the seeds of so many pictures are chosen."""
    return max(8, 4 * count)


def choose(sampler: Sampler, picture: Plan, count: int = 1, first: int = 0) -> list[Candidate]:
    """Choose the best of four times as many pictures, at least eight, from the first seed on.

    Best first. Raises RequestError.
    """
    return rank(sampler, picture, range(first, first + count_candidates(count)))[:count]


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
    small = picture.stop_at(max(fit.entry, fit.searched - 1 - EARLIER))

    def judge_seed(seed: int) -> Candidate:
        unit_noise = sampler.create_noise(seed, wrap=picture.wrap)
        candidate = judge_drawing(fit, sampler.begin_drawing(small, unit_noise, threads=1), seed)
        advance()
        return replace(candidate, drawing=sampler.begin_drawing(picture, unit_noise, threads=1))

    with ThreadPoolExecutor(sampler.graphs.threads) as pool:
        candidates = list(pool.map(judge_seed, seeds))
    heap.trim()
    return candidates


def order(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates by their scores, the photo again last."""
    return sorted(candidates, key=lambda one: (one.is_photo, one.score, one.seed))


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
    """Judge the largest searched level of a drawing, as far as a fitted picture shows it."""
    sketch = drawing.sketch()
    canvas = sketch.pixels.shape[0], sketch.pixels.shape[1]
    window = _find_window(fit, canvas)
    sketch = sketch.cut(window)

    photo = premultiply(drawing.photo.level(drawing.searched - 1).pixels)
    pixels = premultiply(sketch.pixels)
    positions = np.stack([sketch.map.rows, sketch.map.columns], axis=2)
    misfit = pieces.misfit(photo, pixels, positions)
    omission = quality.completeness(photo, pixels)
    size = drawing.photo.sizes[drawing.searched - 1]
    moved = pieces.displacement(positions, size, window, canvas)
    return Candidate(seed, misfit, omission, pieces.copied_share(positions), moved)


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

"""A picture yet to be drawn: what draws it, and how the work is shared out."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from singan_core import cascade
from singan_core.detail.kept import Kept
from singan_core.detail.original import Original
from singan_core.pyramid import Fit, Pass, Size
from singan_core.windows import Wrap

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

TILE = 960  # px: a larger picture is drawn in parts, so that memory stays bounded
SMALLEST_TILE = 96  # px: smaller parts would be mostly halo


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture but for its noise: the passes that draw it, what they start from, and which edges meet."""

    passes: tuple[Pass, ...]
    base: (
        Floats | None
    )  # the image below the start scale, (1, C, H, W): the photo's reconstruction or another
    wrap: Wrap
    adjust: cascade.Adjust | None = None  # what is put into the passes' images
    fit: Fit | None = (
        None  # with detail: the levels above the passes; None where generators draw everything
    )
    first: int = 0  # the level at which a picture without passes enters, as its base
    original: Original | None = None  # that base, where the drawing follows it further
    position: float | None = (
        None  # how much heights count in the search, instead of the photo's own
    )
    kept: tuple[Kept, ...] = ()  # objects of the photo that stand in it as they are
    amplitudes: tuple[
        float, ...
    ] = ()  # of each generator's noise, instead of those that it was trained with

    @classmethod
    def of(
        cls, fit: Fit, start_scale: int = 0, base: Floats | None = None, wrap: Wrap = (False, False)
    ) -> Picture:
        """A picture as fitted, from a start scale on."""
        return cls(fit.passes[start_scale:], base, wrap, fit=fit if fit.levels else None)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.fit.size if self.fit else self.passes[-1].canvas


def in_order(draw: Callable[[int], Pixels], count: int, threads: int) -> Iterator[Pixels]:
    """draw(0), draw(1), ...: drawn side by side, one more than there are threads at most waiting to be taken.

    A thread with a picture of its own has no halo to share with its neighbour, as parts of one picture would have.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Pixels]] = deque()
        try:
            for number in range(count):
                waiting.append(pool.submit(draw, number))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def parts(size: Size, threads: int) -> tuple[int, int]:
    """How many parts (down, across) a picture is drawn in: one a thread unless they would be mostly halo or too large.

    Of the ways to cut it, the one with the shortest cuts: what lies along them is drawn on both sides.
    """
    height, width = size
    most_down, most_across = (max(1, min(threads, side // SMALLEST_TILE)) for side in size)
    grids = itertools.product(range(1, most_down + 1), range(1, most_across + 1))
    fair = [(down, across) for down, across in grids if down * across <= threads]
    down, across = max(
        fair, key=lambda grid: (grid[0] * grid[1], -(grid[0] * width + grid[1] * height))
    )
    return max(down, math.ceil(height / TILE)), max(across, math.ceil(width / TILE))

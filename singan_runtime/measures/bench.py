"""Measures how fast a bundle draws on this machine."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from singan_core.limits import read_whole
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_runtime.sampler import Sampler

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MOST_REPEATS = 10_000


@dataclass(frozen=True)
class Timing:
    """Seconds per picture, without the first one, and the provider and threads really used."""

    width: int
    height: int
    repeats: int
    first: float  # seconds of the first picture: opening graphs included
    median: float
    p95: float  # at most this long in 95 % of the repeats
    megapixels_per_second: float
    peak_memory_mb: float  # of the process so far, resident; 0 where the system does not tell
    provider: str
    threads: int


def bench(
    sampler: Sampler,
    size: Size | None = None,
    repeats: int = 5,
    zoom: Zoom = "auto",
    advance: Callable[[], None] = lambda: None,
) -> Timing:
    """Draw a picture repeats + 1 times, with a seed each, and time it. Raises RequestError."""
    repeats = read_whole(repeats, "repeats", 1, MOST_REPEATS)
    seconds = []
    for seed in range(repeats + 1):
        began = time.perf_counter()
        drawn = sampler.sample(size, seed, zoom=zoom)
        seconds.append(time.perf_counter() - began)
        advance()

    _, height, width, _ = drawn.shape
    first, *rest = seconds
    median = statistics.median(rest)
    return Timing(
        width=width,
        height=height,
        repeats=repeats,
        first=first,
        median=median,
        p95=sorted(rest)[-(-95 * len(rest) // 100) - 1],
        megapixels_per_second=height * width / 1e6 / median,
        peak_memory_mb=measure_peak_memory(),
        provider=sampler.graphs.provider,
        threads=sampler.graphs.threads,
    )


def measure_peak_memory() -> float:
    """Measure the largest resident memory of this process so far, in MB.

    It is 0 on Windows, whose memory is not asked for.
    """
    if resource is None:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6

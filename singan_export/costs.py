"""Measure the size, the speed and the quality of a format beside those of the bundle itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from singan_core import cascade
from singan_core.arrays import Floats, Pixels
from singan_core.pyramid import Size
from singan_export import inputs
from singan_export.comparison import Opened
from singan_export.inputs import PICTURE_SIDE
from singan_runtime.measures.quality import sliced_wasserstein
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler

GENERATOR_PICTURES = 4
DETAIL_PICTURES = 3


@dataclass(frozen=True)
class Cost:
    """A format of the generators beside the fp32 graphs, at the trained size and zoom 1."""

    format: str
    bytes: int
    fp32_bytes: int
    seconds: float  # a picture, the best of a few
    fp32_seconds: float
    # The patch distance is the mean of a few pictures, to the reconstruction: not every bundle
    # holds its photo.
    patch_distance: float
    fp32_patch_distance: float

    def __str__(self) -> str:
        return (
            f"{self.format}: {self.bytes / 1e3:.0f} kB (fp32 {self.fp32_bytes / 1e3:.0f}), "
            f"{self.seconds:.3f} s a picture on this CPU (fp32 {self.fp32_seconds:.3f}), "
            f"patch distance {self.patch_distance:.4f} (fp32 {self.fp32_patch_distance:.4f})"
        )


@dataclass(frozen=True)
class PictureCost:
    """A format that holds detail levels and photo too, beside Sampler."""

    format: str
    bytes: int
    size: Size
    seconds: float  # a picture, the best of a few
    sampler_seconds: float

    def __str__(self) -> str:
        height, width = self.size
        return (
            f"{self.format}: {self.bytes / 1e3:.0f} kB, the photo included, "
            f"{self.seconds:.3f} s a picture of {width}x{height} "
            f"on this CPU (Sampler {self.sampler_seconds:.3f})"
        )


def measure_generators(opened: Opened, sizes: tuple[int, int], sampler: Sampler) -> Cost:
    """Measure a format of the generators.

    sizes are the bytes of its files and of the fp32 graphs.

    The sampler is one without detail, with one thread.
    """
    assert opened.draw is not None
    picture = next(inputs.list_pictures(sampler))
    photo = sampler.reconstruct()
    seconds, distance = _measure(opened.draw, sampler, picture, photo)
    fp32_seconds, fp32_distance = _measure(sampler.run_generators, sampler, picture, photo)
    return Cost(opened.format, *sizes, seconds, fp32_seconds, distance, fp32_distance)


def _measure(
    draw: Callable[[Plan, cascade.Draw], Floats],
    sampler: Sampler,
    picture: Plan,
    photo: Pixels,
) -> tuple[float, float]:
    """Measure the seconds of the fastest picture and the mean patch distance of all."""
    seconds, distances = [], []
    for seed in range(GENERATOR_PICTURES):
        began = time.perf_counter()
        image = draw(picture, sampler.create_noise(seed))
        seconds.append(time.perf_counter() - began)
        distances.append(sliced_wasserstein(photo, sampler.to_pixels(image)[0]))
    return min(seconds), sum(distances) / GENERATOR_PICTURES


def measure_pictures(opened: Opened, size: int, sampler: Sampler) -> PictureCost:
    """Measure a format that draws whole pictures from their seeds.

    size is the bytes of its files.

    The sampler is one of one thread.
    """
    assert opened.draw_pixels is not None
    canvas = sampler.limit_size(PICTURE_SIDE)
    seconds, sampler_seconds = [], []
    for seed in range(DETAIL_PICTURES):
        began = time.perf_counter()
        opened.draw_pixels(canvas, "auto", seed)
        between = time.perf_counter()
        sampler.sample(canvas, seed)
        seconds.append(between - began)
        sampler_seconds.append(time.perf_counter() - between)
    return PictureCost(opened.format, size, canvas, min(seconds), min(sampler_seconds))

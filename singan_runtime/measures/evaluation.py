"""Judges the samples of a bundle against its photo, a start scale at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import images, windows
from singan_core.arguments import read_pixels
from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.photo import straighten
from singan_core.errors import ImageError, RequestError
from singan_core.file_limits import MOST_SIDE
from singan_core.limits import read_whole
from singan_core.pyramid import Size
from singan_runtime.measures import pieces, quality
from singan_runtime.measures.scores import MEANING as MEANING
from singan_runtime.measures.scores import Scores as Scores
from singan_runtime.measures.scores import Value
from singan_runtime.measures.scores import describe as describe
from singan_runtime.plan import Plan
from singan_runtime.request import check_seed
from singan_runtime.sampler import Sampler

Sifid = Callable[[Pixels, Pixels], float]

SIZE_LIMIT = 500
"""Longer side (px) at which pictures with detail are judged by measures that need no full size."""
MOST_SAMPLES = 1000  # of a start scale: all are kept to be compared with each other
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Evaluation:
    """The scores of a start scale and what they were measured on."""

    scores: Scores
    samples: list[Pixels]  # opaque; of a model with detail reduced to the size limit


@dataclass(frozen=True)
class _Drawn:
    """A sample at the trained size, opaque, and what only models with detail have."""

    pixels: Pixels
    copying: dict[str, float]  # the measures of its map
    guide: Pixels | None = None  # what the generators handed over


def read_trained_photo(sampler: Sampler, photo: Path | None = None) -> Pixels:
    """Read the photo at the trained size, with the channels of the model's pictures: (h, w, C).

    None is the photo that a model with detail holds, which its file gives as well. Raises
    ImageError, or RequestError if there is none.
    """
    if photo is None:
        if sampler.photo is None:
            raise RequestError(
                f"{sampler.manifest.name}: this bundle does not hold its photo: name it, "
                "--photo PHOTO"
            )
        return sampler.photo.pixels

    channels = sampler.manifest.picture_channels
    if channels not in (1, 3, 4):
        raise ImageError(
            f"{photo}: a model of {channels} channels cannot be judged against a photo"
        )
    opened = images.open_photo(photo, str(channels), max(sampler.trained_size))
    return images.to_pixels(opened.resize(sampler.trained_size))[0]


def choose_measured_size(sampler: Sampler, size_limit: int = SIZE_LIMIT) -> Size:
    """Choose the size (height, width) for the measures that need no full size.

    Without detail it is the trained size. Raises RequestError if it is too small for them.
    """
    size_limit = read_whole(size_limit, "size limit", 1, MOST_SIDE)
    height, width = sampler.trained_size
    factor = min(1.0, size_limit / max(height, width)) if sampler.photo else 1.0
    size = round(height * factor), round(width * factor)
    if min(size) < quality.SMALLEST:
        advice = "raise the limit, --size-limit" if factor < 1 else "train a larger model"
        raise RequestError(
            f"pictures of {size[1]}x{size[0]} are too small to be judged: "
            f"the shorter side needs {quality.SMALLEST} px; {advice}"
        )
    return size


def evaluate(
    sampler: Sampler,
    photo: Pixels,
    count: int,
    start_scale: int = 0,
    seed: int = 0,
    sifid: Sifid | None = None,
    advance: Callable[[], None] = lambda: None,
    size_limit: int = SIZE_LIMIT,
) -> Evaluation:
    """Judge count samples, at the trained size and zoom 1, with seeds from seed on.

    With detail, measures that need no full size see photo and samples with at most size_limit px on
    the longer side. Raises RequestError.
    """
    count = read_whole(count, "count", 2, MOST_SAMPLES)
    seed = check_seed(seed, count)
    photo = read_pixels(photo, "photo", sampler.trained_size)
    opaque, size = images.flatten(photo, WHITE), choose_measured_size(sampler, size_limit)
    reduced = resize.resize(opaque, size)
    samples: list[Pixels] = []
    guides: list[Pixels] = []
    rows: list[dict[str, Any]] = []

    for drawn in _draw_samples(sampler, range(seed, seed + count), start_scale, size):
        sample = resize.resize(drawn.pixels, size)
        row = _measure_whole(opaque, drawn) | _compare(reduced, sample)
        if sifid:
            row["sifid"] = sifid(reduced, sample)
        rows.append(row)
        samples.append(sample)
        if drawn.guide is not None:
            guides.append(drawn.guide)
        advance()

    means: dict[str, Any] = {key: _average([row[key] for row in rows]) for key in rows[0]}
    means["diversity"] = quality.diversity(reduced, samples)
    if guides:
        means["guide_diversity"] = quality.diversity(reduced, guides)
    return Evaluation(Scores(start_scale, count, **means), samples)


def _draw_samples(sampler: Sampler, seeds: range, start_scale: int, size: Size) -> Iterator[_Drawn]:
    """Draw seed after seed, with guides enlarged to a size (height, width)."""
    if sampler.photo is None:
        for pixels in sampler.pictures(None, seeds.start, len(seeds), 1.0, start_scale):
            yield _Drawn(images.flatten(pixels, WHITE), {})
        return

    picture = sampler.plan(None, 1.0, start_scale)
    sampler.check_pixels(picture.size)
    check_seed(seeds.start, len(seeds))
    stored = images.flatten(sampler.photo.pixels, WHITE)
    for seed in seeds:
        pixels, positions = sampler.draw_with_map(picture, seed)
        sample = images.flatten(pixels, WHITE)
        guide = images.flatten(draw_guide(sampler, picture, seed, size), WHITE)
        yield _Drawn(sample, _measure_copying(stored, sample, positions), guide)


def draw_guide(sampler: Sampler, picture: Plan, seed: int, size: Size) -> Pixels:
    """Draw what the generators hand over to the detail levels, enlarged to a size (height, width).

    The result is uint8 (h, w, C), not premultiplied.
    """
    drawing = sampler.begin_drawing(picture, sampler.create_noise(seed))
    handed = drawing.guide(windows.cover_canvas(drawing.canvases[drawing.first]))
    return straighten(resize.resize(handed, size))


def _measure_whole(photo: Pixels, drawn: _Drawn) -> dict[str, Any]:
    """Measure what needs a sample at its full size."""
    detail, rim = quality.detail_ratios(photo, drawn.pixels), quality.rim(drawn.pixels)
    return {"detail": detail, "rim": rim, **drawn.copying}


def _compare(photo: Pixels, sample: Pixels) -> dict[str, Any]:
    """Measure how a sample differs from the photo."""
    octaves = quality.sliced_wasserstein_octaves(photo, sample)
    return {
        "swd": sum(octaves) / len(octaves),
        "swd_octaves": octaves,
        "coherence": quality.coherence(photo, sample),
        "completeness": quality.completeness(photo, sample),
        "structure": quality.structure(photo, sample),
        "layout": quality.layout(photo, sample),
    }


def _measure_copying(photo: Pixels, sample: Pixels, positions: pieces.Map) -> dict[str, float]:
    """Measure how a sample is put together from the photo, given its map (h, w, 2)."""
    return {
        "repetition": pieces.repetition(positions, (photo.shape[0], photo.shape[1])),
        "piece_size": pieces.piece_size(positions),
        "copied_share": pieces.copied_share(positions),
        "join_cost": pieces.join_cost(photo, sample, positions),
    }


def _average(values: list[float] | list[list[float]]) -> Value:
    """Average over samples, lists octave by octave."""
    means = np.mean(values, axis=0)
    return tuple(means.tolist()) if means.ndim else float(means)

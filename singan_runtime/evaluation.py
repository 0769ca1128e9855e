"""Samples of a bundle judged against its photo, per start scale, as numbers and as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images, windows
from singan_core.detail import resize
from singan_core.detail.photo import straight
from singan_core.errors import ImageError, RequestError
from singan_core.pyramid import Size
from singan_runtime import pieces, quality
from singan_runtime.picture import Picture
from singan_runtime.request import check_seed
from singan_runtime.sampler import Sampler

Pixels = NDArray[np.uint8]
Sifid = Callable[[Pixels, Pixels], float]
Value = float | tuple[float, ...]

MEANING = {
    "swd": "distance of patch statistics to the photo's (sliced Wasserstein); lower is better, 0 is equal",
    "swd_octaves": "swd for each size of detail, finest first; tells if fine or coarse texture is unlike the photo's",
    "detail": "detail of each size over the photo's, finest first; 1 is as much, lower is blurred, higher too sharp",
    "diversity": "how much samples differ from each other, in units of the photo's own contrast; 0 is no variety",
    "guide_diversity": "diversity of what the generators hand over; if diversity is lower, the detail levels lost some",
    "coherence": "distance from patches of the samples to the nearest in the photo; high means things it never showed",
    "completeness": "distance from patches of the photo to the nearest in the samples; high means things left out",
    "structure": "distance from large patches of the samples to the nearest in the photo; high means broken objects",
    "layout": "swd of large patches of the pictures at 100 px; low means that big shapes are arranged as in the photo",
    "rim": "step from the outermost row or column to the next over the steps behind it; 1 is no frame",
    "repetition": "how often a sample shows the same patches of the photo; 1 is the best, 2 is twice what is needed",
    "piece_size": "area of the copied piece that the median pixel lies in, per cent of the picture; low is a mosaic",
    "copied_share": "share of the picture that its largest copied piece covers; 1 is one single copy from the photo",
    "join_cost": "how much worse samples follow the photo where copied pieces meet than within; low means unseen seams",
    "sifid": "distance of Inception features to the photo's (SinGAN, section 3); lower is better",
}
SHOWN = 8  # samples per start scale in the report
SIZE_LIMIT = 500
"""Longer side (px) at which pictures with detail are judged by the measures that need no full size."""
WHITE = (255, 255, 255)


@dataclass(frozen=True)
class Scores:
    """Means over the samples of one start scale; None for what the model has none of or was not asked for."""

    start_scale: int
    count: int
    swd: float
    swd_octaves: tuple[float, ...]  # finest first
    detail: tuple[float, ...]  # finest first; infinite where the photo has none
    diversity: float
    coherence: float
    completeness: float
    structure: float
    layout: float
    rim: float
    guide_diversity: float | None = None
    repetition: float | None = None
    piece_size: float | None = None
    copied_share: float | None = None
    join_cost: float | None = None
    sifid: float | None = None

    @property
    def measured(self) -> dict[str, Value]:
        """Give the values of the measures that apply, in the order of MEANING."""
        values = {key: getattr(self, key) for key in MEANING}
        return {key: value for key, value in values.items() if value is not None}

    def as_json(self) -> dict[str, Any]:
        """Give every field for a JSON file, which has no infinity: within a list null stands for it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            key: [one if math.isfinite(one) else None for one in value]
            if isinstance(value, tuple)
            else value
            for key, value in values.items()
        }


@dataclass(frozen=True)
class Judged:
    """The scores of a start scale and what they were measured on."""

    scores: Scores
    samples: list[Pixels]  # opaque; of a model with detail reduced to the size limit


def trained_photo(sampler: Sampler, photo: Path | None = None) -> Pixels:
    """Read the photo at the trained size with the channels of the model's pictures, uint8 (h, w, C).

    None is the photo that a model with detail holds, which its file gives as well. Raises ImageError, or RequestError
    if there is none.
    """
    if photo is None:
        if sampler.photo is None:
            raise RequestError(
                f"{sampler.manifest.name}: this bundle does not hold its photo: name it, --photo PHOTO"
            )
        return sampler.photo.pixels

    channels = sampler.manifest.picture_channels
    if channels not in (1, 3, 4):
        raise ImageError(
            f"{photo}: a model of {channels} channels cannot be judged against a photo"
        )
    opened = images.open_photo(photo, str(channels), max(sampler.trained_size))
    return images.to_pixels(opened.resized(sampler.trained_size))[0]


def judged_size(sampler: Sampler, size_limit: int = SIZE_LIMIT) -> Size:
    """Choose the size (height, width) for the measures that need no full size; without detail the trained size.

    Raises RequestError if it is too small for them.
    """
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


def guide(sampler: Sampler, picture: Picture, seed: int, size: Size) -> Pixels:
    """Draw what the generators hand over to the detail levels of a picture, enlarged to a size (height, width).

    The result is uint8 (h, w, C), colours straight.
    """
    drawing = sampler.drawing(picture, sampler.fresh(seed))
    handed = drawing.guide(windows.whole(drawing.canvases[drawing.first]))
    return straight(resize.resize(handed, size))


def evaluate(
    sampler: Sampler,
    photo: Pixels,
    count: int,
    start_scale: int = 0,
    seed: int = 0,
    sifid: Sifid | None = None,
    advance: Callable[[], None] = lambda: None,
    size_limit: int = SIZE_LIMIT,
) -> Judged:
    """Judge count samples, at the trained size and zoom 1, with seeds from seed on. Raises RequestError.

    With detail, measures that need no full size see photo and samples with at most size_limit px on the longer side.
    """
    opaque, size = images.flatten(photo, WHITE), judged_size(sampler, size_limit)
    reduced = resize.resize(opaque, size)
    samples: list[Pixels] = []
    guides: list[Pixels] = []
    rows: list[dict[str, Any]] = []

    for drawn, copied, guided in _draw(sampler, range(seed, seed + count), start_scale, size):
        samples.append(resize.resize(drawn, size))
        row = {
            "detail": quality.octaves(opaque, drawn),
            "rim": quality.rim(drawn),
            **_compare(reduced, samples[-1]),
            **copied,
        }
        if sifid:
            row["sifid"] = sifid(reduced, samples[-1])
        rows.append(row)
        guides += guided
        advance()

    means: dict[str, Any] = {key: _mean([row[key] for row in rows]) for key in rows[0]}
    guide_diversity = quality.diversity(reduced, guides) if guides else None
    diversity = quality.diversity(reduced, samples)
    scores = Scores(
        start_scale, count, diversity=diversity, guide_diversity=guide_diversity, **means
    )
    return Judged(scores, samples)


def _draw(
    sampler: Sampler, seeds: range, start_scale: int, size: Size
) -> Iterator[tuple[Pixels, dict[str, float], list[Pixels]]]:
    """Draw seed after seed: the opaque sample at the trained size, and with detail its copying's measures and guide."""
    if sampler.photo is None:
        for pixels in sampler.pictures(None, seeds.start, len(seeds), 1.0, start_scale):
            yield images.flatten(pixels, WHITE), {}, []
        return

    picture = sampler.picture(None, 1.0, start_scale)
    sampler.check_pixels(picture.size)
    check_seed(seeds.start, len(seeds))
    stored = images.flatten(sampler.photo.pixels, WHITE)
    for seed in seeds:
        pixels, positions = sampler.traced(picture, seed)
        sample = images.flatten(pixels, WHITE)
        guided = images.flatten(guide(sampler, picture, seed, size), WHITE)
        yield sample, _measure_copying(stored, sample, positions), [guided]


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
    """Measure how a sample is put together from the photo that its map means."""
    return {
        "repetition": pieces.repetition(positions, (photo.shape[0], photo.shape[1])),
        "piece_size": pieces.piece_size(positions),
        "copied_share": pieces.copied_share(positions),
        "join_cost": pieces.join_cost(photo, sample, positions),
    }


def _mean(values: list[float] | list[list[float]]) -> Value:
    """Average over samples, lists octave by octave."""
    means = np.mean(values, axis=0)
    return tuple(means.tolist()) if means.ndim else float(means)


def describe(value: Value) -> str:
    """Write a value for people, or the values of an octave measure."""
    return " ".join(f"{one:.4f}" for one in (value if isinstance(value, tuple) else (value,)))


def report(name: str, photo: Pixels, judged: list[Judged]) -> str:
    """Write a page that needs nothing else: photo, samples, diversity map, and the scores and their meaning."""
    height, width = judged[0].samples[0].shape[:2]
    shown = resize.resize(images.flatten(photo, WHITE), (height, width))
    full = f"{photo.shape[1]}x{photo.shape[0]}"
    reduced = (
        ""
        if shown.shape[:2] == photo.shape[:2]
        else f" (here and below reduced to {width}x{height})"
    )

    table = _table([one.scores for one in judged])
    sections = "".join(_section(one) for one in judged)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(name)}: evaluation</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse }}
td, th {{ padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top }}
th:first-child, td:last-child {{ text-align: left }} ol {{ list-style: none; margin: 0; padding: 0 }}
img {{ margin: .2rem }}
</style></head><body>
<h1>{html.escape(name)}</h1>
<p>The photo at the trained size, {full}{reduced}:</p>{_picture(shown, "the photo")}
{table}{sections}
</body></html>
"""


def _table(scores: list[Scores]) -> str:
    """Write a row for every measure: its name, its value for each start scale, and its meaning."""
    rows = [["start scale", *(str(one.start_scale) for one in scores), ""]]
    rows.append(["samples", *(str(one.count) for one in scores), ""])
    for key in scores[0].measured:
        rows.append([key, *(_cell(one.measured[key]) for one in scores), html.escape(MEANING[key])])

    lines = (f"<th>{row[0]}</th>" + "".join(f"<td>{cell}</td>" for cell in row[1:]) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _cell(value: Value) -> str:
    """Write a value; below each other those of octaves."""
    if not isinstance(value, tuple):
        return describe(value)
    return "<ol>" + "".join(f"<li>{describe(one)}</li>" for one in value) + "</ol>"


def _section(one: Judged) -> str:
    start = one.scores.start_scale
    shown = "".join(_picture(sample, f"sample {k}") for k, sample in enumerate(one.samples[:SHOWN]))
    spread = quality.diversity_map(one.samples)
    bright = (spread / max(float(spread.max()), 1.0) * 255).astype(np.uint8)[..., None]
    return (
        f"<h2>Start scale {start}</h2>{shown}"
        f"<p>Where the samples differ (white: {spread.max():.0f} grey levels of standard deviation):</p>"
        f"{_picture(bright, 'diversity map')}"
    )


def _picture(pixels: Pixels, alternative: str) -> str:
    image: Image.Image = images.to_pillow(pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'

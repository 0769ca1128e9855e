"""Samples of a bundle judged against its photo, per start scale, as numbers and as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images, resample
from singan_core.errors import ImageError
from singan_runtime import quality
from singan_runtime.sampler import Sampler

Pixels = NDArray[np.uint8]
Sifid = Callable[[Pixels, Pixels], float]

MEANING = {
    "swd": "distance of patch statistics to the photo's (sliced Wasserstein); lower is better, 0 is equal",
    "diversity": "how much samples differ from each other, in units of the photo's own contrast; 0 is no variety",
    "coherence": "distance from patches of the samples to the nearest in the photo; high means things it never showed",
    "completeness": "distance from patches of the photo to the nearest in the samples; high means things left out",
    "sifid": "distance of Inception features to the photo's (SinGAN, section 3); lower is better",
}
SHOWN = 8  # samples per start scale in the report


@dataclass(frozen=True)
class Scores:
    """Means over the samples of one start scale."""

    start_scale: int
    count: int
    swd: float
    diversity: float
    coherence: float
    completeness: float
    sifid: float | None = None


@dataclass(frozen=True)
class Judged:
    """The scores of a start scale and what they were measured on."""

    scores: Scores
    samples: list[Pixels]


def trained_photo(sampler: Sampler, photo: Path) -> Pixels:
    """The photo at the trained size with the channels of the model's pictures, uint8 (h, w, C). Raises ImageError."""
    channels = sampler.manifest.picture_channels
    if channels not in (1, 3, 4):
        raise ImageError(f"{photo}: a model of {channels} channels cannot be judged against a photo")
    return images.to_pixels(resample.resize(images.read(photo, str(channels)), sampler.trained_size))[0]


def evaluate(
    sampler: Sampler,
    photo: Pixels,
    count: int,
    start_scale: int = 0,
    seed: int = 0,
    sifid: Sifid | None = None,
    advance: Callable[[], None] = lambda: None,
) -> Judged:
    """Judge count samples, at the trained size and zoom 1, with seeds from seed on. Raises RequestError."""
    opaque = images.flatten(photo, (255, 255, 255))
    samples, rows = [], []
    for drawn in sampler.each(None, seed, count, 1.0, start_scale):
        sample = images.flatten(drawn[0], (255, 255, 255))
        samples.append(sample)
        rows.append(
            (
                quality.sliced_wasserstein(opaque, sample),
                quality.coherence(opaque, sample),
                quality.completeness(opaque, sample),
                sifid(opaque, sample) if sifid else 0.0,
            )
        )
        advance()
    swd, coherence, completeness, distance = (float(np.mean(column)) for column in zip(*rows, strict=True))
    varied = quality.diversity(opaque, samples)
    scores = Scores(start_scale, count, swd, varied, coherence, completeness, distance if sifid else None)
    return Judged(scores, samples)


def report(name: str, photo: Pixels, judged: list[Judged]) -> str:
    """A page that needs nothing else: photo, samples, diversity map and scores per start scale, and their meaning."""
    opaque = images.flatten(photo, (255, 255, 255))
    names = [key for key in MEANING if getattr(judged[0].scores, key) is not None]
    head = "".join(f"<th>{key}</th>" for key in names)
    body = "".join(
        f"<tr><td>{one.scores.start_scale}</td><td>{one.scores.count}</td>"
        + "".join(f"<td>{getattr(one.scores, key):.4f}</td>" for key in names)
        + "</tr>"
        for one in judged
    )
    meaning = "".join(f"<dt>{key}</dt><dd>{html.escape(MEANING[key])}</dd>" for key in names)
    sections = "".join(_section(one) for one in judged)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(name)}: evaluation</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse }}
td, th {{ padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd }}
img {{ margin: .2rem }} dt {{ font-weight: bold }}
</style></head><body>
<h1>{html.escape(name)}</h1>
<p>The photo at the trained size, {opaque.shape[1]}x{opaque.shape[0]}:</p>{_picture(opaque, "the photo")}
<table><tr><th>start scale</th><th>samples</th>{head}</tr>{body}</table>
<dl>{meaning}</dl>{sections}
</body></html>
"""


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

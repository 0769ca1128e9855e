"""The report of an evaluation: one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_runtime.measures import quality
from singan_runtime.measures.evaluation import WHITE, Evaluation
from singan_runtime.measures.scores import MEANING, Scores, Value, describe

SHOWN = 8  # samples per start scale
_STYLE = (
    "\nbody { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; "
    "padding: 0 1rem; color: #222; }\n"
    "table { border-collapse: collapse }\n"
    "td, th { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #ddd; "
    "vertical-align: top }\n"
    "th:first-child, td:last-child { text-align: left } "
    "ol { list-style: none; margin: 0; padding: 0 }\n"
    "img { margin: .2rem }\n"
)


def write_page(name: str, photo: Pixels, evaluations: Sequence[Evaluation]) -> str:
    """Write the page: the photo, the scores and their meaning, samples, where samples differ."""
    height, width = evaluations[0].samples[0].shape[:2]
    shown = resize.resize(images.flatten(photo, WHITE), (height, width))
    full = f"{photo.shape[1]}x{photo.shape[0]}"
    reduced = ""
    if shown.shape[:2] != photo.shape[:2]:
        reduced = f" (here and below reduced to {width}x{height})"

    table = write_table([one.scores for one in evaluations])
    sections = "".join(write_section(one) for one in evaluations)
    title = html.escape(name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}: evaluation</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{title}</h1>\n"
        f"<p>The photo at the trained size, {full}{reduced}:</p>"
        f"{_embed_picture(shown, 'the photo')}\n"
        f"{table}{sections}\n</body></html>\n"
    )


def write_table(scores: Sequence[Scores]) -> str:
    """Write a row for every measure: its name, its value for each start scale, and its meaning."""
    rows = [["start scale", *(str(one.start_scale) for one in scores), ""]]
    rows.append(["samples", *(str(one.count) for one in scores), ""])
    for key in scores[0].measured:
        cells = [_write_cell(one.measured[key]) for one in scores]
        rows.append([key, *cells, html.escape(MEANING[key])])

    lines = []
    for first, *others in rows:
        cells = [f"<td>{cell}</td>" for cell in others]
        lines.append(f"<tr><th>{first}</th>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _write_cell(value: Value) -> str:
    """Write a value, or those of octaves below each other."""
    if not isinstance(value, tuple):
        return describe(value)
    items = [f"<li>{describe(one)}</li>" for one in value]
    return f"<ol>{''.join(items)}</ol>"


def write_section(evaluation: Evaluation) -> str:
    """Write the section of a start scale: samples, and where they differ."""
    pictures = [
        _embed_picture(sample, f"sample {number}")
        for number, sample in enumerate(evaluation.samples[:SHOWN])
    ]
    spread = quality.diversity_map(evaluation.samples)
    bright = (spread / max(float(spread.max()), 1.0) * 255).astype(np.uint8)[..., None]
    return (
        f"<h2>Start scale {evaluation.scores.start_scale}</h2>{''.join(pictures)}"
        f"<p>Where the samples differ (white: {spread.max():.0f} grey levels of standard "
        f"deviation):</p>{_embed_picture(bright, 'diversity map')}"
    )


def _embed_picture(pixels: Pixels, alternative: str) -> str:
    """Write a picture, uint8 (h, w, C), into the page itself, as PNG."""
    file = io.BytesIO()
    images.to_pillow(pixels).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{data}">'

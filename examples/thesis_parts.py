"""The parts of the thesis: what each draws and measures, and the sheet that shows it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import contact
from thesis_chart import draw_chart
from thesis_models import KINDS, Models

from singan_cli.clips import make_grid
from singan_core import encoding
from singan_core.arrays import Pixels
from singan_core.zooms import Zoom
from singan_runtime import Sampler, Walk, animate, evaluate
from singan_runtime.files import video

START_SCALES = (0, 1, 2)
SHOWN = 10  # pictures in a row of a sheet
MEASURES = ("swd", "coherence", "diversity")

Results = dict[str, Any]
"""What a part has measured, as it stands in the record."""


def train(models: Models) -> Results:
    """Train the two models that most parts draw from."""
    return {kind: len(models.open(kind).manifest.shapes) for kind in KINDS}


def draw_samples(models: Models) -> Results:
    """Draw samples of each start scale, each start scale into a folder of its own."""
    rows = []
    for kind, start_scale in itertools.product(KINDS, START_SCALES):
        folder = models.folder / kind / "samples" / f"start_scale_{start_scale}"
        sampler, shown = models.open(kind), []
        pictures = sampler.pictures(count=models.work.samples, start_scale=start_scale)
        for seed, pixels in enumerate(pictures):
            save(pixels, folder / f"seed_{seed:02}.png")
            shown += [pixels] if seed < SHOWN else []
        labels = [f"{kind}, start scale {start_scale}", *[""] * (len(shown) - 1)]
        rows.append(contact.draw_row(shown, 130, labels))

    contact.save(contact.stack_rows(rows), models.folder / "sheets" / "samples.jpg")
    return {"pictures": models.work.samples * len(rows)}


def draw_shapes(models: Models) -> Results:
    """Draw wider and taller pictures than the photo.

    With detail things are as large as the program draws them by default, and without as large as in
    the photo, as in the thesis.
    """
    rows, drawn = [], 0
    for kind, size in itertools.product(KINDS, models.work.shapes):
        folder = models.folder / kind / "shapes" / f"{size[1]}x{size[0]}"
        zoom: Zoom = "auto" if kind == "detail" else 1.0
        pictures = list(models.open(kind).pictures(size, count=SHOWN, zoom=zoom))
        for seed, pixels in enumerate(pictures):
            save(pixels, folder / f"seed_{seed:02}.png")

        shown = pictures[: 4 if size[1] > size[0] else 7]
        labels = [f"{kind}, {size[1]}x{size[0]}", *[""] * (len(shown) - 1)]
        rows.append(contact.draw_row(shown, size[0], labels))
        drawn += len(pictures)
    contact.save(contact.stack_rows(rows), models.folder / "sheets" / "shapes.jpg")
    return {"pictures": drawn}


def draw_clips(models: Models) -> Results:
    """Animate with every start scale and strength: twelve GIFs of each kind of model."""
    rows, drawn = [], 0
    for kind in KINDS:
        folder = models.folder / kind / "clips"
        folder.mkdir(parents=True, exist_ok=True)
        size = models.open(kind).trained_size
        for path, walk in make_grid(folder, Walk(frames=models.work.frames)).items():
            frames = list(animate(models.open(kind), walk, size))
            video.save(path, frames)

            drawn += 1
            name = f"{kind}, start scale {walk.start_scale}, beta {walk.beta:.2f}"
            shown = frames[:: max(1, len(frames) // 5)][:5]
            rows.append(contact.draw_row(shown, 100, [name, *[""] * (len(shown) - 1)]))
    columns = [contact.stack_rows(rows[at : at + 12]) for at in range(0, len(rows), 12)]
    contact.save(contact.join_columns(columns), models.folder / "sheets" / "clips.jpg")
    return {"clips": drawn}


def compare_scales(models: Models) -> Results:
    """Judge pyramids of few and of many scales between the same two sizes."""
    found: Results = {kind: {} for kind in KINDS}
    pictures: dict[str, list[Pixels]] = {kind: [] for kind in KINDS}
    for scales in models.work.scales:
        for kind, sampler in open_both(models, scales, "geometric").items():
            found[kind][str(scales)], sample = judge(sampler, models)
            pictures[kind].append(sample)
            save(sample, models.folder / kind / "scales" / f"scales_{scales:02}.png")

    labels = [f"{scales} scales" for scales in models.work.scales]
    rows = [contact.draw_row(pictures[kind], 175, labels) for kind in KINDS]
    contact.save(contact.stack_rows(rows), models.folder / "sheets" / "scales.jpg")
    draw_chart(found, models.folder / "sheets" / "scales_chart.png")
    return found


def compare_schedules(models: Models) -> Results:
    """Judge linear steps, 25 px each, beside steps by a factor."""
    most = max(models.work.scales)
    found, rows = {}, []
    for schedule in ("linear", "geometric"):
        for kind, sampler in open_both(models, most, schedule).items():
            name = f"{schedule}, {kind}"
            found[name], sample = judge(sampler, models)
            save(sample, models.folder / kind / "schedules" / f"{schedule}_{most:02}.png")
            shown = list(sampler.pictures(count=6))
            rows.append(contact.draw_row(shown, 160, [name, *[""] * (len(shown) - 1)]))
    contact.save(contact.stack_rows(rows), models.folder / "sheets" / "schedules.jpg")
    return found


def open_both(models: Models, scales: int, schedule: str) -> dict[str, Sampler]:
    """Open a pyramid in both kinds."""
    return {
        "detail": models.open_detailed(scales, schedule),
        "plain": models.open_pyramid(scales, schedule),
    }


def judge(sampler: Sampler, models: Models) -> tuple[Results, Pixels]:
    """Judge samples of a model; return the scores, and the first sample."""
    scores = evaluate(sampler, contact.read(models.photo), models.work.judged).scores
    sides = [min(shape) for shape in sampler.manifest.shapes]
    measured = {name: getattr(scores, name) for name in MEASURES}
    return measured | {"sides": sides}, next(sampler.pictures(count=1))


def save(pixels: Pixels, path: Path) -> None:
    """Write a picture as a PNG, in a folder that is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding.save(path, pixels)


PARTS: dict[str, tuple[str, Callable[[Models], Results]]] = {
    "train": ("the two models that the next three parts draw from", train),
    "samples": ("50 samples of each of three start scales", draw_samples),
    "shapes": ("325x175 and 175x325", draw_shapes),
    "clips": ("12 GIFs: three start scales, four strengths", draw_clips),
    "scales": ("4 to 10 scales between 25 and 250 px", compare_scales),
    "schedules": ("ten linear steps of 25 px", compare_schedules),
}
"""What each part is, and the function that does it, in the order of the work."""

"""Sheets of the models: what they draw, for README.md, and those of docs/quality.md.

Usage: python examples/quality_sheets.py [--models DIR] [--out DIR]
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

import numpy as np

from singan_core import encoding, images
from singan_core.arrays import Pixels
from singan_core.detail.photo import Photo
from singan_core.pyramid import Size
from singan_runtime import Sampler
from singan_runtime.measures import choice

ROOT = Path(__file__).parent.parent
SEEN = ("aitzgorri", "sunset", "china", "flower", "rocket", "hubble_deep_field")
ALL = ("aitzgorri", "life", "china", "flower", "sunset", "rocket", "meadow", "hubble_deep_field")
SHAPED = ("aitzgorri", "china", "rocket")
SEEDS = range(8)
SMALL, LARGE = 170, 400  # px, width of a picture of a sheet
MIDDLE, ROW = 240, 160  # px, width and height of a picture on the sheet of all models
HEIGHT, SHEET = 150, 1045  # px: height of a shape in its sheet, and width of that sheet
GAP = 24  # px between two halves
SHAPES = (
    *((21, 9), (2, 1), (16, 9), (4, 3), (1, 1), (1, 1), (3, 4), (9, 16), (5, 8), (1, 2)),
    *((9, 21), (1, 3), (1, 4), (1, 5)),
)
"""(height, width) in proportion, tall ones first."""
PART = (slice(170, 560), slice(0, 650))
"""The part of a picture of 1920x1080 in which slips are shown."""


def reduce(pixels: Pixels, size: Size) -> Pixels:
    """Reduce a picture to a size (height, width)."""
    return np.asarray(images.to_pillow(pixels).convert("RGB").resize((size[1], size[0])))


def find_size(sampler: Sampler, width: int) -> Size:
    """Find the size (height, width) of a picture of the photo's shape."""
    height, full = sampler.trained_size
    return round(height * width / full), width


def draw_row(sampler: Sampler, seeds: Sequence[int], width: int) -> Pixels:
    """Draw seeds side by side, at twice the width that they are shown at."""
    size, shown = find_size(sampler, 2 * width), find_size(sampler, width)
    drawn = [reduce(sampler.sample(size, seed)[0], shown) for seed in seeds]
    return np.concatenate(drawn, axis=1)


def draw_seeds(samplers: Sequence[Sampler]) -> Pixels:
    """Draw the photo and eight seeds of every model, a row each."""
    rows = []
    for sampler in samplers:
        photo = reduce(images.to_pixels(sampler.get_photo())[0], find_size(sampler, SMALL))
        rows.append(np.concatenate([photo, draw_row(sampler, SEEDS, SMALL)], axis=1))
    return np.concatenate(rows)


def draw_chosen(samplers: Sequence[Sampler]) -> Pixels:
    """Draw the photo of every model and the pictures that singan sample --count 4 chooses."""
    rows = []
    for sampler in samplers:
        size, shown = find_size(sampler, 2 * MIDDLE), (ROW, MIDDLE)
        picture = sampler.plan(size)
        row = [reduce(images.to_pixels(sampler.get_photo())[0], shown)]
        for one in choice.choose(sampler, picture, 4):
            row.append(reduce(sampler.draw_pixels(picture, one.seed), shown))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def draw_shapes(samplers: Sequence[Sampler]) -> Pixels:
    """Draw every shape, each with a seed of its own, in lines of one height."""
    return np.concatenate([line for one in samplers for line in draw_lines(one)])


def draw_lines(sampler: Sampler) -> Iterator[Pixels]:
    """Draw the shapes of one model, and yield lines that are full."""
    line: list[Pixels] = []
    left = 0
    for seed, (tall, wide) in enumerate(SHAPES):
        width = round(HEIGHT * wide / tall)
        if left + width > SHEET:
            yield fill_line(line)
            line, left = [], 0
        large = sampler.sample((3 * HEIGHT, 3 * width), seed)[0]
        line.append(np.asarray(images.to_pillow(large).convert("RGB").resize((width, HEIGHT))))
        left += width
    yield fill_line(line)


def fill_line(line: Sequence[Pixels]) -> Pixels:
    """Join pictures side by side, on white as wide as the sheet."""
    joined = np.concatenate(line, axis=1)[:, :SHEET]
    filled = np.full((HEIGHT, SHEET, 3), 255, np.uint8)
    filled[:, : joined.shape[1]] = joined
    return filled


def remove_composition(sampler: Sampler) -> Sampler:
    """Return a sampler of the same model without its composition level."""
    photo, detail = sampler.photo, sampler.manifest.detail
    assert photo is not None and detail is not None
    levels, shifts = detail.levels[1:], detail.shifts[1:]
    manifest = dataclasses.replace(
        sampler.manifest, detail=dataclasses.replace(detail, levels=levels, shifts=shifts)
    )
    plain = Photo(photo.pixels, levels, photo.bases()[1:])
    return Sampler(
        manifest, sampler.graphs, sampler.reconstruction_noise, sampler.max_pixels, plain
    )


def draw_composition(sampler: Sampler) -> Pixels:
    """Draw eight seeds without the composition level, and below them with it."""
    halves = []
    for one in (remove_composition(sampler), sampler):
        halves += [draw_row(one, SEEDS[:4], LARGE), draw_row(one, SEEDS[4:], LARGE)]
    gap = np.full((GAP, 4 * LARGE, 3), 255, np.uint8)
    return np.concatenate([*halves[:2], gap, *halves[2:]])


def draw_slips(bundle: Path) -> Pixels:
    """Draw a part of seed 3 with slips as joins, and beside it with slips spread."""
    sampler = Sampler.load(bundle)
    with mock.patch("singan_core.detail.drawing.spread_slips", lambda found, kept: found):
        joined = sampler.sample((1080, 1920), 3)[0][PART]
    spread = Sampler.load(bundle).sample((1080, 1920), 3)[0][PART]
    return np.concatenate([joined, spread], axis=1)


def main() -> None:
    """Write all sheets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, default=ROOT / "models")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    models = {name: Sampler.load(given.models / name) for name in ALL}

    encoding.save(given.out / "models_sheet.jpg", draw_chosen(list(models.values())), "jpeg")
    encoding.save(
        given.out / "detail_sheet.jpg", draw_seeds([models[name] for name in SEEN]), "jpeg"
    )
    shapes = draw_shapes([models[name] for name in SHAPED])
    encoding.save(given.out / "shapes.jpg", shapes, "jpeg")
    encoding.save(given.out / "composition.jpg", draw_composition(models["sunset"]), "jpeg")
    encoding.save(given.out / "slips.jpg", draw_slips(given.models / "aitzgorri"), "jpeg")


if __name__ == "__main__":
    main()

"""The sheets of docs/editing.md: each application on three photographs, before and after.

The photographs are aitzgorri, picosdeeuropa and sunset of Debian's lomiri-wallpapers-16.04 (examples/CREDITS.md); each
needs a bundle: singan train PHOTO --out RUN, then singan export RUN --out BUNDLE. models/aitzgorri is the first.

Usage: python examples/editing_sheets.py AITZGORRI PICOSDEEUROPA SUNSET [--out DIR]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from singan_core import images
from singan_runtime import Sampler, editing, retarget

ROOT = Path(__file__).parent.parent
SIDE = 1200  # px, longer side of the pictures that are edited
WIDTH = 900  # px of a sheet
Pixels = NDArray[np.uint8]
Points = Sequence[tuple[float, float]]
"""Places in shares of a picture's width and height."""
Scene = tuple[Image.Image, Image.Image]
"""A picture with something put into it, and the mask of that."""

FIR = (
    (0.746, 0.395),
    (0.757, 0.47),
    (0.768, 0.55),
    (0.773, 0.58),
    (0.76, 0.67),
    (0.70, 0.675),
    (0.72, 0.58),
    (0.733, 0.46),
)
ROCK = ((0.755, 0.93), (0.765, 0.89), (0.79, 0.88), (0.81, 0.91), (0.8, 0.95), (0.77, 0.955))


class Scenes:
    """The three photographs at SIDE, and their samplers."""

    def __init__(self, bundles: Sequence[Path]) -> None:
        self.samplers = [Sampler.load(bundle) for bundle in bundles]
        self.photos = [
            self._reduced(images.to_pillow(sampler.photo.pixels)) for sampler in self.samplers
        ]

    @staticmethod
    def _reduced(photo: Image.Image) -> Image.Image:
        height = round(photo.height * SIDE / photo.width)
        return photo.resize((SIDE, height), Image.Resampling.LANCZOS)

    def move(
        self, number: int, box: tuple[float, float, float, float], to: tuple[float, float]
    ) -> Scene:
        """Copy a rectangle of a photo to another place in it."""
        left, top, right, bottom = box
        return self.paste(
            number, number, ((left, top), (right, top), (right, bottom), (left, bottom)), to, 1
        )

    def paste(
        self, number: int, source: int, shape: Points, to: tuple[float, float], scale: float
    ) -> Scene:
        """Paste a polygon of another photo into a photo, so many times as large."""
        other, photo = self.photos[source], self.photos[number].copy()
        cut = Image.new("L", other.size)
        ImageDraw.Draw(cut).polygon(place(other.size, shape), fill=255)
        box = cut.getbbox()
        piece, cut = (ImageOps.scale(one.crop(box), scale) for one in (other, cut))
        cut = cut.point(lambda v: 255 * (v > 127))

        mask = Image.new("L", photo.size)
        at = place(photo.size, [to])[0]
        mask.paste(cut, at)
        photo.paste(piece, at, cut)
        return photo, mask


def place(size: tuple[int, int], shape: Points) -> list[tuple[int, int]]:
    """Places in pixels."""
    return [(round(x * size[0]), round(y * size[1])) for x, y in shape]


def painting(size: tuple[int, int], sky: str, *areas: tuple[str, Points]) -> Image.Image:
    """A sky and areas of one flat colour each, by no painter."""
    image = Image.new("RGB", size, sky)
    for colour, shape in areas:
        ImageDraw.Draw(image).polygon(place(size, shape), fill=colour)
    return image


def redraw(sampler: Sampler, scene: Scene, how: editing.Redrawing) -> list[Image.Image]:
    """Before and after, cut out around the mask."""
    image, mask = scene
    drawn = editing.redraw(
        sampler, images.from_pixels(np.asarray(image)), np.asarray(mask) > 127, how
    )
    left, top, right, bottom = mask.getbbox()
    wide, high = 450, 320  # px that are shown
    x = min(max((left + right - wide) // 2, 0), image.width - wide)
    y = min(max((top + bottom - high) // 2, 0), image.height - high)
    return [one.crop((x, y, x + wide, y + high)) for one in (image, images.to_pillow(drawn))]


def paint(sampler: Sampler, brushed: Image.Image) -> list[Image.Image]:
    """Before and after."""
    size = brushed.height, brushed.width
    return [
        brushed,
        images.to_pillow(editing.paint(sampler, images.from_pixels(np.asarray(brushed)), size)),
    ]


def reshape(sampler: Sampler, photo: Image.Image) -> list[Image.Image]:
    """The photo, then 0.6 and 1.6 times as wide."""
    sizes = [(photo.height, round(photo.width * share)) for share in (0.6, 1.6)]
    return [photo, *(images.to_pillow(retarget.retarget(sampler, size).pixels) for size in sizes)]


def enlarge(sampler: Sampler, corners: Points) -> list[list[Image.Image]]:
    """Corners of the photo at 2.5 times its size, bicubic and drawn."""
    large = images.to_pillow(editing.upscale(sampler, 2.5))
    plain = images.to_pillow(sampler.photo.pixels).resize(large.size, Image.Resampling.BICUBIC)
    return [
        [one.crop((x, y, x + 450, y + 280)) for one in (plain, large)]
        for x, y in place(large.size, corners)
    ]


def save(path: Path, rows: Sequence[Sequence[Image.Image]]) -> None:
    """Write a sheet: rows below each other, each as wide as the sheet."""
    made = []
    for row in rows:
        width = sum(one.width / one.height for one in row)
        height = round(WIDTH / width)
        edges = [
            round(sum(one.width / one.height for one in row[:n]) * height) for n in range(len(row))
        ] + [WIDTH]
        sizes = [(b - a, height) for a, b in itertools.pairwise(edges)]
        resized = [
            one.resize(size, Image.Resampling.LANCZOS) for one, size in zip(row, sizes, strict=True)
        ]
        made.append(np.concatenate([np.asarray(one.convert("RGB")) for one in resized], axis=1))
    images.save(path, np.concatenate(made), "jpeg")


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", type=Path, nargs=3)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    arguments = parser.parse_args()
    scenes = Scenes(arguments.bundles)
    out = arguments.out

    edits = (
        scenes.move(0, (0.44, 0.10, 0.62, 0.30), (0.10, 0.14)),
        scenes.move(1, (0.62, 0.68, 0.80, 0.84), (0.20, 0.68)),
        scenes.move(2, (0.61, 0.62, 0.94, 1.0), (0.10, 0.62)),
    )
    save(
        out / "edit_sheet.jpg",
        [redraw(*pair, editing.EDIT) for pair in zip(scenes.samplers, edits, strict=True)],
    )
    pasted = (
        scenes.paste(0, 1, ROCK, (0.45, 0.78), 2),
        scenes.paste(1, 0, FIR, (0.62, 0.47), 1.2),
        scenes.paste(2, 0, FIR, (0.22, 0.44), 1.2),
    )
    rows = [redraw(*pair, editing.HARMONIZE) for pair in zip(scenes.samplers, pasted, strict=True)]
    save(out / "harmonize_sheet.jpg", rows)
    brushed = (
        painting(
            scenes.photos[0].size, "#d7e1f0",
            ("#787896", ((0, 0.45), (0.2, 0.12), (0.45, 0.4), (0.75, 0.15), (1, 0.5), (1, 0.7), (0, 0.7))),
            ("#be7332", ((0, 0.62), (0.5, 0.5), (1, 0.62), (1, 0.8), (0, 0.8))),
            ("#3c8228", ((0, 0.7), (0.5, 0.64), (1, 0.74), (1, 1), (0, 1))),
        ),
        painting(
            scenes.photos[1].size, "#325aa0",
            ("#6e6e73", ((0, 0.3), (0.2, 0.15), (0.4, 0.35), (0.6, 0.1), (0.8, 0.3), (1, 0.2), (1, 0.6), (0, 0.6))),
            ("#5a5028", ((0, 0.45), (0.5, 0.6), (1, 0.5), (1, 1), (0, 1))),
            ("#f0f0f5", ((0.5, 0.03), (0.85, 0.05), (0.8, 0.14), (0.55, 0.12))),
        ),
        painting(
            scenes.photos[2].size, "#7896b4",
            ("#fadca0", ((0, 0.4), (1, 0.4), (1, 0.52), (0, 0.52))),
            ("#3c2d23", ((0, 0.5), (0.3, 0.45), (0.6, 0.5), (1, 0.44), (1, 1), (0, 1))),
            ("#fffaeb", ((0.3, 0.3), (0.36, 0.28), (0.4, 0.33), (0.38, 0.4), (0.31, 0.4), (0.28, 0.35))),
        ),
    )  # fmt: skip
    save(
        out / "paint_sheet.jpg",
        [paint(*pair) for pair in zip(scenes.samplers, brushed, strict=True)],
    )
    rows = [reshape(*pair) for pair in zip(scenes.samplers, scenes.photos, strict=True)]
    save(out / "retarget_sheet.jpg", rows)
    save(
        out / "upscale_sheet.jpg",
        enlarge(scenes.samplers[0], ((0.68, 0.42), (0.5, 0.12), (0.2, 0.45))),
    )


if __name__ == "__main__":
    main()

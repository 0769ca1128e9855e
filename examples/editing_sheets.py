"""The sheets of docs/editing.md: each application on three photographs, before and after.

The photographs are aitzgorri, picosdeeuropa and sunset of Debian's lomiri-wallpapers-16.04
(examples/CREDITS.md). Each needs a bundle: singan train PHOTO --out RUN, then singan export RUN
--out BUNDLE. models/aitzgorri is the first.

Usage: python examples/editing_sheets.py AITZGORRI PICOSDEEUROPA SUNSET [--out DIR]
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from singan_core import encoding, images
from singan_core.arrays import Pixels
from singan_runtime import Sampler
from singan_runtime.edits import editing, retarget

ROOT = Path(__file__).parent.parent
SIDE = 1200  # px, longer side of the pictures that are edited
WIDTH = 900  # px of a sheet
WINDOW = (450, 320)  # px, width and height around an edited place
CORNER = (450, 280)  # px, width and height of a corner of the enlarged photo

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
        self.photos = [reduce_photo(take_photo(sampler)) for sampler in self.samplers]

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
        """Paste a polygon of another photo into a photo, `scale` times as large."""
        other, photo = self.photos[source], self.photos[number].copy()
        cut = Image.new("L", other.size)
        ImageDraw.Draw(cut).polygon(to_pixels(other.size, shape), fill=255)
        box = cut.getbbox()
        piece, cut = (ImageOps.scale(one.crop(box), scale) for one in (other, cut))
        cut = cut.point(lambda value: 255 * (value > 127))

        mask = Image.new("L", photo.size)
        at = to_pixels(photo.size, [to])[0]
        mask.paste(cut, at)
        photo.paste(piece, at, cut)
        return photo, mask


def take_photo(sampler: Sampler) -> Image.Image:
    """Take the photo out of a bundle with detail."""
    if sampler.photo is None:
        raise SystemExit(
            f"{sampler.manifest.name}: train with detail, so that the bundle has a photo"
        )
    return images.to_pillow(sampler.photo.pixels)


def reduce_photo(photo: Image.Image) -> Image.Image:
    """Reduce a photo to a width of SIDE."""
    height = round(photo.height * SIDE / photo.width)
    return photo.resize((SIDE, height), Image.Resampling.LANCZOS)


def to_pixels(size: tuple[int, int], shape: Points) -> list[tuple[int, int]]:
    """Turn places in shares of a size (width, height) into pixels."""
    return [(round(x * size[0]), round(y * size[1])) for x, y in shape]


def draw_painting(size: tuple[int, int], sky: str, *areas: tuple[str, Points]) -> Image.Image:
    """Draw a sky and areas of one flat colour each, as an unskilled painter might."""
    image = Image.new("RGB", size, sky)
    for colour, shape in areas:
        ImageDraw.Draw(image).polygon(to_pixels(size, shape), fill=colour)
    return image


def redraw(sampler: Sampler, scene: Scene, how: editing.Redrawing) -> list[Image.Image]:
    """Redraw the masked part; return what lies around it before and after."""
    image, mask = scene
    inside = np.asarray(mask) > 127
    drawn = editing.redraw(sampler, images.to_floats(np.asarray(image)), inside, how)

    box = mask.getbbox()
    assert box is not None
    left, top, right, bottom = box
    width, height = WINDOW
    x = min(max((left + right - width) // 2, 0), image.width - width)
    y = min(max((top + bottom - height) // 2, 0), image.height - height)
    return [one.crop((x, y, x + width, y + height)) for one in (image, images.to_pillow(drawn))]


def paint(sampler: Sampler, painting: Image.Image) -> list[Image.Image]:
    """Turn a painting into a picture; return both."""
    size = painting.height, painting.width
    pixels = editing.paint(sampler, images.to_floats(np.asarray(painting)), size)
    return [painting, images.to_pillow(pixels)]


def reshape(sampler: Sampler, photo: Image.Image) -> list[Image.Image]:
    """Make the photo 0.6 and 1.6 times as wide; return all three."""
    sizes = [(photo.height, round(photo.width * share)) for share in (0.6, 1.6)]
    return [photo, *(images.to_pillow(retarget.retarget(sampler, size).pixels) for size in sizes)]


def enlarge(sampler: Sampler, corners: Points) -> list[list[Image.Image]]:
    """Enlarge the photo 2.5 times; return corners of it, bicubic and drawn."""
    large = images.to_pillow(editing.upscale(sampler, 2.5))
    plain = take_photo(sampler).resize(large.size, Image.Resampling.BICUBIC)
    rows = []
    for x, y in to_pixels(large.size, corners):
        box = (x, y, x + CORNER[0], y + CORNER[1])
        rows.append([plain.crop(box), large.crop(box)])
    return rows


def join_row(row: Sequence[Image.Image]) -> Pixels:
    """Join pictures side by side, at the height at which they are as wide as a sheet."""
    ratios = [one.width / one.height for one in row]
    height = round(WIDTH / sum(ratios))
    edges = [round(sum(ratios[:number]) * height) for number in range(len(row))]

    joined = []
    for one, (left, right) in zip(row, itertools.pairwise([*edges, WIDTH]), strict=True):
        resized = one.resize((right - left, height), Image.Resampling.LANCZOS)
        joined.append(np.asarray(resized.convert("RGB")))
    return np.concatenate(joined, axis=1)


def save(path: Path, rows: Sequence[Sequence[Image.Image]]) -> None:
    """Write a sheet: rows below each other."""
    encoding.save(path, np.concatenate([join_row(row) for row in rows]), "jpeg")


def make_edits(scenes: Scenes) -> list[Scene]:
    """Copy a rectangle of every photo to another place in it."""
    return [
        scenes.move(0, (0.44, 0.10, 0.62, 0.30), (0.10, 0.14)),
        scenes.move(1, (0.62, 0.68, 0.80, 0.84), (0.20, 0.68)),
        scenes.move(2, (0.61, 0.62, 0.94, 1.0), (0.10, 0.62)),
    ]


def paste_objects(scenes: Scenes) -> list[Scene]:
    """Paste an object of another photo into every photo."""
    return [
        scenes.paste(0, 1, ROCK, (0.45, 0.78), 2),
        scenes.paste(1, 0, FIR, (0.62, 0.47), 1.2),
        scenes.paste(2, 0, FIR, (0.22, 0.44), 1.2),
    ]


def draw_paintings(photos: Sequence[Image.Image]) -> list[Image.Image]:
    """Draw a painting of every photo's scene and size."""
    return [
        draw_painting(
            photos[0].size, "#d7e1f0",
            ("#787896", ((0, 0.45), (0.2, 0.12), (0.45, 0.4), (0.75, 0.15), (1, 0.5), (1, 0.7),
                         (0, 0.7))),
            ("#be7332", ((0, 0.62), (0.5, 0.5), (1, 0.62), (1, 0.8), (0, 0.8))),
            ("#3c8228", ((0, 0.7), (0.5, 0.64), (1, 0.74), (1, 1), (0, 1))),
        ),
        draw_painting(
            photos[1].size, "#325aa0",
            ("#6e6e73", ((0, 0.3), (0.2, 0.15), (0.4, 0.35), (0.6, 0.1), (0.8, 0.3), (1, 0.2),
                         (1, 0.6), (0, 0.6))),
            ("#5a5028", ((0, 0.45), (0.5, 0.6), (1, 0.5), (1, 1), (0, 1))),
            ("#f0f0f5", ((0.5, 0.03), (0.85, 0.05), (0.8, 0.14), (0.55, 0.12))),
        ),
        draw_painting(
            photos[2].size, "#7896b4",
            ("#fadca0", ((0, 0.4), (1, 0.4), (1, 0.52), (0, 0.52))),
            ("#3c2d23", ((0, 0.5), (0.3, 0.45), (0.6, 0.5), (1, 0.44), (1, 1), (0, 1))),
            ("#fffaeb", ((0.3, 0.3), (0.36, 0.28), (0.4, 0.33), (0.38, 0.4), (0.31, 0.4),
                         (0.28, 0.35))),
        ),
    ]  # fmt: skip


def main() -> None:
    """Write all sheets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", type=Path, nargs=3)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    scenes, out = Scenes(given.bundles), given.out
    samplers, photos = scenes.samplers, scenes.photos

    pairs = list(zip(samplers, make_edits(scenes), strict=True))
    save(out / "edit_sheet.jpg", [redraw(*pair, editing.EDIT) for pair in pairs])

    pairs = list(zip(samplers, paste_objects(scenes), strict=True))
    save(out / "harmonize_sheet.jpg", [redraw(*pair, editing.HARMONIZE) for pair in pairs])

    paintings = zip(samplers, draw_paintings(photos), strict=True)
    save(out / "paint_sheet.jpg", [paint(*pair) for pair in paintings])

    originals = zip(samplers, photos, strict=True)
    save(out / "retarget_sheet.jpg", [reshape(*pair) for pair in originals])

    corners = ((0.68, 0.42), (0.5, 0.12), (0.2, 0.45))
    save(out / "upscale_sheet.jpg", enlarge(samplers[0], corners))


if __name__ == "__main__":
    main()

"""The pictures of docs/editing.md, their inputs drawn from the example photo.

Usage: python examples/editing_pictures.py [--bundle DIR] [--out DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from singan_core import images, resample
from singan_runtime import Sampler, editing, masks

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "examples" / "aitzgorri.jpg"
FIR = ROOT / "examples" / "aitzgorri_fir.png"
HEIGHT = 320  # px of every picture shown
Pixels = NDArray[np.uint8]


def to_floats(image: Image.Image) -> NDArray[np.float32]:
    """A Pillow picture as the cascade takes it, (1, 3, H, W)."""
    unit = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * 2 - 1)


def at(size: tuple[int, int], x: float, y: float) -> tuple[int, int]:
    """A place given in shares of a size (width, height)."""
    return round(x * size[0]), round(y * size[1])


def foreign_tree(photo: Image.Image, fir: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The fir, mirrored, twice as large, blurred by that and too grey, pasted on the meadow; and its mask."""
    tree = ImageOps.mirror(ImageEnhance.Color(photo).enhance(0.2))
    around = (
        *at(photo.size, 0.16, 0.38),
        *at(photo.size, 0.34, 0.72),
    )  # the fir, seen in the mirror
    pasted, mask = Image.new("RGB", photo.size), Image.new("L", photo.size)
    for source, target in ((tree, pasted), (ImageOps.mirror(fir), mask)):
        piece = ImageOps.scale(source.crop(around), 2)
        target.paste(piece, at(photo.size, 0.1, 0.25))
    mask = mask.point(lambda v: 255 * (v > 127))
    return Image.composite(pasted, photo, mask), mask


def moved_rock(photo: Image.Image) -> tuple[Image.Image, Image.Image]:
    """A piece of the ridge cut out and put down lower left, over the larches; and the mask of its rectangle."""
    box = (*at(photo.size, 0.44, 0.10), *at(photo.size, 0.62, 0.30))
    place = at(photo.size, 0.10, 0.14)
    edited, mask = photo.copy(), Image.new("L", photo.size)
    edited.paste(photo.crop(box), place)
    mask.paste(255, (*place, place[0] + box[2] - box[0], place[1] + box[3] - box[1]))
    return edited, mask


def painting(size: tuple[int, int]) -> Image.Image:
    """Sky, two hills, larches and a meadow in five flat colours, by no painter."""
    image = Image.new("RGB", size, (215, 225, 240))
    draw = ImageDraw.Draw(image)

    def shape(colour: tuple[int, int, int], *points: tuple[float, float]) -> None:
        draw.polygon([at(size, x, y) for x, y in points], fill=colour)

    shape(
        (120, 120, 150),
        (0, 0.45),
        (0.25, 0.12),
        (0.5, 0.42),
        (0.78, 0.2),
        (1, 0.5),
        (1, 0.7),
        (0, 0.7),
    )
    shape((190, 115, 50), (0, 0.62), (0.45, 0.55), (0.7, 0.62), (1, 0.42), (1, 0.8), (0, 0.8))
    shape((40, 60, 40), (0.2, 0.68), (0.24, 0.4), (0.28, 0.68))
    shape((60, 130, 40), (0, 0.66), (0.5, 0.74), (1, 0.68), (1, 1), (0, 1))
    return image


def main() -> None:
    """Write them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    arguments = parser.parse_args()
    sampler = Sampler.load(arguments.bundle)
    arguments.out.mkdir(parents=True, exist_ok=True)

    def save(name: str, *shown: Image.Image | Pixels) -> None:
        """Side by side, at one height."""
        pictures = [one if isinstance(one, Image.Image) else images.to_pillow(one) for one in shown]
        widths = [round(one.width * HEIGHT / one.height) for one in pictures]
        row = [
            one.resize((w, HEIGHT), Image.Resampling.BICUBIC)
            for one, w in zip(pictures, widths, strict=True)
        ]
        joined = np.concatenate([np.asarray(one.convert("RGB")) for one in row], axis=1)
        images.save(arguments.out / f"{name}.jpg", joined, "jpeg")

    full = resample.resize(images.read(PHOTO), sampler.trained_size)
    photo = images.to_pillow(images.to_pixels(full)[0])
    with Image.open(FIR) as file:
        fir = (
            file.convert("L")
            .resize(photo.size, Image.Resampling.BOX)
            .point(lambda v: 255 * (v > 127))
        )
    image, mask = foreign_tree(photo, fir)
    inside: masks.Mask = np.asarray(mask) > 127
    scales = (
        None,
        len(sampler.fit(sampler.trained_size).passes),
    )  # the usual one, and the first after the generators
    ways = [
        editing.redraw(sampler, to_floats(image), inside, editing.HARMONIZE, scale)
        for scale in scales
    ]
    save("harmonize", image, *ways)
    image, mask = moved_rock(photo)
    save(
        "edit",
        image,
        mask,
        editing.redraw(sampler, to_floats(image), np.asarray(mask) > 127, editing.EDIT),
    )
    brushed = painting(photo.size)
    ways = [editing.paint(sampler, to_floats(brushed), colours=colours) for colours in (None, 6)]
    save("paint", brushed, *ways)
    corner = (*at(photo.size, 0.6, 0.3), *at(photo.size, 0.9, 0.75))
    large = images.to_pillow(editing.upscale(sampler, 3))
    plain = photo.resize(large.size, Image.Resampling.BICUBIC)
    save("upscale", *(one.crop(tuple(3 * side for side in corner)) for one in (plain, large)))


if __name__ == "__main__":
    main()

"""The pictures of docs/editing.md, whose inputs are made from the example photo.

Usage: python examples/editing_pictures.py [--bundle DIR] [--out DIR]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from picture_folder import ROOT, read_arguments
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from singan_core import encoding, images, resample
from singan_core.arrays import Floats, Pixels
from singan_runtime import Sampler
from singan_runtime.edits import editing

PHOTO = ROOT / "examples" / "aitzgorri.jpg"
FIR = ROOT / "examples" / "aitzgorri_fir.png"
HEIGHT = 320  # px of every picture

Scene = tuple[Image.Image, Image.Image]
"""A picture with something put into it, and the mask of that."""


def to_floats(image: Image.Image) -> Floats:
    """Turn a Pillow picture into what the cascade takes, (1, 3, H, W) in [-1, 1]."""
    unit = np.asarray(image.convert("RGB"), np.float32) / np.float32(255)
    return np.ascontiguousarray(unit.transpose(2, 0, 1)[None] * 2 - 1)


def to_pixels(size: tuple[int, int], x: float, y: float) -> tuple[int, int]:
    """Turn a place in shares of a size (width, height) into pixels."""
    return round(x * size[0]), round(y * size[1])


def paste_tree(photo: Image.Image, fir: Image.Image) -> Scene:
    """Paste the fir on the meadow: mirrored, twice as large, blurred by that, and too grey."""
    tree = ImageOps.mirror(ImageEnhance.Color(photo).enhance(0.2))
    corners = (*to_pixels(photo.size, 0.16, 0.38), *to_pixels(photo.size, 0.34, 0.72))  # mirrored
    pasted, mask = Image.new("RGB", photo.size), Image.new("L", photo.size)
    for source, target in ((tree, pasted), (ImageOps.mirror(fir), mask)):
        piece = ImageOps.scale(source.crop(corners), 2)
        target.paste(piece, to_pixels(photo.size, 0.1, 0.25))
    mask = to_mask(mask)
    return Image.composite(pasted, photo, mask), mask


def to_mask(image: Image.Image) -> Image.Image:
    """Turn a grey picture into a mask of 0 and 255."""
    return image.point(lambda value: 255 * (value > 127))


def move_rock(photo: Image.Image) -> Scene:
    """Copy a piece of the ridge to the lower left, over the larches; its mask is a rectangle."""
    box = (*to_pixels(photo.size, 0.44, 0.10), *to_pixels(photo.size, 0.62, 0.30))
    place = to_pixels(photo.size, 0.10, 0.14)
    edited, mask = photo.copy(), Image.new("L", photo.size)
    edited.paste(photo.crop(box), place)
    mask.paste(255, (*place, place[0] + box[2] - box[0], place[1] + box[3] - box[1]))
    return edited, mask


AREAS: tuple[tuple[tuple[int, int, int], tuple[tuple[float, float], ...]], ...] = (
    ((120, 120, 150), ((0, 0.45), (0.25, 0.12), (0.5, 0.42), (0.78, 0.2), (1, 0.5), (1, 0.7),
                       (0, 0.7))),
    ((190, 115, 50), ((0, 0.62), (0.45, 0.55), (0.7, 0.62), (1, 0.42), (1, 0.8), (0, 0.8))),
    ((40, 60, 40), ((0.2, 0.68), (0.24, 0.4), (0.28, 0.68))),
    ((60, 130, 40), ((0, 0.66), (0.5, 0.74), (1, 0.68), (1, 1), (0, 1))),
)  # fmt: skip
"""Of a painting, in shares of its size: a ridge, larches, a fir and a meadow, one colour each."""


def draw_painting(size: tuple[int, int]) -> Image.Image:
    """Draw AREAS before a flat sky, as an unskilled painter might."""
    image = Image.new("RGB", size, (215, 225, 240))
    draw = ImageDraw.Draw(image)
    for colour, points in AREAS:
        draw.polygon([to_pixels(size, x, y) for x, y in points], fill=colour)
    return image


def save(path: Path, *pictures: Image.Image | Pixels) -> None:
    """Write pictures side by side, at one height."""
    row = []
    for one in pictures:
        picture = one if isinstance(one, Image.Image) else images.to_pillow(one)
        width = round(picture.width * HEIGHT / picture.height)
        reduced = picture.resize((width, HEIGHT), Image.Resampling.BICUBIC)
        row.append(np.asarray(reduced.convert("RGB")))
    encoding.save(path, np.concatenate(row, axis=1), "jpeg")


def read_fir(size: tuple[int, int]) -> Image.Image:
    """Read the mask of the fir at a size (width, height)."""
    with Image.open(FIR) as file:
        return to_mask(file.convert("L").resize(size, Image.Resampling.BOX))


def harmonize(sampler: Sampler, scene: Scene) -> list[Pixels]:
    """Harmonize at the usual start scale, and at the first one after the generators."""
    image, mask = scene
    first = len(sampler.fit(sampler.trained_size).passes)
    inside = np.asarray(mask) > 127
    return [
        editing.redraw(sampler, to_floats(image), inside, editing.HARMONIZE, start_scale)
        for start_scale in (None, first)
    ]


def main() -> None:
    """Write all pictures."""
    sampler, out = read_arguments(__doc__)
    full = resample.resize(images.read(PHOTO), sampler.trained_size)
    photo = images.to_pillow(images.to_pixels(full)[0])

    scene = paste_tree(photo, read_fir(photo.size))
    save(out / "harmonize.jpg", scene[0], *harmonize(sampler, scene))

    image, mask = move_rock(photo)
    edited = editing.redraw(sampler, to_floats(image), np.asarray(mask) > 127, editing.EDIT)
    save(out / "edit.jpg", image, mask, edited)

    painting = draw_painting(photo.size)
    painted = [
        editing.paint(sampler, to_floats(painting), colours=colours) for colours in (None, 6)
    ]
    save(out / "paint.jpg", painting, *painted)

    left, top = to_pixels(photo.size, 0.6, 0.3)
    right, bottom = to_pixels(photo.size, 0.9, 0.75)
    corner = (3 * left, 3 * top, 3 * right, 3 * bottom)
    large = images.to_pillow(editing.upscale(sampler, 3))
    plain = photo.resize(large.size, Image.Resampling.BICUBIC)
    save(out / "upscale.jpg", plain.crop(corner), large.crop(corner))


if __name__ == "__main__":
    main()

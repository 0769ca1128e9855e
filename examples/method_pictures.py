"""The pictures of docs/how.md: how one picture comes about, from a bundle with detail.

Usage: python examples/method_pictures.py [--bundle DIR] [--out DIR]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from picture_folder import read_arguments
from PIL import Image, ImageDraw

from singan_core import encoding, images, resample
from singan_core.arrays import Floats, Pixels
from singan_core.pyramid import Size
from singan_core.windows import cover_canvas
from singan_runtime import Sampler

SEED = 5
WIDTH, GAP = 300, 4  # px, of a picture in a sheet and between two
ROW = 4  # pictures side by side
MAP_SIZE = (300, 900)  # (height, width) of the picture that is shown with its map
MAP_WIDTH = 2 * WIDTH + GAP  # px, of it in the sheet
VARIANTS = (240, 360)  # (height, width) of the pictures of the start scales


def show(pixels: Pixels, text: str, width: int = WIDTH) -> Image.Image:
    """Bring a picture to a width, small ones as squares, and write a text into its corner."""
    image = images.to_pillow(pixels).convert("RGB")
    size = width, round(width * image.height / image.width)
    is_small = image.width < width
    image = image.resize(size, Image.Resampling.NEAREST if is_small else Image.Resampling.LANCZOS)

    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, draw.textlength(text) + 8, 15), fill="black")
    draw.text((4, 2), text, fill="white")
    return image


def join(rows: Sequence[Sequence[Image.Image]]) -> Pixels:
    """Join rows of pictures into a sheet, each row of one height."""
    width = max(sum(one.width for one in row) + GAP * (len(row) - 1) for row in rows)
    heights = [max(one.height for one in row) for row in rows]
    sheet = Image.new("RGB", (width, sum(heights) + GAP * (len(rows) - 1)), "white")

    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for one in row:
            sheet.paste(one, (left, top))
            left += one.width + GAP
        top += height + GAP
    return np.asarray(sheet)


def draw_stages(sampler: Sampler, seed: int) -> Iterator[Pixels]:
    """Draw a picture of the trained size, and yield what every step on its way makes.

    First come the generators, then the largest searched level, then the copied levels.
    """
    plan = sampler.plan(sampler.trained_size)
    noise = sampler.create_noise(seed)
    generated: list[Floats] = []

    def generate(number: int, noise: Floats, below: Floats) -> Floats:
        generated.append(sampler.graphs.generate(number, noise, below))
        return generated[-1]

    sampler.run_generators(plan, noise, generate=generate)
    yield from (sampler.to_pixels(image)[0] for image in generated)

    drawing = sampler.begin_drawing(plan, noise)
    for number in range(drawing.searched - 1, len(drawing.canvases)):
        yield drawing.draw_level(number, cover_canvas(drawing.canvases[number])).pixels


def reduce_photo(sampler: Sampler, size: Size) -> Pixels:
    """Reduce the photo to a size, as the training of a generator sees it."""
    return images.to_pixels(resample.resize(sampler.get_photo(), size))[0]


def draw_pyramid(sampler: Sampler) -> Pixels:
    """Draw a sheet of the photo at every size, and below it the picture that grows."""
    stages = list(draw_stages(sampler, SEED))
    del stages[-2:-1]  # the last two look alike
    generators = len(sampler.manifest.shapes)
    rows = []

    for start in range(0, len(stages), ROW):
        photos, pictures = [], []
        for number, stage in enumerate(stages[start : start + ROW], start):
            height, width = stage.shape[:2]
            kind = f"generator {number}" if number < generators else "detail level"
            photos.append(show(reduce_photo(sampler, (height, width)), f"photo, {width}x{height}"))
            pictures.append(show(stage, f"{kind}, {width}x{height}"))
        rows += [photos, pictures]
    return join(rows)


def colour_map(found: NDArray[np.int32], size: Size) -> Pixels:
    """Give every position of a map (h, w, 2) a colour: red by its row, green by its column."""
    shares = found / np.array(size)
    blue = np.full(found.shape[:2], 128.0)
    colours = np.stack([shares[..., 0] * 255, shares[..., 1] * 255, blue], axis=2)
    return np.clip(colours, 0, 255).astype(np.uint8)


def draw_map(sampler: Sampler) -> Pixels:
    """Draw a picture, its map in colours, and the photo's own positions in the same colours."""
    plan = sampler.plan(MAP_SIZE)
    pixels, found = sampler.draw_with_map(plan, SEED)
    height, width = MAP_SIZE
    size = (int(found[..., 0].max()) + 1, int(found[..., 1].max()) + 1)

    rows, columns = np.mgrid[:height, :width]
    own = np.stack([rows * size[0] // height, columns * size[1] // width], axis=2)
    photo, positions = reduce_photo(sampler, MAP_SIZE), colour_map(own.astype(np.int32), size)

    return join(
        [
            [
                show(pixels, "picture", MAP_WIDTH),
                show(colour_map(found, size), "where each pixel comes from", MAP_WIDTH),
            ],
            [
                show(photo, "photo, stretched to the same shape", MAP_WIDTH),
                show(positions, "positions in the photo", MAP_WIDTH),
            ],
        ]
    )


def draw_start_scales(sampler: Sampler) -> Pixels:
    """Draw four seeds of each start scale, one row a scale."""
    return join(
        [
            [
                show(one, f"start scale {scale}")
                for one in sampler.pictures(VARIANTS, seed=1, count=ROW, start_scale=scale)
            ]
            for scale in range(len(sampler.manifest.shapes))
        ]
    )


def main() -> None:
    """Write all pictures."""
    sampler, out = read_arguments(__doc__)

    encoding.save(out / "how_pyramid.jpg", draw_pyramid(sampler), "jpeg")
    encoding.save(out / "how_map.jpg", draw_map(sampler), "jpeg")
    encoding.save(out / "how_start_scales.jpg", draw_start_scales(sampler), "jpeg")


if __name__ == "__main__":
    main()

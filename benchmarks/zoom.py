"""What enlarging beyond the finest scale should add, measured on detail that is held back.

The photo is reduced, drawn back at its size and compared with itself, beside plain resampling:
PSNR in dB (higher is better), the sliced Wasserstein distance of its patches (lower is better), how
much detail it has of the three finest sizes (1 is as much as the photo) and seconds of one thread a
megapixel.

Without a bundle, measured is what a detail level adds from around. With one, further passes of its
generators are tried, weighted in several ways. Train it at half the photo's size or less: the rest
is held back.

Usage: python benchmarks/zoom.py [--photo FILE] [--bundle DIR] [--zoom 2] [--max-size 1920]
       [--pictures DIR]
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from arguments import PHOTO, describe_size, make_parser
from clocks import time_call
from PIL import Image

from singan_core import cascade, encoding, images, resample, windows
from singan_core.arrays import Floats, Pixels
from singan_core.detail import resize, super_resolution
from singan_core.detail.maps import Map
from singan_core.detail.photo import Photo, premultiply, straighten
from singan_core.pyramid import Pass, Size
from singan_runtime import Sampler
from singan_runtime.measures import quality

Add = Callable[..., Floats]
"""(image, prev, step, wrap) -> what goes on to the next pass, as cascade.detail_only."""

Draw = Callable[[], Pixels]
"""A way to draw the reduced photo at its size again."""


def add_residual(image: Floats, prev: Floats, step: Any, wrap: Any) -> Floats:
    """Add a share of everything that the generator adds."""
    added: Floats = prev + np.float32(step.detail) * (image - prev)
    return added


add_detail = (
    cascade.add_fine_detail
)  # only what the smaller canvas cannot hold, as the sampler does


class Passes(NamedTuple):
    """How further passes of a generator are weighted."""

    factor: float  # each pass enlarges by about 1 / factor
    noise: float  # times the trained amplitude
    add: Add
    share: float


def list_passes(factor: float) -> dict[str, Passes]:
    """List the ways that are tried; factor is the model's own scale factor."""
    closer = math.sqrt(factor)
    return {
        "whole residual": Passes(factor, 1, add_residual, 1),
        "whole residual, no noise": Passes(factor, 0, add_residual, 1),
        "half the residual": Passes(factor, 1, add_residual, 0.5),
        "a quarter of the residual": Passes(factor, 1, add_residual, 0.25),
        "whole residual, smaller steps": Passes(closer, 1, add_residual, 1),
        "detail only, all": Passes(factor, 1, add_detail, 1),
        "detail only, all, no noise": Passes(factor, 0, add_detail, 1),
        "detail only, half": Passes(factor, 1, add_detail, 0.5),
        "detail only, half, no noise": Passes(factor, 0, add_detail, 0.5),
        "detail only, half, twice the noise": Passes(factor, 2, add_detail, 0.5),
        "detail only, half, smaller steps": Passes(closer, 1, add_detail, 0.5),
        "detail only, a third": Passes(factor, 1, add_detail, 1 / 3),
    }


def enlarge(sampler: Sampler, photo: Floats, zoom: float, how: Passes) -> Pixels:
    """Draw the photo (1, C, H, W) larger, by passes beyond the finest scale."""
    height, width = photo.shape[2:]
    count = max(1, round(math.log(zoom) / math.log(1 / how.factor)))
    manifest = sampler.manifest
    finest, generator = len(manifest.shapes) - 1, len(manifest.pyramid.sizes) - 1

    passes = []
    for number in range(1, count + 1):
        scale = zoom ** (number / count)
        size = (round(height * scale), round(width * scale))
        passes.append(Pass(finest + number, generator, size, detail=how.share))

    draw, amplitude = (
        sampler.create_noise(0),
        np.float32(how.noise * manifest.noise_amplitude[generator]),
    )
    cascade.add_fine_detail = how.add
    image = cascade.run(passes, sampler.graphs.generate, lambda step: draw(step) * amplitude, photo)
    return to_picture(image)


def to_picture(image: Any) -> Pixels:
    """Turn the only image of a batch (1, C, H, W) into a picture (H, W, C)."""
    picture: Pixels = images.to_pixels(image)[0]
    return picture


def resize_by_pillow(photo: Floats, size: Size, method: Image.Resampling) -> Pixels:
    """Enlarge the photo (1, C, H, W) with Pillow, channel by channel in float."""
    planes = [np.asarray(Image.fromarray(plane).resize(size[::-1], method)) for plane in photo[0]]
    return to_picture(np.stack(planes)[None])


def compute_psnr(a: Pixels, b: Pixels) -> float:
    """Compute the peak signal-to-noise ratio in dB."""
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def add_from_around(photo: Pixels, size: Size) -> Pixels:
    """Enlarge the photo (h, w, C) as a detail level's pictures, every pixel at its own position."""
    own = photo.shape[0], photo.shape[1]
    level = Photo(photo, [(own[0] // 2, own[1] // 2), own]).level(1)
    rows, columns = np.mgrid[: own[0], : own[1]].astype(np.int32)
    pixels, found = premultiply(photo), Map(rows, columns)
    canvases = super_resolution.choose_canvases(own, size)
    for step in super_resolution.plan_steps(
        canvases, windows.cover_canvas(canvases[-1]), (False, False)
    ):
        pixels, found = super_resolution.enlarge(
            level, super_resolution.find_lost_detail(level, step), step, pixels, found
        )
    return straighten(resize.resize(pixels, size))


def list_detail_ways(full: Floats, zoom: float) -> tuple[Pixels, dict[str, Draw]]:
    """Reduce the photo; return what is true, and the ways to draw it from the reduced photo."""
    truth = to_picture(full)
    size = truth.shape[0], truth.shape[1]
    reduced = (round(size[0] / zoom), round(size[1] / zoom))
    small = straighten(resize.resize(premultiply(truth), reduced))
    return truth, {
        "bicubic": lambda: straighten(resize.resize(premultiply(small), size)),
        "detail from around": lambda: add_from_around(small, size),
    }


def list_generator_ways(
    sampler: Sampler, full: Floats, zoom: float
) -> tuple[Pixels, dict[str, Draw]]:
    """Reduce the photo to the trained size; return what is true, and the ways to draw it."""
    small = resample.resize(full, sampler.trained_size)
    size = (round(small.shape[2] * zoom), round(small.shape[3] * zoom))
    if size[0] > full.shape[2]:
        raise SystemExit(
            f"the photo is only {full.shape[2]} px high: no detail is held back at {size[0]} px"
        )

    def make_resize(method: Image.Resampling) -> Draw:
        return lambda: resize_by_pillow(small, size, method)

    def make_enlarge(how: Passes) -> Draw:
        return lambda: enlarge(sampler, small, zoom, how)

    ways = {
        "Lanczos": make_resize(Image.Resampling.LANCZOS),
        "bicubic": make_resize(Image.Resampling.BICUBIC),
    }
    for name, how in list_passes(sampler.manifest.scale_factor).items():
        ways[name] = make_enlarge(how)
    return to_picture(resample.resize(full, size)), ways


def measure(truth: Pixels, ways: dict[str, Draw]) -> Iterator[tuple[str, Pixels]]:
    """Print a line of the table for every way, and give its picture."""
    print("| what is added | PSNR | SWD | octaves | s/Mpx |\n|---|---|---|---|---|")
    for name, draw in ways.items():
        pixels, seconds = time_call(draw, time.thread_time)
        cells = [
            name,
            f"{compute_psnr(truth, pixels):.2f}",
            f"{quality.sliced_wasserstein(truth, pixels):.4f}",
            " ".join(f"{ratio:.2f}" for ratio in quality.detail_ratios(truth, pixels)[:3]),
            f"{seconds / truth[..., 0].size * 1e6:.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
        yield name, pixels


def main() -> None:
    """Print the table."""
    parser = make_parser(__doc__)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--bundle", type=Path, help="whose generators are tried, without the photo")
    parser.add_argument("--zoom", type=float, default=2.0)
    parser.add_argument(
        "--max-size", type=int, default=1920, help="longer side of the photo without a bundle, px"
    )
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every row")
    given = parser.parse_args()

    if given.bundle:
        sampler = Sampler.load(given.bundle).without_detail()
        full = images.read(given.photo, str(sampler.manifest.channels))
        truth, ways = list_generator_ways(sampler, full, given.zoom)
    else:
        full = images.read(given.photo)
        share = min(1.0, given.max_size / max(full.shape[2:]))
        full = resample.resize(full, (round(full.shape[2] * share), round(full.shape[3] * share)))
        truth, ways = list_detail_ways(full, given.zoom)

    print(f"{given.photo.name}, {describe_size(truth.shape)} at zoom {given.zoom:g}\n")
    drawn = dict(measure(truth, ways))
    if given.pictures:
        given.pictures.mkdir(parents=True, exist_ok=True)
        for name, pixels in ({"photo": truth} | drawn).items():
            file = f"{name.replace(' ', '_').replace(',', '')}.png"
            encoding.save(given.pictures / file, pixels)


if __name__ == "__main__":
    main()

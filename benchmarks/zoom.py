"""What enlarging beyond the finest scale should add, measured on detail that is held back.

The photo is reduced, drawn back at its size and compared with itself, beside plain resampling: PSNR in dB (higher is
better), the sliced Wasserstein distance of its patches (lower is better), how much detail it has of the three finest
sizes (1 is as much as the photo) and seconds of one thread a megapixel. Without a bundle that is what a detail level
adds from around. With one, further passes of its generators are tried, weighed in several ways.
Train it at half the photo's size or less: the rest is held back.

Usage: python benchmarks/zoom.py [--photo FILE] [--bundle DIR] [--zoom 2] [--max-size 1920] [--pictures DIR]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import cascade, images, resample, windows
from singan_core.detail import beyond, resize
from singan_core.detail.photo import Photo, premultiplied, straight
from singan_core.detail.votes import Map
from singan_core.pyramid import Pass, Size
from singan_runtime import Sampler, quality

ROOT = Path(__file__).parent.parent
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Add = Callable[..., Floats]
"""(image, prev, step, wrap) -> what goes on to the next pass, as cascade.detail_only."""


def residual(image: Floats, prev: Floats, step: Any, wrap: Any) -> Floats:
    """A share of everything that the generator adds."""
    return prev + np.float32(step.detail) * (image - prev)


detail = cascade.detail_only  # only what the smaller canvas could not hold: what the sampler does


def enlarge(
    sampler: Sampler,
    photo: Floats,
    zoom: float,
    factor: float,
    noise: float,
    add: Add,
    share: float,
) -> Any:
    """The photo (1, C, H, W) through passes beyond the finest scale, each about 1 / factor larger."""
    height, width = photo.shape[2:]
    count = max(1, round(math.log(zoom) / math.log(1 / factor)))
    finest, generator = len(sampler.manifest.shapes) - 1, len(sampler.manifest.pyramid.sizes) - 1
    sides = [
        (round(height * zoom ** (n / count)), round(width * zoom ** (n / count)))
        for n in range(1, count + 1)
    ]
    passes = [Pass(finest + n, generator, size, detail=share) for n, size in enumerate(sides, 1)]
    unit, amplitude = (
        sampler.fresh(0),
        np.float32(noise * sampler.manifest.noise_amplitude[generator]),
    )
    cascade.detail_only = add
    return cascade.run(passes, sampler.graphs.generate, lambda step: unit(step) * amplitude, photo)


def pillow(photo: Floats, size: tuple[int, int], method: Image.Resampling) -> Floats:
    """Pillow's enlargement, channel by channel in float."""
    planes = [np.asarray(Image.fromarray(plane).resize(size[::-1], method)) for plane in photo[0]]
    return np.stack(planes)[None]


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def add_from_around(photo: Pixels, size: Size) -> Pixels:
    """Enlarge the photo (h, w, C) as a detail level's pictures, every pixel at its own position."""
    own = photo.shape[0], photo.shape[1]
    level = Photo(photo, [(own[0] // 2, own[1] // 2), own]).level(1)
    rows, columns = np.mgrid[: own[0], : own[1]].astype(np.int32)
    pixels, found = premultiplied(photo), Map(rows, columns)
    canvases = beyond.choose_canvases(own, size)
    for step in beyond.plan(canvases, windows.whole(canvases[-1]), (False, False)):
        pixels, found = beyond.enlarge(level, beyond.find_detail(level, step), step, pixels, found)
    return straight(resize.resize(pixels, size))


def from_photo(full: Floats, zoom: float) -> tuple[Pixels, dict[str, Callable[[], Pixels]]]:
    """Give what is true, and the ways to draw it from the photo reduced."""
    truth = images.to_pixels(full)[0]
    size = truth.shape[0], truth.shape[1]
    small = straight(
        resize.resize(premultiplied(truth), (round(size[0] / zoom), round(size[1] / zoom)))
    )
    return truth, {
        "bicubic": lambda: straight(resize.resize(premultiplied(small), size)),
        "detail from around": lambda: add_from_around(small, size),
    }


def from_passes(
    sampler: Sampler, full: Floats, zoom: float
) -> tuple[Pixels, dict[str, Callable[[], Pixels]]]:
    """Give the same for the trained size and further passes of the generators."""
    small = resample.resize(full, sampler.trained_size)
    size = (round(small.shape[2] * zoom), round(small.shape[3] * zoom))
    if size[0] > full.shape[2]:
        raise SystemExit(
            f"the photo is only {full.shape[2]} px high: no detail is held back at {size[0]} px"
        )
    factor = sampler.manifest.scale_factor
    closer = math.sqrt(factor)
    tried: list[tuple[str, float, float, Add, float]] = [
        ("whole residual", factor, 1, residual, 1),
        ("whole residual, no noise", factor, 0, residual, 1),
        ("half the residual", factor, 1, residual, 0.5),
        ("a quarter of the residual", factor, 1, residual, 0.25),
        ("whole residual, smaller steps", closer, 1, residual, 1),
        ("detail only, all", factor, 1, detail, 1),
        ("detail only, all, no noise", factor, 0, detail, 1),
        ("detail only, half", factor, 1, detail, 0.5),
        ("detail only, half, no noise", factor, 0, detail, 0.5),
        ("detail only, half, twice the noise", factor, 2, detail, 0.5),
        ("detail only, half, smaller steps", closer, 1, detail, 0.5),
        ("detail only, a third", factor, 1, detail, 1 / 3),
    ]

    def passes(*one: Any) -> Callable[[], Pixels]:
        return lambda: images.to_pixels(enlarge(sampler, small, zoom, *one))[0]

    def enlarged(method: Image.Resampling) -> Callable[[], Pixels]:
        return lambda: images.to_pixels(pillow(small, size, method))[0]

    rows = {
        "Lanczos": enlarged(Image.Resampling.LANCZOS),
        "bicubic": enlarged(Image.Resampling.BICUBIC),
    }
    rows |= {name: passes(*one) for name, *one in tried}
    return images.to_pixels(resample.resize(full, size))[0], rows


def measure(truth: Pixels, rows: dict[str, Callable[[], Pixels]]) -> Iterator[tuple[str, Pixels]]:
    """Print a line of the table for every row, and give its picture."""
    print("| what is added | PSNR | SWD | octaves | s/Mpx |\n|---|---|---|---|---|")
    for name, draw in rows.items():
        start = time.thread_time()
        pixels = draw()
        seconds = (time.thread_time() - start) / truth[..., 0].size * 1e6
        apart = quality.sliced_wasserstein(truth, pixels)
        fine = " ".join(f"{ratio:.2f}" for ratio in quality.octaves(truth, pixels)[:3])
        print(
            f"| {name} | {psnr(truth, pixels):.2f} | {apart:.4f} | {fine} | {seconds:.2f} |",
            flush=True,
        )
        yield name, pixels


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "aitzgorri.jpg")
    parser.add_argument("--bundle", type=Path, help="whose generators are tried, without the photo")
    parser.add_argument("--zoom", type=float, default=2.0)
    parser.add_argument(
        "--max-size", type=int, default=1920, help="longer side of the photo without a bundle, px"
    )
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every row")
    arguments = parser.parse_args()

    if arguments.bundle:
        sampler = Sampler.load(arguments.bundle).without_detail()
        full = images.read(arguments.photo, str(sampler.manifest.channels))
        truth, rows = from_passes(sampler, full, arguments.zoom)
    else:
        full = images.read(arguments.photo)
        share = min(1.0, arguments.max_size / max(full.shape[2:]))
        full = resample.resize(full, (round(full.shape[2] * share), round(full.shape[3] * share)))
        truth, rows = from_photo(full, arguments.zoom)

    print(f"{arguments.photo.name}, {truth.shape[1]}x{truth.shape[0]} at zoom {arguments.zoom:g}\n")
    drawn = dict(measure(truth, rows))
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for name, pixels in ({"photo": truth} | drawn).items():
            images.save(
                arguments.pictures / f"{name.replace(' ', '_').replace(',', '')}.png", pixels
            )


if __name__ == "__main__":
    main()

"""What passes beyond the finest scale should add, measured on detail that the model never saw.

The photo at the trained size is drawn twice as large by further passes, with what they add weighed in several ways, and
compared with the photo itself at that size: PSNR in dB (higher is better) and the sliced Wasserstein distance of its
patches (lower is better), beside plain resampling. Train at half the photo's size or less: the rest is held back.

Usage: python benchmarks/zoom.py [--photo FILE] [--bundle DIR] [--zoom 2] [--pictures DIR]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import cascade, images, resample
from singan_core.pyramid import Pass
from singan_runtime import Sampler, quality

ROOT = Path(__file__).parent.parent
Floats = NDArray[np.float32]
Add = Callable[..., Floats]
"""(image, prev, step, wrap) -> what goes on to the next pass, as cascade.detail_only."""


def residual(image: Floats, prev: Floats, step: Any, wrap: Any) -> Floats:
    """A share of everything that the generator adds."""
    return prev + np.float32(step.detail) * (image - prev)


detail = cascade.detail_only  # only what the smaller canvas could not hold: what the sampler does


def enlarge(sampler: Sampler, photo: Floats, zoom: float, factor: float, noise: float, add: Add, share: float) -> Any:
    """The photo (1, C, H, W) through passes beyond the finest scale, each about 1 / factor larger."""
    height, width = photo.shape[2:]
    count = max(1, round(math.log(zoom) / math.log(1 / factor)))
    finest, generator = len(sampler.manifest.shapes) - 1, len(sampler.manifest.pyramid.sizes) - 1
    sides = [(round(height * zoom ** (n / count)), round(width * zoom ** (n / count))) for n in range(1, count + 1)]
    passes = [Pass(finest + n, generator, size, detail=share) for n, size in enumerate(sides, 1)]
    unit, amplitude = sampler.fresh(0), np.float32(noise * sampler.manifest.noise_amplitude[generator])
    cascade.detail_only = add
    return cascade.run(passes, sampler.graphs.generate, lambda step: unit(step) * amplitude, photo)


def pillow(photo: Floats, size: tuple[int, int], method: Image.Resampling) -> Floats:
    """Pillow's enlargement, channel by channel in float."""
    planes = [np.asarray(Image.fromarray(plane).resize(size[::-1], method)) for plane in photo[0]]
    return np.stack(planes)[None]


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB."""
    return 10 * math.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "aitzgorri.jpg")
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--zoom", type=float, default=2.0)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every row")
    arguments = parser.parse_args()
    sampler = Sampler.load(arguments.bundle)
    full = images.read(arguments.photo, str(sampler.manifest.channels))
    small = resample.resize(full, sampler.trained_size)
    size = (round(small.shape[2] * arguments.zoom), round(small.shape[3] * arguments.zoom))
    if size[0] > full.shape[2]:
        raise SystemExit(f"{arguments.photo}: only {full.shape[2]} px high, no detail is held back at {size[0]} px")
    truth = images.to_pixels(resample.resize(full, size))[0]
    factor = sampler.manifest.scale_factor
    closer = math.sqrt(factor)
    rows: dict[str, Floats] = {
        "Lanczos": pillow(small, size, Image.Resampling.LANCZOS),
        "bicubic": pillow(small, size, Image.Resampling.BICUBIC),
    }
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
    for name, step_factor, noise, add, share in tried:
        rows[name] = enlarge(sampler, small, arguments.zoom, step_factor, noise, add, share)
    blended = (rows["detail only, all"] + rows["bicubic"]) / 2
    rows["detail only, all, blended with as much bicubic"] = blended
    print(
        f"{arguments.photo.name}, {small.shape[3]}x{small.shape[2]} to {size[1]}x{size[0]}, steps of 1/{factor:.2f}\n"
    )
    print("| what the passes add | PSNR | SWD |\n|---|---|---|")
    for name, drawn in rows.items():
        pixels = images.to_pixels(drawn)[0]
        print(f"| {name} | {psnr(truth, pixels):.2f} | {quality.sliced_wasserstein(truth, pixels):.4f} |", flush=True)
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            images.save(arguments.pictures / f"{name.replace(' ', '_').replace(',', '')}.png", pixels)
    if arguments.pictures:
        images.save(arguments.pictures / "photo.png", truth)


if __name__ == "__main__":
    main()

"""How compositions of other shapes than the photo's hold, by models that keep the photo's height.

Measured is how far large patches of a composition are from the nearest in the photo, at the largest
searched level: 15x15 px, a quarter of the photo's height. Each column is a shape, as a multiple of
the photo's width at its own height; 1 is the photo's own.

Usage: python benchmarks/stretch.py BUNDLE... [--seeds N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

from pathlib import Path

import numpy as np
from arguments import make_parser
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_runtime import Sampler

SIDE = 15  # px of a patch
STRETCHES = (0.3, 0.45, 0.67, 0.85, 1.0, 1.19, 1.5, 2.0, 3.0)
AT_ONCE = 1000  # patches compared at once


def list_patches(pixels: Pixels) -> NDArray[np.float32]:
    """List all patches of a picture (h, w, C), one a row, in [0, 1]."""
    values = pixels.astype(np.float32) / np.float32(255)
    windows = np.lib.stride_tricks.sliding_window_view(values, (SIDE, SIDE), (0, 1))
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


def measure(photo: NDArray[np.float32], composition: Pixels) -> float:
    """Measure the RMS distance of a composition's patches to the nearest of the photo."""
    asked = list_patches(composition)
    squares = (photo**2).sum(axis=1)
    total = 0.0
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        nearest = (squares - 2 * some @ photo.T).min(axis=1) + (some**2).sum(axis=1)
        total += float(nearest.clip(0).sum())
    return float(np.sqrt(total / asked.size))


def measure_stretch(sampler: Sampler, stretch: float, seeds: int) -> float:
    """Measure the compositions of some seeds that are so many times as wide as the photo."""
    assert sampler.photo is not None
    height, width = sampler.trained_size
    plan = sampler.plan((height, round(width * stretch)), "height")
    photo = list_patches(sampler.photo.at(sampler.photo.searched - 1))

    found = []
    for seed in range(seeds):
        drawing = sampler.begin_drawing(plan, sampler.create_noise(seed), threads=1)
        found.append(measure(photo, drawing.sketch().pixels))
    return float(np.mean(found))


def main() -> None:
    """Print a row for each bundle."""
    parser = make_parser(__doc__)
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()

    print("| photo |", " | ".join(f"{one:g}" for one in STRETCHES), "|")
    for bundle in args.bundles:
        sampler = Sampler.load(bundle, threads=1)
        row = [measure_stretch(sampler, one, args.seeds) for one in STRETCHES]
        print(f"| {bundle.name} |", " | ".join(f"{one:.3f}" for one in row), "|", flush=True)


if __name__ == "__main__":
    main()

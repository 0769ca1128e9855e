"""What a kept object costs: processor seconds of a picture with it over those of one without.

Usage: python benchmarks/keep.py [--bundle DIR]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported: waiting threads count as work

import statistics
import time
from pathlib import Path

import numpy as np
from arguments import BUNDLE, describe_size, make_parser
from clocks import time_call

from singan_runtime import Sampler
from singan_runtime.objects import Keep
from singan_runtime.plan import Plan

SIZES = ((427, 759), (1080, 1920))
ROUNDS = 3


def measure(sampler: Sampler, picture: Plan, seed: int) -> float:
    """Measure the processor seconds of one picture."""
    return time_call(lambda: sampler.draw_pixels(picture, seed), time.process_time)[1]


def main() -> None:
    """Print the median ratio for every size."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    sampler = Sampler.load(parser.parse_args().bundle, threads=1)

    height, width = sampler.trained_size
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height * 2 // 3, width // 3 : width // 2] = True

    for size in SIZES:
        plain, kept = (sampler.plan(size, keep=keep) for keep in ((), (Keep(mask, 0.7),)))
        sampler.draw_pixels(plain, 0)  # the tables of a size are made once
        ratios = [
            measure(sampler, kept, seed) / measure(sampler, plain, seed)
            for seed in range(1, 1 + ROUNDS)
        ]
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(
            f"{describe_size(size)}: {statistics.median(ratios):.2f} times a picture without "
            f"({listed})"
        )


if __name__ == "__main__":
    main()

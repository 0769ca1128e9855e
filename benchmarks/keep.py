"""What a kept object costs: processor seconds of a picture with it over those of the picture without, in one run."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # before numpy is imported: waiting threads would count as work

import numpy as np

from singan_runtime import Sampler
from singan_runtime.objects import Keep
from singan_runtime.picture import Picture

BUNDLE = Path(__file__).parent.parent / "models" / "aitzgorri"
SIZES = ((427, 759), (1080, 1920))
ROUNDS = 3


def main() -> None:
    """Print the median ratio for every size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    sampler = Sampler.load(parser.parse_args().bundle, threads=1)

    height, width = sampler.trained_size
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height * 2 // 3, width // 3 : width // 2] = True
    for size in SIZES:
        plain, kept = (sampler.picture(size, keep=keep) for keep in ((), (Keep(mask, 0.7),)))
        sampler.pixels(plain, 0)  # the tables of a size are made once
        ratios = [
            measure(sampler, kept, seed) / measure(sampler, plain, seed)
            for seed in range(1, 1 + ROUNDS)
        ]
        print(
            f"{size[1]}x{size[0]}: {statistics.median(ratios):.2f} times a picture without ({ratios})"
        )


def measure(sampler: Sampler, picture: Picture, seed: int) -> float:
    """Processor seconds of one picture."""
    start = time.process_time()
    sampler.pixels(picture, seed)
    return time.process_time() - start


if __name__ == "__main__":
    main()

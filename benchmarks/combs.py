"""How many pixels of a composition repeat one beside them, which shows as a comb.

On the largest searched level, for each distance to the right: the share of pixels that show the
very same position of the photo as the pixel so far beside them. Photos with a wide sky have more,
where it is not seen.

Usage: python benchmarks/combs.py [--bundle DIR] [--size 1920x1080] [--count N]
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from arguments import BUNDLE, make_parser, read_size

from singan_core.detail.maps import Map
from singan_runtime import Sampler

FARTHEST = 8  # px


def count_repeats(found: Map, distance: int) -> int:
    """Count the pixels that show the position of the pixel so far to their left."""
    rows, columns = found.rows, found.columns
    same_row = rows[:, distance:] == rows[:, :-distance]
    same_column = columns[:, distance:] == columns[:, :-distance]
    return int((same_row & same_column).sum())


def measure(sampler: Sampler, size: tuple[int, int], count: int) -> list[float]:
    """Measure the share of pixels that repeat, for distances of 1 px to FARTHEST."""
    plan = sampler.plan(size)
    repeats, pixels = np.zeros(FARTHEST), 0

    for seed in range(count):
        drawing = sampler.begin_drawing(plan, sampler.create_noise(seed), 1)
        found = drawing.sketch().map
        repeats += [count_repeats(found, distance) for distance in range(1, FARTHEST + 1)]
        pixels += found.rows.size
    return [float(share) for share in repeats / pixels]


def main() -> None:
    """Print the shares, and their sum from 2 px on."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--size", type=read_size, default=(1080, 1920))
    parser.add_argument("--count", type=int, default=2)
    given = parser.parse_args()

    shares = measure(Sampler.load(given.bundle, threads=1), given.size, given.count)
    print(*(f"{distance} px {share:.1%}" for distance, share in enumerate(shares, 1)), sep=", ")
    print(f"{FARTHEST - 1} distances from 2 px on together: {sum(shares[1:]):.1%}")


if __name__ == "__main__":
    main()

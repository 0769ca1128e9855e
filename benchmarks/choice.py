"""What choosing among candidates costs, in finished pictures of the same size, on one thread.

Usage: python benchmarks/choice.py [--bundle DIR] [--sizes 960x540,1920x1080,3840x2160]
       [--candidates 8]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import statistics
import time
from pathlib import Path

from arguments import BUNDLE, describe_size, make_parser, read_sizes
from clocks import time_call

from singan_core.pyramid import Size
from singan_runtime import Sampler
from singan_runtime.measures import choice
from singan_runtime.measures.sheet import draw_sheet

ROUNDS = 3


def measure_turn(sampler: Sampler, size: Size, seeds: range) -> tuple[float, float, float]:
    """Measure the processor seconds of candidates, of their sheet and of a finished picture."""
    picture = sampler.plan(size)
    judged, begun = time_call(lambda: choice.rank(sampler, picture, seeds), time.process_time)
    _, sheet = time_call(lambda: draw_sheet(picture, judged), time.process_time)
    _, finished = time_call(lambda: sampler.draw_pixels(picture, seeds.stop), time.process_time)
    return begun, sheet, finished


def compare(sampler: Sampler, size: Size, count: int) -> str:
    """Measure in several turns and describe the medians' ratios."""
    sampler.draw_pixels(sampler.plan(size), 0)  # makes the photo's tables, which all share
    turns = []
    for turn in range(ROUNDS):
        first = 1 + turn * (count + 1)
        turns.append(measure_turn(sampler, size, range(first, first + count)))

    begun, sheet, finished = (statistics.median(column) for column in zip(*turns, strict=True))
    return (
        f"{describe_size(size)}: a picture {finished:.2f} s; {count} candidates "
        f"{begun / finished:.2f} of it ({begun / finished / count:.2f} each), "
        f"their sheet {sheet / finished:.2f} more"
    )


def main() -> None:
    """Print a line for each size."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--sizes", type=read_sizes, default="960x540,1920x1080,3840x2160")
    parser.add_argument("--candidates", type=int, default=8)
    given = parser.parse_args()

    sampler = Sampler.load(given.bundle, threads=1)
    for size in given.sizes:
        print(compare(sampler, size, given.candidates), flush=True)


if __name__ == "__main__":
    main()

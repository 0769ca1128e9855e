"""What a choice among candidates costs, in finished pictures of the same size, in one run on one thread.

Usage: python benchmarks/choice.py [--bundle DIR] [--sizes 960x540,1920x1080,3840x2160] [--candidates 8]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from singan_runtime import Sampler, choice
from singan_runtime.sheet import draw_sheet

ROOT = Path(__file__).parent.parent
ROUNDS = 3


def measure(work: Callable[[], object]) -> float:
    """Take the processor seconds of some work."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compare(sampler: Sampler, size: tuple[int, int], count: int) -> str:
    """Measure so many candidates, their sheet and a finished picture in turns, and give the medians' ratios."""
    picture = sampler.picture(size)
    sampler.pixels(picture, 0)  # makes the photo's tables, which all share
    rows = []
    for turn in range(ROUNDS):
        first = 1 + turn * (count + 1)
        judged: list[choice.Candidate] = []
        begun = measure(
            lambda: judged.extend(choice.rank(sampler, picture, range(first, first + count)))
        )  # noqa: B023
        shown = measure(lambda: draw_sheet(picture, judged))  # noqa: B023
        finished = measure(lambda: sampler.pixels(picture, first + count))  # noqa: B023
        rows.append((begun, shown, finished))
    begun, shown, finished = (sorted(column)[ROUNDS // 2] for column in zip(*rows, strict=True))
    return (
        f"{size[1]}x{size[0]}: a picture {finished:.2f} s; {count} candidates {begun / finished:.2f} of it "
        f"({begun / finished / count:.2f} each), their sheet {shown / finished:.2f} more"
    )


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--sizes", default="960x540,1920x1080,3840x2160")
    parser.add_argument("--candidates", type=int, default=8)
    given = parser.parse_args()
    sampler = Sampler.load(given.bundle, threads=1)
    for word in given.sizes.split(","):
        width, height = map(int, word.split("x"))
        print(compare(sampler, (height, width), given.candidates), flush=True)


if __name__ == "__main__":
    main()

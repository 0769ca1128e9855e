"""What pictures with detail cost, beside generators alone, in one run.

Measured are whole commands (each a process of its own, PNG file included), further pictures of a
Sampler that has drawn one, and where the time of a picture goes. Ratios are what counts; wall time
stands beside processor time.

Usage: python benchmarks/detail.py [--bundle DIR] [--plain DIR] [--threads N]
       [--sizes 640x360,1920x1080,3840x2160]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import functools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from arguments import BUNDLE, PLAIN_BUNDLE, describe_size, make_parser, read_sizes

from singan_core.detail import coherence, drawing, resize, searched
from singan_core.pyramid import Size
from singan_runtime import Sampler

FURTHER = 5  # pictures of a Sampler that has drawn one
COMMANDS = 2  # runs of a command, of which the faster counts
LARGE = (1080, 1920)  # px: the picture whose time is divided among its parts
PARTS = (
    (searched, "synthesize_level", "search"),
    (coherence, "refine", "candidates"),
    (drawing, "enlarge_map", "maps"),
    (drawing, "paint", "votes"),
    (resize, "resize_window", "resampling"),
)
"""Functions that do a part of a picture's work, and the name of that part."""


class Seconds(NamedTuple):
    """How long some work took."""

    wall: float
    processor: float


def measure(work: Callable[[], object], who: int = resource.RUSAGE_SELF) -> Seconds:
    """Measure some work of this process, or of its children."""
    began, before = time.perf_counter(), resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Seconds(time.perf_counter() - began, spent)


def measure_command(
    bundle: Path, size: Size, threads: int, folder: str, chooses: bool = False
) -> Seconds:
    """Measure 'singan sample' from its start to the written file of a given seed, or a chosen."""
    program = Path(sys.executable).with_name("singan")
    words = [program, "sample", bundle, "--out", folder, "--size", describe_size(size)]
    command = [*map(str, words), "--threads", str(threads)]
    command += [] if chooses else ["--seed", "0"]

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return min(measure(run, resource.RUSAGE_CHILDREN) for _ in range(COMMANDS))


def measure_further(sampler: Sampler, size: Size) -> Seconds:
    """Measure each further picture and return the fastest."""
    sampler.sample(size)
    draws = [functools.partial(sampler.sample, size, seed) for seed in range(1, FURTHER + 1)]
    return min(measure(draw) for draw in draws)


@contextmanager
def time_parts() -> Iterator[dict[str, float]]:
    """Give a table of the seconds that each of PARTS has taken so far."""
    spent: dict[str, float] = {}

    def add_time(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            result = function(*args, **kwargs)
            spent[part] = spent.get(part, 0.0) + time.perf_counter() - began
            return result

        return call

    before = [(module, name, getattr(module, name)) for module, name, _ in PARTS]
    for module, name, part in PARTS:
        setattr(module, name, add_time(part, getattr(module, name)))
    try:
        yield spent
    finally:
        for module, name, function in before:
            setattr(module, name, function)


def describe_costs(size: Size, whole: list[Seconds], further: list[Seconds]) -> str:
    """Put the seconds of a command and of a further picture into words.

    Each list holds those with detail and those of generators alone.
    """
    costs = []
    for what, (ours, plain) in (("command", whole), ("further picture", further)):
        costs.append(
            f"{what} {ours.wall:.3f} s (processor {ours.processor:.3f}), generators alone "
            f"{plain.wall:.3f} ({plain.processor:.3f}), ratio {ours.wall / plain.wall:.2f}"
        )
    return f"{describe_size(size)}: {'; '.join(costs)}"


def describe_parts(bundle: Path) -> str:
    """Say where the time of a large picture goes, on one thread."""
    sampler = Sampler.load(bundle, threads=1)
    sampler.sample(LARGE)
    with time_parts() as spent:
        whole = measure(lambda: sampler.sample(LARGE, 9))
    parts = [f"{part} {seconds:.2f} s" for part, seconds in (spent | {"all": whole.wall}).items()]
    return f"{describe_size(LARGE)} on one thread: {', '.join(parts)}"


def main() -> None:
    """Print a line for each size, then the parts of a large picture."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--plain", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument("--sizes", type=read_sizes, default="320x180,640x360,1920x1080,3840x2160")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()

    samplers = {
        path: Sampler.load(path, threads=given.threads) for path in (given.bundle, given.plain)
    }
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            whole, further = [], []
            for path, sampler in samplers.items():
                whole.append(measure_command(path, size, given.threads, folder))
                further.append(measure_further(sampler, size))
            chosen = measure_command(given.bundle, size, given.threads, folder, chooses=True)
            print(describe_costs(size, whole, further), flush=True)
            print(
                f"  command that chooses the best of eight {chosen.wall:.3f} s "
                f"(processor {chosen.processor:.3f})",
                flush=True,
            )
    print(describe_parts(given.bundle))


if __name__ == "__main__":
    main()

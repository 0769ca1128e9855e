"""What pictures with detail cost, beside generators alone, in one run.

Times whole commands (a process of its own, PNG file included), further pictures of one Sampler, and where the time of a
picture goes. Ratios are what counts; wall time stands beside processor time.

Usage: python benchmarks/detail.py [--bundle DIR] [--plain DIR] [--sizes 640x360,1920x1080,3840x2160] [--threads N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from singan_core.detail import coherence, drawing, resize, searched
from singan_runtime import Sampler

ROOT = Path(__file__).parent.parent
FURTHER = 5  # pictures of a Sampler that has drawn one


def measured(work: Callable[[], Any], who: int = resource.RUSAGE_SELF) -> tuple[float, float]:
    """Wall and processor seconds of some work."""
    began, before = time.perf_counter(), resource.getrusage(who)
    work()
    after = resource.getrusage(who)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, spent


def command(bundle: Path, size: str, threads: int, folder: str) -> tuple[float, float]:
    """Of 'singan sample', from start to file; the better of two."""
    words = [
        str(Path(sys.executable).with_name("singan")),
        "sample",
        str(bundle),
        "--out",
        folder,
        "--size",
        size,
    ]
    words += ["--threads", str(threads)]
    runs = [
        measured(
            lambda: subprocess.run(words, check=True, capture_output=True), resource.RUSAGE_CHILDREN
        )
        for _ in range(2)
    ]
    return min(runs)


def further(sampler: Sampler, size: tuple[int, int]) -> tuple[float, float]:
    """Of each further picture, the best of some."""
    sampler.sample(size)
    runs = [
        measured(lambda seed=seed: sampler.sample(size, seed)) for seed in range(1, FURTHER + 1)
    ]  # type: ignore[misc]
    return min(runs)


def shares(sampler: Sampler, size: tuple[int, int]) -> dict[str, float]:
    """Where one picture's time goes, seconds on one thread."""
    spent: dict[str, float] = {}

    def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            result = function(*args, **kwargs)
            spent[what] = spent.get(what, 0.0) + time.perf_counter() - began
            return result

        return call

    places = [
        (searched, "synthesize_level", "search"),
        (coherence, "refine", "candidates"),
        (drawing, "enlarge_map", "maps"),
        (drawing, "paint", "votes"),
        (resize, "window", "resampling"),
    ]
    kept = [(module, name, getattr(module, name)) for module, name, _ in places]
    for module, name, what in places:
        setattr(module, name, timed(what, getattr(module, name)))
    began = time.perf_counter()
    sampler.sample(size, 9)
    spent["all"] = time.perf_counter() - began
    for module, name, function in kept:
        setattr(module, name, function)
    return spent


def main() -> None:
    """Print one line a size and bundle."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--plain", type=Path, default=ROOT / "tests" / "data" / "format_1_bundle")
    parser.add_argument("--sizes", default="320x180,640x360,1920x1080,3840x2160")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    samplers = {
        name: Sampler.load(path, threads=arguments.threads)
        for name, path in vars(arguments).items()
        if name in ("bundle", "plain")
    }
    with tempfile.TemporaryDirectory() as folder:
        for word in arguments.sizes.split(","):
            width, height = (int(part) for part in word.split("x"))
            lines = []
            for name, sampler in samplers.items():
                whole = command(getattr(arguments, name), word, arguments.threads, folder)
                lines.append((whole, further(sampler, (height, width))))
            (ours, next_), (plain, next_plain) = lines
            print(
                f"{word}: command {ours[0]:.2f} s (processor {ours[1]:.2f}), generators alone {plain[0]:.2f} "
                f"({plain[1]:.2f}), ratio {ours[0] / plain[0]:.2f}; further picture {next_[0]:.3f} s ({next_[1]:.3f}), "
                f"generators alone {next_plain[0]:.3f} ({next_plain[1]:.3f}), ratio {next_[0] / next_plain[0]:.2f}",
                flush=True,
            )
    single = Sampler.load(arguments.bundle, threads=1)
    single.sample((1080, 1920))
    parts = shares(single, (1080, 1920))
    print(
        "1920x1080 on one thread: "
        + ", ".join(f"{what} {seconds:.2f} s" for what, seconds in parts.items())
    )


if __name__ == "__main__":
    main()

"""The fused graph of a model with detail beside Sampler: file, load, seconds a picture, memory.

Each is measured in a process of its own with one thread, on Linux. Seconds are of the processor,
and a picture's are the fewest of three seeds, after one that warms up. Prints a Markdown table, and
stops with an error if a byte of a picture differs.

Usage: python benchmarks/fused.py [--bundle DIR] [--sizes 640x360,1280x720,1920x1080]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from arguments import BUNDLE, describe_size, make_parser, read_sizes
from clocks import time_call

from singan_core.arrays import Pixels
from singan_core.pyramid import Size
from singan_runtime import Sampler, heap

SEEDS = 4  # the first warms up
Draw = Callable[[Size, int], Pixels]
"""(size, seed) -> picture (h, w, C)."""


def open_sampler(bundle: Path) -> Draw:
    """Open the bundle as Sampler."""
    sampler = Sampler.load(bundle, device="cpu", threads=1)

    def draw(size: Size, seed: int) -> Pixels:
        pixels: Pixels = sampler.sample(size, seed)[0]
        return pixels

    return draw


def open_graph(graph: Path) -> Draw:
    """Open the fused graph as the examples in docs/fused do, but with one thread."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def draw(size: Size, seed: int) -> Pixels:
        inputs = {"seed": np.array(seed, np.uint64), "size": np.array(size), "zoom": np.array(0.0)}
        pixels: Pixels = session.run(["pixels"], inputs)[0]
        return pixels

    return draw


def measure(open_draw: Callable[[], Draw], size: Size) -> dict[str, Any]:
    """Measure one of both in this process."""
    draw, load = time_call(open_draw, time.process_time)
    seconds, digests = [], []
    for seed in range(SEEDS):
        began = time.process_time()
        pixels = draw(size, seed)
        seconds.append(time.process_time() - began)
        digests.append(hashlib.sha256(pixels.tobytes()).hexdigest())
    return {
        "load": load,
        "first": seconds[0],
        "further": min(seconds[1:]),
        "peak": read_peak_memory(),
        "digests": digests,
    }


def read_peak_memory() -> float:
    """Read the most MB that this process has had; resource would count its parent's too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def measure_in_process(bundle: Path, graph: Path | None, size: Size) -> dict[str, Any]:
    """Measure the graph, or without one Sampler, in a process of its own."""
    words = ["--bundle", str(bundle), "--sizes", describe_size(size), "--one", str(graph or "")]
    made = subprocess.run(
        [sys.executable, __file__, *words], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def print_table(bundle: Path, sizes: list[Size]) -> None:
    """Write the fused graph and compare it with Sampler at every size."""
    from singan_export import fused_picture

    with tempfile.TemporaryDirectory() as folder:
        sampler = Sampler.load(bundle, device="cpu", threads=1)
        fused_picture.write(bundle, Path(folder), sampler)
        graph = Path(folder) / fused_picture.NAME
        print(f"{graph.stat().st_size / 1e6:.1f} MB\n")

        heads = ["size", "with", "load s", "first s", "further s", "peak MB"]
        print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
        for size in sizes:
            digests = []
            for name, path in (("Sampler", None), ("fused", graph)):
                found = measure_in_process(bundle, path, size)
                times = " | ".join(f"{found[key]:.2f}" for key in ("load", "first", "further"))
                row = f"| {describe_size(size)} | {name} | {times} | {found['peak']:.0f} |"
                print(row, flush=True)
                digests.append(found["digests"])
            if digests[0] != digests[1]:
                sys.exit(f"{describe_size(size)}: the pictures differ")


def main() -> None:
    """Print the table, or with --one the measurements of a single process as JSON."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--sizes", type=read_sizes, default="640x360,1280x720,1920x1080")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()

    heap.share()  # as the command does
    if given.one is None:
        print_table(given.bundle, given.sizes)
        return

    def open_draw() -> Draw:
        return open_graph(Path(given.one)) if given.one else open_sampler(given.bundle)

    print(json.dumps(measure(open_draw, given.sizes[0])))


if __name__ == "__main__":
    main()

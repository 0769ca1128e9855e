"""The fused graph of a model with detail beside Sampler: file, load, processor seconds a picture, and peak memory.

Each is measured in a process of its own with one thread, on Linux; a picture's seconds are the fewest of three seeds,
after one that warms up. Prints a Markdown table, and stops with an error if a byte of a picture differs.

Usage: python benchmarks/fused.py [--bundle DIR] [--sizes 640x427,...]
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

import numpy as np
import onnxruntime

from singan_runtime import Sampler

ROOT = Path(__file__).parent.parent
SEEDS = 4  # the first warms up


def opened(bundle: Path, graph: Path | None) -> Callable[[tuple[int, int], int], np.ndarray]:
    """Open what draws a picture of a size and a seed: the graph, or without one the sampler."""
    if graph is None:
        sampler = Sampler.load(bundle, device="cpu", threads=1)
        return lambda size, seed: sampler.sample(size, seed)[0]
    options = (
        onnxruntime.SessionOptions()
    )  # as the examples in docs/fused have them, but for the threads
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def draw(size: tuple[int, int], seed: int) -> np.ndarray:
        inputs = {"seed": np.array(seed, np.uint64), "size": np.array(size), "zoom": np.array(0.0)}
        return session.run(["pixels"], inputs)[0]

    return draw


def measure(bundle: Path, graph: Path | None, size: tuple[int, int]) -> dict[str, object]:
    """Measure one of both in this process."""
    began = time.process_time()
    draw = opened(bundle, graph)
    load, seconds, digests = time.process_time() - began, [], []
    for seed in range(SEEDS):
        began = time.process_time()
        pixels = draw(size, seed)
        seconds.append(time.process_time() - began)
        digests.append(hashlib.sha256(pixels).hexdigest())
    told = Path("/proc/self/status").read_text(
        encoding="ascii"
    )  # resource would count the parent's memory too
    peak = int(told.partition("VmHWM:")[2].split()[0]) / 1e3  # MB
    return {
        "load": load,
        "first": seconds[0],
        "further": min(seconds[1:]),
        "peak": peak,
        "digests": digests,
    }


def in_a_process(bundle: Path, graph: Path | None, size: tuple[int, int]) -> dict[str, object]:
    """Measure one of both in a process of its own."""
    words = [
        sys.executable,
        __file__,
        "--bundle",
        str(bundle),
        "--sizes",
        f"{size[1]}x{size[0]}",
        "--one",
    ]
    made = subprocess.run([*words, str(graph or "")], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(made.stdout)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--sizes", default="640x360,1280x720,1920x1080")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sizes = [(int(h), int(w)) for w, h in (word.split("x") for word in arguments.sizes.split(","))]
    if arguments.one is not None:
        graph = Path(arguments.one) if arguments.one else None
        print(json.dumps(measure(arguments.bundle, graph, sizes[0])))
        return

    from singan_export import fused_picture

    with tempfile.TemporaryDirectory() as folder:
        fused_picture.write(
            arguments.bundle, Path(folder), Sampler.load(arguments.bundle, device="cpu", threads=1)
        )
        graph = Path(folder) / fused_picture.NAME
        print(f"{graph.stat().st_size / 1e6:.1f} MB\n")
        heads = ["size", "with", "load s", "first s", "further s", "peak MB"]
        print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
        for size in sizes:
            found = {
                name: in_a_process(arguments.bundle, path, size)
                for name, path in (("Sampler", None), ("fused", graph))
            }
            for name, one in found.items():
                cells = [
                    f"{size[1]}x{size[0]}",
                    name,
                    *(f"{one[key]:.2f}" for key in ("load", "first", "further")),
                ]
                print("| " + " | ".join([*cells, f"{one['peak']:.0f}"]) + " |", flush=True)
            if found["Sampler"]["digests"] != found["fused"]["digests"]:
                sys.exit(f"{size[1]}x{size[0]}: the pictures differ")


if __name__ == "__main__":
    main()

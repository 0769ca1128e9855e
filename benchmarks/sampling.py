"""Where the time of a picture goes, against what this machine can do, in one run.

Seconds of parts are summed over threads, and shares are of the time that threads spend drawing; encoding comes apart.
The ceiling is sgemm as the blocks run: as many products at once as there are threads, each on one.

Usage: python benchmarks/sampling.py [--bundle DIR] [--sizes 250x188,1920x1080] [--threads N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import io
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import HALO, cascade, images, noise, windows
from singan_runtime import Sampler
from singan_runtime.bench import peak_memory
from singan_runtime.graphs import graph_name

ROOT = Path(__file__).parent.parent
Size = tuple[int, int]
Layers = list[tuple[Any, Any]]  # weight (out, in, 3, 3) and bias of every convolution
EAGER_PIXELS = 4e6  # larger pictures are not drawn in one piece

spent: dict[str, float] = defaultdict(float)
fed: Counter[tuple[int, Size]] = Counter()  # (scale, (height, width) of a block) -> how often
lock = threading.Lock()


@dataclass(frozen=True)
class Measured:
    """A picture, best of some repeats."""

    size: Size
    total: float  # seconds
    parts: dict[str, float]  # seconds, summed over threads
    fed: Counter[tuple[int, Size]]
    encoding: float  # seconds of PNG
    memory: float  # MB, peak of the process so far


def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its seconds added to what."""

    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        result = function(*args, **kwargs)
        seconds = time.perf_counter() - began
        with lock:
            spent[what] += seconds
        return result

    return call


class TimedSession:
    """An ONNX Runtime session whose runs are timed and counted."""

    def __init__(self, session: Any, scale: int) -> None:
        self.session, self.scale = session, scale
        self.timed_run = timed("graphs", session.run)

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        """As the session's."""
        height, width = inputs["prev"].shape[2:]
        with lock:
            fed[self.scale, (height - 2 * HALO, width - 2 * HALO)] += 1
        return self.timed_run(names, inputs)

    def get_providers(self) -> Any:
        """As the session's."""
        return self.session.get_providers()


def instrumented(bundle: Path, threads: int) -> Sampler:
    """A sampler whose graphs, noise, resampling and drawing are timed."""
    sampler = Sampler.load(bundle, "cpu", threads)
    for scale in range(len(sampler.manifest.pyramid.sizes)):
        session: Any = TimedSession(sampler.graphs.session(scale), scale)
        sampler.graphs._sessions[scale] = session
    noise.of_region = timed("noise", noise.of_region)
    cascade.enlarged = timed("resampling", cascade.enlarged)
    cascade.detail_only = timed("resampling", cascade.detail_only)
    sampler.draw = timed("drawing", sampler.draw)  # type: ignore[method-assign]
    return sampler


def measure(sampler: Sampler, size: Size) -> Measured:
    """Draw a picture and encode it; a small one several times."""
    small = size[0] * size[1] < EAGER_PIXELS
    if small:
        sampler.sample(size, seed=1)
    best = float("inf")
    for _ in range(3 if small else 1):
        spent.clear()
        fed.clear()
        began = time.perf_counter()
        pixels = sampler.sample(size, seed=2)
        total = time.perf_counter() - began
        if total < best:
            best, parts, blocks = total, dict(spent), Counter(fed)
    memory = peak_memory()
    began = time.perf_counter()
    images.to_pillow(pixels[0]).save(io.BytesIO(), "PNG", compress_level=4)
    return Measured(size, best, parts, blocks, time.perf_counter() - began, memory)


def convolutions(bundle: Path, scales: int) -> list[Layers]:
    """The weights of every generator's graph, as tensors."""
    import onnx
    import torch

    found = []
    for scale in range(scales):
        graph = onnx.load(bundle / graph_name(scale)).graph
        tensors = {
            one.name: torch.tensor(onnx.numpy_helper.to_array(one)) for one in graph.initializer
        }
        numbers = range(sum(name.startswith("weight_") for name in tensors))
        found.append([(tensors[f"weight_{n}"], tensors[f"bias_{n}"]) for n in numbers])
    return found


def flops(layers: Layers, size: Size) -> float:
    """Of one generator on a block: every convolution leaves two pixels less a side."""
    rims = range(2 * (HALO - 1), -1, -2)
    return sum(
        2.0 * weight.numel() * (size[0] + rim) * (size[1] + rim)
        for (weight, _), rim in zip(layers, rims, strict=True)
    )


def sgemm(threads: int, side: int = 2048, repeats: int = 5) -> float:
    """FLOP/s of as many products of square float32 matrices at once, by numpy or torch, whichever is faster."""
    import torch

    torch.set_num_threads(1)
    arrays = [np.random.default_rng(n).random((2, side, side), np.float32) for n in range(threads)]
    tensors = [torch.from_numpy(array) for array in arrays]
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            for pairs in (arrays, tensors):
                began = time.perf_counter()
                list(pool.map(lambda pair: pair[0] @ pair[1], pairs))
                best = min(best, time.perf_counter() - began)
    return threads * 2.0 * side**3 / best


def eager_seconds(sampler: Sampler, scales: list[Layers], size: Size, threads: int) -> float:
    """Seconds of the same picture in eager PyTorch, whole canvases, with as many threads; its noise is given."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    picture = sampler.picture(size)
    ready = {}
    for step in windows.whole_steps(picture.passes):
        values = sampler.fresh(0)(step) * np.float32(
            sampler.manifest.noise_amplitude[step.generator]
        )
        ready[step.index] = torch.from_numpy(np.ascontiguousarray(values))

    def generate(scale: int, noise: Any, prev: Any) -> Any:
        values = noise + prev
        for number, (weight, bias) in enumerate(scales[scale]):
            values = F.conv2d(values, weight, bias)
            if number < len(scales[scale]) - 1:
                values = F.leaky_relu(values, 0.2)
        return torch.tanh(values) + prev[..., HALO:-HALO, HALO:-HALO]

    seconds = []
    with torch.inference_mode():
        for _ in range(3):
            began = time.perf_counter()
            cascade.run(picture.passes, generate, lambda step: ready[step.index])
            seconds.append(time.perf_counter() - began)
    return min(seconds)


def many(bundle: Path, threads: int, count: int = 50, size: Size = (188, 250)) -> str:
    """Many small pictures, as a series and one by one."""
    sampler = Sampler.load(bundle, device="cpu", threads=threads)
    sampler.sample(size)
    began = time.perf_counter()
    for seed in range(count):
        sampler.sample(size, seed)
    halfway = time.perf_counter()
    sampler.sample(size, 0, count)
    series, apart = time.perf_counter() - halfway, halfway - began
    return f"{count} pictures of {size[1]}x{size[0]}: {series:.1f} s as a series, {apart:.1f} s one by one"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "tests" / "data" / "format_1_bundle")
    parser.add_argument("--sizes", default="250x188,1920x1080,7680x4320")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    sampler = instrumented(arguments.bundle, arguments.threads)
    wanted = [
        tuple(int(side) for side in word.split("x"))[::-1] for word in arguments.sizes.split(",")
    ]
    rows = [
        measure(sampler, (height, width)) for height, width in wanted
    ]  # before torch takes memory
    scales = convolutions(arguments.bundle, len(sampler.manifest.pyramid.sizes))
    print(many(arguments.bundle, arguments.threads))
    ceiling = sgemm(arguments.threads)
    print(f"sgemm {ceiling / 1e9:.0f} GFLOP/s, {arguments.threads} threads")
    for row in rows:
        work = sum(count * flops(scales[scale], block) for (scale, block), count in row.fed.items())
        rate = work / row.parts["graphs"] * arguments.threads
        others = (row.parts["noise"] + row.parts["resampling"]) / row.parts["drawing"]
        print(
            f"{row.size[1]}x{row.size[0]}: {row.total:.2f} s; graphs {rate / 1e9:.0f} GFLOP/s = "
            f"{rate / ceiling:.0%} of sgemm; noise {row.parts['noise'] / row.parts['drawing']:.0%} and resampling "
            f"{row.parts['resampling'] / row.parts['drawing']:.0%}, together {others:.0%} of the drawing; "
            f"PNG {row.encoding:.2f} s apart; peak memory {row.memory:.0f} MB"
        )
        if row.size[0] * row.size[1] < EAGER_PIXELS:
            eager = eager_seconds(sampler, scales, row.size, arguments.threads)
            print(
                f"    eager PyTorch, whole canvas, noise given: {eager:.2f} s = {eager / row.total:.2f} x ours"
            )


if __name__ == "__main__":
    main()

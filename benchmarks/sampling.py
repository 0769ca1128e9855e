"""Where the time of a picture goes, against what this machine can do, in one run.

Seconds of parts are summed over threads, and shares are of the time that threads spend drawing.
Encoding is measured apart. The ceiling is sgemm as the blocks run: as many products at once as
there are threads, each on one.

Usage: python benchmarks/sampling.py [--bundle DIR] [--sizes 250x188,1920x1080] [--threads N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import io
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from arguments import PLAIN_BUNDLE, describe_size, make_parser, read_sizes
from clocks import find_fastest, time_call

from singan_core import HALO, cascade, images, noise, windows
from singan_core.pyramid import Size
from singan_runtime import Sampler, heap
from singan_runtime.graphs import Graphs
from singan_runtime.measures.bench import measure_peak_memory

if TYPE_CHECKING:
    from arithmetic import Layers

SMALL = 4e6  # pixels: up to here a picture is drawn several times, and by PyTorch in one piece
REPEATS = 3

spent: dict[str, float] = defaultdict(float)  # seconds of each part
blocks: Counter[tuple[int, Size]] = Counter()  # (scale, (height, width)) -> how often it was drawn
lock = threading.Lock()


@dataclass(frozen=True)
class Measured:
    """What a picture took, the fastest of some repeats."""

    size: Size
    total: float  # seconds
    parts: dict[str, float]  # seconds, summed over threads
    blocks: Counter[tuple[int, Size]]
    encoding: float  # seconds, as PNG
    memory: float  # MB, peak of the process so far

    @property
    def is_small(self) -> bool:
        """Whether PyTorch draws the picture in one piece, too."""
        return is_small(self.size)

    def describe(self, flops: float, threads: int, ceiling: float) -> str:
        """Put the figures into words; flops is the work of the picture, ceiling is in FLOP/s."""
        rate = flops / self.parts["graphs"] * threads
        drawing = self.parts["drawing"]
        noises, resampling = self.parts["noise"] / drawing, self.parts["resampling"] / drawing
        return (
            f"{describe_size(self.size)}: {self.total:.2f} s; graphs {rate / 1e9:.0f} GFLOP/s = "
            f"{rate / ceiling:.0%} of sgemm; noise {noises:.0%} and resampling {resampling:.0%}, "
            f"together {noises + resampling:.0%} of the drawing; PNG {self.encoding:.2f} s apart; "
            f"peak memory {self.memory:.0f} MB"
        )


def is_small(size: Size) -> bool:
    """Whether a picture is drawn several times, and by PyTorch in one piece."""
    return size[0] * size[1] < SMALL


def add_time(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that its seconds are added to those of a part."""

    def call(*args: Any, **kwargs: Any) -> Any:
        result, seconds = time_call(lambda: function(*args, **kwargs))
        with lock:
            spent[part] += seconds
        return result

    return call


class TimedSession:
    """An ONNX Runtime session whose runs are timed and counted."""

    def __init__(self, session: Any, scale: int) -> None:
        self.session, self.scale = session, scale
        self.timed_run = add_time("graphs", session.run)

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        """Run the session, timed."""
        height, width = inputs["prev"].shape[2:]
        with lock:
            blocks[self.scale, (height - 2 * HALO, width - 2 * HALO)] += 1
        return self.timed_run(names, inputs)

    def get_providers(self) -> Any:
        """Return the session's providers."""
        return self.session.get_providers()


def load_timed(bundle: Path, threads: int) -> Sampler:
    """Load a sampler whose graphs, noise, resampling and drawing are timed."""
    sampler = Sampler.load(bundle, "cpu", threads)
    graphs = sampler.graphs
    assert isinstance(graphs, Graphs)
    for scale in range(len(sampler.manifest.pyramid.sizes)):
        graphs._sessions[scale] = TimedSession(graphs.session(scale), scale)

    noise.draw_for_region = add_time("noise", noise.draw_for_region)
    cascade.enlarge = add_time("resampling", cascade.enlarge)
    cascade.add_fine_detail = add_time("resampling", cascade.add_fine_detail)
    timed = add_time("drawing", sampler.run_generators)
    sampler.run_generators = timed  # type: ignore[method-assign]
    return sampler


def measure(sampler: Sampler, size: Size) -> Measured:
    """Draw a picture and encode it; a small one several times."""
    if is_small(size):
        sampler.sample(size, seed=1)

    best = float("inf")
    for _ in range(REPEATS if is_small(size) else 1):
        spent.clear()
        blocks.clear()
        pixels, seconds = time_call(lambda: sampler.sample(size, seed=2))
        if seconds < best:
            best, parts, drawn = seconds, dict(spent), Counter(blocks)

    memory = measure_peak_memory()
    image = images.to_pillow(pixels[0])
    encoding = find_fastest(lambda: image.save(io.BytesIO(), "PNG", compress_level=4), 1)
    return Measured(size, best, parts, drawn, encoding, memory)


def time_pytorch(sampler: Sampler, scales: list[Layers], size: Size, threads: int) -> float:
    """Measure the same picture in eager PyTorch on whole canvases; its noise is given."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    picture, draw = sampler.plan(size), sampler.create_noise(0)
    ready = {}
    for step in windows.plan_whole_picture(picture.passes):
        amplitude = np.float32(sampler.manifest.noise_amplitude[step.generator])
        ready[step.index] = torch.from_numpy(np.ascontiguousarray(draw(step) * amplitude))

    def generate(scale: int, noise: Any, prev: Any) -> Any:
        values = noise + prev
        for number, (weight, bias) in enumerate(scales[scale]):
            values = F.conv2d(values, weight, bias)
            if number < len(scales[scale]) - 1:
                values = F.leaky_relu(values, 0.2)
        return torch.tanh(values) + prev[..., HALO:-HALO, HALO:-HALO]

    with torch.inference_mode():
        return find_fastest(
            lambda: cascade.run(picture.passes, generate, lambda step: ready[step.index]), REPEATS
        )


def compare_series(bundle: Path, threads: int, count: int = 50, size: Size = (188, 250)) -> str:
    """Draw many small pictures as a series and one by one."""
    sampler = Sampler.load(bundle, device="cpu", threads=threads)
    sampler.sample(size)

    began = time.perf_counter()
    for seed in range(count):
        sampler.sample(size, seed)
    apart = time.perf_counter() - began
    series = find_fastest(lambda: sampler.sample(size, 0, count), 1)
    return (
        f"{count} pictures of {describe_size(size)}: {series:.1f} s as a series, "
        f"{apart:.1f} s one by one"
    )


def main() -> None:
    """Print the figures of every size."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument("--sizes", type=read_sizes, default="250x188,1920x1080,7680x4320")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()

    heap.share()  # as the command does
    sampler = load_timed(given.bundle, given.threads)
    measured = [measure(sampler, size) for size in given.sizes]
    from arithmetic import count_flops, measure_sgemm, read_convolutions  # now torch takes memory

    scales = read_convolutions(given.bundle, len(sampler.manifest.pyramid.sizes))
    print(compare_series(given.bundle, given.threads))
    ceiling = measure_sgemm(given.threads)
    print(f"sgemm {ceiling / 1e9:.0f} GFLOP/s, {given.threads} threads")

    for one in measured:
        counts = one.blocks.items()
        flops = sum(count * count_flops(scales[scale], block) for (scale, block), count in counts)
        print(one.describe(flops, given.threads, ceiling))
        if one.is_small:
            seconds = time_pytorch(sampler, scales, one.size, given.threads)
            print(
                f"    eager PyTorch, whole canvas, noise given: {seconds:.2f} s = "
                f"{seconds / one.total:.2f} x ours"
            )


if __name__ == "__main__":
    main()

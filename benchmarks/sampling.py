"""Where the time of a picture goes, against what this machine can do, in one run.

Usage: python benchmarks/sampling.py [--bundle DIR] [--sizes 250x188,1920x1080] [--threads N]
"""

from __future__ import annotations

import argparse
import io
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import HALO, cascade, images, noise
from singan_runtime import Sampler
from singan_runtime.bench import peak_memory

ROOT = Path(__file__).parent.parent
spent: dict[str, float] = defaultdict(float)
flops = [0.0]


def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, its seconds added to what."""

    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        result = function(*args, **kwargs)
        spent[what] += time.perf_counter() - began
        return result

    return call


def convolution_flops(height: int, width: int, channels: int, hidden: int) -> float:
    """Of one generator on an image of (height, width): five 3x3 convolutions, each two pixels smaller a side."""
    planes = [(channels, hidden), (hidden, hidden), (hidden, hidden), (hidden, hidden), (hidden, channels)]
    return sum(
        2 * 9 * inputs * outputs * (height + 2 * (HALO - 1 - layer)) * (width + 2 * (HALO - 1 - layer))
        for layer, (inputs, outputs) in enumerate(planes)
    )


class TimedSession:
    """An ONNX Runtime session whose runs are timed and counted."""

    def __init__(self, session: Any, hidden: int) -> None:
        self.session, self.hidden = session, hidden
        self.timed_run = timed("session.run", session.run)

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        """As the session's."""
        batch, channels, height, width = inputs["prev"].shape
        flops[0] += batch * convolution_flops(height - 2 * HALO, width - 2 * HALO, channels, self.hidden)
        return self.timed_run(names, inputs)

    def get_providers(self) -> Any:
        """As the session's."""
        return self.session.get_providers()


def sgemm(size: int = 2048, repeats: int = 5) -> float:
    """FLOP/s of the best of some products of square float32 matrices: the ceiling of this machine."""
    a, b = np.random.default_rng(0).random((2, size, size), np.float32)
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best


def hidden_width(bundle: Path) -> int:
    """Channels of the hidden layers, from the first graph."""
    import onnx

    return int(onnx.load(bundle / "scale_00.onnx").graph.initializer[0].dims[0])


def eager_seconds(sampler: Sampler, run: Path, size: tuple[int, int], threads: int) -> float:
    """Seconds of the same picture with the trained networks in eager PyTorch, whole canvases, noise given."""
    import torch

    from singan_export.bundle import frozen_run

    torch.set_num_threads(threads)
    frozen = frozen_run(run, sampler.manifest)
    picture = sampler.picture(size)
    ready = {}

    def draw(step: Any) -> Any:
        return ready[step.index]

    from singan_core import windows

    for step in windows.whole_steps(picture.passes):
        values = sampler.fresh(0)(step) * np.float32(sampler.manifest.noise_amplitude[step.generator])
        ready[step.index] = torch.from_numpy(np.ascontiguousarray(values))
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        cascade.run(picture.passes, frozen.generate, draw)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--run", type=Path, help="its run, to compare with eager PyTorch")
    parser.add_argument("--sizes", default="250x188,1920x1080,7680x4320")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    sampler = Sampler.load(arguments.bundle, threads=arguments.threads)
    hidden = hidden_width(arguments.bundle)
    for scale in range(len(sampler.manifest.shapes)):
        session: Any = TimedSession(sampler.graphs.session(scale), hidden)
        sampler.graphs._sessions[scale] = session
    noise.of_region = timed("noise", noise.of_region)
    cascade.window = timed("resampling", cascade.window)  # type: ignore[attr-defined]
    ceiling = sgemm()
    print(f"sgemm {ceiling / 1e9:.0f} GFLOP/s, {arguments.threads} threads")
    for word in arguments.sizes.split(","):
        width, height = (int(side) for side in word.split("x"))
        sampler.sample((height, width), seed=1) if height * width < 4e6 else None
        best: dict[str, float] = {}
        for _ in range(3 if height * width < 4e6 else 1):
            spent.clear()
            flops[0] = 0
            began = time.perf_counter()
            pixels = sampler.sample((height, width), seed=2)
            total = time.perf_counter() - began
            if not best or total < best["total"]:
                best = {**spent, "total": total}
        rate = flops[0] / best["session.run"]
        others = (best["noise"] + best["resampling"]) / best["total"]
        began = time.perf_counter()
        images.to_pillow(pixels[0]).save(io.BytesIO(), "PNG", compress_level=4)
        encoding = time.perf_counter() - began
        print(
            f"{word}: {best['total']:.2f} s; graphs {best['session.run']:.2f} s, "
            f"{rate / 1e9:.0f} GFLOP/s = {rate / ceiling:.0%} of sgemm; "
            f"noise {best['noise']:.2f} s, resampling {best['resampling']:.2f} s, together {others:.0%}; "
            f"PNG {encoding:.2f} s apart; peak memory {peak_memory():.0f} MB"
        )
        if arguments.run and height * width < 4e6:
            eager = eager_seconds(sampler, arguments.run, (height, width), arguments.threads)
            print(f"    eager PyTorch, whole canvas, noise given: {eager:.2f} s = {eager / best['total']:.2f} x ours")


if __name__ == "__main__":
    main()

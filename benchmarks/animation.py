"""Frames per second of an animation, against what this machine's arithmetic allows, in one run.

The bound is the floating-point operations of a frame's convolutions, divided by a measured peak.
Two peaks are printed: of the hidden layers' own 3x3 convolution, which is the best that ONNX
Runtime can reach, and of a large matrix product.

Usage: python benchmarks/animation.py [--bundle DIR] [--size 250x188] [--frames N] [--threads N]
       [--start-scale N]
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from arguments import PLAIN_BUNDLE, describe_size, make_parser, read_size
from arithmetic import Layers, count_flops, measure_convolution, measure_sgemm, read_convolutions

from singan_core import HALO
from singan_core.pyramid import Size
from singan_runtime import Sampler
from singan_runtime.clips import animation
from singan_runtime.graphs import Graphs

ROUNDS = 3


class CountedSession:
    """An ONNX Runtime session that adds up the arithmetic of all its runs."""

    flops = 0.0  # of all sessions together

    def __init__(self, session: Any, layers: Layers) -> None:
        self.session, self.layers = session, layers

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        """Run the session and count."""
        height, width = inputs["prev"].shape[2:]
        size = (height - 2 * HALO, width - 2 * HALO)
        CountedSession.flops += count_flops(self.layers, size)
        return self.session.run(names, inputs)

    def get_providers(self) -> Any:
        """Return the session's providers."""
        return self.session.get_providers()


def count_sessions(sampler: Sampler, scales: list[Layers]) -> None:
    """Replace the sampler's sessions by counted ones."""
    graphs = sampler.graphs
    assert isinstance(graphs, Graphs)
    for scale, layers in enumerate(scales):
        graphs._sessions[scale] = CountedSession(graphs.session(scale), layers)


def measure(sampler: Sampler, walk: animation.Walk, size: Size | None) -> tuple[Size, float, float]:
    """Draw a clip several times and return what the fastest took.

    That is its size (height, width), the seconds a frame, and the seconds until the first frame.
    """
    best, first, drawn = float("inf"), 0.0, (0, 0)
    for _ in range(ROUNDS):
        CountedSession.flops = 0.0
        frames = animation.animate(sampler, walk, size)

        began = time.perf_counter()
        height, width, _ = next(frames).shape
        waited = time.perf_counter() - began
        for _ in frames:
            pass
        seconds = (time.perf_counter() - began) / walk.frames
        if seconds < best:
            best, first, drawn = seconds, waited, (height, width)
    return drawn, best, first


def main() -> None:
    """Print frames per second and their share of each bound."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument("--size", type=read_size, help="WxH; the trained size unless given")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start-scale", type=int, default=animation.Walk.start_scale)
    given = parser.parse_args()

    sampler = Sampler.load(given.bundle, threads=given.threads)
    scales = read_convolutions(given.bundle, len(sampler.manifest.pyramid.sizes))
    count_sessions(sampler, scales)
    walk = animation.Walk(given.frames, start_scale=given.start_scale)
    size, seconds, first = measure(sampler, walk, given.size)

    flops = CountedSession.flops / walk.frames
    hidden = len(scales[-1][0][1])  # biases of the finest generator's first layer
    print(
        f"{describe_size(size)}, {hidden} channels, {given.threads} threads: "
        f"{1 / seconds:.1f} frames per second over {walk.frames} frames, the first after "
        f"{first:.2f} s; {flops / 1e9:.2f} GFLOP a frame"
    )
    peaks = {
        f"3x3 convolution of {hidden} channels": measure_convolution(hidden, given.threads),
        "sgemm": measure_sgemm(given.threads),
    }
    for name, peak in peaks.items():
        print(
            f"    peak of {name} {peak / 1e9:.0f} GFLOP/s: at most {peak / flops:.1f} frames per "
            f"second, reached {flops / seconds / peak:.0%}"
        )


if __name__ == "__main__":
    main()

"""Frames per second of an animation, against what this machine's arithmetic allows, in one run.

Usage: python benchmarks/animation.py [--bundle DIR] [--size 250x188] [--frames N] [--threads N] [--start-scale N]

The bound is the floating-point operations of a frame's convolutions, divided by a measured peak. Two peaks are printed:
of the hidden layers' own 3x3 convolution, which is what ONNX Runtime can reach at best, and of a large matrix product.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from sampling import ROOT, convolutions, flops, sgemm

from singan_core import HALO
from singan_runtime import Sampler, animation

SIDE = 254  # px: the output of the convolution whose peak is measured, about that of a block


class CountedSession:
    """An ONNX Runtime session that adds up the arithmetic of its runs."""

    flops = 0.0

    def __init__(self, session: Any, layers: Any) -> None:
        self.session, self.layers = session, layers

    def run(self, names: list[str], inputs: dict[str, Any]) -> Any:
        """As the session's."""
        height, width = inputs["prev"].shape[2:]
        CountedSession.flops += flops(self.layers, (height - 2 * HALO, width - 2 * HALO))
        return self.session.run(names, inputs)

    def get_providers(self) -> Any:
        """As the session's."""
        return self.session.get_providers()


def convolution_peak(hidden: int, threads: int, repeats: int = 30) -> float:
    """FLOP/s of hidden -> hidden channels, 3x3, float32, in single-threaded sessions side by side: the best round."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((hidden, hidden, 3, 3)).astype(np.float32)
    shape = (1, hidden, SIDE + 2, SIDE + 2)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "peak",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, hidden, SIDE, SIDE))],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    values = rng.standard_normal(shape).astype(np.float32)

    def rounds(_: int) -> None:
        for _ in range(repeats):
            session.run(None, {"x": values})

    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            began = time.perf_counter()
            list(pool.map(rounds, range(threads)))
            best = min(best, time.perf_counter() - began)
    return threads * repeats * 2 * 9 * hidden**2 * SIDE**2 / best


def main() -> None:
    """Print frames per second and their share of each bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "tests" / "data" / "format_1_bundle")
    parser.add_argument("--size", help="WxH; the trained size unless given")
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start-scale", type=int, default=animation.Walk.start_scale)
    arguments = parser.parse_args()
    sampler = Sampler.load(arguments.bundle, threads=arguments.threads)
    scales = convolutions(arguments.bundle, len(sampler.manifest.pyramid.sizes))
    hidden = len(scales[-1][0][1])  # biases of the finest generator's first layer
    for scale, layers in enumerate(scales):
        counted: Any = CountedSession(sampler.graphs.session(scale), layers)
        sampler.graphs._sessions[scale] = counted
    size = None
    if arguments.size:
        width, height = (int(side) for side in arguments.size.split("x"))
        size = height, width
    walk = animation.Walk(arguments.frames, start_scale=arguments.start_scale)
    best = float("inf")
    for _ in range(3):
        CountedSession.flops = 0.0
        frames = animation.animate(sampler, walk, size)
        began = time.perf_counter()
        first = next(frames)
        waited = time.perf_counter() - began
        for _ in frames:
            pass
        best = min(best, (time.perf_counter() - began) / walk.frames)
    per_frame = CountedSession.flops / walk.frames
    height, width, _ = first.shape
    print(
        f"{width}x{height}, {hidden} channels, {arguments.threads} threads: {1 / best:.1f} frames per second over "
        f"{walk.frames} frames, the first after {waited:.2f} s; {per_frame / 1e9:.2f} GFLOP a frame"
    )
    for name, peak in (
        (f"3x3 convolution of {hidden} channels", convolution_peak(hidden, arguments.threads)),
        ("sgemm", sgemm(arguments.threads)),
    ):
        print(
            f"    peak of {name} {peak / 1e9:.0f} GFLOP/s: at most {peak / per_frame:.1f} frames per second, "
            f"reached {per_frame / best / peak:.0%}"
        )


if __name__ == "__main__":
    main()

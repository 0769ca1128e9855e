"""The arithmetic of a bundle's generators, and how much of it this machine can do a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper
from torch import Tensor

from singan_core import HALO
from singan_core.file_names import graph_name
from singan_core.pyramid import Size

Layers = list[tuple[Tensor, Tensor]]
"""Weight (out, in, 3, 3) and bias (out) of every convolution of a generator."""

SIDE = 254  # px: output of the convolution whose peak is measured, about that of a block


def read_convolutions(bundle: Path, scales: int) -> list[Layers]:
    """Read the weights of every generator from its graph."""
    found = []
    for scale in range(scales):
        graph = onnx.load(bundle / graph_name(scale)).graph
        tensors = {
            one.name: torch.tensor(onnx.numpy_helper.to_array(one)) for one in graph.initializer
        }
        count = sum(name.startswith("weight_") for name in tensors)
        found.append([(tensors[f"weight_{n}"], tensors[f"bias_{n}"]) for n in range(count)])
    return found


def count_flops(layers: Layers, size: Size) -> float:
    """Count the operations of one generator on a block.

    A convolution without padding leaves a canvas two px smaller.
    """
    rims = range(2 * (HALO - 1), -1, -2)
    return sum(
        2.0 * weight.numel() * (size[0] + rim) * (size[1] + rim)
        for (weight, _), rim in zip(layers, rims, strict=True)
    )


def measure_sgemm(threads: int, side: int = 2048, rounds: int = 5) -> float:
    """Measure FLOP/s of products of square float32 matrices, one at a time on each thread.

    numpy and torch take turns; the faster counts.
    """
    torch.set_num_threads(1)
    arrays = [np.random.default_rng(n).random((2, side, side), np.float32) for n in range(threads)]
    tensors = [torch.from_numpy(array) for array in arrays]

    def multiply_arrays(number: int) -> object:
        return arrays[number][0] @ arrays[number][1]

    def multiply_tensors(number: int) -> object:
        return tensors[number][0] @ tensors[number][1]

    ways = (multiply_arrays, multiply_tensors)
    best = min(find_fastest_round(way, threads, rounds) for way in ways)
    return threads * 2.0 * side**3 / best


def measure_convolution(hidden: int, threads: int, repeats: int = 30) -> float:
    """Measure FLOP/s of the hidden layers' convolution: 3x3, hidden -> hidden channels, float32.

    Sessions of one thread each run side by side; the fastest round counts.
    """
    session = open_convolution(hidden)
    shape = (1, hidden, SIDE + 2, SIDE + 2)
    values = np.random.default_rng(1).standard_normal(shape).astype(np.float32)

    def convolve(_: int) -> None:
        for _ in range(repeats):
            session.run(None, {"x": values})

    best = find_fastest_round(convolve, threads, rounds=5)
    return threads * repeats * 2 * 9 * hidden**2 * SIDE**2 / best


def open_convolution(hidden: int) -> Any:
    """Open a session of one thread that convolves x (1, hidden, SIDE + 2, SIDE + 2)."""
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
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def find_fastest_round(work: Callable[[int], object], threads: int, rounds: int) -> float:
    """Do the work on every thread at once, several times, and return the seconds of the fastest."""
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            began = time.perf_counter()
            list(pool.map(work, range(threads)))
            best = min(best, time.perf_counter() - began)
    return best

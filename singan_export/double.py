"""Write one generator as an ONNX graph in double precision, for coarse canvases whose image is rounded to 8 bits.

ONNX Runtime's CPU provider has no Conv in double precision, but it has MatMul. With channels last, a value and its two
right neighbours are one row of a matrix, so a 3x3 convolution is three products, one for each row of its kernel. It
is quicker than one product over all nine neighbours, takes a third of the memory, and adds up the neighbours in an
order that does not depend on the size of the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from singan_core.errors import BundleError
from singan_export import graph
from singan_train.networks import Generator

PRECISION = {"singan.precision": "fp64"}


def build(generator: Generator, props: Mapping[str, str]) -> onnx.ModelProto:
    """Build the checked graph of a generator in eval mode, with the names of graph.build and float64 values."""
    layers = graph.fold(generator, np.float64)
    writer = _Writer()
    slope = writer.constant("slope", np.array(graph.leaky_slope(generator), np.float64))
    value = writer.node("Add", ["noise", "prev"], "sum")
    value = writer.node("Transpose", [value], "channels_last", perm=[0, 2, 3, 1])

    for number, layer in enumerate(layers):
        value = writer.convolve(value, layer, f"conv_{number}")
        if number < len(layers) - 1:
            # LeakyRelu and PRelu are slower, and LeakyRelu holds its slope in float32, which is 1e-8 off.
            scaled = writer.node("Mul", [value, slope], f"scaled_{number}")
            value = writer.node("Max", [value, scaled], f"relu_{number}")

    value = writer.node("Transpose", [value], "channels_first", perm=[0, 3, 1, 2])
    channels = len(layers[-1][1])
    return graph.complete(
        writer.nodes, writer.constants, value, channels, TensorProto.DOUBLE, {**props, **PRECISION}
    )


def check(path: Path) -> None:
    """Raise BundleError unless the graph of a file says that it computes in double precision, and does."""
    model = graph.read(path)
    graph.check_metadata(path, model, PRECISION)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type != TensorProto.DOUBLE:
            raise BundleError(f"{path}: {value.name} is not in double precision; export again")


class _Writer:
    """Hold a graph that grows node by node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        ends = {0: -2, 1: -1, 2: np.iinfo(np.int64).max}
        self.thirds = [
            (
                self.constant(f"start_{at}", np.array([at])),
                self.constant(f"end_{at}", np.array([ends[at]])),
            )
            for at in range(3)
        ]
        self.axes = {axis: self.constant(f"axis_{axis}", np.array([axis])) for axis in (1, 2)}

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Append a constant and return its name."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node and return the name of its output, which is its own."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def shift(self, value: str, axis: int, name: str) -> list[str]:
        """Slice a value at offsets 0, 1 and 2 along an axis, to the length that a 3x3 kernel leaves of it."""
        return [
            self.node("Slice", [value, start, end, self.axes[axis]], f"{name}_{at}")
            for at, (start, end) in enumerate(self.thirds)
        ]

    def convolve(self, value: str, layer: graph.Layer, name: str) -> str:
        """Convolve a value (B, H+2, W+2, in) without padding, to (B, H, W, out)."""
        weight, bias = layer
        columns = self.shift(value, 2, f"{name}_column")
        rows = self.shift(self.node("Concat", columns, f"{name}_columns", axis=3), 1, f"{name}_row")

        matrices = weight.transpose(2, 3, 1, 0).reshape(
            3, -1, len(bias)
        )  # kernel row, (kernel column, in), out
        parts = [
            self.node(
                "MatMul",
                [row, self.constant(f"{name}_weight_{at}", matrices[at])],
                f"{name}_product_{at}",
            )
            for at, row in enumerate(rows)
        ]
        return self.node("Sum", [*parts, self.constant(f"{name}_bias", bias)], name)

"""Write one generator as an ONNX graph in double precision, for images that are rounded to 8 bits.

ONNX Runtime's CPU provider has no Conv in double precision, but it has MatMul. With channels last,
a value and its two right neighbours are one row of a matrix, so a 3x3 convolution is three
products, one for each row of its kernel. That is quicker than one product over all nine neighbours,
takes a third of the memory, and adds up the neighbours in an order that does not depend on the size
of the canvas.
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
from singan_core.file_names import DOUBLE, graph_name
from singan_core.manifest import Manifest
from singan_export import generator_graph
from singan_train.scale.networks import Generator

PRECISION = {"singan.precision": "fp64"}


def build(generator: Generator, props: Mapping[str, str]) -> onnx.ModelProto:
    """Build the checked graph of a generator in eval mode.

    It has the inputs and outputs of graph.build, in float64.
    """
    layers = generator_graph.fold(generator, np.float64)
    writer = _Writer()
    slope = writer.add_constant(
        "slope", np.array(generator_graph.read_slope(generator), np.float64)
    )
    value = writer.add_node("Add", ["noise", "prev"], "sum")
    value = writer.add_node("Transpose", [value], "channels_last", perm=[0, 2, 3, 1])

    for number, layer in enumerate(layers):
        value = writer.convolve(value, layer, f"conv_{number}")
        if number < len(layers) - 1:
            # LeakyRelu and PRelu are slower, and LeakyRelu holds its slope in float32, 1e-8 off.
            scaled = writer.add_node("Mul", [value, slope], f"scaled_{number}")
            value = writer.add_node("Max", [value, scaled], f"relu_{number}")

    value = writer.add_node("Transpose", [value], "channels_first", perm=[0, 3, 1, 2])
    channels = len(layers[-1][1])
    return generator_graph.complete(
        writer.nodes, writer.constants, value, channels, TensorProto.DOUBLE, {**props, **PRECISION}
    )


def check(folder: Path, manifest: Manifest, scale: int) -> None:
    """Check that a scale's graph is in double precision, by its metadata and its types.

    Raises BundleError.
    """
    path, model = folder / graph_name(scale), generator_graph.load(folder, manifest, scale, DOUBLE)
    generator_graph.check_metadata(path, model, PRECISION)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type != TensorProto.DOUBLE:
            raise BundleError(f"{path}: {value.name} is not in double precision; export again")


class _Writer:
    """A graph that grows node by node.

    Each node is named like its output.
    """

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.thirds = []
        for start, end in ((0, -2), (1, -1), (2, np.iinfo(np.int64).max)):
            bounds = (
                self.add_constant(f"start_{start}", np.array([start])),
                self.add_constant(f"end_{start}", np.array([end])),
            )
            self.thirds.append(bounds)
        self.axes = {axis: self.add_constant(f"axis_{axis}", np.array([axis])) for axis in (1, 2)}

    def add_constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def add_node(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Append a node and return its name."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def shift(self, value: str, axis: int, name: str) -> list[str]:
        """Slice a value at offsets 0, 1 and 2 along an axis, each 2 shorter than the value."""
        return [
            self.add_node("Slice", [value, start, end, self.axes[axis]], f"{name}_{at}")
            for at, (start, end) in enumerate(self.thirds)
        ]

    def convolve(self, value: str, layer: generator_graph.Layer, name: str) -> str:
        """Convolve a value (B, H+2, W+2, in) without padding, to (B, H, W, out)."""
        weight, bias = layer
        columns = self.shift(value, 2, f"{name}_column")
        rows = self.shift(
            self.add_node("Concat", columns, f"{name}_columns", axis=3), 1, f"{name}_row"
        )

        # (kernel row, (kernel column, in), out)
        matrices = weight.transpose(2, 3, 1, 0).reshape(3, -1, len(bias))
        parts = []
        for at, row in enumerate(rows):
            matrix = self.add_constant(f"{name}_weight_{at}", matrices[at])
            parts.append(self.add_node("MatMul", [row, matrix], f"{name}_product_{at}"))
        return self.add_node("Sum", [*parts, self.add_constant(f"{name}_bias", bias)], name)

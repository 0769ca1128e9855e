"""Collect the nodes of an ONNX graph, with the bodies of loops and branches inside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_SHORT = 64  # values that a constant's name spells out; longer ones are named by their digest


class Writer:
    """A graph that grows node by node, in which every value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self.count = 0  # of nodes, those of all bodies included: it makes every name unique

    def add_node(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Append a node with one output and return the name of the output."""
        name = out or f"{operator}_{self.count}"
        self._append(operator, inputs, [name], f"make_{name}", attributes)
        return name

    def add_node_with(
        self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """Append a node with several outputs and return their names."""
        names = [f"{operator}_{self.count}_{number}" for number in range(outputs)]
        self._append(operator, inputs, names, f"make_{operator}_{self.count}", attributes)
        return names

    def _append(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: list[str],
        name: str,
        attributes: dict[str, Any],
    ) -> None:
        node = helper.make_node(operator, list(inputs), outputs, name=name, **attributes)
        self.nodes.append(node)
        self.count += 1

    def add_constant(self, values: NDArray[np.generic] | Sequence[int] | int) -> str:
        """Add a constant and return its name.

        Equal constants are stored once.

        Whole numbers that are not in an array become int64.
        """
        array = values if isinstance(values, np.ndarray) else np.array(values, np.int64)
        is_short = array.size <= _SHORT
        content = "_".join(map(str, array.ravel().tolist())) if is_short else _digest(array)
        name = f"{array.dtype}_{'x'.join(map(str, array.shape))}_{content}"
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    @contextmanager
    def collect_body(self) -> Iterator[list[onnx.NodeProto]]:
        """Collect the nodes that are appended meanwhile, for the body of a loop or a branch."""
        outer, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outer

    def embed(self, other: onnx.GraphProto, prefix: str, names: dict[str, str]) -> None:
        """Append the nodes and constants of another graph.

        Its values get the names that are given for them, all others the prefix before their own.
        """

        def rename(name: str) -> str:
            return names.get(name, f"{prefix}{name}") if name else name

        for node in other.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = f"{prefix}{node.name}"
            copy.input[:] = [rename(name) for name in node.input]
            copy.output[:] = [rename(name) for name in node.output]
            self.nodes.append(copy)
            self.count += 1

        for tensor in other.initializer:
            constant = onnx.TensorProto()
            constant.CopyFrom(tensor)
            constant.name = rename(tensor.name)
            self.constants[constant.name] = constant


def _digest(array: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]

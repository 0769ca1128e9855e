"""An ONNX graph that is written node by node, with the bodies of loops and choices inside it."""

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
    """A graph that grows node by node; every value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._made = 0  # in all bodies: names differ everywhere

    def node(self, operator: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Append a node and return the name of its output."""
        name = out or f"{operator}_{self._made}"
        self._add(operator, inputs, [name], f"make_{name}", attributes)
        return name

    def nodes_with(
        self, operator: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """Append a node that has several outputs and return their names."""
        names = [f"{operator}_{self._made}_{number}" for number in range(outputs)]
        self._add(operator, inputs, names, f"make_{operator}_{self._made}", attributes)
        return names

    def _add(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: list[str],
        name: str,
        attributes: dict[str, Any],
    ) -> None:
        self.nodes.append(
            helper.make_node(operator, list(inputs), outputs, name=name, **attributes)
        )
        self._made += 1

    def constant(self, values: NDArray[np.generic] | Sequence[int] | int) -> str:
        """The name of a constant, int64 unless it is an array of another type; equal ones are kept once."""
        array = values if isinstance(values, np.ndarray) else np.array(values, np.int64)
        told = (
            "_".join(map(str, array.ravel().tolist())) if array.size <= _SHORT else _digest(array)
        )
        name = f"{array.dtype}_{'x'.join(map(str, array.shape))}_{told}"
        self.constants.setdefault(name, numpy_helper.from_array(array, name))
        return name

    @contextmanager
    def body(self) -> Iterator[list[onnx.NodeProto]]:
        """Collect the nodes that are appended meanwhile, for the body of a loop or of a choice."""
        outer, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outer

    def embed(self, other: onnx.GraphProto, prefix: str, names: dict[str, str]) -> None:
        """Append another graph, its values renamed by names or else by the prefix."""

        def renamed(name: str) -> str:
            return names.get(name, f"{prefix}{name}") if name else name

        for node in other.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.name = f"{prefix}{node.name}"
            copy.input[:] = [renamed(name) for name in node.input]
            copy.output[:] = [renamed(name) for name in node.output]
            self.nodes.append(copy)
            self._made += 1
        for tensor in other.initializer:
            constant = onnx.TensorProto()
            constant.CopyFrom(tensor)
            constant.name = renamed(tensor.name)
            self.constants[constant.name] = constant


def _digest(array: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]

"""Read the structure of an ONNX file from its bytes, before a library that runs it sees them.

The runtime has no `onnx` package, and a bundle may come from a stranger. Only the fields that our
exporters write are known here, and any other is refused: what this reader skipped, ONNX Runtime
might obey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from singan_runtime.wire_format import (
    MOST_WHOLE,
    GraphError,
    expect_bytes,
    expect_integers,
    expect_number,
    expect_text,
    read_fields,
)

MOST_BYTES = 32 << 20  # of a graph's file; the paper's widest generator takes 2.4 MB in fp32
MOST_NODES = 500  # a generator in double precision has 64
_MOST_SIDES = 8  # of a tensor

FLOAT32, UINT8, INT8, INT32, INT64, FLOAT16, FLOAT64 = 1, 2, 3, 6, 7, 10, 11
"""ONNX's numbers of the element types that our graphs hold."""
DTYPES: dict[int, np.dtype[np.generic]] = {
    FLOAT32: np.dtype("<f4"),
    UINT8: np.dtype("u1"),
    INT8: np.dtype("i1"),
    INT32: np.dtype("<i4"),
    INT64: np.dtype("<i8"),
    FLOAT16: np.dtype("<f2"),
    FLOAT64: np.dtype("<f8"),
}


@dataclass(frozen=True)
class Value:
    """An input or output: its name, element type and sides, of which None is a free one."""

    name: str
    dtype: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Node:
    """One operator, with its attributes.

    A single whole number is a tuple of one.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, tuple[int, ...] | float]


@dataclass
class Graph:
    """What a graph holds, in the order of the file."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)


def read_graph(data: bytes) -> Graph:
    """Read a model's graph. Raises GraphError for anything that our exporters do not write."""
    if len(data) > MOST_BYTES:
        raise GraphError(f"{len(data)} bytes, at most {MOST_BYTES} are allowed")

    found = None
    for number, value in read_fields(memoryview(data), "model", _MODEL, once={1, 5, 7}):
        if number == 7:
            found = _read_graph(expect_bytes(value))
        if number == 8:
            _check_operator_set(expect_bytes(value))

    if found is None:
        raise GraphError("it holds no graph")
    return found


# Fields that each message may have, by number: those of onnx.proto that our exporters use.
_MODEL = {1, 2, 3, 4, 5, 6, 7, 8, 14}
_GRAPH = {1, 2, 5, 10, 11, 12, 13}
_NODE = {1, 2, 3, 4, 5, 6, 7}
_ATTRIBUTE = {1, 2, 3, 8, 13, 20}
_TENSOR = {1, 2, 4, 5, 7, 8, 9, 10, 12, 14}
_VALUE = {1, 2, 3}


def _read_graph(data: memoryview) -> Graph:
    graph, whole = Graph(), 0
    for number, value in read_fields(data, "graph", _GRAPH, once={2}):
        if number == 1:
            graph.nodes.append(_read_node(expect_bytes(value)))
            if len(graph.nodes) > MOST_NODES:
                raise GraphError(f"it has more than {MOST_NODES} operators")
        elif number == 5:
            name, constant = _read_tensor(expect_bytes(value))
            if name in graph.constants:
                raise GraphError(f"two tensors are called {name!r}")
            graph.constants[name] = constant
            whole += constant.size if constant.dtype.kind in "iu" else 0
            if whole > MOST_WHOLE:
                raise GraphError(f"it has more than {MOST_WHOLE} whole numbers")

        elif number == 11:
            graph.inputs.append(_read_value(expect_bytes(value)))
        elif number == 12:
            graph.outputs.append(_read_value(expect_bytes(value)))
    return graph


def _read_node(data: memoryview) -> Node:
    operator, inputs, outputs = "", [], []
    attributes: dict[str, tuple[int, ...] | float] = {}

    for number, value in read_fields(data, "node", _NODE, once={3, 4, 6, 7}):
        if number == 1:
            inputs.append(expect_text(value))
        elif number == 2:
            outputs.append(expect_text(value))
        elif number == 3:
            expect_text(value)  # a name that an error of ONNX Runtime might print
        elif number == 4:
            operator = expect_text(value)
        elif number == 5:
            name, content = _read_attribute(expect_bytes(value))
            if name in attributes:
                raise GraphError(f"operator {operator!r} has two attributes {name!r}")
            attributes[name] = content
        elif number == 7 and expect_text(value) not in ("", "ai.onnx"):
            raise GraphError(f"operator set {expect_text(value)!r} is not one of ours")
    return Node(operator, tuple(inputs), tuple(outputs), attributes)


def _read_attribute(data: memoryview) -> tuple[str, tuple[int, ...] | float]:
    name, numbers, real = "", [], None
    for number, value in read_fields(data, "attribute", _ATTRIBUTE, once={1, 2, 3, 13, 20}):
        if number == 1:
            name = expect_text(value)
        elif number == 2:
            real = float(_reals(value, FLOAT32)[0])
        elif number in (3, 8):
            numbers += expect_integers(value)
    return name, tuple(numbers) if real is None else real


def _read_tensor(data: memoryview) -> tuple[str, NDArray[np.generic]]:
    name, kind, shape = "", 0, []
    contents: list[NDArray[np.generic]] = []
    fields: set[int] = set()

    for number, value in read_fields(data, "tensor", _TENSOR, once={2, 8, 9, 12}):
        if number == 1:
            shape += expect_integers(value)
        elif number == 2:
            kind = expect_number(value)
        elif number == 8:
            name = expect_text(value)
        elif number == 9:
            contents.append(_decode(expect_bytes(value), kind, name))
        elif number in (4, 10):
            contents.append(_reals(value, FLOAT32 if number == 4 else FLOAT64))
        elif number == 14 and expect_number(value) != 0:
            raise GraphError("it has weights in another file, which our graphs never have")
        elif number in (5, 7):
            contents.append(np.array(expect_integers(value), np.int64))
        if number in _KINDS_IN:
            fields.add(number)

    if kind not in DTYPES:
        raise GraphError(f"tensor {name!r} has element type {kind}, which our graphs never hold")
    if len(fields) > 1 or any(kind not in _KINDS_IN[number] for number in fields):
        raise GraphError(f"tensor {name!r} keeps its values where its element type does not")
    if len(shape) > _MOST_SIDES or max(shape, default=0) > MOST_BYTES:
        raise GraphError(f"tensor {name!r} has shape {str(shape)[:80]}")
    values = np.concatenate(contents) if contents else np.zeros(0)
    if min(shape, default=0) < 0 or math.prod(shape) != values.size:
        raise GraphError(f"tensor {name!r} has shape {shape}, but {values.size} values")
    return name, values.reshape(shape).astype(DTYPES[kind])


_KINDS_IN = {
    4: {FLOAT32},
    5: {UINT8, INT8, INT32},
    7: {INT64},
    9: set(DTYPES),
    10: {FLOAT64},
}
"""Element types whose values a tensor may keep in each of its fields."""


def _decode(raw: memoryview, kind: int, name: str) -> NDArray[np.generic]:
    """Decode raw_data, which every writer puts behind the element type."""
    if kind not in DTYPES or len(raw) % DTYPES[kind].itemsize:
        raise GraphError(f"tensor {name!r} has {len(raw)} bytes of element type {kind}")
    return np.frombuffer(raw, DTYPES[kind])


def _read_value(data: memoryview) -> Value:
    name, kind = "", 0
    shape: list[int | None] = []
    for number, value in read_fields(data, "value", _VALUE, once={1, 2, 3}):
        if number == 1:
            name = expect_text(value)
        if number != 2:
            continue

        for _, tensor in read_fields(expect_bytes(value), "type", {1}, once={1}):  # no map or list
            kind, shape = _read_tensor_type(expect_bytes(tensor))
    return Value(name, kind, tuple(shape))


def _read_tensor_type(data: memoryview) -> tuple[int, list[int | None]]:
    """Read the element type and the sides."""
    kind = 0
    shape: list[int | None] = []
    for number, value in read_fields(data, "tensor type", {1, 2}, once={1, 2}):
        if number == 1:
            kind = expect_number(value)
        else:
            sides = read_fields(expect_bytes(value), "shape", {1})
            shape = [_read_side(expect_bytes(side)) for _, side in sides]
    return kind, shape


def _read_side(data: memoryview) -> int | None:
    """Read the length of a side, None for a free one, which has a name instead."""
    side = None
    for number, value in read_fields(data, "side", {1, 2, 3}, once={1, 2, 3}):
        if number == 1:
            side = expect_number(value)
    return side


def _check_operator_set(data: memoryview) -> None:
    for number, value in read_fields(data, "operator set", {1, 2}, once={1, 2}):
        if number == 1 and expect_text(value) not in ("", "ai.onnx"):
            raise GraphError(f"operator set {expect_text(value)!r} is not one of ours")


def _reals(value: int | memoryview, kind: int) -> NDArray[np.generic]:
    """Take one real number or more."""
    content = expect_bytes(value)
    if not len(content) or len(content) % DTYPES[kind].itemsize:
        raise GraphError(f"{len(content)} bytes stand where a real number belongs")
    return np.frombuffer(content, DTYPES[kind])

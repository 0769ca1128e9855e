"""Read the structure of an ONNX file from its bytes, before a library that runs it sees them.

The runtime has no `onnx` package, and a bundle may come from a stranger. Only the fields that our
exporters write are known here, and any other is refused: what this reader skipped, ONNX Runtime
might obey.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_BYTES = 64 << 20  # of a graph's file; the paper's widest generator takes 2.4 MB in fp32
MOST_NODES = 500  # a generator in double precision has 64
_MOST_NAME = 1000  # bytes of a name

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

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
Field = tuple[int, int, int | memoryview]  # number, wire type, value


class GraphError(ValueError):
    """What is wrong with a graph, in a few words."""


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
    for number, value in _known(memoryview(data), "model", _MODEL, once={1, 5, 7}):
        if number == 7:
            found = _read_graph(_bytes(value))
        if number == 8:
            _check_operator_set(_bytes(value))

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
_NAMES = {
    ("model", 20): "training",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse weights",
    ("attribute", 4): "text as an attribute",
    ("attribute", 5): "a tensor as an attribute",
    ("attribute", 6): "a graph inside the graph",
    ("attribute", 11): "graphs inside the graph",
    ("tensor", 13): "weights in another file",
}


def _read_graph(data: memoryview) -> Graph:
    graph = Graph()
    for number, value in _known(data, "graph", _GRAPH, once={2}):
        if number == 1:
            graph.nodes.append(_read_node(_bytes(value)))
            if len(graph.nodes) > MOST_NODES:
                raise GraphError(f"it has more than {MOST_NODES} operators")
        elif number == 5:
            name, constant = _read_tensor(_bytes(value))
            if name in graph.constants:
                raise GraphError(f"two tensors are called {name!r}")
            graph.constants[name] = constant

        elif number == 11:
            graph.inputs.append(_read_value(_bytes(value)))
        elif number == 12:
            graph.outputs.append(_read_value(_bytes(value)))
    return graph


def _read_node(data: memoryview) -> Node:
    operator, inputs, outputs = "", [], []
    attributes: dict[str, tuple[int, ...] | float] = {}

    for number, value in _known(data, "node", _NODE, once={3, 4, 6, 7}):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 3:
            _text(value)  # a name that an error of ONNX Runtime might print
        elif number == 4:
            operator = _text(value)
        elif number == 5:
            name, content = _read_attribute(_bytes(value))
            if name in attributes:
                raise GraphError(f"operator {operator!r} has two attributes {name!r}")
            attributes[name] = content
        elif number == 7 and _text(value) not in ("", "ai.onnx"):
            raise GraphError(f"operator set {_text(value)!r} is not one of ours")
    return Node(operator, tuple(inputs), tuple(outputs), attributes)


def _read_attribute(data: memoryview) -> tuple[str, tuple[int, ...] | float]:
    name, numbers, real = "", [], None
    for number, value in _known(data, "attribute", _ATTRIBUTE, once={1, 2, 3, 13, 20}):
        if number == 1:
            name = _text(value)
        elif number == 2:
            real = float(np.frombuffer(_bytes(value), "<f4")[0])
        elif number in (3, 8):
            numbers += _integers(value)
    return name, tuple(numbers) if real is None else real


def _read_tensor(data: memoryview) -> tuple[str, NDArray[np.generic]]:
    name, kind, shape = "", 0, []
    contents: list[NDArray[np.generic]] = []

    for number, value in _known(data, "tensor", _TENSOR, once={2, 8, 9, 12}):
        if number == 1:
            shape += _integers(value)
        elif number == 2:
            kind = _number(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            contents.append(_decode(_bytes(value), kind, name))
        elif number in (4, 10):
            contents.append(np.frombuffer(_bytes(value), "<f4" if number == 4 else "<f8"))
        elif number == 14 and _number(value) != 0:
            raise GraphError(f"it has {_NAMES['tensor', 13]}, which our graphs never have")
        elif number in (5, 7):
            contents.append(np.array(_integers(value), np.int64))

    if kind not in DTYPES:
        raise GraphError(f"tensor {name!r} has element type {kind}, which our graphs never hold")
    values = np.concatenate(contents) if contents else np.zeros(0)
    if min(shape, default=0) < 0 or math.prod(shape) != values.size:
        raise GraphError(f"tensor {name!r} has shape {shape}, but {values.size} values")
    return name, values.reshape(shape).astype(DTYPES[kind])


def _decode(raw: memoryview, kind: int, name: str) -> NDArray[np.generic]:
    """Decode raw_data, which every writer puts behind the element type."""
    if kind not in DTYPES or len(raw) % DTYPES[kind].itemsize:
        raise GraphError(f"tensor {name!r} has {len(raw)} bytes of element type {kind}")
    return np.frombuffer(raw, DTYPES[kind])


def _read_value(data: memoryview) -> Value:
    name, kind, shape = "", 0, []
    for number, value in _known(data, "value", _VALUE, once={1, 2, 3}):
        if number == 1:
            name = _text(value)
        if number != 2:
            continue

        tensors = list(_known(_bytes(value), "type", {1}, once={1}))  # of no map, list or optional
        for part, content in (
            _known(_bytes(tensors[0][1]), "tensor type", {1, 2}, once={1, 2}) if tensors else ()
        ):
            if part == 1:
                kind = _number(content)
            else:
                shape = [
                    _read_side(_bytes(side)) for _, side in _known(_bytes(content), "shape", {1})
                ]
    return Value(name, kind, tuple(shape))


def _read_side(data: memoryview) -> int | None:
    sides = [_number(value) for number, value in _known(data, "side", {1, 2, 3}) if number == 1]
    return sides[0] if sides else None


def _check_operator_set(data: memoryview) -> None:
    for number, value in _known(data, "operator set", {1, 2}, once={1, 2}):
        if number == 1 and _text(value) not in ("", "ai.onnx"):
            raise GraphError(f"operator set {_text(value)!r} is not one of ours")


def _known(
    data: memoryview, message: str, allowed: set[int], once: set[int] | frozenset[int] = frozenset()
) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (number, value) of every field in order, and refuse unknown and repeated ones.

    Protocol buffers would merge a field that stands there twice, or take the last: we would judge
    another graph than the one that runs.
    """
    seen: set[int] = set()
    for number, _, value in _fields(data):
        if number not in allowed:
            what = _NAMES.get((message, number), f"field {number} in a {message}")
            raise GraphError(f"it has {what}, which our graphs never have")
        if number in once and number in seen:
            raise GraphError(f"field {number} of a {message} stands there twice")
        seen.add(number)
        yield number, value


def _fields(data: memoryview) -> Iterator[Field]:
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            whole, place = _read_varint(data, place)
            yield number, wire, whole
            continue

        if wire == _BYTES:
            length, place = _read_varint(data, place)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise GraphError(f"wire type {wire} at byte {place} is none of an ONNX file's")
        if length > len(data) - place:
            raise GraphError("it is cut off")
        yield number, wire, data[place : place + length]
        place += length


def _read_varint(data: memoryview, place: int) -> tuple[int, int]:
    """Read a whole number of 7 bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise GraphError("it is cut off")
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value & ((1 << 64) - 1), place
    raise GraphError("a number has more than 64 bits")


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise GraphError("a number stands where bytes belong")
    return value


def _number(value: int | memoryview) -> int:
    """Take a varint as a signed 64-bit number."""
    if not isinstance(value, int):
        raise GraphError("bytes stand where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def _integers(value: int | memoryview) -> list[int]:
    """Take a repeated number, which may be packed into one field."""
    if isinstance(value, int):
        return [_number(value)]
    numbers, place = [], 0
    while place < len(value):
        one, place = _read_varint(value, place)
        numbers.append(_number(one))
    return numbers


def _text(value: int | memoryview) -> str:
    content = bytes(_bytes(value))
    if len(content) > _MOST_NAME:
        raise GraphError(f"a name has {len(content)} bytes, at most {_MOST_NAME} are allowed")
    try:
        name = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphError("a name is not UTF-8") from error
    if not name.isprintable():
        raise GraphError(f"a name holds control characters: {name!r}")
    return name

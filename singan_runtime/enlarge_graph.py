"""Write the ONNX graph that resamples an image on a device, in the order of singan_core.resample.

Each output is the sum of four taps along the columns, first to last, and then along the rows. So
the image is that of numpy bit for bit, on any device that rounds products and sums as IEEE 754 says
and does not contract them. The graph is written byte by byte, since what draws has no package onnx.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

TAPS = 4
"""Of a cubic kernel that enlarges."""

AXES = {"column": 3, "row": 2}
"""Names of the inputs' axes, in the order in which they are resampled."""

_FLOATS = {np.dtype(np.float32): 1, np.dtype(np.float64): 11}  # TensorProto.DataType
_INT64 = 7


def write_graph(dtype: np.dtype[Any]) -> bytes:
    """Write the graph for images of a float type.

    Inputs are image (B, C, h, w), and for each axis and tap the indices column_0 (W,) or row_0 (H,)
    and their weights column_weight_0 (W,) or row_weight_0 (H, 1). Its output is prev (B, C, H, W).
    """
    kind = _FLOATS[dtype]
    inputs = [_write_value("image", kind, 4)]
    for axis, number in AXES.items():
        inputs += [_write_value(f"{axis}_{tap}", _INT64, 1) for tap in range(TAPS)]
        inputs += [_write_value(f"{axis}_weight_{tap}", kind, 4 - number) for tap in range(TAPS)]

    nodes = [_write_bytes(1, node) for node in _write_nodes()]
    graph = b"".join(
        [
            *nodes,
            _write_bytes(2, b"enlarge"),
            *(_write_bytes(11, value) for value in inputs),
            _write_bytes(12, _write_value("prev", kind, 4)),
        ]
    )
    opset = _write_bytes(1, b"") + _write_number(2, 17)
    return _write_number(1, 8) + _write_bytes(7, graph) + _write_bytes(8, opset)


def _write_nodes() -> Iterator[bytes]:
    """Write the nodes: along each axis Gather, Mul and, from the second tap on, Add."""
    source = "image"
    for axis, number in AXES.items():
        total = ""
        for tap in range(TAPS):
            taken, part = f"{axis}_taken_{tap}", f"{axis}_part_{tap}"
            yield _write_node("Gather", (source, f"{axis}_{tap}"), taken, number)
            yield _write_node("Mul", (taken, f"{axis}_weight_{tap}"), part)
            if tap > 0:
                is_last = axis == "row" and tap == TAPS - 1
                added = "prev" if is_last else f"{axis}_total_{tap}"
                yield _write_node("Add", (total, part), added)
            total = added if tap > 0 else part
        source = total


def _write_node(kind: str, inputs: tuple[str, ...], output: str, axis: int | None = None) -> bytes:
    words = [_write_bytes(1, one.encode()) for one in inputs]
    words += [_write_bytes(2, output.encode()), _write_bytes(4, kind.encode())]
    if axis is not None:
        attribute = _write_bytes(1, b"axis") + _write_number(3, axis) + _write_number(20, 2)
        words.append(_write_bytes(5, attribute))
    return b"".join(words)


def _write_value(name: str, kind: int, axes: int) -> bytes:
    """Write the name and the element type of an input or output with axes of any length."""
    shape = _write_bytes(1, b"") * axes
    tensor = _write_bytes(1, _write_number(1, kind) + _write_bytes(2, shape))
    return _write_bytes(1, name.encode()) + _write_bytes(2, tensor)


def _write_bytes(field: int, value: bytes) -> bytes:
    return _write_varint(field << 3 | 2) + _write_varint(len(value)) + value


def _write_number(field: int, value: int) -> bytes:
    return _write_varint(field << 3) + _write_varint(value)


def _write_varint(value: int) -> bytes:
    """Write a whole number, seven bits a byte, the lowest first."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])

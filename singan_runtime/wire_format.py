"""Read protocol buffers field by field, in the wire format in which ONNX files are written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

MOST_WHOLE = 4 << 20  # whole numbers in one place; decoding one may take half a microsecond
_MOST_FIELDS = 2000  # of a message
_MOST_NAME = 1000  # bytes of a name

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
Field = tuple[int, int, int | memoryview]  # number, wire type, value


class GraphError(ValueError):
    """What is wrong with a graph, in a few words."""


_REFUSED = {
    ("model", 20): "training",
    ("model", 25): "functions of its own",
    ("graph", 15): "sparse weights",
    ("attribute", 4): "text as an attribute",
    ("attribute", 5): "a tensor as an attribute",
    ("attribute", 6): "a graph inside the graph",
    ("attribute", 11): "graphs inside the graph",
    ("tensor", 13): "weights in another file",
}
"""What a field that we never write stands for, by message and number."""


def read_fields(
    data: memoryview, message: str, allowed: set[int], once: set[int] | frozenset[int] = frozenset()
) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (number, value) of every field in order, and refuse unknown and repeated ones.

    Protocol buffers would merge a field that stands there twice, or take the last: we would judge
    another graph than the one that runs.
    """
    seen: set[int] = set()
    for count, (number, _, value) in enumerate(_fields(data)):
        if count >= _MOST_FIELDS:
            raise GraphError(f"a {message} has more than {_MOST_FIELDS} fields")
        if number not in allowed:
            what = _REFUSED.get((message, number), f"field {number} in a {message}")
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


def expect_bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise GraphError("a number stands where bytes belong")
    return value


def expect_number(value: int | memoryview) -> int:
    """Take a varint as a signed 64-bit number."""
    if not isinstance(value, int):
        raise GraphError("bytes stand where a number belongs")
    return value - (1 << 64) if value >> 63 else value


def expect_integers(value: int | memoryview) -> list[int]:
    """Take a repeated number, which may be packed into one field."""
    if isinstance(value, int):
        return [expect_number(value)]
    numbers, place = [], 0
    if np.count_nonzero(np.frombuffer(value, np.uint8) < 128) > MOST_WHOLE:
        raise GraphError(f"it has more than {MOST_WHOLE} whole numbers")
    while place < len(value):
        one, place = _read_varint(value, place)
        numbers.append(expect_number(one))
    return numbers


def expect_text(value: int | memoryview) -> str:
    content = bytes(expect_bytes(value))
    if len(content) > _MOST_NAME:
        raise GraphError(f"a name has {len(content)} bytes, at most {_MOST_NAME} are allowed")
    try:
        name = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GraphError("a name is not UTF-8") from error
    if not name.isprintable():
        raise GraphError(f"a name holds control characters: {name!r}")
    return name

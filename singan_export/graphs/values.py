"""Write nodes of an ONNX graph as numpy expressions: a + b appends an Add node.

Whole numbers divide as in Python (rounding down). A value keeps its type: a number beside it
becomes a constant of that type. Nodes are appended to the body that is being written, whichever
body their inputs come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from singan_export.graphs.writer import Writer

OPSET = 18
"""The first opset that has BitwiseXor; ONNX Runtime 1.14 and later have all of it."""

Kind = type[np.generic]
Number = int | float | np.generic


class Value:
    """One value of a graph: its name and the type of its elements."""

    def __init__(self, writer: Writer, name: str, kind: Kind) -> None:
        self.writer, self.name, self.kind = writer, name, kind

    def __add__(self, other: Value | Number) -> Value:
        return self._with("Add", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self._with("Sub", other)

    def __neg__(self) -> Value:
        return self.apply("Neg")

    def __rsub__(self, other: Number) -> Value:
        return self._constant(other)._with("Sub", self)

    def __mul__(self, other: Value | Number) -> Value:
        return self._with("Mul", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self._with("Div", other)

    def __rtruediv__(self, other: Number) -> Value:
        return self._constant(other)._with("Div", self)

    def __mod__(self, other: Value | Number) -> Value:
        return self._with("Mod", other)

    def __floordiv__(self, other: Value | Number) -> Value:
        return (self - self % other).divide(other)

    def __lt__(self, other: Value | Number) -> Value:
        return self._with("Less", other, np.bool_)

    def __le__(self, other: Value | Number) -> Value:
        return self._with("LessOrEqual", other, np.bool_)

    def __gt__(self, other: Value | Number) -> Value:
        return self._with("Greater", other, np.bool_)

    def __ge__(self, other: Value | Number) -> Value:
        return self._with("GreaterOrEqual", other, np.bool_)

    def __and__(self, other: Value) -> Value:
        return self._with("And", other)

    def __or__(self, other: Value) -> Value:
        return self._with("Or", other)

    def divide(self, other: Value | Number) -> Value:
        """Divide more quickly than // does.

        For whole numbers it is right only if none is negative.
        """
        return self._with("Div", other)

    def equals(self, other: Value | Number) -> Value:
        """Compare for equality, element by element."""
        return self._with("Equal", other, np.bool_)

    def bits_and(self, other: Value | Number) -> Value:
        """Keep the bits that both have."""
        return self._with("BitwiseAnd", other)

    def bits_xor(self, other: Value | Number) -> Value:
        """Keep the bits that exactly one of both has."""
        return self._with("BitwiseXor", other)

    def minimum(self, other: Value | Number) -> Value:
        """Take the lesser of both."""
        return self._with("Min", other)

    def maximum(self, other: Value | Number) -> Value:
        """Take the greater of both."""
        return self._with("Max", other)

    def clip(self, low: Value | Number, high: Value | Number) -> Value:
        """Hold it within bounds, both included."""
        return self.maximum(low).minimum(high)

    def apply(self, operator: str, **attributes: Any) -> Value:
        """Apply an operator with one input whose output has the same type."""
        return self._make(operator, self.kind, self.name, **attributes)

    def cast(self, kind: Kind) -> Value:
        """Convert to another type."""
        if kind is self.kind:
            return self
        return self._make(
            "Cast", kind, self.name, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        )

    def gather(self, index: Value | int, axis: int = 0) -> Value:
        """Take entries along an axis.

        A single index removes the axis.
        """
        at = index.name if isinstance(index, Value) else self.writer.add_constant(index)
        return self._make("Gather", self.kind, self.name, at, axis=axis)

    def take_block(self, start: Value, sides: Value) -> Value:
        """Take a block of the first axes from its start and its sides, int64 (axes,) each."""
        return self._make("Slice", self.kind, self.name, start.name, (start + sides).name)

    def slice(self, axis: int, start: Value | int, stop: Value | int) -> Value:
        """Take the range start .. stop - 1 of an axis."""
        bounds = [_as_list(self.writer, bound) for bound in (start, stop)]
        return self._make("Slice", self.kind, self.name, *bounds, self.writer.add_constant([axis]))

    def crop(self, before: Sequence[int], after: Sequence[int]) -> Value:
        """Leave out so many entries at the beginning and end of each of the first axes."""
        starts = self.writer.add_constant(list(before))
        axes = self.writer.add_constant(list(range(len(before))))
        stops = [-count if count else np.iinfo(np.int64).max for count in after]
        ends = self.writer.add_constant(stops)
        return self._make("Slice", self.kind, self.name, starts, ends, axes)

    def take_neighbours(self, dy: int, dx: int, reach: int) -> Value:
        """Take what lies at (dy, dx) of every pixel, (h, w), of values padded by reach."""
        return self.crop((reach + dy, reach + dx), (reach - dy, reach - dx))

    def reshape(self, *sides: Value | int) -> Value:
        """Give it another shape."""
        return self._make("Reshape", self.kind, self.name, make_list(self.writer, sides).name)

    def expand_dims(self, *axes: int) -> Value:
        """Insert axes of length 1."""
        return self._make("Unsqueeze", self.kind, self.name, self.writer.add_constant(list(axes)))

    def expand(self, *sides: Value | int) -> Value:
        """Repeat axes of length 1 up to these lengths."""
        return self._make("Expand", self.kind, self.name, make_list(self.writer, sides).name)

    def transpose(self, *axes: int) -> Value:
        """Put the axes in another order."""
        return self._make("Transpose", self.kind, self.name, perm=list(axes))

    def pad(
        self, before: Sequence[int], after: Sequence[int], value: Value | Number | None = None
    ) -> Value:
        """Add so many entries before and after every axis: zeros, or another value."""
        widths = self.writer.add_constant([*before, *after])
        fill = self._constant(0 if value is None else value).name
        return self._make("Pad", self.kind, self.name, widths, fill)

    def pad_edges(self, before: Sequence[int], after: Sequence[int]) -> Value:
        """Repeat the first and last entries of every axis so many times."""
        widths = self.writer.add_constant([*before, *after])
        return self._make("Pad", self.kind, self.name, widths, mode="edge")

    def reduce(self, operator: str, axis: int, keep: bool = False) -> Value:
        """Reduce an axis to one entry and remove it, unless it is to be kept."""
        axes = self.writer.add_constant([axis])
        return self._make(operator, self.kind, self.name, axes, keepdims=int(keep))

    def find(self, operator: str, axis: int, keep: bool = False) -> Value:
        """Find the first index of the extreme along an axis by ArgMin or ArgMax, int64."""
        return self._make(
            operator, np.int64, self.name, axis=axis, keepdims=int(keep), select_last_index=0
        )

    def matmul(self, other: Value) -> Value:
        """Multiply matrices."""
        return self._make("MatMul", self.kind, self.name, other.name)

    def get_length(self, axis: int) -> Value:
        """Get the length of an axis, an int64 scalar."""
        return self._make("Shape", np.int64, self.name, start=axis, end=axis + 1).reshape()

    def rename(self, name: str) -> Value:
        """Give it another name, as a graph's outputs need it."""
        return Value(self.writer, self.writer.add_node("Identity", self.name, out=name), self.kind)

    def _with(self, operator: str, other: Value | Number, kind: Kind | None = None) -> Value:
        return self._make(operator, kind or self.kind, self.name, self._constant(other).name)

    def _constant(self, other: Value | Number) -> Value:
        if isinstance(other, Value):
            return other
        return add_constant(self.writer, np.array(other, self.kind))

    def _make(self, operator: str, kind: Kind, *inputs: str, **attributes: Any) -> Value:
        return Value(self.writer, self.writer.add_node(operator, *inputs, **attributes), kind)


def add_constant(writer: Writer, values: NDArray[Any]) -> Value:
    """Add a constant that has the array's own type."""
    return Value(writer, writer.add_constant(values), values.dtype.type)


def make_list(writer: Writer, sides: Sequence[Value | int]) -> Value:
    """Make a list, int64, of whole numbers of which some are computed."""
    if any(isinstance(side, Value) for side in sides):
        parts = [_as_list(writer, side) for side in sides]
        return Value(writer, writer.add_node("Concat", *parts, axis=0), np.int64)
    numbers = [int(side) for side in sides if isinstance(side, int)]
    return Value(writer, writer.add_constant(numbers), np.int64)


def _as_list(writer: Writer, side: Value | int) -> str:
    """Make a list of one whole number."""
    return side.reshape(1).name if isinstance(side, Value) else writer.add_constant([side])


def count_up(stop: Value) -> Value:
    """Count 0, 1, ..., stop - 1."""
    writer, kind = stop.writer, stop.kind
    zero, one = (writer.add_constant(np.array(number, kind)) for number in (0, 1))
    return Value(writer, writer.add_node("Range", zero, stop.name, one), kind)


def join(values: Sequence[Value], axis: int) -> Value:
    """Join values of one type along an axis."""
    writer, names = values[0].writer, [one.name for one in values]
    return Value(writer, writer.add_node("Concat", *names, axis=axis), values[0].kind)


def choose(condition: Value, this: Value, other: Value | Number) -> Value:
    """Take this where the condition holds, else the other, element by element."""
    second, writer = this._constant(other), this.writer
    name = writer.add_node("Where", condition.name, this.name, second.name)
    return Value(writer, name, this.kind)

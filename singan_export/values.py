"""Values of an ONNX graph that are computed with as numpy computes: a + b appends an Add node.

Whole numbers divide as in Python (rounding down), and a value keeps its type: a number beside it becomes a constant of
that type. Everything is appended to the body that is being written, whichever body a value comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from singan_export.writer import Writer

OPSET = 18
"""The first that has BitwiseXor; ONNX Runtime 1.14 and later have all of it."""

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
        """Divide; whole numbers that are not negative are rounded down, which is quicker than //."""
        return self._with("Div", other)

    def equals(self, other: Value | Number) -> Value:
        """Tell where it equals another."""
        return self._with("Equal", other, np.bool_)

    def bits_and(self, other: Value | Number) -> Value:
        """Take the bits that both have."""
        return self._with("BitwiseAnd", other)

    def bits_xor(self, other: Value | Number) -> Value:
        """Take the bits that one of both has."""
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
        """Apply an operator of one input that keeps the type."""
        return self._make(operator, self.kind, self.name, **attributes)

    def cast(self, kind: Kind) -> Value:
        """Convert to another type."""
        if kind is self.kind:
            return self
        return self._make(
            "Cast", kind, self.name, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        )

    def gather(self, index: Value | int, axis: int = 0) -> Value:
        """Take entries along an axis; a single index takes the axis away."""
        return self._make("Gather", self.kind, self.name, self._whole(index), axis=axis)

    def block(self, start: Value, sides: Value) -> Value:
        """Take a block of the first axes: where it begins and how long it is, int64 (axes,)."""
        return self._make("Slice", self.kind, self.name, start.name, (start + sides).name)

    def slice(self, axis: int, start: Value | int, stop: Value | int) -> Value:
        """Take a range of an axis."""
        bounds = [_listed(self.writer, bound) for bound in (start, stop)]
        return self._make("Slice", self.kind, self.name, *bounds, self.writer.constant([axis]))

    def crop(self, before: Sequence[int], after: Sequence[int]) -> Value:
        """Leave out so many entries before and after, of the first axes."""
        starts, axes = (
            self.writer.constant(list(before)),
            self.writer.constant(list(range(len(before)))),
        )
        ends = self.writer.constant(
            [-count if count else np.iinfo(np.int64).max for count in after]
        )
        return self._make("Slice", self.kind, self.name, starts, ends, axes)

    def window(self, dy: int, dx: int, reach: int) -> Value:
        """What lies at (dy, dx) of every pixel, (h, w), of values that reach so many further on every side."""
        return self.crop((reach + dy, reach + dx), (reach - dy, reach - dx))

    def reshape(self, *sides: Value | int) -> Value:
        """Give it another shape."""
        return self._make("Reshape", self.kind, self.name, list_of(self.writer, sides).name)

    def expand_dims(self, *axes: int) -> Value:
        """Insert axes of length 1."""
        return self._make("Unsqueeze", self.kind, self.name, self.writer.constant(list(axes)))

    def expand(self, *sides: Value | int) -> Value:
        """Repeat axes of length 1 up to these lengths."""
        return self._make("Expand", self.kind, self.name, list_of(self.writer, sides).name)

    def transpose(self, *axes: int) -> Value:
        """Put the axes in another order."""
        return self._make("Transpose", self.kind, self.name, perm=list(axes))

    def pad(
        self, before: Sequence[int], after: Sequence[int], value: Value | Number | None = None
    ) -> Value:
        """Put so many entries before and after every axis: zeros, or another value."""
        widths = self.writer.constant([*before, *after])
        filled = self._constant(0 if value is None else value).name
        return self._make("Pad", self.kind, self.name, widths, filled)

    def pad_edges(self, before: Sequence[int], after: Sequence[int]) -> Value:
        """Repeat the first and last entries of every axis so many times."""
        return self._make(
            "Pad", self.kind, self.name, self.writer.constant([*before, *after]), mode="edge"
        )

    def reduce(self, operator: str, axis: int, keep: bool = False) -> Value:
        """Reduce an axis to one entry, which is taken away unless it is kept."""
        axes = self.writer.constant([axis])
        return self._make(operator, self.kind, self.name, axes, keepdims=int(keep))

    def find(self, operator: str, axis: int, keep: bool = False) -> Value:
        """Find the first place of the extreme along an axis: ArgMin or ArgMax."""
        return self._make(
            operator, np.int64, self.name, axis=axis, keepdims=int(keep), select_last_index=0
        )

    def matmul(self, other: Value) -> Value:
        """Multiply matrices."""
        return self._make("MatMul", self.kind, self.name, other.name)

    def side(self, axis: int) -> Value:
        """The length of an axis, an int64 without axes."""
        return self._make("Shape", np.int64, self.name, start=axis, end=axis + 1).reshape()

    def named(self, name: str) -> Value:
        """The same under another name, as the graph's outputs need it."""
        return Value(self.writer, self.writer.node("Identity", self.name, out=name), self.kind)

    def _with(self, operator: str, other: Value | Number, kind: Kind | None = None) -> Value:
        return self._make(operator, kind or self.kind, self.name, self._constant(other).name)

    def _constant(self, other: Value | Number) -> Value:
        return (
            other if isinstance(other, Value) else constant(self.writer, np.array(other, self.kind))
        )

    def _whole(self, index: Value | int) -> str:
        return index.name if isinstance(index, Value) else self.writer.constant(index)

    def _make(self, operator: str, kind: Kind, *inputs: str, **attributes: Any) -> Value:
        return Value(self.writer, self.writer.node(operator, *inputs, **attributes), kind)


def constant(writer: Writer, values: NDArray[Any]) -> Value:
    """A constant of an array's own type."""
    return Value(writer, writer.constant(values), values.dtype.type)


def _listed(writer: Writer, side: Value | int) -> str:
    """A single whole number as a list of one."""
    return side.reshape(1).name if isinstance(side, Value) else writer.constant([side])


def list_of(writer: Writer, sides: Sequence[Value | int]) -> Value:
    """Whole numbers, some of them computed, as a list, int64."""
    if not any(isinstance(side, Value) for side in sides):
        return Value(
            writer,
            writer.constant([int(side) for side in sides if isinstance(side, int)]),
            np.int64,
        )
    return Value(
        writer, writer.node("Concat", *(_listed(writer, side) for side in sides), axis=0), np.int64
    )


def count_up(stop: Value) -> Value:
    """0, 1, ... to before stop."""
    writer, kind = stop.writer, stop.kind
    zero, one = (writer.constant(np.array(number, kind)) for number in (0, 1))
    return Value(writer, writer.node("Range", zero, stop.name, one), kind)


def join(values: Sequence[Value], axis: int) -> Value:
    """Put values of one type side by side."""
    first = values[0]
    return Value(
        first.writer,
        first.writer.node("Concat", *(one.name for one in values), axis=axis),
        first.kind,
    )


def choose(condition: Value, this: Value, other: Value | Number) -> Value:
    """Take this where the condition holds, else the other."""
    second = this._constant(other)
    return Value(
        this.writer, this.writer.node("Where", condition.name, this.name, second.name), this.kind
    )


Step = Callable[[Value, list[Value]], tuple[list[Value], list[Value]]]
"""(number of the turn, what is carried) -> (what is carried on, what is collected)."""


def loop(turns: Value, carried: Sequence[Value], step: Step) -> tuple[list[Value], list[Value]]:
    """Do a step so many times; what is collected has one entry a turn along a new first axis."""
    writer = turns.writer
    stem = f"loop_{writer._made}"
    ins = [Value(writer, f"{stem}_{number}", one.kind) for number, one in enumerate(carried)]
    turn, go_on = Value(writer, f"{stem}_turn", np.int64), Value(writer, f"{stem}_on", np.bool_)
    with writer.body() as nodes:
        after, collected = step(turn, ins)
        outs = [
            Value(writer, writer.node("Identity", one.name), one.kind)
            for one in (go_on, *after, *collected)
        ]
    given = [_told(turn, []), _told(go_on, []), *(_told(one) for one in ins)]
    body = helper.make_graph(
        nodes, stem, given, [_told(outs[0], []), *(_told(one) for one in outs[1:])]
    )
    true = writer.constant(np.array(True))
    names = writer.nodes_with(
        "Loop", [turns.name, true, *(one.name for one in carried)], len(outs) - 1, body=body
    )
    made = [Value(writer, name, one.kind) for name, one in zip(names, outs[1:], strict=True)]
    return made[: len(carried)], made[len(carried) :]


def either(
    condition: Value, this: Callable[[], Sequence[Value]], other: Callable[[], Sequence[Value]]
) -> list[Value]:
    """Compute this if the condition, a single truth, holds; else the other."""
    writer = condition.writer
    bodies, kinds = [], []
    for part in (this, other):
        with writer.body() as nodes:
            outs = [Value(writer, writer.node("Identity", one.name), one.kind) for one in part()]
        bodies.append(
            helper.make_graph(nodes, f"branch_{writer._made}", [], [_told(one) for one in outs])
        )
        kinds = [one.kind for one in outs]
    names = writer.nodes_with(
        "If", [condition.name], len(kinds), then_branch=bodies[0], else_branch=bodies[1]
    )
    return [Value(writer, name, kind) for name, kind in zip(names, kinds, strict=True)]


def _told(value: Value, shape: list[int] | None = None) -> onnx.ValueInfoProto:
    """The name and the type of a body's input or output, of any shape unless it is given."""
    return helper.make_tensor_value_info(
        value.name, helper.np_dtype_to_tensor_dtype(np.dtype(value.kind)), shape
    )

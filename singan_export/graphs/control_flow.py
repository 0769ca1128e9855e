"""Write loops and branches of an ONNX graph, whose bodies are graphs of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import helper

from singan_export.graphs.values import Value

Step = Callable[[Value, list[Value]], tuple[list[Value], list[Value]]]
"""(turn, state) -> (next state, outputs of this turn)."""


def loop(turns: Value, state: Sequence[Value], step: Step) -> tuple[list[Value], list[Value]]:
    """Do a step so many times.

    Returns the last state, and each output of all turns along a new first axis.
    """
    writer = turns.writer
    stem = f"loop_{writer.count}"
    before = [Value(writer, f"{stem}_{number}", one.kind) for number, one in enumerate(state)]
    turn, go_on = Value(writer, f"{stem}_turn", np.int64), Value(writer, f"{stem}_on", np.bool_)

    # The body: ONNX wants its outputs to be values of its own, hence the Identity nodes.
    with writer.collect_body() as nodes:
        after, outputs = step(turn, before)
        results = [_copy(one) for one in (go_on, *after, *outputs)]
    inputs_info = [_describe(turn, []), _describe(go_on, []), *map(_describe, before)]
    outputs_info = [_describe(results[0], []), *map(_describe, results[1:])]
    body = helper.make_graph(nodes, stem, inputs_info, outputs_info)

    true = writer.add_constant(np.array(True))
    inputs = [turns.name, true, *(one.name for one in state)]
    names = writer.add_node_with("Loop", inputs, len(results) - 1, body=body)
    values = [Value(writer, name, one.kind) for name, one in zip(names, results[1:], strict=True)]
    return values[: len(state)], values[len(state) :]


def branch(
    condition: Value, this: Callable[[], Sequence[Value]], other: Callable[[], Sequence[Value]]
) -> list[Value]:
    """Compute only this if the condition, a scalar, holds, else only the other."""
    writer = condition.writer
    bodies, kinds = [], []
    for write in (this, other):
        with writer.collect_body() as nodes:
            results = [_copy(one) for one in write()]
        info = [_describe(one) for one in results]
        bodies.append(helper.make_graph(nodes, f"branch_{writer.count}", [], info))
        kinds = [one.kind for one in results]

    names = writer.add_node_with(
        "If", [condition.name], len(kinds), then_branch=bodies[0], else_branch=bodies[1]
    )
    return [Value(writer, name, kind) for name, kind in zip(names, kinds, strict=True)]


def _copy(value: Value) -> Value:
    return Value(value.writer, value.writer.add_node("Identity", value.name), value.kind)


def _describe(value: Value, shape: list[int] | None = None) -> onnx.ValueInfoProto:
    """Describe an input or output of a body: its name, its type, and its shape if that is given."""
    element = helper.np_dtype_to_tensor_dtype(np.dtype(value.kind))
    return helper.make_tensor_value_info(value.name, element, shape)

"""Check that a graph is one that our exporters could have written, and what running it can cost.

A stranger's graph of a kilobyte can ask for gigabytes (a tensor repeated, two rows multiplied to a
square) or loop for ever. So only the operators of our generators are allowed, each with the
attributes that we write, and the size of every value is derived before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from singan_core import HALO
from singan_core.file_limits import MOST_CHANNELS
from singan_runtime.graph_file import FLOAT16, FLOAT32, FLOAT64, Graph, Node, read_graph
from singan_runtime.wire_format import GraphError

Shape = tuple[int, ...]

NOISE, PREV, IMAGE = "noise", "prev", "image"
MOST_BYTES_A_PIXEL = 24 << 10
"""Of all values that are held at once, each number counted as 8 bytes. A generator of 32 channels
in double precision holds 4 KiB, one of 128 channels 16 KiB."""
MOST_PRODUCTS_A_PIXEL = 4 << 20
"""Of all convolutions. A generator of 32 channels has 30 thousand, one of 128 has 450 thousand."""
_PROBES = ((61, 67), (1_000_003, 999_983))
"""Heights and widths of an image for which all sizes are derived: the small one shows what a graph
holds whatever the picture's size, the large one what grows faster than the picture's area."""
_DOUBLE_BYTES = 8


def check_graph(data: bytes, channels: int | None = None) -> None:
    """Check a generator's graph, of so many channels if that is known, before it is run.

    Raises GraphError: other inputs or outputs than a generator's, an operator or attribute that we
    never write, weights that are not finite, or more than 24 KiB of memory for each pixel.
    """
    graph = read_graph(data)
    if channels is None:
        channels = _read_channels(graph)
    _check_signature(graph, channels)

    for name, constant in graph.constants.items():
        if constant.dtype.kind == "f" and not np.isfinite(constant).all():
            raise GraphError(f"weights {name!r} are not finite numbers")

    for height, width in _PROBES:
        shapes = _derive_shapes(graph, (1, channels, height + 2 * HALO, width + 2 * HALO))
        if shapes.get(IMAGE) != (1, channels, height, width):
            raise GraphError(
                f"its image does not have the size of its noise less {HALO} px on each side"
            )
        _check_memory(graph, shapes, height * width)
        _check_products(graph, shapes, height * width)


def _read_channels(graph: Graph) -> int:
    """Read the channels of the first input, to which everything else must then fit."""
    shape = graph.inputs[0].shape if graph.inputs else ()
    channels = shape[1] if len(shape) == 4 else None
    if channels is None or not 1 <= channels <= MOST_CHANNELS:
        raise GraphError(f"its first input has shape {shape}, not (batch, channels, height, width)")
    return channels


def _check_signature(graph: Graph, channels: int) -> None:
    """Check names, element types and sides of inputs and outputs."""
    names = [value.name for value in graph.inputs]
    if sorted(names) != [NOISE, PREV] or [value.name for value in graph.outputs] != [IMAGE]:
        got = f"{', '.join(names)} -> {', '.join(value.name for value in graph.outputs)}"
        raise GraphError(f"its inputs and outputs are {got}, not {NOISE}, {PREV} -> {IMAGE}")

    if clash := {NOISE, PREV} & set(graph.constants):
        raise GraphError(f"{min(clash)!r} is an input and a tensor at once")

    values = [*graph.inputs, *graph.outputs]
    if {value.dtype for value in values} not in ({FLOAT32}, {FLOAT64}):
        raise GraphError("its inputs and outputs are not all float32 or all float64")
    for value in values:
        if len(value.shape) != 4 or value.shape[1] != channels:
            raise GraphError(
                f"{value.name!r} has shape {value.shape}, not (batch, {channels}, height, width)"
            )


def _derive_shapes(graph: Graph, seen: Shape) -> dict[str, Shape]:
    """Derive the shape of every value from that of noise and prev."""
    shapes = {name: constant.shape for name, constant in graph.constants.items()}
    shapes |= {NOISE: seen, PREV: seen}
    for node in graph.nodes:
        _follow(node, shapes, graph)
    return shapes


def _follow(node: Node, shapes: dict[str, Shape], graph: Graph) -> None:
    """Derive the shape of what one operator makes."""
    if node.operator not in _OPERATORS:
        raise GraphError(
            f"operator {node.operator!r} is not one of {', '.join(_OPERATORS)}, "
            "of which our graphs consist"
        )
    derive, attributes = _OPERATORS[node.operator]
    if unknown := set(node.attributes) - attributes:
        raise GraphError(
            f"{node.operator} has the attribute {min(unknown)!r}, which we never write"
        )
    if missing := [name for name in node.inputs if name not in shapes]:
        raise GraphError(f"{node.operator} reads {missing[0]!r}, which nothing before it makes")
    if len(node.outputs) != 1 or node.outputs[0] in shapes:
        raise GraphError(f"{node.operator} makes {node.outputs}: it must be one new value")

    made = derive(node, [shapes[name] for name in node.inputs], graph)
    if min(made, default=1) < 1:
        raise GraphError(f"{node.operator} makes a value of shape {made}")
    shapes[node.outputs[0]] = made


def _check_memory(graph: Graph, shapes: dict[str, Shape], pixels: int) -> None:
    """Add up what is held at once, each value from where it is made to where it is last read."""
    last = {name: place for place, node in enumerate(graph.nodes) for name in node.inputs}
    held = 0.0
    for place, node in enumerate(graph.nodes):
        held += math.prod(shapes[node.outputs[0]]) * _DOUBLE_BYTES / pixels
        if held > MOST_BYTES_A_PIXEL:
            raise GraphError(
                f"it would hold more than {MOST_BYTES_A_PIXEL} bytes for each pixel of a picture"
            )
        done = {name for name in node.inputs if last[name] == place and name not in graph.constants}
        held -= sum(
            math.prod(shapes[name]) * _DOUBLE_BYTES / pixels for name in done - {NOISE, PREV}
        )


def _check_products(graph: Graph, shapes: dict[str, Shape], pixels: int) -> None:
    """Count the products of all convolutions: the weights of each, at every place of its output."""
    products = 0
    for node in graph.nodes:
        if node.operator in ("Conv", "MatMul"):
            weights, made = shapes[node.inputs[1]], shapes[node.outputs[0]]
            channels = weights[0] if node.operator == "Conv" else weights[1]
            products += math.prod(weights) * math.prod(made) // channels
    if products > MOST_PRODUCTS_A_PIXEL * pixels:
        raise GraphError(
            f"it would take more than {MOST_PRODUCTS_A_PIXEL} products for each pixel of a picture"
        )


def _broadcast(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    """Derive numpy's common shape, as element-wise operators do."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise GraphError(f"{node.operator} of shapes {shapes} is not possible") from error


def _keep(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    _need(node, shapes, 1, 3)
    return shapes[0]


def _cast(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    """Keep the shape, and refuse texts, whose size nobody knows."""
    if (to := _whole_numbers(node, "to")) not in ((FLOAT32,), (FLOAT16,), (FLOAT64,)):
        raise GraphError(f"Cast to element type {to}, which our graphs never hold")
    return _keep(node, shapes, graph)


def _convolve(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    """Derive the shape after a 3x3 convolution without padding, stride or dilation."""
    _need(node, shapes, 2, 3)
    image, weights = shapes[:2]
    if len(image) != 4 or len(weights) != 4 or image[1] != weights[1]:
        raise GraphError(f"Conv of {image} with weights {weights} is not possible")
    if weights[2:] != (3, 3) or node.attributes.get("kernel_shape", (3, 3)) != (3, 3):
        raise GraphError(f"Conv has a kernel of {weights[2:]}, ours have 3x3")
    return (image[0], weights[0], image[2] - 2, image[3] - 2)


def _multiply(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    """Derive the shape of a product of the last axis with a matrix of constants."""
    _need(node, shapes, 2, 2)
    image, matrix = shapes
    if len(matrix) != 2 or node.inputs[1] not in graph.constants or image[-1:] != matrix[:1]:
        raise GraphError(f"MatMul of {image} and {matrix}: ours multiply by a matrix of weights")
    return (*image[:-1], matrix[1])


def _transpose(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    _need(node, shapes, 1, 1)
    order = _whole_numbers(node, "perm")
    if sorted(order) != list(range(len(shapes[0]))):
        raise GraphError(f"Transpose by {order} does not fit a shape of {len(shapes[0])} sides")
    return tuple(shapes[0][axis] for axis in order)


def _concatenate(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    axes, first = _whole_numbers(node, "axis"), shapes[0] if shapes else ()
    if len(axes) != 1 or not 0 <= axes[0] < len(first):
        raise GraphError(f"Concat along {axes} does not fit a shape of {len(first)} sides")

    axis = axes[0]
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rest) != 1 or len({len(shape) for shape in shapes}) != 1:
        raise GraphError(f"Concat of shapes {shapes} is not possible")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _slice(node: Node, shapes: list[Shape], graph: Graph) -> Shape:
    """Derive the shape of a piece whose starts, ends and axes are constants."""
    _need(node, shapes, 4, 4)
    for name in node.inputs[1:]:
        if name not in graph.constants or graph.constants[name].dtype.kind != "i":
            raise GraphError(f"Slice takes {name!r}, which is no constant of whole numbers")

    made = list(shapes[0])
    parts = [graph.constants[name].ravel().tolist() for name in node.inputs[1:]]
    if len({len(part) for part in parts}) != 1:
        raise GraphError("Slice has starts, ends and axes of different number")
    for start, end, axis in zip(*parts, strict=True):
        if not isinstance(axis, int) or not 0 <= axis < len(made):
            raise GraphError(f"Slice of axis {axis} does not fit a shape of {len(made)} sides")
        made[axis] = len(range(*slice(start, end).indices(made[axis])))
    return tuple(made)


def _need(node: Node, shapes: list[Shape], least: int, most: int) -> None:
    if not least <= len(shapes) <= most:
        raise GraphError(f"{node.operator} has {len(shapes)} inputs, not {least} to {most}")


def _whole_numbers(node: Node, name: str) -> tuple[int, ...]:
    found = node.attributes.get(name, ())
    if isinstance(found, float):
        raise GraphError(f"{node.operator} has {name} {found}, which is no whole number")
    return found


_OPERATORS: dict[str, tuple[Callable[[Node, list[Shape], Graph], Shape], set[str]]] = {
    "Add": (_broadcast, set()),
    "Mul": (_broadcast, set()),
    "Max": (_broadcast, set()),
    "Sum": (_broadcast, set()),
    "Tanh": (_keep, set()),
    "LeakyRelu": (_keep, {"alpha"}),
    "Cast": (_cast, {"to"}),
    "QuantizeLinear": (_keep, {"axis"}),
    "DequantizeLinear": (_keep, {"axis"}),
    "Conv": (_convolve, {"kernel_shape"}),
    "MatMul": (_multiply, set()),
    "Transpose": (_transpose, {"perm"}),
    "Concat": (_concatenate, {"axis"}),
    "Slice": (_slice, set()),
}
"""What our exporters write: how the shape follows, and the attributes that are allowed."""

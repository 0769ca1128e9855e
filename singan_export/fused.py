"""The whole pyramid as one ONNX graph, for programs that bring ONNX Runtime and nothing else.

Inputs noise_0 .. noise_N are unit noise, each of its canvas with a halo of 5 on every side; their sizes set the
canvases, so the graph draws at any size. Output image (B, C, H, W), float in [-1, 1]. Start scale 0, zoom 1.

Between scales it resizes by gathering four taps per axis: Resize with antialias=1 is refused by TensorRT's parser, and
with antialias=0 it takes seconds on ONNX Runtime's CPU (docs/decisions.md).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from singan_core import HALO, cascade
from singan_core.manifest import Manifest
from singan_export import graph
from singan_export.comparison import Opened, unit_noises
from singan_export.writer import Writer
from singan_runtime.graphs import open_session
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler

NAME = "pyramid.onnx"
MANIFEST = "singan.manifest"

# Keys' kernel (a = -0.5) as polynomials in t, how far an output lies beyond its second tap: a row per tap, a column per
# power of t. Source: Keys 1981, eq. 4.
_KEYS = np.array(
    [[0, -0.5, 1, -0.5], [1, 0, -2.5, 1.5], [0, 0.5, 2, -1.5], [0, 0, -0.5, 0.5]], np.float32
)
_TAPS = 4

Kind = type[np.float32] | type[np.float64]


def build(graphs: Sequence[onnx.ModelProto], manifest: Manifest) -> onnx.ModelProto:
    """The checked graph of a whole pyramid from the graphs of its scales, coarsest first."""
    writer = Writer()
    image = ""
    for scale, model in enumerate(graphs):
        amplitude = np.full(
            (1, manifest.channels, 1, 1), manifest.noise_amplitude[scale], np.float32
        )
        noise = writer.node(
            "Mul", f"noise_{scale}", writer.constant(amplitude)
        )  # one channel becomes all of them
        shape = writer.node("Shape", noise)
        prev = enlarged(writer, image, shape) if image else writer.node("ConstantOfShape", shape)
        image = "image" if model is graphs[-1] else f"image_{scale}"
        writer.embed(model.graph, f"scale_{scale}/", {"noise": noise, "prev": prev, "image": image})
    inputs = [
        helper.make_tensor_value_info(f"noise_{scale}", TensorProto.FLOAT, axes(manifest, scale))
        for scale in range(len(graphs))
    ]
    output = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["batch", manifest.channels, "height", "width"]
    )
    body = helper.make_graph(
        writer.nodes, "singan_pyramid", inputs, [output], list(writer.constants.values())
    )
    return graph.model(body, metadata(manifest))


def axes(manifest: Manifest, scale: int) -> list[str | int]:
    """Names or lengths of the axes of a scale's input."""
    return [
        "batch",
        manifest.noise_channels[scale],
        f"height_{scale}_with_halo",
        f"width_{scale}_with_halo",
    ]


def metadata(manifest: Manifest) -> dict[str, str]:
    """What the graph says of itself: the manifest as JSON, and what a program without a JSON parser needs of it."""
    return {
        MANIFEST: json.dumps(dataclasses.replace(manifest, files={}).as_json()),
        "singan.name": manifest.name,
        "singan.trained_sizes": ",".join(f"{width}x{height}" for height, width in manifest.shapes),
        "singan.noise_channels": ",".join(str(channels) for channels in manifest.noise_channels),
        "singan.channels": str(manifest.channels),
        "singan.border": manifest.border,
        "singan.noise_spec": manifest.noise_spec,
        **({"singan.labels": "/".join(manifest.labels)} if manifest.labels else {}),
    }


def enlarged(writer: Writer, image: str, shape: str, kind: Kind = np.float32) -> str:
    """Prev of the shape (B, C, H+10, W+10) from a smaller image of this kind: resized, with zeros around it."""
    have = writer.node("Shape", image)
    for axis in (3, 2):  # columns first, as singan_core.resample does
        at = writer.constant(axis)
        wanted = writer.node(
            "Sub", writer.node("Gather", shape, at, axis=0), writer.constant(2 * HALO)
        )
        indices, weights = taps(writer, writer.node("Gather", have, at, axis=0), wanted, kind)
        # Rows lie together in memory, so that gathering them is four times as fast as gathering single values.
        image = image if axis == 2 else writer.node("Transpose", image, perm=[0, 1, 3, 2])
        image = weighted_rows(writer, image, indices, weights)
        image = image if axis == 2 else writer.node("Transpose", image, perm=[0, 1, 3, 2])
    return writer.node("Pad", image, writer.constant([0, 0, HALO, HALO, 0, 0, HALO, HALO]))


def taps(writer: Writer, n_in: str, n_out: str, kind: Kind = np.float32) -> tuple[str, str]:
    """Indices (4, n_out) into an axis of length n_in and weights (4, n_out) that enlarge it to length n_out.

    An output's place is ((2 p + 1) n_in - n_out) / (2 n_out): whole numbers until the last division, so that large
    canvases lose nothing in float32.
    """
    real = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    one, two = writer.constant(1), writer.constant(2)
    positions = writer.node("Range", writer.constant(0), n_out, one)
    odd = writer.node("Add", writer.node("Mul", positions, two), one)
    unit = writer.node("Mul", n_out, two)
    place = writer.node("Add", writer.node("Mul", odd, n_in), n_out)  # one pixel on, hence positive
    whole = writer.node("Div", place, unit)
    rest = writer.node("Sub", place, writer.node("Mul", whole, unit))
    beyond = writer.node("Div", *(writer.node("Cast", value, to=real) for value in (rest, unit)))
    row = writer.node("Unsqueeze", whole, writer.constant([0]))
    wished = writer.node("Add", row, writer.constant(np.arange(-2, 2, dtype=np.int64)[:, None]))
    last = writer.node("Sub", n_in, one)
    indices = writer.node("Min", writer.node("Max", wished, writer.constant(0)), last)
    inside = writer.node("Cast", writer.node("Equal", indices, wished), to=real)
    weights = writer.node(
        "Mul", keys(writer, beyond, kind), inside
    )  # a tap beyond the edge weighs nothing
    return indices, writer.node(
        "Div", weights, writer.node("ReduceSum", weights, writer.constant([0]))
    )


def keys(writer: Writer, beyond: str, kind: Kind) -> str:
    """Weights (4, n) of the four taps of outputs that lie 0 <= beyond < 1, (n,), behind their second tap."""
    t = writer.node("Unsqueeze", beyond, writer.constant([0]))
    square = writer.node("Mul", t, t)
    powers = writer.node("Concat", t, square, writer.node("Mul", square, t), axis=0)
    factors = _KEYS.astype(kind)
    product = writer.node("MatMul", writer.constant(factors[:, 1:]), powers)
    return writer.node("Add", product, writer.constant(factors[:, :1]))


def weighted_rows(writer: Writer, image: str, indices: str, weights: str) -> str:
    """Rows of the image (B, C, n_in, W) gathered by indices (4, n_out), weighted, and summed tap by tap."""
    total = ""
    for tap in range(_TAPS):
        one = writer.constant(tap)
        rows = writer.node("Gather", image, writer.node("Gather", indices, one, axis=0), axis=2)
        weight = writer.node(
            "Unsqueeze", writer.node("Gather", weights, one, axis=0), writer.constant([1])
        )
        part = writer.node("Mul", rows, weight)
        total = writer.node("Add", total, part) if total else part
    return total


def opened(path: Path, sampler: Sampler) -> Opened:
    """The graph of a file, ready to draw. Raises BundleError when ONNX Runtime cannot load it."""
    session = open_session(path, "cpu")

    def draw(picture: Picture, unit_noise: cascade.Draw) -> NDArray[np.float32]:
        noises = unit_noises(sampler, picture, unit_noise)
        (image,) = session.run(
            ["image"], {f"noise_{scale}": noise for scale, noise in enumerate(noises)}
        )
        return image

    return Opened("fused", None, draw)


def check(path: Path, manifest: Manifest) -> None:
    """One valid file whose inputs and metadata are those of the manifest. Raises BundleError."""
    model = graph.read(path)
    expected = {
        f"noise_{scale}": tuple(axes(manifest, scale)) for scale in range(len(manifest.shapes))
    }
    graph.check_signature(
        path, model, {**expected, "image": ("batch", manifest.channels, "height", "width")}
    )
    graph.check_metadata(path, model, metadata(manifest))

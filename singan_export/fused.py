"""Write a whole pyramid as one ONNX graph, for programs that have ONNX Runtime and nothing else.

Inputs noise_0 .. noise_N are unit noise, each of its canvas with a halo of 5 on every side. Their
sizes set the canvases, so the graph draws at any size. Output image (B, C, H, W) is float in
[-1, 1]. It draws from start scale 0 at zoom 1.

Between scales it resizes by gathering four taps per axis: Resize with antialias=1 is refused by
TensorRT's parser, and with antialias=0 it takes seconds on ONNX Runtime's CPU (docs/decisions.md).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from singan_core import HALO, cascade
from singan_core.arrays import Floats
from singan_core.file_limits import MOST_FOLDER_BYTES
from singan_core.listed_files import read_inside
from singan_core.manifest import Manifest
from singan_export import generator_graph
from singan_export.comparison import Opened
from singan_export.graphs.writer import Writer
from singan_export.inputs import make_unit_noises
from singan_runtime.graphs import open_session
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid

NAME = "pyramid.onnx"
MANIFEST = "singan.manifest"

# Keys' kernel (a = -0.5) as polynomials in t, how far an output lies beyond its second tap: a row
# for each tap, a column for each power of t. Source: Keys 1981, eq. 4.
_KEYS = np.array(
    [[0, -0.5, 1, -0.5], [1, 0, -2.5, 1.5], [0, 0.5, 2, -1.5], [0, 0, -0.5, 0.5]], np.float32
)
_TAPS = 4

Kind = type[np.float32] | type[np.float64]


def build(graphs: Sequence[onnx.ModelProto], manifest: Manifest) -> onnx.ModelProto:
    """Build the checked graph of a whole pyramid from the graphs of its scales, coarsest first."""
    writer = Writer()
    image = ""
    for scale, model in enumerate(graphs):
        amplitude = np.full(
            (1, manifest.channels, 1, 1), manifest.noise_amplitude[scale], np.float32
        )
        # Noise of one channel becomes noise of all channels here.
        noise = writer.add_node("Mul", f"noise_{scale}", writer.add_constant(amplitude))
        shape = writer.add_node("Shape", noise)
        prev = enlarge(writer, image, shape) if image else writer.add_node("ConstantOfShape", shape)

        image = "image" if model is graphs[-1] else f"image_{scale}"
        writer.embed(model.graph, f"scale_{scale}/", {"noise": noise, "prev": prev, "image": image})

    inputs = [
        helper.make_tensor_value_info(
            f"noise_{scale}", TensorProto.FLOAT, name_axes(manifest, scale)
        )
        for scale in range(len(graphs))
    ]
    output = helper.make_tensor_value_info(
        "image", TensorProto.FLOAT, ["batch", manifest.channels, "height", "width"]
    )
    body = helper.make_graph(
        writer.nodes, "singan_pyramid", inputs, [output], list(writer.constants.values())
    )
    return generator_graph.make_model(body, make_metadata(manifest))


def name_axes(manifest: Manifest, scale: int) -> list[str | int]:
    """Give the names, or the lengths where they are fixed, of the axes of a scale's input."""
    return [
        "batch",
        manifest.noise_channels[scale],
        f"height_{scale}_with_halo",
        f"width_{scale}_with_halo",
    ]


def make_metadata(manifest: Manifest) -> dict[str, str]:
    """Give the graph's metadata_props: the manifest as JSON, and its main values as plain text.

    The plain text is for programs without a JSON parser.
    """
    return {
        MANIFEST: json.dumps(dataclasses.replace(manifest, files={}).to_json()),
        "singan.name": manifest.name,
        "singan.trained_sizes": ",".join(f"{width}x{height}" for height, width in manifest.shapes),
        "singan.noise_channels": ",".join(str(channels) for channels in manifest.noise_channels),
        "singan.channels": str(manifest.channels),
        "singan.border": manifest.border,
        "singan.noise_spec": manifest.noise_spec,
        **({"singan.labels": "/".join(manifest.labels)} if manifest.labels else {}),
    }


def enlarge(writer: Writer, image: str, shape: str, kind: Kind = np.float32) -> str:
    """Write prev of a shape (B, C, H+10, W+10): a smaller image, resized, with zeros around it."""
    have = writer.add_node("Shape", image)
    for axis in (3, 2):  # columns first, as singan_core.resample does
        at = writer.add_constant(axis)
        n_out = writer.add_node(
            "Sub", writer.add_node("Gather", shape, at, axis=0), writer.add_constant(2 * HALO)
        )
        indices, weights = write_taps(
            writer, writer.add_node("Gather", have, at, axis=0), n_out, kind
        )

        # Gathering rows, which lie together in memory, is four times as fast as gathering columns.
        image = image if axis == 2 else writer.add_node("Transpose", image, perm=[0, 1, 3, 2])
        image = sum_rows(writer, image, indices, weights)
        image = image if axis == 2 else writer.add_node("Transpose", image, perm=[0, 1, 3, 2])
    return writer.add_node("Pad", image, writer.add_constant([0, 0, HALO, HALO, 0, 0, HALO, HALO]))


def write_taps(writer: Writer, n_in: str, n_out: str, kind: Kind = np.float32) -> tuple[str, str]:
    """Write the indices and weights, (4, n_out) each, that enlarge an axis from n_in to n_out.

    An output's place is ((2 p + 1) n_in - n_out) / (2 n_out): whole numbers until the last
    division, so that large canvases lose nothing in float32.
    """
    real = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    one, two = writer.add_constant(1), writer.add_constant(2)

    # The place of every output, one pixel on so that it is positive: a whole part and a fraction.
    positions = writer.add_node("Range", writer.add_constant(0), n_out, one)
    odd = writer.add_node("Add", writer.add_node("Mul", positions, two), one)
    unit = writer.add_node("Mul", n_out, two)
    place = writer.add_node("Add", writer.add_node("Mul", odd, n_in), n_out)
    whole = writer.add_node("Div", place, unit)
    rest = writer.add_node("Sub", place, writer.add_node("Mul", whole, unit))
    fraction = writer.add_node(
        "Div", *(writer.add_node("Cast", value, to=real) for value in (rest, unit))
    )

    # Two taps before it and two after; one beyond the edge weighs nothing.
    row = writer.add_node("Unsqueeze", whole, writer.add_constant([0]))
    taps = writer.add_node(
        "Add", row, writer.add_constant(np.arange(-2, 2, dtype=np.int64)[:, None])
    )
    last = writer.add_node("Sub", n_in, one)
    indices = writer.add_node("Min", writer.add_node("Max", taps, writer.add_constant(0)), last)
    inside = writer.add_node("Cast", writer.add_node("Equal", indices, taps), to=real)
    weights = writer.add_node("Mul", write_keys(writer, fraction, kind), inside)

    total = writer.add_node("ReduceSum", weights, writer.add_constant([0]))
    return indices, writer.add_node("Div", weights, total)


def write_keys(writer: Writer, fraction: str, kind: Kind) -> str:
    """Write Keys' weights (4, n) of four taps for outputs at a fraction (n,) behind the second."""
    t = writer.add_node("Unsqueeze", fraction, writer.add_constant([0]))
    square = writer.add_node("Mul", t, t)
    powers = writer.add_node("Concat", t, square, writer.add_node("Mul", square, t), axis=0)

    factors = _KEYS.astype(kind)
    product = writer.add_node("MatMul", writer.add_constant(factors[:, 1:]), powers)
    return writer.add_node("Add", product, writer.add_constant(factors[:, :1]))


def sum_rows(writer: Writer, image: str, indices: str, weights: str) -> str:
    """Sum the rows of an image (B, C, n_in, W) that indices (4, n_out) name, by their weights."""
    total = ""
    for tap in range(_TAPS):
        one = writer.add_constant(tap)
        rows = writer.add_node(
            "Gather", image, writer.add_node("Gather", indices, one, axis=0), axis=2
        )
        weight = writer.add_node(
            "Unsqueeze", writer.add_node("Gather", weights, one, axis=0), writer.add_constant([1])
        )
        part = writer.add_node("Mul", rows, weight)
        total = writer.add_node("Add", total, part) if total else part
    return total


def write(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None = None
) -> None:
    """Write the graph of a bundle's generators into an empty folder."""
    manifest = sampler.manifest.generators
    scales = range(len(manifest.shapes))
    graphs = [generator_graph.load(bundle, sampler.manifest, scale) for scale in scales]
    onnx.save(build(graphs, manifest), folder / NAME)


def check(folder: Path, manifest: Manifest) -> None:
    """Check that the file is one valid graph with the manifest's inputs and metadata.

    Raises BundleError.
    """
    path = folder / NAME
    model = generator_graph.read(path)
    expected = {
        f"noise_{scale}": tuple(name_axes(manifest, scale)) for scale in range(len(manifest.shapes))
    }
    generator_graph.check_signature(
        path, model, {**expected, "image": ("batch", manifest.channels, "height", "width")}
    )
    generator_graph.check_metadata(path, model, make_metadata(manifest))


def open_format(folder: Path, sampler: Sampler) -> Opened:
    """Open the graph for drawing. Raises BundleError when ONNX Runtime cannot load it."""
    data = read_inside(folder, NAME, MOST_FOLDER_BYTES)
    session = open_session(folder / NAME, "cpu", data)

    def draw(picture: Plan, unit_noise: cascade.Draw) -> Floats:
        noises = make_unit_noises(sampler, picture, unit_noise)
        inputs = {f"noise_{scale}": noise for scale, noise in enumerate(noises)}
        image: Floats = session.run(["image"], inputs)[0]
        return image

    return Opened(draw=draw)

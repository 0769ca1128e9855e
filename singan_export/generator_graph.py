"""Write one generator as an ONNX graph: image = tanh(net(noise + prev)) + centre crop of prev.

Batch, height and width are free. The graph is written node by node, which takes no time, while
torch's exporter takes seconds for each graph; tests/test_graph.py compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from singan_core import HALO
from singan_core.errors import BundleError
from singan_core.file_limits import MOST_FOLDER_BYTES
from singan_core.file_names import graph_name
from singan_core.listed_files import read_inside
from singan_core.manifest import Manifest
from singan_runtime.graphs import list_digests, read_graph_file
from singan_train.scale.networks import Generator

OPSET = 17
IR_VERSION = 8  # ONNX Runtime 1.13 and later read it

Layer = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
"""Weight (out, in, 3, 3) and bias (out,) of a convolution."""


def fold(generator: Generator, dtype: type[np.floating[Any]] = np.float32) -> list[Layer]:
    """Fold every BatchNorm into the convolution before it.

    BatchNorm computes (value - mean) * gain + bias, with gain = weight / sqrt(variance + eps). So
    the convolution's weight and bias times the gain, and the shift bias - mean * gain, do the same.
    All is computed in float64 and rounded to the dtype at the end.
    """
    layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for module in generator.net:
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            layers.append((_to_numpy(module.weight), _to_numpy(module.bias)))
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            variance = module.running_var.double() + module.eps
            gain = module.weight.detach().double() / variance.sqrt()
            shift = module.bias.detach().double() - module.running_mean.double() * gain
            weight, bias = layers[-1]
            scale = _to_numpy(gain)
            layers[-1] = weight * scale[:, None, None, None], bias * scale + _to_numpy(shift)

    return [(weight.astype(dtype), bias.astype(dtype)) for weight, bias in layers]


def _to_numpy(values: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = values.detach().double().cpu().numpy()
    return array


def read_slope(generator: Generator) -> float:
    """Read the slope that all of the generator's LeakyReLUs share."""
    return next(
        module.negative_slope for module in generator.net if isinstance(module, nn.LeakyReLU)
    )


def build(generator: Generator, props: Mapping[str, str]) -> onnx.ModelProto:
    """Build the checked graph of a generator in eval mode.

    Its inputs are noise and prev, its output is image. props are its metadata_props.
    """
    slope = read_slope(generator)
    layers = fold(generator)
    nodes = [helper.make_node("Add", ["noise", "prev"], ["sum"], name="add_noise")]
    constants = []
    value = "sum"

    for number, (weight, bias) in enumerate(layers):
        names = f"weight_{number}", f"bias_{number}"
        constants.append(numpy_helper.from_array(weight, names[0]))
        constants.append(numpy_helper.from_array(bias, names[1]))
        name = f"conv_{number}"
        conv = helper.make_node("Conv", [value, *names], [name], name=name, kernel_shape=[3, 3])
        nodes.append(conv)
        value = name
        if number < len(layers) - 1:
            name = f"relu_{number}"
            nodes.append(helper.make_node("LeakyRelu", [value], [name], name=name, alpha=slope))
            value = name

    return complete(nodes, constants, value, len(layers[-1][1]), TensorProto.FLOAT, props)


def complete(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    value: str,
    channels: int,
    element: int,
    props: Mapping[str, str],
) -> onnx.ModelProto:
    """Append image = tanh(value) + centre crop of prev, and make a checked model.

    Inputs and output have the element type.
    """
    ranges = [
        numpy_helper.from_array(np.array(numbers, np.int64), name)
        for name, numbers in (("starts", [HALO, HALO]), ("ends", [-HALO, -HALO]), ("axes", [2, 3]))
    ]
    tail = [
        helper.make_node("Tanh", [value], ["residual"], name="tanh"),
        helper.make_node(
            "Slice", ["prev", "starts", "ends", "axes"], ["centre"], name="centre_crop"
        ),
        helper.make_node("Add", ["residual", "centre"], ["image"], name="add_prev"),
    ]

    haloed: list[str | int | None] = ["batch", channels, "height_with_halo", "width_with_halo"]
    inputs = [helper.make_tensor_value_info(name, element, haloed) for name in ("noise", "prev")]
    output = helper.make_tensor_value_info("image", element, ["batch", channels, "height", "width"])

    graph = helper.make_graph(
        [*nodes, *tail], "singan_generator", inputs, [output], [*constants, *ranges]
    )
    return make_model(graph, props)


def make_model(
    graph: onnx.GraphProto, props: Mapping[str, str], opset: int = OPSET
) -> onnx.ModelProto:
    """Make a checked model of a graph, with these metadata_props."""
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION
    )
    made.producer_name = "singan"
    helper.set_model_props(made, dict(props))
    onnx.checker.check_model(made, full_check=True)
    return made


def load(folder: Path, manifest: Manifest, scale: int, precision: str = "fp32") -> onnx.ModelProto:
    """Load the graph of a scale from a folder of a bundle: the bytes that its manifest vouches for.

    Raises BundleError for other bytes, and for a graph that our exporters could not have written.
    """
    path = folder / graph_name(scale)
    data = read_graph_file(path, list_digests(manifest, precision), manifest.channels)
    return parse(path, data)


def read(path: Path) -> onnx.ModelProto:
    """Read the graph of a file that holds all of it.

    Raises BundleError for a file that is cut short, not valid, or keeps weights elsewhere.
    """
    return parse(path, read_inside(path.parent, path.name, MOST_FOLDER_BYTES))


def parse(path: Path, data: bytes) -> onnx.ModelProto:
    """Parse the bytes of a file as read does. Raises BundleError."""
    try:
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and the checker's errors share no base
        raise BundleError(
            f"{path}: not a valid ONNX graph ({str(error).splitlines()[0]}); export again"
        ) from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise BundleError(f"{path}: keeps its weights outside the file; export again")
    return model


def check_signature(
    path: Path, model: onnx.ModelProto, expected: Mapping[str, tuple[str | int, ...]]
) -> None:
    """Raise BundleError unless inputs and outputs, and their axes, are the expected ones.

    expected gives for each input and output the names of its axes, or their lengths.
    """
    values = (*model.graph.input, *model.graph.output)
    found = {
        value.name: tuple(
            dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim
        )
        for value in values
    }
    if found != expected:
        raise BundleError(
            f"{path}: inputs and outputs are {found}, expected {expected}; export again"
        )


def check_metadata(path: Path, model: onnx.ModelProto, expected: Mapping[str, str]) -> None:
    """Raise BundleError unless metadata_props has the expected entries."""
    stated = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in expected.items():
        if stated.get(key) != value:
            raise BundleError(
                f"{path}: metadata {key} is {stated.get(key)!r}, the manifest says {value!r}; "
                "export again"
            )


def check(folder: Path, manifest: Manifest, scale: int, precision: str = "fp32") -> None:
    """Check that a file is one valid graph of this scale, with free batch, height and width.

    Raises BundleError.
    """
    path, model = folder / graph_name(scale), load(folder, manifest, scale, precision)
    haloed = ("batch", manifest.channels, "height_with_halo", "width_with_halo")
    image = ("batch", manifest.channels, "height", "width")
    check_signature(path, model, {"noise": haloed, "prev": haloed, "image": image})
    check_metadata(path, model, make_metadata(manifest, scale))


def check_scales(folder: Path, manifest: Manifest, precision: str = "fp32") -> None:
    """Check the graph of every scale in a folder. Raises BundleError."""
    for scale in range(len(manifest.pyramid.sizes)):
        check(folder, manifest, scale, precision)


def make_metadata(manifest: Manifest, scale: int) -> dict[str, str]:
    """Give a graph's metadata_props: they are those of the generators, whatever follows them."""
    manifest = manifest.generators
    height, width = manifest.pyramid.sizes[scale]
    return {
        "singan.name": manifest.name,
        "singan.scale": str(scale),
        "singan.scales": str(len(manifest.shapes)),
        "singan.trained_size": f"{width}x{height}",
        "singan.noise_amplitude": repr(manifest.noise_amplitude[scale]),
        "singan.noise_channels": str(manifest.noise_channels[scale]),
        "singan.channels": str(manifest.channels),
        "singan.halo": str(manifest.halo),
        "singan.border": manifest.border,
        "singan.noise_spec": manifest.noise_spec,
        "singan.format_version": str(manifest.format_version),
    }

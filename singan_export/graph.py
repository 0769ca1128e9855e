"""One generator as an ONNX graph: image = tanh(net(noise + prev)) + centre crop of prev, free batch, height and width.

The graph is written node by node: ten lines of ONNX say what the network is, in no time, where the torch exporter
takes seconds a graph; tests/test_graph.py holds both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from singan_core import HALO
from singan_core.errors import BundleError
from singan_core.manifest import Manifest
from singan_runtime.graphs import graph_name
from singan_train.networks import Generator

OPSET = 17
IR_VERSION = 8  # ONNX Runtime 1.13 and later read it


Layer = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]
"""Weight (out, in, 3, 3) and bias (out,) of a convolution."""


def fold(generator: Generator, dtype: type[np.floating[Any]] = np.float32) -> list[Layer]:
    """Fold every BatchNorm into the convolution before it, in float64, and round the layers to the dtype."""
    layers: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []

    for module in generator.net:
        if isinstance(module, nn.Conv2d):
            assert module.bias is not None
            layers.append(
                (
                    module.weight.detach().double().cpu().numpy(),
                    module.bias.detach().double().cpu().numpy(),
                )
            )
        elif isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            gain = (
                module.weight.detach().double() / (module.running_var.double() + module.eps).sqrt()
            )
            shift = module.bias.detach().double() - module.running_mean.double() * gain
            weight, bias = layers[-1]
            scale = gain.cpu().numpy()
            layers[-1] = (weight * scale[:, None, None, None], bias * scale + shift.cpu().numpy())

    return [(weight.astype(dtype), bias.astype(dtype)) for weight, bias in layers]


def leaky_slope(generator: Generator) -> float:
    """Read the slope that all of the generator's LeakyReLUs share."""
    return next(
        module.negative_slope for module in generator.net if isinstance(module, nn.LeakyReLU)
    )


def build(generator: Generator, props: Mapping[str, str]) -> onnx.ModelProto:
    """Build the checked graph of a generator in eval mode: inputs noise and prev, output image, metadata_props."""
    slope = leaky_slope(generator)
    layers = fold(generator)
    nodes = [helper.make_node("Add", ["noise", "prev"], ["sum"], name="add_noise")]
    constants = []
    value = "sum"

    for number, (weight, bias) in enumerate(layers):
        constants += [
            numpy_helper.from_array(weight, f"weight_{number}"),
            numpy_helper.from_array(bias, f"bias_{number}"),
        ]
        inputs = [value, f"weight_{number}", f"bias_{number}"]
        nodes.append(
            helper.make_node(
                "Conv", inputs, [f"conv_{number}"], name=f"conv_{number}", kernel_shape=[3, 3]
            )
        )
        value = f"conv_{number}"
        if number < len(layers) - 1:
            nodes.append(
                helper.make_node(
                    "LeakyRelu", [value], [f"relu_{number}"], name=f"relu_{number}", alpha=slope
                )
            )
            value = f"relu_{number}"

    return complete(nodes, constants, value, len(layers[-1][1]), TensorProto.FLOAT, props)


def complete(
    nodes: Sequence[onnx.NodeProto],
    constants: Sequence[onnx.TensorProto],
    value: str,
    channels: int,
    element: int,
    props: Mapping[str, str],
) -> onnx.ModelProto:
    """Append image = tanh(value) + centre crop of prev, and make a checked model with inputs of this element type."""
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
    return model(graph, props)


def model(graph: onnx.GraphProto, props: Mapping[str, str], opset: int = OPSET) -> onnx.ModelProto:
    """The graph as a checked model with these metadata_props."""
    made = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION
    )
    made.producer_name = "singan"
    helper.set_model_props(made, dict(props))
    onnx.checker.check_model(made, full_check=True)
    return made


def read(path: Path) -> onnx.ModelProto:
    """The graph of a file that holds all of it. Raises BundleError for one that is cut short or not valid."""
    try:
        model = onnx.load(path, load_external_data=False)
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
    """Raise BundleError unless inputs and outputs have these names, and their axes these names and lengths."""
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
    """Raise BundleError unless metadata_props says this."""
    stated = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in expected.items():
        if stated.get(key) != value:
            raise BundleError(
                f"{path}: metadata {key} is {stated.get(key)!r}, the manifest says {value!r}; export again"
            )


def check(path: Path, manifest: Manifest, scale: int) -> None:
    """One valid file with inputs noise and prev, output image, free batch, height and width. Raises BundleError."""
    model = read(path)
    haloed = ("batch", manifest.channels, "height_with_halo", "width_with_halo")
    image = ("batch", manifest.channels, "height", "width")
    check_signature(path, model, {"noise": haloed, "prev": haloed, "image": image})
    check_metadata(path, model, metadata(manifest, scale))


def check_scales(folder: Path, manifest: Manifest) -> None:
    """Check the graph of every scale in a folder. Raises BundleError."""
    for scale in range(len(manifest.pyramid.sizes)):
        check(folder / graph_name(scale), manifest, scale)


def metadata(manifest: Manifest, scale: int) -> dict[str, str]:
    """What a graph says of itself in metadata_props: it is the generators' alone, whatever comes after them."""
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

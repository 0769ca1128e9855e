"""Write generators' graphs with float16 convolutions, for GPUs and the web.

Inputs, the sum of noise and prev, the addition of prev and the output stay float32: programs feed
the same arrays, and only the residual loses digits, never the picture that it is added to. On a CPU
these graphs are slower than float32.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from singan_core.file_names import graph_name
from singan_export import generator_graph
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid


def write(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None = None
) -> None:
    """Write the graph of every scale in float16 into an empty folder."""
    for scale in range(len(sampler.manifest.generators.pyramid.sizes)):
        model = generator_graph.load(bundle, sampler.manifest, scale)
        onnx.save(convert(model), folder / graph_name(scale))


def convert(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a generator's graph to float16 from before its first convolution to behind its tanh.

    The result is checked.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    del half.graph.node[:]

    # The nodes again, with a cast before the first convolution and another one behind tanh.
    in_half = False
    for node in model.graph.node:
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        if node.op_type == "Conv" and not in_half:
            half.graph.node.append(_cast(node.input[0], "entry_fp16", TensorProto.FLOAT16))
            copy.input[0] = "entry_fp16"
            in_half = True
        if node.op_type == "Tanh":
            copy.output[0] = "residual_fp16"
        half.graph.node.append(copy)
        if node.op_type == "Tanh":
            half.graph.node.append(_cast("residual_fp16", node.output[0], TensorProto.FLOAT))

    # Weights and biases; the whole numbers of the centre crop stay as they are.
    for tensor in half.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values = numpy_helper.to_array(tensor).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    onnx.checker.check_model(half, full_check=True)
    return half


def _cast(value: str, output: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [value], [output], name=f"cast_to_{output}", to=to)

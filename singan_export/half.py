"""A generator's graph with its convolutions in float16, for GPUs and the web; on a CPU it is slower than float32.

Inputs, the sum of noise and prev, the addition of prev and the output stay float32: programs feed the same arrays, and
only the residual loses digits, never the picture that it is added to.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The checked graph in float16 from before its first convolution to behind its tanh."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    del half.graph.node[:]
    for node in model.graph.node:
        copy = onnx.NodeProto.FromString(node.SerializeToString())
        if node.op_type == "Conv" and not any(made.op_type == "Conv" for made in half.graph.node):
            half.graph.node.append(_cast(node.input[0], "entry_fp16", TensorProto.FLOAT16))
            copy.input[0] = "entry_fp16"
        if node.op_type == "Tanh":
            copy.output[0] = "residual_fp16"
        half.graph.node.append(copy)
        if node.op_type == "Tanh":
            half.graph.node.append(_cast("residual_fp16", node.output[0], TensorProto.FLOAT))
    for tensor in half.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(
                numpy_helper.from_array(
                    numpy_helper.to_array(tensor).astype(np.float16), tensor.name
                )
            )
    onnx.checker.check_model(half, full_check=True)
    return half


def _cast(value: str, made: str, to: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [value], [made], name=f"cast_to_{made}", to=to)

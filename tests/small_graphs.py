"""Small graphs, run by ONNX Runtime, for tests of the pieces that graphs are written from."""

import numpy as np
import onnxruntime
from onnx import helper

from singan_export.graphs.values import OPSET, Value
from singan_export.graphs.writer import Writer


def describe(name, kind, shape):
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    return helper.make_tensor_value_info(name, element, shape)


class Piece:
    """A graph of what a function writes from inputs of these types and numbers of axes."""

    def __init__(self, write, **kinds):
        writer = Writer()
        inputs = {
            name: Value(writer, name, np.dtype(kind).type) for name, (kind, _) in kinds.items()
        }
        results = write(writer, **inputs)
        outputs = [one.rename(f"out_{number}") for number, one in enumerate(results)]

        inputs_info = [describe(name, kind, [None] * axes) for name, (kind, axes) in kinds.items()]
        outputs_info = [describe(one.name, one.kind, None) for one in outputs]
        constants = list(writer.constants.values())
        body = helper.make_graph(writer.nodes, "piece", inputs_info, outputs_info, constants)
        self.kinds = {name: kind for name, (kind, _) in kinds.items()}
        model = helper.make_model(
            body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, **values):
        return self.session.run(
            None, {name: np.asarray(value, self.kinds[name]) for name, value in values.items()}
        )


def session_of(model):
    """ONNX Runtime on the CPU, with a model."""
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

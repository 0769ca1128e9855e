"""Write generators' graphs in int8: QuantizeLinear and DequantizeLinear around the convolutions.

The ranges are fixed and taken from pictures that the pyramid draws. Quantisation is symmetric, per
output channel and without a quantised bias, as TensorRT wants it. Float32 stays where quality needs
it: in the first and the last convolution of a scale, and in the coarse scales, whose errors the
later ones enlarge and which take next to no time (docs/decisions.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from singan_core.file_names import graph_name
from singan_export import generator_graph
from singan_export.inputs import SEED, Inputs, record_inputs
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid

PICTURES = 16  # of the trained size; none of them has the seed that formats are compared on
COARSE = 1 / 8  # of the finest scale's pixels: scales with fewer pixels stay in float32


def write(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None = None
) -> None:
    """Write the graph of every scale into an empty folder, those of the larger scales quantised."""
    plain = sampler.without_detail()
    pyramid = plain.manifest.pyramid
    records = [
        record_inputs(plain, pyramid.passes, SEED + 1 + number) for number in range(PICTURES)
    ]

    for scale in range(len(pyramid.sizes)):
        model = generator_graph.load(bundle, sampler.manifest, scale)
        path = folder / graph_name(scale)
        # The continuation draws none of the recorded pictures, so no ranges are known for it.
        is_continuation = scale == len(pyramid.shapes)
        if is_continuation or pyramid.ratio(scale) ** 2 < COARSE:
            onnx.save(model, path)
        else:
            quantise(model, path, (record[scale] for record in records))


def quantise(model: onnx.ModelProto, path: Path, inputs: Iterator[Inputs]) -> None:
    """Write a quantised and checked graph, with the ranges of its values for these inputs."""
    layers = [node.name for node in model.graph.node if node.op_type in ("Conv", "LeakyRelu")]
    with _without_advice():
        quantize_static(
            model,
            path,
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "LeakyRelu"],
            nodes_to_exclude=[*layers[:2], *layers[-2:]],
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
            },
        )

    onnx.checker.check_model(generator_graph.read(path), full_check=True)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hand the inputs of one picture after the other to the calibration."""

    def __init__(self, inputs: Iterator[Inputs]) -> None:
        self.inputs = inputs

    def get_next(self) -> dict[str, object] | None:
        """Give the next inputs by name, or None at the end."""
        pair = next(self.inputs, None)
        return None if pair is None else dict(zip(("noise", "prev"), pair, strict=True))


@contextmanager
def _without_advice() -> Iterator[None]:
    """Silence the advice to fuse and simplify each graph first: these leave nothing to fuse."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)

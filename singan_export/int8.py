"""A generator's graph in int8: quantise and dequantise nodes with static ranges, taken from the pyramid's own samples.

Symmetric, per output channel, and without a quantised bias, as TensorRT wants it. Where quality needs it float32 stays:
in the first and the last convolution of a scale, and in the coarse scales, whose errors the later ones enlarge and
whose time is next to nothing (docs/decisions.md).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from singan_export import graph
from singan_export.comparison import SEED, Inputs, recorded
from singan_runtime.graphs import graph_name
from singan_runtime.sampler import Sampler

PICTURES = 16  # of the trained size; none of them has the seed that formats are compared on
COARSE = 1 / 8  # of the finest scale's pixels: scales with fewer stay as they are


def write(folder: Path, graphs: list[onnx.ModelProto], sampler: Sampler) -> None:
    """A graph per scale, the larger ones quantised."""
    pyramid = sampler.manifest.pyramid
    pictures = [recorded(sampler, pyramid.passes, SEED + 1 + number) for number in range(PICTURES)]
    for scale, model in enumerate(graphs):
        if (
            pyramid.is_continuation(scale) or pyramid.ratio(scale) ** 2 < COARSE
        ):  # the passes see no continuation
            onnx.save(model, folder / graph_name(scale))
            continue
        ends = [node.name for node in model.graph.node if node.op_type in ("Conv", "LeakyRelu")]
        with _quiet():
            quantize_static(
                model,
                folder / graph_name(scale),
                _Reader(picture[scale] for picture in pictures),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "LeakyRelu"],
                nodes_to_exclude=[*ends[:2], *ends[-2:]],
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "QuantizeBias": False,
                },
            )
        onnx.checker.check_model(graph.read(folder / graph_name(scale)), full_check=True)


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands one picture's inputs after the other to the calibration."""

    def __init__(self, inputs: Iterator[Inputs]) -> None:
        self.inputs = inputs

    def get_next(self) -> dict[str, object] | None:
        """The next inputs by name; None at the end."""
        pair = next(self.inputs, None)
        return None if pair is None else dict(zip(("noise", "prev"), pair, strict=True))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps back the advice, on every graph, to fuse and simplify first: these graphs leave nothing to fuse."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)

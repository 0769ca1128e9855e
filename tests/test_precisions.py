"""Graphs in lower precision: what is in them, and how they are asked for."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402
from onnx import TensorProto, numpy_helper  # noqa: E402

from singan_core import manifest  # noqa: E402
from singan_core.errors import BundleError, RequestError  # noqa: E402
from singan_export import bundle  # noqa: E402
from singan_runtime import Sampler  # noqa: E402


@pytest.fixture(scope="module")
def reduced(small_run, tmp_path_factory):
    """A bundle of the small run with fp16 and int8; treat it as read-only."""
    out = tmp_path_factory.mktemp("reduced") / "bundle"
    bundle.export(small_run, out, folders=["fp16", "int8"])
    return out


def test_fp16_holds_the_convolutions_and_leaves_inputs_and_prev_in_float32(reduced):
    model = onnx.load(reduced / "fp16" / "scale_03.onnx")
    weights = {
        tensor.name: tensor.data_type for tensor in model.graph.initializer if "_" in tensor.name
    }
    assert set(weights.values()) == {TensorProto.FLOAT16} and len(weights) == 10
    values = (*model.graph.input, *model.graph.output)
    assert {value.type.tensor_type.elem_type for value in values} == {TensorProto.FLOAT}
    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    assert len(casts) == 2 and model.graph.node[-1].op_type == "Add"


def test_the_sampler_draws_in_the_precision_that_it_is_told(reduced):
    exact = Sampler.load(reduced).sample(seed=3)[0].astype(int)
    eight = Sampler.load(reduced, precision="int8").sample(seed=3)[0]
    with pytest.warns(UserWarning, match="fp16 is slower than fp32 on a CPU"):
        sixteen = Sampler.load(reduced, device="cpu", precision="fp16").sample(seed=3)[0]
    assert 0 < np.abs(exact - sixteen).max() <= 4 < np.abs(exact - eight).max()


def test_a_precision_that_is_not_there_says_how_to_add_it(tmp_path):
    made = made_bundles.make(tmp_path / "made")
    with pytest.raises(
        BundleError, match=r"has no int8 graphs; add them with 'singan export .* --precision int8'"
    ):
        Sampler.load(made, precision="int8")
    with pytest.raises(
        RequestError, match="unknown precision 'bf16': choose auto, fp64, fp32, fp16, int8"
    ):
        Sampler.load(made, precision="bf16")


def test_sample_takes_a_precision_and_warns_on_one_line(reduced, tmp_path):
    words = [sys.executable, "-m", "singan_cli.main"]
    program = "from singan_cli.main import main; main()"
    words = [
        sys.executable,
        "-c",
        program,
        "sample",
        reduced,
        "--out",
        tmp_path,
        "--device",
        "cpu",
    ]
    made = subprocess.run(
        [*words, "--precision", "fp16"], check=True, capture_output=True, text=True
    )
    assert (
        made.stderr.splitlines()[0]
        == "warning: fp16 is slower than fp32 on a CPU: leave it to GPUs and the web"
    )
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_int8_is_symmetric_per_channel_without_quantised_bias(reduced):
    """As TensorRT takes it. First and last convolution stay float."""
    model = onnx.load(reduced / "int8" / "scale_03.onnx")
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    makers = {node.output[0]: node for node in model.graph.node}
    quantised = [node for node in convolutions if makers.get(node.input[1])]
    assert quantised == convolutions[1:-1]
    for node in quantised:
        weight = makers[node.input[1]]
        assert weight.op_type == "DequantizeLinear" and constants[weight.input[0]].dtype == np.int8
        assert constants[weight.input[1]].shape == (8,)  # a scale per output channel
        assert constants[node.input[2]].dtype == np.float32
    for node in model.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            assert not constants[node.input[2]].any()


def test_coarse_scales_of_int8_stay_as_they_are(tmp_path):
    folder = made_bundles.make(tmp_path / "bundle", min_size=11)
    bundle.add(folder, ["int8"])
    shapes = manifest.read(folder, "bundle").shapes
    files = [f"scale_0{scale}.onnx" for scale in range(3)]
    same = [onnx.load(folder / file) == onnx.load(folder / "int8" / file) for file in files]
    assert (
        same == [height * width < 40 * 60 / 8 for height, width in shapes] == [True, False, False]
    )

"""The double graph computes what the trained network computes in double precision."""

import copy
import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402
from small_graphs import session_of  # noqa: E402

from singan_core import manifest as manifests  # noqa: E402
from singan_core.errors import BundleError  # noqa: E402
from singan_core.file_names import graph_name  # noqa: E402
from singan_export import double_graph, generator_graph  # noqa: E402
from singan_runtime import graphs  # noqa: E402
from singan_runtime.graphs import Graphs  # noqa: E402
from singan_train.scale.networks import Generator  # noqa: E402


def generator_of(channels=3, width=12, norm=True, seed=0):
    """A network in eval mode, its residual neither small nor saturated, its BatchNorm trained."""
    torch.manual_seed(seed)
    made = Generator(channels, width, norm)
    for module in made.net:
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, 0.2)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
        elif isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.bias, 0.0, 0.3)

    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(2, channels, 30, 34), torch.randn(2, channels, 30, 34))
    return made.eval()


def inputs_of(channels, batch, height, width):
    """Noise and prev, float64, for an image of this size."""
    rng = np.random.default_rng(height * 1000 + width)
    shape = (batch, channels, height + 10, width + 10)
    return {"noise": rng.standard_normal(shape), "prev": rng.uniform(-1, 1, shape)}


def drawn_by_torch(made, inputs):
    with torch.no_grad():
        exact = copy.deepcopy(made).double().eval()
        return exact(torch.from_numpy(inputs["noise"]), torch.from_numpy(inputs["prev"])).numpy()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("norm", [True, False])
def test_double_graph_equals_network_in_double_precision(channels, norm):
    made = generator_of(channels, norm=norm)
    exact, quick = (
        session_of(double_graph.build(made, {})),
        session_of(generator_graph.build(made, {})),
    )
    for batch, height, width in ((1, 1, 1), (1, 33, 50), (3, 17, 41), (2, 1, 24), (3, 1, 1)):
        inputs = inputs_of(channels, batch, height, width)
        (image,) = exact.run(["image"], inputs)
        assert image.dtype == np.float64 and image.shape == (batch, channels, height, width)
        assert np.abs(image - drawn_by_torch(made, inputs)).max() < 1e-12

        (rough,) = quick.run(
            ["image"], {name: value.astype(np.float32) for name, value in inputs.items()}
        )
        assert 0 < np.abs(image - rough).max() < 1e-5


def test_window_and_batch_equal_the_whole_but_for_the_last_bit_of_tanh():
    session = session_of(double_graph.build(generator_of(), {}))
    inputs = inputs_of(3, 2, 31, 45)
    (whole,) = session.run(["image"], inputs)
    for y, x, height, width in ((0, 0, 1, 1), (7, 3, 13, 29), (30, 0, 1, 45), (2, 44, 29, 1)):
        part = {
            name: np.ascontiguousarray(value[1:, :, y : y + height + 10, x : x + width + 10])
            for name, value in inputs.items()
        }
        (window,) = session.run(["image"], part)
        assert (
            np.abs(window - whole[1:, :, y : y + height, x : x + width]).max()
            <= 2 * np.finfo(np.float64).eps
        )


def test_double_graph_says_its_precision_and_is_the_same_bytes_again():
    made = generator_of()
    model = double_graph.build(made, {"singan.scale": "3"})
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata == {"singan.scale": "3", "singan.precision": "fp64"}
    again = double_graph.build(made, {"singan.scale": "3"})
    assert model.SerializeToString(deterministic=True) == again.SerializeToString(
        deterministic=True
    )
    elements = {
        value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
    }
    assert elements == {onnx.TensorProto.DOUBLE}


@pytest.fixture
def folder(tmp_path):
    """A folder of two double graphs, and the generators that they were made of."""
    made = [generator_of(seed=scale) for scale in range(2)]
    for scale, generator in enumerate(made):
        (tmp_path / graph_name(scale)).write_bytes(
            double_graph.build(generator, {}).SerializeToString()
        )
    return tmp_path, made


@pytest.mark.parametrize("block", [256, 16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_graphs_run_double_graphs_whatever_precision_they_are_given(
    folder, monkeypatch, block, dtype
):
    monkeypatch.setattr(graphs, "BLOCK", block)
    path, made = folder
    opened = Graphs(path, "cpu", 1)
    assert opened.dtype is np.float64
    for scale in range(2):
        given = {name: value.astype(dtype) for name, value in inputs_of(3, 2, 19, 40).items()}
        image = opened.generate(scale, given["noise"], given["prev"])
        expected = drawn_by_torch(
            made[scale], {name: value.astype(np.float64) for name, value in given.items()}
        )
        assert image.dtype == np.float64
        assert np.abs(image - expected).max() < 1e-12


def test_graphs_run_float_graphs_on_double_inputs(tmp_path):
    made = generator_of()
    (tmp_path / graph_name(0)).write_bytes(generator_graph.build(made, {}).SerializeToString())
    opened = Graphs(tmp_path, "cpu", 1)
    assert opened.dtype is np.float32
    inputs = inputs_of(3, 1, 19, 40)
    image = opened.generate(0, inputs["noise"], inputs["prev"])
    assert image.dtype == np.float32
    assert np.abs(image - drawn_by_torch(made, inputs)).max() < 1e-5


def test_graphs_refuse_other_types(tmp_path):
    model = double_graph.build(generator_of(), {})
    shape = ["batch", 3, "height", "width"]
    made = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["noise", "prev"], ["image"])],
        "halves",
        [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT16, shape)
            for name in ("noise", "prev")
        ],
        [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT16, shape)],
    )
    model.graph.CopyFrom(made)
    (tmp_path / graph_name(0)).write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match=r"scale_00\.onnx: .* not all float32 or all float64"):
        _ = Graphs(tmp_path, "cpu", 1).dtype


def test_check_accepts_a_double_graph(tmp_path):
    folder = made_bundles.make(tmp_path / "bundle")
    manifest = manifests.read(folder, "bundle")
    (generator,) = made_bundles.networks(1, 3)
    made = double_graph.build(generator, generator_graph.make_metadata(manifest, 1))
    (folder / "fp64").mkdir()
    for scale in (1, 2):
        (folder / "fp64" / graph_name(scale)).write_bytes(made.SerializeToString())
    manifest = dataclasses.replace(manifest, files=manifests.hash_files(folder))
    generator_graph.check(folder / "fp64", manifest, 1, "fp64")
    double_graph.check(folder / "fp64", manifest, 1)
    with pytest.raises(BundleError, match=r"metadata singan\.scale"):
        generator_graph.check(folder / "fp64", manifest, 2, "fp64")

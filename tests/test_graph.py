"""The exported graph computes what the trained network computes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import onnxruntime  # noqa: E402
from small_graphs import session_of  # noqa: E402

from singan_export import generator_graph  # noqa: E402
from singan_train.scale.networks import Generator  # noqa: E402


def generator_of(channels=3, width=12, norm=True, seed=0):
    """A network in eval mode whose normalisation has seen data, so that folding matters."""
    torch.manual_seed(seed)
    made = Generator(channels, width, norm)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(2, channels, 30, 34), torch.randn(2, channels, 30, 34))
    return made.eval()


def largest_difference(made, session, shape):
    noise, prev = torch.randn(shape), torch.rand(shape) * 2 - 1
    with torch.no_grad():
        ours = made(noise, prev).numpy()
    (theirs,) = session.run(["image"], {"noise": noise.numpy(), "prev": prev.numpy()})
    assert theirs.shape == ours.shape
    return np.abs(ours - theirs).max()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("norm", [True, False])
def test_graph_equals_network_at_any_size(channels, norm):
    made = generator_of(channels, norm=norm)
    session = session_of(generator_graph.build(made, {}))
    for batch, height, width in ((1, 11, 11), (1, 28, 61), (3, 50, 23), (2, 16, 16)):
        assert largest_difference(made, session, (batch, channels, height, width)) < 1e-5


def test_normalisation_is_folded_away():
    model = generator_graph.build(generator_of(), {})
    assert [node.op_type for node in model.graph.node] == [
        "Add", *["Conv", "LeakyRelu"] * 4, "Conv", "Tanh", "Slice", "Add",
    ]  # fmt: skip


def test_folding_is_the_formula_of_batch_norm():
    made = generator_of(width=4)
    convolution, norm = made.net[0], made.net[1]
    weight, bias = generator_graph.fold(made)[0]
    gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach().numpy()
    assert np.allclose(
        weight, convolution.weight.detach().numpy() * gain[:, None, None, None], atol=1e-6
    )
    shift = (
        convolution.bias.detach() - norm.running_mean
    ).numpy() * gain + norm.bias.detach().numpy()
    assert np.allclose(bias, shift, atol=1e-5)


def test_axes_are_named_and_metadata_is_kept_in_one_file():
    model = generator_graph.build(generator_of(), {"singan.scale": "3"})
    axes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    haloed = ["batch", 3, "height_with_halo", "width_with_halo"]
    assert axes == {"noise": haloed, "prev": haloed, "image": ["batch", 3, "height", "width"]}
    assert {entry.key: entry.value for entry in model.metadata_props} == {"singan.scale": "3"}
    assert all(
        tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer
    )
    assert model.opset_import[0].version == 17


def test_the_same_network_gives_the_same_bytes():
    made = generator_of()
    first, second = (
        generator_graph.build(made, {"a": "1"}).SerializeToString(deterministic=True)
        for _ in range(2)
    )
    assert first == second


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations
def test_graph_equals_the_one_of_torch_s_exporter(tmp_path):
    pytest.importorskip("onnxscript")
    made = generator_of()
    example = (torch.randn(2, 3, 31, 37), torch.randn(2, 3, 31, 37))
    height, width = torch.export.Dim("height", min=11), torch.export.Dim("width", min=11)
    axes = {0: torch.export.Dim("batch"), 2: height, 3: width}
    torch.onnx.export(
        made,
        example,
        tmp_path / "torch.onnx",
        dynamo=True,
        input_names=["noise", "prev"],
        output_names=["image"],
        dynamic_shapes=(axes, axes),
        verbose=False,
    )
    theirs = onnxruntime.InferenceSession(
        tmp_path / "torch.onnx", providers=["CPUExecutionProvider"]
    )
    ours = session_of(generator_graph.build(made, {}))
    for shape in ((1, 3, 24, 40), (3, 3, 33, 21)):
        inputs = {
            "noise": np.random.rand(*shape).astype(np.float32),
            "prev": np.random.rand(*shape).astype(np.float32),
        }
        assert np.abs(ours.run(None, inputs)[0] - theirs.run(None, inputs)[0]).max() < 1e-5

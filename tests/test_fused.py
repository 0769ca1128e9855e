"""One graph draws the whole pyramid, from any language, and draws what Sampler draws."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import TensorProto, helper  # noqa: E402

from singan_core import images, manifest, resample  # noqa: E402
from singan_export import bundle, fused, inputs  # noqa: E402
from singan_runtime import Sampler  # noqa: E402

EXAMPLES = Path(__file__).parent.parent / "docs" / "fused"
SIZE, SEED = (61, 97), 2**64 - 6  # odd sides, a seed of more than 53 bits


@pytest.fixture(scope="module")
def trained(tiny_bundle, tmp_path_factory):
    """The trained test model with its fused graph; treat it as read-only."""
    copy = shutil.copytree(tiny_bundle, tmp_path_factory.mktemp("fused") / "bundle")
    bundle.add(copy, ["fused"])
    return copy


@pytest.fixture(scope="module")
def noisy_grey(tmp_path_factory):
    """One channel, and a border where the noise goes on."""
    made = made_bundles.make(tmp_path_factory.mktemp("grey") / "bundle", channels=1, border="noise")
    bundle.add(made, ["fused"])
    return made


def same_picture(drawn, folder):
    """Within a grey level, in at most one value of a hundred."""
    expected = Sampler.load(folder, threads=1).sample(SIZE, SEED, zoom=1.0)[0].astype(int)
    expected = expected[..., 0] if expected.shape[2] == 1 else expected
    with Image.open(drawn) as image:
        apart = np.abs(np.asarray(image).astype(int) - expected)
    assert apart.max() <= 1 and (apart > 0).mean() <= 0.01


@pytest.mark.parametrize("folder", ["trained", "noisy_grey"])
@pytest.mark.parametrize("size", [None, (33, 90), (131, 47), (300, 420)])
def test_the_fused_graph_draws_the_pictures_of_the_sampler(folder, size, request):
    folder = request.getfixturevalue(folder)
    sampler = Sampler.load(folder, threads=1)
    picture = sampler.plan(size, 1.0)
    ours = fused.open_format(folder / "fused", sampler).draw(picture, sampler.create_noise(7))
    theirs = sampler.run_generators(picture, sampler.create_noise(7))
    assert ours.shape == (1, sampler.manifest.channels, *picture.size)
    assert np.abs(ours - theirs).max() < 2e-5  # a hundredth of what is allowed
    assert np.abs(images.to_pixels(ours).astype(int) - images.to_pixels(theirs)).max() <= 1


def test_a_batch_is_drawn_like_its_pictures(noisy_grey):
    sampler = Sampler.load(noisy_grey, threads=1)
    picture = sampler.plan((50, 44), 1.0)
    noises = [
        inputs.make_unit_noises(sampler, picture, sampler.create_noise(seed)) for seed in (1, 2)
    ]
    session = onnxruntime.InferenceSession(noisy_grey / "fused" / "pyramid.onnx")
    stacked = {
        f"noise_{scale}": np.concatenate(pair)
        for scale, pair in enumerate(zip(*noises, strict=True))
    }
    (both,) = session.run(None, stacked)
    alone = [
        session.run(None, {f"noise_{n}": values for n, values in enumerate(one)})[0]
        for one in noises
    ]
    assert np.array_equal(both, np.concatenate(alone))


@given(st.integers(1, 400), st.integers(0, 500))
def test_taps_computed_in_the_graph_are_those_of_the_resampler(n_in, more):
    indices, weights = taps_session().run(
        None, {"n_in": np.array(n_in), "n_out": np.array(n_in + more)}
    )
    expected = np.zeros((n_in + more, n_in))
    made = resample.compute_taps(n_in, n_in + more)
    for tap in range(made.indices.shape[1]):
        np.add.at(expected, (np.arange(n_in + more), made.indices[:, tap]), made.weights[:, tap])
    ours = np.zeros_like(expected)
    for tap in range(4):
        np.add.at(ours, (np.arange(n_in + more), indices[tap]), weights[tap])
    assert np.abs(ours - expected).max() < 1e-6


def test_taps_of_the_largest_canvases_are_exact_too():
    """Positions are whole numbers: in float32 they would be an eighth of a pixel off at 2^20."""
    n_in, n_out = 2**20 - 77, 2**20
    indices, weights = taps_session().run(None, {"n_in": np.array(n_in), "n_out": np.array(n_out)})
    made = resample.compute_taps(n_in, n_out, start=n_out - 100)
    assert np.array_equal(indices[:, -100:].T, made.indices)
    assert np.abs(weights[:, -100:].T - made.weights).max() < 1e-6


def taps_session(cache=[]):  # noqa: B006
    if not cache:
        writer = fused.Writer()
        indices, weights = fused.write_taps(writer, "n_in", "n_out")
        writer.add_node("Identity", indices, out="indices")
        writer.add_node("Identity", weights, out="weights")
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT64, []) for name in ("n_in", "n_out")
        ]
        outputs = [
            helper.make_tensor_value_info("indices", TensorProto.INT64, [4, "n"]),
            helper.make_tensor_value_info("weights", TensorProto.FLOAT, [4, "n"]),
        ]
        body = helper.make_graph(
            writer.nodes, "taps", inputs, outputs, list(writer.constants.values())
        )
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        cache.append(onnxruntime.InferenceSession(model.SerializeToString()))
    return cache[0]


def test_the_file_says_all_that_a_program_needs(trained):
    session = onnxruntime.InferenceSession(trained / "fused" / "pyramid.onnx")
    stated = session.get_modelmeta().custom_metadata_map
    inside, outside = (
        json.loads(stated["singan.manifest"]),
        json.loads((trained / "manifest.json").read_text()),
    )
    assert {**outside, "files": {}} == inside
    assert stated["singan.trained_sizes"] == "24x16,30x20,38x25,48x32"
    assert [(i.name, i.shape) for i in session.get_inputs()] == [
        (
            f"noise_{n}",
            [
                "batch",
                outside["noise_channels"][n],
                f"height_{n}_with_halo",
                f"width_{n}_with_halo",
            ],
        )
        for n in range(4)
    ]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [
        ("image", ["batch", 3, "height", "width"])
    ]


def test_no_operator_is_there_that_tensorrt_refuses(trained):
    """Its parser's list has all of these, and Resize only without antialias."""
    model = onnx.load(trained / "fused" / "pyramid.onnx")
    assert {node.op_type for node in model.graph.node} == {
        "Add", "Cast", "Concat", "ConstantOfShape", "Conv", "Div", "Equal", "Gather", "LeakyRelu",
        "MatMul", "Max", "Min", "Mul", "Pad", "Range", "ReduceSum", "Shape", "Slice", "Sub", "Tanh",
        "Transpose", "Unsqueeze",
    }  # fmt: skip


def test_adding_it_leaves_the_rest_of_the_bundle_as_it_was(trained, tiny_bundle):
    before, after = manifest.read(tiny_bundle, "bundle"), manifest.read(trained, "bundle")
    assert before.files.items() < after.files.items()
    assert set(after.files) - set(before.files) == {"fused/pyramid.onnx", "fused/parity.json"}
    assert json.loads((trained / "fused" / "parity.json").read_text())["passed"]


@pytest.mark.parametrize("folder", ["trained", "noisy_grey"])
def test_the_python_example_needs_nothing_of_ours_and_draws_the_same(folder, request, tmp_path):
    folder = request.getfixturevalue(folder)
    words = [
        sys.executable,
        "-W",
        "error",
        EXAMPLES / "sample.py",
        folder / "fused" / "pyramid.onnx",
    ]
    subprocess.run([*words, "97x61", str(SEED), tmp_path / "out.png"], check=True)
    same_picture(tmp_path / "out.png", folder)
    imported = ast.unparse(ast.parse((EXAMPLES / "sample.py").read_text()))
    assert "singan_" not in imported


def skip_without_node():
    """Node's path; NODE_PATH may say where onnxruntime-node is."""
    node = shutil.which("node") or pytest.skip("Node is not installed")
    if subprocess.run(
        [node, "-e", "require('onnxruntime-node')"], cwd=EXAMPLES, capture_output=True
    ).returncode:
        pytest.skip(
            "no onnxruntime-node: npm install --ignore-scripts onnxruntime-node, then set NODE_PATH"
        )
    return node


@pytest.mark.parametrize("folder", ["trained", "noisy_grey"])
def test_the_node_example_draws_the_same(folder, request, tmp_path):
    node = skip_without_node()
    folder = request.getfixturevalue(folder)
    words = [node, EXAMPLES / "sample.cjs", folder, "97x61", str(SEED), tmp_path / "out.ppm"]
    subprocess.run(words, check=True)
    same_picture(tmp_path / "out.ppm", folder)


def headers():
    """The folder of ONNX Runtime's C++ headers; ONNXRUNTIME_INCLUDE may name it."""
    usual = ["/usr/include/onnxruntime", "/usr/local/include/onnxruntime", "/usr/local/include"]
    for folder in (os.environ.get("ONNXRUNTIME_INCLUDE"), *usual):
        if folder and (Path(folder) / "onnxruntime_cxx_api.h").is_file():
            return folder
    return pytest.skip(
        "no onnxruntime_cxx_api.h: install ONNX Runtime's headers, or set ONNXRUNTIME_INCLUDE"
    )


@pytest.fixture(scope="module")
def cpp_example(tmp_path_factory):
    return build_example("sample", tmp_path_factory.mktemp("cpp"))


def build_example(name, folder):
    """A C++ example, built against the library inside the Python package."""
    compiler = shutil.which("c++") or shutil.which("g++") or pytest.skip("no C++ compiler")
    include = headers()
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / name).symlink_to(library)
    words = [
        compiler,
        "-std=c++17",
        "-O1",
        "-Wall",
        "-Wextra",
        f"-I{include}",
        EXAMPLES / f"{name}.cpp",
    ]
    subprocess.run(
        [*words, "-o", folder / name, f"-L{folder}", "-lonnxruntime", f"-Wl,-rpath,{folder}"],
        check=True,
    )
    return folder / name


@pytest.mark.parametrize("folder", ["trained", "noisy_grey"])
def test_the_cpp_example_draws_the_same(folder, cpp_example, request, tmp_path):
    folder = request.getfixturevalue(folder)
    words = [
        cpp_example,
        folder / "fused" / "pyramid.onnx",
        "97x61",
        str(SEED),
        tmp_path / "out.ppm",
    ]
    subprocess.run(words, check=True)
    same_picture(tmp_path / "out.ppm", folder)

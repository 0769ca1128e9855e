"""Engines for TensorRT: what is built, where it lies, and what is refused with which reason."""

import importlib.util
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402

from singan_cli.app import app  # noqa: E402
from singan_core.errors import BundleError, ExportError, RequestError  # noqa: E402
from singan_core.manifest import hash_files  # noqa: E402
from singan_export import bundle  # noqa: E402
from singan_export.engines import building, profiles  # noqa: E402
from singan_export.engines.profiles import Profile  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_runtime.graphs import BLOCK  # noqa: E402
from singan_runtime.user_cache import find_cache_folder  # noqa: E402

DATA = Path(__file__).parent / "data"
DETAIL = DATA / "detail_bundle"


class Adapter(SimpleNamespace):
    """A stand-in for TensorRT whose engines are what they were built from."""

    LIBRARY, VERSION, NEEDS_GPU = "TensorRT", "10.13.0.35", True
    INSTALL_RTX = "pip install tensorrt-rtx-cu13"

    def build(self, graph, inputs):
        model = onnx.load_model_from_string(graph)
        named = {value.name for value in model.graph.input}
        if named != set(inputs):
            raise ExportError("other inputs")
        if getattr(self, "refuses", 0) == len(named):
            raise ExportError("TensorRT cannot build the engine (out of memory)")
        return json.dumps({name: inputs[name] for name in sorted(named)}).encode()

    def read_inputs(self, plan):
        read = json.loads(plan).items()
        return {name: tuple(map(tuple, shapes)) for name, shapes in read}


@pytest.fixture
def adapter(monkeypatch, tmp_path):
    """TensorRT 10 on a machine with one GPU, and an empty cache."""
    made = Adapter()
    monkeypatch.setattr(building, "open_adapter", lambda: made)
    monkeypatch.setattr(building, "name_gpu", lambda: "NVIDIA H200, 9.0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = made_bundles.make(tmp_path_factory.mktemp("plain") / "bundle")
    bundle.add(folder, ["fp16"])
    return folder


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.stdout, result.stderr


def build(folder, precision="fp32", size=None, **settings):
    sampler = Sampler.load(folder, device="cpu")
    profile = profiles.choose_profile(sampler, None, size, None)
    return building.build(folder, precision, profile, **settings)


def test_engines_are_built_for_every_scale_and_for_all_and_lie_in_the_cache(adapter, plain):
    before = hash_files(plain)
    folder, record = build(plain)
    assert sorted(record.engines) == ["pyramid.engine", *(f"scale_0{n}.engine" for n in range(3))]
    assert set(record.engines["scale_01.engine"].inputs) == {"noise", "prev"}
    assert set(record.engines["pyramid.engine"].inputs) == {"noise_0", "noise_1", "noise_2"}
    assert find_cache_folder() in folder.parents and hash_files(plain) == before
    assert building.check(record.origin) == record


def test_the_record_says_what_they_are_for(adapter, plain):
    origin = build(plain, "fp16")[1].origin
    assert origin.identity == Sampler.load(plain).identity
    assert (origin.library, origin.version) == ("TensorRT", "10.13.0.35")
    assert (origin.gpu, origin.precision) == ("NVIDIA H200, 9.0", "fp16")


def test_a_model_with_detail_has_an_engine_of_all_scales_only_without_its_detail(adapter):
    assert building.WHOLE not in build(DETAIL)[1].engines
    record = build(DETAIL, whole=True, force=True)[1]
    assert record.engines[building.WHOLE].inputs["noise_0"][1][:2] == (1, 1)


@pytest.mark.parametrize("folder", [DETAIL, DATA / "tiny_bundle", None])
def test_every_picture_within_the_profile_has_canvases_within_those_of_the_engines(folder, plain):
    sampler = Sampler.load(folder or plain)
    height, width = sampler.trained_size
    profile = Profile((height, width), (height + 9, 2 * width), (2 * height, 3 * width))
    shapes = [
        profiles.find_scale_shapes(sampler, profile, scale)
        for scale in range(len(sampler.manifest.pyramid.sizes))
    ]
    for least, usual, most in shapes:
        assert all(a <= b <= c for a, b, c in zip(least, usual, most, strict=True))

    for size in [(height, 3 * width), (2 * height, width), (height + 3, width + 31)]:
        for step in sampler.find_passes(size):
            least, _, most = shapes[step.generator]
            for side, low, high in zip(step.canvas, least[2:], most[2:], strict=True):
                assert low <= min(side, BLOCK) + 10 and side + 10 <= high


def test_the_inputs_of_all_scales_together_are_the_canvases_of_zoom_1(adapter, plain):
    sampler = Sampler.load(plain)
    inputs = build(plain, size=(80, 120))[1].engines[building.WHOLE].inputs
    canvases = [step.canvas for step in sampler.find_passes((80, 120), 1.0)]
    usual = [inputs[f"noise_{n}"][1] for n in range(3)]
    assert [shape[2:] for shape in usual] == [(h + 10, w + 10) for h, w in canvases]
    assert [shape[1] for shape in usual] == [1, 3, 3]
    assert inputs["noise_2"][2][2:] == (160 + 10, 240 + 10)


# what is refused


def test_without_tensorrt_one_line_says_how_to_install_it_before_any_work(plain, tmp_path):
    if any(map(importlib.util.find_spec, ("tensorrt", "tensorrt_rtx"))):
        pytest.skip("it is installed")
    for words in (
        ("export", plain, "--format", "tensorrt"),
        ("verify", plain, "--format", "tensorrt"),
    ):
        status, _, error = call(*words)
        assert status == 1 and error.count("\n") == 1
        assert error.startswith("error: engines need TensorRT, which is not installed; run: pip ")


def test_engines_that_are_there_are_not_built_again_unless_forced(adapter, plain):
    build(plain)
    status, _, error = call("export", plain, "--format", "tensorrt")
    assert status == 1 and "already exists; pass --force to build the engines again" in error
    assert call("export", plain, "--format", "tensorrt", "--force")[0] == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gpu": "NVIDIA A100, 8.0"}, "built for NVIDIA A100, 8.0, here is NVIDIA H200, 9.0"),
        ({"version": "11.4.0.106"}, "built with TensorRT 11.4.0.106, here is TensorRT 10.13.0.35"),
        ({"identity": "f" * 64}, "they are another model's"),
        ({"precision": "int8"}, "they are in int8, not in fp32"),
        ({"gpu": 7}, "damaged"),
    ],
)
def test_engines_of_another_origin_are_refused_with_the_reason(adapter, plain, change, reason):
    folder, _ = build(plain)
    path = folder / "engines.json"
    content = json.loads(path.read_text())
    content["origin"] |= change
    path.write_text(json.dumps(content))
    status, _, error = call("verify", plain, "--format", "tensorrt")
    assert status == 1 and reason in error and error.count("\n") == 1
    assert error.endswith(
        "build them again with 'singan export BUNDLE --format tensorrt --force'\n"
    )


def test_a_cut_and_an_altered_plan_are_refused(adapter, plain):
    folder, record = build(plain)
    plan = (folder / "scale_01.engine").read_bytes()
    for broken, said in ((plan[:-7], f"but {len(plan)} were written"), (plan[::-1], "altered")):
        (folder / "scale_01.engine").write_bytes(broken)
        status, _, error = call("verify", plain, "--format", "tensorrt")
        assert status == 1 and "scale_01.engine" in error and said in error
        assert error.count("\n") == 1
    (folder / "scale_01.engine").unlink()
    with pytest.raises(BundleError, match=r"scale_01\.engine"):
        building.check(record.origin)


def test_an_engine_that_tensorrt_reads_otherwise_is_refused(adapter, plain, monkeypatch):
    _, record = build(plain)
    monkeypatch.setattr(adapter, "read_inputs", lambda plan: {}, raising=False)
    with pytest.raises(BundleError, match="other inputs or shapes than its record says"):
        building.check(record.origin)


def test_without_engines_verify_says_how_to_build_them(adapter, plain):
    status, _, error = call("verify", plain, "--format", "tensorrt")
    assert status == 1 and "no engines of this model; build them with 'singan export" in error


def test_an_engine_that_cannot_be_built_leaves_nothing(adapter, plain):
    adapter.refuses = 3
    with pytest.raises(ExportError, match=r"pyramid.*out of memory.*; nothing was written"):
        build(plain)
    assert not list(find_cache_folder().rglob("*.engine"))


def test_tensorrt_without_a_gpu_is_refused_and_the_other_one_named(adapter, plain, monkeypatch):
    monkeypatch.setattr(building, "name_gpu", lambda: "")
    with pytest.raises(RequestError, match=r"finds none here; TensorRT for RTX needs none: pip "):
        build(plain)


def test_profiles_whose_sides_shrink_are_refused(adapter, plain):
    words = "--format", "tensorrt", "--profile-min", "300x200", "--profile-max", "200x300"
    status, _, error = call("export", plain, *words)
    assert status == 1 and "profile sizes 300x200, 60x40, 200x300: no side may become" in error


def test_sizes_too_small_for_all_scales_together_are_refused(adapter, plain):
    words = "--format", "tensorrt", "--profile-min", "20x20", "--profile-max", "60x60"
    status, _, error = call("export", plain, *words)
    assert status == 1 and "coarsest canvas" in error and error.count("\n") == 1


def test_options_of_engines_belong_to_their_format(plain):
    for words in (("--detail", "none"), ("--profile-opt", "64x64")):
        assert call("export", plain, "--precision", "fp16", *words)[0] == 2
    assert call("export", plain, "--format", "tensorrt", "--profile-opt", "big")[0] == 2
    status, _, error = call("export", plain, "--format", "tensorrt", "--detail", "some")
    assert status == 1 and "unknown detail 'some': choose auto, none" in error


def test_fp16_engines_come_from_fp16_graphs_which_must_be_there(adapter, plain, tmp_path):
    copy = shutil.copytree(DETAIL, tmp_path / "copy")
    status, _, error = call("export", copy, "--format", "tensorrt", "--precision", "fp16")
    assert status == 1 and f"add them with 'singan export {copy} --precision fp16'" in error
    words = "--format", "onnx,tensorrt", "--precision", "fp16"
    status, text, error = call("export", copy, *words)
    assert status == 0, error
    assert "scale_00.engine" in text and "TensorRT 10.13.0.35, fp16, for NVIDIA H200" in text


def test_verify_names_the_engines_in_text_and_json(adapter, plain):
    folder, _ = build(plain)
    text = call("verify", plain, "--format", "tensorrt")[1]
    assert f"{folder}: 4 engines of TensorRT 10.13.0.35 unaltered, for NVIDIA H200, 9.0" in text
    report = json.loads(call("verify", plain, "--format", "tensorrt", "--json")[1])
    assert report["engines"][0]["origin"]["gpu"] == "NVIDIA H200, 9.0"
    assert json.loads(call("verify", plain, "--json")[1])["engines"] == []

"""Every format is written whole and drawn from, and refused with a reason where it cannot work."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import call

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from singan_core.errors import BundleError, ExportError, OutputError, ParityError, RequestError  # noqa: E402
from singan_core.lock import LOCK  # noqa: E402
from singan_export import bundle, formats, half, inputs, verify  # noqa: E402
from singan_runtime import Sampler  # noqa: E402

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def made(tmp_path):
    return made_bundles.make(tmp_path / "made")


def contents(folder):
    """What the files hold, but for the lock of the writer."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != LOCK)
    return {str(path): path.read_bytes() for path in paths}


# what there is, and what there is not


@pytest.mark.parametrize(
    ("words", "precision", "folders"),
    [
        (["onnx"], "fp32", []),
        (["onnx"], "fp16", ["fp16"]),
        (["onnx"], "int8", ["int8"]),
        (["onnx", "pt2", "fused", "pt2"], "fp32", ["pt2", "fused"]),
    ],
)
def test_formats_at_a_precision_are_folders_of_a_bundle(words, precision, folders):
    assert formats.choose_folders(words, precision) == folders


@pytest.mark.parametrize(
    ("words", "precision", "said"),
    [
        (["coreml"], "fp32", "unknown format 'coreml': choose onnx, torchscript, pt2, fused"),
        (["onnx"], "fp8", "unknown precision 'fp8': choose fp32, fp16, int8"),
        (
            ["torchscript"],
            "int8",
            "torchscript in int8 is not possible: torchscript is written in fp32; int8 is onnx",
        ),
        (["onnx", "fused"], "fp16", "fused in fp16 is not possible"),
    ],
)
def test_unknown_and_impossible_combinations_are_refused(words, precision, said, made):
    with pytest.raises(RequestError, match=said):
        formats.choose_folders(words, precision)
    status, _, error = call("export", made, "--format", ",".join(words), "--precision", precision)
    assert status == 1 and error.startswith(f"error: {said}") and error.count("\n") == 1


def test_formats_of_the_networks_need_the_run_and_the_right_one(
    made, small_run, drawn_scene, tmp_path
):
    with pytest.raises(
        RequestError, match="pt2 is made from the trained networks: name the run as well, --run RUN"
    ):
        bundle.add(made, ["pt2"])
    with pytest.raises(
        BundleError, match="not the run of this bundle: its name is scene, the bundle's made"
    ):
        bundle.add(made, ["pt2"], small_run)


def test_an_export_without_a_place_or_a_format_is_a_usage_error(made, small_run, tmp_path):
    assert call("export", made)[0] == 2
    status, _, error = call("export", small_run, "--format", "fused")
    assert status == 1 and "a run where a bundle is needed" in error
    assert call("export", small_run, "--out", tmp_path / "bundle", "--run", small_run)[0] == 2


def test_export_prints_size_speed_and_patch_distance(made):
    status, text, _ = call("export", made, "--precision", "int8")
    assert status == 0
    assert (
        "kB (fp32 " in text
        and "s a picture on this CPU (fp32 " in text
        and "patch distance 0." in text
    )


@pytest.mark.parametrize("name", ["torchscript", "pt2"])
def test_torch_formats_run_without_our_package_at_any_size(many_formats, name, tmp_path):
    """A program that knows only torch draws the sampler's picture from noises that it is given."""
    sampler = Sampler.load(many_formats, threads=1)
    picture = sampler.plan((53, 91), 1.0)
    noises = inputs.make_unit_noises(sampler, picture, sampler.create_noise(5))
    np.savez(tmp_path / "noises.npz", *noises)
    load = (
        "torch.jit.load(sys.argv[1])"
        if name == "torchscript"
        else "torch.export.load(sys.argv[1]).module()"
    )
    program = (
        "import sys, numpy, torch\n"
        f"whole = {load}\n"
        "noises = [torch.from_numpy(noise) for noise in numpy.load(sys.argv[2]).values()]\n"
        "numpy.save(sys.argv[3], whole(noises).numpy())\n"
        "assert not any(module.startswith('singan') for module in sys.modules)\n"
    )
    file = many_formats / name / ("pyramid.pt" if name == "torchscript" else "pyramid.pt2")
    subprocess.run(
        [sys.executable, "-c", program, file, tmp_path / "noises.npz", tmp_path / "image.npy"],
        check=True,
    )
    apart = np.abs(
        np.load(tmp_path / "image.npy") - sampler.run_generators(picture, sampler.create_noise(5))
    )
    assert apart.shape == (1, 3, 53, 91) and apart.max() <= 2e-3


# whole or not at all


def test_a_format_is_made_again_only_when_forced(made):
    bundle.add(made, ["fp16"])
    before = contents(made)
    with pytest.raises(OutputError, match=r"fp16: already exists; pass --force to make it again"):
        bundle.add(made, ["fp16"])
    (made / "fp16" / "left.txt").write_text("over")
    bundle.add(made, ["fp16"], force=True)
    assert contents(made) == before


@pytest.mark.parametrize("name", ["pt2", "torchscript"])
def test_an_exporter_that_fails_half_way_leaves_nothing(
    small_run, many_formats, tmp_path, monkeypatch, name
):
    done = []

    def save(*arguments, real=torch.export.save if name == "pt2" else torch.jit.save):
        done.append(arguments)
        if len(done) == 3:
            raise RuntimeError("node has no handler\nand a long story")
        real(*arguments)

    monkeypatch.setattr(torch.export if name == "pt2" else torch.jit, "save", save)
    said = (
        rf"{name}: the exporter failed \(RuntimeError: node has no handler\); nothing was written"
    )
    with pytest.raises(ExportError, match=said):
        bundle.export(small_run, tmp_path / "new", folders=[name])
    assert list(tmp_path.iterdir()) == []
    there = shutil.copytree(many_formats, tmp_path / "there")
    before = contents(there)
    done.clear()
    with pytest.raises(ExportError, match=said):
        bundle.add(there, [name], small_run, force=True)
    assert contents(there) == before


def test_a_format_over_its_budget_is_not_added(made, monkeypatch):
    def off(model, real=half.convert):
        halved = real(model)
        bias = next(tensor for tensor in halved.graph.initializer if tensor.name == "bias_4")
        bias.CopyFrom(
            numpy_helper.from_array(numpy_helper.to_array(bias) + np.float16(0.1), "bias_4")
        )
        return halved

    monkeypatch.setattr(half, "convert", off)
    before = contents(made)
    with pytest.raises(ParityError, match=r"fp16 scale 0 .* \(allowed 50 dB\): over its budget"):
        bundle.add(made, ["fp16"])
    assert contents(made) == before


@pytest.mark.parametrize(
    ("channels", "border", "labels"),
    [(1, "noise", ()), (4, "zero", ()), (4, "zero", ("hill",)), (5, "noise", ("a", "b"))],
)
def test_other_channels_borders_and_labels_have_every_format_too(
    tmp_path, channels, border, labels, drawn_scene
):
    folder = made_bundles.make(tmp_path / "bundle", channels, border, labels=labels)
    bundle.add(folder, ["fused", "fp16", "int8"])
    assert all(check.passed for check in verify.verify(folder, named=["fused"]).formats)
    sampler = Sampler.load(folder, threads=1)
    networks = made_bundles.frozen(sampler.manifest)
    for check in formats.add(folder, ["torchscript", "pt2"], networks):
        assert check.passed


@pytest.mark.slow
def test_the_libtorch_example_draws_the_same(many_formats, tmp_path):
    """Built against the headers and libraries inside the Python package."""
    compiler = shutil.which("c++") or shutil.which("g++") or pytest.skip("no C++ compiler")
    installed = Path(torch.__file__).parent
    include, libraries = installed / "include", installed / "lib"
    words = [
        compiler,
        "-std=c++20",
        "-O0",
        DOCS / "torchscript" / "draw.cpp",
        "-o",
        tmp_path / "draw",
    ]
    words += [
        "-isystem",
        include,
        "-isystem",
        include / "torch" / "csrc" / "api" / "include",
        f"-L{libraries}",
    ]
    subprocess.run(
        [*words, f"-Wl,-rpath,{libraries}", "-ltorch", "-ltorch_cpu", "-lc10"], check=True
    )
    sampler = Sampler.load(many_formats, threads=1)
    picture = sampler.plan((53, 91), 1.0)
    noises = inputs.make_unit_noises(sampler, picture, sampler.create_noise(5))
    (tmp_path / "noises").write_bytes(b"".join(noise.tobytes() for noise in noises))
    sizes = ["x".join(str(side) for side in noise.shape[1:]) for noise in noises]
    files = [many_formats / "torchscript" / "pyramid.pt", tmp_path / "noises", tmp_path / "image"]
    subprocess.run([tmp_path / "draw", *files, *sizes], check=True)
    image = np.fromfile(tmp_path / "image", np.float32).reshape(1, 3, 53, 91)
    assert np.abs(image - sampler.run_generators(picture, sampler.create_noise(5))).max() <= 2e-3


@pytest.mark.slow
def test_the_commands_of_the_documentation_work(small_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").symlink_to(small_run)
    lines = [
        line.strip() for line in (DOCS / "formats.md").read_text(encoding="utf-8").splitlines()
    ]
    commands = [line.split() for line in lines if line.startswith("singan ")]
    assert len(commands) == 12
    for _, *words in commands:
        assert call(*words)[0] == 0, words
    assert {path.name for path in (tmp_path / "bundle").iterdir() if path.is_dir()} == {
        *made_bundles.FOLDERS,
        "triton",
    }
    assert list((tmp_path / "pictures").glob("*.png"))

"""A run becomes a bundle with proof of parity, or nothing."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from file_contents import hash_again
from PIL import Image

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402
from small_runs import SMALL, train  # noqa: E402

from singan_core import leftovers, manifest  # noqa: E402
from singan_core.errors import BundleError, OutputError, ParityError  # noqa: E402
from singan_export import bundle, generator_graph, verify  # noqa: E402
from singan_export.budgets import BUDGETS, Comparison, Parity  # noqa: E402
from singan_runtime import Sampler  # noqa: E402


@pytest.fixture(scope="module")
def exported(small_run, tmp_path_factory):
    """A bundle of the small run; treat it as read-only."""
    out = tmp_path_factory.mktemp("exported") / "bundle"
    bundle.export(small_run, out)
    return out


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "bundle")


def doctor(folder, scale, name="weight_2", by=1e-2):
    """Change one weight of one graph."""
    path = folder / f"scale_{scale:02d}.onnx"
    model = onnx.load(path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] += by
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, path)


def test_a_bundle_holds_what_the_design_says(exported, small_run):
    names = {path.name for path in exported.iterdir()}
    graphs = {f"scale_0{n}.onnx" for n in range(4)}
    assert names == graphs | {
        "manifest.json",
        "parity.json",
        "preview.png",
        "reconstruction_noise.npy",
    }
    found, trained = manifest.read(exported, "bundle"), manifest.read(small_run, "run")
    same = dataclasses.replace(found, kind="run", created=trained.created, files=trained.files)
    assert same == trained
    z = np.load(exported / "reconstruction_noise.npy")
    assert z.shape == (1, trained.shapes[0][0] + 10, trained.shapes[0][1] + 10)


def test_parity_is_measured_at_many_sizes_and_recorded(exported):
    record = json.loads((exported / "parity.json").read_text())
    assert record["passed"]
    for scale in range(4):
        checks = [check for check in record["scales"] if check["scale"] == scale]
        sizes = [tuple(check["size"]) for check in checks]
        assert len(set(sizes)) >= 6
        assert any(batch == 3 for batch, _, _ in sizes)
        assert any(height % 2 and width % 2 for _, height, width in sizes)
        assert any(height != width for _, height, width in sizes)
        assert all(check["rms"] <= check["maximum"] <= 1e-5 == check["allowed"] for check in checks)
    assert len(record["pyramid"]) == 3
    for check in record["pyramid"]:
        assert check["maximum"] <= 1e-3 and check["levels"] <= 1 and check["share"] <= 0.002


def test_the_record_of_parity_has_the_documented_fields(exported):
    record = json.loads((exported / "parity.json").read_text())
    assert set(record) == {"passed", "scales", "pyramid"}
    assert set(record["scales"][0]) == {"scale", "size", "maximum", "rms", "allowed"}
    whole = record["pyramid"][0]
    fields = {"size", "maximum", "rms", "levels", "share", "allowed", "allowed_share"}
    assert set(whole) == fields and len(whole["size"]) == 2


def test_reconstruction_of_the_bundle_is_the_one_of_training(exported, small_run):
    with Image.open(small_run / "scale_03" / "reconstruction.png") as image:
        trained = np.asarray(image).astype(int)
    assert np.abs(Sampler.load(exported).reconstruct() - trained).max() <= 1
    with Image.open(exported / "preview.png") as image:
        assert np.abs(np.asarray(image).astype(int) - trained).max() <= 1


def test_a_graph_that_differs_leaves_no_bundle(small_run, tmp_path, monkeypatch):
    """One graph is built from a slightly different network: export names it and leaves nothing."""
    built = generator_graph.build

    def off(generator, metadata):
        if metadata["singan.scale"] == "2":
            with torch.no_grad():
                generator.net[-1].bias[0] += 1e-3
            model = built(generator, metadata)
            with torch.no_grad():
                generator.net[-1].bias[0] -= 1e-3
            return model
        return built(generator, metadata)

    monkeypatch.setattr(generator_graph, "build", off)
    with pytest.raises(
        ParityError,
        match=r"scale 2 at 1x1x1 .* differs from the network by .*e-0[34], allowed is 1e-05",
    ):
        bundle.export(small_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_verify_passes_a_good_bundle_alone_and_against_its_run(exported, small_run):
    alone = verify.verify(exported)
    assert alone.graphs == 4 and alone.preview_levels <= 1 and alone.parity is None
    assert verify.verify(exported, small_run).parity.passed


@pytest.mark.parametrize("scale", range(4))
def test_a_doctored_weight_is_found_by_its_scale(copied, small_run, scale):
    doctor(copied, scale)
    with pytest.raises(BundleError, match=rf"scale_0{scale}\.onnx: altered or damaged"):
        verify.verify(copied)
    hash_again(copied)
    with pytest.raises(ParityError, match=rf"scale {scale} at "):
        verify.verify(copied, small_run)


def test_a_grossly_doctored_weight_is_found_without_the_run(copied):
    doctor(copied, 3, by=2.0)
    hash_again(copied)
    with pytest.raises(
        ParityError, match=r"preview\.png: the reconstruction differs from it by \d+ grey levels"
    ):
        verify.verify(copied)


def test_a_bundle_of_another_run_is_told_apart(exported, tmp_path, drawn_scene):
    other = train(drawn_scene, tmp_path / "other", dataclasses.replace(SMALL, iterations=1, seed=5))
    with pytest.raises(BundleError, match="not the run of this bundle: its noise_amplitude"):
        verify.verify(exported, other)


def test_graphs_that_are_none_or_have_other_inputs_are_refused(copied):
    (copied / "scale_01.onnx").write_bytes(b"not a graph")
    hash_again(copied)
    with pytest.raises(BundleError, match=r"scale_01\.onnx: not a generator's graph"):
        verify.verify(copied)
    shutil.copyfile(copied / "scale_02.onnx", copied / "scale_01.onnx")
    hash_again(copied)
    with pytest.raises(
        BundleError, match=r"scale_01\.onnx: metadata singan\.scale is '2', the manifest says '1'"
    ):
        verify.verify(copied)
    model = onnx.load(copied / "scale_03.onnx")
    model.graph.input[0].name = "rauschen"
    model.graph.node[0].input[0] = "rauschen"
    onnx.save(model, copied / "scale_01.onnx")
    hash_again(copied)
    with pytest.raises(BundleError, match="inputs and outputs are"):
        verify.verify(copied)


def test_an_unfinished_run_is_refused(small_run, tmp_path):
    copy = shutil.copytree(small_run, tmp_path / "run")
    (copy / "manifest.json").unlink()
    with pytest.raises(
        BundleError, match=f"the run is unfinished.*'singan train PHOTO --out {copy} --resume'"
    ):
        bundle.export(copy, tmp_path / "bundle")
    with pytest.raises(
        BundleError, match=r"no manifest\.json, so the run is unfinished or none.*'singan train'"
    ):
        bundle.export(tmp_path, tmp_path / "bundle")
    with pytest.raises(BundleError, match="a bundle where a run is needed"):
        bundle.export(bundle_of(small_run, tmp_path), tmp_path / "second")


def bundle_of(run, tmp_path):
    bundle.export(run, tmp_path / "first")
    return tmp_path / "first"


def test_nothing_is_overwritten_unless_it_is_a_bundle_and_force_is_given(
    small_run, copied, tmp_path
):
    with pytest.raises(OutputError, match="already exists; choose another folder or pass --force"):
        bundle.export(small_run, copied)
    (copied / "preview.png").write_text("spoilt")
    bundle.export(small_run, copied, force=True)
    verify.verify(copied, small_run)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.png").write_text("dear to me")
    with pytest.raises(OutputError, match="not a bundle, so --force does not replace it"):
        bundle.export(small_run, tmp_path / "holiday", force=True)
    assert (tmp_path / "holiday" / "photo.png").read_text() == "dear to me"


def test_a_bundle_that_a_killed_export_had_moved_aside_is_not_overwritten(copied, tmp_path):
    copied.rename(leftovers.name_hidden(copied, "0123456789ab", leftovers.OLD))
    with pytest.raises(OutputError, match="already exists; choose another folder or pass --force"):
        bundle.check_out(copied, force=False)
    verify.verify(copied)


def test_a_full_disk_leaves_no_bundle(small_run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="bundle: the disk is full"):
        bundle.export(small_run, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_budgets_are_those_of_the_promise():
    budget = BUDGETS["onnx"]
    assert (budget.scale, budget.pyramid, BUDGETS["fp64"].scale) == (1e-5, 1e-3, 1e-11)
    assert (budget.levels, budget.share) == (1, 0.002)
    within = Comparison("onnx", None, (1, 9, 9), 1e-3, 0, 60, 1, 0.002, budget)
    for over in ({"maximum": 1.1e-3}, {"levels": 2}, {"share": 0.003}):
        assert within.passed and not dataclasses.replace(within, **over).passed
    with pytest.raises(
        ParityError, match=r"whole pyramid .* at 9x9: differs by 2\.00e-03 \(allowed 1e-03\)"
    ):
        Parity((), (dataclasses.replace(within, maximum=2e-3),)).require()


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_models_export_too(tmp_path, drawn_scene, mode):
    with Image.open(drawn_scene) as image:
        photo = image.convert(mode)
    if mode == "RGBA":
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(tmp_path / "photo.png")
    settings = dataclasses.replace(SMALL, iterations=3, border="noise")
    run = train(tmp_path / "photo.png", tmp_path / "run", settings)
    assert bundle.export(run, tmp_path / "bundle").passed
    verify.verify(tmp_path / "bundle", run)
    assert Sampler.load(tmp_path / "bundle").sample((31, 57)).shape == (
        1,
        31,
        57,
        len(photo.getbands()),
    )

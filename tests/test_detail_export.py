"""A run is exported with its photo inside, and the bundle provably draws what its networks do."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from detail_scenes import landscape, rewrite
from PIL import Image

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402
from small_runs import DETAILED, train  # noqa: E402

from singan_core import images, manifest, stored  # noqa: E402
from singan_core.errors import BundleError, ParityError, RequestError  # noqa: E402
from singan_export import bundle, formats, fused_picture, photo, verify  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_runtime.edits import editing  # noqa: E402
from singan_runtime.graphs import open_session  # noqa: E402
from singan_train import trainer  # noqa: E402

QUICK = dataclasses.replace(DETAILED, iterations=2)


@pytest.fixture(scope="module")
def exported(detailed_run, tmp_path_factory):
    """A bundle of the run with detail; treat it as read-only."""
    out = tmp_path_factory.mktemp("exported") / "bundle"
    measured = bundle.export(detailed_run, out)
    assert (
        measured.passed
        and len(measured.double) > 3
        and all(check.maximum <= 1e-11 for check in measured.double)
    )
    return out


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "bundle")


@pytest.fixture(scope="module")
def scene(drawn_scene):
    with Image.open(drawn_scene) as image:
        return np.asarray(image)


def doctor(folder, path, by, name="conv_2_weight_1"):
    """Change one weight of a graph, and vouch for it."""
    model = onnx.load(folder / path)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] += by
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, folder / path)
    rewrite(folder, manifest.read(folder, "bundle", check_files=False))


# what a bundle holds


def test_a_bundle_holds_the_photo_and_the_graphs_in_both_precisions(exported, detailed_run, scene):
    found = manifest.read(exported, "bundle")
    graphs = {f"{folder}scale_0{n}.onnx" for n in range(3) for folder in ("", "fp64/")}
    others = {"bases.npy", "parity.json", "photo.webp", "preview.png", "reconstruction_noise.npy"}
    assert set(found.files) == graphs | others
    assert found.format_version == 2 and found.detail.photo_sha256 == stored.hash_pixels(scene)
    assert len(found.detail.shifts) == len(found.detail.levels)
    planned = manifest.read(detailed_run, "run").detail.levels
    assert found.detail.levels == ((13, 18), *planned)
    assert np.array_equal(Sampler.load(exported).photo.pixels, scene)
    with Image.open(exported / "photo.webp") as image:
        assert not image.getexif() and "icc_profile" not in image.info


def test_the_graphs_in_double_precision_are_the_trained_networks(exported):
    record = json.loads((exported / "parity.json").read_text())
    assert record["passed"] and {check["scale"] for check in record["double"]} == {0, 1, 2}
    assert all(check["maximum"] <= 1e-11 == check["allowed"] for check in record["double"])


def test_the_preview_is_the_reconstruction(exported):
    with Image.open(exported / "preview.png") as image:
        assert np.array_equal(np.asarray(image), Sampler.load(exported).reconstruct())


def test_a_run_without_detail_exports_format_one(small_run, tmp_path):
    bundle.export(small_run, tmp_path / "bundle")
    found = manifest.read(tmp_path / "bundle", "bundle")
    assert found.format_version == 1 and found.detail is None
    assert not any(
        name.startswith("fp64/") or name in ("photo.webp", "bases.npy") for name in found.files
    )


# verify


def test_a_bundle_verifies_alone_and_against_its_run(exported, detailed_run):
    alone, against = verify.verify(exported), verify.verify(exported, detailed_run)
    assert alone.preview_levels == against.preview_levels == 0 and alone.parity is None
    assert against.parity.passed and len(against.parity.double) > 3


def test_the_bundle_of_the_tests_draws_its_preview_to_the_byte_here_too(detail_bundle):
    assert verify.verify(detail_bundle).preview_levels == 0


def test_a_doctored_graph_in_double_precision_does_not_verify(copied, detailed_run):
    """A large change shows in the preview, the smallest against the run, which names the scale."""
    doctor(copied, "fp64/scale_01.onnx", 1e-9)
    with pytest.raises(ParityError, match="scale 1 at"):
        verify.verify(copied, detailed_run)
    doctor(copied, "fp64/scale_01.onnx", 3.0)
    with pytest.raises(ParityError, match=r"preview\.png: the reconstruction differs from it"):
        verify.verify(copied)


def test_a_graph_of_another_precision_in_its_place_does_not_verify(copied):
    shutil.copyfile(copied / "scale_01.onnx", copied / "fp64" / "scale_01.onnx")
    rewrite(copied, manifest.read(copied, "bundle", check_files=False))
    with pytest.raises(BundleError, match=r"scale_01\.onnx: metadata singan\.precision is None"):
        verify.verify(copied)


def test_another_preview_does_not_verify(copied):
    Image.fromarray(landscape(44, 60)).save(copied / "preview.png")
    rewrite(copied, manifest.read(copied, "bundle", check_files=False))
    with pytest.raises(ParityError, match="the reconstruction differs"):
        verify.verify(copied)


# the hand-over


def test_export_can_hand_over_earlier(detailed_run, exported, tmp_path):
    """At the last generator whose canvas is no larger; the photo then has a level of that size."""
    bundle.export(detailed_run, tmp_path / "bundle", hand_over=30)
    early, usual = Sampler.load(tmp_path / "bundle", threads=1), Sampler.load(exported, threads=1)
    assert early.manifest.detail.hand_over == 1 and usual.manifest.detail.hand_over == 2
    entries = [one.manifest.detail.levels[one.manifest.pyramid.entry] for one in (early, usual)]
    assert entries == [(25, 34), (33, 45)]
    assert [step.generator for step in early.find_passes()] == [0, 1]
    assert not (tmp_path / "bundle" / "fp64" / "scale_02.onnx").exists()
    assert early.sample((50, 70)).shape == (1, 50, 70, 3)
    assert not np.array_equal(early.sample(seed=1), usual.sample(seed=1))
    verify.verify(tmp_path / "bundle", detailed_run)
    assert (
        early.without_detail().sample((40, 50)).shape
        == usual.without_detail().sample((40, 50)).shape
    )


def test_a_hand_over_below_the_coarsest_canvas_is_refused(detailed_run, small_run, tmp_path):
    with pytest.raises(
        RequestError,
        match="hand-over 12 is not possible: the coarsest generator's canvas has 19 px",
    ):
        bundle.export(detailed_run, tmp_path / "bundle", hand_over=12)
    with pytest.raises(
        RequestError, match="has no photo, so nothing can be handed over to it; name the photo"
    ):
        bundle.export(small_run, tmp_path / "bundle", hand_over=20)
    assert not (tmp_path / "bundle").exists()


# a photo for a run without one


def test_a_photo_can_be_given_to_a_run_without(small_run, drawn_scene, scene, tmp_path):
    bundle.export(small_run, tmp_path / "bundle", photo=drawn_scene)
    sampler = Sampler.load(tmp_path / "bundle", threads=1)
    assert np.array_equal(sampler.photo.pixels, scene)
    detail = sampler.manifest.detail
    assert detail.levels[:2] == ((13, 18), (31, 42)) and detail.hand_over == 3
    assert sampler.sample(seed=2).shape == (1, 44, 60, 3)
    verify.verify(tmp_path / "bundle", small_run)
    bundle.export(small_run, tmp_path / "early", photo=drawn_scene, hand_over=22)
    assert Sampler.load(tmp_path / "early").manifest.detail.hand_over == 1


def test_a_large_photo_is_reduced(small_run, tmp_path, monkeypatch):
    assert photo.MOST == 1920
    monkeypatch.setattr(photo, "MOST", 200)
    Image.fromarray(landscape(220, 300)).save(tmp_path / "large.png")
    bundle.export(small_run, tmp_path / "bundle", photo=tmp_path / "large.png")
    assert manifest.read(tmp_path / "bundle", "bundle").detail.levels[-1] == (147, 200)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((60, 44), "44x60 is not of the shape that the model was trained on, 42x31"),
        ((80, 80), "80x80 is not of the shape"),
        ((44, 64), "64x44 is not of the shape"),
        ((31, 42), "the photo of 42x31 is no larger than the hand-over's canvas"),
    ],
)
def test_a_photo_of_another_shape_or_no_larger_is_refused(small_run, tmp_path, size, message):
    Image.fromarray(landscape(*size)).save(tmp_path / "other.png")
    with pytest.raises(RequestError, match=message) as refused:
        bundle.export(small_run, tmp_path / "bundle", photo=tmp_path / "other.png")
    assert "\n" not in str(refused.value) and not (tmp_path / "bundle").exists()


def test_a_run_that_has_its_photo_takes_no_other(detailed_run, drawn_scene, tmp_path):
    with pytest.raises(RequestError, match="has its own photo inside; leave out --photo"):
        bundle.export(detailed_run, tmp_path / "bundle", photo=drawn_scene)


@pytest.mark.parametrize("damage", ["photo", "pixels"])
def test_a_run_whose_photo_was_changed_is_refused(detailed_run, scene, tmp_path, damage):
    run = shutil.copytree(detailed_run, tmp_path / "run")
    if damage == "photo":
        (run / stored.PHOTO).write_bytes(b"cut")
    else:
        stored.write_photo(run, scene ^ 1)
    found = manifest.read(detailed_run, "run")
    rewrite(run, found)
    with pytest.raises(
        BundleError, match=r"photo\.webp: (missing or damaged|not the photo of this model)"
    ):
        bundle.export(run, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


# grey, transparent and labelled photos


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_photos_keep_their_channels(tmp_path, channels):
    """From the file to pictures, their windows and edits, transparent colours included.

    The fused graph draws the same bytes.
    """
    pixels = landscape(50, 70, channels)
    Image.fromarray(pixels if channels == 4 else pixels[..., 0]).save(tmp_path / "photo.png")
    run = train(tmp_path / "photo.png", tmp_path / "run", QUICK)
    bundle.export(run, tmp_path / "bundle", folders=["fused"])
    verify.verify(tmp_path / "bundle", run)
    sampler = Sampler.load(tmp_path / "bundle", threads=1)
    assert np.array_equal(sampler.photo.pixels, pixels)
    session = open_session(tmp_path / "bundle" / "fused" / "picture.onnx", "cpu")
    for size in ((50, 70), (40, 66), (20, 30)):
        assert np.array_equal(fused_picture.draw(session, size, 8)[0], sampler.sample(size, 8)[0])
    for tileable in ("", "x"):
        drawn = sampler.sample((60, 90), 3, tileable=tileable)[0]
        assert drawn.shape == (60, 90, channels)
        assert np.array_equal(
            sampler.render((60, 90), (9, 20, 30, 50), 3, tileable=tileable), drawn[9:39, 20:70]
        )
    mask, near = np.zeros((2, 50, 70), bool)
    for y, x in ((12, 10), (30, 50)):  # two places, so that much lies between them
        mask[y : y + 4, x : x + 5], near[y - 3 : y + 7, x - 3 : x + 8] = True, True
    edited = editing.redraw(sampler, images.to_floats(pixels), mask, editing.EDIT, 1, reach=3)
    assert np.array_equal(edited[~near], pixels[~near]) and (edited[mask] != pixels[mask]).any()


def test_masks_of_a_run_become_labels_of_its_pictures(drawn_scene, tmp_path):
    y, x = np.mgrid[0:44, 0:60]
    Image.fromarray(y > 22 + 8 * np.sin(x / 9)).save(tmp_path / "hill.png")
    run = trainer.train(
        drawn_scene, tmp_path / "run", QUICK, torch.device("cpu"), masks=[tmp_path / "hill.png"]
    )
    bundle.export(run, tmp_path / "bundle")
    sampler = Sampler.load(tmp_path / "bundle", threads=1)
    assert sampler.manifest.labels == ("hill",) and sampler.manifest.channels == 3
    pixels, masks = sampler.labelled((50, 66), 1)
    assert pixels.shape == (50, 66, 3) and masks.shape == (50, 66, 1) and 0 < (masks > 0).mean() < 1
    green = pixels[..., 1].astype(int) > pixels[..., 2]
    assert (green == (masks[..., 0] > 0)).mean() > 0.95  # the rest is grain


# further formats


def test_further_formats_of_the_generators_can_be_added(copied, detailed_run):
    """They stand for the generators alone; what is drawn with detail stays as it was."""
    before = Sampler.load(copied, threads=1).sample(seed=1)
    checks = bundle.add(copied, ["fp16", "fused"])
    assert all(check.passed for check in checks) and {check.format for check in checks} == {
        "fp16",
        "fused",
    }
    assert formats.list_formats(manifest.read(copied, "bundle")) == ["fused", "fp16"]
    verified = verify.verify(copied, detailed_run)
    assert {check.format for check in verified.formats} == {"fp16", "fused"}
    assert all(check.passed for check in verified.formats)
    assert np.array_equal(Sampler.load(copied, threads=1).sample(seed=1), before)
    with pytest.warns(UserWarning, match="fp16 is slower"):
        half = Sampler.load(copied, threads=1, precision="fp16")
    assert half.sample(seed=1).shape == before.shape

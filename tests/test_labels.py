"""Masks of the photo become labels of the model, and labels follow what the pictures show."""

import json
import shutil

import numpy as np
import pytest
from command_line import call, one_line
from file_contents import files_of
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from small_runs import SMALL, TINY, results  # noqa: E402

from singan_core import images, manifest  # noqa: E402
from singan_core.errors import TrainingError  # noqa: E402
from singan_export import bundle, verify  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_train import config, trainer  # noqa: E402
from singan_train.run import header  # noqa: E402

CPU = torch.device("cpu")
HILL, SKY, SUN = (60, 120, 40), (150, 180, 220), (220, 60, 40)


@pytest.fixture(scope="module")
def hill(tmp_path_factory):
    """The mask of the hill of conftest.drawn_scene."""
    y, x = np.mgrid[0:44, 0:60]
    path = tmp_path_factory.mktemp("masks") / "hill.png"
    Image.fromarray(y > 22 + 8 * np.sin(x / 9)).save(path)
    return path


def train(photo, folder, masks, settings, show=lambda _: None):
    torch.set_num_threads(1)
    return trainer.train(photo, folder, settings, CPU, show, masks=masks)


def sampler_of(run, folder):
    bundle.export(run, folder)
    return Sampler.load(folder, threads=1)


def overlap(a, b):
    """Intersection over union of two boolean masks."""
    return (a & b).sum() / max((a | b).sum(), 1)


def agreement(sampler, label, colours, size=None):
    """Mean overlap of ten masks with the object's colour in their own pictures, and in others."""
    drawn = [sampler.labelled(size, seed, 1.0) for seed in range(10)]
    masks = [masks[..., sampler.manifest.labels.index(label)] > 0 for _, masks in drawn]
    shown = [
        np.abs(pixels[:, :, None].astype(int) - colours).sum(axis=3).argmin(axis=2) == 0
        for pixels, _ in drawn
    ]
    own = np.mean([overlap(mask, seen) for mask, seen in zip(masks, shown, strict=True)])
    others = np.mean(
        [overlap(mask, seen) for mask, seen in zip(masks, [*shown[1:], shown[0]], strict=True)]
    )
    return own, others


def test_labels_follow_content(drawn_scene, hill, tmp_path):
    settings = config.make_config(
        "draft", detail=False, width=8, min_size=14, max_size=42, iterations=120, pool=4
    )
    sampler = sampler_of(
        train(drawn_scene, tmp_path / "run", [hill], settings), tmp_path / "bundle"
    )
    own, others = agreement(sampler, "hill", (HILL, SKY))
    assert own >= 0.8 and own > others + 0.05


@pytest.mark.slow
def test_labels_of_several_objects_follow_content_at_any_size(tmp_path):
    y, x = np.mgrid[0:44, 0:60]
    sun = (y - 12) ** 2 + (x - 45) ** 2 < 49
    hill = (y > 22 + 8 * np.sin(x / 9)) & ~sun
    colours = np.where(sun[..., None], SUN, np.where(hill[..., None], HILL, SKY))
    grain = np.random.default_rng(0).normal(0, 12, (44, 60, 1))
    Image.fromarray((colours + grain).clip(0, 255).astype(np.uint8)).save(tmp_path / "scene.png")
    Image.fromarray(hill).save(tmp_path / "hill.png")
    Image.fromarray(sun).save(tmp_path / "sun.png")
    settings = config.make_config(
        "draft", detail=False, width=16, min_size=14, max_size=42, iterations=400, pool=16
    )
    masks = [tmp_path / "hill.png", tmp_path / "sun.png"]
    sampler = sampler_of(
        train(tmp_path / "scene.png", tmp_path / "run", masks, settings), tmp_path / "bundle"
    )
    for size in (None, (44, 90)):
        for label, palette in (("hill", (HILL, SKY, SUN)), ("sun", (SUN, SKY, HILL))):
            own, others = agreement(sampler, label, palette, size)
            assert own >= 0.8 and own > others + 0.05, (label, size, own, others)


@pytest.fixture(scope="module")
def labelled_run(drawn_scene, hill, tmp_path_factory):
    return train(drawn_scene, tmp_path_factory.mktemp("labelled") / "run", [hill], SMALL)


def test_a_run_knows_its_labels_and_shows_the_picture_alone(labelled_run):
    found = manifest.read(labelled_run, "run")
    assert found.labels == ("hill",) and found.channels == 4 and found.picture_channels == 3
    for name in ("real", "reconstruction", "sheet"):
        with Image.open(labelled_run / "scale_03" / f"{name}.png") as image:
            assert image.mode == "RGB"


def test_a_labelled_bundle_passes_every_check(labelled_run, tmp_path):
    sampler = sampler_of(labelled_run, tmp_path / "bundle")
    bundle.add(tmp_path / "bundle", ["torchscript", "fused", "fp16"], labelled_run)
    checked = verify.verify(tmp_path / "bundle", labelled_run)
    assert checked.parity.passed and all(check.passed for check in checked.formats)
    with Image.open(tmp_path / "bundle" / "preview.png") as image:
        assert image.mode == "RGB" and np.array_equal(np.asarray(image), sampler.reconstruct())


def test_the_reconstruction_has_the_masks_of_the_photo(labelled_run, hill, tmp_path):
    sampler = sampler_of(labelled_run, tmp_path / "bundle")
    drawn = images.to_masks(sampler.reconstruct_scales(4)[:, 3:])[0, ..., 0] > 0
    with Image.open(hill) as image:
        truth = np.asarray(image.convert("L").resize((42, 31), Image.Resampling.BOX)) >= 128
    assert overlap(drawn, truth) >= 0.95


def test_from_photo_and_mask_to_a_dataset(drawn_scene, hill, tmp_path):
    pytest.importorskip("pycocotools")
    run, made = tmp_path / "run", tmp_path / "bundle"
    status, said, _ = call("train", drawn_scene, "--mask", hill, "--out", run, *TINY)
    assert status == 0 and "60x44, 3 channels and labels hill; preset" in said
    assert call("export", run, "--out", made)[0] == 0
    status, said, _ = call("evaluate", made, "--photo", drawn_scene, "--count", "2", "--json")
    assert status == 0 and json.loads(said)[0]["count"] == 2
    assert (
        call("sample", made, "--out", tmp_path / "s", "--size", "50x40", "--format", "jpeg")[0] == 0
    )
    assert call("animate", made, "--out", tmp_path / "a.gif", "--frames", "2")[0] == 0
    assert call("dataset", made, "--out", tmp_path / "d", "--count", "2", "--size", "50x40")[0] == 0
    assert len(list((tmp_path / "d" / "masks" / "hill").iterdir())) == 2


# going on


def test_a_stopped_run_with_masks_ends_like_an_uninterrupted_one(
    labelled_run, drawn_scene, hill, tmp_path
):
    class Stop(Exception):
        pass

    def stop(progress):
        if (progress.scale, progress.iteration) == (1, 20):
            raise Stop

    with pytest.raises(Stop):
        train(drawn_scene, tmp_path / "run", [hill], SMALL, stop)
    trainer.resume(drawn_scene, tmp_path / "run", {}, CPU, masks=[hill])
    assert results(files_of(tmp_path / "run")) == results(files_of(labelled_run))


def test_a_run_goes_on_with_the_same_masks_alone(
    labelled_run, small_run, drawn_scene, hill, tmp_path
):
    copy = shutil.copytree(labelled_run, tmp_path / "run")
    with pytest.raises(
        TrainingError, match="was begun with the masks hill, not none; pass the same --mask"
    ):
        trainer.resume(drawn_scene, copy, {}, CPU)
    with pytest.raises(
        TrainingError, match="was begun with the masks none, not hill; pass the same --mask"
    ):
        trainer.resume(drawn_scene, small_run, {}, CPU, masks=[hill])
    with Image.open(hill) as image:
        image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(tmp_path / "hill.png")
    with pytest.raises(TrainingError, match=r"not the photo and masks that .* was begun with"):
        trainer.resume(drawn_scene, copy, {}, CPU, masks=[tmp_path / "hill.png"])


def test_runs_from_before_there_were_labels_are_read(small_run, tmp_path):
    copy = shutil.copytree(small_run, tmp_path / "run")
    data = json.loads((copy / "config.json").read_text())
    del data["labels"]
    (copy / "config.json").write_text(json.dumps(data))
    assert header.read_header(copy) == header.read_header(small_run)


# mistakes


def test_mistakes_with_masks(drawn_scene, hill, tmp_path):
    def mistake(*masks, photo=drawn_scene, more=()):
        words = ",".join(str(mask) for mask in masks)
        said = one_line("train", photo, "--mask", words, "--out", tmp_path / "run", *TINY, *more)
        assert not (tmp_path / "run").exists()
        return said

    def drawn(name, pixels):
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    small = drawn("small.png", np.eye(20, dtype=np.uint8) * 255)
    assert (
        "small.png: the mask is 20x20, but must be 60x44 (the photo); draw it over that picture"
        in mistake(small)
    )
    black = drawn("black.png", np.full((44, 60), 127, np.uint8))
    assert (
        "black.png: the mask is empty, its value 127 all over: "
        "paint what you mean white (128 or more of 255)" in mistake(black)
    )
    white = drawn("white.png", np.full((44, 60), 128, np.uint8))
    assert (
        "white.png: the mask is white all over (values 128 of 255): "
        "paint only what you mean white and all else black" in mistake(hill, white)
    )
    assert "none.png: no such file" in mistake(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    assert "text.png: not a picture that can be read" in mistake(tmp_path / "text.png")
    assert "masks hill, hill: their names become labels" in mistake(hill, hill)
    assert "channels 1 cannot have masks: labels go with RGB; choose auto or 3" in mistake(
        hill, more=("--channels", "1")
    )
    clear = np.zeros((44, 60, 4), np.uint8)
    clear[:20] = 255
    glass = drawn("glass.png", clear)
    assert (
        "glass.png: partly transparent, but labels go with RGB; --channels 3 puts it on white"
        in mistake(hill, photo=glass)
    )

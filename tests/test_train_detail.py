"""Runs with detail levels: generators up to the hand-over, above it the stored photo."""

import dataclasses
import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
from awkward_pictures import saved
from file_contents import files_of
from PIL import Image

torch = pytest.importorskip("torch")

from small_runs import DETAILED, QUICK, photo_of, results, smooth, train  # noqa: E402

from singan_core import images, manifest, resample, stored  # noqa: E402
from singan_core.errors import ImageError, TrainingError  # noqa: E402
from singan_train import trainer  # noqa: E402
from singan_train.run import folder as runs  # noqa: E402
from singan_train.run import header  # noqa: E402

CPU = torch.device("cpu")


# what a run holds


def test_the_photo_is_stored_without_loss_and_vouched_for(detailed_run, drawn_scene):
    with Image.open(drawn_scene) as image:
        photo = np.asarray(image)
    found = manifest.read(detailed_run, "run")
    assert np.array_equal(photo_of(detailed_run), photo)
    assert found.detail.photo_sha256 == stored.hash_pixels(photo) and found.detail.shifts == ()
    assert (
        found.detail.hand_over == 2
        and found.detail.levels[-1] == photo.shape[:2]
        and stored.PHOTO in found.files
    )
    assert (
        found.format_version == 2
        and found.channels == found.picture_channels == 3
        and found.labels == ()
    )


def test_generators_are_trained_on_the_photo_that_is_stored(detailed_run):
    for scale, size in enumerate(manifest.read(detailed_run, "run").shapes):
        expected = images.to_pixels(
            resample.resize(images.to_floats(photo_of(detailed_run)), size)
        )[0]
        with Image.open(runs.find_scale(detailed_run, scale) / "real.png") as image:
            assert np.array_equal(np.asarray(image), expected)


def test_settings_of_a_run_survive_their_file(detailed_run, drawn_scene):
    assert header.read_header(detailed_run) == trainer.prepare_run(drawn_scene, DETAILED, CPU)[0]


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_photos_are_stored_as_they_are(tmp_path, mode):
    pixels = smooth(50, 70, 4)
    pixels[:20, :, 3] = 0
    path = saved(tmp_path / "photo.png", pixels if mode == "RGBA" else pixels[..., 0])
    hides_colours = pytest.warns(UserWarning, match="the picture hidden there is dropped")
    with hides_colours if mode == "RGBA" else nullcontext():
        run = train(path, tmp_path / "run", QUICK)
    found = photo_of(run)
    assert manifest.read(run, "run").channels == found.shape[2] == (4 if mode == "RGBA" else 1)
    if mode == "L":
        assert np.array_equal(found, pixels[..., :1])
    else:
        seen = pixels[..., 3] > 0
        assert np.array_equal(found[seen], pixels[seen]) and not found[~seen].any()


def test_a_reduced_transparent_photo_has_no_colour_where_nothing_is_seen(tmp_path):
    pixels = np.full((100, 140, 4), 255, np.uint8)
    pixels[:48, :, 3] = 0
    _, found = trainer.prepare_run(
        saved(tmp_path / "photo.png", pixels), dataclasses.replace(QUICK, max_size=70), CPU
    )
    assert found.pixels.shape == (50, 70, 4)
    assert not found.pixels[found.pixels[..., 3] == 0].any() and (found.pixels[:20] == 0).all()
    assert np.array_equal(
        images.to_pixels(found.image)[0], found.pixels
    )  # premultiplied in training


# labels


@pytest.fixture
def masks(tmp_path):
    """Masks of conftest.drawn_scene, 60x44 px: its lower half and a corner."""
    lower, corner = np.zeros((2, 44, 60), np.uint8)
    lower[22:], corner[:10, :15] = 255, 255
    return [saved(tmp_path / "lower.png", lower), saved(tmp_path / "corner.png", corner)]


def test_generators_learn_colour_alone_and_masks_are_stored(drawn_scene, masks, tmp_path):
    run = trainer.train(drawn_scene, tmp_path / "run", QUICK, CPU, masks=masks)
    found = manifest.read(run, "run")
    assert found.labels == ("lower", "corner") and found.channels == found.picture_channels == 3
    assert runs.read_generator(run, 2).net[0].in_channels == 3 and stored.MASKS in found.files
    inside = stored.read_masks(run, found.files, (44, 60), 2)
    assert inside[22:, :, 0].all() and not inside[:22, :, 0].any()
    assert inside[:10, :15, 1].all() and inside[..., 1].sum() == 150
    assert stored.hash_pixels(photo_of(run)) == found.detail.photo_sha256  # of the colours alone


def test_a_reduced_mask_is_inside_where_half_of_a_pixel_is(drawn_scene, masks, tmp_path):
    _, found = trainer.prepare_run(drawn_scene, dataclasses.replace(QUICK, max_size=48), CPU, masks)
    assert found.masks.shape == (35, 48, 2)
    share = resample.resize(
        np.asarray(Image.open(masks[0]), np.float32)[None, None] / 255, (35, 48)
    )[0, 0]
    assert np.array_equal(found.masks[..., 0], share >= 0.4999)
    dot = np.zeros((44, 60), np.uint8)
    dot[9, 9] = 255
    smaller = dataclasses.replace(QUICK, max_size=30, hand_over=19)
    with pytest.raises(
        ImageError, match=r"dot\.png: nothing of the object is left at 30x22 px: raise max size"
    ):
        trainer.prepare_run(drawn_scene, smaller, CPU, [saved(tmp_path / "dot.png", dot)])


def test_a_small_photo_s_labels_are_generated(drawn_scene, masks):
    start, found = trainer.prepare_run(
        drawn_scene, dataclasses.replace(QUICK, hand_over=44), CPU, masks
    )
    assert (
        start.channels == 5
        and start.picture_channels == 3
        and start.pyramid.levels == ()
        and found.masks is None
    )


# going on


@pytest.mark.parametrize("moment", [(0, 10), (1, 20), (2, 10)])
def test_a_stopped_run_ends_like_an_uninterrupted_one(detailed_run, drawn_scene, tmp_path, moment):
    at = []

    def show(progress):
        at[:] = [(progress.scale, progress.iteration)]

    with pytest.raises(KeyboardInterrupt):
        trainer.train(drawn_scene, tmp_path / "run", DETAILED, CPU, show, lambda: at == [moment])
    assert (tmp_path / "run" / stored.PHOTO).exists() and not (
        tmp_path / "run" / manifest.NAME
    ).exists()
    if moment[0] == 1:
        (tmp_path / "run" / stored.PHOTO).write_bytes(b"cut short")  # the photo itself is at hand
    trainer.resume(drawn_scene, tmp_path / "run", {"hand_over": 33, "detail": True}, CPU)
    assert results(files_of(tmp_path / "run")) == results(files_of(detailed_run))
    assert (
        manifest.read(tmp_path / "run", "run").detail == manifest.read(detailed_run, "run").detail
    )


def test_a_run_goes_on_with_the_same_photo_masks_and_options_alone(
    detailed_run, drawn_scene, masks, tmp_path
):
    with pytest.raises(
        TrainingError, match=r"cannot resume with hand-over 40 \(the run has 33\), detail False"
    ):
        trainer.resume(drawn_scene, detailed_run, {"hand_over": 40, "detail": False}, CPU)
    with Image.open(drawn_scene) as image:
        other = saved(tmp_path / "other.png", np.asarray(image) ^ 1)
    with pytest.raises(
        TrainingError, match=r"other\.png: not the photo that .* was begun with \(scene\)"
    ):
        trainer.resume(other, detailed_run, {}, CPU)
    run = trainer.train(drawn_scene, tmp_path / "run", QUICK, CPU, masks=masks)
    with Image.open(masks[0]) as image:
        saved(masks[0], 255 - np.asarray(image))
    with pytest.raises(TrainingError, match="not the photo and masks that"):
        trainer.resume(drawn_scene, run, {}, CPU, masks=masks)


def test_runs_from_before_there_was_detail_are_read_and_go_on_without(
    small_run, drawn_scene, tmp_path
):
    copy = shutil.copytree(small_run, tmp_path / "run")
    data = json.loads((copy / header.CONFIG).read_text())
    for name in ("detail", "hand_over"):
        del data["config"][name]
    for name in ("levels", "hand_over"):
        del data["pyramid"][name]
    del data["stored_sha256"]
    (copy / header.CONFIG).write_text(json.dumps(data))
    assert (
        header.read_header(copy) == header.read_header(small_run)
        and not header.read_header(copy).config.detail
    )

    shutil.rmtree(copy / "scale_03")
    (copy / manifest.NAME).unlink()
    trainer.resume(drawn_scene, copy, {"max_size": 42}, CPU)
    again, before = results(files_of(copy)), results(files_of(small_run))
    assert again.keys() == before.keys()
    assert {name for name in again if again[name] != before[name]} == {header.CONFIG}
    assert manifest.read(copy, "run").detail is None

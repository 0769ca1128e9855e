"""Runs with detail levels: generators up to the hand-over, above it the stored photo."""

import dataclasses
import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from small_runs import DETAILED, files_of, results, train  # noqa: E402

from singan_core import file_names, images, manifest, resample, stored  # noqa: E402
from singan_core.errors import ImageError, RequestError, TrainingError  # noqa: E402
from singan_train import config, trainer  # noqa: E402
from singan_train.run import folder as runs  # noqa: E402
from singan_train.run import header  # noqa: E402

CPU = torch.device("cpu")
QUICK = dataclasses.replace(DETAILED, iterations=2)


def saved(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def smooth(height, width, channels=3):
    """A picture of soft blobs, uint8 (height, width, channels)."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 9, channels), np.uint8)
    return np.stack(
        [
            np.asarray(
                Image.fromarray(coarse[..., n]).resize((width, height), Image.Resampling.BICUBIC)
            )
            for n in range(channels)
        ],
        axis=2,
    )


def photo_of(run):
    """The stored photo of a finished run, checked against its digest."""
    found = manifest.read(run, "run")
    return stored.read_photo(
        run, found.files, found.pyramid.finest, found.picture_channels, found.detail.photo_sha256
    )


# presets and settings


def test_draft_and_standard_have_detail_and_the_paper_has_not():
    for name, iterations in (("draft", 900), ("standard", 1500)):
        found = config.make_config(name)
        assert found.detail and not found.continuation and found.iterations == iterations
        assert (found.min_size, found.hand_over, found.max_size) == (15, 25, 1920)
    assert not config.make_config("paper").detail and config.make_config(
        "paper", detail=False
    ) == config.make_config("paper")


@pytest.mark.parametrize(("layout", "coarsest"), [("free", 19), ("scene", 15), ("strict", 13)])
def test_a_layout_is_a_coarsest_size_with_three_scales_above(layout, coarsest, tmp_path):
    photo = saved(tmp_path / "photo.png", smooth(120, 180))
    settings = config.make_config("standard", **config.expand_layout(layout, None))
    plan = trainer.prepare_run(photo, settings, CPU)[0].pyramid
    assert min(plan.shapes[0]) == coarsest and min(plan.shapes[-1]) == 25
    assert len(plan.shapes) >= config.LEAST_SCALES == 3


def test_so_few_pixels_that_three_scales_do_not_fit_are_trained_with_fewer(tmp_path):
    photo = saved(tmp_path / "photo.png", smooth(120, 180))
    plan = trainer.prepare_run(photo, config.make_config("standard", min_size=24), CPU)[0].pyramid
    assert [min(shape) for shape in plan.shapes] == [24, 25]


def test_a_layout_and_a_min_size_exclude_each_other():
    assert config.expand_layout(None, 17) == {"min_size": 17}
    with pytest.raises(
        RequestError, match="layout free is min size 19: give one of the two, not both"
    ):
        config.expand_layout("free", 17)
    with pytest.raises(RequestError, match="unknown layout 'loose': choose free, scene, strict"):
        config.expand_layout("loose", None)


def test_without_detail_presets_are_what_they_were():
    for name, max_size in (("draft", 192), ("standard", 250)):
        found = config.make_config(name, detail=False)
        assert not found.detail and found.continuation
        assert (found.min_size, found.max_size) == (25, max_size)
        assert found.iterations == config.make_config(name).iterations
    given = config.make_config("standard", detail=False, min_size=30, continuation=False)
    assert given.min_size == 30 and given.max_size == 250 and not given.continuation


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("draft", {"hand_over": 10}, "hand-over 10 is not possible: it must be 11 to 128"),
        ("draft", {"hand_over": 1025}, "hand-over 1025 is not possible"),
        (
            "draft",
            {"hand_over": 14},
            "hand-over 14 is below min size 15: raise the one or lower the other",
        ),
        (
            "draft",
            {"max_size": 24},
            "max size 24 is below hand-over 25: raise the one or lower the other",
        ),
        ("draft", {"max_size": 8193}, "max size 8193 is not possible: it must be 11 to 8192"),
        (
            "draft",
            {"continuation": True},
            "with detail there is nothing to continue: leave continuation out",
        ),
        (
            "draft",
            {"detail": False, "hand_over": 40},
            "without detail there is no hand-over: leave it out",
        ),
        ("paper", {"hand_over": 40}, "without detail there is no hand-over"),
        ("paper", {"detail": True}, "preset paper has no detail: choose draft or standard"),
    ],
)
def test_impossible_settings_are_refused(name, changes, message):
    with pytest.raises(RequestError, match=message):
        config.make_config(name, **changes)


# plans


def test_generators_end_at_the_hand_over_and_levels_go_on_to_the_photo(drawn_scene):
    start, _ = trainer.prepare_run(drawn_scene, config.make_config("standard"), CPU)
    assert start.pyramid.shapes == ((15, 20), (19, 26), (25, 34))
    assert start.pyramid.levels == ((25, 34), (33, 45), (44, 60)) and start.pyramid.hand_over == 2
    assert not start.pyramid.continuation and start.photo_size == start.pyramid.finest == (44, 60)
    higher = trainer.prepare_run(
        drawn_scene, config.make_config("standard", hand_over=42, scales=2), CPU
    )[0].pyramid
    assert (
        higher.shapes == ((15, 20), (42, 57))
        and higher.levels[0] == (42, 57)
        and higher.hand_over == 1
    )


def test_a_large_wide_photo_is_reduced_by_its_longer_side_and_trains(tmp_path):
    photo = saved(tmp_path / "wide.png", smooth(800, 3000))
    run = train(photo, tmp_path / "run", QUICK)
    found = manifest.read(run, "run")
    assert found.photo_size == (800, 3000) and found.pyramid.finest == (512, 1920)
    assert found.shapes == ((19, 71), (25, 94), (33, 124))
    expected = images.to_pixels(resample.resize(images.read(photo), (512, 1920)))[0]
    assert np.array_equal(photo_of(run), expected)


@pytest.mark.parametrize("size", [(33, 50), (30, 40), (19, 60)])
def test_a_photo_no_larger_than_the_hand_over_has_no_detail(tmp_path, size):
    run = train(saved(tmp_path / "small.png", smooth(*size)), tmp_path / "run", QUICK)
    found = manifest.read(run, "run")
    assert found.detail is None and found.shapes[-1] == size and found.format_version == 1
    assert not (run / stored.PHOTO).exists() and not found.pyramid.continuation


def test_a_photo_too_thin_for_the_hand_over_once_reduced_is_refused_with_the_size_that_would_do(
    tmp_path,
):
    photo = saved(tmp_path / "thin.png", smooth(54, 800))
    with pytest.raises(
        RequestError, match=r"reduced to 400x27 has .* raise max size to at least 504"
    ) as refused:
        trainer.prepare_run(photo, dataclasses.replace(QUICK, max_size=400), CPU)
    assert "\n" not in str(refused.value)
    enough = trainer.prepare_run(photo, dataclasses.replace(QUICK, max_size=504), CPU)[0].pyramid
    assert enough.finest == (34, 504) and enough.shapes[-1] == (33, 489)


def test_a_hand_over_too_long_to_be_searched_is_refused(tmp_path):
    photo = saved(tmp_path / "thin.png", smooth(40, 800))
    with pytest.raises(RequestError, match="hand-over of 660x33 has 21780 pixels, at most 16384"):
        trainer.prepare_run(photo, QUICK, CPU)


def test_every_plan_is_one_that_a_manifest_may_have(tmp_path):
    """Sizes grow from level to level whatever the photo's shape, so that the run will be read."""
    for number, size in enumerate([(34, 34), (34, 51), (35, 400), (64, 48), (300, 450)]):
        start, _ = trainer.prepare_run(saved(tmp_path / f"{number}.png", smooth(*size)), QUICK, CPU)
        facts = [
            runs.ScaleMetadata(8, True, 3, 1.0, 1 if n == 0 else 3, 0.0)
            for n in range(len(start.pyramid.shapes))
        ]
        (tmp_path / str(number)).mkdir()
        for name in (file_names.RECONSTRUCTION_NOISE, file_names.CONFIG, file_names.PHOTO):
            (tmp_path / str(number) / name).touch()
        runs.write_manifest(tmp_path / str(number), start, facts, "", "")
        assert manifest.read(tmp_path / str(number), "run").pyramid == start.pyramid


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

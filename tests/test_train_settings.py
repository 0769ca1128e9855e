"""Presets, layouts and sizes: what a run with detail levels is planned as, and what is refused."""

import dataclasses

import numpy as np
import pytest
from awkward_pictures import saved

torch = pytest.importorskip("torch")

from small_runs import QUICK, photo_of, smooth, train  # noqa: E402

from singan_core import file_names, images, manifest, resample, stored  # noqa: E402
from singan_core.errors import RequestError  # noqa: E402
from singan_train import config, trainer  # noqa: E402
from singan_train.run import folder as runs  # noqa: E402

CPU = torch.device("cpu")

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

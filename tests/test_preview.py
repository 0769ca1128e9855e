"""A run draws the pictures of its bundle without an export; training ends with some of them."""

import json

import numpy as np
import pytest
from command_line import call
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from singan_export import bundle, preview  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_runtime.measures import choice  # noqa: E402
from singan_train.report import pictures, summary  # noqa: E402
from singan_train.run import folder as runs  # noqa: E402


def test_a_run_draws_what_its_bundle_will(detailed_run, tmp_path):
    bundle.export(detailed_run, tmp_path / "bundle")
    exported, unexported = (
        Sampler.load(tmp_path / "bundle", threads=1),
        preview.open_run(detailed_run, 1),
    )
    for seed in range(3):
        np.testing.assert_array_equal(
            unexported.sample((50, 90), seed), exported.sample((50, 90), seed)
        )


def test_a_run_of_generators_alone_draws_nearly_what_its_bundle_will(small_run, tmp_path):
    bundle.export(small_run, tmp_path / "bundle")
    exported, unexported = (
        Sampler.load(tmp_path / "bundle", threads=1),
        preview.open_run(small_run, 1),
    )
    apart = np.abs(unexported.sample((31, 42)).astype(int) - exported.sample((31, 42)))
    assert apart.max() <= 1


def test_the_sheet_shows_the_photo_four_samples_a_tall_and_a_wide_picture(detailed_run):
    sampler = preview.open_run(detailed_run, 1)
    drawn, (height, width) = preview.draw_preview(sampler), sampler.trained_size
    sheet = drawn.sheet
    factor = pictures.TILE // width  # small pictures are enlarged by a whole number
    tile_height, tile_width = height * factor, width * factor
    shown = sheet[:tile_height:factor, :tile_width:factor]
    assert np.abs(shown.astype(int) - sampler.photo.pixels).mean() < 2
    again = sheet[
        :tile_height:factor, tile_width + pictures.GAP : 2 * tile_width + pictures.GAP : factor
    ]
    ranked = choice.rank(sampler, sampler.plan((height, width)), range(16))
    np.testing.assert_array_equal(again, sampler.sample((height, width), ranked[0].seed)[0])
    assert (drawn.candidates, drawn.copies) == (16, sum(one.is_photo for one in ranked))
    assert sheet.shape[0] > 2 * tile_height + tile_height // 2 and sheet.shape[1] >= 3 * tile_width


def test_training_ends_with_its_contact_sheet(drawn_scene, tmp_path):
    words = ("--iterations", "2", "--preset", "draft", "--device", "cpu")
    status, said, _ = call("train", drawn_scene, "--out", tmp_path / "run", *words)
    sheet = tmp_path / "run" / "sheet.jpg"
    assert status == 0 and said.splitlines()[-1] == f"contact sheet: {sheet}"
    with Image.open(sheet) as image:
        assert image.format == "JPEG" and image.width > 3 * 60
    status, said, _ = call(
        "train", drawn_scene, "--out", tmp_path / "other", *words, "--no-preview"
    )
    assert (
        status == 0
        and "contact sheet" not in said
        and not (tmp_path / "other" / "sheet.jpg").exists()
    )


@pytest.mark.parametrize(("copies", "is_said"), [(4, False), (5, True)])
def test_training_says_that_most_samples_are_the_photo_again(
    small_run, monkeypatch, capsys, copies, is_said
):
    from singan_cli import train

    shown = preview.Preview(np.zeros((4, 4, 3), np.uint8), 8, copies)
    monkeypatch.setattr(preview, "write_sheet", lambda run, threads: (run / "sheet.jpg", shown))
    train.say_result(small_run, True, None)
    said = capsys.readouterr().out
    assert (f"{copies} of 8 samples are the photo again" in said) == is_said


def test_a_photo_with_masks_has_a_contact_sheet_too(drawn_scene, tmp_path):
    mask = np.zeros((44, 60), np.uint8)
    mask[10:30, 20:40] = 255
    Image.fromarray(mask).save(tmp_path / "thing.png")
    words = ("--iterations", "2", "--preset", "draft", "--device", "cpu")
    status, _, said = call(
        "train", drawn_scene, "--out", tmp_path / "run", "--mask", tmp_path / "thing.png", *words
    )
    assert (status, (tmp_path / "run" / "sheet.jpg").exists()) == (0, True), said


def test_a_critic_that_never_came_to_rest_is_said(tmp_path, monkeypatch):
    from singan_cli import train

    rows = [
        {
            "scale": scale,
            "iteration": 10 * n,
            "real": 5.0,
            "fake": 1.0,
            "gradient_penalty": steep,
            "rmse": 0.1,
        }
        for scale, steep in ((0, 2.5), (1, 0.3))
        for n in range(1, 21)
    ]
    rows[0]["gradient_penalty"] = rows[20]["gradient_penalty"] = (
        100.0  # early on every critic is restless
    )
    (tmp_path / runs.METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert summary.find_unsettled(tmp_path) == [summary.UnsettledDiscriminator(0, 4.0, 2.5)]
    said = []
    monkeypatch.setattr(train, "say", said.append)
    train.say_unsettled(tmp_path)
    assert (
        len(said) == 1
        and "unsettled at scale 0 (gap 4.0, penalty 2.5)" in said[0]
        and "--layout strict" in said[0]
    )

"""The command line of training and export."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from command_line import call, one_line, usage
from PIL import Image

from singan_cli import training_time

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from small_runs import TINY  # noqa: E402

from singan_train import calibration, config, threads  # noqa: E402

FLOAT32 = ("--precision", "float32")


def test_photo_to_pictures(drawn_scene, tmp_path):
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    status, said, shown = call("train", drawn_scene, "--out", run, *TINY)
    assert status == 0 and "training on cpu, 1 thread: about " in said and f"wrote {run}" in said
    assert "scale 5/5 iteration 5/5" in shown and "rmse" in shown and "left 0:00" in shown
    status, said, _ = call("export", run, "--out", bundle)
    assert status == 0 and said.count("(allowed 1e-05)") == 5 and said.count("pyramid") == 3
    status, said, _ = call("verify", bundle, "--run", run)
    assert status == 0 and "5 graphs valid" in said and "reconstruction equals preview.png" in said
    status, said, _ = call("verify", bundle, "--json")
    assert status == 0 and json.loads(said)["passed"]
    assert json.loads(call("verify", bundle, "--run", run, "--json")[1])["parity"]["passed"]
    assert call("sample", bundle, "--out", tmp_path / "out", "--size", "70x50")[0] == 0
    with Image.open(tmp_path / "out" / "scene_70x50_0.png") as image:
        assert image.size == (70, 50)


def test_dry_run_prints_the_plan_and_writes_nothing(drawn_scene, tmp_path):
    status, said, _ = call(
        "train",
        drawn_scene,
        "--out",
        tmp_path / "run",
        *TINY,
        "--dry-run",
        "--precision",
        "float32",
    )
    assert status == 0
    assert (
        "scene: 60x44, 3 channels; preset standard, seed 0, device cpu, float32, border zero"
        in said
    )
    assert "scale 0: 19x14, width 32" in said and "scale 3: 42x31" in said and "parameters" in said
    assert not (tmp_path / "run").exists()


def test_the_plan_says_what_is_trained_and_what_comes_from_the_photo(drawn_scene, tmp_path):
    words = ["train", drawn_scene, "--out", tmp_path / "run", "--dry-run", "--threads", "1"]
    status, said, _ = call(*words)
    assert status == 0 and "3 scales to train, factor 0.7746" in said
    assert "  scale 0: 20x15, width 32" in said and "  scale 2: 34x25, width 32" in said
    lines = said.splitlines()
    first = lines.index(
        "3 detail levels, nothing to train: they draw with pixels of the photo itself"
    )
    assert lines[first + 1] == "  level 0: 34x25" and lines[first + 3] == "  level 2: 60x44"
    assert lines[first + 4] == (
        "the photo is stored in the run and in what is exported from it, at 60x44"
    )
    mask = tmp_path / "left.png"
    Image.linear_gradient("L").rotate(90).resize((60, 44)).save(mask)
    assert "3 channels and labels left" in (labelled := call(*words, "--mask", mask)[1])
    assert "at 60x44, and so are the masks" in labelled
    small = call(*words, "--hand-over", "44")[1]
    assert (
        "scale 4: 60x44" in small
        and "no detail levels: the photo is no larger than the hand-over of 44 px" in small
    )
    assert "detail" not in call(*words, "--no-detail")[1]


def test_a_run_with_detail_goes_on(drawn_scene, tmp_path):
    words = [
        "train",
        drawn_scene,
        "--out",
        tmp_path / "run",
        "--iterations",
        "2",
        "--threads",
        "1",
        "--device",
        "cpu",
    ]
    assert call(*words)[0] == 0 and (tmp_path / "run" / "photo.webp").is_file()
    assert call(*words, "--resume")[0] == 0
    assert "cannot resume with hand-over 40 (the run has 25)" in one_line(
        *words, "--resume", "--hand-over", "40"
    )


def test_training_that_will_be_long_is_said_to_be(drawn_scene, tmp_path, monkeypatch):
    words = ["train", drawn_scene, "--out", tmp_path / "run", *TINY, "--dry-run"]
    assert "warning" not in call(*words)[2]
    monkeypatch.setattr(training_time, "LONG", 0.0)
    assert (
        "warning: this will be long; --preset draft or a smaller --max-size would be shorter"
        in call(*words)[2]
    )
    assert (
        "warning: this will be long; a smaller --max-size" in call(*words, "--preset", "draft")[2]
    )
    detailed = [word for word in words if word not in TINY] + ["--dry-run", "--threads", "1"]
    assert "; --preset draft or fewer --iterations would be shorter" in call(*detailed)[2]
    assert [training_time.describe_seconds(seconds) for seconds in (0.2, 40, 400, 9000)] == [
        "1 s",
        "40 s",
        "7 min",
        "2.5 h",
    ]


def test_the_expected_time_is_said_in_words(capsys):
    settings, cpu = config.make_config("standard"), torch.device("cpu")
    training_time.say_time(67.4, settings, cpu, 1)
    training_time.say_time(400.0, settings, cpu, 3)
    training_time.say_time(9000.0, settings, torch.device("cuda:0"), 3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "training on cpu, 1 thread: about 67 s",
        "training on cpu, 3 threads: about 7 min",
    ]
    assert lines[2] == "training on cuda:0: about 2.5 h"


@pytest.mark.parametrize(("one", "several", "expected"), [(30.0, 600.0, 30.0), (30.0, 10.0, 10.0)])
def test_several_threads_are_never_expected_to_take_longer_than_one(
    monkeypatch, one, several, expected
):
    """Beside a busy process, a few steps of several threads may take as long as hundreds."""
    counts = []

    def seconds(start, place):
        counts.append(torch.get_num_threads())
        return one if counts[-1] == 1 else several

    cpu, before = torch.device("cpu"), torch.get_num_threads()
    monkeypatch.setattr(calibration, "estimate_seconds", seconds)
    try:
        assert threads.estimate_duration(None, cpu, 3) == expected
        assert counts == [1, 3] and torch.get_num_threads() == 3
        assert threads.estimate_duration(None, cpu, 1) == one and torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_unless_told_otherwise_a_run_leaves_a_processor_to_others():
    assert [threads.choose_threads(False, processors) for processors in (1, 2, 16)] == [1, 1, 15]
    assert threads.choose_threads(True, 16) == 1


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({}, "3000 None"),
        ({"GOMP_SPINCOUNT": "7"}, "7 None"),
        ({"OMP_WAIT_POLICY": "active"}, "None active"),
    ],
)
def test_the_command_limits_how_long_threads_spin_unless_the_user_has(own, found):
    said = "print(*map(os.environ.get, ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')))"
    others = {
        name: value
        for name, value in os.environ.items()
        if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    }

    def spoken(module):
        words = [sys.executable, "-c", f"import os, {module}; {said}"]
        return subprocess.run(
            words, env=others | own, capture_output=True, text=True, check=True
        ).stdout.strip()

    assert spoken("singan_cli") == found
    assert (
        spoken("singan_train.config") == f"{own.get('GOMP_SPINCOUNT')} {own.get('OMP_WAIT_POLICY')}"
    )


def test_losses_can_be_written_for_tensorboard(drawn_scene, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    words = ["train", drawn_scene, "--out", tmp_path / "run", *TINY]
    assert call(*words, "--tensorboard")[0] == 0
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    content = events.read_bytes()
    assert b"scale_03/rmse" in content and b"scale_00/gradient_penalty" in content
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    assert "pip install tensorboard (singan's extra)" in one_line(
        *words[:3], tmp_path / "other", *TINY, "--tensorboard"
    )


def test_sizes_can_grow_by_as_many_pixels(drawn_scene, tmp_path):
    words = (
        "--out",
        tmp_path / "run",
        "--no-detail",
        "--min-size",
        "14",
        "--schedule",
        "linear",
        "--dry-run",
    )
    said = call("train", drawn_scene, *words)[1]
    assert [line.split()[2] for line in said.splitlines() if line.startswith("  scale")] == [
        "19x14,", "33x24,", "46x34,", "60x44,"
    ]  # fmt: skip


def test_paper_preset_is_planned_as_the_paper_has_it(drawn_scene, tmp_path):
    said = call("train", drawn_scene, "--out", tmp_path / "run", "--preset", "paper", "--dry-run")[
        1
    ]
    assert "an iteration is 3 discriminator and 3 generator steps" in said
    assert said.count("2000 iterations") == 3  # 25x18 to 60x44


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--preset", "thesis"), "unknown preset 'thesis': choose draft, standard, paper"),
        (("--max-size", "99999"), "max size 99999 is not possible: it must be 11 to 8192"),
        (("--min-size", "2"), "min size 2 is not possible: it must be 11 to 1024"),
        (
            ("--no-detail", "--min-size", "60", "--max-size", "50"),
            "max size 50 is below min size 60",
        ),
        (
            ("--min-size", "60"),
            "hand-over 25 is below min size 60: raise the one or lower the other",
        ),
        (
            ("--max-size", "24"),
            "max size 24 is below hand-over 25: raise the one or lower the other",
        ),
        (
            ("--max-size", "33"),
            "reduced to 33x24 has nothing above the hand-over of 25 px: raise max size to at least",
        ),
        (("--hand-over", "9"), "hand-over 9 is not possible: it must be 11 to 128"),
        (
            ("--no-detail", "--hand-over", "40"),
            "without detail there is no hand-over: leave it out",
        ),
        (
            ("--continuation",),
            "with detail there is nothing to continue: leave continuation out, or train without",
        ),
        (("--preset", "paper", "--detail"), "preset paper has no detail: choose draft or standard"),
        (("--iterations", "0"), "iterations 0 is not possible"),
        (("--seed", "-1"), "seed -1 is not possible"),
        (("--channels", "2"), "channels '2' is not possible: choose auto, 1, 3 or 4"),
        (("--border", "wrap"), "unknown border 'wrap': choose zero or noise"),
        (("--device", "gpu"), "unknown device 'gpu': choose auto, cpu, cuda, cuda:N, mps, xpu"),
        (("--scales", "60"), "60 scales do not fit"),
        (("--schedule", "cubic"), "unknown schedule 'cubic': choose geometric or linear"),
    ],
)
def test_impossible_options_of_train(drawn_scene, tmp_path, words, message):
    assert message in one_line("train", drawn_scene, "--out", tmp_path / "run", *words)
    assert not (tmp_path / "run").exists()


def test_mistyped_numbers_of_train(drawn_scene, tmp_path):
    assert "Invalid value for '--max-size'" in usage(
        "train", drawn_scene, "--out", tmp_path, "--max-size", "ten"
    )


def test_missing_and_unreadable_photos(tmp_path):
    out = ("--out", tmp_path / "run")
    assert "nowhere.png: no such file" in one_line("train", tmp_path / "nowhere.png", *out)
    (tmp_path / "text.png").write_text("no picture")
    assert "text.png: not a picture that can be read" in one_line(
        "train", tmp_path / "text.png", *out
    )
    Image.new("RGB", (50, 9)).save(tmp_path / "thin.png")
    assert "50x9 is too small" in one_line("train", tmp_path / "thin.png", *out)
    Image.new("RGB", (24, 24)).save(tmp_path / "small.png")
    assert "smaller than the coarsest scale of 25 px" in one_line(
        "train", tmp_path / "small.png", *out, "--no-detail"
    )
    assert not (tmp_path / "run").exists()


def test_places_where_no_run_can_be_written(drawn_scene, tmp_path, small_run, known_temporaries):
    (tmp_path / "file").write_text("precious")
    assert "a file stands where" in one_line(
        "train", drawn_scene, "--out", tmp_path / "file", *TINY
    )
    assert "a run is already there; continue it with --resume" in one_line(
        "train", drawn_scene, "--out", small_run
    )
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / ".config.json.singan-0.tmp").symlink_to("/dev/full")
    assert "the disk is full" in one_line("train", drawn_scene, "--out", folder, *TINY)


def test_resuming_with_other_options(drawn_scene, small_run):
    said = one_line("train", drawn_scene, "--out", small_run, "--resume", "--max-size", "50")
    assert "cannot resume with max size 50 (the run has 42); leave the options out" in said


def test_unfinished_and_missing_runs_of_export(tmp_path, small_run):
    out = ("--out", tmp_path / "bundle")
    assert "no such folder; make a run with 'singan train'" in one_line(
        "export", tmp_path / "nowhere", *out
    )
    copy = shutil.copytree(small_run, tmp_path / "run")
    (copy / "scale_02" / "generator.safetensors").write_bytes(b"x")
    assert "altered or damaged" in one_line("export", copy, *out)
    (copy / "manifest.json").unlink()
    assert "the run is unfinished" in one_line("export", copy, *out)
    (tmp_path / "file").write_text("precious")
    said = one_line("export", small_run, "--out", tmp_path / "file" / "bundle")
    assert "a file stands where a folder is needed" in said
    assert not (tmp_path / "bundle").exists()

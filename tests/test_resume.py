"""A run stopped at any moment goes on where it was and ends as if it had never been stopped."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from file_contents import files_of
from PIL import Image

torch = pytest.importorskip("torch")

from small_runs import SMALL, results, train  # noqa: E402

from singan_core import manifest  # noqa: E402
from singan_core.errors import BundleError, OutputError, TrainingError  # noqa: E402
from singan_core.lock import LOCK  # noqa: E402
from singan_train import device, trainer  # noqa: E402
from singan_train.run import checkpoint, header  # noqa: E402
from singan_train.run import folder as runs  # noqa: E402

CPU = torch.device("cpu")


class Stop(Exception):
    pass


def stop_at(scale, iteration):
    def show(progress):
        if (progress.scale, progress.iteration) == (scale, iteration):
            raise Stop

    return show


@pytest.mark.parametrize("moment", [(0, 10), (1, 40), (2, 30), (3, 40)])
def test_a_stopped_run_ends_like_an_uninterrupted_one(tmp_path, drawn_scene, small_run, moment):
    with pytest.raises(Stop):
        train(drawn_scene, tmp_path / "run", show=stop_at(*moment))
    assert not (tmp_path / "run" / "manifest.json").exists()
    assert runs.count_finished_scales(tmp_path / "run", 4) == moment[0]
    trainer.resume(drawn_scene, tmp_path / "run", {}, CPU)
    assert results(files_of(tmp_path / "run")) == results(files_of(small_run))
    assert (
        manifest.read(tmp_path / "run", "run").files.keys()
        == manifest.read(small_run, "run").files.keys()
    )
    scales = [
        runs.find_position(line)[0]
        for line in (tmp_path / "run" / runs.METRICS).read_text().splitlines()
    ]
    assert scales == [
        n for n in range(4) for _ in range(5)
    ]  # four reports and one summary each, none twice


def test_resuming_a_finished_run_changes_nothing(tmp_path, drawn_scene, small_run):
    copy = shutil.copytree(small_run, tmp_path / "run")
    trainer.resume(drawn_scene, copy, {"seed": SMALL.seed}, CPU)
    assert files_of(copy) == files_of(small_run)


def command(photo, folder, *more):
    words = [
        Path(sys.executable).with_name("singan"), "train", photo, "--out", folder,
        "--device", "cpu", "--threads", "1", "--no-detail", "--min-size", "14",
        "--max-size", "42", "--iterations", "40", *more,
    ]  # fmt: skip
    return [str(word) for word in words]


def killed_and_resumed(photo, folder, number, wait):
    """Start training, stop it by the signal once wait(folder) is true, resume; what both said."""
    process = subprocess.Popen(command(photo, folder), stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not wait(folder):
        time.sleep(0.01)
    process.send_signal(number)
    said = process.communicate()[1]
    resumed = subprocess.run(command(photo, folder, "--resume"), capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    return process.returncode, said


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, drawn_scene):
    folder = tmp_path_factory.mktemp("whole") / "run"
    subprocess.run(command(drawn_scene, folder), check=True, capture_output=True)
    return results(files_of(folder))


def test_a_killed_process_loses_only_what_came_after_the_checkpoint(
    tmp_path, drawn_scene, uninterrupted
):
    def second_scale_done(folder):
        return (folder / "scale_01").exists()

    status, _ = killed_and_resumed(drawn_scene, tmp_path / "run", signal.SIGKILL, second_scale_done)
    assert status == -signal.SIGKILL
    assert results(files_of(tmp_path / "run")) == uninterrupted


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_save_first_and_say_how_to_go_on(
    tmp_path, drawn_scene, uninterrupted, number, status
):
    def first_scale_done(folder):
        return (folder / "scale_00").exists()

    got, said = killed_and_resumed(drawn_scene, tmp_path / "run", number, first_scale_done)
    assert got == status
    last = said.strip().splitlines()[-1]
    assert last.startswith(
        "error: stopped; what is done so far is kept; continue with: singan train"
    )
    assert last.endswith("--resume") and "Traceback" not in said
    assert results(files_of(tmp_path / "run")) == uninterrupted


def stopping_at(scale, iteration):
    """The show and stop of a run that is asked to stop there."""
    now = []

    def show(progress):
        now[:] = [(progress.scale, progress.iteration)]

    return show, lambda: now == [(scale, iteration)]


def stopped(photo, folder, scale, iteration):
    show, stop = stopping_at(scale, iteration)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(photo, folder, SMALL, CPU, show, stop)


@pytest.mark.parametrize("moment", [(0, 10), (1, 30), (2, 40), (3, 20)])
def test_a_stop_inside_a_scale_goes_on_from_its_checkpoint(
    tmp_path, drawn_scene, small_run, moment
):
    stopped(drawn_scene, tmp_path / "run", *moment)
    assert checkpoint.read_position(tmp_path / "run", moment[0]) == (0, moment[1])
    seen = []
    trainer.resume(drawn_scene, tmp_path / "run", {}, CPU, seen.append)
    first = (seen[0].scale, seen[0].iteration)
    assert first == ((moment[0], moment[1] + 10) if moment[1] < 40 else (moment[0] + 1, 10))
    assert results(files_of(tmp_path / "run")) == results(files_of(small_run))
    places = [
        runs.find_position(line)
        for line in (tmp_path / "run" / runs.METRICS).read_text().splitlines()
    ]
    assert places == sorted(set(places)) and len(places) == 20


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "other"])
def test_a_damaged_checkpoint_counts_as_none(tmp_path, drawn_scene, small_run, damage):
    stopped(drawn_scene, tmp_path / "run", 1, 20)
    path = tmp_path / "run" / checkpoint.FILE_NAME
    content = bytearray(path.read_bytes())
    if damage == "bit":
        content[-100] ^= 4
    path.write_bytes(
        {"cut": content[:-100], "bit": content, "empty": b"", "other": b"x" * 999}[damage]
    )
    assert checkpoint.read_position(tmp_path / "run", 1) == (0, 0)
    trainer.resume(drawn_scene, tmp_path / "run", {}, CPU)
    assert results(files_of(tmp_path / "run")) == results(files_of(small_run))


def test_checkpoints_are_written_now_and_then_and_removed_at_the_end(
    tmp_path, drawn_scene, small_run, monkeypatch
):
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    kept = []

    def show(progress):
        kept.append(checkpoint.read_position(tmp_path / "run", progress.scale)[1])

    train(drawn_scene, tmp_path / "run", show=show)
    assert kept == [0, 10, 20, 30] * 4  # each display comes before the checkpoint of its moment
    assert results(files_of(tmp_path / "run")) == results(files_of(small_run))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_a_random_moment(tmp_path, drawn_scene, uninterrupted, seed):
    moment = time.monotonic() + np.random.default_rng(seed).uniform(2, 9)

    def waited(folder):
        return time.monotonic() > moment and (folder / "config.json").exists()

    killed_and_resumed(drawn_scene, tmp_path / "run", signal.SIGKILL, waited)
    assert results(files_of(tmp_path / "run")) == uninterrupted


def test_another_photo_or_other_options_are_refused(tmp_path, drawn_scene, small_run):
    with pytest.raises(
        TrainingError, match=r"cannot resume with seed 9 \(the run has 0\); leave the options out"
    ):
        trainer.resume(drawn_scene, small_run, {"seed": 9, "max_size": None}, CPU)
    Image.new("RGB", (60, 44), "red").save(tmp_path / "red.png")
    other = pytest.raises(
        TrainingError, match=r"red\.png: not the photo that .* was begun with \(scene\)"
    )
    with pytest.warns(UserWarning, match="one colour all over"), other:
        trainer.resume(tmp_path / "red.png", small_run, {}, CPU)


def test_a_folder_with_a_run_is_not_overwritten(drawn_scene, small_run):
    before = files_of(small_run)
    with pytest.raises(TrainingError, match="a run is already there; continue it with --resume"):
        train(drawn_scene, small_run)
    assert files_of(small_run) == before


def test_nothing_to_resume_is_said(tmp_path, drawn_scene):
    with pytest.raises(
        BundleError, match=r"no config\.json, so no run was begun here; train without --resume"
    ):
        trainer.resume(drawn_scene, tmp_path, {}, CPU)


@pytest.mark.parametrize("name", ["generator.safetensors", "discriminator.safetensors"])
@pytest.mark.parametrize("content", [b"", b"x" * 40, None])
def test_a_damaged_scale_is_named_with_the_way_out(tmp_path, drawn_scene, small_run, name, content):
    copy = shutil.copytree(small_run, tmp_path / "run")
    (copy / "manifest.json").unlink()
    path = copy / "scale_01" / name
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(
        BundleError, match=rf"scale_01/{name}: missing or damaged .* delete the folder .*scale_01"
    ):
        trainer.resume(drawn_scene, copy, {}, CPU)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (None, "Input data was truncated"),
        ({"width": "wide"}, r"Expected `int`, got `str` - at `\$\.config\.width`"),
        ({"border": "fog"}, r"Invalid enum value 'fog' - at `\$\.config\.border`"),
        ({"magic": 1}, "unknown settings: magic"),
    ],
)
def test_a_damaged_config_is_named(tmp_path, drawn_scene, small_run, changes, cause):
    copy = shutil.copytree(small_run, tmp_path / "run")
    path = copy / "config.json"
    data = json.loads(path.read_text())
    data["config"] |= changes or {}
    path.write_text("{" if changes is None else json.dumps(data))
    with pytest.raises(BundleError, match=rf"config\.json: damaged \(.*{cause}"):
        trainer.resume(drawn_scene, copy, {}, CPU)


def test_a_full_disk_keeps_the_finished_scales(tmp_path, drawn_scene, small_run, monkeypatch):
    """The third scale cannot be written; once there is room the run goes on."""
    real_save = runs.encoding.save

    def full(path, *more, **options):
        if "scale_02" in str(path):
            raise OSError(28, "No space left on device")
        real_save(path, *more, **options)

    monkeypatch.setattr(runs.encoding, "save", full)
    with pytest.raises(OutputError, match="scale_02: the disk is full; free some space"):
        train(drawn_scene, tmp_path / "run")
    assert runs.count_finished_scales(tmp_path / "run", 4) == 2
    assert [path.name for path in (tmp_path / "run").glob(".*")] == [LOCK]
    monkeypatch.undo()
    trainer.resume(drawn_scene, tmp_path / "run", {}, CPU)
    assert results(files_of(tmp_path / "run")) == results(files_of(small_run))


def test_settings_of_a_run_survive_their_file(tmp_path, small_run):
    start = header.read_header(small_run)
    assert start.config == dataclasses.replace(SMALL, precision=device.choose_precision(CPU))
    header.write_header(
        tmp_path, dataclasses.replace(start, name="again"), np.zeros((1, 3, 3), np.float32)
    )
    assert header.read_header(tmp_path) == dataclasses.replace(start, name="again")

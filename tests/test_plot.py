"""singan plot: curves and pyramid of a run, finished or not."""

import json
import re
import shutil

import numpy as np
import pytest
from command_line import call, one_line
from PIL import Image

torch = pytest.importorskip("torch")

from singan_train.report import plot  # noqa: E402


def test_every_report_of_every_scale_is_read(small_run):
    rows = plot.read_metrics(small_run)
    assert sorted(rows) == [0, 1, 2, 3]
    assert [row["iteration"] for row in rows[2]] == [10, 20, 30, 40]


def test_a_run_becomes_one_picture(small_run, tmp_path):
    pytest.importorskip("matplotlib")
    status, said, _ = call("plot", small_run, "--out", tmp_path / "plot.png")
    assert status == 0 and f"wrote {tmp_path / 'plot.png'}" in said
    with Image.open(tmp_path / "plot.png") as image:
        assert min(image.size) > 1000
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 500


def test_an_unfinished_run_is_drawn_as_far_as_it_is(small_run, tmp_path):
    pytest.importorskip("matplotlib")
    copy = shutil.copytree(small_run, tmp_path / "run")
    (copy / "manifest.json").unlink()
    for scale in (0, 1, 2, 3):
        shutil.rmtree(copy / f"scale_0{scale}")
    assert call("plot", copy)[0] == 0
    assert (copy / "plot.png").exists()


def test_what_cannot_be_drawn_is_said(small_run, tmp_path, monkeypatch):
    assert "give the folder of a run" in one_line("plot", tmp_path)
    copy = shutil.copytree(small_run, tmp_path / "run")
    (copy / "metrics.jsonl").write_text(json.dumps({"scale": 0, "done": True}) + "\n")
    assert "nothing is trained yet" in one_line("plot", copy)
    (copy / "metrics.jsonl").write_text("{")
    assert "damaged" in one_line("plot", copy)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert re.search(r"pip install matplotlib \(singan's extra plot\)", one_line("plot", small_run))

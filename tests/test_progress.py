"""Long work shows a bar on a terminal and plain lines elsewhere."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from singan_cli import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def moment(scale, iteration):
    losses = SimpleNamespace(
        real=0.5, fake=-0.25, gradient_penalty=0.1, adversarial=0.0, rmse=0.0712
    )
    return SimpleNamespace(
        scale=scale,
        scales=4,
        iteration=iteration,
        iterations=400,
        losses=losses,
        share=scale / 4,
        seconds_left=83.0,
    )


def test_a_line_tells_scale_iteration_losses_and_time_left():
    said = progress.describe_progress(moment(1, 200))
    assert (
        said == "scale 2/4 iteration 200/400 critic +0.50/-0.25 penalty 0.10 rmse 0.071 left 1:23"
    )


@pytest.mark.parametrize("screen", [Terminal, io.StringIO])
def test_training_is_shown_on_terminals_and_in_logs(monkeypatch, screen):
    shown = screen()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("COLUMNS", "160")
    with progress.show_training() as show:
        for scale in range(4):
            show(moment(scale, 400))
    assert "scale 4/4 iteration 400/400" in shown.getvalue()
    assert ("\x1b[" in shown.getvalue()) == shown.isatty()


def test_logs_get_a_line_now_and_then_not_one_per_step_nor_one_at_once(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    seconds = 0.0
    with progress.show_training(lambda: seconds) as show:
        for iteration in range(1, 31):
            seconds += 1.0
            show(moment(0, iteration))
    assert [line.split()[3] for line in shown.getvalue().splitlines()] == [
        "10/400",
        "20/400",
        "30/400",
    ]


@pytest.mark.parametrize("screen", [Terminal, io.StringIO])
def test_counting_is_shown_too(monkeypatch, screen):
    shown = screen()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    with progress.count_progress("pictures", 3) as advance:
        for _ in range(3):
            advance()
    assert "pictures" in shown.getvalue()


def test_programs_read_progress_as_lines_of_json(monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    seconds = 0.0
    with progress.show_training(lambda: seconds, as_json=True) as show:
        for iteration in range(1, 31):
            seconds += 0.125
            show(moment(1, iteration))
    lines = [json.loads(line) for line in shown.getvalue().splitlines()]
    assert [line["iteration"] for line in lines] == [8, 16, 24]
    assert lines[0] == {
        "scale": 1,
        "scales": 4,
        "iteration": 8,
        "iterations": 400,
        "share": 0.25,
        "seconds_left": 83.0,
    }

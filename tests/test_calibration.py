"""The expected time of a training run."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from singan_core.pyramid import Pyramid  # noqa: E402
from singan_train import calibration, config, run  # noqa: E402

CPU = torch.device("cpu")
torch.set_num_threads(1)  # threads that wait for each other on a busy machine would be timed instead
PLAN = Pyramid(((20, 20), (30, 40), (200, 300)), 0.5)
START = run.Start(config.preset("draft"), "small", "", (200, 300), 3, PLAN, "cpu", "")


def test_the_whole_is_the_sum_of_the_scales(monkeypatch):
    """With steps that cost what their pixels cost the estimate is exact."""
    settings = START.config

    def seconds(start, scale, device):
        return 0.01 + 1e-6 * settings.viewed_pixels(PLAN.shapes[scale])

    monkeypatch.setattr(calibration, "iteration_seconds", seconds)
    expected = sum(seconds(START, n, CPU) * settings.iterations_for(size) for n, size in enumerate(PLAN.shapes))
    assert calibration.expected_seconds(START, CPU) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["draft", "paper"])
def test_a_few_real_steps_are_timed(name):
    start = dataclasses.replace(
        START, config=config.preset(name, max_size=60), pyramid=Pyramid(((20, 20), (30, 40)), 0.5)
    )
    assert 0 < calibration.expected_seconds(start, CPU) < 3600

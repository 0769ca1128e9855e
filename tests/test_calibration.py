"""The expected time of a training run, before it begins and on its way."""

import dataclasses
import time

import pytest

torch = pytest.importorskip("torch")

from singan_core.pyramid import Pyramid  # noqa: E402
from singan_train import calibration, config  # noqa: E402
from singan_train.report.progress import ProgressClock  # noqa: E402
from singan_train.run import header  # noqa: E402
from singan_train.scale import steps  # noqa: E402
from singan_train.scale.training import LOG_EVERY, Losses  # noqa: E402
from singan_train.work import measure_work  # noqa: E402

CPU = torch.device("cpu")
PLAN = Pyramid(((20, 20), (30, 40), (200, 300)), 0.5)
START = header.RunHeader(config.make_config("draft"), "small", "", (200, 300), 3, PLAN, "cpu", "")
LOSSES = Losses(0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def plan_of(name, *sizes):
    return dataclasses.replace(START, config=config.make_config(name), pyramid=Pyramid(sizes, 0.5))


class Machine:
    """A step that takes seconds of a processor, and more of the wall if others keep it busy."""

    def __init__(self, *seconds, busy=1.0):
        self.processor = self.wall = 0.0
        self.left, self.busy, self.steps = list(seconds), busy, 0

    def step(self):
        seconds = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        self.processor += seconds
        self.wall += seconds * self.busy
        self.steps += 1

    def quickest(self, clock, budget):
        return calibration.find_quickest(
            self.step, 1, budget, lambda: getattr(self, clock), lambda: self.wall
        )


@pytest.mark.parametrize(
    "start",
    [
        plan_of("draft", (20, 20), (30, 40), (200, 300)),
        plan_of("paper", (20, 20), (100, 150), (700, 1000)),
        plan_of("paper", (700, 1000)),
    ],
)
def test_the_whole_is_the_sum_of_the_scales(monkeypatch, start):
    """The estimate is exact for steps that cost their work, and no step that is timed is long."""
    settings, overhead = start.config, 0.01 if len(start.pyramid.sizes) > 1 else 0.0
    timed = []

    def seconds(start, scale, size, device, budget):
        timed.append(measure_work(settings, scale, size))
        return overhead + 1e-8 * timed[-1]

    monkeypatch.setattr(calibration, "time_iteration", seconds)
    whole = sum(
        (overhead + 1e-8 * measure_work(settings, scale, size)) * settings.iterations_for(size)
        for scale, size in enumerate(start.pyramid.sizes)
    )
    assert calibration.estimate_seconds(start, CPU) == pytest.approx(whole)
    assert max(timed) <= calibration.MOST_WORK


@pytest.mark.parametrize("name", ["draft", "paper"])
def test_a_few_real_steps_are_timed(name):
    assert 0 < calibration.estimate_seconds(plan_of(name, (20, 20), (30, 40)), CPU) < 3600


def test_steps_are_timed_without_the_time_that_other_processes_take():
    machine = Machine(0.02, busy=20)
    assert machine.quickest("processor", budget=2.0) == pytest.approx(0.02)
    assert machine.steps > 2


def test_an_estimate_does_not_count_waiting(monkeypatch):
    monkeypatch.setattr(steps, "run_iteration", lambda *_: time.sleep(0.2))
    iterations = sum(START.config.iterations_for(size) for size in PLAN.sizes)
    assert calibration.estimate_seconds(START, CPU) < 0.1 * iterations


def test_the_quickest_of_several_steps_counts():
    machine = Machine(9.0, 0.3, 0.5, 0.02, 0.4)  # the first warms up
    assert machine.quickest("wall", budget=10.0) == pytest.approx(0.02)


@pytest.mark.parametrize(("seconds", "count"), [(0.125, 4), (0.25, 2), (10.0, 2)])
def test_timing_ends_with_its_budget_but_not_before_one_step(seconds, count):
    machine = Machine(seconds)
    assert machine.quickest("wall", budget=0.5) == pytest.approx(seconds)
    assert machine.steps == count


class Journey:
    """A run of one clock whose reports come as fast as is said."""

    def __init__(self, *sizes):
        self.seconds = 0.0
        self.clock = ProgressClock(plan_of("standard", *sizes), lambda: self.seconds)

    def go(self, scale, begin, end, seconds):
        """Train on, each LOG_EVERY iterations in some seconds; return the last seconds left."""
        for iteration in range(begin + LOG_EVERY, end + 1, LOG_EVERY):
            self.seconds += seconds
            progress = self.clock.measure_progress(scale, iteration, LOSSES)
        return progress.seconds_left


def test_a_steady_pace_tells_the_time_left_exactly():
    journey = Journey((20, 20), (20, 20))
    assert journey.go(0, 0, 10, 1.0) == pytest.approx(299)
    assert journey.go(0, 10, 1500, 1.0) == pytest.approx(150)
    assert journey.go(1, 0, 1500, 1.0) == 0


def test_a_busy_time_is_forgotten():
    journey = Journey((20, 20))
    assert journey.go(0, 0, 300, 10.0) == pytest.approx(1200)
    assert journey.go(0, 300, 620, 1.0) == pytest.approx(88)  # the mean since the start says 471


def test_a_slow_start_is_forgotten():
    journey = Journey((20, 20))
    journey.go(0, 0, 10, 20.0)
    assert journey.go(0, 10, 20, 1.0) == pytest.approx(148)  # the mean since the start says 1554


def test_a_pace_that_slows_down_is_noticed():
    journey = Journey((20, 20))
    journey.go(0, 0, 1000, 1.0)
    assert journey.go(0, 1000, 1040, 10.0) == pytest.approx(460)


def test_reports_that_are_minutes_apart_still_have_a_pace():
    assert Journey((20, 20)).go(0, 0, 500, 120.0) == pytest.approx(12000)


def test_a_resumed_scale_and_one_that_begins_again_have_a_pace():
    journey = Journey((20, 20), (20, 20))
    assert journey.go(1, 700, 710, 1.0) == pytest.approx(79)
    assert journey.go(1, 710, 1000, 1.0) == pytest.approx(50)
    assert journey.go(1, 0, 10, 1.0) == pytest.approx(149)

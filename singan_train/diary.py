"""What training tells on its way: metrics, the display, checkpoints; and where it is asked to stop."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_core.atomic import output_error
from singan_train import checkpoint, run
from singan_train.run import Facts, Start
from singan_train.scale import LOG_EVERY, Losses
from singan_train.steps import State


@dataclass(frozen=True)
class Progress:
    """Where training stands, for a display."""

    scale: int
    scales: int
    iteration: int
    iterations: int
    losses: Losses
    share: float  # of the whole work that is done, 0..1
    seconds_left: float


Show = Callable[[Progress], None]
Stop = Callable[[], bool]
"""Asked now and then whether training should stop; what is done by then is kept."""


class Diary:
    """Hears of every few iterations of every scale."""

    def __init__(self, folder: Path, start: Start, show: Show, stop: Stop) -> None:
        self.folder, self.start, self.show, self.stop = folder, start, show, stop
        self.clock = Clock(start)
        self.kept = time.monotonic()

    def write(self, line: dict[str, Any], facts: Facts | None = None) -> None:
        """Add a line to metrics.jsonl. Raises OutputError."""
        path = self.folder / run.METRICS
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line | (dataclasses.asdict(facts) if facts else {})) + "\n")
        except OSError as error:
            raise output_error(path, error) from error

    def report(self, scale: int, attempt: int, state: State, losses: Losses) -> None:
        """After some iterations of a scale. Raises KeyboardInterrupt, everything being kept, when asked to stop."""
        self.write({"scale": scale, "iteration": state.iteration, **dataclasses.asdict(losses)})
        self.show(self.clock.progress(scale, state.iteration, losses))
        stopping = self.stop()
        if stopping or time.monotonic() - self.kept >= checkpoint.SECONDS:
            checkpoint.write(self.folder, scale, attempt, state)
            self.kept = time.monotonic()
        if stopping:
            raise KeyboardInterrupt


class Clock:
    """Tell the seconds left, assuming that a step costs what its pixels cost, plus what starting every layer costs.

    The pace is that of the last seconds, and as soon as possible without the start, so that a slow start or a busy
    time is forgotten.
    """

    OVERHEAD = 1500  # px: a step on an empty picture costs as much as these
    RECENT = 30.0  # s, and at least from one report to the next

    def __init__(self, start: Start, now: Callable[[], float] = time.monotonic) -> None:
        config, shapes = start.config, start.pyramid.sizes
        self.iterations = [config.iterations_for(size) for size in shapes]
        self.costs = [
            (config.viewed_pixels(size) + self.OVERHEAD)
            * config.width_at(n) ** 2
            * self.iterations[n]
            for n, size in enumerate(shapes)
        ]
        self.now = now
        self.began = now()
        self.reports: deque[tuple[float, float]] = (
            deque()
        )  # (seconds, costs spent) of late, the oldest first

    def progress(self, scale: int, iteration: int, losses: Losses) -> Progress:
        """Tell where training stands after some iterations of a scale."""
        cost = self.costs[scale] / self.iterations[scale]
        spent = sum(self.costs[:scale]) + cost * iteration
        if self.reports and spent <= self.reports[-1][1]:  # the scale has begun again
            self.began = self.reports[-1][0]
            self.reports.clear()

        now = self.now()
        while len(self.reports) > 1 and self.reports[1][0] < now - self.RECENT:
            self.reports.popleft()
        first = (self.began, spent - cost * min(LOG_EVERY, iteration))
        then, spent_then = self.reports[0] if self.reports else first
        self.reports.append((now, spent))

        total = sum(self.costs)
        left = (now - then) / (spent - spent_then) * (total - spent)
        return Progress(
            scale, len(self.costs), iteration, self.iterations[scale], losses, spent / total, left
        )

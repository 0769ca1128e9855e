"""What training tells on its way: metrics, the display, checkpoints; and where it is asked to stop."""

from __future__ import annotations

import dataclasses
import json
import time
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
    """Expected seconds, assuming that a step costs what its pixels cost, plus what starting every layer costs."""

    OVERHEAD = 1500  # px: a step on an empty picture costs as much as these

    def __init__(self, start: Start) -> None:
        self.began = time.monotonic()
        config, shapes = start.config, start.pyramid.shapes
        self.iterations = [config.iterations_for(size) for size in shapes]
        self.costs = [
            (config.viewed_pixels(size) + self.OVERHEAD) * config.width_at(n) ** 2 * self.iterations[n]
            for n, size in enumerate(shapes)
        ]
        self.first: float | None = None

    def progress(self, scale: int, iteration: int, losses: Losses) -> Progress:
        """Where training stands after some iterations of a scale."""
        spent = sum(self.costs[:scale]) + self.costs[scale] * iteration / self.iterations[scale]
        if self.first is None:  # the first report comes after LOG_EVERY iterations, wherever training began
            self.first = spent - self.costs[scale] * min(LOG_EVERY, iteration) / self.iterations[scale]
        left = (time.monotonic() - self.began) / (spent - self.first) * (sum(self.costs) - spent)
        share = spent / sum(self.costs)
        return Progress(scale, len(self.costs), iteration, self.iterations[scale], losses, share, left)

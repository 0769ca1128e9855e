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
from singan_train.scale import Losses, State, viewed_pixels


@dataclass(frozen=True)
class Progress:
    """Where training stands, for a display."""

    scale: int
    scales: int
    iteration: int
    iterations: int
    losses: Losses
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
        config = self.start.config
        self.write({"scale": scale, "iteration": state.iteration, **dataclasses.asdict(losses)})
        left = self.clock.seconds_left(scale, state.iteration)
        scales = len(self.start.pyramid.shapes)
        self.show(Progress(scale, scales, state.iteration, config.iterations, losses, left))
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
        config = start.config
        self.costs = [
            (viewed_pixels(size, config) + self.OVERHEAD) * config.width_at(n) ** 2
            for n, size in enumerate(start.pyramid.shapes)
        ]
        self.iterations = config.iterations
        self.first: float | None = None

    def seconds_left(self, scale: int, iteration: int) -> float:
        """Seconds until the last scale is done."""
        spent = sum(self.costs[:scale]) + self.costs[scale] * iteration / self.iterations
        if self.first is None:
            self.first = spent - self.costs[scale] * iteration / self.iterations
        return (time.monotonic() - self.began) / (spent - self.first) * (sum(self.costs) - spent)

"""What training does every few iterations: log metrics, show progress, save a checkpoint, stop."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from singan_core.paths import explain_output_error
from singan_train.report.progress import Progress, ProgressClock
from singan_train.run import checkpoint
from singan_train.run.folder import METRICS
from singan_train.run.header import RunHeader
from singan_train.scale.steps import TrainingState
from singan_train.scale.training import Losses

ShowProgress = Callable[[Progress], None]

ShouldStop = Callable[[], bool]
"""Asked every few iterations whether training should stop; what is done by then is kept."""


class TrainingLog:
    """Logs metrics, shows progress and saves checkpoints every few iterations."""

    def __init__(
        self, folder: Path, header: RunHeader, show: ShowProgress, should_stop: ShouldStop
    ) -> None:
        self.folder, self.show, self.should_stop = folder, show, should_stop
        self.clock = ProgressClock(header)
        self.last_checkpoint = time.monotonic()

    def write_line(self, line: dict[str, Any]) -> None:
        """Append a line to metrics.jsonl. Raises OutputError."""
        path = self.folder / METRICS
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise explain_output_error(path, error) from error

    def log_iterations(
        self, scale: int, attempt: int, state: TrainingState, losses: Losses
    ) -> None:
        """Log where a scale stands after some iterations.

        Raises KeyboardInterrupt, after a checkpoint, when training should stop.
        """
        self.write_line(
            {"scale": scale, "iteration": state.iteration, **dataclasses.asdict(losses)}
        )
        self.show(self.clock.measure_progress(scale, state.iteration, losses))

        stopping = self.should_stop()
        if stopping or time.monotonic() - self.last_checkpoint >= checkpoint.SECONDS:
            checkpoint.write(self.folder, scale, attempt, state)
            self.last_checkpoint = time.monotonic()
        if stopping:
            raise KeyboardInterrupt

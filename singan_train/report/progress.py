"""Where training stands, and how long it will still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from singan_train.run.header import RunHeader
from singan_train.scale.training import LOG_EVERY, Losses
from singan_train.work import measure_work


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


class ProgressClock:
    """Estimates the seconds left from the pace of the last seconds.

    It leaves out the time of the first report as soon as there is another one, so that neither a
    slow start nor a busy time counts to the end.
    """

    OVERHEAD = 1500  # px: a step on an empty canvas costs as much as these
    RECENT = 30.0  # s, and at least from one report to the next

    def __init__(self, header: RunHeader, now: Callable[[], float] = time.monotonic) -> None:
        config = header.config
        self.iterations = [config.iterations_for(size) for size in header.pyramid.sizes]
        self.costs = []  # of one iteration of every scale
        for scale, size in enumerate(header.pyramid.sizes):
            self.costs.append(measure_work(config, scale, size, self.OVERHEAD))

        self.now = now
        self.began = now()
        self.reports: deque[tuple[float, float]] = deque()  # (seconds, cost spent), oldest first

    def measure_progress(self, scale: int, iteration: int, losses: Losses) -> Progress:
        """Return where training stands after some iterations of a scale."""
        totals = [cost * count for cost, count in zip(self.costs, self.iterations, strict=True)]
        cost, total = self.costs[scale], sum(totals)
        spent = sum(totals[:scale]) + cost * iteration
        if self.reports and spent <= self.reports[-1][1]:  # the scale has begun again
            self.began = self.reports[-1][0]
            self.reports.clear()

        # the pace since the oldest recent report, or else since the start
        now = self.now()
        while len(self.reports) > 1 and self.reports[1][0] < now - self.RECENT:
            self.reports.popleft()
        first = (self.began, spent - cost * min(LOG_EVERY, iteration))
        then, spent_then = self.reports[0] if self.reports else first
        self.reports.append((now, spent))

        left = (now - then) / (spent - spent_then) * (total - spent)
        scales, iterations = len(self.costs), self.iterations[scale]
        return Progress(scale, scales, iteration, iterations, losses, spent / total, left)

"""The number of CPU threads that train, and how long training takes with them.

PyTorch is imported only when it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from singan_train.run.header import RunHeader

DETAIL_THREADS = 1
"""Threads of a run with detail.

On canvases of a few dozen pixels, a second thread saves only a fifth of the time.
"""

SPARED = 1
"""Processors that a run without detail leaves to others.

Where another program keeps the processor of one thread busy, all threads wait for that one dozens
of times a step.
"""


def choose_threads(detail: bool, processors: int) -> int:
    """Choose the number of CPU threads for a run when the user names none."""
    return DETAIL_THREADS if detail else max(processors - SPARED, 1)


def estimate_duration(start: RunHeader, device: torch.device, threads: int | None) -> float:
    """Estimate the seconds that training takes, with this number of CPU threads.

    PyTorch is left with that number of threads; None leaves it as it is. On a busy machine several
    threads wait for each other, and the few steps that are timed would make minutes look like
    hours. On an idle machine several threads take no longer than one, so that the lower of both
    estimates counts.
    """
    import torch

    from singan_train import calibration

    if threads is None:
        return calibration.estimate_seconds(start, device)
    seconds = []
    for count in sorted({1, threads}):
        torch.set_num_threads(count)
        seconds.append(calibration.estimate_seconds(start, device))
    return min(seconds)

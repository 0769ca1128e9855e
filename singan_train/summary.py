"""What a finished run has to say of itself, from its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from singan_train.plot import read_metrics

LAST = 0.1
"""Share of a scale's reports that is looked at."""
STEEP = 1.0
"""Gradient penalty from which on a critic is unsettled: its slope is then 2 on average, where it should be 1."""


@dataclass(frozen=True)
class Critic:
    """A scale's critic at the end of its training, on average over the last reports."""

    scale: int
    gap: float  # mean score of the photo less that of samples
    gradient_penalty: float


def unsettled(folder: Path) -> list[Critic]:
    """The critics of a run that never came to rest, since its generator cannot get nearer to the photo.

    Raises BundleError if the metrics are damaged.
    """
    found = []
    for scale, reports in sorted(read_metrics(folder).items()):
        last = reports[-max(1, round(LAST * len(reports))) :]
        gap = sum(row["real"] - row["fake"] for row in last) / len(last)
        penalty = sum(row["gradient_penalty"] for row in last) / len(last)
        if penalty > STEEP:
            found.append(Critic(scale, gap, penalty))
    return found

"""What the metrics of a finished run say about its quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from singan_train.report.plot import read_metrics

LAST = 0.1
"""Share of a scale's metrics, from its end on, that is looked at."""
STEEP = 1.0
"""Gradient penalty above which a discriminator is unsettled.

Its slope is then 2 on average, where it should be 1.
"""


@dataclass(frozen=True)
class UnsettledDiscriminator:
    """A scale's discriminator that did not settle, with means over its last metrics."""

    scale: int
    gap: float  # mean score of the photo less that of samples
    gradient_penalty: float


def find_unsettled(folder: Path) -> list[UnsettledDiscriminator]:
    """Find the discriminators of a run that never settled.

    Their generators could not get nearer to the photo.

    Raises BundleError if the metrics are damaged.
    """
    found = []
    for scale, rows in sorted(read_metrics(folder).items()):
        last = rows[-max(1, round(LAST * len(rows))) :]
        gap = sum(row["real"] - row["fake"] for row in last) / len(last)
        penalty = sum(row["gradient_penalty"] for row in last) / len(last)
        if penalty > STEEP:
            found.append(UnsettledDiscriminator(scale, gap, penalty))
    return found

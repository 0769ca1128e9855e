"""The chart of the thesis: quality against the number of scales."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from singan_core.atomic import atomic_file

PANELS = {"swd": "SWD (lower is better)", "coherence": "coherence (lower is better)"}


def draw_chart(found: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw SWD and coherence of each kind of model by its number of scales, as a PNG."""
    figure = Figure(figsize=(9, 3.4), layout="constrained", dpi=100)
    for axes, (measure, name) in zip(figure.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        for kind, scores in found.items():
            counts = sorted(map(int, scores))
            values = [scores[str(count)][measure] for count in counts]
            axes.plot(counts, values, marker="o", label=kind)
            axes.set_xticks(counts)
        axes.set(title=name, xlabel="scales from 25 to 250 px", ylim=(0, None))
        axes.legend()
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png")

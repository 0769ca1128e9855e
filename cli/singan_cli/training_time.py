"""How long training will take, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singan_cli.terminal import say
from singan_train.config import TrainingConfig

if TYPE_CHECKING:
    import torch

LONG = 1800
"""Seconds of training from which on a warning says what would be shorter."""


def say_time(seconds: float, config: TrainingConfig, device: torch.device, threads: int) -> None:
    """Print how long training will take, and what would be shorter if that is long."""
    place = str(device)
    if device.type == "cpu":
        place += f", {threads} thread{'s' if threads > 1 else ''}"
    say(f"training on {place}: about {describe_seconds(seconds)}")

    if seconds > LONG:
        less = "fewer --iterations" if config.detail else "a smaller --max-size"
        shorter = less if config.preset == "draft" else f"--preset draft or {less}"
        say(
            f"warning: this will be long; {shorter} would be shorter, and --resume continues "
            "after a stop",
            err=True,
        )


def describe_seconds(seconds: float) -> str:
    """Put a duration into words, to about two digits."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

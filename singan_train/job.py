"""One training job: a run to begin, or a stopped one to continue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from singan_core.credits import Credits, choose_credits
from singan_core.errors import TrainingError
from singan_train import config as configs
from singan_train import trainer
from singan_train.config import MOST_ON_CUDA, TrainingConfig
from singan_train.report.progress import Progress
from singan_train.run.header import RunHeader


@dataclass(frozen=True)
class TrainingJob:
    """Everything needed to begin a run, or with resume to continue it.

    Fields of `asked` are those of TrainingConfig; None stands for one that nobody asked for.
    """

    photo: Path
    out: Path  # folder of the run
    asked: dict[str, Any]
    device: torch.device
    masks: Sequence[Path] = ()
    resume: bool = False
    creator: str | None = None  # of the photo; None leaves it to the photo's own metadata
    licence: str | None = None

    def prepare(self) -> RunHeader:
        """Read what the run starts from, and write nothing. Raises a SinGANError."""
        if self.resume:
            header = trainer.read_resumable(self.out)
            self._check_credits(header.credits)
            return header
        config = choose_config(self.asked, self.device)
        credits = choose_credits(self.photo, self.creator, self.licence)
        return trainer.prepare_run(self.photo, config, self.device, self.masks, credits)[0]

    def _check_credits(self, begun: Credits) -> None:
        """Raise TrainingError unless what is asked for is what a run was begun with."""
        if self.creator in (None, begun.creator) and self.licence in (None, begun.licence):
            return
        raise TrainingError(
            f"{self.out}: was begun with other credits of the photo ({str(begun) or 'none'}); "
            "leave out --creator and --licence"
        )

    def train(self, report: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        """Train until all is done. Raises KeyboardInterrupt once `stop` has returned True."""
        if self.resume:
            trainer.resume(self.photo, self.out, self.asked, self.device, report, stop, self.masks)
            return
        config = choose_config(self.asked, self.device)
        credits = choose_credits(self.photo, self.creator, self.licence)
        trainer.train(self.photo, self.out, config, self.device, report, stop, self.masks, credits)


def choose_config(asked: dict[str, Any], device: torch.device) -> TrainingConfig:
    """Fill the preset with what was asked for. Raises RequestError.

    On a GPU the standard preset without detail trains up to MOST_ON_CUDA px, unless another size
    was asked for.
    """
    changes = {name: value for name, value in asked.items() if name != "preset"}
    config = configs.make_config(asked["preset"] or TrainingConfig.preset, **changes)

    is_small = config.preset == "standard" and not config.detail and asked["max_size"] is None
    if is_small and device.type == "cuda":
        return configs.make_config("standard", **changes | {"max_size": MOST_ON_CUDA})
    return config

"""Training: one photograph in, a run folder out. Needs PyTorch, never ONNX or the runtime."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from singan_train.config import LAYOUTS, PRESETS, TrainingConfig, make_config

if TYPE_CHECKING:
    from singan_train.device import choose_device
    from singan_train.reference.importer import import_checkpoint
    from singan_train.report.progress import Progress
    from singan_train.trainer import resume, train

__all__ = [
    "LAYOUTS",
    "PRESETS",
    "Progress",
    "TrainingConfig",
    "choose_device",
    "import_checkpoint",
    "make_config",
    "resume",
    "train",
]

_WITH_TORCH = {
    "Progress": "singan_train.report.progress",
    "import_checkpoint": "singan_train.reference.importer",
    "choose_device": "singan_train.device",
    "resume": "singan_train.trainer",
    "train": "singan_train.trainer",
}
"""Names whose modules load PyTorch, which takes seconds: they are imported when first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_WITH_TORCH[name]), name)

"""Small training runs for tests, seconds on one thread, without detail and with it.

The generators alone are 19x14 to 42x31 px.
"""

from pathlib import Path

import torch

from singan_train import config, trainer

SMALL = config.make_config(
    "draft",
    detail=False,
    continuation=False,
    width=8,
    min_size=14,
    max_size=42,
    iterations=40,
    pool=4,
)
DETAILED = config.make_config("draft", width=8, iterations=20, pool=4, min_size=19, hand_over=33)
"""Of conftest.drawn_scene: generators of 26x19, 34x25, 45x33 px, levels of 45x33 and 60x44 px."""


def train(photo: Path, folder: Path, settings=SMALL, show=lambda progress: None) -> Path:
    torch.set_num_threads(1)
    return trainer.train(photo, folder, settings, torch.device("cpu"), show)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by relative path."""
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    """What a run has made: its files but for those that tell times."""
    return {
        name: content
        for name, content in files.items()
        if name not in ("metrics.jsonl", "manifest.json")
    }

"""A small training run for tests: four scales, 30x44 to 60x44 px, seconds on one thread."""

from pathlib import Path

import torch

from singan_train import config, trainer

SMALL = config.preset("draft", continuation=False, width=8, min_size=14, max_size=42, iterations=40, pool=4)


def train(photo: Path, folder: Path, settings=SMALL, show=lambda progress: None) -> Path:
    torch.set_num_threads(1)
    return trainer.train(photo, folder, settings, torch.device("cpu"), show)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by relative path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    """What a run has made: its files without the diaries, which tell times."""
    return {name: content for name, content in files.items() if name not in ("metrics.jsonl", "manifest.json")}

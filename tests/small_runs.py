"""Small training runs for tests, seconds on one thread, without detail and with it.

The generators alone are 19x14 to 42x31 px.
"""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from singan_core import manifest, stored
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
QUICK = dataclasses.replace(DETAILED, iterations=2)
"""The same, over in a second."""

TINY = (
    "--no-detail",
    "--min-size",
    "14",
    "--max-size",
    "42",
    "--iterations",
    "5",
    "--threads",
    "1",
    "--device",
    "cpu",
)
"""Options of the command for a run of a second, without detail."""


def smooth(height, width, channels=3):
    """A picture of soft blobs, uint8 (height, width, channels)."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 9, channels), np.uint8)
    return np.stack(
        [
            np.asarray(
                Image.fromarray(coarse[..., n]).resize((width, height), Image.Resampling.BICUBIC)
            )
            for n in range(channels)
        ],
        axis=2,
    )


def train(photo: Path, folder: Path, settings=SMALL, show=lambda progress: None) -> Path:
    torch.set_num_threads(1)
    return trainer.train(photo, folder, settings, torch.device("cpu"), show)


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    """What a run has made: its files but for those that tell times."""
    return {
        name: content
        for name, content in files.items()
        if name not in ("metrics.jsonl", "manifest.json")
    }


def photo_of(run):
    """The stored photo of a finished run, checked against its digest."""
    found = manifest.read(run, "run")
    return stored.read_photo(
        run, found.files, found.pyramid.finest, found.picture_channels, found.detail.photo_sha256
    )

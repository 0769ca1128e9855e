"""Make tests/data/tiny_bundle, which lets the runtime be tested without torch. Usage: python tests/make_data.py."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import torch
from PIL import Image

from singan_export import bundle
from singan_train import config, trainer

PHOTO = Path(__file__).parent.parent / "examples" / "aitzgorri.jpg"
DATA = Path(__file__).parent / "data"
SETTINGS = config.preset("draft", width=8, min_size=16, max_size=48, iterations=120, seed=1)


def main() -> None:
    """Train a small model of the example photo and export it."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder) / "hills.png"
        with Image.open(PHOTO) as image:
            image.resize((60, 40), Image.Resampling.LANCZOS).save(photo)
        run = trainer.train(photo, Path(folder) / "run", SETTINGS, torch.device("cpu"))
        shutil.rmtree(DATA / "tiny_bundle", ignore_errors=True)
        bundle.export(run, DATA / "tiny_bundle")


if __name__ == "__main__":
    main()

"""Make tests/data, bundles that let the runtime be tested without torch.

Usage: python tests/make_data.py.

tiny_bundle, detail_bundle (whose detail levels hold the photo) and marked_bundle (which holds a
photo with a mask) are trained; grey_bundle (whose noise goes on beyond the border), rgba_bundle and
labelled_bundle have random weights.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch
from detail_scenes import marked
from PIL import Image

from singan_core import manifest
from singan_core.file_names import RECONSTRUCTION_NOISE, graph_name
from singan_core.manifest import Manifest
from singan_export import bundle, generator_graph
from singan_train import config, trainer
from singan_train.scale.networks import Generator

PHOTO = Path(__file__).parent.parent / "examples" / "aitzgorri.jpg"
DATA = Path(__file__).parent / "data"
SETTINGS = config.make_config(
    "draft", detail=False, width=8, min_size=16, max_size=48, iterations=120, seed=1
)
MARKED = config.make_config("draft", width=8, iterations=150, seed=1)
SMALLER = config.make_config(
    "draft", detail=False, width=4, min_size=16, max_size=36, iterations=120, seed=1
)


def untrained(folder: Path, channels: int, border: str, labels: tuple[str, ...] = ()) -> None:
    """A bundle of three scales with random weights."""
    torch.manual_seed(channels)
    shapes = ((13, 17), (21, 27), (32, 41))
    made = Manifest(
        kind="bundle",
        name=folder.name,
        created="2026-11-24T00:00:00+00:00",
        tool_version="0.1.0",
        channels=channels,
        shapes=shapes,
        scale_factor=0.64,
        noise_amplitude=(1.0, 0.3, 0.2),
        noise_channels=(1, channels, channels),
        border=border,
        preset="draft",
        photo_size=shapes[-1],
        files={},
        labels=labels,
    )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for scale in range(len(shapes)):
        generator = Generator(channels, 4, norm=False).eval()
        model = generator_graph.build(generator, generator_graph.make_metadata(made, scale))
        (folder / graph_name(scale)).write_bytes(model.SerializeToString(deterministic=True))
    z = np.random.default_rng(channels).normal(size=(1, shapes[0][0] + 10, shapes[0][1] + 10))
    np.save(folder / RECONSTRUCTION_NOISE, z.astype(np.float32))
    manifest.write(folder, dataclasses.replace(made, files=manifest.hash_files(folder)))


def trained(
    folder: Path, size: tuple[int, int], settings: config.TrainingConfig, detail: bool = False
) -> None:
    """Train on the example photo reduced to a size (width, height).

    A bundle with detail also holds the photo.
    """
    with tempfile.TemporaryDirectory() as work:
        photo = Path(work) / "hills.png"
        with Image.open(PHOTO) as image:
            image.resize(size, Image.Resampling.LANCZOS).save(photo)
        run = trainer.train(photo, Path(work) / "run", settings, torch.device("cpu"))

        shutil.rmtree(folder, ignore_errors=True)
        bundle.export(run, folder, photo=photo if detail else None)


def labelled(folder: Path) -> None:
    """Train on a photo whose object has one colour, and its mask.

    Files that nothing here reads are left out.
    """
    with tempfile.TemporaryDirectory() as work:
        photo, mask = Path(work) / "marked.png", Path(work) / "thing.png"
        for path, pixels in zip((photo, mask), marked(), strict=True):
            Image.fromarray(pixels).save(path)
        run = trainer.train(photo, Path(work) / "run", MARKED, torch.device("cpu"), masks=[mask])

        shutil.rmtree(folder, ignore_errors=True)
        bundle.export(run, folder)
    found = manifest.read(folder, "bundle")
    for name in ("preview.png", "parity.json"):
        (folder / name).unlink()
    manifest.write(folder, dataclasses.replace(found, files=manifest.hash_files(folder)))


def main() -> None:
    """Train small models of the example photo and export them; make the untrained ones."""
    torch.set_num_threads(1)
    untrained(DATA / "grey_bundle", 1, "noise")
    untrained(DATA / "rgba_bundle", 4, "zero")
    untrained(DATA / "labelled_bundle", 5, "zero", ("hill", "sun"))
    trained(DATA / "tiny_bundle", (60, 40), SETTINGS)
    trained(DATA / "detail_bundle", (150, 100), SMALLER, detail=True)
    labelled(DATA / "marked_bundle")


if __name__ == "__main__":
    main()

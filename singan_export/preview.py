"""A finished run's pictures without an export: the runtime's own sampler, with torch in place of the graphs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from singan_core import images
from singan_core import manifest as manifests
from singan_core.detail import resize
from singan_core.detail.photo import Photo, premultiplied, straight
from singan_core.detail.search import choose_position
from singan_core.pyramid import MAX_PIXELS
from singan_export.degrees import first_amplitude
from singan_export.photo import find_source
from singan_runtime.graphs import processors
from singan_runtime.sampler import RECONSTRUCTION_NOISE, Sampler
from singan_train.frozen import generated
from singan_train.networks import Generator
from singan_train.pictures import GAP, sheet
from singan_train.run import read_generator
from singan_train.run_header import read_start

Pixels = NDArray[np.uint8]
Reals = NDArray[np.floating[Any]]

SHEET = "sheet.jpg"
SIDE = 1024  # px, longer side of a sample
TALL, WIDE = 20 / 9, 1 / 4  # height over width: a phone, a banner


class Trained:
    """A run's generators, drawing as a bundle's graphs do: in double precision where detail follows."""

    provider = "torch"

    def __init__(self, generators: list[Generator], double: bool, threads: int) -> None:
        self.generators = [one.double() if double else one for one in generators]
        self.threads = threads
        self.dtype: type[np.floating[Any]] = np.float64 if double else np.float32

    def generate(self, scale: int, noise: Reals, prev: Reals) -> Reals:
        """One generator's image (B, C, H, W) from noise and prev (B, C, H+10, W+10)."""
        inputs = (
            torch.from_numpy(np.ascontiguousarray(values, self.dtype)) for values in (noise, prev)
        )
        image: Reals = generated(self.generators[scale], *inputs).numpy()
        return image


def open_run(run: Path, threads: int | None = None) -> Sampler:
    """A sampler of a finished run, which draws new pictures as its bundle will. Raises BundleError.

    From start scales above 0 pictures vary as little as in training, what is more being found by the export.
    """
    trained = manifests.read(run, "run")
    source = find_source(run, trained, None, None)
    generators = [read_generator(run, scale) for scale in range(len(trained.pyramid.sizes))]
    noise = np.load(run / RECONSTRUCTION_NOISE, allow_pickle=False)

    drawing = Trained(generators, source is not None, threads or processors())
    manifest = dataclasses.replace(trained, kind="bundle")
    if source is None:
        return Sampler(manifest, drawing, noise, MAX_PIXELS)
    photo = Photo(source.pixels, source.detail.levels)
    detail = dataclasses.replace(source.detail, position=choose_position(photo))
    sampler = Sampler(
        dataclasses.replace(manifest, detail=detail), drawing, noise, MAX_PIXELS, photo
    )
    first = first_amplitude(sampler, read_start(run).config.variety)
    starts = dataclasses.replace(
        detail, start_amplitude=(first, *trained.noise_amplitude[1 : detail.hand_over + 1])
    )
    sampler.manifest = dataclasses.replace(manifest, detail=starts)
    return sampler


def write_sheet(run: Path, threads: int | None = None) -> Path:
    """Draw the contact sheet of a finished run into it and return its path. Raises BundleError or OutputError."""
    path = run / SHEET
    images.save(path, contact_sheet(open_run(run, threads)), "jpeg")
    return path


def contact_sheet(sampler: Sampler) -> Pixels:
    """The photo and four samples, 1024 px on the longer side or as trained, a tall and a wide one, (h, w, C)."""
    height, width = sampler.size_within(SIDE)
    samples = list(sampler.sample((height, width), seed=0, count=4))
    photo = straight(
        resize.resize(premultiplied(images.to_pixels(sampler.known_photo())[0]), (height, width))
    )
    tall = sampler.sample((height, round(height / TALL)), seed=4)[0]
    wide = sampler.sample((round(3 * width * WIDE), 3 * width + 2 * GAP), seed=5)[0]
    return sheet([[photo, *samples[:2]], [*samples[2:], tall], [wide]])

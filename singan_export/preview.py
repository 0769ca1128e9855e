"""Draw a finished run's pictures without an export: Sampler with torch in place of the graphs."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path

from singan_core import encoding, images
from singan_core import manifest as manifests
from singan_core.arrays import Floats, Pixels
from singan_core.detail import resize
from singan_core.detail.photo import Photo, premultiply, straighten
from singan_core.fitting import MAX_PIXELS
from singan_core.manifest import Manifest
from singan_core.processors import count_processors
from singan_export.degrees import find_first_amplitude, keeps_variety
from singan_export.photo import Source, find_source
from singan_export.trained import TrainedGenerators
from singan_runtime.graphs import read_reconstruction_noise
from singan_runtime.measures import choice
from singan_runtime.sampler import Sampler
from singan_train.report.pictures import GAP, lay_out_sheet
from singan_train.run.folder import read_generator
from singan_train.run.header import read_header

SHEET = "sheet.jpg"
SIDE = 1024  # px, longer side of a sample
SAMPLES = 4
TALL, WIDE = 20 / 9, 1 / 4  # height over width: a phone, a banner


def open_run(run: Path, threads: int | None = None) -> Sampler:
    """Open a finished run as a sampler that draws new pictures as its bundle will.

    From start scales above 0 pictures vary as little as in training: the stronger noise for them is
    found by the export. Raises BundleError.
    """
    trained = manifests.read(run, "run")
    source = find_source(run, trained, None, None)
    generators = [read_generator(run, scale) for scale in range(len(trained.pyramid.sizes))]
    noise = read_reconstruction_noise(run, trained)

    drawing = TrainedGenerators(generators, source is not None, threads or count_processors())
    manifest = dataclasses.replace(trained, kind="bundle")
    if source is None:
        return Sampler(manifest, drawing, noise, MAX_PIXELS)

    manifest = dataclasses.replace(manifest, labels=())  # the masks are of no use on a sheet
    open_source = functools.partial(_open_with_photo, manifest, drawing, noise)
    sampler = open_source(source)
    if not keeps_variety(sampler):
        sampler = open_source(source.remove_composition())

    detail = sampler.manifest.detail
    assert detail is not None
    first = find_first_amplitude(sampler, read_header(run).config.variety)
    starts = dataclasses.replace(
        detail, start_amplitude=(first, *trained.noise_amplitude[1 : detail.hand_over + 1])
    )
    sampler.manifest = dataclasses.replace(manifest, detail=starts)
    return sampler


def _open_with_photo(
    manifest: Manifest, drawing: TrainedGenerators, noise: Floats, source: Source
) -> Sampler:
    photo = Photo(source.pixels, source.detail.levels)
    manifest = dataclasses.replace(manifest, detail=source.measure(photo))
    return Sampler(manifest, drawing, noise, MAX_PIXELS, photo)


@dataclass(frozen=True)
class Preview:
    """The contact sheet of a run, and how many of its candidates are the photo again."""

    sheet: Pixels
    candidates: int
    copies: int


def write_sheet(run: Path, threads: int | None = None) -> tuple[Path, Preview]:
    """Draw the contact sheet of a finished run into its folder.

    Returns its path and what is on it. Raises BundleError or OutputError.
    """
    path = run / SHEET
    preview = draw_preview(open_run(run, threads))
    encoding.save(path, preview.sheet, "jpeg")
    return path, preview


def draw_preview(sampler: Sampler) -> Preview:
    """Draw the photo, four samples, a tall and a wide picture on one sheet, (h, w, C).

    Photo and samples have the trained size, with detail at most 1024 px on the longer side.
    """
    height, width = sampler.limit_size(SIDE)
    photo = images.to_pixels(sampler.get_photo())[0]
    photo = straighten(resize.resize(premultiply(photo), (height, width)))

    plan = sampler.plan((height, width))
    candidates = []
    if choice.can_choose(plan, SAMPLES):
        candidates = choice.rank(sampler, plan, range(choice.count_candidates(SAMPLES)))
    seeds = [one.seed for one in candidates[:SAMPLES]] or list(range(SAMPLES))
    samples = list(sampler.draw_series(plan, seeds))
    tall = sampler.sample((height, round(height / TALL)), seed=4)[0]
    wide = sampler.sample((round(3 * width * WIDE), 3 * width + 2 * GAP), seed=5)[0]

    sheet = lay_out_sheet([[photo, *samples[:2]], [*samples[2:], tall], [wide]])
    return Preview(sheet, len(candidates), sum(one.is_photo for one in candidates))

"""Check a bundle again: alone (files, graphs, preview), or against the run that it came from (parity)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.errors import BundleError, ParityError
from singan_export import double, formats, graph, parity
from singan_export.bundle import PREVIEW, frozen_run, preview, run_of
from singan_export.comparison import FormatCheck
from singan_export.parity import Parity
from singan_runtime.graphs import graph_name
from singan_runtime.sampler import DOUBLE, Sampler
from singan_train.frozen import FrozenPyramid


@dataclass(frozen=True)
class Verified:
    """What was found; everything in it but formats has passed."""

    files: int
    graphs: int
    preview_levels: int  # largest difference between the reconstruction and preview.png
    parity: Parity | None
    formats: list[FormatCheck]  # of further formats; these alone may have failed


def verify(bundle: Path, run: Path | None = None) -> Verified:
    """Check hashes, graph signatures, the preview and further formats, and parity with the run if one is given.

    Raises BundleError or ParityError naming the first thing that is wrong, but leaves it to the caller to require the
    formats, so that all of them can be shown.
    """
    sampler = Sampler.load(bundle, device="cpu")
    manifest = sampler.manifest
    for scale in range(len(manifest.pyramid.sizes)):
        graph.check(bundle / graph_name(scale), manifest, scale)
    for scale in range(len(manifest.pyramid.passes) if manifest.detail else 0):
        path = bundle / DOUBLE / graph_name(scale)
        graph.check(path, manifest, scale)
        double.check(path)
    measured, networks = None, None
    if run is not None:  # before the preview: a doctored weight should be named by its scale
        networks = frozen_run(run, run_of(manifest, run))
        measured = parity.compare(sampler, networks)
        measured.require()
    levels = check_preview(sampler, bundle / PREVIEW)
    checks = check_formats(bundle, sampler, networks)
    return Verified(len(manifest.files), len(manifest.pyramid.sizes), levels, measured, checks)


def check_formats(
    bundle: Path, sampler: Sampler, networks: FrozenPyramid | None = None
) -> list[FormatCheck]:
    """How every further format of a bundle compares with the trained networks, or with the float32 graphs without them.

    Raises BundleError for one that is broken.
    """
    checks = []
    for name in formats.present(sampler.manifest):
        formats.check(bundle, name, sampler.manifest)
        checks += formats.compare(bundle / name, name, sampler, networks)[1]
    return checks


def check_preview(sampler: Sampler, path: Path) -> int:
    """Largest difference between the reconstruction and preview.png, in grey levels. Raises ParityError over one."""
    with Image.open(path) as image:
        stored = np.asarray(image)
    made = preview(sampler)
    stored = stored[..., None] if stored.ndim == 2 else stored
    if stored.shape != made.shape:
        raise BundleError(
            f"{path}: {stored.shape[1]}x{stored.shape[0]}, but the model draws {made.shape[1]}x{made.shape[0]}"
        )
    levels = int(np.abs(stored.astype(int) - made.astype(int)).max())
    if levels > 1:
        raise ParityError(
            f"{path}: the reconstruction differs from it by {levels} grey levels, allowed is 1; export again"
        )
    return levels

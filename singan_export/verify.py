"""Check a bundle: files, graphs, preview, formats, and parity with the run that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.errors import BundleError, ParityError
from singan_core.file_names import DOUBLE, graph_name
from singan_core.manifest import Manifest
from singan_export import double_graph, formats, generator_graph
from singan_export.budgets import BUDGETS, Comparison, Parity
from singan_export.bundle import PREVIEW, draw_preview, find_run, read_networks
from singan_export.comparison import compare_bundle, compare_pictures
from singan_runtime.sampler import Sampler


@dataclass(frozen=True)
class Verified:
    """What verify found: all of it has passed, except perhaps the formats."""

    files: int
    graphs: int
    preview_levels: int  # largest difference between the reconstruction and preview.png
    parity: Parity | None
    formats: list[Comparison]


def verify(bundle: Path, run: Path | None = None) -> Verified:
    """Check hashes, graphs, preview and further formats, and with a run parity with its networks.

    Raises BundleError or ParityError naming the first thing that is wrong. Comparisons of further
    formats are returned even if they are over budget, so that all can be shown: budgets.require
    raises for them.
    """
    sampler = Sampler.load(bundle, device="cpu")
    check_graphs(bundle, sampler.manifest)

    # Parity before the preview: a changed weight should be named by its scale.
    parity, networks = None, None
    if run is not None:
        networks = read_networks(run, find_run(sampler.manifest, run))
        parity = compare_bundle(sampler, networks)
        parity.require()

    levels = check_preview(sampler, bundle / PREVIEW)
    checks = formats.verify_present(bundle, sampler, networks)
    files, graphs = len(sampler.manifest.files), len(sampler.manifest.pyramid.sizes)
    return Verified(files, graphs, levels, parity, checks)


def check_graphs(bundle: Path, manifest: Manifest) -> None:
    """Check inputs, outputs and metadata of all graphs, those in double precision included.

    Raises BundleError.
    """
    generator_graph.check_scales(bundle, manifest)
    if manifest.detail is not None:
        for scale in range(len(manifest.pyramid.passes)):
            path = bundle / DOUBLE / graph_name(scale)
            generator_graph.check(path, manifest, scale)
            double_graph.check(path)


def check_preview(sampler: Sampler, path: Path) -> int:
    """Compare preview.png with the reconstruction and return the largest difference in levels.

    Raises BundleError for a preview of another size, ParityError for one that is over its budget.
    """
    with Image.open(path) as image:
        stored = np.asarray(image)
    stored = stored[..., None] if stored.ndim == 2 else stored
    drawn = draw_preview(sampler)
    if stored.shape != drawn.shape:
        raise BundleError(
            f"{path}: {stored.shape[1]}x{stored.shape[0]}, "
            f"but the model draws {drawn.shape[1]}x{drawn.shape[0]}; export again"
        )

    found = compare_pictures("preview", stored, drawn, BUDGETS["preview"])
    if not found.passed:
        raise ParityError(
            f"{path}: the reconstruction differs from it by {found.levels} grey levels, "
            f"allowed is {found.budget.levels}; export again"
        )
    return found.levels

"""Check a bundle: files, graphs, preview, formats, and parity with the run that it came from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core.errors import BundleError, ParityError, RequestError
from singan_core.file_names import DOUBLE
from singan_core.listed_files import read_listed
from singan_core.manifest import Manifest
from singan_export import double_graph, formats, generator_graph
from singan_export.budgets import BUDGETS, Comparison, Parity
from singan_export.bundle import PREVIEW, draw_preview, find_run, read_networks
from singan_export.comparison import compare_bundle, compare_pictures
from singan_export.engines import building
from singan_export.engines.record import Record
from singan_export.one_file import open_folder
from singan_runtime.sampler import Sampler

_MOST_PREVIEW = 64 << 20  # bytes


@dataclass(frozen=True)
class Verified:
    """What verify found: all of it has passed, except perhaps the formats."""

    files: int
    graphs: int
    preview_levels: int  # largest difference between the reconstruction and preview.png
    parity: Parity | None
    formats: list[Comparison]
    unopened: list[str]  # formats that nobody asked for by name
    engines: dict[Path, Record] = field(default_factory=dict)  # in the user's cache, by folder


def verify(bundle: Path, run: Path | None = None, named: Sequence[str] = ()) -> Verified:
    """Check hashes, graphs, preview and further formats, and with a run parity with its networks.

    The formats that can hold programs (formats.PROGRAMS) are opened only if they are named, and the
    engines in the user's cache too. Raises RequestError for a name that no format has.
    Raises BundleError or ParityError naming the first thing that is wrong. Comparisons of further
    formats are returned even if they are over budget, so that all can be shown: budgets.require
    raises for them.
    """
    if unknown := [name for name in named if name not in (*formats.NAMES, formats.ENGINES)]:
        choice = ", ".join((*formats.PROGRAMS, formats.ENGINES))
        raise RequestError(f"unknown format {unknown[0]!r}: choose {choice}")
    sampler = Sampler.load(bundle, device="cpu")
    with open_folder(bundle) as folder:
        return _verify(folder, sampler, run, named)


def _verify(bundle: Path, sampler: Sampler, run: Path | None, named: Sequence[str]) -> Verified:
    """Check all of a bundle that was opened."""
    check_graphs(bundle, sampler.manifest)

    # Parity before the preview: a changed weight should be named by its scale.
    parity, networks = None, None
    if run is not None:
        networks = read_networks(run, find_run(sampler.manifest, run))
        parity = compare_bundle(sampler, networks)
        parity.require()

    levels = check_preview(sampler, bundle / PREVIEW)
    present = formats.list_formats(sampler.manifest)
    unopened = [name for name in present if name in formats.PROGRAMS and name not in named]
    opened = [name for name in present if name not in unopened]
    checks = formats.verify_present(bundle, opened, sampler, networks)
    engines = building.check_cache(sampler) if formats.ENGINES in named else {}
    files, graphs = len(sampler.manifest.files), len(sampler.manifest.pyramid.sizes)
    return Verified(files, graphs, levels, parity, checks, unopened, engines)


def check_graphs(bundle: Path, manifest: Manifest) -> None:
    """Check inputs, outputs and metadata of all graphs, those in double precision included.

    Raises BundleError.
    """
    generator_graph.check_scales(bundle, manifest)
    if manifest.detail is not None:
        for scale in range(len(manifest.pyramid.passes)):
            generator_graph.check(bundle / DOUBLE, manifest, scale, DOUBLE)
            double_graph.check(bundle / DOUBLE, manifest, scale)


def check_preview(sampler: Sampler, path: Path) -> int:
    """Compare preview.png with the reconstruction and return the largest difference in levels.

    Raises BundleError for a preview of another size, ParityError for one that is over its budget.
    """
    drawn = draw_preview(sampler)
    data = read_listed(path.parent, sampler.manifest.files, path.name, _MOST_PREVIEW)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > drawn.size:
                raise ValueError(f"{image.width}x{image.height}")
            stored = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise BundleError(f"{path}: not a preview ({error}); export again") from error
    stored = stored[..., None] if stored.ndim == 2 else stored
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

"""Export a run as a bundle: graphs, z*, preview and the record of parity, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from singan_core import encoding
from singan_core import manifest as manifests
from singan_core.arrays import Pixels
from singan_core.atomic import atomic_folder
from singan_core.detail import resize, store
from singan_core.detail.photo import premultiply, straighten
from singan_core.errors import BundleError, OutputError, RequestError
from singan_core.file_names import DOUBLE, PARITY, RECONSTRUCTION_NOISE, graph_name
from singan_core.fitting import MAX_PIXELS
from singan_core.leftovers import sweep
from singan_core.listed_files import read_listed
from singan_core.lock import lock_folder
from singan_core.manifest import Manifest
from singan_core.model_file import is_model_file
from singan_core.version import find_version
from singan_export import double_graph, formats, generator_graph
from singan_export.budgets import Comparison, Parity
from singan_export.comparison import compare_bundle
from singan_export.degrees import find_start_amplitudes, keeps_variety
from singan_export.photo import Source, check_alike, find_source
from singan_runtime import providers
from singan_runtime.graphs import Graphs, read_reconstruction_noise
from singan_runtime.sampler import Sampler
from singan_train.run.folder import read_generator
from singan_train.run.header import read_header
from singan_train.run.partial import read_partial
from singan_train.scale.trained_pyramid import TrainedPyramid

PREVIEW = "preview.png"
PREVIEW_SIDE = 640  # px, longer side of a preview with detail
SAME_IN_RUN_AND_BUNDLE = (
    "name",
    "shapes",
    "scale_factor",
    "channels",
    "labels",
    "border",
    "noise_amplitude",
    "noise_channels",
)


def export(
    run: Path,
    out: Path,
    force: bool = False,
    folders: Sequence[str] = (),
    photo: Path | None = None,
    hand_over: int | None = None,
    partial: bool = False,
) -> Parity:
    """Write the bundle of a run, further formats included, and return what was measured.

    With partial, the run may be unfinished. The photo is the run's own, or the one given for a run
    without. Raises BundleError for a damaged run, ParityError (and leaves no bundle) when a graph
    differs from its network by more than its budget, RequestError, ImageError, ExportError,
    OutputError, or InstallError when ONNX Runtime is missing.
    """
    providers.import_onnxruntime()
    trained = read_partial(run) if partial else manifests.read(run, "run")
    check_out(out, force)
    source = find_source(run, trained, photo, hand_over)
    networks = read_networks(run, trained)

    with atomic_folder(out) as folder:
        draft = write_material(folder, run, trained, source)
        write_graphs(folder, draft, networks)
        sampler = open_unfinished(folder, draft)
        if source is not None and photo is not None:
            known = sampler.without_detail().reconstruct_scales(len(trained.shapes))
            check_alike(source, trained.shapes[source.detail.hand_over], known)
        if source is not None and not keeps_variety(sampler):
            detail = source.remove_composition().write_bases(folder)
            draft = dataclasses.replace(draft, detail=detail)
            sampler = open_unfinished(folder, draft)
        sampler.manifest = draft = add_start_amplitudes(draft, sampler, run)

        parity = compare_bundle(sampler, networks)
        parity.require()
        record = json.dumps(parity.to_json(), indent=2) + "\n"
        (folder / PARITY).write_text(record, encoding="utf-8")
        encoding.save(folder / PREVIEW, draw_preview(sampler))

        # The manifest comes last: a folder without one is unfinished.
        manifests.write(folder, dataclasses.replace(draft, files=manifests.hash_files(folder)))
        checks = formats.add(folder, folders, networks)
    return dataclasses.replace(parity, formats=tuple(checks))


def check_out(out: Path, force: bool) -> None:
    """Raise OutputError unless a bundle may be written to this folder.

    It may if nothing is there, or with force if a bundle is there.
    """
    sweep(out.parent)  # a bundle that a killed export had moved aside is there again
    is_occupied = out.is_dir() and any(out.iterdir())
    if not force and (is_occupied or (out.exists() and not out.is_dir())):
        raise OutputError(
            f"{out}: already exists; choose another folder or pass --force to replace it"
        )
    if force and is_occupied and not (out / manifests.NAME).is_file():
        raise OutputError(
            f"{out}: not a bundle, so --force does not replace it; choose another folder"
        )


def write_material(folder: Path, run: Path, trained: Manifest, source: Source | None) -> Manifest:
    """Write z* and the photo into a bundle's folder, and return its manifest as known so far."""
    noise = read_listed(run, trained.files, RECONSTRUCTION_NOISE)
    (folder / RECONSTRUCTION_NOISE).write_bytes(noise)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    detail = source.write(folder) if source else None
    return dataclasses.replace(
        trained,
        kind="bundle",
        created=created,
        tool_version=find_version(),
        files={},
        detail=detail,
    )


def write_graphs(folder: Path, manifest: Manifest, networks: TrainedPyramid) -> None:
    """Write every generator in float32, and those below detail levels in double precision too."""
    last = manifest.detail.hand_over if manifest.detail else -1
    if manifest.detail:
        (folder / DOUBLE).mkdir()

    for scale, generator in enumerate(networks.generators):
        props = generator_graph.make_metadata(manifest, scale)
        model = generator_graph.build(generator, props)
        (folder / graph_name(scale)).write_bytes(model.SerializeToString(deterministic=True))
        if scale <= last:
            model = double_graph.build(generator, props)
            path = folder / DOUBLE / graph_name(scale)
            path.write_bytes(model.SerializeToString(deterministic=True))


def add_start_amplitudes(manifest: Manifest, sampler: Sampler, run: Path) -> Manifest:
    """Add the noise amplitudes that start scales need to a manifest, if it has detail levels."""
    if manifest.detail is None:
        return manifest
    amplitudes = find_start_amplitudes(sampler, read_header(run).config.variety)
    detail = dataclasses.replace(manifest.detail, start_amplitude=amplitudes)
    return dataclasses.replace(manifest, detail=detail)


def open_unfinished(folder: Path, manifest: Manifest) -> Sampler:
    """Open a CPU sampler on a folder whose manifest is not written yet."""
    manifest = dataclasses.replace(manifest, files=manifests.hash_files(folder))
    noise = read_reconstruction_noise(folder, manifest)
    graphs = Graphs(folder / DOUBLE if manifest.detail else folder, "cpu", None, manifest.channels)
    return Sampler(manifest, graphs, noise, MAX_PIXELS, *store.read_detail(folder, manifest))


def draw_preview(sampler: Sampler) -> Pixels:
    """Draw the reconstruction, uint8 (h, w, C), with detail reduced to 640 px a side."""
    pixels = sampler.reconstruct()
    if sampler.photo is None:
        return pixels
    return straighten(resize.resize(premultiply(pixels), sampler.limit_size(PREVIEW_SIDE)))


def add(
    bundle: Path, folders: Sequence[str], run: Path | None = None, force: bool = False
) -> list[Comparison]:
    """Add further formats to a bundle.

    torchscript and pt2 also need the run that it came from.

    Raises BundleError for a damaged bundle or another run, and whatever formats.add raises.
    """
    if is_model_file(bundle):
        raise RequestError(
            f"{bundle}: a one-file model takes no further formats; add them to its bundle and make "
            f"the file again, 'singan export BUNDLE --out {bundle}'"
        )
    manifest = manifests.read(bundle, "bundle")
    networks = read_networks(run, find_run(manifest, run)) if run else None
    with lock_folder(bundle):
        return formats.add(bundle, folders, networks, force)


def read_networks(folder: Path, manifest: Manifest) -> TrainedPyramid:
    """Read the trained networks of a finished run, on the CPU. Raises BundleError."""
    generators = [read_generator(folder, scale) for scale in range(len(manifest.pyramid.sizes))]
    return TrainedPyramid(
        manifest.pyramid, generators, manifest.noise_amplitude, manifest.noise_channels
    )


def find_run(bundle: Manifest, run: Path) -> Manifest:
    """Read the manifest of the run that a bundle came from. Raises BundleError for another run."""
    trained = manifests.read(run, "run")
    for field in SAME_IN_RUN_AND_BUNDLE:
        ours, theirs = getattr(bundle, field), getattr(trained, field)
        if ours != theirs:
            raise BundleError(
                f"{run}: not the run of this bundle: its {field} is {theirs}, the bundle's {ours}; "
                "name the run that it was exported from"
            )
    return trained

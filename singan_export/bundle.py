"""Run in, bundle out: graphs, z*, preview and the record of parity; whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from singan_core import images
from singan_core import manifest as manifests
from singan_core.atomic import atomic_folder
from singan_core.detail import resize, store
from singan_core.detail.photo import premultiplied, straight
from singan_core.errors import BundleError, OutputError
from singan_core.images import Pixels
from singan_core.manifest import Manifest
from singan_core.pyramid import MAX_PIXELS
from singan_core.version import tool_version
from singan_export import double, formats, graph, parity
from singan_export.comparison import FormatCheck
from singan_export.degrees import start_amplitudes
from singan_export.parity import Parity
from singan_export.photo import check_alike, find_source
from singan_runtime import providers
from singan_runtime.graphs import Graphs, graph_name
from singan_runtime.sampler import DOUBLE, RECONSTRUCTION_NOISE, Sampler
from singan_train.frozen import FrozenPyramid
from singan_train.run import read_generator
from singan_train.run_header import read_start

PREVIEW = "preview.png"
PREVIEW_SIDE = 640  # px, longer side of a preview with detail


def frozen_run(folder: Path, manifest: Manifest) -> FrozenPyramid:
    """The trained networks of a finished run, on the CPU. Raises BundleError."""
    generators = [read_generator(folder, scale) for scale in range(len(manifest.pyramid.sizes))]
    return FrozenPyramid(
        manifest.pyramid, generators, manifest.noise_amplitude, manifest.noise_channels
    )


def export(
    run: Path,
    out: Path,
    force: bool = False,
    folders: Sequence[str] = (),
    photo: Path | None = None,
    hand_over: int | None = None,
) -> Parity:
    """Write the bundle of a finished run, further formats included, and return what was measured.

    The photo goes into the bundle: the run's own, or the one given for a run without. Raises BundleError for an
    unfinished or damaged run, ParityError (and leaves no bundle) when a graph differs from its network by more than the
    budget, RequestError, ImageError, ExportError, OutputError, or InstallError when ONNX Runtime is missing.
    """
    providers.onnxruntime()
    trained = manifests.read(run, "run")
    if out.exists() and not force and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(
            f"{out}: already exists; choose another folder or pass --force to replace it"
        )
    if force and out.is_dir() and any(out.iterdir()) and not (out / manifests.NAME).is_file():
        raise OutputError(
            f"{out}: not a bundle, so --force does not replace it; choose another folder"
        )
    source = find_source(run, trained, photo, hand_over)
    frozen = frozen_run(run, trained)
    with atomic_folder(out) as folder:
        shutil.copyfile(run / RECONSTRUCTION_NOISE, folder / RECONSTRUCTION_NOISE)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        draft = dataclasses.replace(
            trained, kind="bundle", created=created, tool_version=tool_version(), files={}
        )
        draft = dataclasses.replace(draft, detail=source.write(folder) if source else None)
        write_graphs(folder, draft, frozen)
        sampler = open_unfinished(folder, draft)
        if source is not None and photo is not None:
            check_alike(source, sampler.without_detail().reconstruction(len(trained.shapes)))
        if draft.detail is not None:
            starts = dataclasses.replace(
                draft.detail,
                start_amplitude=start_amplitudes(sampler, read_start(run).config.variety),
            )
            sampler.manifest = draft = dataclasses.replace(draft, detail=starts)
        measured = parity.compare(sampler, frozen)
        measured.require()
        (folder / formats.PARITY).write_text(
            json.dumps(measured.as_json(), indent=2) + "\n", encoding="utf-8"
        )
        images.save(folder / PREVIEW, preview(sampler))
        manifests.write(folder, dataclasses.replace(draft, files=manifests.hash_files(folder)))
        checks = formats.add(folder, folders, frozen)
    return dataclasses.replace(measured, formats=tuple(checks))


def preview(sampler: Sampler) -> Pixels:
    """Draw the reconstruction, uint8 (h, w, C): at the trained size, with detail reduced to 640 px a side."""
    pixels = sampler.reconstruct()
    if sampler.photo is None:
        return pixels
    return straight(resize.resize(premultiplied(pixels), sampler.size_within(PREVIEW_SIDE)))


def write_graphs(folder: Path, manifest: Manifest, frozen: FrozenPyramid) -> None:
    """Write every generator in float32, and in double precision those that draw below detail levels."""
    last = manifest.detail.hand_over if manifest.detail else -1
    if manifest.detail:
        (folder / DOUBLE).mkdir()
    for scale, generator in enumerate(frozen.generators):
        props = graph.metadata(manifest, scale)
        model = graph.build(generator, props)
        (folder / graph_name(scale)).write_bytes(model.SerializeToString(deterministic=True))
        if scale <= last:
            model = double.build(generator, props)
            (folder / DOUBLE / graph_name(scale)).write_bytes(
                model.SerializeToString(deterministic=True)
            )


def add(
    bundle: Path, folders: Sequence[str], run: Path | None = None, force: bool = False
) -> list[FormatCheck]:
    """Add further formats to a bundle; torchscript and pt2 also need the run that it came from.

    Raises BundleError for a damaged bundle or another run, and whatever formats.add raises.
    """
    found = manifests.read(bundle, "bundle")
    frozen = frozen_run(run, run_of(found, run)) if run else None
    return formats.add(bundle, folders, frozen, force)


def run_of(bundle: Manifest, run: Path) -> Manifest:
    """The manifest of the run that a bundle came from. Raises BundleError if it cannot be that one."""
    trained = manifests.read(run, "run")
    for field in (
        "name",
        "shapes",
        "scale_factor",
        "channels",
        "labels",
        "border",
        "noise_amplitude",
        "noise_channels",
    ):
        ours, theirs = getattr(bundle, field), getattr(trained, field)
        if ours != theirs:
            raise BundleError(
                f"{run}: not the run of this bundle: its {field} is {theirs}, the bundle's {ours}"
            )
    return trained


def open_unfinished(folder: Path, manifest: Manifest) -> Sampler:
    """A CPU sampler of a folder whose manifest is not written yet."""
    noise = np.load(folder / RECONSTRUCTION_NOISE, allow_pickle=False)
    graphs = Graphs(folder / DOUBLE if manifest.detail else folder, "cpu", None)
    return Sampler(manifest, graphs, noise, MAX_PIXELS, *store.read(folder, manifest))

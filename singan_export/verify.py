"""Check a bundle again: alone (files, graphs, preview), or against the run that it came from (parity)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from singan_core import manifest as manifests
from singan_core.errors import BundleError, ParityError
from singan_core.manifest import Manifest
from singan_export import parity
from singan_export.bundle import PREVIEW, frozen_run, graph_metadata
from singan_export.parity import Parity
from singan_runtime.graphs import graph_name
from singan_runtime.sampler import Sampler


@dataclass(frozen=True)
class Verified:
    """What was found; everything in it has passed."""

    files: int
    graphs: int
    preview_levels: int  # largest difference between the reconstruction and preview.png
    parity: Parity | None


def verify(bundle: Path, run: Path | None = None) -> Verified:
    """Check hashes, graph signatures and the preview, and parity with the run if one is given.

    Raises BundleError or ParityError naming the first thing that is wrong.
    """
    sampler = Sampler.load(bundle, device="cpu")
    manifest = sampler.manifest
    for scale in range(len(manifest.pyramid.sizes)):
        check_graph(bundle / graph_name(scale), manifest, scale)
    if run is not None:  # before the preview: a doctored weight should be named by its scale
        measured = compare_with_run(sampler, run)
        measured.require()
    else:
        measured = None
    return Verified(
        len(manifest.files), len(manifest.pyramid.sizes), check_preview(sampler, bundle / PREVIEW), measured
    )


def compare_with_run(sampler: Sampler, run: Path) -> Parity:
    """Parity of a bundle with the run that it should come from. Raises BundleError if it cannot be that one."""
    trained = manifests.read(run, "run")
    for field in ("name", "shapes", "scale_factor", "channels", "border", "noise_amplitude", "noise_channels"):
        ours, theirs = getattr(sampler.manifest, field), getattr(trained, field)
        if ours != theirs:
            raise BundleError(f"{run}: not the run of this bundle: its {field} is {theirs}, the bundle's {ours}")
    return parity.compare(sampler, frozen_run(run, trained))


def check_graph(path: Path, manifest: Manifest, scale: int) -> None:
    """Inputs noise and prev, output image, free batch, height and width, one file. Raises BundleError."""
    try:
        model = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's and the checker's errors share no base
        raise BundleError(f"{path}: not a valid ONNX graph ({str(error).splitlines()[0]}); export again") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise BundleError(f"{path}: keeps its weights outside the file; export again")
    found = {value.name: _signature(value) for value in (*model.graph.input, *model.graph.output)}
    haloed = ("batch", manifest.channels, "height_with_halo", "width_with_halo")
    expected = {"noise": haloed, "prev": haloed, "image": ("batch", manifest.channels, "height", "width")}
    if found != expected:
        raise BundleError(f"{path}: inputs and outputs are {found}, expected {expected}; export again")
    stated = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in graph_metadata(manifest, scale).items():
        if stated.get(key) != value:
            raise BundleError(
                f"{path}: metadata {key} is {stated.get(key)!r}, the manifest says {value!r}; export again"
            )


def _signature(value: onnx.ValueInfoProto) -> tuple[str | int, ...]:
    return tuple(dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim)


def check_preview(sampler: Sampler, path: Path) -> int:
    """Largest difference between the reconstruction and preview.png, in grey levels. Raises ParityError over one."""
    with Image.open(path) as image:
        stored = np.asarray(image)
    made = sampler.reconstruct()
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

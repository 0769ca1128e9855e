"""The run folder: config.json first, every scale whole or not at all, manifest.json last."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from singan_core import bounded_json, images
from singan_core import manifest as manifests
from singan_core.atomic import atomic_file, atomic_folder
from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import MOST_CHANNELS, MOST_WIDTH
from singan_core.manifest import Detail, Manifest
from singan_core.paths import require_file
from singan_train.run.header import RunHeader
from singan_train.scale.networks import Discriminator, Generator

METRICS = "metrics.jsonl"
GENERATOR, DISCRIMINATOR = "generator.safetensors", "discriminator.safetensors"
METADATA_KEY = "facts"  # under which generator.safetensors keeps the scale's metadata


@dataclass(frozen=True)
class ScaleMetadata:
    """What is known of a finished scale, kept as metadata of generator.safetensors.

    Nothing in it depends on when or how fast it was made: the same seed gives the same bytes.
    """

    width: Annotated[int, msgspec.Meta(ge=1, le=MOST_WIDTH)]
    norm: bool
    channels: Annotated[int, msgspec.Meta(ge=1, le=MOST_CHANNELS)]
    noise_amplitude: float
    noise_channels: int
    rmse: float


@dataclass(frozen=True)
class TrainedScale:
    """A finished scale."""

    metadata: ScaleMetadata
    generator: Generator
    discriminator: Discriminator


def is_finished(folder: Path) -> bool:
    """Whether every scale of a run is trained, which its manifest says."""
    return (folder / manifests.NAME).exists()


def find_scale(folder: Path, scale: int) -> Path:
    """Return the folder of a scale in a run."""
    return folder / f"scale_{scale:02d}"


def write_scale(
    folder: Path,
    scale: int,
    metadata: ScaleMetadata,
    generator: Generator,
    discriminator: Discriminator | None,
    pictures: Mapping[str, NDArray[np.uint8]],
) -> None:
    """Write a finished scale, whole or not at all.

    An imported scale may lack the discriminator. Raises OutputError.
    """
    # one key, because safetensors writes several in random order
    notes = {METADATA_KEY: json.dumps(dataclasses.asdict(metadata))}
    with atomic_folder(find_scale(folder, scale)) as temporary:
        (temporary / GENERATOR).write_bytes(_to_safetensors(generator, notes))
        if discriminator is not None:
            (temporary / DISCRIMINATOR).write_bytes(_to_safetensors(discriminator))
        for name, pixels in pictures.items():
            images.save(temporary / f"{name}.png", pixels)


def _to_safetensors(
    network: Generator | Discriminator, notes: dict[str, str] | None = None
) -> bytes:
    state = network.state_dict()
    return save({key: value.detach().cpu().contiguous() for key, value in state.items()}, notes)


def read_metadata(folder: Path, scale: int) -> ScaleMetadata:
    """Read what is known of a finished scale. Raises BundleError if it is missing or damaged."""
    path = find_scale(folder, scale) / GENERATOR
    try:
        with safe_open(require_file(path), "np") as file:
            notes = file.metadata() or {}
        return msgspec.json.decode(notes[METADATA_KEY], type=ScaleMetadata)
    except (OSError, SafetensorError, KeyError, ValueError, msgspec.DecodeError) as error:
        raise _make_scale_error(path, error) from error


def read_generator(folder: Path, scale: int) -> Generator:
    """Read the generator of a finished scale onto the CPU, ready for inference.

    Raises BundleError if it is missing or damaged.
    """
    metadata = read_metadata(folder, scale)
    generator = Generator(metadata.channels, metadata.width, metadata.norm)
    return _load_weights(generator, find_scale(folder, scale) / GENERATOR)


def read_scale(folder: Path, scale: int) -> TrainedScale:
    """Read both networks of a finished scale onto the CPU, ready for inference.

    Raises BundleError if something is missing or damaged.
    """
    metadata, generator = read_metadata(folder, scale), read_generator(folder, scale)
    path = find_scale(folder, scale) / DISCRIMINATOR
    try:
        with safe_open(require_file(path), "np") as file:
            norm = any("running_mean" in key for key in file.keys())  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError) as error:
        raise _make_scale_error(path, error) from error

    discriminator = Discriminator(metadata.channels, metadata.width, norm)
    return TrainedScale(metadata, generator, _load_weights(discriminator, path))


Network = TypeVar("Network", Generator, Discriminator)


def _load_weights(network: Network, path: Path) -> Network:
    try:
        network.load_state_dict(load_file(require_file(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise _make_scale_error(path, error) from error
    return network.eval()


def _make_scale_error(path: Path, error: Exception) -> BundleError:
    reason = say_reason(error)
    return BundleError(
        f"{path}: missing or damaged ({reason}); delete the folder {path.parent} and resume"
    )


def count_finished_scales(folder: Path, scales: int) -> int:
    """Count the finished scales of a run, from the coarsest to the first that is missing."""
    return next((n for n in range(scales) if not find_scale(folder, n).is_dir()), scales)


def remove_unfinished(folder: Path, first: int, iteration: int = 0) -> None:
    """Remove what a stopped run left: temporary files, and metrics beyond its checkpoint.

    Metrics are kept up to an iteration of the first unfinished scale.
    """
    for left in folder.glob(".*.tmp"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()

    path = folder / METRICS
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if find_position(line) <= (first, iteration)]
        with atomic_file(path) as temporary:
            temporary.write_text("".join(line + "\n" for line in kept), encoding="utf-8")


def find_position(line: str) -> tuple[float, float]:
    """Return (scale, iteration) of a line of metrics.

    The summary of a scale counts as infinite iterations. A line cut short by a kill counts as an
    infinite scale.
    """
    try:
        entry = bounded_json.decode(line)
        return int(entry["scale"]), float(entry.get("iteration", "inf"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return float("inf"), 0.0


def write_manifest(
    folder: Path,
    header: RunHeader,
    scales: Sequence[ScaleMetadata],
    created: str,
    tool_version: str,
) -> Manifest:
    """Declare the run finished. Raises OutputError."""
    pyramid, detail = header.pyramid, None
    if pyramid.levels:
        detail = Detail(pyramid.hand_over, pyramid.levels, header.stored_sha256)

    manifest = Manifest(
        kind="run",
        name=header.name,
        created=created,
        tool_version=tool_version,
        channels=header.channels,
        shapes=pyramid.shapes,
        scale_factor=pyramid.scale_factor,
        noise_amplitude=tuple(scale.noise_amplitude for scale in scales),
        noise_channels=tuple(scale.noise_channels for scale in scales),
        border=header.config.border,
        preset=header.config.preset,
        photo_size=header.photo_size,
        files=manifests.hash_files(folder),
        labels=header.labels,
        detail=detail,
    )
    manifests.write(folder, manifest)
    return manifest

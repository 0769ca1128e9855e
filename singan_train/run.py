"""The run folder: config.json first, every scale whole or not at all, manifest.json last."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from singan_core import images
from singan_core import manifest as manifests
from singan_core.atomic import atomic_file, atomic_folder
from singan_core.errors import BundleError
from singan_core.file_names import RECONSTRUCTION_NOISE as RECONSTRUCTION_NOISE
from singan_core.manifest import Detail, Manifest
from singan_core.pyramid import Pyramid
from singan_train.config import TrainingConfig
from singan_train.networks import Discriminator, Generator

CONFIG, METRICS = manifests.BEGUN, "metrics.jsonl"
FACTS = "facts"  # the metadata key of a generator.safetensors


@dataclass(frozen=True)
class Start:
    """What is fixed before the first scale: config.json."""

    config: TrainingConfig
    name: str
    photo_sha256: str  # of the decoded pixels and masks
    photo_size: tuple[int, int]
    channels: int  # of the generators: without detail labels included
    pyramid: Pyramid
    device: str
    torch_version: str
    labels: tuple[str, ...] = ()  # names of the masks; older runs lack the field
    stored_sha256: str = ""  # with detail levels: of the stored photo's pixels

    @property
    def picture_channels(self) -> int:
        """Channels without the labels, which generators draw only where there is no detail."""
        return self.channels if self.pyramid.levels else self.channels - len(self.labels)


@dataclass(frozen=True)
class Facts:
    """What a finished scale knows of itself, kept as metadata of generator.safetensors.

    Nothing in it depends on when or how fast it was made: the same seed gives the same bytes.
    """

    width: int
    norm: bool
    channels: int
    noise_amplitude: float
    noise_channels: int
    rmse: float


@dataclass(frozen=True)
class TrainedScale:
    """A finished scale."""

    facts: Facts
    generator: Generator
    discriminator: Discriminator


def scale_folder(folder: Path, scale: int) -> Path:
    """Where a scale of a run lies."""
    return folder / f"scale_{scale:02d}"


def write_start(folder: Path, start: Start, noise: NDArray[np.float32]) -> None:
    """Begin a run: z* and config.json. Raises OutputError."""
    with atomic_file(folder / RECONSTRUCTION_NOISE) as temporary, open(temporary, "wb") as file:
        np.save(file, noise)
    with atomic_file(folder / CONFIG) as temporary:
        temporary.write_text(
            json.dumps(dataclasses.asdict(start), indent=2) + "\n", encoding="utf-8"
        )


def read_start(folder: Path) -> Start:
    """Read the config.json of a run; what older ones lack means no detail. Raises BundleError."""
    path = folder / CONFIG
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        config = data["config"]
        return Start(
            config=TrainingConfig(
                **{
                    "detail": False,
                    "variety": 0.0,
                    "open_sides": 0.0,
                    **config,
                    "betas": tuple(config["betas"]),
                }
            ),
            name=data["name"],
            photo_sha256=data["photo_sha256"],
            photo_size=tuple(data["photo_size"]),
            channels=data["channels"],
            pyramid=_pyramid(data["pyramid"]),
            device=data["device"],
            torch_version=data["torch_version"],
            labels=tuple(data.get("labels", ())),
            stored_sha256=data.get("stored_sha256", ""),
        )
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder}: no {CONFIG}, so no run was begun here; train without --resume"
        ) from error
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BundleError(f"{path}: damaged ({error!r}); train into a new folder") from error


def _pyramid(data: dict[str, Any]) -> Pyramid:
    shapes, levels = (
        tuple((h, w) for h, w in sizes) for sizes in (data["shapes"], data.get("levels", ()))
    )
    return Pyramid(
        shapes, data["scale_factor"], data["continuation"], levels, data.get("hand_over", -1)
    )


def write_scale(
    folder: Path,
    scale: int,
    facts: Facts,
    generator: Generator,
    discriminator: Discriminator | None,
    pictures: Mapping[str, NDArray[np.uint8]],
) -> None:
    """Write a finished scale, whole or not at all; an imported one may lack the discriminator. Raises OutputError."""
    with atomic_folder(scale_folder(folder, scale)) as temporary:
        metadata = {
            FACTS: json.dumps(dataclasses.asdict(facts))
        }  # one key: the library shuffles several
        for name, network, notes in (
            ("generator", generator, metadata),
            ("discriminator", discriminator, None),
        ):
            if network is not None:
                state = {
                    key: value.detach().cpu().contiguous()
                    for key, value in network.state_dict().items()
                }
                (temporary / f"{name}.safetensors").write_bytes(save(state, notes))
        for name, pixels in pictures.items():
            images.save(temporary / f"{name}.png", pixels)


def read_facts(folder: Path, scale: int) -> Facts:
    """What a finished scale knows of itself. Raises BundleError."""
    path = scale_folder(folder, scale) / "generator.safetensors"
    try:
        with safe_open(path, "np") as file:
            metadata: dict[str, Any] = file.metadata() or {}
        return Facts(**json.loads(metadata[FACTS]))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise BundleError(
            f"{path}: missing or damaged ({error}); delete the folder {path.parent} and resume"
        ) from error


def read_generator(folder: Path, scale: int) -> Generator:
    """The generator of a finished scale on the CPU, ready for inference. Raises BundleError."""
    facts = read_facts(folder, scale)
    generator = Generator(facts.channels, facts.width, facts.norm)
    return _load(generator, scale_folder(folder, scale) / "generator.safetensors")


def read_scale(folder: Path, scale: int) -> TrainedScale:
    """A finished scale with both networks on the CPU, ready for inference. Raises BundleError."""
    facts, generator = read_facts(folder, scale), read_generator(folder, scale)
    path = scale_folder(folder, scale) / "discriminator.safetensors"
    norm = False
    try:
        with safe_open(path, "np") as file:
            norm = any("running_mean" in key for key in file.keys())  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError) as error:
        raise BundleError(
            f"{path}: missing or damaged ({error}); delete the folder {path.parent} and resume"
        ) from error
    discriminator = Discriminator(facts.channels, facts.width, norm)
    _load(discriminator, path)
    return TrainedScale(facts, generator, discriminator)


Network = TypeVar("Network", Generator, Discriminator)


def _load(network: Network, path: Path) -> Network:
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise BundleError(
            f"{path}: missing or damaged ({error}); delete the folder {path.parent} and resume"
        ) from error
    return network.eval()  # type: ignore[return-value]


def finished_scales(folder: Path, scales: int) -> int:
    """How many scales, from the coarsest on, are there."""
    return next((n for n in range(scales) if not scale_folder(folder, n).is_dir()), scales)


def forget_unfinished(folder: Path, first: int, iteration: int = 0) -> None:
    """Drop what a stopped run left from an iteration of the first unfinished scale on: temporaries and metrics."""
    for left in folder.glob(".*.tmp"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()
    path = folder / METRICS
    if path.exists():
        lines = [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if _place_of(line) <= (first, iteration)
        ]
        with atomic_file(path) as temporary:
            temporary.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _place_of(line: str) -> tuple[float, float]:
    """(scale, iteration) of a line of metrics; its summary stands for the end of a scale."""
    try:
        entry = json.loads(line)
        return int(entry["scale"]), float(entry.get("iteration", "inf"))
    except (ValueError, KeyError):
        return float("inf"), 0.0  # a line cut short by a kill


def write_manifest(
    folder: Path, start: Start, facts: Sequence[Facts], created: str, tool_version: str
) -> Manifest:
    """Declare the run finished. Raises OutputError."""
    pyramid = start.pyramid
    detail = (
        Detail(pyramid.hand_over, pyramid.levels, start.stored_sha256) if pyramid.levels else None
    )
    manifest = Manifest(
        kind="run",
        name=start.name,
        created=created,
        tool_version=tool_version,
        channels=start.channels,
        shapes=pyramid.shapes,
        scale_factor=pyramid.scale_factor,
        noise_amplitude=tuple(fact.noise_amplitude for fact in facts),
        noise_channels=tuple(fact.noise_channels for fact in facts),
        border=start.config.border,
        preset=start.config.preset,
        photo_size=start.photo_size,
        files=manifests.hash_files(folder),
        labels=start.labels,
        detail=detail,
    )
    manifests.write(folder, manifest)
    return manifest

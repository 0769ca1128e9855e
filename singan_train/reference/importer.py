"""The reference importer: a checkpoint folder of the reference SinGAN in, a run out."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import torch

from singan_core.arguments import read_path
from singan_core.atomic import atomic_folder
from singan_core.errors import OutputError
from singan_core.version import find_version
from singan_train.config import IMPORTED, PRESETS
from singan_train.reference.checkpoint import ReferenceCheckpoint, read_checkpoint
from singan_train.reference.networks import measure_width
from singan_train.report.pictures import draw_pictures
from singan_train.run.folder import ScaleMetadata, write_manifest, write_scale
from singan_train.run.header import RunHeader, write_header
from singan_train.scale.trained_pyramid import TrainedPyramid


def import_checkpoint(path: Path, out: Path) -> RunHeader:
    """Write the run of a checkpoint folder and return its header.

    Raises CheckpointError (no checkpoint of the reference, damaged, incomplete, hostile) or
    OutputError.
    """
    path, out = read_path(path, "checkpoint"), read_path(out, "run")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: already exists; choose another folder")

    checkpoint = read_checkpoint(path)
    header = _make_header(checkpoint)
    with atomic_folder(out) as folder:
        write_header(folder, header, checkpoint.noise)
        metadata = _write_scales(folder, header, checkpoint)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        write_manifest(folder, header, metadata, created, find_version())
    return header


def _make_header(checkpoint: ReferenceCheckpoint) -> RunHeader:
    """Fill the header with what the tensors tell, and else with the reference's own defaults."""
    pyramid, finest = checkpoint.pyramid, checkpoint.reals[-1]
    config = dataclasses.replace(
        PRESETS["paper"],
        preset=IMPORTED,
        border=checkpoint.border,
        channels=str(finest.shape[1]),
        min_size=min(pyramid.shapes[0]),
        max_size=max(pyramid.finest),
        scale_factor=pyramid.scale_factor,
        width=measure_width(checkpoint.generators[0]),
    )

    return RunHeader(
        config,
        name=checkpoint.name,
        photo_sha256=hashlib.sha256(finest.tobytes()).hexdigest(),
        photo_size=pyramid.finest,
        channels=finest.shape[1],
        pyramid=pyramid,
        device="cpu",
        torch_version=str(torch.__version__),
    )


def _write_scales(
    folder: Path, header: RunHeader, checkpoint: ReferenceCheckpoint
) -> list[ScaleMetadata]:
    """Write every scale with the RMSE of its reconstruction by our own cascade."""
    z = torch.from_numpy(checkpoint.noise)[None].expand(-1, header.channels, -1, -1)
    scales: list[ScaleMetadata] = []
    for scale, generator in enumerate(checkpoint.generators):
        noise_channels = [1] + [header.channels] * scale
        trained = TrainedPyramid(
            header.pyramid,
            checkpoint.generators[: scale + 1],
            checkpoint.amplitudes[: scale + 1],
            noise_channels,
        )

        real = torch.from_numpy(checkpoint.reals[scale])
        metadata = ScaleMetadata(
            width=measure_width(generator),
            norm=True,
            channels=header.channels,
            noise_amplitude=checkpoint.amplitudes[scale],
            noise_channels=noise_channels[-1],
            rmse=float((trained.reconstruct(z) - real).square().mean().sqrt()),
        )

        pictures = draw_pictures(trained, header, z, real)
        discriminator = checkpoint.discriminators[scale]
        write_scale(folder, scale, metadata, generator, discriminator, pictures)
        scales.append(metadata)
    return scales

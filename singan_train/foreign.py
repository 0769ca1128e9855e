"""A checkpoint folder of the reference SinGAN in, a run out; what the run is told comes from its tensors.

The reference (github.com/tamarott/SinGAN) keeps NoiseAmp.pth, Zs.pth and reals.pth with one entry per scale, and the
networks either in folders 0, 1, ... (netG.pth, netD.pth, z_opt.pth) or as whole modules in Gs.pth. Its generator is
ours under other names; its noise amplitude is 1 at scale 0, z* is one channel repeated there and zero elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from singan_core import HALO, resample
from singan_core.atomic import atomic_folder
from singan_core.cascade import with_halo
from singan_core.errors import CheckpointError, OutputError
from singan_core.images import Floats
from singan_core.pyramid import MIN_CANVAS, Pyramid
from singan_core.version import tool_version
from singan_train import reference, run, unpickle
from singan_train.config import IMPORTED, PRESETS, Border, TrainingConfig
from singan_train.frozen import FrozenPyramid
from singan_train.networks import Discriminator, Generator
from singan_train.pictures import pictures
from singan_train.reference import CONSINGAN, State, described
from singan_train.run import Facts, Start

AMPLITUDES, REALS, NOISES, MODULES = "NoiseAmp.pth", "reals.pth", "Zs.pth", "Gs.pth"


@dataclass(frozen=True)
class Checkpoint:
    """A checked checkpoint, coarsest scale first."""

    name: str
    reals: list[Floats]  # (1, C, H, W)
    noise: Floats  # z* of scale 0, (1, H0+10, W0+10)
    amplitudes: list[float]
    generators: list[Generator]
    discriminators: list[Discriminator | None]

    @property
    def border(self) -> Border:
        """noise, if z* goes on beyond the canvas (the reference's animation mode), else zero."""
        rim = self.noise.copy()
        rim[:, HALO:-HALO, HALO:-HALO] = 0
        return "noise" if rim.any() else "zero"

    @property
    def pyramid(self) -> Pyramid:
        """The reals' sizes; their mean ratio as the scale factor."""
        shapes = tuple((real.shape[2], real.shape[3]) for real in self.reals)
        (low, high), steps = (math.prod(shapes[0]), math.prod(shapes[-1])), len(shapes) - 1
        return Pyramid(
            shapes, (low / high) ** (1 / (2 * steps)) if steps else TrainingConfig.scale_factor
        )


def convert(path: Path, out: Path) -> Start:
    """Write the run of a checkpoint folder and return what it is.

    Raises CheckpointError (no checkpoint of the reference, damaged, incomplete, hostile) or OutputError.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: already exists; choose another folder")
    checkpoint = read(path)
    pyramid, finest = checkpoint.pyramid, checkpoint.reals[-1]
    config = dataclasses.replace(
        PRESETS["paper"],  # what the checkpoint does not tell: the reference's own defaults
        preset=IMPORTED,
        border=checkpoint.border,
        channels=str(finest.shape[1]),
        min_size=min(pyramid.shapes[0]),
        max_size=max(pyramid.finest),
        scale_factor=pyramid.scale_factor,
        width=reference.width(checkpoint.generators[0]),
    )
    digest = hashlib.sha256(finest.tobytes()).hexdigest()
    start = Start(
        config,
        checkpoint.name,
        digest,
        pyramid.finest,
        finest.shape[1],
        pyramid,
        "cpu",
        str(torch.__version__),
    )
    with atomic_folder(out) as folder:
        run.write_start(folder, start, checkpoint.noise)
        facts = _write_scales(folder, start, checkpoint)
        run.write_manifest(
            folder, start, facts, datetime.now(UTC).isoformat(timespec="seconds"), tool_version()
        )
    return start


def _write_scales(folder: Path, start: Start, checkpoint: Checkpoint) -> list[Facts]:
    """Every scale with the RMSE of its reconstruction, which is measured with our resampler between the scales."""
    facts: list[Facts] = []
    z = torch.from_numpy(checkpoint.noise)[None].expand(-1, start.channels, -1, -1)
    image = torch.zeros(1, start.channels, *start.pyramid.shapes[0])
    for scale, (generator, amplitude) in enumerate(
        zip(checkpoint.generators, checkpoint.amplitudes, strict=True)
    ):
        real = torch.from_numpy(checkpoint.reals[scale])
        prev = with_halo(resample.resize(image, start.pyramid.shapes[scale]))
        with torch.no_grad():
            image = generator(z * amplitude if scale == 0 else torch.zeros_like(prev), prev)
        rmse = float((image - real).square().mean().sqrt())
        noise_channels = 1 if scale == 0 else start.channels
        facts.append(
            Facts(reference.width(generator), True, start.channels, amplitude, noise_channels, rmse)
        )
        done = FrozenPyramid(
            start.pyramid,
            checkpoint.generators[: scale + 1],
            checkpoint.amplitudes[: scale + 1],
            [fact.noise_channels for fact in facts],
        )
        shown = pictures(done, start, z, real)
        run.write_scale(
            folder, scale, facts[-1], generator, checkpoint.discriminators[scale], shown
        )
    return facts


def read(path: Path) -> Checkpoint:
    """The checkpoint in a folder, or in the only one below it that has one. Raises CheckpointError."""
    folder = _find(path)
    reals = [_image(value, folder / REALS) for value in _list(folder / REALS)]
    scales = len(reals)
    amplitudes = [_number(value, folder / AMPLITUDES) for value in _list(folder / AMPLITUDES)]
    noises = _noises(folder, scales)
    generators = _states(folder, scales)
    for what, found in (
        (NOISES, noises),
        (AMPLITUDES, amplitudes),
        ("netG.pth or " + MODULES, generators),
    ):
        if not len(found) == scales > 0:
            raise CheckpointError(
                f"{folder}: {REALS} has {scales} scales, {what} has {len(found)}; "
                "the training was stopped or files are missing: give a complete checkpoint"
            )
    channels = reals[0].shape[1]
    _check_shapes(folder, reals, noises)
    networks = [
        reference.generator(state, channels, f"{folder}: scale {n}")
        for n, state in enumerate(generators)
    ]
    critics = [
        reference.discriminator(folder / str(scale) / "netD.pth", channels)
        for scale in range(scales)
    ]
    return Checkpoint(
        _model_name(folder),
        reals,
        _reconstruction_noise(folder, noises),
        amplitudes,
        networks,
        critics,
    )


def _find(path: Path) -> Path:
    if not path.is_dir():
        raise CheckpointError(
            f"{path}: no such folder; give the folder that has {AMPLITUDES} in it"
        )
    if any(path.rglob("noise_amp.pth")):  # the reference writes NoiseAmp.pth
        raise CheckpointError(f"{path}: {CONSINGAN}")
    if (path / AMPLITUDES).exists():
        return path
    found = sorted(file.parent for file in path.rglob(AMPLITUDES))
    if len(found) == 1:
        return found[0]
    several = f"{len(found)} checkpoints below it, {', '.join(str(folder.relative_to(path)) for folder in found)}"
    raise CheckpointError(
        f"{path}: {several if found else f'no {AMPLITUDES} in or below it'}; "
        "give the folder of one checkpoint of the reference SinGAN"
    )


def _model_name(folder: Path) -> str:
    """The photo's name: the reference's folders are NAME/scale_factor=..."""
    folder = folder.resolve()
    return folder.parent.name if folder.name.startswith("scale_factor") else folder.name


def _list(path: Path) -> list[Any]:
    found = unpickle.load(path)
    if not isinstance(found, list):
        raise CheckpointError(
            f"{path}: a list with an entry per scale is expected, got {type(found).__name__}"
        )
    return found


def _number(value: Any, path: Path) -> float:
    one = isinstance(value, int | float) or (isinstance(value, np.ndarray) and value.size == 1)
    number = float(np.reshape(value, ())) if one else math.nan
    if not (math.isfinite(number) and number >= 0):
        raise CheckpointError(
            f"{path}: noise amplitudes must be numbers of 0 or more, got {value!r}"
        )
    return number


def _image(value: Any, path: Path) -> Floats:
    if (
        not isinstance(value, np.ndarray)
        or value.ndim != 4
        or value.shape[0] != 1
        or value.dtype.kind != "f"
    ):
        raise CheckpointError(
            f"{path}: tensors of shape (1, C, H, W) are expected, got {described(value)}"
        )
    if not np.isfinite(value).all():
        raise CheckpointError(f"{path}: has values that are no numbers; get the file again")
    return np.array(value, np.float32)


def _noises(folder: Path, scales: int) -> list[Floats]:
    if (folder / NOISES).exists():
        return [_image(value, folder / NOISES) for value in _list(folder / NOISES)]
    paths = [folder / str(scale) / "z_opt.pth" for scale in range(scales)]
    return [_image(unpickle.load(path), path) for path in paths]


def _states(folder: Path, scales: int) -> list[State]:
    """The generators' tensors by the reference's names, from the scales' folders or else from whole modules."""
    paths = [folder / str(scale) / "netG.pth" for scale in range(scales)]
    if (folder / MODULES).exists() and not all(path.exists() for path in paths):
        return [reference.state_of(module, folder / MODULES) for module in _list(folder / MODULES)]
    return [reference.state_of(unpickle.load(path), path) for path in paths]


def _check_shapes(folder: Path, reals: list[Floats], noises: list[Floats]) -> None:
    """Sizes must grow, and z* be larger than its scale by the halo, nothing but zero beyond scale 0."""
    for scale, (real, noise) in enumerate(zip(reals, noises, strict=True)):
        expected = (*real.shape[:2], real.shape[2] + 2 * HALO, real.shape[3] + 2 * HALO)
        if noise.shape != expected or real.shape[1] != reals[0].shape[1]:
            raise CheckpointError(
                f"{folder}: z* of scale {scale} has the shape {noise.shape}, expected {expected}; "
                "only networks of five 3x3 layers, which pad by 5, can be imported"
            )
        if min(real.shape[2:]) < MIN_CANVAS:
            raise CheckpointError(
                f"{folder}: scale {scale} is {real.shape[3]}x{real.shape[2]}; {MIN_CANVAS} px a side are the least"
            )
        if real.shape[1] not in (1, 3):
            raise CheckpointError(
                f"{folder}: {REALS} has {real.shape[1]} channels; 1 or 3 can be imported"
            )
        if scale and not (
            real.shape[2] >= reals[scale - 1].shape[2] and real.shape[3] > reals[scale - 1].shape[3]
        ):
            raise CheckpointError(
                f"{folder}: scale {scale} of {REALS} is not larger than the one below"
            )
        if scale and noise.any():
            raise CheckpointError(
                f"{folder}: z* of scale {scale} is not zero; only scale 0 may have one"
            )


def _reconstruction_noise(folder: Path, noises: list[Floats]) -> Floats:
    first = noises[0][0]
    if not (first == first[:1]).all():
        raise CheckpointError(
            f"{folder}: z* of scale 0 differs between channels; one channel repeated is expected"
        )
    if not first.any():
        raise CheckpointError(
            f"{folder}: z* of scale 0 is zero, as in a super-resolution model, which draws no pictures of its own; "
            "give a checkpoint of main_train.py or animation.py"
        )
    return np.ascontiguousarray(first[:1])

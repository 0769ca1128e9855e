"""A checkpoint folder of the reference SinGAN, read and checked.

The reference (github.com/tamarott/SinGAN) keeps NoiseAmp.pth, Zs.pth and reals.pth with one entry
per scale, and the networks either in folders 0, 1, ... (netG.pth, netD.pth, z_opt.pth) or as whole
modules in Gs.pth. Its generator is ours under other names. Its noise amplitude is 1 at scale 0, and
z* is one channel repeated there and zero at all other scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from singan_core import HALO, RECEPTIVE_FIELD
from singan_core.arrays import Floats
from singan_core.errors import CheckpointError
from singan_core.file_limits import MOST_PIXELS, MOST_SCALES, MOST_SIDE
from singan_core.plain_names import make_plain
from singan_core.pyramid import Pyramid
from singan_train.config import Border, TrainingConfig
from singan_train.reference.networks import (
    CONSINGAN,
    StateDict,
    describe,
    extract_state,
    make_generator,
    read_discriminator,
)
from singan_train.reference.pickle_machine import Allowance
from singan_train.reference.rehearsal import rehearse
from singan_train.reference.unpickle import read_file
from singan_train.scale.networks import Discriminator, Generator

AMPLITUDES, REALS, NOISES, MODULES = "NoiseAmp.pth", "reals.pth", "Zs.pth", "Gs.pth"
LEVELS = 8  # of folders, below which nobody keeps a checkpoint


@dataclass(frozen=True)
class ReferenceCheckpoint:
    """A checked checkpoint, coarsest scale first."""

    name: str
    reals: list[Floats]  # (1, C, H, W)
    noise: Floats  # z* of scale 0, (1, H0+10, W0+10)
    amplitudes: list[float]
    generators: list[Generator]
    discriminators: list[Discriminator | None]

    @property
    def border(self) -> Border:
        """`noise` if z* goes on beyond the canvas (the reference's animation mode), else `zero`."""
        rim = self.noise.copy()
        rim[:, HALO:-HALO, HALO:-HALO] = 0
        return "noise" if rim.any() else "zero"

    @property
    def pyramid(self) -> Pyramid:
        """The sizes of the reals, with their mean ratio as the scale factor."""
        shapes = tuple((real.shape[2], real.shape[3]) for real in self.reals)
        (low, high), steps = (math.prod(shapes[0]), math.prod(shapes[-1])), len(shapes) - 1
        factor = (low / high) ** (1 / (2 * steps)) if steps else TrainingConfig.scale_factor
        return Pyramid(shapes, factor)


def read_checkpoint(path: Path) -> ReferenceCheckpoint:
    """Read the checkpoint in a folder, or in the only one below it that has one.

    Raises CheckpointError.
    """
    folder = _find_folder(path)
    rehearse(_list_files(folder))
    allowance = Allowance()

    read_list = partial(_read_list, allowance=allowance)
    reals = [_check_image(value, folder / REALS) for value in read_list(folder / REALS)]
    amplitudes = [
        _check_amplitude(value, folder / AMPLITUDES) for value in read_list(folder / AMPLITUDES)
    ]
    noises = _read_noises(folder, len(reals), allowance)
    states = _read_states(folder, len(reals), allowance)
    _check_counts(folder, reals, amplitudes, noises, states)
    _check_shapes(folder, reals, noises)

    channels = reals[0].shape[1]
    generators, discriminators = [], []
    for scale, state in enumerate(states):
        where, file = f"{folder}: scale {scale}", folder / str(scale) / "netD.pth"
        generators.append(make_generator(state, channels, where))
        discriminators.append(read_discriminator(file, channels, allowance))

    name, noise = make_plain(_find_name(folder)), _check_reconstruction_noise(folder, noises)
    return ReferenceCheckpoint(name, reals, noise, amplitudes, generators, discriminators)


def _find_folder(path: Path) -> Path:
    """Find the folder that has a checkpoint. Raises CheckpointError unless there is exactly one."""
    if not path.is_dir():
        raise CheckpointError(
            f"{path}: no such folder; give the folder that has {AMPLITUDES} in it"
        )
    if find_below(path, "noise_amp.pth"):  # the reference writes NoiseAmp.pth
        raise CheckpointError(f"{path}: {CONSINGAN}")
    if (path / AMPLITUDES).exists():
        return path

    found = sorted(file.parent for file in find_below(path, AMPLITUDES))
    if len(found) == 1:
        return found[0]
    what = f"no {AMPLITUDES} in or below it"
    if found:
        names = ", ".join(str(folder.relative_to(path)) for folder in found)
        what = f"{len(found)} checkpoints below it, {names}"
    raise CheckpointError(
        f"{path}: {what}; give the folder of one checkpoint of the reference SinGAN"
    )


def _list_files(folder: Path) -> list[Path]:
    """List the files of a checkpoint that will be read, as far as they are there."""
    in_scales = ["netD.pth"]
    if not (folder / NOISES).exists():
        in_scales.append("z_opt.pth")
    if not (folder / MODULES).exists() or (folder / "0" / "netG.pth").exists():
        in_scales.append("netG.pth")

    paths = [folder / name for name in (REALS, AMPLITUDES, NOISES)]
    paths += [folder / str(scale) / name for scale in range(MOST_SCALES) for name in in_scales]
    if "netG.pth" not in in_scales:
        paths.append(folder / MODULES)
    return [path for path in paths if path.exists()]


def find_below(folder: Path, name: str) -> list[Path]:
    """Find the files of a name in a folder and a few levels below it, as deep as results are."""
    found: list[Path] = []
    for depth in range(LEVELS):
        found += folder.glob("*/" * depth + name)
    return found


def _find_name(folder: Path) -> str:
    """Find the photo's name: the reference's folders are NAME/scale_factor=..."""
    folder = folder.resolve()
    return folder.parent.name if folder.name.startswith("scale_factor") else folder.name


def _read_list(path: Path, allowance: Allowance) -> list[Any]:
    found = read_file(path, allowance)
    if not isinstance(found, list):
        raise CheckpointError(
            f"{path}: a list with an entry per scale is expected, got {type(found).__name__}"
        )
    if len(found) > MOST_SCALES:
        raise CheckpointError(f"{path}: {len(found)} scales; {MOST_SCALES} are the most")
    return found


def _check_amplitude(value: Any, path: Path) -> float:
    """Return a noise amplitude as a number. Raises CheckpointError if it cannot be one."""
    single = isinstance(value, int | float) or (isinstance(value, np.ndarray) and value.size == 1)
    number = float(np.reshape(value, ())) if single else math.nan
    if not (math.isfinite(number) and number >= 0):
        raise CheckpointError(
            f"{path}: noise amplitudes must be numbers of 0 or more, "
            f"got {number if single else describe(value)}"
        )
    return number


def _check_image(value: Any, path: Path) -> Floats:
    """Return a tensor (1, C, H, W) as float32. Raises CheckpointError if it is none."""
    tensor = isinstance(value, np.ndarray) and value.ndim == 4 and value.dtype.kind == "f"
    if not tensor or value.shape[0] != 1:
        raise CheckpointError(
            f"{path}: tensors of shape (1, C, H, W) are expected, got {describe(value)}"
        )
    if max(value.shape[2:]) > MOST_SIDE + 2 * HALO:
        height, width = value.shape[2:]
        raise CheckpointError(f"{path}: {width}x{height}; {MOST_SIDE} px a side are the most")
    if not np.isfinite(value).all():
        raise CheckpointError(f"{path}: has values that are no numbers; get the file again")
    return np.array(value, np.float32)


def _read_noises(folder: Path, scales: int, allowance: Allowance) -> list[Floats]:
    """Read z* of every scale, from one file or else from the scales' folders."""
    path = folder / NOISES
    if path.exists():
        return [_check_image(value, path) for value in _read_list(path, allowance)]
    paths = [folder / str(scale) / "z_opt.pth" for scale in range(scales)]
    return [_check_image(read_file(path, allowance), path) for path in paths]


def _read_states(folder: Path, scales: int, allowance: Allowance) -> list[StateDict]:
    """Read the generators' tensors, from the scales' folders or else from whole modules."""
    paths = [folder / str(scale) / "netG.pth" for scale in range(scales)]
    modules = folder / MODULES
    if modules.exists() and not all(path.exists() for path in paths):
        return [extract_state(value, modules) for value in _read_list(modules, allowance)]
    return [extract_state(read_file(path, allowance), path) for path in paths]


def _check_counts(
    folder: Path,
    reals: list[Floats],
    amplitudes: list[float],
    noises: list[Floats],
    states: list[StateDict],
) -> None:
    """Raise CheckpointError unless every scale has all that it needs."""
    scales = len(reals)
    for what, count in (
        (NOISES, len(noises)),
        (AMPLITUDES, len(amplitudes)),
        ("netG.pth or " + MODULES, len(states)),
    ):
        if not count == scales > 0:
            raise CheckpointError(
                f"{folder}: {REALS} has {scales} scales, {what} has {count}; "
                "the training was stopped or files are missing: give a complete checkpoint"
            )


def _check_shapes(folder: Path, reals: list[Floats], noises: list[Floats]) -> None:
    """Raise CheckpointError unless sizes grow and every z* fits its scale.

    It must be larger than the scale by the halo, and zero above scale 0.
    """
    pixels = sum(real.shape[2] * real.shape[3] for real in reals)
    if pixels > MOST_PIXELS:
        raise CheckpointError(
            f"{folder}: {pixels} pixels in all scales; {MOST_PIXELS} are the most"
        )
    for scale, (real, noise) in enumerate(zip(reals, noises, strict=True)):
        _, channels, height, width = real.shape
        expected = (1, channels, height + 2 * HALO, width + 2 * HALO)
        if noise.shape != expected or channels != reals[0].shape[1]:
            raise CheckpointError(
                f"{folder}: z* of scale {scale} has the shape {noise.shape}, expected {expected}; "
                "only networks of five 3x3 layers, which pad by 5, can be imported"
            )
        if min(height, width) < RECEPTIVE_FIELD:
            raise CheckpointError(
                f"{folder}: scale {scale} is {width}x{height}; "
                f"{RECEPTIVE_FIELD} px a side are the least"
            )
        if channels not in (1, 3):
            raise CheckpointError(
                f"{folder}: {REALS} has {channels} channels; 1 or 3 can be imported"
            )
        if scale == 0:
            continue

        _, _, height_below, width_below = reals[scale - 1].shape
        if height < height_below or width <= width_below:
            raise CheckpointError(
                f"{folder}: scale {scale} of {REALS} is not larger than the one below"
            )
        if noise.any():
            raise CheckpointError(
                f"{folder}: z* of scale {scale} is not zero; only scale 0 may have one"
            )


def _check_reconstruction_noise(folder: Path, noises: list[Floats]) -> Floats:
    """Return z* of scale 0 as one channel (1, H0+10, W0+10). Raises CheckpointError."""
    first = noises[0][0]
    if not (first == first[:1]).all():
        raise CheckpointError(
            f"{folder}: z* of scale 0 differs between channels; one channel repeated is expected"
        )
    if not first.any():
        raise CheckpointError(
            f"{folder}: z* of scale 0 is zero, as in a super-resolution model, which draws no "
            "pictures of its own; give a checkpoint of main_train.py or animation.py"
        )
    return np.ascontiguousarray(first[:1])

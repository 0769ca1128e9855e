"""The trained networks for programs that bring libtorch or PyTorch: TorchScript, and torch.export's pt2.

A file per scale, and the whole pyramid at zoom 1 and start scale 0 from its unit noises. Upstream calls TorchScript
deprecated and names torch.export as what comes after it; libtorch in C++ still loads the former with one line.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from singan_core import HALO, cascade
from singan_core.errors import BundleError
from singan_export.comparison import Opened, unit_noises
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler
from singan_train.frozen import FrozenPyramid

TORCHSCRIPT, PT2 = "torchscript", "pt2"
_SUFFIX = {TORCHSCRIPT: ".pt", PT2: ".pt2"}
_SMALLEST = 2  # px of an image: torch.export takes a side of 1 for a constant
_EXAMPLE = (
    2,
    31,
    37,
)  # batch, height, width with halo: sides that differ, so that none is taken for another


class WholePyramid(nn.Module):
    """All scales as one module: unit noises (B, 1 or C, H+10, W+10) each, coarsest first, to the image (B, C, H, W)."""

    def __init__(self, generators: list[nn.Module], amplitudes: list[float], channels: int) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)
        self.amplitudes = amplitudes
        self.channels = channels
        self.halo = HALO

    def forward(self, noises: list[Tensor]) -> Tensor:
        """The picture; its size is that of the last noise without its halo."""
        image = noises[0]
        for scale, generator in enumerate(self.generators):
            noise = (noises[scale] * self.amplitudes[scale]).expand(-1, self.channels, -1, -1)
            if scale == 0:
                prev = torch.zeros_like(noise)
            else:
                size = [noise.shape[2] - 2 * self.halo, noise.shape[3] - 2 * self.halo]
                prev = F.interpolate(
                    image, size, mode="bicubic", align_corners=False, antialias=True
                )
                prev = F.pad(prev, [self.halo, self.halo, self.halo, self.halo])
            image = generator(noise, prev)
        return image


def file_name(format: str, scale: int | None) -> str:
    """File name of a scale, or of the whole pyramid."""
    return f"{'pyramid' if scale is None else f'scale_{scale:02d}'}{_SUFFIX[format]}"


def write(folder: Path, format: str, networks: FrozenPyramid, channels: int) -> None:
    """Every generator and the whole pyramid of the networks, which draw pictures of so many channels, in a format."""
    generators = [generator.eval().requires_grad_(False) for generator in networks.generators]
    save = _save_torchscript if format == TORCHSCRIPT else _save_pt2
    save(folder, generators, networks, channels)


def _save_torchscript(
    folder: Path, generators: list[Any], networks: FrozenPyramid, channels: int
) -> None:
    batch, height, width = _EXAMPLE
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        traced = [
            torch.jit.trace(generator, _inputs(batch, channels, height, width))
            for generator in generators
        ]  # type: ignore[no-untyped-call]
        for scale, module in enumerate(traced):
            torch.jit.save(module, str(folder / file_name(TORCHSCRIPT, scale)))
        scales = len(networks.pyramid.shapes)
        whole = torch.jit.script(
            WholePyramid(traced[:scales], list(networks.amplitudes[:scales]), channels)
        )
        torch.jit.save(whole, str(folder / file_name(TORCHSCRIPT, None)))


def _save_pt2(folder: Path, generators: list[Any], networks: FrozenPyramid, channels: int) -> None:
    batch, height, width = _EXAMPLE
    sizes = [(height + 3 * scale, width + 5 * scale) for scale in range(len(generators))]
    free = [
        {0: torch.export.Dim("batch"), 2: _side(f"height_{n}"), 3: _side(f"width_{n}")}
        for n in range(len(sizes))
    ]
    for scale, generator in enumerate(generators):
        example = _inputs(batch, channels, *sizes[scale])
        program = torch.export.export(generator, example, dynamic_shapes=(free[scale], free[scale]))
        torch.export.save(program, folder / file_name(PT2, scale))
    scales = len(networks.pyramid.shapes)
    noises = [
        torch.zeros(batch, networks.noise_channels[scale], *sizes[scale]) for scale in range(scales)
    ]
    whole = WholePyramid(generators[:scales], list(networks.amplitudes[:scales]), channels)
    program = torch.export.export(whole, (noises,), dynamic_shapes=(free[:scales],))
    torch.export.save(program, folder / file_name(PT2, None))


def _inputs(*shape: int) -> tuple[Tensor, Tensor]:
    """Noise and prev; one tensor in both places would be exported as one input."""
    return torch.zeros(shape), torch.zeros(shape)


def _side(name: str) -> Any:
    return torch.export.Dim(name, min=2 * HALO + _SMALLEST)


def opened(folder: Path, format: str, sampler: Sampler) -> Opened:
    """The files of a format, ready to draw. Raises BundleError when torch cannot load one."""
    scales = [
        _load(folder / file_name(format, scale))
        for scale in range(len(sampler.manifest.pyramid.sizes))
    ]
    whole = _load(folder / file_name(format, None))

    def generate(
        scale: int, noise: NDArray[np.float32], prev: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        with torch.no_grad():
            return scales[scale](torch.from_numpy(noise), torch.from_numpy(prev)).numpy()

    def draw(picture: Picture, unit_noise: cascade.Draw) -> NDArray[np.float32]:
        with torch.no_grad():
            return whole(
                [torch.from_numpy(noise) for noise in unit_noises(sampler, picture, unit_noise)]
            ).numpy()

    return Opened(format, generate, draw, smallest=_SMALLEST if format == PT2 else 1)


def trained(networks: FrozenPyramid, sampler: Sampler) -> Opened:
    """The trained networks themselves, in the sampler's cascade: what every format is held against."""

    def generate(
        scale: int, noise: NDArray[np.float32], prev: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        noise, prev = np.ascontiguousarray(noise), np.ascontiguousarray(prev)
        return networks.generate(scale, torch.from_numpy(noise), torch.from_numpy(prev)).numpy()

    return Opened("networks", generate, partial(sampler.run_generators, generate=generate))


def _load(path: Path) -> Any:
    try:
        if path.suffix == _SUFFIX[PT2]:
            return torch.export.load(path).module()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
            return torch.jit.load(str(path))  # type: ignore[no-untyped-call]
    except Exception as error:  # what the loaders raise has no common base
        reason = str(error).strip().partition("\n")[0]
        raise BundleError(
            f"{path}: not a file that torch can load ({reason}); export again"
        ) from error

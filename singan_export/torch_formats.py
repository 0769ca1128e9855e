"""Write the trained networks for libtorch and PyTorch: as TorchScript, and as torch.export's pt2.

There is a file for each scale, and one for the whole pyramid, which draws from start scale 0 at
zoom 1 and takes the unit noise of every scale. PyTorch calls TorchScript deprecated and recommends
torch.export instead, but libtorch in C++ still loads TorchScript with one line.
"""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from singan_core import HALO, cascade
from singan_core.arrays import Floats
from singan_core.errors import BundleError
from singan_core.file_names import graph_name
from singan_core.manifest import Manifest
from singan_export.comparison import Opened
from singan_export.inputs import make_unit_noises
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid

TORCHSCRIPT, PT2 = "torchscript", "pt2"
_SUFFIX = {TORCHSCRIPT: ".pt", PT2: ".pt2"}
_SMALLEST = 2  # px of an image: torch.export takes a side of 1 for a constant
# Batch, height and width with halo: all differ, so that none is taken for another.
_EXAMPLE = (2, 31, 37)


class WholePyramid(nn.Module):
    """All scales as one module, which draws an image (B, C, H, W) from unit noises.

    The noises are (B, 1 or C, H+10, W+10) each, the coarsest first.
    """

    def __init__(self, generators: list[nn.Module], amplitudes: list[float], channels: int) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)
        self.amplitudes = amplitudes
        self.channels = channels
        self.halo = HALO

    def forward(self, noises: list[Tensor]) -> Tensor:
        """Draw the picture, whose size is that of the last noise without its halo."""
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


def name_file(format: str, scale: int | None) -> str:
    """Name the file of a scale, or of the whole pyramid."""
    stem = "pyramid" if scale is None else Path(graph_name(scale)).stem
    return stem + _SUFFIX[format]


def write_torchscript(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None
) -> None:
    """Write the networks as TorchScript into an empty folder: traced scales, a scripted pyramid."""
    generators = _freeze(networks)
    assert networks is not None
    channels, scales = sampler.manifest.channels, len(networks.pyramid.shapes)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.", DeprecationWarning)
        example = _make_inputs(_EXAMPLE[0], channels, *_EXAMPLE[1:])
        trace: Any = torch.jit.trace
        traced = [trace(generator, example) for generator in generators]
        for scale, module in enumerate(traced):
            torch.jit.save(module, str(folder / name_file(TORCHSCRIPT, scale)))

        amplitudes = list(networks.amplitudes[:scales])
        whole = torch.jit.script(WholePyramid(traced[:scales], amplitudes, channels))
        torch.jit.save(whole, str(folder / name_file(TORCHSCRIPT, None)))


def write_pt2(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None
) -> None:
    """Write the networks by torch.export into an empty folder, with free batch and sides."""
    generators = _freeze(networks)
    assert networks is not None
    channels, scales = sampler.manifest.channels, len(networks.pyramid.shapes)

    batch, height, width = _EXAMPLE
    sizes = [(height + 3 * scale, width + 5 * scale) for scale in range(len(generators))]
    free = [
        {0: torch.export.Dim("batch"), 2: _make_side(f"height_{n}"), 3: _make_side(f"width_{n}")}
        for n in range(len(sizes))
    ]
    for scale, generator in enumerate(generators):
        example = _make_inputs(batch, channels, *sizes[scale])
        program = torch.export.export(generator, example, dynamic_shapes=(free[scale], free[scale]))
        torch.export.save(program, folder / name_file(PT2, scale))

    noises = [
        torch.zeros(batch, networks.noise_channels[scale], *sizes[scale]) for scale in range(scales)
    ]
    whole = WholePyramid(generators[:scales], list(networks.amplitudes[:scales]), channels)
    program = torch.export.export(whole, (noises,), dynamic_shapes=(free[:scales],))
    torch.export.save(program, folder / name_file(PT2, None))


def _freeze(networks: TrainedPyramid | None) -> list[Any]:
    assert networks is not None
    return [generator.eval().requires_grad_(False) for generator in networks.generators]


def _make_inputs(*shape: int) -> tuple[Tensor, Tensor]:
    """Make noise and prev: one tensor in both places would be exported as one input."""
    return torch.zeros(shape), torch.zeros(shape)


def _make_side(name: str) -> Any:
    return torch.export.Dim(name, min=2 * HALO + _SMALLEST)


def check(folder: Path, manifest: Manifest) -> None:
    """Check nothing: opening the files is the only test that torch offers for them."""


def open_torchscript(folder: Path, sampler: Sampler) -> Opened:
    """Open the TorchScript files for drawing. Raises BundleError when torch cannot load one."""
    return _open(folder, TORCHSCRIPT, sampler)


def open_pt2(folder: Path, sampler: Sampler) -> Opened:
    """Open the pt2 files for drawing. Raises BundleError when torch cannot load one."""
    return dataclasses.replace(_open(folder, PT2, sampler), smallest=_SMALLEST)


def _open(folder: Path, format: str, sampler: Sampler) -> Opened:
    scales = [
        _load(folder / name_file(format, scale))
        for scale in range(len(sampler.manifest.pyramid.sizes))
    ]
    whole = _load(folder / name_file(format, None))

    def generate(scale: int, noise: Floats, prev: Floats) -> Floats:
        with torch.no_grad():
            image: Floats = scales[scale](torch.from_numpy(noise), torch.from_numpy(prev)).numpy()
        return image

    def draw(picture: Plan, unit_noise: cascade.Draw) -> Floats:
        noises = make_unit_noises(sampler, picture, unit_noise)
        with torch.no_grad():
            image: Floats = whole([torch.from_numpy(noise) for noise in noises]).numpy()
        return image

    return Opened(generate=generate, draw=draw)


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

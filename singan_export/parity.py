"""Proof that the exported graphs compute what the trained networks compute: per scale, and as a whole pyramid."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from singan_core.cascade import run
from singan_core.errors import ParityError, RequestError
from singan_core.pyramid import Size
from singan_core.windows import Step
from singan_export import comparison
from singan_export.comparison import FormatCheck
from singan_runtime.sampler import Sampler
from singan_train.frozen import FrozenPyramid

SCALE_BUDGET = 1e-5  # absolute, float32, images in [-1, 1]
DOUBLE_BUDGET = 1e-11  # of a graph in double precision
PYRAMID_BUDGET = 1e-3
LEVEL_BUDGET = 1  # grey levels of 255
LEVEL_SHARE = 0.002  # of the values may differ


@dataclass(frozen=True)
class ScaleCheck:
    """One generator at one size on identical inputs."""

    scale: int
    size: tuple[int, int, int]  # batch, height, width
    maximum: float
    rms: float
    allowed: float = SCALE_BUDGET

    @property
    def passed(self) -> bool:
        """Within the budget."""
        return self.maximum <= self.allowed


@dataclass(frozen=True)
class PyramidCheck:
    """The whole cascade on one canvas, with the same noise and the same resampler."""

    size: Size
    maximum: float
    rms: float
    levels: int  # largest difference of pixel values
    share: float  # of pixel values that differ
    allowed: float = PYRAMID_BUDGET
    allowed_share: float = LEVEL_SHARE

    @property
    def passed(self) -> bool:
        """Within every budget."""
        return (
            self.maximum <= self.allowed
            and self.levels <= LEVEL_BUDGET
            and self.share <= self.allowed_share
        )


@dataclass(frozen=True)
class Parity:
    """Everything that was compared."""

    scales: tuple[ScaleCheck, ...]
    pyramid: tuple[PyramidCheck, ...]
    double: tuple[ScaleCheck, ...] = ()  # the graphs in double precision, of bundles with detail
    formats: tuple[FormatCheck, ...] = ()  # further ones, which keep records of their own

    @property
    def passed(self) -> bool:
        """Every comparison within its budget."""
        return all(check.passed for check in (*self.scales, *self.double)) and all(
            c.passed for c in self.pyramid
        )

    def as_json(self) -> dict[str, object]:
        """The content of parity.json."""
        parts: dict[str, Sequence[Any]] = {"scales": self.scales, "pyramid": self.pyramid}
        if self.double:
            parts["double"] = self.double
        told = {
            name: [dataclasses.asdict(check) for check in checks] for name, checks in parts.items()
        }
        return {"passed": self.passed, **told}

    def require(self) -> None:
        """Raise ParityError naming the first scale or canvas that is over its budget."""
        for check in (*self.scales, *self.double):
            if not check.passed:
                batch, height, width = check.size
                raise ParityError(
                    f"scale {check.scale} at {batch}x{width}x{height} (batch x width x height): the graph differs from "
                    f"the network by {check.maximum:.2e}, allowed is {check.allowed:.0e}; no bundle can vouch for it"
                )
        for whole in self.pyramid:
            if not whole.passed:
                raise ParityError(
                    f"whole pyramid (scale {len(self.scales) and self.scales[-1].scale}) at "
                    f"{whole.size[1]}x{whole.size[0]}: differs by {whole.maximum:.2e} "
                    f"(allowed {whole.allowed:.0e}), {whole.levels} grey levels (allowed {LEVEL_BUDGET}) in "
                    f"{whole.share:.3%} of the values (allowed {whole.allowed_share:.1%})"
                )


def compare(sampler: Sampler, frozen: FrozenPyramid) -> Parity:
    """Compare the sampler's graphs with the frozen networks. Raises nothing: see Parity.require."""
    plain = sampler.without_detail()
    scales = [
        check
        for scale in range(len(frozen.generators))
        for check in compare_scale(plain, frozen, scale)
    ]
    whole = [compare_pyramid(plain, frozen, size) for size in comparison.canvases(plain)]
    double: list[ScaleCheck] = []
    if sampler.photo is not None:
        for scale in range(len(sampler.manifest.pyramid.passes)):
            double += compare_double(sampler, frozen, scale)
    return Parity(tuple(scales), tuple(whole), tuple(double))


def compare_double(sampler: Sampler, frozen: FrozenPyramid, scale: int) -> Iterator[ScaleCheck]:
    """One scale in double precision at every size, against the network in double precision."""
    network = copy.deepcopy(frozen.generators[scale]).double()
    for noise, prev in comparison.inputs(sampler, scale):
        ours = sampler.graphs.generate(scale, noise, prev)
        with torch.no_grad():
            theirs = network(
                torch.from_numpy(noise).double(), torch.from_numpy(prev).double()
            ).numpy()
        batch, _, height, width = ours.shape
        yield ScaleCheck(
            scale, (batch, height, width), *comparison.difference(ours, theirs), DOUBLE_BUDGET
        )


def compare_scale(sampler: Sampler, frozen: FrozenPyramid, scale: int) -> Iterator[ScaleCheck]:
    """One scale at every size, on identical inputs."""
    for scaled, prev in comparison.inputs(sampler, scale):
        ours = sampler.graphs.generate(scale, scaled, prev)
        theirs = frozen.generate(scale, torch.from_numpy(scaled), torch.from_numpy(prev)).numpy()
        batch, _, height, width = ours.shape
        yield ScaleCheck(scale, (batch, height, width), *comparison.difference(ours, theirs))


def compare_pyramid(sampler: Sampler, frozen: FrozenPyramid, size: Size) -> PyramidCheck:
    """The cascade of the size at zoom 1 (or the largest legal one), torch and ONNX, on noise seed 0."""
    try:
        picture = sampler.picture(size, 1.0)
    except RequestError:
        picture = sampler.picture(size)
    unit = sampler.fresh(comparison.SEED)
    ours = sampler.run_generators(picture, unit)

    def draw(step: Step) -> torch.Tensor:
        scaled = unit(step) * np.float32(frozen.amplitudes[step.generator])
        return torch.from_numpy(np.ascontiguousarray(scaled))

    theirs = run(picture.passes, frozen.generate, draw).numpy()
    levels = np.abs(sampler.shown(ours).astype(int) - sampler.shown(theirs).astype(int))
    return PyramidCheck(
        size, *comparison.difference(ours, theirs), int(levels.max()), float((levels > 0).mean())
    )

"""Compare what is exported with what was trained, and hold every difference against a budget.

Both sides always get identical noise. Single generators are compared at many sizes (inputs.SIZES),
whole pictures on three canvases, and the fused graph of a model with detail on five pictures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from singan_core import cascade, windows
from singan_core.arrays import Floats, Pixels, Reals
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_export.budgets import BUDGETS, Budget, Comparison, Parity
from singan_export.inputs import (
    SEED,
    Inputs,
    list_canvases,
    list_pictures,
    list_requests,
    make_inputs,
    record_pictures,
)
from singan_export.rounding import follow_rounding
from singan_export.trained import TrainedGenerators
from singan_runtime.graphs import Graphs, list_digests
from singan_runtime.plan import Plan
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid

_MOST_PSNR = 200.0  # dB, reported for equal images


@dataclass(frozen=True)
class Opened:
    """A format that is ready to draw, by whichever of these calls its files allow."""

    format: str = ""  # its name in the table of formats, which fills it in
    generate: cascade.Generate | None = None  # one generator's image
    draw: Callable[[Plan, cascade.Draw], Floats] | None = None  # a picture from unit noise
    draw_pixels: Callable[[Size, Zoom, int], Pixels] | None = None  # a picture from its seed
    smallest: int = 1  # px, the least side of an image that generate can make


def open_graphs(sampler: Sampler) -> Opened:
    """Take the sampler's float32 graphs as the reference, where networks are missing."""
    return Opened("onnx", sampler.graphs.generate, sampler.run_generators)


def open_scales(folder: Path, sampler: Sampler) -> Opened:
    """Open a format that is a folder of graphs like the bundle's own, one for each scale.

    Raises BundleError when ONNX Runtime cannot load one.
    """
    manifest = sampler.manifest
    listed = list_digests(manifest, folder.name) or None  # a new format is listed later
    graphs = Graphs(folder, "cpu", sampler.graphs.threads, manifest.channels, listed)
    for scale in range(len(sampler.manifest.pyramid.sizes)):
        graphs.session(scale)
    draw = partial(sampler.run_generators, generate=graphs.generate)
    return Opened(generate=graphs.generate, draw=draw)


def open_networks(networks: TrainedPyramid, sampler: Sampler) -> Opened:
    """Take the trained networks as the reference, in the sampler's cascade."""
    generate = TrainedGenerators(networks.generators, double=False).generate
    return Opened("networks", generate, partial(sampler.run_generators, generate=generate))


# The bundle's own graphs


def compare_bundle(sampler: Sampler, networks: TrainedPyramid) -> Parity:
    """Compare all graphs of a bundle with the trained networks, without judging the result."""
    plain = sampler.without_detail()
    scales: list[Comparison] = []
    for scale in range(len(networks.generators)):
        ours = Opened("onnx", plain.graphs.generate)
        scales += compare_generator(ours, networks, plain, scale, BUDGETS["onnx"])

    pyramid = [compare_pyramid(plain, networks, size) for size in list_canvases(plain)]

    double: list[Comparison] = []
    if sampler.photo is not None:
        last = len(sampler.manifest.pyramid.passes)
        exact = TrainedGenerators(networks.generators[:last], double=True)
        for scale in range(last):
            ours, inputs = Opened("fp64", sampler.graphs.generate), make_inputs(sampler, scale)
            double += compare_scale(ours, exact.generate, plain, scale, inputs, BUDGETS["fp64"])
    return Parity(tuple(scales), tuple(pyramid), tuple(double))


def compare_generator(
    ours: Opened, networks: TrainedPyramid, sampler: Sampler, scale: int, budget: Budget
) -> list[Comparison]:
    """Compare one generator with its network, allowing what rounding does to the network."""
    trained = TrainedGenerators(networks.generators, double=False)

    def compare(ours: Opened, theirs: cascade.Generate) -> Iterator[Comparison]:
        return compare_scale(ours, theirs, sampler, scale, make_inputs(sampler, scale), budget)

    def measure_rounding() -> Iterator[Comparison]:
        exact = TrainedGenerators(networks.generators, double=True)
        return compare(Opened("networks", trained.generate), exact.generate)

    return follow_rounding(compare(ours, trained.generate), measure_rounding)


def compare_pyramid(sampler: Sampler, networks: TrainedPyramid, size: Size) -> Comparison:
    """Compare a whole picture with the one that torch draws, its resampling included.

    The zoom is 1, or the largest one that the size allows.
    """
    try:
        picture = sampler.plan(size, 1.0)
    except RequestError:
        picture = sampler.plan(size)
    unit_noise = sampler.create_noise(SEED)

    def make_noise(step: windows.Step) -> torch.Tensor:
        return torch.from_numpy(np.array(unit_noise(step)))

    ours = sampler.run_generators(picture, unit_noise)
    theirs = networks.sample(make_noise, picture.passes).numpy()
    check = compare_images("onnx", None, ours, theirs, sampler, BUDGETS["onnx"])

    def measure_rounding() -> Iterator[Comparison]:
        exact = networks.to_double().sample(lambda step: make_noise(step).double(), picture.passes)
        yield compare_images("networks", None, theirs, exact.numpy(), sampler, BUDGETS["onnx"])

    return follow_rounding([check], measure_rounding)[0]


# Further formats


def compare_format(
    opened: Opened, sampler: Sampler, networks: TrainedPyramid | None, budget: Budget
) -> tuple[str, list[Comparison]]:
    """Compare a format at every size that it draws, and name what it was compared with.

    That is 'sampler' for a format that draws whole pictures from their seeds, else 'networks', or
    'onnx' (the float32 graphs, which were compared with the networks) where networks are missing.
    """
    if opened.draw_pixels is not None:
        return "sampler", compare_pixels(opened, sampler, budget)

    plain = sampler.without_detail()
    reference = open_networks(networks, plain) if networks else open_graphs(plain)
    checks: list[Comparison] = []
    if opened.generate is not None:
        assert reference.generate is not None
        for scale in range(len(plain.manifest.pyramid.sizes)):
            if networks is not None and budget.psnr is None:
                checks += compare_generator(opened, networks, plain, scale, budget)
                continue

            # A format of few digits is made for the inputs that a pyramid really has.
            in_pictures = budget.psnr is not None and scale < len(plain.manifest.shapes)
            inputs = record_pictures(plain, scale) if in_pictures else make_inputs(plain, scale)
            checks += compare_scale(opened, reference.generate, plain, scale, inputs, budget)

    assert opened.draw is not None and reference.draw is not None
    for picture in list_pictures(plain):
        ours = opened.draw(picture, plain.create_noise(SEED))
        theirs = reference.draw(picture, plain.create_noise(SEED))
        checks.append(compare_images(opened.format, None, ours, theirs, plain, budget))
    return reference.format, checks


def compare_pixels(opened: Opened, sampler: Sampler, budget: Budget) -> list[Comparison]:
    """Compare pictures of several shapes, zooms and seeds, masks included, with Sampler's."""
    assert opened.draw_pixels is not None
    checks = []
    for seed, (size, zoom) in enumerate(list_requests(sampler)):
        ours = opened.draw_pixels(size, zoom, seed)
        theirs = sampler.draw_with_masks(sampler.plan(size, zoom), seed)
        checks.append(compare_pictures(opened.format, ours, theirs, budget))
    return checks


# One comparison


def compare_scale(
    ours: Opened,
    theirs: cascade.Generate,
    sampler: Sampler,
    scale: int,
    inputs: Iterable[Inputs],
    budget: Budget,
) -> Iterator[Comparison]:
    """Compare one generator on each of these inputs that is large enough for it."""
    assert ours.generate is not None
    for noise_in, prev in inputs:
        image = theirs(scale, noise_in, prev)
        if min(image.shape[2:]) >= ours.smallest:
            made = ours.generate(scale, noise_in, prev)
            yield compare_images(ours.format, scale, made, image, sampler, budget)


def compare_images(
    format: str, scale: int | None, ours: Reals, theirs: Reals, sampler: Sampler, budget: Budget
) -> Comparison:
    """Compare images (B, C, H, W) in [-1, 1], and the pixels that the sampler makes of them."""
    batch, _, height, width = theirs.shape
    pixels = sampler.to_pixels(ours), sampler.to_pixels(theirs)
    return _measure(format, scale, (batch, height, width), (ours, theirs), pixels, budget)


def compare_pictures(format: str, ours: Pixels, theirs: Pixels, budget: Budget) -> Comparison:
    """Compare pictures (h, w, C) in 8 bits."""
    height, width, _ = theirs.shape
    unit = np.float32(127.5)
    images = ours.astype(np.float32) / unit, theirs.astype(np.float32) / unit
    return _measure(format, None, (1, height, width), images, (ours, theirs), budget)


def _measure(
    format: str,
    scale: int | None,
    size: tuple[int, int, int],
    images: tuple[Reals, Reals],
    pixels: tuple[Pixels, Pixels],
    budget: Budget,
) -> Comparison:
    apart = np.abs(images[0].astype(np.float64) - images[1])
    maximum, rms = float(apart.max()), float(np.sqrt((apart**2).mean()))
    psnr = min(20 * math.log10(2 / rms), _MOST_PSNR) if rms else _MOST_PSNR

    steps = np.abs(pixels[0].astype(int) - pixels[1].astype(int))
    levels, share = int(steps.max()), float((steps > 0).mean())
    return Comparison(format, scale, size, maximum, rms, psnr, levels, share, budget)

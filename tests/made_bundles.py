"""Bundles of untrained networks: what a format computes does not depend on what was learned."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from torch import nn

from singan_core import encoding, noise
from singan_core import manifest as manifests
from singan_core.file_names import graph_name
from singan_core.pyramid import plan
from singan_export import generator_graph
from singan_runtime import Sampler
from singan_train.scale.networks import Generator
from singan_train.scale.trained_pyramid import TrainedPyramid

FOLDERS = ["torchscript", "pt2", "fused", "fp16", "int8"]
"""The folders of a bundle in many formats: all but Triton's, which has tests of its own."""


def networks(scales: int, channels: int, width: int = 8) -> list[Generator]:
    """Generators in eval mode whose residual is large enough to matter."""
    torch.manual_seed(0)
    made = [Generator(channels, width, norm=True).eval() for _ in range(scales)]
    for generator in made:
        for module in generator.net:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, 0.2)
    return made


def frozen(manifest: manifests.Manifest) -> TrainedPyramid:
    """The networks that make() makes graphs of."""
    made = networks(len(manifest.shapes), manifest.channels)
    return TrainedPyramid(manifest.pyramid, made, manifest.noise_amplitude, manifest.noise_channels)


def make(
    folder: Path,
    channels: int = 3,
    border: str = "zero",
    scales: int = 3,
    min_size: int = 20,
    labels=(),
) -> Path:
    """A bundle of 40x60 px; the coarsest scale's noise has one channel."""
    folder.mkdir(parents=True)
    pyramid = plan((40, 60), max_size=60, min_size=min_size, scales=scales)
    manifest = manifests.Manifest(
        kind="bundle",
        name="made",
        created="2026-01-01T00:00:00+00:00",
        tool_version="0",
        channels=channels,
        shapes=pyramid.shapes,
        scale_factor=pyramid.scale_factor,
        noise_amplitude=(1.0, *[0.1] * (scales - 1)),
        noise_channels=(1, *[channels] * (scales - 1)),
        border=border,
        preset="draft",
        photo_size=(40, 60),
        files={},
        labels=labels,
    )
    for scale, generator in enumerate(networks(scales, channels)):
        model = generator_graph.build(generator, generator_graph.make_metadata(manifest, scale))
        (folder / graph_name(scale)).write_bytes(model.SerializeToString(deterministic=True))
    z = noise.draw_for_canvas(0, 0, 0xFFFFFFFF, 1, pyramid.shapes[0], border)
    np.save(folder / "reconstruction_noise.npy", z)
    manifests.write(folder, dataclasses.replace(manifest, files=manifests.hash_files(folder)))
    sampler = Sampler.load(folder, device="cpu", threads=1)
    encoding.save(folder / "preview.png", sampler.reconstruct())
    manifests.write(folder, dataclasses.replace(manifest, files=manifests.hash_files(folder)))
    return folder

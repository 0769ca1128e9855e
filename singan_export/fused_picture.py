"""The fused format of a model with detail: one file that draws whole pictures, compared with Sampler byte for byte."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from singan_core.errors import RequestError
from singan_core.images import Pixels
from singan_core.manifest import Manifest
from singan_core.pyramid import Size, Zoom
from singan_export import comparison, graph, picture_graph
from singan_export.comparison import FormatCheck
from singan_runtime.graphs import graph_name, open_session
from singan_runtime.sampler import DOUBLE, Sampler

NAME = "picture.onnx"
_SIDE = 320  # px of the longer side of pictures to compare and to time


@dataclass(frozen=True)
class Facts:
    """What the file costs beside Sampler, on one thread of this machine's CPU."""

    bytes: int
    size: Size
    seconds: float  # a picture, the best of a few
    sampler_seconds: float

    def __str__(self) -> str:
        height, width = self.size
        return (
            f"fused: {self.bytes / 1e3:.0f} kB, the photo included, {self.seconds:.3f} s a picture of {width}x{height} "
            f"on this CPU (Sampler {self.sampler_seconds:.3f})"
        )


def write(bundle: Path, folder: Path, sampler: Sampler) -> None:
    """Write the graph of a bundle into an empty folder. Raises RequestError for a model without detail."""
    if sampler.photo is None:
        raise RequestError(
            f"{bundle}: has no detail levels; its fused graph is that of the generators"
        )
    scales = range(len(sampler.manifest.pyramid.passes))
    generators = [onnx.load(bundle / DOUBLE / graph_name(scale)) for scale in scales]
    model = picture_graph.Model(
        sampler.manifest, generators, sampler.amplitudes(), sampler.photo, sampler.masks
    )
    (folder / NAME).write_bytes(picture_graph.build(model).SerializeToString(deterministic=True))


def draw(session: Any, size: Size, seed: int, zoom: Zoom = "auto") -> list[NDArray[Any]]:
    """Draw a picture: pixels (h, w, C), map (h, w, 2) and, of a model with labels, masks (h, w, labels)."""
    number = 0.0 if zoom == "auto" else float(zoom)
    inputs = {
        "seed": np.array(seed, np.uint64),
        "size": np.array(size, np.int64),
        "zoom": np.array(number),
    }
    outputs: list[NDArray[Any]] = session.run(None, inputs)
    return outputs


def compare(path: Path, sampler: Sampler) -> list[FormatCheck]:
    """Compare pictures of several shapes, zooms and seeds with Sampler's: not a byte may differ.

    Raises BundleError when ONNX Runtime cannot load the file.
    """
    session = open_session(path, "cpu")
    checks = []
    for seed, (size, zoom) in enumerate(requests(sampler)):
        pixels, _, *masks = draw(session, size, seed, zoom)
        ours = np.concatenate([pixels, *masks], axis=2)
        checks.append(_check(ours, sampler.seeded(sampler.picture(size, zoom), seed)))
    return checks


def requests(sampler: Sampler) -> Sequence[tuple[Size, Zoom]]:
    """Sizes and zooms to compare: a small picture, a wide and a tall one, one as small as the hand-over, and a part."""
    height, width = sampler.size_within(_SIDE)
    coarse = sampler.manifest.pyramid.levels[0]
    return (
        ((height, width), "auto"),
        ((height // 2, width + 1), "auto"),
        ((height, max(width // 3, 1)), "auto"),
        ((coarse[0] + 2, coarse[1] - 1), "auto"),
        ((height, width - 1), 0.7),
    )


def _check(ours: Pixels, theirs: Pixels) -> FormatCheck:
    height, width, _ = theirs.shape
    images = (pixels.astype(np.float32) / np.float32(127.5) for pixels in (ours, theirs))
    maximum, rms = comparison.difference(*images)
    apart = np.abs(ours.astype(int) - theirs)
    psnr = comparison.find_psnr(rms)
    share, budget = float((apart > 0).mean()), comparison.NOTHING
    return FormatCheck(
        "fused", None, (1, height, width), maximum, rms, psnr, int(apart.max()), share, budget
    )


def check(path: Path, manifest: Manifest) -> None:
    """Check that it is one valid file whose inputs, outputs and metadata are the manifest's. Raises BundleError."""
    model = graph.read(path)
    outputs = {"pixels": manifest.channels, "map": 2}
    if manifest.labels:
        outputs["masks"] = len(manifest.labels)
    expected: dict[str, tuple[str | int, ...]] = {
        name: tuple(shape) for name, _, shape in picture_graph.INPUTS
    }
    expected |= {name: ("height", "width", depth) for name, depth in outputs.items()}
    graph.check_signature(path, model, expected)
    graph.check_metadata(path, model, picture_graph.metadata(manifest))


def find_facts(path: Path, sampler: Sampler) -> Facts:
    """Measure what the file costs, with a sampler of one thread. Raises BundleError."""
    session, size = open_session(path, "cpu"), sampler.size_within(_SIDE)
    seconds, others = [], []
    for seed in range(3):
        began = time.perf_counter()
        draw(session, size, seed)
        between = time.perf_counter()
        sampler.sample(size, seed)
        seconds.append(between - began)
        others.append(time.perf_counter() - between)
    return Facts(path.stat().st_size, size, min(seconds), min(others))

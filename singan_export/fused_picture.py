"""The fused format of a model with detail: one file that draws whole pictures, as Sampler does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.file_limits import MOST_FOLDER_BYTES
from singan_core.file_names import DOUBLE
from singan_core.listed_files import read_inside
from singan_core.manifest import Manifest
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_export import generator_graph
from singan_export.comparison import Opened
from singan_export.graphs import picture
from singan_runtime.graphs import open_session
from singan_runtime.sampler import Sampler
from singan_train.scale.trained_pyramid import TrainedPyramid

NAME = "picture.onnx"


def write(
    bundle: Path, folder: Path, sampler: Sampler, networks: TrainedPyramid | None = None
) -> None:
    """Write the graph of a bundle into an empty folder.

    Raises RequestError for a model without detail.
    """
    if sampler.photo is None:
        raise RequestError(
            f"{bundle}: has no detail levels; its fused graph is that of the generators"
        )

    scales = range(len(sampler.manifest.pyramid.passes))
    generators = [
        generator_graph.load(bundle / DOUBLE, sampler.manifest, scale, DOUBLE) for scale in scales
    ]
    model = picture.Model(
        sampler.manifest, generators, sampler.choose_amplitudes(), sampler.photo, sampler.masks
    )
    (folder / NAME).write_bytes(picture.build(model).SerializeToString(deterministic=True))


def check(folder: Path, manifest: Manifest) -> None:
    """Check that the file is one valid graph with the manifest's inputs, outputs and metadata.

    Raises BundleError.
    """
    path = folder / NAME
    model = generator_graph.read(path)
    outputs = {"pixels": manifest.channels, "map": 2}
    if manifest.labels:
        outputs["masks"] = len(manifest.labels)

    expected: dict[str, tuple[str | int, ...]] = {
        name: tuple(shape) for name, _, shape in picture.INPUTS
    }
    expected |= {name: ("height", "width", depth) for name, depth in outputs.items()}
    generator_graph.check_signature(path, model, expected)
    generator_graph.check_metadata(path, model, picture.make_metadata(manifest))


def open_format(folder: Path, sampler: Sampler) -> Opened:
    """Open the graph for drawing pixels and masks, (h, w, C + labels).

    Raises BundleError when ONNX Runtime cannot load it.
    """
    data = read_inside(folder, NAME, MOST_FOLDER_BYTES)
    session = open_session(folder / NAME, "cpu", data)

    def draw_pixels(size: Size, zoom: Zoom, seed: int) -> Pixels:
        pixels, _, *masks = draw(session, size, seed, zoom)
        return np.concatenate([pixels, *masks], axis=2)

    return Opened(draw_pixels=draw_pixels)


def draw(session: Any, size: Size, seed: int, zoom: Zoom = "auto") -> list[NDArray[Any]]:
    """Draw a picture: pixels (h, w, C), map (h, w, 2) and, with labels, masks (h, w, labels)."""
    number = 0.0 if zoom == "auto" else float(zoom)
    inputs = {
        "seed": np.array(seed, np.uint64),
        "size": np.array(size, np.int64),
        "zoom": np.array(number),
    }
    outputs: list[NDArray[Any]] = session.run(None, inputs)
    return outputs

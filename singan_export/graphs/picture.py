"""Write a whole model with detail as one ONNX graph: generators, detail levels and the photo.

Inputs: seed, a uint64 scalar; size, int64 (2,), height and width; zoom, a float64 scalar, 0 for the
automatic one and 1 at most. Outputs: pixels, uint8 (height, width, C); map, int32 (height, width,
2), the row and column of the photo that each pixel shows; masks, uint8 (height, width, labels) of 0
or 255, if the model has labels.

It computes in double precision up to the hand-over and in whole numbers from there on, so that the
pixels are those of Sampler, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from singan_core.detail.photo import Photo
from singan_core.detail.search import Weights
from singan_core.detail.votes import COARSE, FINE
from singan_core.manifest import Manifest
from singan_export import fused, generator_graph
from singan_export.graphs import labels, noise
from singan_export.graphs.coherence import LevelOutput, copy_level, find_near
from singan_export.graphs.control_flow import branch
from singan_export.graphs.resize import resize
from singan_export.graphs.search import search_level
from singan_export.graphs.sizes import Canvas, Sizes, write_sizes
from singan_export.graphs.values import OPSET, Value, add_constant, join
from singan_export.graphs.votes import premultiply, straighten
from singan_export.graphs.writer import Writer

INPUTS: tuple[tuple[str, int, list[int]], ...] = (
    ("seed", TensorProto.UINT64, []),
    ("size", TensorProto.INT64, [2]),
    ("zoom", TensorProto.DOUBLE, []),
)


@dataclass(frozen=True)
class Model:
    """Everything that the graph is made from."""

    manifest: Manifest
    generators: Sequence[onnx.ModelProto]  # in double precision, coarsest first, to the hand-over
    amplitudes: Sequence[float]  # of their noise
    photo: Photo
    masks: NDArray[np.bool_] | None  # (H, W, labels)


def build(model: Model) -> onnx.ModelProto:
    """Build the checked graph."""
    writer = Writer()
    seed, size, zoom = (
        Value(writer, name, kind)
        for name, kind in (("seed", np.uint64), ("size", np.int64), ("zoom", np.float64))
    )
    sizes = write_sizes(size, zoom, model.manifest.pyramid)
    drawn = draw_levels(model, sizes, draw_hand_over(model, seed, sizes))
    outputs = finish(model, sizes, drawn)

    depths = {"pixels": model.manifest.channels, "map": 2, "masks": len(model.manifest.labels)}
    outputs_info = []
    for name, value in outputs.items():
        element = helper.np_dtype_to_tensor_dtype(np.dtype(value.kind))
        shape: list[str | int | None] = ["height", "width", depths[name]]
        info = helper.make_tensor_value_info(value.rename(name).name, element, shape)
        outputs_info.append(info)
    inputs_info = [helper.make_tensor_value_info(*one) for one in INPUTS]
    constants = list(writer.constants.values())
    body = helper.make_graph(writer.nodes, "singan_picture", inputs_info, outputs_info, constants)
    return generator_graph.make_model(body, make_metadata(model.manifest), OPSET)


def make_metadata(manifest: Manifest) -> dict[str, str]:
    """Give the graph's metadata_props: those of the pyramid's graph, and the photo's size."""
    height, width = manifest.pyramid.finest
    return {**fused.make_metadata(manifest), "singan.photo_size": f"{width}x{height}"}


def draw_hand_over(model: Model, seed: Value, sizes: Sizes) -> Value:
    """Draw with the generators and round once to 8 bits, (h, w, C), int32, premultiplied."""
    writer, manifest = seed.writer, model.manifest
    key = noise.split_seed(seed)
    image = ""
    for scale, generator in enumerate(model.generators):
        channels, canvas = manifest.noise_channels[scale], sizes.generators[scale]
        unit = noise.write_noise(key, scale, channels, canvas, manifest.border)
        amplitude = np.full((1, manifest.channels, 1, 1), model.amplitudes[scale])
        scaled = unit * add_constant(writer, amplitude)

        shape = writer.add_node("Shape", scaled.name)
        zero = writer.add_constant(np.zeros(1))
        if image:
            prev = fused.enlarge(writer, image, shape, np.float64)
        else:
            prev = writer.add_node("Expand", zero, shape)

        image = f"image_{scale}"
        names = {"noise": scaled.name, "prev": prev, "image": image}
        writer.embed(generator.graph, f"scale_{scale}/", names)

    levels = (Value(writer, image, np.float64).gather(0).transpose(1, 2, 0) + 1.0) * 127.5
    return (levels + 0.5).apply("Floor").clip(0.0, 255.0).cast(np.int32)


# The levels


def draw_levels(model: Model, sizes: Sizes, query: Value) -> LevelOutput:
    """Draw every level that the size and the zoom ask for, from the picture at the hand-over."""
    entry = model.manifest.pyramid.entry
    if entry:
        query = resize(query, *sizes.levels[0])
    drawn = _search_level(model, 0, query)
    for number in range(1, entry + 1):
        drawn = LevelOutput(*_draw_level(model, sizes, number, drawn))
    for number in range(entry + 1, len(model.photo.sizes)):
        draw = partial(_draw_level, model, sizes, number, drawn)
        drawn = LevelOutput(*branch(sizes.draws[number], draw, partial(_skip_level, drawn)))
    return drawn


def _skip_level(below: LevelOutput) -> list[Value]:
    return below.values


def _draw_level(model: Model, sizes: Sizes, number: int, below: LevelOutput) -> list[Value]:
    canvas = sizes.levels[number]
    if model.photo.is_searched(number):
        query = resize(premultiply(below.pixels, model.manifest.channels), *canvas)
        return _search_level(model, number, query).values
    if number < len(model.photo.sizes) - 1:
        return _copy_level(model, number, below, canvas).values
    return _copy_last(model, sizes, below, canvas).values


def _search_level(model: Model, number: int, query: Value) -> LevelOutput:
    """Draw a level by full search. The first one gets a picture that was not enlarged."""
    assert model.manifest.detail is not None
    is_bordered = number < model.manifest.pyramid.entry
    weights = Weights(position=model.manifest.detail.position, bordered=is_bordered)
    level = model.photo.level(number)
    pixels, rows, columns = search_level(level, weights, query, sharp=number == 0)
    photo = add_constant(query.writer, level.matched).cast(np.int32)
    return LevelOutput(pixels, rows, columns, photo)


def _copy_level(model: Model, number: int, below: LevelOutput, canvas: Canvas) -> LevelOutput:
    """Draw a copied level below the last one, where the photo's size is known in advance."""
    level, writer = model.photo.level(number), below.pixels.writer
    straight = add_constant(writer, level.pixels).cast(np.int32)
    matched = add_constant(writer, level.matched).cast(np.int32)
    photo = straight, matched
    return copy_level(below, photo, canvas, level.basis, level.centre, COARSE)


def _copy_last(model: Model, sizes: Sizes, below: LevelOutput, canvas: Canvas) -> LevelOutput:
    """Draw the last level, for which the photo is resized to the picture's scale."""
    channels, basis = model.manifest.channels, model.photo.basis(len(model.photo.sizes) - 1)
    stored = add_constant(below.pixels.writer, model.photo.pixels).cast(np.int32)
    matched = resize(premultiply(stored, channels), *sizes.photo)
    straight = matched
    if channels == 4:
        # At its own size the photo keeps its stored colours, even where they are transparent.
        height, width = model.photo.sizes[-1]
        is_own_size = sizes.photo[0].equals(height) & sizes.photo[1].equals(width)
        (straight,) = branch(is_own_size, lambda: [stored], lambda: [straighten(matched, channels)])
    return copy_level(below, (straight, matched), canvas, basis, model.photo.centre, FINE)


# The outputs


def finish(model: Model, sizes: Sizes, drawn: LevelOutput) -> dict[str, Value]:
    """Write pixels, map and masks: resample what was drawn if its size is another, and cut it."""
    channels = model.manifest.channels
    height, width = (drawn.rows.get_length(axis) for axis in (0, 1))
    is_exact = height.equals(sizes.whole[0]) & width.equals(sizes.whole[1])

    def resample() -> list[Value]:
        pixels = straighten(resize(premultiply(drawn.pixels, channels), *sizes.whole), channels)
        rows = find_near(height, sizes.whole[0])
        columns = find_near(width, sizes.whole[1])
        maps = [one.gather(rows).gather(columns, axis=1) for one in (drawn.rows, drawn.columns)]
        return [pixels, *maps]

    def keep() -> list[Value]:
        return [drawn.pixels, drawn.rows, drawn.columns]

    pixels, *maps = branch(is_exact, keep, resample)

    # The map, from positions at the last level's size to those of the photo itself.
    positions = []
    for axis, (values, full) in enumerate(zip(maps, model.photo.sizes[-1], strict=True)):
        middles = (values.cast(np.int64) * 2 + 1) * full
        positions.append(middles.divide(drawn.photo.get_length(axis) * 2).cast(np.int32))
    whole = {
        "pixels": pixels.cast(np.uint8),
        "map": join([one.expand_dims(2) for one in positions], 2),
    }
    outputs = {name: _cut(value, sizes) for name, value in whole.items()}

    if model.masks is not None:
        is_enlarged = (sizes.whole[0] > height) | (sizes.whole[1] > width)
        (outputs["masks"],) = branch(
            is_enlarged,
            lambda: [_look_up(model.masks, outputs["map"])],
            lambda: [_cut(_vote_masks(model, sizes, drawn), sizes)],
        )
    return outputs


def _vote_masks(model: Model, sizes: Sizes, drawn: LevelOutput) -> Value:
    """Vote the masks of all that was drawn, with the weights of the level that drew it."""
    last = len(model.photo.sizes) - 1

    def vote(sigma: float) -> list[Value]:
        assert model.masks is not None
        return [labels.vote(model.masks, drawn, sigma)]

    if model.photo.is_searched(last):
        (shares,) = vote(COARSE)
    else:
        (shares,) = branch(sizes.draws[last], partial(vote, FINE), partial(vote, COARSE))
    return labels.cut(resize(shares, *sizes.whole))


def _look_up(masks: NDArray[np.bool_] | None, found: Value) -> Value:
    """Look up the masks at the photo's positions of a map (h, w, 2)."""
    assert masks is not None
    places = found.gather(0, axis=2) * masks.shape[1] + found.gather(1, axis=2)
    table = masks.reshape(-1, masks.shape[2]).astype(np.uint8) * np.uint8(255)
    return add_constant(found.writer, table).gather(places)


def _cut(whole: Value, sizes: Sizes) -> Value:
    """Cut the picture out of what the levels draw."""
    for axis, (start, side) in enumerate(zip(sizes.origin, sizes.picture, strict=True)):
        whole = whole.slice(axis, start, start + side)
    return whole

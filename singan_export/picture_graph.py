"""The whole pyramid of a model with detail as one ONNX graph: generators, detail levels and the photo.

Inputs: seed, uint64 without axes; size, int64 (2,), height and width; zoom, float64 without axes, 0 for the automatic
one, and 1 at most. Outputs: pixels, uint8 (height, width, C); map, int32 (height, width, 2), the row and column of the
photo that each pixel shows; masks, uint8 (height, width, labels) of 0 or 255, if the model has labels.

Up to the hand-over it computes in double precision, from there on in whole numbers: the pixels are Sampler's, byte for
byte. It does all the work of every level, of which the numpy engine skips what cannot change anything.
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
from singan_export import detail_label_graph, fused, graph, noise_graph
from singan_export.detail_copy_graph import Drawn, copy_level, find_near
from singan_export.detail_resize_graph import resize
from singan_export.detail_search_graph import settle
from singan_export.detail_size_graph import Canvas, Sizes, write_sizes
from singan_export.detail_vote_graph import premultiply, straighten
from singan_export.values import OPSET, Value, constant, either, join
from singan_export.writer import Writer

INPUTS: tuple[tuple[str, int, list[int]], ...] = (
    ("seed", TensorProto.UINT64, []),
    ("size", TensorProto.INT64, [2]),
    ("zoom", TensorProto.DOUBLE, []),
)


@dataclass(frozen=True)
class Model:
    """What the graph is made of."""

    manifest: Manifest
    generators: Sequence[
        onnx.ModelProto
    ]  # in double precision, coarsest first, up to the hand-over
    amplitudes: Sequence[float]  # of their noise
    photo: Photo
    masks: NDArray[np.bool_] | None


def build(model: Model) -> onnx.ModelProto:
    """Build the checked graph."""
    writer = Writer()
    seed, size, zoom = (
        Value(writer, name, kind)
        for name, kind in (("seed", np.uint64), ("size", np.int64), ("zoom", np.float64))
    )
    sizes = write_sizes(size, zoom, model.manifest.pyramid)
    drawn = draw_levels(model, sizes, hand_over(model, seed, sizes))
    outputs = finish(model, sizes, drawn)

    shapes = {"pixels": model.manifest.channels, "map": 2, "masks": len(model.manifest.labels)}
    told = [
        helper.make_tensor_value_info(
            one.named(name).name,
            helper.np_dtype_to_tensor_dtype(np.dtype(one.kind)),
            ["height", "width", shapes[name]],
        )
        for name, one in outputs.items()
    ]
    given = [helper.make_tensor_value_info(*one) for one in INPUTS]
    body = helper.make_graph(
        writer.nodes, "singan_picture", given, told, list(writer.constants.values())
    )
    return graph.model(body, metadata(model.manifest), OPSET)


def metadata(manifest: Manifest) -> dict[str, str]:
    """What the graph says of itself."""
    height, width = manifest.pyramid.finest
    return {**fused.metadata(manifest), "singan.photo_size": f"{width}x{height}"}


def hand_over(model: Model, seed: Value, sizes: Sizes) -> Value:
    """What the generators draw, rounded once to 8 bits, (h, w, C), int32."""
    writer, manifest = seed.writer, model.manifest
    key = noise_graph.split_seed(seed)
    image = ""
    for scale, generator in enumerate(model.generators):
        channels, canvas = manifest.noise_channels[scale], sizes.generators[scale]
        unit = noise_graph.write_noise(key, scale, channels, canvas, manifest.border)
        noise = unit * constant(
            writer, np.full((1, manifest.channels, 1, 1), model.amplitudes[scale])
        )
        shape = writer.node("Shape", noise.name)
        nothing = writer.constant(np.zeros(1))
        prev = (
            fused.enlarge(writer, image, shape, np.float64)
            if image
            else writer.node("Expand", nothing, shape)
        )
        image = f"image_{scale}"
        writer.embed(
            generator.graph, f"scale_{scale}/", {"noise": noise.name, "prev": prev, "image": image}
        )

    unit = (Value(writer, image, np.float64).gather(0).transpose(1, 2, 0) + 1.0) * 127.5
    return (unit + 0.5).apply("Floor").clip(0.0, 255.0).cast(np.int32)


def draw_levels(model: Model, sizes: Sizes, query: Value) -> Drawn:
    """Draw every level that the size and the zoom ask for, from what was handed over."""
    drawn = _search_level(model, 0, query)
    for number in range(1, len(model.photo.sizes)):
        draw, keep = partial(_draw_level, model, sizes, number, drawn), partial(_keep, drawn)
        drawn = Drawn(*either(sizes.draws[number], draw, keep))
    return drawn


def _keep(drawn: Drawn) -> list[Value]:
    return drawn.values


def _draw_level(model: Model, sizes: Sizes, number: int, below: Drawn) -> list[Value]:
    canvas = sizes.levels[number]
    if model.photo.is_searched(number):
        query = resize(premultiply(below.pixels, model.manifest.channels), *canvas)
        return _search_level(model, number, query).values
    if number < len(model.photo.sizes) - 1:
        return _copy_fixed(model, number, below, canvas).values
    return _copy_last(model, sizes, below, canvas).values


def _search_level(model: Model, number: int, query: Value) -> Drawn:
    assert model.manifest.detail is not None
    level, weights = model.photo.level(number), Weights(position=model.manifest.detail.position)
    pixels, rows, columns = settle(level, weights, query, sharp=number == 0)
    return Drawn(pixels, rows, columns, constant(query.writer, level.matched).cast(np.int32))


def _copy_fixed(model: Model, number: int, below: Drawn, canvas: Canvas) -> Drawn:
    """A copied level below the last one: the photo has the same size whatever the picture's."""
    level, writer = model.photo.level(number), below.pixels.writer
    photo = tuple(constant(writer, part).cast(np.int32) for part in (level.pixels, level.matched))
    return copy_level(below, (photo[0], photo[1]), canvas, level.basis, level.centre, COARSE)


def _copy_last(model: Model, sizes: Sizes, below: Drawn, canvas: Canvas) -> Drawn:
    """The last level, for which the photo is resized to the picture's scale."""
    channels, basis = model.manifest.channels, model.photo.basis(len(model.photo.sizes) - 1)
    stored = constant(below.pixels.writer, model.photo.pixels).cast(np.int32)
    matched = resize(premultiply(stored, channels), *sizes.photo)
    straight = matched
    if (
        channels == 4
    ):  # at its own size the stored colours themselves, also where nothing of them is seen
        height, width = model.photo.sizes[-1]
        whole = sizes.photo[0].equals(height) & sizes.photo[1].equals(width)
        (straight,) = either(whole, lambda: [stored], lambda: [straighten(matched, channels)])
    return copy_level(below, (straight, matched), canvas, basis, model.photo.centre, FINE)


def finish(model: Model, sizes: Sizes, drawn: Drawn) -> dict[str, Value]:
    """The picture, its map and its masks, cut out of what was drawn, which is resampled if its size is another."""
    channels = model.manifest.channels
    height, width = (drawn.rows.side(axis) for axis in (0, 1))
    exact = height.equals(sizes.whole[0]) & width.equals(sizes.whole[1])

    def fit() -> list[Value]:
        pixels = straighten(resize(premultiply(drawn.pixels, channels), *sizes.whole), channels)
        near = [find_near(old, new) for old, new in zip((height, width), sizes.whole, strict=True)]
        return [
            pixels,
            *(one.gather(near[0]).gather(near[1], axis=1) for one in (drawn.rows, drawn.columns)),
        ]

    pixels, rows, columns = either(exact, lambda: [drawn.pixels, drawn.rows, drawn.columns], fit)
    shown = [
        ((one.cast(np.int64) * 2 + 1) * full).divide(drawn.photo.side(axis) * 2).cast(np.int32)
        for axis, (one, full) in enumerate(zip((rows, columns), model.photo.sizes[-1], strict=True))
    ]
    outputs = {
        "pixels": pixels.cast(np.uint8),
        "map": join([one.expand_dims(2) for one in shown], 2),
    }
    outputs = {name: _cut(one, sizes) for name, one in outputs.items()}
    if model.masks is not None:
        larger = (sizes.whole[0] > height) | (sizes.whole[1] > width)
        (masks,) = either(
            larger,
            lambda: [_look_up(model.masks, outputs["map"])],
            lambda: [_cut(_vote(model, sizes, drawn), sizes)],
        )
        outputs["masks"] = masks
    return outputs


def _vote(model: Model, sizes: Sizes, drawn: Drawn) -> Value:
    """The masks of all that was drawn, by the weights of the level that drew it, resampled as its colours are."""
    assert model.masks is not None
    last = len(model.photo.sizes) - 1

    def by(sigma: float) -> list[Value]:
        assert model.masks is not None
        return [detail_label_graph.vote(model.masks, drawn, sigma)]

    if model.photo.is_searched(last):
        (shares,) = by(COARSE)
    else:
        (shares,) = either(sizes.draws[last], partial(by, FINE), partial(by, COARSE))
    return detail_label_graph.cut(resize(shares, *sizes.whole))


def _look_up(masks: NDArray[np.bool_] | None, found: Value) -> Value:
    """The masks at the photo's positions of a map (h, w, 2): beyond its size nothing is mixed."""
    assert masks is not None
    places = found.gather(0, axis=2) * masks.shape[1] + found.gather(1, axis=2)
    table = masks.reshape(-1, masks.shape[2]).astype(np.uint8) * np.uint8(255)
    return constant(found.writer, table).gather(places)


def _cut(whole: Value, sizes: Sizes) -> Value:
    for axis, (start, side) in enumerate(zip(sizes.origin, sizes.picture, strict=True)):
        whole = whole.slice(axis, start, start + side)
    return whole

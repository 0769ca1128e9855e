"""The graphs of detail levels compute what the numpy engine computes, piece by piece."""

import dataclasses

import numpy as np
import pytest
from detail_scenes import (
    canvases_of,
    draw_whole,
    drawing_of,
    guide_of,
    landscape,
    noise,
    photo_of,
    whole_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("onnx")

from small_graphs import Piece

from singan_core import fitting, manifest, pyramid
from singan_core import noise as field
from singan_core.detail import coherence, maps, patches, resize, search, slips, votes
from singan_core.detail.photo import premultiply, straighten
from singan_core.detail.votes import COARSE, FINE, Map
from singan_core.zooms import choose_zoom, settle_zoom
from singan_export.graphs import coherence as coherence_graph
from singan_export.graphs import noise as noise_graph
from singan_export.graphs import patches as patches_graph
from singan_export.graphs import resize as resize_graph
from singan_export.graphs import search as search_graph
from singan_export.graphs import sizes as sizes_graph
from singan_export.graphs import votes as votes_graph
from singan_export.graphs.values import add_constant, make_list

NUMBER, PICTURE, POSITIONS = ("int64", 0), ("int32", 3), ("int32", 2)


@pytest.fixture(scope="module", params=[1, 3, 4])
def photo(request):
    """A landscape of that many channels with four levels, of which the last is copied."""
    return photo_of(landscape(channels=request.param))


def written(writer, pixels):
    return add_constant(writer, pixels.astype(np.int32))


def tables_of(writer, level):
    parts = (written(writer, part) for part in (level.pixels, level.matched, level.blurred))
    return votes_graph.make_tables(*parts, channels=level.pixels.shape[2])


def random_map(rng, photo_size, canvas):
    rows, columns = (rng.integers(0, length, canvas).astype(np.int32) for length in photo_size)
    return Map(rows, columns)


# resampling


@pytest.fixture(scope="module")
def taps():
    return Piece(lambda writer, a, b: resize_graph.find_taps(a, b), a=NUMBER, b=NUMBER)


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 400))
def test_taps_are_those_of_the_engine(taps, n_in, n_out):
    indices, weights = taps(a=n_in, b=n_out)
    made = resize.compute_taps(n_in, n_out, False, 0, n_out)
    if n_in == n_out:  # of four taps one has all the weight
        assert np.array_equal(
            indices.T[np.arange(n_out), weights.argmax(axis=0)], made.indices[:, 0]
        )
        assert (weights.max(axis=0) == resize.UNIT).all() and (
            np.count_nonzero(weights, axis=0) == 1
        ).all()
    else:
        assert np.array_equal(indices.T, made.indices) and np.array_equal(weights.T, made.weights)


def test_pictures_of_extremes_are_resampled_as_by_the_engine():
    piece = Piece(
        lambda writer, pixels, height, width: [resize_graph.resize(pixels, height, width)],
        pixels=PICTURE, height=NUMBER, width=NUMBER,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for _ in range(60):
        *have, height, width = (int(side) for side in rng.integers(1, 80, 4))
        pixels = (rng.integers(0, 2, (*have, 3)) * 255).astype(np.uint8)
        ours = piece(pixels=pixels, height=height, width=width)[0]
        assert np.array_equal(ours, resize.resize(pixels, (height, width)))


# features, search, votes


@pytest.mark.parametrize("level", [0, -1])
def test_features_are_those_of_the_engine(photo, level):
    level = photo.level(level % len(photo.sizes))
    piece = Piece(
        lambda writer, pixels: [patches_graph.find_features(pixels, level.basis, level.centre)],
        pixels=PICTURE,
    )
    pixels = noise(21, 17, level.pixels.shape[2])
    ours = piece(pixels=pixels)[0].reshape(-1, level.basis.count)
    assert np.array_equal(ours, patches.compute_all_features(pixels, level.basis, level.centre))


@pytest.mark.parametrize("sharp", [True, False])
@pytest.mark.parametrize("position", [2.0, 0.0])
def test_the_search_finds_the_positions_of_the_engine(photo, sharp, position):
    level, weights = photo.level(1), search.Weights(position=position)

    def write(writer, query):
        keys = search_graph.write_keys(writer, level, weights, sharp)
        return [
            search_graph.search(keys, patches_graph.find_features(query, level.basis, level.centre))
        ]

    piece = Piece(write, query=PICTURE)
    channels = level.pixels.shape[2]
    for query in (
        guide_of(photo, (29, 47))(whole_of((29, 47))),
        noise(40, 31, channels),
        noise(1, 3, channels),
    ):
        height = len(query)
        found, _ = search.search(
            level, query, weights, (False, False), (np.arange(height), height), sharp
        )
        assert np.array_equal(piece(query=query)[0], found.rows * level.size[1] + found.columns)


def test_of_equal_patches_the_lowest_position_is_found_in_many_chunks_too(monkeypatch):
    """In a photo of stripes every patch exists a dozen times, and so does every score."""
    pixels = np.tile(np.uint8([[[40], [200], [90], [120]]]), (40, 12, 1))
    photo = photo_of(pixels, 20)
    level = photo.level(0)
    weights = search.Weights(position=0.0)
    monkeypatch.setattr(search_graph, "AT_ONCE", 7 * level.size[0] * level.size[1])

    def write(writer, query):
        keys = search_graph.write_keys(writer, level, weights, True)
        return [
            search_graph.search(keys, patches_graph.find_features(query, level.basis, level.centre))
        ]

    query = level.matched[:, :19]
    found, _ = search.search(level, query, weights, (False, False), None, True)
    assert np.array_equal(
        Piece(write, query=PICTURE)(query=query)[0], found.rows * level.size[1] + found.columns
    )


@pytest.mark.parametrize("sigma", [COARSE, FINE])
def test_votes_are_those_of_the_engine_where_all_the_work_is_done(photo, sigma):
    level, canvas = photo.level(len(photo.sizes) - 1), (23, 31)

    def write(writer, rows, columns, below):
        tables = tables_of(writer, level)
        positions = tables.locate(rows, columns)
        painted = [votes_graph.paint(tables, positions, sigma, one) for one in (below, None)]
        return [*painted, tables.get_rows(positions), tables.get_columns(positions)]

    piece = Piece(write, rows=POSITIONS, columns=POSITIONS, below=PICTURE)
    rng = np.random.default_rng(1)
    below = noise(*canvas, level.pixels.shape[2], seed=3)
    scattered = random_map(rng, level.size, canvas)
    joined = Map(np.sort(scattered.rows, axis=0), np.sort(scattered.columns, axis=1))
    for found in (scattered, joined):
        kept, plain, rows, columns = piece(rows=found.rows, columns=found.columns, below=below)
        assert np.array_equal(kept, votes.paint(level, found, sigma, below, everywhere=True))
        assert np.array_equal(plain, votes.paint(level, found, sigma))
        assert np.array_equal(rows, found.rows) and np.array_equal(columns, found.columns)


def test_colours_are_multiplied_by_alpha_and_divided_again_as_by_the_engine():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 4), np.uint8)
    pixels[:3, :, 3], pixels[3:6, :, 3] = 0, 255
    piece = Piece(
        lambda writer, pixels: [
            make(pixels, 4) for make in (votes_graph.premultiply, votes_graph.straighten)
        ],
        pixels=PICTURE,
    )
    darkened = premultiply(pixels)
    assert np.array_equal(piece(pixels=pixels)[0], darkened) and np.array_equal(
        piece(pixels=darkened)[1], straighten(darkened)
    )


# copied levels


@pytest.fixture(scope="module")
def copied(photo):
    """A copied level on any canvas, from a picture, its map and the photo's level below."""
    level, small = photo.level(3), photo.at(2)

    def write(writer, pixels, rows, columns, height, width):
        below = coherence_graph.LevelOutput(pixels, rows, columns, written(writer, small))
        now = written(writer, level.pixels), written(writer, level.matched)
        drawn = coherence_graph.copy_level(
            below, now, (height, width), level.basis, level.centre, FINE
        )
        return drawn.values

    return Piece(
        write, pixels=PICTURE, rows=POSITIONS, columns=POSITIONS, height=NUMBER, width=NUMBER
    )


@pytest.mark.parametrize(
    ("seed", "shape"), [(0, (1.0, 1.0)), (1, (0.7, 1.4)), (2, (1.5, 0.5)), (3, (0.3, 9.0))]
)
def test_a_copied_level_is_the_engine_s(photo, copied, seed, shape):
    canvases = canvases_of(photo, *shape)
    below, expected = (draw_whole(drawing_of(photo, canvases[:count], seed)) for count in (3, 4))
    height, width = canvases[3]
    ours = copied(
        pixels=below.pixels,
        rows=below.map.rows,
        columns=below.map.columns,
        height=height,
        width=width,
    )
    for one, theirs in zip(
        ours, (expected.pixels, expected.map.rows, expected.map.columns), strict=False
    ):
        assert np.array_equal(one, theirs)


def test_a_copied_level_of_joins_alone_is_the_engine_s(photo, copied):
    """No two neighbours of the map belong together, nor does the picture belong to it."""
    level, canvas, smaller = photo.level(3), (61, 75), (33, 40)
    below = random_map(np.random.default_rng(5), photo.sizes[2], smaller)
    pixels = noise(*smaller, level.pixels.shape[2])
    enlarged = resize.resize(premultiply(pixels), canvas)
    found = maps.enlarge_map(below, level, photo.sizes[2], canvas, smaller, whole_of(canvas))
    found = coherence.refine(level, slips.spread_slips(found), patches.pad(enlarged))
    ours = copied(
        pixels=pixels, rows=below.rows, columns=below.columns, height=canvas[0], width=canvas[1]
    )
    assert np.array_equal(ours[1], found.rows) and np.array_equal(ours[2], found.columns)
    assert np.array_equal(ours[0], votes.paint(level, found, FINE, enlarged))


# noise and sizes


@pytest.mark.parametrize("border", ["zero", "noise"])
@pytest.mark.parametrize(("scale", "channels"), [(0, 1), (2, 3)])
def test_noise_is_that_of_the_field(border, scale, channels):
    def write(writer, seed, height, width):
        return [
            noise_graph.write_noise(
                noise_graph.split_seed(seed), scale, channels, (height, width), border
            )
        ]

    piece = Piece(write, seed=("uint64", 0), height=NUMBER, width=NUMBER)
    for seed, size in ((0, (11, 12)), (2**64 - 6, (25, 37)), (7, (14, 15))):
        expected = field.draw_for_canvas(seed, scale, 0, channels, size, border, np.float64)
        ours = piece(seed=seed, height=size[0], width=size[1])[0][0]
        assert ours.shape == expected.shape and np.abs(ours - expected).max() < 4e-15


@pytest.fixture(scope="module", params=["small", "large", "small scene", "large scene"])
def fitted(request, detail_bundle):
    """A pyramid, and a graph that tells what draws a picture of a size and a zoom."""
    found = manifest.read(detail_bundle, "bundle").pyramid
    size, _, scene = request.param.partition(" ")
    if size == "large":
        levels = pyramid.plan_detail_levels((1080, 1920), found.shapes[-1])
        found = pyramid.Pyramid(found.shapes, found.scale_factor, False, levels, found.hand_over)
    if scene:
        found = dataclasses.replace(found, focus=(0.37, 0.8125))

    def write(writer, size, zoom):
        sizes = sizes_graph.write_sizes(size, zoom, found)
        told = [*sizes.generators, *sizes.levels, sizes.photo, sizes.whole, sizes.origin]
        return [*(make_list(writer, one) for one in told), *sizes.draws]

    return found, Piece(write, size=("int64", 1), zoom=("float64", 0))


@settings(deadline=None)
@given(
    st.integers(1, 1200),
    st.integers(1, 2100),
    st.sampled_from([0.0, 0.0, 1.0]) | st.floats(0.01, 1.0),
)
def test_sizes_are_those_of_the_fit(fitted, height, width, zoom):
    found, piece = fitted
    word = settle_zoom(found, "auto")
    usual = 1.0 if choose_zoom(found, (height, width), word) > 1 else word
    fit = fitting.fit(found, (height, width), zoom or usual)
    told = [value.tolist() for value in piece(size=(height, width), zoom=zoom)]
    generators, levels = len(found.passes), len(found.levels)
    canvases, photo, whole, origin = (
        told[generators : generators + levels],
        *told[generators + levels :][:3],
    )
    draws = told[generators + levels + 3 :]
    assert [tuple(canvas) for canvas in told[:generators]] == [step.canvas for step in fit.passes]
    assert [tuple(canvas) for canvas, does in zip(canvases, draws, strict=True) if does] == list(
        fit.levels
    )
    sizes = [*found.levels[:-1], tuple(photo)]
    assert [size for size, does in zip(sizes, draws, strict=True) if does] == list(fit.photo_sizes)
    assert (tuple(whole), tuple(origin)) == (fit.whole, fit.origin)

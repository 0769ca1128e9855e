"""Every shape of screen: one composition at every size, and any shape from a ribbon to a tower."""

import dataclasses

import numpy as np
import pytest

from singan_core import RECEPTIVE_FIELD
from singan_core.detail import resize
from singan_core.errors import RequestError
from singan_runtime import Sampler
from singan_runtime.edits.injection import inject
from singan_runtime.request import Request
from singan_runtime.serve import effort

SMALL = 64  # px, longer side at which compositions are compared


def reduced(pixels):
    factor = SMALL / max(pixels.shape[:2])
    return resize.resize(
        pixels, (round(pixels.shape[0] * factor), round(pixels.shape[1] * factor))
    ).astype(int)


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_shows_one_composition_at_every_size(detail_sampler, seed):
    small, *larger = (
        reduced(detail_sampler.sample((width * 9 // 16, width), seed)[0])
        for width in (320, 960, 1920)
    )
    for one in larger:
        apart = np.abs(one - small)
        assert apart.mean() <= 2 and apart.max() <= 16


@pytest.mark.parametrize(
    "shape", [(9, 21), (21, 9), (32, 9), (9, 32), (20, 1), (1, 20), (1, 1), (4, 3)]
)
def test_a_shape_has_the_same_canvases_at_every_size(detail_sampler, shape):
    fits = [detail_sampler.fit((shape[0] * unit, shape[1] * unit)) for unit in (37, 60, 100)]
    assert len({tuple(step.canvas for step in fit.passes) for fit in fits}) == 1
    assert min(min(step.canvas) for step in fits[0].passes) >= RECEPTIVE_FIELD
    common = min(len(fit.levels) for fit in fits) - 1  # the last level is the request's own
    assert len({fit.levels[:common] for fit in fits}) == 1


@pytest.mark.parametrize("size", [(200, 4000), (4000, 200), (30, 600), (600, 30), (1, 500)])
def test_ribbons_and_towers_are_drawn_and_windows_of_them_are_exact(detail_sampler, size):
    whole = detail_sampler.sample(size, 1)[0]
    assert whole.shape[:2] == size and whole.std() > 10
    y, x, height, width = size[0] // 3, size[1] // 3, max(1, size[0] // 4), max(1, size[1] // 4)
    part = detail_sampler.render(size, (y, x, height, width), 1)
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


@pytest.fixture(scope="module")
def scene_sampler(detail_sampler):
    """A model whose pictures of other shapes are cut out of scenes, around this focus."""
    found = detail_sampler.manifest
    detail = dataclasses.replace(found.detail, focus=(0.3, 0.8))
    found = dataclasses.replace(found, detail=detail)
    graphs, noise = detail_sampler.graphs, detail_sampler.reconstruction_noise
    return Sampler(found, graphs, noise, detail_sampler.max_pixels, detail_sampler.photo)


@pytest.mark.parametrize("start_scale", [0, 1])
def test_a_wide_or_tall_picture_is_a_part_of_the_photo_shaped_one(scene_sampler, start_scale):
    height, width = scene_sampler.trained_size
    whole = scene_sampler.sample((height, width), 3, start_scale=start_scale)[0]
    for size in ((height * 2 // 3, width), (height, width // 3)):
        top, left = scene_sampler.plan(size).fit.origin
        cut = whole[top : top + size[0], left : left + size[1]]
        drawn = scene_sampler.sample(size, 3, start_scale=start_scale)[0]
        np.testing.assert_array_equal(drawn, cut)


@pytest.mark.parametrize("shape", [(9, 16), (16, 9), (1, 4)])
def test_a_scene_shows_one_composition_at_every_size_and_exact_windows(scene_sampler, shape):
    small, *larger = (
        reduced(scene_sampler.sample((shape[0] * unit, shape[1] * unit), 2)[0])
        for unit in (40, 60, 80)
    )
    for one in larger:
        assert np.abs(one - small).mean() <= 2

    size = shape[0] * 23, shape[1] * 23
    whole = scene_sampler.sample(size, 5)[0]
    y, x, height, width = size[0] // 3, size[1] // 4, size[0] // 2, size[1] // 3
    part = scene_sampler.render(size, (y, x, height, width), 5)
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


def test_what_needs_the_whole_canvas_keeps_the_photo_s_height(detail_sampler, scene_sampler):
    """Seamless pictures, and pictures of an image, have no scene to be cut from."""
    size = (40, 160)
    plain = detail_sampler.sample(size, 1, tileable="x")
    np.testing.assert_array_equal(scene_sampler.sample(size, 1, tileable="x"), plain)
    np.testing.assert_array_equal(
        scene_sampler.sample(size, 1, zoom="height"), detail_sampler.sample(size, 1)
    )
    with pytest.raises(RequestError, match="for new pictures only"):
        inject(scene_sampler, scene_sampler.get_photo(), size, "scene", 1)


def test_a_part_of_a_scene_costs_only_itself(scene_sampler):
    effort.check_effort(scene_sampler, Request((2400, 400)))

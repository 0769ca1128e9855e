"""The levels of a pyramid of tiles show one picture, each half as large as the next."""

import numpy as np
import pytest
from PIL import Image

from singan_core.errors import RequestError
from singan_runtime.request import Request
from singan_runtime.serve import levels


def test_levels_halve_and_round_up():
    assert [levels.halve((5, 9), times) for times in range(5)] == [
        (5, 9), (3, 5), (2, 3), (1, 2), (1, 1),
    ]  # fmt: skip
    assert levels.count_halvings((5, 9)) == 4
    assert levels.count_halvings((1, 1)) == 0


def test_a_level_is_the_same_seed_and_shape_at_that_size(detail_sampler):
    request = Request((1400, 2200), seed=5)
    part = levels.draw_level(detail_sampler, request, 1, (100, 200, 50, 60))
    half = detail_sampler.draw(Request((700, 1100), seed=5))
    np.testing.assert_array_equal(part, half[100:150, 200:260])


def test_levels_show_the_same_content_at_a_zoom(detail_sampler):
    request = Request((1400, 2200), seed=5, zoom=4.0)
    half = levels.halve_request(request, 1)
    assert (half.size, half.zoom) == ((700, 1100), 2.0)


def test_a_level_differs_little_from_the_next_one_reduced(detail_sampler):
    request = Request((1400, 2200), seed=5)
    fine, coarse = (
        levels.draw_level(
            detail_sampler, request, times, (0, 0, *levels.halve((1400, 2200), times))
        )
        for times in (0, 1)
    )
    reduced = np.asarray(Image.fromarray(fine).reduce(2)).astype(float)
    other = detail_sampler.draw(Request((700, 1100), seed=6)).astype(float)
    step = np.abs(reduced - coarse).mean()
    assert step < 1
    assert step < 0.1 * np.abs(reduced - other).mean()


def test_the_smallest_levels_are_one_picture_reduced(detail_sampler):
    request = Request((1400, 2200), seed=5)
    smallest = levels.find_smallest(detail_sampler, request)
    assert smallest == 2
    drawn = detail_sampler.draw(levels.halve_request(request, smallest))
    eighth = levels.draw_level(detail_sampler, request, 3, (0, 0, 175, 275))
    reduced = np.asarray(Image.fromarray(drawn).reduce(2))
    np.testing.assert_allclose(eighth, reduced, atol=1)  # Pillow rounds a half up or down


def test_a_level_too_small_for_the_model_is_reduced_too(sampler):
    request = Request((20, 2000), seed=1)
    smallest = levels.find_smallest(sampler, request)
    assert smallest < 2
    assert levels.draw_level(sampler, request, 11, (0, 0, 1, 1)).shape == (1, 1, 3)


def test_levels_whose_zoom_would_show_everything_are_refused(detail_sampler):
    """At zoom 1 an overview of a huge picture would be drawn far larger than it is."""
    request = Request((2**20, 2**20), seed=1, zoom=1.0)
    smallest = levels.find_smallest(detail_sampler, request)
    assert 0 < smallest < 9
    assert levels.draw_level(detail_sampler, request, 0, (2**19, 0, 8, 8)).shape == (8, 8, 3)
    with pytest.raises(RequestError, match="pixels, over the limit"):
        levels.draw_level(detail_sampler, request, smallest + 1, (0, 0, 8, 8))

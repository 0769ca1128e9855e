"""Every shape of screen: one composition at every size, and any shape from a ribbon to a tower."""

import numpy as np
import pytest

from singan_core import RECEPTIVE_FIELD
from singan_core.detail import resize

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

"""Previous-scale samples: the pool that climbs with training."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_runs import SMALL  # noqa: E402

from singan_core import pyramid, resample  # noqa: E402
from singan_train.run import folder, header  # noqa: E402
from singan_train.scale import crops, sample_pool, trained_pyramid  # noqa: E402
from singan_train.scale.networks import Generator  # noqa: E402
from singan_train.scale.sample_pool import SamplePool  # noqa: E402
from singan_train.scale.trained_pyramid import TrainedPyramid  # noqa: E402

CPU = torch.device("cpu")


def small_pyramid(**changes):
    settings = dataclasses.replace(SMALL, **changes)
    plan = pyramid.Pyramid(((14, 20), (28, 40), (56, 80)), 0.5)
    start = header.RunHeader(settings, "small", "", (56, 80), 3, plan, "cpu", "")
    generators = [Generator(3, 8, norm=False) for _ in plan.shapes]
    done = []
    for scale, generator in enumerate(generators):
        noise_channels = 1 if scale == 0 else 3
        metadata = folder.ScaleMetadata(8, False, 3, 0.4, noise_channels, 0.0)
        done.append(folder.TrainedScale(metadata, generator, None))
    return start, done


@pytest.mark.parametrize("border", ["zero", "noise"])
def test_the_pool_climbs_by_one_pass_as_the_cascade_does(border):
    """Pool images of scale 2 equal the cascade of scales 0 and 1 on the same noise."""
    start, done = small_pyramid(border=border)
    values = [crops.seed_generator(start.config, n, -1, CPU) for n in (1, 2)]

    def unit(step):
        mask = crops.make_noise_mask(torch.zeros(1, 3, *step.canvas), border)
        return crops.draw_unit_noise(mask, 3, 1 if step.index == 0 else 3, values[step.index])

    below = TrainedPyramid.from_scales(start.pyramid, done[:2])
    cascades = [resample.resize(below.sample(unit), (56, 80)) for _ in range(4)]
    pool = SamplePool(start, CPU)
    pool.climb_to(2, done)
    assert torch.allclose(pool.images, torch.cat(cascades), atol=1e-6)


@pytest.mark.parametrize("block", [17, 30, 60])
def test_a_large_canvas_is_generated_in_parts_as_in_one(monkeypatch, block):
    generator = Generator(3, 8, norm=True).eval()
    noise, prev = torch.randn((2, 1, 3, 66, 87))
    with torch.no_grad():
        whole = generator(noise, prev)
    monkeypatch.setattr(trained_pyramid, "BLOCK", block)
    assert torch.allclose(trained_pyramid.generate_image(generator, noise, prev), whole, atol=1e-6)


def test_every_crop_is_of_a_sample_of_its_own():
    start, done = small_pyramid(windows=6, window=16)
    pool = SamplePool(start, CPU)
    pool.climb_to(2, done)
    pool.images[:] = torch.arange(4.0)[:, None, None, None]
    draw_prev = pool.climb_to(2, done)
    randomness = crops.Randomness(torch.Generator(), np.random.default_rng(1))
    places = crops.Crops((56, 80), start.config, randomness.positions)
    samples = draw_prev(places, randomness)
    assert len(set(samples.amax((1, 2, 3)).tolist())) > 1


def test_a_pool_of_large_images_is_smaller(monkeypatch):
    monkeypatch.setattr(sample_pool, "POOL_PIXELS", 20 * 28 * 40)
    start, done = small_pyramid(pool=32)
    pool = SamplePool(start, CPU)
    pool.climb_to(1, done)
    assert len(pool.images) == 20
    pool.climb_to(2, done)
    assert len(pool.images) == sample_pool.LEAST

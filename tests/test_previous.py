"""Previous-scale samples: the pool that climbs with training."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_runs import SMALL  # noqa: E402

from singan_core import pyramid, resample  # noqa: E402
from singan_train import frozen, previous, run, views  # noqa: E402
from singan_train.frozen import FrozenPyramid  # noqa: E402
from singan_train.networks import Generator  # noqa: E402
from singan_train.previous import Previous  # noqa: E402

CPU = torch.device("cpu")


def small_pyramid(**changes):
    settings = dataclasses.replace(SMALL, **changes)
    plan = pyramid.Pyramid(((14, 20), (28, 40), (56, 80)), 0.5)
    start = run.Start(settings, "small", "", (56, 80), 3, plan, "cpu", "")
    generators = [Generator(3, 8, norm=False) for _ in plan.shapes]
    facts = [run.Facts(8, False, 3, 0.4, 1 if n == 0 else 3, 0.0) for n in range(3)]
    return start, [run.TrainedScale(f, g, None) for f, g in zip(facts, generators, strict=True)]


@pytest.mark.parametrize("border", ["zero", "noise"])
def test_the_pool_climbs_by_one_pass_as_the_cascade_does(border):
    """Pool images of scale 2 equal the cascade of scales 0 and 1 on the same noise."""
    start, done = small_pyramid(border=border)
    values = [views.random(start.config, n, -1, CPU) for n in (1, 2)]

    def unit(step):
        mask = views.noise_mask(torch.zeros(1, 3, *step.canvas), border)
        return views.unit_noise(mask, 3, 1 if step.index == 0 else 3, values[step.index])

    below = FrozenPyramid.of(start.pyramid, done[:2])
    cascades = [resample.resize(below.sample(unit), (56, 80)) for _ in range(4)]
    climbing = Previous(start, CPU)
    climbing.at(2, done)
    assert torch.allclose(climbing.pool, torch.cat(cascades), atol=1e-6)


@pytest.mark.parametrize("block", [17, 30, 60])
def test_a_large_canvas_is_generated_in_parts_as_in_one(monkeypatch, block):
    generator = Generator(3, 8, norm=True).eval()
    noise, prev = torch.randn((2, 1, 3, 66, 87))
    with torch.no_grad():
        whole = generator(noise, prev)
    monkeypatch.setattr(frozen, "BLOCK", block)
    assert torch.allclose(frozen.generated(generator, noise, prev), whole, atol=1e-6)


def test_every_window_looks_at_a_sample_of_its_own():
    start, done = small_pyramid(windows=6, window=16)
    climbing = Previous(start, CPU)
    climbing.at(2, done)
    climbing.pool[:] = torch.arange(4.0)[:, None, None, None]
    draw_prev = climbing.at(2, done)
    draw = views.Draw(torch.Generator(), np.random.default_rng(1))
    windows = draw_prev(views.Views((56, 80), start.config, draw.positions), draw)
    assert len(set(windows.amax((1, 2, 3)).tolist())) > 1


def test_a_pool_of_large_images_is_smaller(monkeypatch):
    monkeypatch.setattr(previous, "POOL_PIXELS", 20 * 28 * 40)
    start, done = small_pyramid(pool=32)
    climbing = Previous(start, CPU)
    climbing.at(1, done)
    assert len(climbing.pool) == 20
    climbing.at(2, done)
    assert len(climbing.pool) == previous.LEAST

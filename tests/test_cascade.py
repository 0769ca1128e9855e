import numpy as np
import pytest

from singan_core import cascade
from singan_core.pyramid import Pass
from singan_core.resample import resize

PASSES = (Pass(0, 0, (12, 15)), Pass(1, 1, (18, 22)), Pass(2, 1, (25, 30), detail=0.5))


def silent(step):
    return np.zeros((1, 3, step.size[0] + 10, step.size[1] + 10), np.float32)


def adding(value):
    """A generator that adds a constant to the centre of prev and the noise."""
    return lambda scale, noise, prev: (noise + prev)[..., 5:-5, 5:-5] + np.float32(value)


def test_each_pass_gets_the_enlarged_image_with_a_border_of_zeros():
    seen = []

    def generate(scale, noise, prev):
        seen.append((scale, noise.shape, prev))
        return prev[..., 5:-5, 5:-5] + np.float32(scale + 1)

    cascade.run(PASSES, generate, silent)
    assert [(scale, shape) for scale, shape, _ in seen] == [
        (0, (1, 3, 22, 25)),
        (1, (1, 3, 28, 32)),
        (1, (1, 3, 35, 40)),
    ]
    assert not seen[0][2].any()
    second = seen[1][2]
    assert np.allclose(second[..., 5:-5, 5:-5], 1)
    assert not second[..., :5, :].any() and not second[..., :, -5:].any()


def test_a_start_image_is_resized_once_to_the_first_canvas():
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 9, 40)).astype(np.float32)
    made = cascade.run(PASSES[1:2], adding(0), silent, image)
    assert np.array_equal(made, resize(image, (18, 22)))


def test_noise_reaches_the_generator_by_index_of_the_pass():
    def draw(step):
        return silent(step) + np.float32(step.index + 1)

    made = cascade.run(
        [Pass(7, 1, (18, 22))], adding(0), draw, np.zeros((1, 3, 18, 22), np.float32)
    )
    assert np.all(made == 8)


def test_a_further_pass_can_shift_no_colour():
    """Beyond the finest scale, what its generator adds everywhere is taken away again."""
    without = cascade.run(PASSES[:2], adding(0.25), silent)
    beyond = cascade.run(PASSES, adding(0.25), silent)
    assert np.allclose(without, 0.5) and np.allclose(beyond, 0.5, atol=1e-6)


def test_a_further_pass_keeps_fine_detail():
    checks = np.indices((25, 30)).sum(axis=0) % 2 * np.float32(0.2) - np.float32(0.1)

    def generate(scale, noise, prev):
        return prev[..., 5:-5, 5:-5] + checks

    prev = np.zeros((1, 3, 18, 22), np.float32)
    made = cascade.run(PASSES[2:], generate, silent, prev)
    assert made.std() > 0.8 * 0.5 * checks.std()


def test_torch_and_numpy_agree():
    torch = pytest.importorskip("torch")

    def draw(step):
        rng = np.random.default_rng(step.index)
        return rng.normal(size=silent(step).shape).astype(np.float32)

    ours = cascade.run(PASSES, adding(0), draw)
    theirs = cascade.run(PASSES, adding(0), lambda step: torch.from_numpy(draw(step)))
    assert np.abs(ours - theirs.numpy()).max() < 1e-5

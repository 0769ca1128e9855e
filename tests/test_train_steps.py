"""One scale's training: networks, losses, and what an iteration does and sees."""

import dataclasses
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_runs import SMALL  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from singan_core import HALO  # noqa: E402
from singan_core.cascade import pad_halo  # noqa: E402
from singan_train import config, device, trainer  # noqa: E402
from singan_train.scale import crops, replay, steps, training  # noqa: E402
from singan_train.scale.networks import Discriminator, Generator  # noqa: E402

CPU = torch.device("cpu")
REAL = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_generator_is_tanh_of_five_convolutions_plus_the_centre_of_prev():
    generator = Generator(3, 8, norm=False)
    noise_, prev = torch.randn(2, 3, 31, 40), torch.randn(2, 3, 31, 40)
    value = noise_ + prev
    convolutions = [module for module in generator.net if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 5
    for number, layer in enumerate(convolutions):
        value = torch.nn.functional.conv2d(value, layer.weight, layer.bias)
        if number < 4:
            value = torch.where(value > 0, value, 0.2 * value)
    expected = torch.tanh(value) + prev[..., 5:-5, 5:-5]
    assert torch.allclose(generator(noise_, prev), expected, atol=1e-6)


def test_receptive_field_is_eleven_pixels():
    """A pixel of the output depends on exactly 11x11 inputs: the halo is 5, a crop is exact."""
    discriminator = Discriminator(1, 8, norm=False)
    image = torch.randn(1, 1, 31, 31, requires_grad=True)
    discriminator(image)[0, 0, 10, 10].backward()
    touched = torch.nonzero(image.grad[0, 0])
    assert touched.min(0).values.tolist() == [10, 10] and touched.max(0).values.tolist() == [20, 20]
    assert 2 * HALO + 1 == 11


def test_gradient_penalty_is_zero_for_unit_slope_and_one_for_a_constant():
    class Linear(torch.nn.Module):
        def __init__(self, slope):
            super().__init__()
            self.slope = torch.nn.Parameter(torch.tensor(slope))

        def input_gradient(self, image):
            return torch.cat(
                [self.slope.expand_as(image[:, :1]), torch.zeros_like(image[:, 1:])], dim=1
            )

    image = torch.randn(2, 3, 9, 9)
    for slope, penalty in ((1.0, 0), (0.0, 1), (3.0, 4)):
        assert steps.gradient_penalty(Linear(slope), image).item() == pytest.approx(penalty)


@pytest.mark.parametrize("norm", [False, True])
def test_input_gradient_is_the_one_of_autograd_and_so_are_its_own_gradients(norm):
    discriminator = Discriminator(3, 8, norm)
    image = torch.randn(2, 3, 19, 23)
    penalty = steps.gradient_penalty(discriminator, image)
    penalty.backward()
    ours = [None if p.grad is None else p.grad.clone() for p in discriminator.parameters()]
    discriminator.zero_grad()
    leaf = image.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(leaf).sum(), leaf, create_graph=True)
    theirs = ((gradient.norm(2, dim=1) - 1) ** 2).mean()
    theirs.backward()
    assert penalty.item() == pytest.approx(theirs.item(), rel=1e-5)
    for mine, parameter in zip(ours, discriminator.parameters(), strict=True):
        expected = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        assert torch.allclose(
            torch.zeros_like(parameter) if mine is None else mine, expected, atol=1e-5
        )


def make_data(border="noise", real=None, device="cpu"):
    real = (torch.rand(1, 3, 20, 24) * 2 - 1 if real is None else real).to(device)
    prev = torch.zeros_like(pad_halo(real))
    half = pad_halo(real * 0.5)
    mask = crops.make_noise_mask(real, border)
    return training.ScaleData(
        1,
        real,
        lambda places, _: places.cut(half, HALO),
        torch.zeros_like(prev),
        prev,
        mask,
        0.3,
        3,
    )


def make_state(settings):
    return steps.TrainingState.create(
        Generator(3, 8, norm=True), Discriminator(3, 8, norm=False), settings
    )


class Waiting(TorchDispatchMode):
    """Every operation whose result the host has to wait for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.overloadpacket in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero):
            self.found.append(str(function))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["draft", "paper"])
def test_an_iteration_never_waits_for_the_device(name):
    settings = config.make_config(name)
    state = make_state(settings)
    with Waiting() as waiting:
        losses = steps.run_iteration(
            settings, state, *training.make_batches(make_data(), settings, 0)
        )
    assert waiting.found == []
    with Waiting() as waiting:
        losses[0].item()
    assert len(waiting.found) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_replayed_iterations_equal_eager_ones():
    settings = dataclasses.replace(SMALL, iterations=20, fixed_statistics=False)
    ends = []
    for warm_up in (replay.WARM_UP, 1000):
        torch.manual_seed(0)
        networks = [
            network.to("cuda")
            for network in (Generator(3, 8, norm=True), Discriminator(3, 8, norm=False))
        ]
        state = steps.TrainingState.create(*networks, settings)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replay, "WARM_UP", warm_up)
            training.train_scale(make_data(device="cuda"), settings, state, lambda *_: None)
        ends.append(state.average[0].cpu())
    assert torch.allclose(*ends, atol=1e-4)


def test_bfloat16_is_for_processors_that_have_it_and_a_run_remembers_what_it_used(
    monkeypatch, drawn_scene
):
    for able, expected in (
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({}, "float32"),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert device.choose_precision(CPU) == expected
        assert (
            trainer.prepare_run(drawn_scene, config.make_config("draft"), CPU)[0].config.precision
            == expected
        )
        assert (
            trainer.prepare_run(drawn_scene, config.make_config("paper"), CPU)[0].config.precision
            == "float32"
        )
    assert device.choose_precision(torch.device("cuda")) == "float32"


def test_bfloat16_steps_are_close_to_those_in_float32():
    """Convolutions are rounded, weights, losses and what is trained are not."""
    losses = []
    for precision in ("float32", "bfloat16"):
        settings = dataclasses.replace(SMALL, precision=precision)
        torch.manual_seed(0)
        state = make_state(settings)
        losses.append(
            steps.run_iteration(
                settings, state, *training.make_batches(make_data(real=REAL), settings, 0)
            )
        )
        assert {parameter.dtype for parameter in state.generator.parameters()} == {torch.float32}
    assert losses[1].dtype == torch.float32
    assert torch.allclose(*losses, rtol=0.05, atol=0.02) and not torch.equal(*losses)


def test_every_generator_step_sees_a_fresh_fake():
    """The reference repeats its steps on one stale fake. Ours differ within an iteration."""
    seen = []
    settings = dataclasses.replace(
        SMALL, discriminator_steps=2, generator_steps=3, iterations=1, fixed_statistics=False
    )
    state = make_state(settings)
    state.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
    training.train_scale(make_data(), settings, state, lambda *_: None)
    fakes = [
        noise_ for noise_ in seen[: 2 + 2 * 3] if noise_.any()
    ]  # reconstructions have no noise
    assert len(fakes) == 2 + 3
    assert len({noise_.numpy().tobytes() for noise_ in fakes}) == 5


def test_statistics_are_fixed_when_the_learning_rate_drops():
    """From then on the generator runs, and ends, on what whole canvases have shown."""
    settings = dataclasses.replace(SMALL, iterations=10, decay_at=0.7)
    state, modes, statistics = make_state(settings), [], set()

    def look(module, inputs):
        modes.append((state.iteration, module.training))
        if not module.training:
            statistics.add(module.net[1].running_mean.numpy().tobytes())

    state.generator.register_forward_pre_hook(look)
    training.train_scale(make_data(), settings, state, lambda *_: None)
    assert all(training for iteration, training in modes if iteration < 7)
    assert not any(training for iteration, training in modes if iteration > 7)
    assert statistics == {state.generator.net[1].running_mean.numpy().tobytes()}


def test_the_average_reaches_back_over_a_share_of_the_last_iterations():
    settings = dataclasses.replace(SMALL, averaging=0.5)
    state = make_state(settings)
    values = []
    for count in range(-3, 9):
        for parameter in state.generator.parameters():
            parameter.data.fill_(float(count))
        training.update_average(settings, state, count)
        values.append(float(state.average[0].flatten()[0]))
    assert values[:6] == list(range(-3, 3))  # before the drop, and as long as half the count is one
    assert values[6] == pytest.approx(2 / 3 * 3 + 1 / 3 * 2)
    assert values[-1] < 8 - 1
    last = dataclasses.replace(settings, averaging=0.0)
    training.update_average(last, state, 100)
    assert float(state.average[0].flatten()[0]) == 8


def test_randomness_is_a_function_of_seed_scale_and_iteration():
    def draw(seed, level, iteration):
        generator = crops.seed_generator(
            dataclasses.replace(SMALL, seed=seed), level, iteration, CPU
        )
        return torch.randn(3, generator=generator).tolist()

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert (
        len({tuple(draw(*key)) for key in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (1, 2, -1))})
        == 5
    )


@pytest.mark.parametrize("border", ["zero", "noise"])
def test_noise_fills_the_border_as_the_border_mode_says(border):
    mask = crops.make_noise_mask(torch.zeros(1, 3, 20, 24), border)
    made = crops.draw_unit_noise(mask, 3, 1, torch.Generator().manual_seed(0))
    assert made.shape == (1, 3, 30, 34)
    assert torch.equal(made[:, 0], made[:, 1])
    assert bool(made[..., :5, :].any()) == (border == "noise")
    assert made[..., 5:-5, 5:-5].std() == pytest.approx(1, abs=0.15)


def test_crops_cover_the_canvas_and_its_edges():
    settings = dataclasses.replace(SMALL, windows=4, window=16)
    hits = np.zeros((60, 80), int)
    for seed in range(300):
        places = crops.Crops((60, 80), settings, np.random.default_rng(seed))
        for y, x in places.corners:
            hits[y : y + 16, x : x + 16] += 1
    assert hits.min() > 0.05 * hits.max()  # uniform positions would leave a corner 1/256 of a share
    image = torch.arange(60 * 80.0).reshape(1, 1, 60, 80)
    padded = torch.nn.functional.pad(image, (HALO,) * 4)
    assert torch.equal(places.cut(padded, HALO)[..., HALO:-HALO, HALO:-HALO], places.cut(image))


def test_a_loss_that_became_nan_stops_the_scale():
    broken = make_data(real=torch.full((1, 3, 20, 24), math.nan))
    settings = dataclasses.replace(SMALL, iterations=1)
    with pytest.raises(
        training.DivergenceError,
        match="scale 1: the loss became NaN or infinite at iteration 1",
    ):
        training.train_scale(broken, settings, make_state(settings), lambda *_: None)

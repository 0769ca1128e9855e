"""One scale's training, the pyramid's training, and the run folder."""

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from small_runs import SMALL, files_of, results, train  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from singan_core import HALO, images, manifest, noise, resample  # noqa: E402
from singan_core.cascade import pad_halo  # noqa: E402
from singan_core.errors import RequestError, TrainingError  # noqa: E402
from singan_core.lock import LOCK  # noqa: E402
from singan_train import config, device, trainer  # noqa: E402
from singan_train.run.folder import METRICS, read_scale  # noqa: E402
from singan_train.run.header import read_header  # noqa: E402
from singan_train.scale import crops, replay, setup, steps, training  # noqa: E402
from singan_train.scale.networks import Discriminator, Generator  # noqa: E402
from singan_train.scale.trained_pyramid import TrainedPyramid  # noqa: E402

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


def test_paper_preset_has_the_paper_s_numbers():
    paper = config.make_config("paper")
    assert (paper.min_size, paper.max_size, paper.scale_factor) == (25, 250, 0.75)
    assert [paper.width_at(n) for n in range(13)] == [32] * 4 + [64] * 4 + [128] * 5
    assert paper.generator_norm and paper.discriminator_norm
    assert (paper.iterations, paper.discriminator_steps, paper.generator_steps) == (2000, 3, 3)
    assert (paper.learning_rate, paper.betas, paper.decay_at, paper.decay) == (
        5e-4,
        (0.5, 0.999),
        0.8,
        0.1,
    )
    assert (paper.gradient_penalty_weight, paper.reconstruction_weight, paper.noise_weight) == (
        0.1,
        10,
        0.1,
    )
    assert {paper.iterations_for(size) for size in ((25, 33), (250, 250))} == {2000}
    assert paper.windows == 0 and paper.pool == 0  # whole pictures, drawn anew for every step
    with pytest.raises(
        RequestError, match="unknown preset 'thesis': choose draft, standard, paper"
    ):
        config.make_config("thesis")


@pytest.mark.parametrize(
    "changes", [{"min_size": 3}, {"max_size": 9000}, {"iterations": 0}, {"border": "fog"}]
)
def test_impossible_settings_are_refused(changes):
    with pytest.raises(RequestError, match=next(iter(changes)).replace("_", " ")):
        config.make_config("draft", **changes)


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


def breaking(monkeypatch, times):
    """Make the loss of scale 1 infinite at its 20th iteration, so many times."""
    seeds = []
    real_make_batches = training.make_batches

    def make_batches(data, settings, iteration):
        discriminator_batches, generator_batches = real_make_batches(data, settings, iteration)
        if data.scale == 1 and iteration == 19 and len(seeds) < times:
            seeds.append(settings.seed)
            generator_batches = [
                batch._replace(real=batch.real * math.inf) for batch in generator_batches
            ]
        return discriminator_batches, generator_batches

    monkeypatch.setattr(training, "make_batches", make_batches)
    return seeds


def test_a_scale_that_fails_once_is_begun_again_with_another_seed(
    monkeypatch, drawn_scene, tmp_path
):
    seeds = breaking(monkeypatch, 1)
    run = train(drawn_scene, tmp_path / "run")
    assert seeds == [0]
    assert "the loss became NaN or infinite at iteration 20" in (run / METRICS).read_text()
    assert len(manifest.read(run, "run").shapes) == 4


def test_a_scale_that_fails_twice_stops_training_with_the_way_out(
    monkeypatch, drawn_scene, tmp_path
):
    seeds = breaking(monkeypatch, 2)
    with pytest.raises(
        TrainingError, match="NaN or infinite at iteration 20, with two seeds; use another photo"
    ):
        train(drawn_scene, tmp_path / "run")
    assert seeds == [0, 2**63]
    assert (tmp_path / "run" / "scale_00").exists() and not (tmp_path / "run" / "scale_01").exists()


def test_a_run_holds_what_the_design_says(small_run):
    found = manifest.read(small_run, "run")
    start = read_header(small_run)
    assert found.shapes == start.pyramid.shapes and len(found.shapes) == 4
    assert found.noise_channels == (1, 3, 3, 3)
    for n in range(4):
        names = {path.name for path in (small_run / f"scale_{n:02d}").iterdir()}
        assert names == {
            "generator.safetensors",
            "discriminator.safetensors",
            "real.png",
            "reconstruction.png",
            "sheet.png",
        }
    assert [path.name for path in small_run.glob(".*")] == [LOCK]  # nothing half-written


def test_the_contact_sheet_shows_what_the_model_draws(small_run, tmp_path):
    """Photo, reconstruction, seeds 0 to 3 and a wide one, as the runtime draws them."""
    pytest.importorskip("onnx")
    from singan_export import bundle
    from singan_runtime import Sampler

    with Image.open(small_run / "scale_03" / "sheet.png") as image:
        sheet = np.asarray(image)
    height, width, factor, gap = 31, 42, 240 // 42, 4
    assert sheet.shape == (4 * height * factor + 3 * gap, 2 * width * factor + gap, 3)
    bundle.export(small_run, tmp_path / "bundle")
    sampler = Sampler.load(tmp_path / "bundle")
    for seed in range(4):
        top = (1 + seed // 2) * (height * factor + gap)
        left = (seed % 2) * (width * factor + gap)
        tile = sheet[top : top + height * factor : factor, left : left + width * factor : factor]
        assert np.abs(tile.astype(int) - sampler.sample(seed=seed, zoom=1.0)[0]).max() <= 1


def test_z_star_is_one_channel_of_the_field_drawn_once(small_run):
    z = np.load(small_run / "reconstruction_noise.npy")
    assert z.shape == (1, 24, 29)
    field = noise.draw_field(SMALL.seed, 0, noise.RECONSTRUCTION_FRAME, 1, 0, 0, 14, 19)
    assert np.array_equal(z[:, 5:-5, 5:-5], field)
    assert not z[:, :5].any() and not z[:, :, -5:].any()


def test_noise_amplitude_is_a_tenth_of_the_rmse_of_the_enlarged_reconstruction(
    small_run, drawn_scene
):
    start = read_header(small_run)
    scales = [read_scale(small_run, n) for n in range(4)]
    assert scales[0].metadata.noise_amplitude == 1
    image = images.read(drawn_scene)
    z = torch.from_numpy(np.load(small_run / "reconstruction_noise.npy"))[None].expand(
        -1, 3, -1, -1
    )
    for n in (1, 2, 3):
        below = resample.resize(
            TrainedPyramid.from_scales(start.pyramid, scales[:n]).reconstruct(z),
            start.pyramid.shapes[n],
        )
        real = torch.from_numpy(resample.resize(image, start.pyramid.shapes[n]))
        expected = 0.1 * float((real - below).square().mean().sqrt())
        assert scales[n].metadata.noise_amplitude == pytest.approx(expected, rel=1e-5)


def test_a_scale_begins_with_the_weights_of_the_one_below_when_the_width_agrees(
    small_run, drawn_scene
):
    start = read_header(small_run)
    below = read_scale(small_run, 0)
    image = torch.from_numpy(resample.resize(images.read(drawn_scene), start.pyramid.shapes[1]))
    z = torch.from_numpy(np.load(small_run / "reconstruction_noise.npy"))[None].expand(
        -1, 3, -1, -1
    )
    data = setup.make_scale_data(1, image, start, [below], z, lambda *_: image)

    def same(settings):
        made = setup.create_state(data, settings, 3, [below])
        return torch.equal(made.generator.net[0].weight, below.generator.net[0].weight)

    assert same(start.config)
    assert not same(dataclasses.replace(start.config, width_doubles_every=1))


def test_training_lowers_the_reconstruction_error(small_run):
    rows = [json.loads(line) for line in (small_run / METRICS).read_text().splitlines()]
    for n in range(4):
        of_scale = [row for row in rows if row["scale"] == n]
        assert of_scale[-1]["done"] and of_scale[-1]["seconds"] > 0
        assert {"noise_amplitude", "rmse", "width"} <= set(of_scale[-1])
        assert {"real", "fake", "gradient_penalty", "adversarial", "rmse"} <= set(of_scale[0])
    assert rows[-1]["rmse"] < 0.5 * _rmse_of_black(small_run)


def _rmse_of_black(run):
    with Image.open(run / "scale_03" / "real.png") as image:
        return float(np.sqrt(((np.asarray(image) / 127.5 - 1) ** 2).mean()))


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    small_run, drawn_scene, tmp_path
):
    settings = dataclasses.replace(SMALL, iterations=3)
    first = files_of(train(drawn_scene, tmp_path / "a", settings))
    again = files_of(train(drawn_scene, tmp_path / "b", settings))
    other = files_of(train(drawn_scene, tmp_path / "c", dataclasses.replace(settings, seed=1)))
    name = "scale_03/generator.safetensors"
    assert results(first) == results(again)
    assert first[name] != other[name]


@pytest.mark.parametrize(
    ("mode", "channels", "settings"),
    [
        ("L", 1, {}),
        ("RGBA", 4, {}),
        ("RGB", 3, {"border": "noise"}),
        ("RGB", 3, {"generator_norm": False}),
        (
            "RGB",
            3,
            {"discriminator_norm": True, "pool": 0, "discriminator_steps": 2, "generator_steps": 2},
        ),
        ("RGB", 3, {"windows": 4, "window": 14}),
        ("RGB", 3, {"width_doubles_every": 2}),
    ],
)
def test_every_kind_of_photo_and_setting_trains(tmp_path, drawn_scene, mode, channels, settings):
    with Image.open(drawn_scene) as image:
        photo = image.convert(mode)
    if mode == "RGBA":
        photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(tmp_path / "photo.png")
    run = train(
        tmp_path / "photo.png",
        tmp_path / "run",
        dataclasses.replace(SMALL, iterations=2, **settings),
    )
    assert manifest.read(run, "run").channels == channels


def test_devices_are_strict():
    assert device.choose_device("cpu").type == "cpu"
    with pytest.raises(
        RequestError, match="unknown device 'tpu': choose auto, cpu, cuda, cuda:N, mps, xpu"
    ):
        device.choose_device("tpu")
    if not torch.cuda.is_available():
        assert device.choose_device("auto").type == "cpu"
        with pytest.raises(RequestError, match=r"device cuda:0: .* or use --device cpu"):
            device.choose_device("cuda:0")


@pytest.mark.parametrize(("name", "part"), [("mps", "backends.mps"), ("xpu", "xpu")])
def test_gpus_of_apple_and_intel_are_passed_on_to_pytorch_or_refused(monkeypatch, name, part):
    monkeypatch.setattr(f"torch.{part}.is_available", lambda: False)
    with pytest.raises(RequestError, match=f"device {name}: PyTorch finds no .* --device cpu"):
        device.choose_device(name)
    monkeypatch.setattr(f"torch.{part}.is_available", lambda: True)
    assert device.choose_device(name) == torch.device(name)
    assert device.choose_precision(torch.device(name)) == "float32"


def test_what_a_user_needs_is_exported_by_name():
    import singan_train

    for name in singan_train.__all__:
        assert getattr(singan_train, name) is not None
    assert singan_train.train is trainer.train and singan_train.make_config is config.make_config
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        singan_train.predict  # noqa: B018


def test_settings_are_read_without_loading_torch():
    """The command line shows presets in its help, which must not take seconds."""
    code = "import singan_train, sys; singan_train.PRESETS; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

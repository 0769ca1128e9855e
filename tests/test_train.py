"""The pyramid's training, and the run folder."""

import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from file_contents import files_of
from PIL import Image

torch = pytest.importorskip("torch")

from small_runs import SMALL, results, train  # noqa: E402

from singan_core import images, manifest, noise, resample  # noqa: E402
from singan_core.errors import RequestError, TrainingError  # noqa: E402
from singan_core.lock import LOCK  # noqa: E402
from singan_train import config, device, trainer  # noqa: E402
from singan_train.run.folder import METRICS, read_scale  # noqa: E402
from singan_train.run.header import read_header  # noqa: E402
from singan_train.scale import setup, training  # noqa: E402
from singan_train.scale.trained_pyramid import TrainedPyramid  # noqa: E402


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

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from singan_export import bundle, verify  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_train import config, trainer  # noqa: E402


@pytest.mark.parametrize("iterations", [3, pytest.param(40, marks=pytest.mark.slow)])
def test_photo_to_verified_bundle_to_exact_sizes(tmp_path, iterations):
    torch.set_num_threads(1)
    values = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(values).resize((48, 36), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    settings = config.preset("draft", min_size=14, max_size=40, iterations=iterations)
    trainer.train(tmp_path / "photo.png", tmp_path / "run", settings, torch.device("cpu"))
    assert bundle.export(tmp_path / "run", tmp_path / "bundle").passed
    assert verify.verify(tmp_path / "bundle", tmp_path / "run").preview_levels <= 1
    sampler = Sampler.load(tmp_path / "bundle", threads=1)
    assert sampler.sample((61, 83), seed=5, count=2).shape == (2, 61, 83, 3)
    batch, alone = sampler.sample(seed=5, count=2), sampler.sample(seed=6)
    assert np.array_equal(batch[1], alone[0])

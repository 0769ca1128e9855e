"""Degenerate photos train to a usable model, or are refused with a reason."""

import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from small_runs import SMALL, train  # noqa: E402

from singan_core.errors import RequestError  # noqa: E402
from singan_export import bundle  # noqa: E402
from singan_runtime import Sampler  # noqa: E402

RNG = np.random.default_rng(0)
PHOTOS = {
    "one colour": np.full((40, 60, 3), (200, 30, 90), np.uint8),
    "black": np.zeros((40, 60, 3), np.uint8),
    "white": np.full((40, 60, 3), 255, np.uint8),
    "noise": RNG.integers(0, 256, (40, 60, 3), np.uint8),
    "hardly larger than the coarsest scale": RNG.integers(0, 256, (26, 26, 3), np.uint8),
    "as large as the coarsest scale": RNG.integers(0, 256, (25, 25, 3), np.uint8),
    "one bit": RNG.integers(0, 2, (40, 60), np.uint8) * 255,
    "very wide": RNG.integers(0, 256, (30, 400, 3), np.uint8),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_degenerate_photos_train_and_draw(tmp_path, kind):
    photo = PHOTOS[kind]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    settings = dataclasses.replace(SMALL, min_size=25, max_size=400, iterations=20, width=8)
    flat = kind in ("one colour", "black", "white")
    with pytest.warns(UserWarning, match="one colour all over") if flat else nullcontext():
        run = train(tmp_path / "photo.png", tmp_path / "run", settings)
    assert bundle.export(run, tmp_path / "bundle").passed
    sampler = Sampler.load(tmp_path / "bundle")
    made = sampler.sample((50, 70), count=2).astype(int)
    if flat:
        assert np.abs(sampler.reconstruct().astype(int) - photo[0, 0]).mean() < 30
    assert made.shape[:3] == (2, 50, 70)


def test_a_photo_too_thin_for_its_size_is_refused_with_the_size_that_would_do(tmp_path):
    Image.fromarray(RNG.integers(0, 256, (30, 2000, 3), np.uint8)).save(tmp_path / "photo.png")
    with pytest.raises(
        RequestError, match="raise the maximal size to at least 1667 or crop the photo"
    ):
        train(
            tmp_path / "photo.png",
            tmp_path / "run",
            dataclasses.replace(SMALL, min_size=25, max_size=250),
        )

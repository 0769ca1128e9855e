"""What a photo must hold to be trained on, and photos larger than what is kept of them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from awkward_pictures import H, W, saved, scene  # noqa: E402

from singan_core.errors import ImageError  # noqa: E402
from singan_train import config, trainer  # noqa: E402

DETAIL = config.make_config("draft", max_size=400)
PLAIN = config.make_config("draft", detail=False)


def begin(path, settings=DETAIL, masks=()):
    return trainer.prepare_run(path, settings, torch.device("cpu"), masks)


def test_a_photo_of_one_colour_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="one colour all over, and so will its pictures be"):
        begin(saved(tmp_path / "a.png", np.full((H, W, 3), 90, np.uint8)))


def test_a_photo_of_which_nothing_is_seen_is_refused(tmp_path):
    with pytest.raises(ImageError, match="all of it is transparent"):
        begin(saved(tmp_path / "a.png", np.dstack([scene(), np.zeros((H, W), np.uint8)])))


def test_a_nearly_black_photo_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match=r"nearly black, its brightest value is 15 of 255"):
        begin(saved(tmp_path / "a.png", scene() // 17))
    with pytest.warns(UserWarning, match=r"nearly black, its brightest value is 16 of 255"):
        begin(
            saved(
                tmp_path / "a.png",
                (np.arange(H * W).reshape(H, W) * 4095 // (H * W - 1)).astype(np.uint16),
            )
        )


def test_colours_behind_transparent_pixels_are_asked_about(tmp_path):
    alpha = np.full((H, W), 255, np.uint8)
    alpha[: H // 2] = 0
    path = saved(tmp_path / "a.png", np.dstack([scene(), alpha]))
    with pytest.warns(
        UserWarning, match="50% of it is transparent, and the picture hidden there is dropped; --"
    ):
        begin(path)
    start, material = begin(path, masks=[Path("alpha")])  # these are kept, so that nothing is said
    assert start.labels == ("alpha",) and material.image.shape[1] >= 3
    cut = np.dstack([scene(), alpha])
    cut[alpha == 0] = 0
    begin(saved(tmp_path / "b.png", cut))


@pytest.mark.parametrize("settings", [DETAIL, PLAIN], ids=["detail", "plain"])
def test_a_photo_of_over_100_megapixels_is_planned_in_its_own_shape(tmp_path, settings):
    scenery = (
        Image.fromarray(scene()).convert("L").resize((12_000, 9_000), Image.Resampling.NEAREST)
    )
    scenery.save(tmp_path / "a.jpg")
    scenery.point(lambda level: 255 * (level > 127), "1").save(tmp_path / "mask.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        start, material = begin(tmp_path / "a.jpg", settings, [tmp_path / "mask.png"])
    assert start.photo_size == (9_000, 12_000)
    small = Image.fromarray(scene()).convert("L").resize((400, 300), Image.Resampling.NEAREST)
    small.save(tmp_path / "small.png")
    assert start.pyramid.shapes == begin(tmp_path / "small.png", settings)[0].pyramid.shapes
    if settings is DETAIL:
        assert material.pixels.shape == (300, 400, 3)
        assert np.abs(material.pixels[..., 0].astype(int) - np.asarray(small)).mean() < 4
        assert (material.masks[..., 0] == (np.asarray(small) > 127)).mean() > 0.99

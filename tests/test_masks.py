"""The one reader of masks: what is inside, in every form that masks come in."""

from pathlib import Path

import numpy as np
import pytest
from awkward_pictures import H, W, grey_profile, saved, scene
from PIL import Image

from singan_core import images, masks
from singan_core.errors import ImageError

OBJECT = np.zeros((H, W), bool)
OBJECT[6:18, 10:26] = True


def read(tmp_path, picture, **options):
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(tmp_path / "mask.png")
    return masks.read(tmp_path / "mask.png", {(H, W): "the photo"}, **options)


def one_error(tmp_path, picture):
    with pytest.raises(ImageError) as caught:
        read(tmp_path, picture)
    return str(caught.value).removeprefix(f"{tmp_path / 'mask.png'}: ")


def labels(*values):
    """A picture of horizontal bands with these values."""
    return np.repeat(np.array(values, np.uint8), H // len(values))[:, None].repeat(W, axis=1)


@pytest.mark.parametrize("value", [1, 7, 38, 127, 128, 255])
def test_the_upper_of_two_values_is_inside(tmp_path, value):
    assert np.array_equal(read(tmp_path, OBJECT * np.uint8(value)), OBJECT)
    assert np.array_equal(read(tmp_path, OBJECT * np.uint16(value)), OBJECT)


def test_the_two_colours_of_a_palette_are_taken(tmp_path):
    picture = Image.fromarray(OBJECT.astype(np.uint8), "P")
    picture.putpalette([0, 0, 0, 128, 0, 0] + [0, 0, 0] * 254)
    assert np.array_equal(read(tmp_path, picture), OBJECT)


def test_masks_of_labels_are_named_by_their_values_and_never_called_empty(tmp_path):
    for picture, values in (
        (labels(0, 1, 2, 3), "0, 1, 2 and 3"),
        (labels(0, 1, 255), "0, 1 and 255"),
        (labels(0, 5, 9, 100), "0, 5, 9 and 100"),
        (labels(*range(12)), "0, 1, 2, 3, 4, 5, ... and 11"),
        (labels(0, 1, 2, 3).astype(np.uint16), "0, 1, 2 and 3"),
    ):
        said = one_error(tmp_path, picture)
        assert f"values {values}" in said and "as white on black" in said and "empty" not in said
    coloured = Image.fromarray(labels(0, 1, 2, 255), "P")
    coloured.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [0, 0, 0] * 252 + [224, 224, 192])
    assert "a mask of labels with the values 0, 1, 2 and 255" in one_error(tmp_path, coloured)


def test_soft_edges_and_stray_levels_are_no_labels(tmp_path):
    soft = np.tile(np.linspace(0, 255, W).astype(np.uint8), (H, 1))
    assert np.array_equal(read(tmp_path, soft), soft >= 128)
    stray = OBJECT * np.uint8(255)
    stray[0, 0] = 1
    assert np.array_equal(read(tmp_path, stray), OBJECT)
    assert np.array_equal(read(tmp_path, Image.fromarray(soft).quantize(16)), np.asarray(
        Image.fromarray(soft).quantize(16).convert("L")) >= 128)  # fmt: skip


def test_an_empty_mask_and_a_full_one_are_named_by_their_value(tmp_path):
    assert "the mask is empty, its value 0 all over" in one_error(tmp_path, OBJECT * np.uint8(0))
    assert "the mask is empty, its value 1 all over" in one_error(
        tmp_path, np.ones((H, W), np.uint8)
    )
    bright = np.where(OBJECT, np.uint8(255), np.uint8(200))
    assert "white all over (values 200 and 255 of 255)" in one_error(tmp_path, bright)
    assert read(tmp_path, np.full((H, W), 255, np.uint8), may_fill=True).all()


@pytest.mark.parametrize(
    "colour", [(255, 255, 255), (0, 0, 0), (90, 20, 200)], ids=["white", "black", "coloured"]
)
def test_transparent_is_outside(tmp_path, colour):
    """Also where colours alone say nothing: then what is opaque is inside."""
    picture = np.zeros((H, W, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = OBJECT * 255
    assert np.array_equal(read(tmp_path, picture), OBJECT)


def test_white_behind_a_transparent_part_is_outside(tmp_path):
    picture = np.full((H, W, 4), 255, np.uint8)
    picture[: H // 2, :, 3] = 0
    picture[..., :3] *= OBJECT[..., None]
    seen = OBJECT.copy()
    seen[: H // 2] = False
    assert np.array_equal(read(tmp_path, picture), seen)


def test_a_profile_does_not_move_the_levels_of_a_mask(tmp_path):
    levels = np.tile(np.linspace(0, 255, W).astype(np.uint8), (H, 1))
    Image.fromarray(levels).save(tmp_path / "mask.png", icc_profile=grey_profile(1.0))
    assert np.array_equal(masks.read(tmp_path / "mask.png", {(H, W): "the photo"}), levels >= 128)


# a photo's own alpha channel


def test_a_photo_s_alpha_becomes_a_label_and_its_colours_stay(tmp_path):
    photo = np.dstack([scene(), OBJECT * np.uint8(255)])
    path = saved(tmp_path / "photo.png", photo)
    image = images.open_labelled_photo(path, [Path("alpha")]).to_floats()
    assert np.array_equal(images.to_pixels(image[:, :3])[0], scene())
    assert np.array_equal(image[0, 3], np.where(OBJECT, 1, -1))
    on_white = images.open_labelled_photo(path, [Path("alpha")], "3").to_floats()
    assert np.array_equal(
        images.to_pixels(on_white[:, :3])[0][~OBJECT], np.full(((~OBJECT).sum(), 3), 255)
    )


@pytest.mark.parametrize("alpha", [None, 255, 0])
def test_an_alpha_with_one_side_is_no_mask(tmp_path, alpha):
    photo = scene() if alpha is None else np.dstack([scene(), np.full((H, W), alpha, np.uint8)])
    said = (
        "all of it is transparent"
        if alpha == 0
        else "it has no transparent part that could be a mask"
    )
    with pytest.raises(ImageError, match=said):
        images.open_labelled_photo(saved(tmp_path / "photo.png", photo), [Path("alpha")])


def test_a_file_called_alpha_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert masks.is_alpha("alpha") and not masks.is_alpha("alpha.png")
    saved(tmp_path / "alpha", OBJECT, format="PNG")
    assert not masks.is_alpha("alpha")

"""Where pictures of other shapes are cut out of a photo's scene."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from singan_core.detail.photo import Photo
from singan_core.pyramid import plan_detail_levels
from singan_export.focus import find_focus, measure_uniqueness

SCENE, FREE = (15, 22), (19, 28)


def make_photo(row, column):
    """A meadow of faint grain with one disc of rings, around (row, column), 96x144."""
    rows, columns = np.mgrid[:96, :144]
    grain = np.random.default_rng(0).integers(0, 12, (96, 144, 3))
    away = np.hypot(rows - row, columns - column)
    disc = (away < 14)[..., None] * (100 + 80 * np.sin(away)[..., None]).astype(int)
    pixels = (60 + grain + disc).clip(0, 255).astype(np.uint8)
    return Photo(pixels, plan_detail_levels((96, 144), (25, 37)))


@pytest.mark.parametrize("place", [(30, 30), (48, 72), (70, 110)])
def test_the_focus_is_on_what_is_unlike_the_rest(place):
    found = find_focus(make_photo(*place), SCENE)
    for share, at, side, shown in zip(found, place, (96, 144), (0.6, 0.4), strict=True):
        assert abs(share - at / side) <= shown / 2  # so the disc's middle is in the best part


def test_a_model_that_places_things_freely_has_no_focus():
    assert find_focus(make_photo(48, 72), FREE) is None


def test_uniqueness_is_highest_on_the_odd_thing_and_the_focus_of_a_plain_photo_its_middle():
    unlike = measure_uniqueness(make_photo(48, 72))
    row, column = np.unravel_index(unlike.argmax(), unlike.shape)
    assert abs(row / unlike.shape[0] - 0.5) < 0.2 and abs(column / unlike.shape[1] - 0.5) < 0.15

    plain = Photo(np.full((96, 144, 3), 90, np.uint8), plan_detail_levels((96, 144), (25, 37)))
    assert find_focus(plain, SCENE) == pytest.approx((0.5, 0.5), abs=0.02)


def test_a_photo_so_small_that_all_patches_overlap_has_its_focus_in_the_middle():
    tiny = Photo(np.arange(17 * 20 * 3, dtype=np.uint8).reshape(17, 20, 3), [(8, 9), (17, 20)])
    found = find_focus(tiny, SCENE)
    assert all(0 <= share <= 1 for share in found)

"""The border of a mask lies on the border of the drawn object, whose colour says where it is."""

import numpy as np
import pytest
from conftest import DATA
from detail_scenes import RED, bundle_with, marked, whole_of

from singan_core.detail.drawing import PhotoDrawing
from singan_core.detail.labels import Labels
from singan_runtime import Sampler
from singan_runtime.files import dataset
from singan_runtime.files.dataset import DatasetSpec


@pytest.fixture(scope="module")
def own_size():
    """A model of a grey photo, 150x100, with a labelled red object; made by tests/make_data.py."""
    return Sampler.load(DATA / "marked_bundle", threads=1)


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    """The same generators with that photo at 660x440, which pictures of 500 px show reduced."""
    pixels, thing = marked(440, 660)
    folder = tmp_path_factory.mktemp("marked") / "bundle"
    made = bundle_with(folder, DATA / "marked_bundle", pixels, thing[..., None], ("thing",))
    return Sampler.load(made, threads=1)


def is_red(pixels):
    """Where a pixel is nearer to the object's red than to a grey."""
    red, green, blue = np.moveaxis(pixels.astype(int), 2, 0)
    return 2 * red - green - blue > RED[0] - RED[1]


def overlap(sampler, size, seeds):
    """Intersection over union of masks and red pixels in all samples, which all show the object."""
    both = either = 0
    for seed in seeds:
        pixels, masks = sampler.labelled(size, seed)
        assert pixels.shape == (*size, 3) and masks.shape == (*size, 1)
        shown, said = is_red(pixels), masks[..., 0] > 0
        assert shown.mean() > 0.005, seed
        both, either = both + (shown & said).sum(), either + (shown | said).sum()
    return both / either


def test_the_photo_s_own_object_is_told_by_its_colour(own_size, reduced):
    for sampler in (own_size, reduced):
        assert np.array_equal(is_red(sampler.photo.pixels), sampler.masks[..., 0])


SIZES = [(100, 150), (64, 96), (100, 240)]


@pytest.mark.parametrize("size", SIZES)
def test_masks_end_where_the_object_ends(own_size, size):
    assert overlap(own_size, size, range(4)) >= 0.99


def test_masks_of_the_usual_500_px_end_where_the_object_ends(reduced):
    pytest.importorskip("pycocotools")  # without it no dataset is begun
    size = dataset.settle(reduced, DatasetSpec(1)).request.size
    assert size == (334, 500)
    assert overlap(reduced, size, range(3)) >= 0.99


def test_masks_of_a_picture_beyond_the_photo_s_size_nearly_do(own_size):
    assert overlap(own_size, (160, 240), range(3)) >= 0.98


@pytest.mark.slow
def test_of_a_hundred_samples_the_masks_end_where_the_object_ends(own_size, reduced):
    for sampler, size in [(own_size, size) for size in SIZES] + [
        (reduced, (334, 500)),
        (reduced, (440, 660)),
    ]:
        assert overlap(sampler, size, range(100)) >= 0.99, size


def test_a_window_s_masks_are_those_of_the_whole(reduced):
    picture = reduced.plan((334, 500))
    whole = np.concatenate(reduced.labelled((334, 500), 1), axis=2)
    for y, x, height, width in ((0, 0, 40, 50), (200, 430, 134, 70), (120, 210, 1, 1)):
        part = reduced.draw_with_masks(
            picture, 1, reduced.find_region((334, 500), (y, x, height, width))
        )
        assert np.array_equal(part, whole[y : y + height, x : x + width])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_a_picture_that_is_the_photo_has_the_photo_s_masks(own_size, count):
    """Any number of them, bit for bit."""
    masks = np.random.default_rng(0).random((100, 150, count)) < 0.5
    pixels, found = Labels(masks).draw(
        PhotoDrawing(own_size.photo), whole_of((100, 150)), (100, 150)
    )
    assert np.array_equal(pixels, own_size.photo.pixels) and np.array_equal(found > 0, masks)

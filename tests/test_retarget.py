"""The photo itself on other canvases, with and without an object that has to survive it."""

from dataclasses import replace

import numpy as np
import pytest

from singan_core import images, resample
from singan_core.errors import RequestError
from singan_core.windows import Span
from singan_core.zooms import choose_zoom
from singan_runtime import masks
from singan_runtime.boxes import box_sums
from singan_runtime.edits import retarget
from singan_runtime.edits.injection import inject
from singan_runtime.measures import quality


def floats(pixels):
    return np.ascontiguousarray(
        pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255) * 2 - 1
    )


@pytest.fixture(scope="module")
def keep(sampler):
    """A part in the middle of the photo, 14x12 of 48x32 px."""
    mask = np.zeros(sampler.trained_size, bool)
    mask[10:22, 17:31] = True
    return mask


# the photo on another canvas


@pytest.mark.parametrize("size", [(32, 48), (33, 90), (50, 41), (128, 96)])
def test_results_are_exact_in_size_and_repeatable(sampler, keep, size):
    for mask in (None, keep):
        first, again = (retarget.retarget(sampler, size, keep=mask, seed=2) for _ in range(2))
        assert first.pixels.shape == (*size, 3) and first.pixels.dtype == np.uint8
        assert np.array_equal(first.pixels, again.pixels) and first.similarity == again.similarity


def test_at_the_trained_size_the_finest_start_scale_gives_the_photo(sampler):
    photo = sampler.reconstruct().astype(int)
    apart = [
        np.abs(retarget.retarget(sampler, (32, 48), start_scale=n).pixels - photo).mean()
        for n in (1, 3)
    ]
    assert apart[1] < 6 and apart[1] < apart[0]


def test_without_an_image_it_is_what_sample_draws_from_the_start_scale_on(sampler):
    made = retarget.retarget(sampler, (40, 90), start_scale=2, seed=7)
    assert (
        np.array_equal(made.pixels, sampler.sample((40, 90), 7, start_scale=2)[0])
        and made.similarity is None
    )


def test_another_image_gives_its_own_layout(sampler):
    """The photo upside down comes out upside down."""
    photo = floats(sampler.reconstruct())
    upright, turned = (
        retarget.retarget(sampler, (32, 70), start_scale=3, image=image)
        .pixels.astype(float)
        .mean(axis=(1, 2))
        for image in (photo, np.ascontiguousarray(photo[..., ::-1, :]))
    )
    assert np.corrcoef(upright, turned[::-1])[0, 1] > 0.9


# an object kept


@pytest.mark.parametrize("size", [(32, 96), (32, 30), (64, 48), (90, 60)])
def test_a_kept_object_survives_better_than_without(sampler, keep, size):
    kept = retarget.retarget(sampler, size, keep=keep)
    plain = retarget.retarget(sampler, size).pixels
    _, truth, inside = placing(sampler, keep, size)
    assert kept.similarity == pytest.approx(quality.ssim(truth, kept.pixels, inside))
    assert kept.similarity > quality.ssim(truth, plain, inside) + 0.1


def placing(sampler, keep, size):
    """Where the object belongs: found again from the outside."""
    weights = masks.feather(keep, retarget.REACH)
    scale = choose_zoom(sampler.manifest.pyramid, size, "auto")
    warp = retarget.place_object(masks.find_bounds(weights > 0), keep.shape, size, scale)
    truth = images.to_pixels(warp(sampler.reconstruct_scales(4), size))[0]
    return warp, truth, warp(keep.astype(np.float32), size) >= 0.5


@pytest.mark.parametrize("size", [(32, 96), (32, 24), (80, 48)])
def test_a_kept_object_keeps_its_shape(sampler, keep, size):
    _, _, inside = placing(sampler, keep, size)
    rows, columns = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    assert columns / rows == pytest.approx(14 / 12, rel=0.15)


def test_windows_of_a_kept_object_are_slices_of_the_whole(sampler, keep):
    """The object is put in region by region, so parts drawn apart fit together."""
    warp, _, _ = placing(sampler, keep, (64, 96))
    photo = floats(sampler.reconstruct())
    picture = inject(sampler, photo, (64, 96), "auto", 1)
    picture = replace(
        picture, adjust=retarget.keep_object(picture, warp, photo, masks.feather(keep, 5))
    )
    whole = sampler.draw_pixels(picture, 0)
    part = sampler.draw_pixels(picture, 0, (Span(20, 50), Span(31, 77)))
    assert np.array_equal(part, whole[20:50, 31:77])


def test_margins_keep_their_proportion_and_touched_edges_are_touched():
    middle = retarget.place_object((Span(10, 20), Span(45, 55)), (30, 100), (30, 300), 1.0)
    assert middle.columns.target == pytest.approx((145 / 300, 155 / 300))
    assert middle.rows.target == pytest.approx((10 / 30, 20 / 30))
    edge = retarget.place_object((Span(20, 30), Span(0, 10)), (30, 100), (60, 300), 1.0)
    assert edge.rows.target == pytest.approx((50 / 60, 1)) and edge.columns.target == pytest.approx(
        (0, 10 / 300)
    )


def test_an_object_too_large_for_the_canvas_is_scaled_evenly_and_leaves_room():
    warp = retarget.place_object((Span(5, 25), Span(40, 80)), (30, 100), (30, 50), 1.0)
    high, wide = (
        (s.target[1] - s.target[0]) * length for s, length in ((warp.rows, 30), (warp.columns, 50))
    )
    assert wide / high == pytest.approx(40 / 20) and wide == pytest.approx(50 * 0.7)


def test_what_reaches_from_edge_to_edge_is_refused_where_it_would_fall_short():
    across = (Span(10, 20), Span(0, 100))
    with pytest.raises(
        RequestError, match="from edge to edge of the photo: on 300x30 an object so long"
    ):
        retarget.place_object(across, (30, 100), (30, 300), 1.0)
    assert retarget.place_object(across, (30, 100), (30, 50), 1.0).columns.target == (0, 1)


def test_an_even_warp_is_the_resampler():
    image = np.random.default_rng(0).normal(0, 1, (1, 3, 30, 40)).astype(np.float32)
    even = retarget.Stretch((0.25, 0.5), (0.25, 0.5))
    for size in ((30, 40), (47, 90), (13, 22)):
        assert np.allclose(
            retarget.Warp(even, even)(image, size), resample.resize(image, size), atol=1e-5
        )


# the score


def test_ssim_is_one_for_equals_and_falls_with_change():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 50, 3), np.uint8)
    inside = np.zeros((40, 50), bool)
    inside[10:30, 10:30] = True
    noisy = (picture + rng.normal(0, 20, picture.shape)).clip(0, 255).astype(np.uint8)
    elsewhere = np.where(inside[..., None], picture, 255 - picture)
    scores = [quality.ssim(picture, one, inside) for one in (picture, noisy, 255 - picture)]
    assert scores[0] == pytest.approx(1) and scores[0] > scores[1] > scores[2]
    core = np.zeros_like(inside)
    core[13:27, 13:27] = True
    assert quality.ssim(picture, elsewhere, core) == pytest.approx(1)


def test_box_sums_are_sums_over_squares():
    values = np.random.default_rng(0).integers(0, 9, (12, 15)).astype(float)
    assert box_sums(values, 2)[5, 6] == values[3:8, 4:9].sum()
    assert box_sums(values, 1)[0, 0] == np.pad(values, 1, mode="edge")[:3, :3].sum()

"""Applications: images of the user's go through the cascade, and nothing else is changed."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from singan_core import fitting, images, pyramid, resample
from singan_core.errors import ImageError, RequestError
from singan_runtime import Sampler, masks
from singan_runtime.edits import editing, retarget
from singan_runtime.edits.editing import EDIT, HARMONIZE
from singan_runtime.edits.injection import inject
from singan_runtime.edits.palette import find_palette, recolour


@pytest.fixture
def photo(sampler):
    """The photo as the model knows it, after a trip through uint8."""
    return floats(sampler.reconstruct())


def floats(pixels):
    return np.ascontiguousarray(
        pixels.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255) * 2 - 1
    )


def square(size, rows, columns):
    mask = np.zeros(size, bool)
    mask[slice(*rows), slice(*columns)] = True
    return mask


# masks


@pytest.mark.parametrize("reach", [0, 1, 2, 3, 7, 20])
def test_a_feather_is_one_on_the_mask_and_nothing_beyond_its_reach(reach):
    mask = square((60, 80), (25, 31), (0, 9))
    weights = masks.feather(mask, reach)
    near = square((60, 80), (max(0, 25 - reach), 31 + reach), (0, 9 + reach))
    assert (weights[mask] == 1).all() and (weights[~near] == 0).all()
    assert weights.min() >= 0 and weights.max() <= 1
    down = weights[30:, 4]
    assert (np.diff(down) <= 0).all()
    if reach > 3:  # it falls in small steps
        assert np.abs(np.diff(down)).max() < 0.5 and (down > 0).sum() > reach // 2


def test_masks_are_read_and_bad_ones_refused(tmp_path):
    def saved(mask):
        Image.fromarray((mask * np.uint8(255)).astype(np.uint8)).save(tmp_path / "mask.png")
        return tmp_path / "mask.png"

    mask = square((20, 30), (3, 9), (4, 8))
    assert np.array_equal(masks.read(saved(mask), {(20, 30): "the image"}), mask)
    assert masks.find_bounds(mask) == ((3, 9), (4, 8))
    with pytest.raises(ImageError, match=r"the mask is 30x20, but must be 40x20 \(the image\)"):
        masks.read(saved(mask), {(20, 40): "the image"})
    with pytest.raises(ImageError, match="the mask is empty"):
        masks.read(saved(mask & False), {(20, 30): "the image"})
    with pytest.raises(ImageError, match="the mask is white all over"):
        masks.read(saved(mask | True), {(20, 30): "the image"})
    assert masks.read(saved(mask | True), {(20, 30): "the image"}, may_fill=True).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_mix_has_both_pictures_pixels_at_its_ends_and_shades_between(channels):
    below, above = np.random.default_rng(0).integers(0, 256, (2, 5, 256, channels), np.uint8)
    share = np.broadcast_to(np.float32([0, 0.25, 0.5, 0.75, 1])[:, None, None], (5, 256, 1))
    below[:], above[:] = below[:1], above[:1]
    mixed = masks.blend(below, above, share)
    assert np.array_equal(mixed[0], below[0]) and np.array_equal(mixed[4], above[4])
    weight = (mixed if channels < 4 else mixed[..., 3:]).astype(int)
    away = (weight - weight[0]) * np.sign(weight[4] - weight[0])
    assert (np.diff(away, axis=0) >= 0).all() and np.abs(
        weight[2] - (weight[0] + weight[4]) / 2
    ).max() <= 0.5


def test_a_colour_that_cannot_be_seen_has_no_part_in_a_mix():
    red = np.full((1, 1, 4), (200, 0, 0, 255), np.uint8)
    hidden = np.full((1, 1, 4), (0, 250, 0, 0), np.uint8)
    assert masks.blend(red, hidden, np.full((1, 1, 1), 0.5, np.float32)).tolist() == [
        [[199, 0, 0, 128]]
    ]


# harmonize and edit


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("how", [HARMONIZE, EDIT])
@pytest.mark.parametrize("size", [(32, 48), (75, 101)])
def test_nothing_changes_beyond_the_reach_of_the_mask(samplers, channels, how, size):
    sampler = samplers[channels]
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (*size, channels), np.uint8)
    if channels == 4:
        pixels[..., 3] = 255
    mask = square(size, (10, 16), (20, 33))
    result = editing.redraw(sampler, floats(pixels), mask, how, reach=4)
    near = square(size, (6, 20), (16, 37))
    assert result.shape == pixels.shape
    assert np.array_equal(result[~near], pixels[~near])
    assert (result[mask] != pixels[mask]).any(axis=1).mean() > 0.9


def test_redrawing_is_repeatable_and_its_noise_follows_the_seed(sampler, photo):
    mask = square((32, 48), (10, 20), (20, 33))
    first, again, other = (
        editing.redraw(sampler, photo, mask, EDIT, 1, seed=seed) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_only_what_the_mask_needs_is_drawn_yet_it_equals_the_whole(sampler, photo):
    mask = square((32, 48), (10, 20), (20, 33))
    result = editing.redraw(sampler, photo, mask, EDIT, 1, reach=0)
    whole = sampler.draw_pixels(inject(sampler, photo, (32, 48), "auto", 1), 0)
    assert np.array_equal(result[mask], whole[mask])


def test_harmonizing_takes_a_foreign_patch_nearer_to_the_photo(sampler, photo):
    """A saturated square that no part of the photo resembles loses its strangeness."""
    mask = square((32, 48), (12, 20), (18, 30))
    strange = photo.copy()
    strange[0, :, mask] = (1, -1, 1)
    result = floats(editing.redraw(sampler, strange, mask, HARMONIZE, 1))

    def apart(image):
        return float(np.sqrt(((image - photo)[0, :, mask] ** 2).mean()))

    assert apart(result) < 0.8 * apart(strange)


def test_start_scales_at_which_nothing_can_be_injected(sampler, photo):
    for scale in (0, 4, -1):
        with pytest.raises(
            RequestError, match=f"start scale {scale} is not possible: .* at scales 1 to 3 here"
        ):
            inject(sampler, photo, (32, 48), "auto", scale)
    with pytest.raises(RequestError, match="raise the zoom"):
        inject(sampler, photo, (32, 48), 0.1, 1)


# paint


@pytest.mark.parametrize("size", [(32, 48), (61, 40), (90, 131)])
def test_a_painting_becomes_a_picture_of_exactly_the_size(sampler, size):
    painting = np.full((1, 3, 24, 36), 0.6, np.float32)
    painting[..., 14:, :] = -0.6
    first, again = (editing.paint(sampler, painting, size, colours=4) for _ in range(2))
    assert first.shape == (*size, 3) and np.array_equal(first, again)
    top, bottom = first[: size[0] // 3].mean(), first[-size[0] // 4 :].mean()
    assert top > bottom + 20  # the painting's layout


def test_a_palette_holds_the_colours_that_there_are():
    colours = np.array([[-1, 0, 1], [0.5, 0.5, 0.5], [0.9, -0.9, 0]], np.float32)
    image = colours[np.random.default_rng(0).integers(0, 3, (20, 30))].transpose(2, 0, 1)[None]
    palette = find_palette(image, 3)
    assert {tuple(colour) for colour in palette.round(4).tolist()} == {
        tuple(c) for c in colours.round(4).tolist()
    }
    off = image + np.random.default_rng(1).normal(0, 0.05, image.shape).astype(np.float32)
    assert np.allclose(recolour(off, palette), image, atol=1e-4)


def test_colours_are_taken_from_the_photo(sampler):
    """A painting in colours foreign to the photo is injected in the photo's own."""
    painting = np.broadcast_to(np.array([1, -1, 1], np.float32)[:, None, None], (1, 3, 32, 48))
    below = sampler.reconstruct_scales(1)
    palette = find_palette(below, 5)
    plain, quantised = (
        floats(editing.paint(sampler, painting, start_scale=1, colours=colours))
        for colours in (None, 5)
    )
    photo = sampler.reconstruct_scales(4)

    def foreign(image):  # distance of the mean colour from the nearest of the photo's
        return np.sqrt(((image.mean(axis=(2, 3)) - palette) ** 2).sum(axis=1)).min()

    assert photo.shape == plain.shape and foreign(quantised) < 0.5 * foreign(plain)
    with pytest.raises(RequestError, match="colours 1 is not possible: it must be 2 to"):
        editing.paint(sampler, painting, colours=1)


# upscale


@pytest.mark.parametrize("factor", [1.05, 1.5, 2, 3.7])
def test_upscaling_is_exact_and_stays_the_photo(sampler, factor):
    result = editing.upscale(sampler, factor)
    assert result.shape == (round(32 * factor), round(48 * factor), 3)
    back = images.to_pixels(resample.resize(floats(result), (32, 48)))[0]
    apart = np.abs(back.astype(int) - sampler.reconstruct()).mean()
    assert apart < 8
    smooth = images.to_pixels(resample.resize(floats(sampler.reconstruct()), result.shape[:2]))[0]
    assert not np.array_equal(result, smooth)  # detail was added
    assert np.array_equal(result, editing.upscale(sampler, factor))


def test_upscaling_takes_images_of_any_size(sampler):
    image = floats(np.random.default_rng(0).integers(0, 256, (21, 35, 3), np.uint8))
    assert editing.upscale(sampler, 2.5, image).shape == (round(21 * 2.5), round(35 * 2.5), 3)
    for factor in (1, 0.5, float("nan"), float("inf")):
        with pytest.raises(
            RequestError, match=r"factor .* is not possible: it must be (above 1|1 to)"
        ):
            editing.upscale(sampler, factor, image)
    with pytest.raises(RequestError, match="over the limit"):
        editing.upscale(sampler, 1000, image)


def test_a_continuation_draws_the_upscaled_photo():
    plan = dataclasses.replace(pyramid.Pyramid(((16, 24), (32, 48)), 0.5), continuation=True)
    passes = fitting.plan_further_passes(plan, (128, 192), 4.0, 2)
    assert [(step.index, step.generator, step.canvas) for step in passes] == [
        (2, 2, (64, 96)),
        (3, 2, (128, 192)),
    ]


# inputs


def test_images_with_more_than_the_photo_had_are_refused(samplers, tmp_path):
    rng = np.random.default_rng(0)

    def saved(*shape):
        Image.fromarray(rng.integers(0, 200, shape, np.uint8)).save(tmp_path / "image.png")
        return tmp_path / "image.png"

    with pytest.raises(
        ImageError, match="is RGB, but the bundle was trained on a photo in grey: save"
    ):
        editing.read_image(samplers[1], saved(20, 30, 3))
    with pytest.raises(ImageError, match=r"is RGBA \(with transparency\), but .* photo in RGB"):
        editing.read_image(samplers[3], saved(20, 30, 4))
    assert editing.read_image(samplers[3], saved(20, 30)).shape == (1, 3, 20, 30)
    assert editing.read_image(samplers[4], saved(20, 30, 3)).shape == (1, 4, 20, 30)


def test_a_bundle_with_labels_is_retargeted_but_takes_no_other_pictures(labelled_bundle, tmp_path):
    labelled = Sampler.load(labelled_bundle, threads=1)
    Image.new("RGB", (60, 44), "red").save(tmp_path / "red.png")
    with pytest.raises(
        RequestError, match=r"trained with masks .* use a bundle trained without --mask"
    ):
        editing.read_image(labelled, tmp_path / "red.png")
    keep = np.zeros(labelled.trained_size, bool)
    keep[5:15, 5:15] = True
    made = retarget.retarget(labelled, (40, 70), keep=keep)
    assert made.pixels.shape == (40, 70, 3) and made.similarity is not None

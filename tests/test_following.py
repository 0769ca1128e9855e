"""Drawings that follow a user's picture: edits stay close, pasted things keep their colours."""

import numpy as np
import pytest
from detail_scenes import drawing_of, landscape, photo_of, whole_of
from test_detail_editing import rectangle

from singan_core import images
from singan_core.detail import resize
from singan_core.detail.drawing import Drawing
from singan_core.detail.original import FULL_TRUST, Original
from singan_core.detail.votes import FINE, paint
from singan_core.errors import RequestError
from singan_core.windows import Span
from singan_runtime import Sampler
from singan_runtime.edits import editing, retarget
from singan_runtime.edits.editing import EDIT, HARMONIZE
from singan_runtime.edits.redrawing import find_trust

SIZE = (100, 150)


@pytest.fixture(scope="module")
def scene():
    """A photo of 180x260 with a searched and two copied levels, and another picture of its size."""
    photo = photo_of(landscape(180, 260))
    assert len(photo.sizes) - photo.searched >= 1
    return photo, np.ascontiguousarray(landscape(180, 260)[:, ::-1])


def follow(photo, picture, trust, keeps_from=None):
    """A drawing that begins with the picture and follows it by a trust of 0 to 255."""
    first = photo.searched - 1

    def guide(region):
        return resize.resize(picture, photo.sizes[first])[slice(*region[0]), slice(*region[1])]

    original = Original(picture, np.full((1, 1, 1), trust, np.uint8), keeps_from)
    return Drawing(photo, photo.sizes, guide, first=first, original=original)


def shrink(pixels, by=4):
    """Reduced, as numbers that can be negative."""
    return resize.resize(pixels, (pixels.shape[0] // by, pixels.shape[1] // by)).astype(int)


def grain(pixels):
    """What a picture has that one of half the size cannot hold."""
    half = resize.resize(pixels, (pixels.shape[0] // 2, pixels.shape[1] // 2))
    return pixels.astype(int) - resize.resize(half, pixels.shape[:2])


# the core


def test_without_trust_a_drawing_is_as_if_the_picture_were_not_followed(scene):
    photo, picture = scene
    plain = Drawing(photo, photo.sizes, follow(photo, picture, 0).guide, first=photo.searched - 1)
    drawn = follow(photo, picture, 0).draw(whole_of(SIZE)).pixels
    assert np.array_equal(drawn, plain.draw(whole_of(SIZE)).pixels)
    assert not np.array_equal(drawn, follow(photo, picture, FULL_TRUST).draw(whole_of(SIZE)).pixels)


def test_a_trusted_picture_is_met_more_closely(scene):
    photo, picture = scene
    near, far = (
        np.abs(
            shrink(follow(photo, picture, trust).draw(whole_of(photo.sizes[-1])).pixels)
            - shrink(picture)
        ).mean()
        for trust in (FULL_TRUST, 0)
    )
    assert near < 0.9 * far


def test_the_photo_trusted_comes_back_bit_for_bit(scene):
    photo, _ = scene
    drawn = follow(photo, photo.pixels, FULL_TRUST).draw(whole_of(photo.sizes[-1]))
    assert (drawn.pixels == photo.pixels).mean() > 0.99


def test_colours_that_are_kept_are_the_picture_s_and_the_grain_is_the_photo_s(scene):
    """Reduced to the level below both are nearly equal; a smooth picture gets the photo's grain."""
    photo, picture = scene
    last = len(photo.sizes) - 1
    soft = resize.resize(resize.resize(picture, photo.sizes[last - 1]), picture.shape[:2])
    kept = follow(photo, soft, FULL_TRUST, last).draw(whole_of(photo.sizes[last])).pixels
    anew = follow(photo, soft, FULL_TRUST).draw(whole_of(photo.sizes[last])).pixels
    assert (
        np.abs(shrink(kept) - shrink(soft)).mean() < 1 < np.abs(shrink(anew) - shrink(soft)).mean()
    )
    assert np.abs(grain(soft)).mean() < 0.5 * np.abs(grain(picture)).mean()
    assert np.abs(grain(kept)).mean() > 0.65 * np.abs(grain(picture)).mean()


@pytest.mark.parametrize("keeps_from", [None, 2])
def test_a_window_of_a_drawing_that_follows_is_the_slice_of_the_whole(scene, keeps_from):
    photo, picture = scene
    whole = follow(photo, picture, 120, keeps_from).draw(whole_of(photo.sizes[-1])).pixels
    window = Span(40, 103), Span(100, 171)
    assert np.array_equal(
        follow(photo, picture, 120, keeps_from).draw(window).pixels, whole[40:103, 100:171]
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_keeping_colours_only_near_joins_is_doing_all_the_work(channels):
    photo = photo_of(landscape(channels=channels))
    part = drawing_of(photo, photo.sizes).draw(whole_of(photo.sizes[-1]))
    level, below = (
        photo.level(len(photo.sizes) - 1),
        resize.resize(photo.at(0)[:, ::-1], photo.sizes[-1]),
    )
    made = [
        paint(level, part.map, FINE, below, everywhere, keep_colours=True)
        for everywhere in (False, True)
    ]
    assert np.array_equal(*made)
    assert not np.array_equal(made[0], paint(level, part.map, FINE, below))


# edit


@pytest.fixture(scope="module")
def moved(detail_sampler):
    """The photo with its fir copied onto the meadow, where heights are against it, and its mask."""
    pixels = detail_sampler.photo.pixels.copy()
    pixels[62:92, 30:50] = pixels[40:70, 102:122]
    return pixels, rectangle(SIZE, (62, 92), (30, 50))


def test_what_was_moved_stays_where_it_was_put(detail_sampler, moved):
    pixels, mask = moved
    drawn = editing.redraw(detail_sampler, images.to_floats(pixels), mask, EDIT)
    core = rectangle(SIZE, (68, 86), (35, 45))

    def apart(one, other):
        return np.abs(one[core].astype(int) - other[core]).mean()

    assert apart(drawn, pixels) < 0.5 * apart(detail_sampler.photo.pixels, pixels)


def test_along_the_border_of_an_edit_the_step_is_gone(detail_sampler, moved):
    """The hard edges of the copy are half as high afterwards, or less."""
    pixels, mask = moved
    drawn = editing.redraw(detail_sampler, images.to_floats(pixels), mask, EDIT)

    def step(picture):
        rows = slice(62, 92)
        left, right = (
            np.abs(picture[rows, a].astype(int) - picture[rows, a - 1]).mean() for a in (30, 50)
        )
        return left + right

    assert step(drawn) < 0.6 * step(pixels)


def test_an_edit_is_trusted_but_along_its_border(detail_sampler):
    fit = detail_sampler.fit(SIZE)
    trust = find_trust(rectangle(SIZE, (30, 70), (50, 110)), fit)[..., 0]
    assert set(np.unique(trust)) == {0, FULL_TRUST} and trust.shape == fit.levels[fit.searched - 1]
    height, width = trust.shape
    assert (
        trust[height // 2, width // 2]
        and trust[0, 0]
        and not trust[round(0.3 * height), width // 2]
    )
    thin = find_trust(rectangle(SIZE, (30, 70), (72, 78)), fit)[..., 0]
    assert thin[height // 2, width // 2 - 1 : width // 2 + 1].any()


# harmonize


@pytest.fixture(scope="module")
def pasted(detail_sampler):
    """The photo with a disc of a colour that it has nowhere, and its mask."""
    y, x = np.mgrid[0:100, 0:150]
    mask = (y - 75) ** 2 + (x - 60) ** 2 < 144
    pixels = detail_sampler.photo.pixels.copy()
    pixels[mask] = (150, 60, 160)
    return pixels, mask


def test_what_was_pasted_keeps_its_colour_and_gets_the_photo_s_grain(detail_sampler, pasted):
    pixels, mask = pasted
    drawn = editing.redraw(detail_sampler, images.to_floats(pixels), mask, HARMONIZE)
    inner = rectangle(SIZE, (69, 82), (54, 67))
    assert np.abs(drawn[inner].astype(float).mean(axis=0) - (150, 60, 160)).max() < 12
    assert drawn[inner].std(axis=0).max() > 2
    assert np.array_equal(
        drawn[~rectangle(SIZE, (60, 91), (45, 76))], pixels[~rectangle(SIZE, (60, 91), (45, 76))]
    )


def test_the_first_scale_after_the_generators_makes_the_nearest_that_the_photo_has(
    detail_sampler, pasted
):
    pixels, mask = pasted
    drawn = editing.redraw(detail_sampler, images.to_floats(pixels), mask, HARMONIZE, start_scale=3)
    assert np.abs(drawn[mask].astype(float).mean(axis=0) - (150, 60, 160)).max() > 40


def test_usual_start_scales(detail_sampler):
    """Three generators, a searched and a copied level: the last, the first and last after them."""
    fit = detail_sampler.fit(SIZE)
    assert (len(fit.passes), len(fit.levels) - fit.searched) == (3, 1)
    assert editing.choose_start_scale(detail_sampler, SIZE, HARMONIZE) == 4
    assert editing.choose_start_scale(detail_sampler, SIZE, EDIT) == 3
    assert editing.choose_painting_scale(fit) == 2


def test_a_start_scale_after_the_last_level_is_refused(detail_sampler, pasted):
    pixels, mask = pasted
    with pytest.raises(
        RequestError,
        match="start scale 5 is not possible: an image can be injected at scales 1 to 4",
    ):
        editing.redraw(detail_sampler, images.to_floats(pixels), mask, HARMONIZE, start_scale=5)


@pytest.mark.parametrize("how", [HARMONIZE, EDIT])
def test_a_masked_part_is_the_same_whatever_the_number_of_threads(
    detail_bundle, detail_sampler, moved, how
):
    pixels, mask = moved
    two = Sampler.load(detail_bundle, threads=2)
    made = [
        editing.redraw(one, images.to_floats(pixels), mask, how) for one in (detail_sampler, two)
    ]
    assert np.array_equal(*made)


# paint and retarget


def test_a_painting_of_four_colours_becomes_a_photograph_of_the_scene(detail_sampler):
    """With the layout of the painting, and as much grain as the photo has."""
    painting = np.full((*SIZE, 3), (215, 225, 240), np.uint8)
    painting[25:], painting[45:], painting[60:] = (120, 120, 150), (190, 115, 50), (60, 130, 40)
    drawn = editing.paint(detail_sampler, images.to_floats(painting))
    assert np.array_equal(
        drawn, editing.paint(detail_sampler, images.to_floats(painting), start_scale=2)
    )
    assert np.abs(grain(drawn)).mean() > 0.7 * np.abs(grain(detail_sampler.photo.pixels)).mean()
    assert drawn[:20].mean() > drawn[70:].mean() + 60
    assert (drawn[70:, :, 1].astype(int) > drawn[70:, :, 2] + 20).mean() > 0.8


def test_past_the_generators_retargeting_stretches_the_photo_itself(detail_sampler):
    drawn = retarget.retarget(detail_sampler, SIZE, start_scale=3).pixels.astype(int)
    assert np.abs(drawn - detail_sampler.photo.pixels).mean() < 1

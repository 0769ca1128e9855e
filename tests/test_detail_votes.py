"""Votes and features: whole numbers, nothing from beyond the photo, no hard edge in a sky."""

import functools

import numpy as np
import pytest
from detail_scenes import canvases_of, draw_whole, drawing_of, landscape, noise, photo_of, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_core.detail import full_search, patches, resize, search
from singan_core.detail.maps import Map
from singan_core.detail.patches import FEATURE
from singan_core.detail.photo import (
    FULL,
    SEARCH_FEATURES,
    Photo,
    make_level,
    premultiply,
    straighten,
)
from singan_core.detail.votes import COARSE, FINE, compute_weights, paint

LAST = 3


@functools.cache
def photo(channels=3):
    return photo_of(landscape(channels=channels))


def level_of(pixels, below=None):
    """The last level of a photo, with a coarser one of half its size unless given."""
    shown = premultiply(pixels)
    coarse = (
        resize.resize(shown, (pixels.shape[0] // 2, pixels.shape[1] // 2))
        if below is None
        else below
    )
    centre = shown.reshape(-1, shown.shape[2]).astype(np.int64).sum(axis=0) // (
        shown.shape[0] * shown.shape[1]
    )
    return make_level(pixels, patches.find_basis(shown, 12), coarse, centre)


def own_places(height, width, down=0, across=0):
    """A map in which every pixel shows the position so far down and across from its own."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.int32)
    return rows + np.int32(down), columns + np.int32(across)


# votes


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("sigma", [COARSE, FINE])
def test_the_map_of_a_photo_itself_gives_exactly_the_photo(channels, everywhere, sigma):
    level = photo(channels).level(LAST)
    found = Map(*own_places(90, 130))
    assert np.array_equal(
        paint(level, found, sigma, level.blurred, everywhere), photo(channels).pixels
    )
    assert np.array_equal(paint(level, found, sigma, None, everywhere), photo(channels).pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_pixel_is_the_weighted_mean_of_what_the_patches_around_it_say(channels):
    """Counted one by one; what lies beyond the canvas or the photo has no vote."""
    level = level_of(noise(20, 22, channels, 1))
    rng = np.random.default_rng(2)
    found = Map(*(rng.integers(0, side, (15, 17)).astype(np.int32) for side in (20, 22)))
    made = paint(level, found, COARSE)
    for y, x in [(0, 0), (0, 16), (14, 0), (7, 8), (14, 16), (3, 12)]:
        total, count = np.zeros(channels), 0
        for dy, dx, weight in compute_weights(COARSE):
            if 0 <= y - dy < 15 and 0 <= x - dx < 17:
                row, column = found.rows[y - dy, x - dx] + dy, found.columns[y - dy, x - dx] + dx
                if 0 <= row < 20 and 0 <= column < 22:
                    value = level.pixels[row, column].astype(float)
                    total += weight * (
                        np.append(value[:3] * value[3], value[3]) if channels == 4 else value
                    )
                    count += weight
        mean = np.append(total[:3] / total[3], total[3] / count) if channels == 4 else total / count
        assert np.array_equal(made[y, x], np.floor(mean + 0.5))


def test_the_outermost_rows_and_columns_are_like_those_inside():
    """Over four pictures: the step from the first row to the second, likewise at all edges."""
    canvases = canvases_of(photo(), 0.9, 1.2)
    pictures = [draw_whole(drawing_of(photo(), canvases, seed)).pixels for seed in range(4)]
    for axis in (0, 1):
        across = np.mean([steps(pixels, axis) for pixels in pictures], axis=0)
        assert max(across[0], across[-1]) <= 1.3 * np.median(across)


@pytest.mark.parametrize("wrap", [(False, True), (True, False), (True, True)])
def test_a_searched_level_that_repeats_is_the_same_wherever_it_is_cut(wrap):
    """A rolled hand-over gives a rolled map and picture: votes and neighbours cross the edges."""
    level = photo().level(1)
    query = noise(30, 44) // 4 + landscape(30, 44) // 2
    by = tuple(11 * periodic for periodic in wrap)
    heights = None if wrap[0] else (np.arange(30), 30)
    found, pixels, _ = search.synthesize_level(level, query, search.Weights(), wrap, heights, True)
    rolled, picture, _ = search.synthesize_level(
        level, np.roll(query, by, (0, 1)), search.Weights(), wrap, heights, True
    )
    assert np.array_equal(picture, np.roll(pixels, by, (0, 1)))
    assert np.array_equal(rolled.rows, np.roll(found.rows, by, (0, 1)))
    assert np.array_equal(rolled.columns, np.roll(found.columns, by, (0, 1)))


def test_inside_a_piece_transparent_pixels_are_copied_exactly():
    """Colours straight, not by way of products with an alpha of 8 or 1, which would lose them."""
    pixels = noise(40, 50, 4, 3)
    pixels[..., 3] = np.random.default_rng(4).choice([1, 8, 100, 255], (40, 50))
    level = level_of(pixels)
    for everywhere in (False, True):
        made = paint(level, Map(*own_places(30, 40, 5, 7)), FINE, everywhere=everywhere)
        assert np.array_equal(made, pixels[5:35, 7:47])


def test_transparent_pixels_give_no_colour_to_others():
    """A red thing joined to nothing at all, whatever colour nothing has."""
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[:, :30] = (200, 30, 10, 255)
    pixels[:, 30:] = (0, 255, 255, 0)
    rows, columns = own_places(30, 40)
    columns[:, 20:] = 45 + columns[:, 20:] % 10
    made = paint(level_of(pixels), Map(rows, columns), COARSE)
    seen = made[made[..., 3] > 0]
    assert (seen[:, :3] == (200, 30, 10)).all()
    alphas = np.unique(made[..., 3])
    assert len(alphas) > 3  # there is a soft edge


def test_straight_undoes_premultiplied_where_all_is_seen():
    pixels = noise(9, 9, 4)
    pixels[..., 3] = 255
    assert np.array_equal(straighten(premultiply(pixels)), pixels)
    pixels[..., 3] = 0
    assert not straighten(premultiply(pixels))[..., :3].any()


def sky(height=60, width=80):
    """Bright below, darker above, without grain."""
    return np.broadcast_to(np.linspace(120, 220, height)[:, None, None], (height, width, 3)).astype(
        np.uint8
    )


def test_two_pieces_of_a_sky_join_without_a_hard_step():
    """The picture keeps the colours that it has, since a smooth photo has no detail to add."""
    level = level_of(sky())
    rows, columns = own_places(40, 60)
    rows[:, 30:] += 12
    soft = np.broadcast_to(np.linspace(130, 200, 60)[None, :, None], (40, 60, 3)).astype(np.uint8)
    hard, joined = (
        steps(paint(level, Map(rows, columns), FINE, below), 1) for below in (None, soft)
    )
    assert joined.max() <= steps(soft, 1).max() + 1 < hard.max() / 2


def test_detail_is_the_photo_s_own_and_not_smoothed_away():
    """Smoothness takes nothing from pixels with strong detail, whatever the picture below says."""
    level = level_of(noise(40, 50))
    found = Map(*own_places(40, 50))
    assert (
        np.abs(
            paint(level, found, FINE, np.zeros((40, 50, 3), np.uint8)).astype(int) - level.pixels
        ).mean()
        < 1
    )


def test_smoothness_falls_with_the_detail():
    flat = sky()
    rough = np.clip(flat + np.random.default_rng(0).normal(0, 20, flat.shape), 0, 255).astype(
        np.uint8
    )
    shares = [
        level.words.view(np.uint8).reshape(-1, 4)[:, 3]
        for level in (level_of(flat), level_of(rough))
    ]
    assert max(share.max() for share in shares) == FULL
    assert shares[0].sum() > 10 * shares[1].sum()


# features


EXTREMES = {
    "checkerboard": np.indices((40, 50)).sum(axis=0)[..., None].repeat(3, 2) % 2 * 255,
    "stripes": (np.indices((40, 50))[1] // 4 % 2 * 255)[..., None].repeat(3, 2),
    "one pixel": np.pad(np.full((1, 1, 3), 255), ((20, 19), (25, 24), (0, 0))),
    "one colour": np.full((40, 50, 3), 9),
    "noise": noise(40, 50),
    "landscape": landscape(40, 50),
    "transparent": landscape(40, 50, 4),
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("query", ["own", "noise", "black", "white"])
def test_features_are_whole_numbers_in_their_range_and_distances_exact(name, query):
    """Any picture, directions of any photo: products of float32 matrices equal sums in int64."""
    pixels = EXTREMES[name].astype(np.uint8)
    channels = pixels.shape[2]
    level = Photo(pixels, [(40, 50)]).level(0)
    others = {"own": pixels, "noise": noise(30, 35, channels, 7)}
    others |= {"black": np.zeros_like(pixels), "white": np.full_like(pixels, 255)}
    asked, keys = (
        patches.compute_all_features(one, level.basis, level.centre)
        for one in (others[query], level.matched)
    )
    for values in (asked, keys):
        assert values.dtype == np.float32 and values.shape[1] == SEARCH_FEATURES
        assert (values == np.rint(values)).all() and np.abs(values).max() <= FEATURE

    left, right = full_search.expand_distances(asked[::7], keys)
    apart = asked[::7, None].astype(np.int64) - keys[None].astype(np.int64)
    assert np.array_equal((left @ right.T).astype(np.int64), (apart**2).sum(axis=2))


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 99))
@settings(max_examples=60)
def test_products_are_exact_for_any_features(asked, keys, seed):
    """Also the largest, with the largest height on top."""
    rng = np.random.default_rng(seed)
    a, b = (
        rng.choice([-FEATURE, FEATURE, 0, 1], (n, SEARCH_FEATURES + 1)).astype(np.float32)
        for n in (asked, keys)
    )
    a[:, -1], b[:, -1] = (
        rng.integers(0, search.HEIGHTS, asked),
        rng.integers(0, search.HEIGHTS, keys),
    )
    left, right = full_search.expand_distances(a, b)
    apart = ((a[:, None].astype(np.int64) - b[None].astype(np.int64)) ** 2).sum(axis=2)
    assert np.array_equal((left @ right.T).astype(np.int64), apart)


def test_no_sum_reaches_what_float32_can_no_longer_count():
    distance = SEARCH_FEATURES * (2 * FEATURE) ** 2
    assert distance < 2**24
    assert distance + (search.HEIGHTS - 1) ** 2 < 2**24
    assert 255 * 127 * 49 * 4 < 2**24  # a patch's product with a direction
    votes = sum(weight for _, _, weight in compute_weights(COARSE))
    assert (
        255 * votes < 2**18 and 255 * 255 * votes < 2**26 and votes < 2**10
    )  # the fields of packed votes
    assert 2 * FULL * 255 * votes < 2**31

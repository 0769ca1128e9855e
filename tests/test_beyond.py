"""Above the photo's own size: windows are exact, edges crisp, and flat stays flat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.detail import resize, super_resolution
from singan_core.detail.drawing import Drawing
from singan_core.detail.maps import Map
from singan_core.detail.photo import Photo, premultiply
from singan_core.windows import Region, Span, Wrap, cover_canvas
from singan_runtime.measures.quality import detail_ratios

Size = tuple[int, int]

SIZE = 72, 96


def scene(channels: int = 3, size: Size = SIZE) -> Pixels:
    """Draw discs and stripes with crisp edges on a slope, a little noise on top."""
    rng = np.random.default_rng(channels)
    y, x = np.mgrid[: size[0], : size[1]].astype(float)
    plane = 60 + y + 30 * ((x + 2 * y) % 17 < 8)
    for top, left, radius in ((20, 30, 14), (50, 70, 18), (55, 15, 9)):
        plane += 80 * ((y - top) ** 2 + (x - left) ** 2 < radius**2)
    pixels = plane[..., None] * np.linspace(1, 0.6, channels) + rng.normal(0, 3, (*size, channels))
    return pixels.clip(0, 255).astype(np.uint8)


def drawing(photo: Pixels, wrap: Wrap = (False, False), canvas: Size | None = None) -> Drawing:
    """Begin a picture of the photo on a canvas, the photo's own unless given."""
    size = photo.shape[0], photo.shape[1]
    canvas = canvas or size
    levels = Photo(photo, [(size[0] // 2, size[1] // 2), size])
    below = canvas[0] // 2, canvas[1] // 2
    start = resize.resize(levels.at(0), below)

    def guide(region: Region) -> Pixels:
        rows, columns = (
            np.arange(*span) % length for span, length in zip(region, below, strict=True)
        )
        return start[np.ix_(rows, columns)]

    return Drawing(levels, [below, canvas], guide, wrap=wrap)


def enlarge_photo(photo: Pixels, size: Size) -> tuple[Pixels, Map]:
    """Enlarge the photo itself, every pixel at its own position."""
    own = photo.shape[0], photo.shape[1]
    level = Photo(photo, [(own[0] // 2, own[1] // 2), own]).level(1)
    rows, columns = np.mgrid[: own[0], : own[1]].astype(np.int32)
    pixels, found = premultiply(photo), Map(rows, columns)
    for step in super_resolution.plan_steps(
        super_resolution.choose_canvases(own, size), cover_canvas(size), (False, False)
    ):
        detail = super_resolution.find_lost_detail(level, step)
        pixels, found = super_resolution.enlarge(level, detail, step, pixels, found)
    return pixels, found


def repeat(values: NDArray[np.generic], region: Region) -> NDArray[np.generic]:
    """Cut a region, which may lie outside and means the repeats there."""
    rows, columns = (
        np.arange(*span) % length for span, length in zip(region, values.shape, strict=False)
    )
    return values[np.ix_(rows, columns)]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("wrap", [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("size", [(101, 140), (140, 180), (190, 251)])
def test_windows_equal_slices_of_the_whole(channels: int, wrap: Wrap, size: Size) -> None:
    picture = drawing(scene(channels), wrap, (70, 90))
    full = picture.draw_resampled(cover_canvas(size), size)
    assert full.pixels.shape == (*size, channels)

    @settings(max_examples=8, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        spans = []
        for length, periodic in zip(size, wrap, strict=True):
            begin = data.draw(st.integers(-30 if periodic else 0, length - 1))
            stop = data.draw(
                st.integers(begin + 1, min(begin + 40, length + 30 if periodic else length))
            )
            spans.append(Span(begin, stop))
        region = spans[0], spans[1]
        part = picture.draw_resampled(region, size)
        assert np.array_equal(part.pixels, repeat(full.pixels, region))
        assert np.array_equal(part.map.rows, repeat(full.map.rows, region))
        assert np.array_equal(part.map.columns, repeat(full.map.columns, region))

    check()


def test_a_window_may_hold_more_than_a_full_turn() -> None:
    size = 101, 140
    picture = drawing(scene(), (True, True), (70, 90))
    full = picture.draw_resampled(cover_canvas(size), size)
    region = Span(-7, size[0] + 9), Span(60, size[1] + 70)
    assert np.array_equal(picture.draw_resampled(region, size).pixels, repeat(full.pixels, region))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_there_is_more_fine_detail_than_resampling_gives(channels: int) -> None:
    truth = scene(channels, (144, 192))
    photo = resize.resize(truth, SIZE)
    drawn, _ = enlarge_photo(photo, (144, 192))
    plain = resize.resize(premultiply(photo), (144, 192))
    wanted = premultiply(truth)
    ours, theirs = detail_ratios(wanted, drawn), detail_ratios(wanted, plain)
    assert ours[0] > 1.1 * theirs[0]
    assert ours[1] > theirs[1]
    assert all(abs(ratio - 1) < 0.1 for ratio in ours[1:])


def test_the_picture_shrunk_again_is_the_smaller_one() -> None:
    photo = scene()
    size = 101, 135
    drawn, _ = enlarge_photo(photo, size)
    plain = resize.resize(photo, size)
    errors = [np.abs(resize.resize(one, SIZE).astype(int) - photo).mean() for one in (drawn, plain)]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("size", [(73, 96), (101, 140), (150, 200)])
def test_a_flat_photo_stays_flat(size: Size) -> None:
    photo = np.full((*SIZE, 3), (10, 128, 255), np.uint8)
    drawn, _ = enlarge_photo(photo, size)
    assert np.array_equal(drawn, np.broadcast_to(photo[0, 0], drawn.shape))


def test_a_sky_gets_no_noise() -> None:
    rng = np.random.default_rng(0)
    photo = (np.full((*SIZE, 3), 150) + rng.integers(-1, 2, (*SIZE, 3))).astype(np.uint8)
    level = Photo(photo, [(36, 48), SIZE]).level(1)
    assert not super_resolution.make_lost_detail(level, (51, 68)).lacking.any()


def test_positions_stay_on_the_photo_and_near_their_own() -> None:
    size = 144, 192
    _, found = enlarge_photo(scene(), size)
    rows, columns = np.mgrid[: size[0], : size[1]] // 2
    assert np.abs(found.rows - rows).max() <= 3
    assert np.abs(found.columns - columns).max() <= 3
    assert found.rows.min() >= 0
    assert found.rows.max() < SIZE[0]
    assert found.columns.min() >= 0
    assert found.columns.max() < SIZE[1]


def test_steps_are_equal_and_end_at_the_very_size_or_at_twice_the_photo() -> None:
    assert super_resolution.choose_canvases((100, 200), (100, 200)) == [(100, 200)]
    assert super_resolution.choose_canvases((100, 200), (101, 202)) == [(100, 200), (101, 202)]
    assert super_resolution.choose_canvases((100, 200), (150, 300)) == [(100, 200), (150, 300)]
    assert super_resolution.choose_canvases((100, 200), (200, 400)) == [
        (100, 200),
        (141, 283),
        (200, 400),
    ]
    assert super_resolution.choose_canvases((100, 200), (230, 460)) == [
        (100, 200),
        (152, 303),
        (230, 460),
    ]
    assert super_resolution.choose_canvases((100, 200), (240, 480)) == [
        (100, 200),
        (141, 283),
        (200, 400),
    ]


def test_details_are_kept_with_the_level() -> None:
    level = Photo(scene(), [(36, 48), SIZE]).level(1)
    step = super_resolution.plan_steps(
        super_resolution.choose_canvases(SIZE, (144, 192)), cover_canvas((144, 192)), (False, False)
    )[0]
    assert super_resolution.find_lost_detail(level, step) is super_resolution.find_lost_detail(
        level, step
    )


def test_what_is_over_twice_the_photo_is_resampled_from_twice() -> None:
    picture = drawing(scene(), canvas=(24, 32))
    twice, size = (48, 64), (70, 96)
    expected = resize.resize(picture.draw_resampled(cover_canvas(twice), twice).pixels, size)
    assert np.array_equal(picture.draw_resampled(cover_canvas(size), size).pixels, expected)


def test_smaller_pictures_are_resampled() -> None:
    picture = drawing(scene())
    size = 60, 80
    expected = resize.resize(picture.draw(cover_canvas(SIZE)).pixels, size)
    assert np.array_equal(picture.draw_resampled(cover_canvas(size), size).pixels, expected)

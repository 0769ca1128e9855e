"""The resampler of 8-bit pictures: the one resampler in whole numbers."""

import numpy as np
from detail_scenes import WRAPS, noise, whole_of
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_core import resample
from singan_core.detail import resize
from singan_core.windows import Span

SIDE = st.integers(1, 90)
SIZE = st.tuples(SIDE, SIDE)
WRAP = st.sampled_from(WRAPS)


def in_floats(pixels, size, wrap):
    """What singan_core.resample makes of the picture in float64, rounded to 8 bits."""
    old = pixels.shape[:2]
    image = pixels.transpose(2, 0, 1).astype(np.float64)
    made = resample.resize_window(image, whole_of(old), old, size, whole_of(size), wrap)
    return np.floor(made.clip(0, 255) + 0.5).transpose(1, 2, 0)


@given(SIZE, SIZE, WRAP, st.sampled_from([1, 3, 4]), st.integers(0, 9))
@settings(max_examples=200)
def test_it_is_the_float_resampler_within_a_grey_level(old, new, wrap, channels, seed):
    pixels = noise(*old, channels, seed)
    made = resize.resize(pixels, new, wrap)
    assert made.shape == (*new, channels) and made.dtype == np.uint8
    assert np.abs(made - in_floats(pixels, new, wrap)).max() <= 1


def test_a_photo_of_1920_px_is_shrunk_to_the_hand_over_within_a_grey_level():
    """Two thousand weights are rounded, and still nothing adds up."""
    for pixels in (
        noise(4, 1920),
        np.repeat((np.arange(1920) % 270 < 135).astype(np.uint8)[None, :, None] * 255, 4, 0),
    ):
        assert (
            np.abs(
                resize.resize(pixels, (4, 33)) - in_floats(pixels, (4, 33), (False, False))
            ).max()
            <= 1
        )


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.booleans(),
    st.integers(-400, 400),
    st.integers(1, 60),
)
@settings(max_examples=200)
def test_weights_are_whole_and_add_up_to_one(n_in, n_out, wrap, start, length):
    start = start if wrap else start % n_out
    stop = start + length if wrap else min(start + length, n_out)
    indices, weights = resize.compute_taps(n_in, n_out, wrap, start, stop)
    assert weights.dtype == indices.dtype == np.int64 and weights.shape == indices.shape
    assert (weights.sum(axis=1) == resize.UNIT).all()
    assert indices.min() >= 0 and indices.max() < n_in


@given(SIZE, SIZE, WRAP, st.integers(0, 255))
@settings(max_examples=100)
def test_one_colour_stays_that_colour(old, new, wrap, value):
    assert (resize.resize(np.full((*old, 3), value, np.uint8), new, wrap) == value).all()


@st.composite
def windows(draw):
    """Two sizes, wrap, and a region of the second, which may lie outside along a periodic axis."""
    old, new, wrap = draw(SIZE), draw(SIZE), draw(WRAP)
    region = []
    for length, periodic in zip(new, wrap, strict=True):
        start = draw(st.integers(-length, length) if periodic else st.integers(0, length - 1))
        region.append(
            Span(start, start + draw(st.integers(1, length if periodic else length - start)))
        )
    return old, new, wrap, tuple(region)


@given(windows(), st.sampled_from([1, 3, 4]))
@settings(max_examples=200)
def test_a_window_equals_the_slice_of_the_whole_from_what_it_reads_alone(request_, channels):
    old, new, wrap, region = request_
    pixels = noise(*old, channels)
    have = resize.find_sources(region, old, new, wrap)
    for span, length in zip(have, old, strict=True):
        assert span.length <= length
    rows, columns = (np.arange(*span) % length for span, length in zip(have, old, strict=True))
    part = resize.resize_window(pixels[rows][:, columns], have, old, new, region, wrap)

    rows, columns = (np.arange(*span) % length for span, length in zip(region, new, strict=True))
    assert np.array_equal(part, resize.resize(pixels, new, wrap)[rows][:, columns])


def test_a_window_of_a_huge_picture_reads_a_few_pixels():
    region = Span(700_000, 700_100), Span(3, 103)
    have = resize.find_sources(region, (2**20, 2**20), (2**20 + 7, 2**19))
    assert max(span.length for span in have) <= 210


def test_neither_blocks_nor_strips_change_a_byte(monkeypatch):
    pixels, size = noise(70, 90), (150, 131)
    made = resize.resize(pixels, size)
    for block, strip in ((1, 150), (150, 1), (7, 11)):
        monkeypatch.setattr(resize, "_BLOCK", block)
        monkeypatch.setattr(resize, "_STRIP", strip)
        assert np.array_equal(resize.resize(pixels, size), made)


@given(st.integers(1, 300), st.integers(1, 300), st.booleans())
@settings(max_examples=200)
def test_sums_of_both_passes_are_whole_numbers_that_float32_holds(n_in, n_out, wrap):
    """The worst 8-bit pictures: white where weights are positive, or where they are negative."""
    weights = resize.compute_taps(n_in, n_out, wrap, 0, n_out).weights
    most = max(weights.clip(0).sum(axis=1).max(), -weights.clip(max=0).sum(axis=1).min())
    between = -(-255 * most * resize.KEPT // resize.UNIT)
    assert 255 * most < 2**24 and between * most < 2**24

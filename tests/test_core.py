import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from singan_core import noise, pyramid, resample
from singan_core.errors import RequestError


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, words):
    got = noise.philox(tuple(np.uint64(word) for word in counter), key)
    assert " ".join(f"{int(word):08x}" for word in got) == words


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 12), st.integers(1, 12))
def test_window_equals_slice_of_whole_field(y, x, height, width):
    whole = noise.field(7, 2, 3, 3, -5, -5, 40, 40)
    window = noise.field(7, 2, 3, 3, y - 5, x - 5, height, width)
    assert np.array_equal(window, whole[:, y : y + height, x : x + width])


@given(st.integers(11, 60), st.integers(1, 90))
def test_weights_sum_to_one(n_in, n_out):
    assert np.allclose(resample.taps(n_in, n_out).weights.sum(axis=1), 1)


@given(st.integers(40, 2000), st.integers(40, 2000))
def test_last_canvas_is_the_request(height, width):
    assert pyramid.fit(pyramid.plan((164, 250)), (height, width))[-1].canvas == (height, width)


def test_too_large_a_zoom_names_the_largest_legal_one():
    with pytest.raises(RequestError, match="largest zoom"):
        pyramid.fit(pyramid.plan((164, 250)), (250, 250), 100.0)

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from singan_core import noise

SIGNED = st.integers(-(2**31), 2**31 - 100)


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
def test_philox_gives_the_known_answers_of_random123(counter, key, words):
    got = noise.philox(tuple(np.uint64(word) for word in counter), key)
    assert " ".join(f"{int(word):08x}" for word in got) == words


@given(
    SIGNED, SIGNED, st.integers(0, 30), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20)
)
def test_window_equals_slice_of_whole_field(y, x, down, right, height, width):
    whole = noise.draw_field(7, 2, 3, 2, y, x, 50, 50)
    window = noise.draw_field(7, 2, 3, 2, y + down, x + right, height, width)
    assert np.array_equal(window, whole[:, down : down + height, right : right + width])


@given(SIGNED, SIGNED, st.integers(1, 20), st.integers(1, 20))
def test_float64_noise_rounds_to_the_float32_noise(y, x, height, width):
    exact = noise.draw_field(7, 2, 3, 2, y, x, height, width, dtype=np.float64)
    rounded = noise.draw_field(7, 2, 3, 2, y, x, height, width)
    assert exact.dtype == np.float64 and rounded.dtype == np.float32
    assert np.array_equal(exact.astype(np.float32), rounded)
    assert abs(exact[1, 0, 0] - plain_value(7, 2, 3, 1, y, x)) <= 1e-13


@pytest.mark.parametrize("border", ["zero", "noise"])
@pytest.mark.parametrize("wrap", [(False, False), (True, False)])
def test_float64_noise_of_canvases_and_regions_rounds_to_the_float32_noise(border, wrap):
    canvases = [
        noise.draw_for_canvas(7, 2, 3, 2, (9, 14), border, dtype=dtype)
        for dtype in (np.float64, np.float32)
    ]
    regions = [
        noise.draw_for_region(7, 2, 3, 2, (9, 14), ((-2, 9), (3, 16)), border, wrap, dtype=dtype)
        for dtype in (np.float64, np.float32)
    ]
    for exact, rounded in (canvases, regions):
        assert exact.dtype == np.float64
        assert np.array_equal(exact.astype(np.float32), rounded)
        assert not np.array_equal(exact, rounded)


def test_tall_fields_do_not_depend_on_the_internal_blocks():
    whole = noise.draw_field(1, 0, 0, 1, 0, 0, 300, 1000)
    rows = [noise.draw_field(1, 0, 0, 1, y, 0, 1, 1000) for y in range(300)]
    assert np.array_equal(whole, np.concatenate(rows, axis=1))


def test_more_channels_leave_the_first_ones_alone():
    assert np.array_equal(
        noise.draw_field(5, 1, 0, 4, 0, 0, 9, 9)[:2], noise.draw_field(5, 1, 0, 2, 0, 0, 9, 9)
    )


def test_values_are_standard_normal():
    values = noise.draw_field(0, 0, 0, 1, 0, 0, 1000, 1000).astype(np.float64).ravel()
    assert abs(values.mean()) < 4e-3  # four standard errors of a million values
    assert abs(values.var() - 1) < 4 * np.sqrt(2) * 1e-3
    assert abs((values**3).mean()) < 4 * np.sqrt(15) * 1e-3
    assert abs((values**4).mean() - 3) < 4 * np.sqrt(96) * 1e-3
    for bound, share in ((1, 0.317311), (2, 0.045500), (3, 0.002700)):
        assert (
            abs((np.abs(values) > bound).mean() - share) < 4 * np.sqrt(share * (1 - share)) * 1e-3
        )


def correlation(a, b):
    return abs(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]))


ENOUGH = 4 / 500  # four standard errors of the correlation of 500 x 500 independent pairs


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (0, 2), (0, 3), (0, 4)])
def test_neighbours_are_uncorrelated(step):
    values = noise.draw_field(3, 0, 0, 1, 0, 0, 504, 504)[0]
    assert (
        correlation(values[:500, :500], values[step[0] : step[0] + 500, step[1] : step[1] + 500])
        < ENOUGH
    )


def test_channels_scales_frames_and_seeds_are_uncorrelated():
    def values(seed=3, scale=0, frame=0):
        return noise.draw_field(seed, scale, frame, 2, 0, 0, 500, 500)

    first = values()
    assert correlation(first[0], first[1]) < ENOUGH
    others = [
        values(scale=1),
        values(frame=1),
        values(frame=noise.RECONSTRUCTION_FRAME),
        values(seed=4),
    ]
    for other in (*others, values(seed=3 + 2**32)):
        assert correlation(first[0], other[0]) < ENOUGH
        assert correlation(first[0] ** 2, other[0] ** 2) < ENOUGH


def test_every_bit_of_the_seed_counts():
    digests = {
        hashlib.sha256(noise.draw_field(1 << bit, 0, 0, 1, 0, 0, 4, 4).tobytes()).digest()
        for bit in range(64)
    }
    assert len(digests) == 64


def test_vectors_of_the_specification_hold():
    text = (Path(__file__).parent.parent / "docs" / "noise.md").read_text(encoding="utf-8")
    assert noise.SPEC in text
    row = re.compile(
        r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (-?\d+) \| (-?\d+) \| (-?\d\.\d+) \|$",
        re.MULTILINE,
    )
    rows = row.findall(text)
    assert len(rows) >= 12
    for seed, scale, frame, channel, y, x, value in rows:
        window = noise.draw_field(
            int(seed), int(scale), int(frame), int(channel) + 1, int(y), int(x), 1, 1
        )
        assert (
            abs(window[-1, 0, 0] - float(value)) <= 5e-7
        )  # libraries differ in the last bit of log, sin and cos


def plain_value(seed, scale, frame, channel, y, x):
    """docs/noise.md again, in plain Python."""
    key = [seed % 2**32, seed // 2**32]
    counter = [(x // 4) % 2**32, y % 2**32, frame, scale * 65536 + channel]
    for _ in range(10):
        h0, l0 = divmod(counter[0] * 0xD2511F53, 2**32)
        h1, l1 = divmod(counter[2] * 0xCD9E8D57, 2**32)
        counter = [h1 ^ counter[1] ^ key[0], l1, h0 ^ counter[3] ^ key[1], l0]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    pair = counter[:2] if x % 4 < 2 else counter[2:]
    u, v = ((word + 0.5) * 2.0**-32 for word in pair)
    turn = math.sin if x % 2 else math.cos
    return math.sqrt(-2 * math.log(u)) * turn(2 * math.pi * v)


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 3),
    SIGNED,
    SIGNED,
)
def test_field_is_what_the_specification_says(seed, scale, frame, channel, y, x):
    value = noise.draw_field(seed, scale, frame, channel + 1, y, x, 1, 1)[channel, 0, 0]
    assert abs(value - plain_value(seed, scale, frame, channel, y, x)) <= 5e-7

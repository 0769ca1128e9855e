import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from singan_core import resample

SIDE = st.integers(1, 90)


def picture(height, width, channels=1):
    return (
        np.random.default_rng(height * 1000 + width)
        .uniform(-1, 1, (1, channels, height, width))
        .astype(np.float32)
    )


@given(SIDE, SIDE, st.booleans())
def test_weights_sum_to_one_and_indices_stay_inside(n_in, n_out, wrap):
    indices, weights = resample.compute_taps(n_in, n_out, wrap)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-12)
    assert indices.min() >= 0 and indices.max() < n_in


@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 90), st.integers(1, 90))
def test_equals_pillow_bicubic_on_floats(height, width, new_height, new_width):
    image = picture(height, width)
    pillow = Image.fromarray(image[0, 0]).resize((new_width, new_height), Image.Resampling.BICUBIC)
    assert (
        np.abs(resample.resize(image, (new_height, new_width))[0, 0] - np.asarray(pillow)).max()
        < 5e-5
    )


@pytest.mark.parametrize("size", [(61, 83), (20, 90), (13, 17), (40, 50)])
def test_equals_torch_bicubic_with_antialiasing(size):
    torch = pytest.importorskip("torch")
    image = picture(40, 50, 3)
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(image), size, mode="bicubic", antialias=True
    )
    assert np.abs(resample.resize(image, size) - theirs.numpy()).max() < 5e-5


def test_torch_tensors_give_what_numpy_arrays_give():
    torch = pytest.importorskip("torch")
    image = picture(21, 34, 3)
    ours = resample.resize(torch.from_numpy(image), (50, 29)).numpy()
    assert np.abs(ours - resample.resize(image, (50, 29))).max() < 1e-6


@given(SIDE, st.integers(1, 200))
def test_a_constant_stays_constant(n_in, n_out):
    image = np.full((1, 1, n_in, 3), 0.7, np.float32)
    assert np.allclose(resample.resize(image, (n_out, 5)), 0.7, atol=1e-6)


@given(st.integers(8, 40), st.integers(2, 6))
def test_a_straight_ramp_stays_straight_inside(n_in, factor):
    """Keys' kernel reproduces polynomials up to degree two, and so a ramp at any positions."""
    ramp = np.arange(n_in, dtype=np.float64)
    indices, weights = resample.compute_taps(n_in, n_in * factor)
    made = (ramp[indices] * weights).sum(axis=1)
    positions = (np.arange(n_in * factor) + 0.5) / factor - 0.5
    inside = slice(2 * factor, -2 * factor)
    assert np.allclose(made[inside], positions[inside], atol=1e-9)


def test_the_kernel_is_keys_cubic_with_a_half():
    """A quarter pixel from old values, where doubling puts new ones, it has these weights."""
    assert np.allclose(resample.compute_taps(20, 40).weights[20], np.array([-3, 29, 111, -9]) / 128)


@given(st.integers(4, 30), st.integers(4, 60), st.integers(0, 29))
def test_wrapped_taps_commute_with_rolling_the_axis(n_in, n_out, shift):
    image = picture(n_in, 1)[0, 0, :, 0].astype(np.float64)
    factor = 3
    indices, weights = resample.compute_taps(n_in, n_in * factor, wrap=True)

    def enlarge(values):
        return (values[indices] * weights).sum(axis=1)

    assert np.allclose(
        enlarge(np.roll(image, shift)), np.roll(enlarge(image), shift * factor), atol=1e-12
    )


@given(st.integers(0, 50), st.integers(0, 60), st.integers(1, 11), st.integers(1, 11))
def test_a_part_of_the_result_never_depends_on_the_rest(y, x, height, width):
    image = picture(30, 41, 3)
    rows, columns = resample.compute_taps(30, 61), resample.compute_taps(41, 71)
    whole = resample.apply(image, rows, columns)
    part = resample.apply(
        image,
        resample.Taps(rows.indices[y : y + height], rows.weights[y : y + height]),
        resample.Taps(columns.indices[x : x + width], columns.weights[x : x + width]),
    )
    assert np.array_equal(part, whole[..., y : y + height, x : x + width])


def test_the_same_size_is_the_same_object():
    image = picture(9, 9)
    assert resample.resize(image, (9, 9)) is image

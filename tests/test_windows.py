"""Windows of the cascade: exactly the slice of the whole, from exactly what is needed."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_core import cascade, fitting, noise, pyramid, windows
from singan_core.errors import RequestError
from singan_core.windows import Span

TRAINED = pyramid.Pyramid(((13, 17), (21, 27), (32, 41)), 0.64)
WEIGHTS = np.random.default_rng(0).normal(0, 0.25, (3, 11, 11)).astype(np.float32)


def generate(scale, noise_, prev):
    """A generator of the right receptive field: one 11x11 convolution and a tanh."""
    values = noise_ + prev
    height, width = values.shape[2] - 10, values.shape[3] - 10
    total = np.zeros((*values.shape[:2], height, width), np.float32)
    for y in range(11):
        for x in range(11):
            total += WEIGHTS[scale, y, x] * values[..., y : y + height, x : x + width]
    return np.tanh(total) + prev[..., 5:-5, 5:-5]


def drawing(seed, channels, border, wrap):
    def draw(step):
        return noise.draw_for_region(
            seed, step.index, 0, channels, step.canvas, step.drawn, border, wrap
        )[None]

    return draw


@st.composite
def requests(draw):
    """Passes, a base image or None, a window, and the rest of a picture."""
    size = draw(st.integers(13, 60)), draw(st.integers(13, 60))
    zoom = draw(st.sampled_from(["auto", "area"]) | st.floats(0.4, 4))
    try:
        passes = fitting.fit(TRAINED, size, zoom).passes
    except RequestError:
        passes = fitting.fit(TRAINED, size).passes
    start = draw(st.integers(0, passes[-1].generator))
    wrap = (draw(st.booleans()), draw(st.booleans())) if start == 0 else (False, False)
    y, x = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
    window = Span(y, draw(st.integers(y + 1, size[0]))), Span(x, draw(st.integers(x + 1, size[1])))
    channels, border = draw(st.sampled_from([1, 3, 4])), draw(st.sampled_from(["zero", "noise"]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    base = (
        rng.uniform(-1, 1, (1, channels, *draw(st.tuples(SIDE, SIDE)))).astype(np.float32)
        if start
        else None
    )
    return (
        passes[start:],
        base,
        window,
        wrap,
        drawing(draw(st.integers(0, 2**64 - 1)), channels, border, wrap),
    )


SIDE = st.integers(11, 50)


@given(requests())
@settings(max_examples=150)
def test_a_window_equals_the_slice_of_the_whole_picture_bit_for_bit(request_):
    passes, base, window, wrap, draw = request_
    whole = cascade.run(passes, generate, draw, base, wrap=wrap)
    assert whole.shape[2:] == passes[-1].canvas
    part = cascade.run(passes, generate, draw, base, window, wrap)
    assert np.array_equal(part, whole[..., slice(*window[0]), slice(*window[1])])


@given(requests())
@settings(max_examples=150)
def test_no_step_draws_more_than_its_canvas_or_less_than_it_keeps(request_):
    passes, base, window, wrap, _ = request_
    steps = windows.plan_steps(passes, base.shape[2:] if base is not None else None, window, wrap)
    assert steps[-1].kept == window
    for step in steps:
        for axis in (0, 1):
            drawn, kept, length = step.drawn[axis], step.kept[axis], step.canvas[axis]
            assert 0 < kept.length <= drawn.length <= length
            if not wrap[axis]:
                assert 0 <= drawn.start <= kept.start < kept.stop <= drawn.stop <= length


def test_a_small_window_of_a_huge_picture_needs_small_regions():
    """A million pixels a side: every step draws at most the window and a rim that does not grow."""
    passes = fitting.fit(TRAINED, (2**20, 2**20), 1.0).passes
    steps = windows.plan_steps(passes, None, (Span(500_000, 500_100), Span(7, 107)))
    assert max(max(step.size) for step in steps) <= 100 + 2 * 15
    far = fitting.fit(TRAINED, (2**20, 2**20)).passes
    assert (
        max(max(step.size) for step in windows.plan_steps(far, None, (Span(5, 105), Span(7, 107))))
        <= 100 + 2 * 40
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_a_periodic_picture_is_the_same_wherever_it_is_cut(axis):
    """A region from the middle over the edge is the picture, rolled by half."""
    size, wrap = (44, 52), (axis == 0, axis == 1)
    passes = fitting.fit(TRAINED, size, 1.0).passes
    draw = drawing(3, 3, "zero", wrap)
    whole = cascade.run(passes, generate, draw, wrap=wrap)
    region = list(windows.cover_canvas(size))
    half = size[axis] // 2
    region[axis] = Span(half, half + size[axis] - 1)
    over = cascade.run(passes, generate, draw, None, tuple(region), wrap)
    rolled = np.roll(whole, -half, axis=axis - 2)
    assert np.array_equal(over, rolled[..., : over.shape[2], : over.shape[3]])


@given(st.integers(40, 3000), st.integers(0, 50), st.integers(1, 40))
def test_tiles_cover_a_region_once(length, start, count):
    region = Span(start, start + length), Span(3, 10)
    tiles = list(windows.cut_tiles(region, count, 2))
    assert len(tiles) == 2 * count and {columns for _, columns in tiles} == {
        Span(3, 6),
        Span(6, 10),
    }
    rows = sorted({rows for rows, _ in tiles})
    assert rows[0].start == start and rows[-1].stop == start + length
    assert all(a.stop == b.start for a, b in itertools.pairwise(rows))
    assert max(span.length for span in rows) - min(span.length for span in rows) <= 1


@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 300), st.booleans())
def test_blocks_have_one_shape_and_cover_the_canvas(height, width, side, fixed):
    blocks = list(windows.cut_blocks((height, width), side, fixed))
    (shape,) = {(rows.length, columns.length) for rows, columns in blocks}
    assert max(shape) <= side and (not fixed or shape == (min(height, side), min(width, side)))
    covered = np.zeros((height, width), bool)
    for rows, columns in blocks:
        assert min(rows.start, columns.start) >= 0
        covered[slice(*rows), slice(*columns)] = True
    assert covered.all() and rows.stop == height and columns.stop == width

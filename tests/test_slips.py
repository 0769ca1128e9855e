"""Small steps of a map are spread, so that they do not grow into stairs at the levels above."""

import numpy as np
import pytest
from detail_scenes import landscape, photo_of
from hypothesis import given
from hypothesis import strategies as st

from singan_core.detail import drawing
from singan_core.detail.drawing import Drawing
from singan_core.detail.maps import Map, enlarge_map
from singan_core.detail.slips import MOST, SPREAD, spread_slips
from singan_core.windows import Span, cover_canvas

SEEDS = st.integers(0, 2**32 - 1)
CANVAS = (40, 50)


def even_map(canvas=CANVAS, down=3, across=5):
    """Every pixel shows what lies (down, across) from it."""
    rows, columns = np.mgrid[: canvas[0], : canvas[1]].astype(np.int32)
    return Map(rows + np.int32(down), columns + np.int32(across))


def broken_map(step, at=20, axis=1):
    """Two pieces that meet in a line; the second is step px further on in columns."""
    found = even_map()
    later = np.s_[:, at:] if axis == 1 else np.s_[at:]
    found.columns[later] += np.int32(step)
    return found


def sloping_map(seed, canvas=CANVAS):
    """Pieces of all sizes, between which positions jump or slip."""
    rng = np.random.default_rng(seed)
    found = even_map(canvas, 20, 20)
    for values in (found.rows, found.columns):
        for _ in range(12):
            top, left = (rng.integers(0, side) for side in canvas)
            height, width = (rng.integers(1, side) for side in canvas)
            values[top : top + height, left : left + width] += np.int32(rng.integers(-4, 5))
    return found


def steps_of(values, axis, number):
    """How much more or less than one pixel positions go on by, along an axis."""
    return np.diff(values, axis=axis) - (axis == number)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("step", [-2, -1, 1, 2])
def test_a_slip_becomes_single_steps_around_it(axis, step):
    spread = spread_slips(broken_map(step, axis=axis))
    steps = steps_of(spread.columns, axis, 1)
    changed = np.flatnonzero(steps.any(axis=1 - axis))
    assert np.abs(steps).max() == 1 and len(changed) == abs(step)
    assert np.abs(changed - 19).max() < SPREAD
    assert (steps.sum(axis=axis) == step).all()


@pytest.mark.parametrize("axis", [0, 1])
def test_pieces_of_different_places_stay_as_they_are(axis):
    found = broken_map(MOST + 1, axis=axis)
    assert np.array_equal(spread_slips(found).columns, found.columns)


@given(SEEDS)
def test_what_goes_on_evenly_stays(seed):
    rng = np.random.default_rng(seed)
    found = even_map(down=int(rng.integers(0, 9)), across=int(rng.integers(0, 9)))
    for factor in (1, 2):  # each position, or every second one
        even = Map(found.rows * np.int32(factor), found.columns)
        spread = spread_slips(even)
        assert np.array_equal(spread.rows, even.rows) and np.array_equal(
            spread.columns, even.columns
        )


@given(SEEDS)
def test_every_position_lies_among_those_around_it(seed):
    found, spread = sloping_map(seed), spread_slips(sloping_map(seed))
    for before, after in ((found.rows, spread.rows), (found.columns, spread.columns)):
        assert before.min() <= after.min() and after.max() <= before.max()
        assert np.abs(after - before).max() <= 2 * MOST * SPREAD


@given(SEEDS, st.data())
def test_a_part_is_the_slice_of_the_whole_6_px_from_where_it_is_cut(seed, data):
    found = sloping_map(seed)
    top, left = (data.draw(st.integers(0, side - 14)) for side in CANVAS)
    part = Map(found.rows[top:, left:].copy(), found.columns[top:, left:].copy(), top, left)
    whole, alone = spread_slips(found), spread_slips(part)
    skip = tuple(slice(SPREAD if start else 0, None) for start in (top, left))
    for one, other in ((whole.rows, alone.rows), (whole.columns, alone.columns)):
        assert np.array_equal(one[top:, left:][skip], other[skip])


def test_a_slip_is_no_larger_at_any_level_above():
    """Without spreading it has 8 px three levels further up."""
    photo = photo_of(landscape(400, 500))
    found, number = broken_map(1), len(photo.sizes) - 3
    canvas = found.size
    for level in range(number, len(photo.sizes)):
        larger = (2 * canvas[0], 2 * canvas[1])
        whole = cover_canvas(larger)
        below = photo.sizes[level - 1]
        found = enlarge_map(found, photo.level(level), below, larger, canvas, whole)
        assert np.abs(steps_of(found.columns, 1, 1)).max() == MOST
        found, canvas = spread_slips(found), larger
        assert np.abs(steps_of(found.columns, 1, 1)).max() == 1


def test_pictures_have_fewer_stairs_with_it(monkeypatch, detail_sampler):
    def count_stairs():
        drawn = detail_sampler.begin_drawing(
            detail_sampler.plan(), detail_sampler.create_noise(1), threads=1
        )
        return count_steps(drawn, 2), drawn

    with_it, _ = count_stairs()
    monkeypatch.setattr(drawing, "spread_slips", lambda found, kept=None: found)
    without, _ = count_stairs()
    assert with_it < without / 2


def count_steps(drawn: Drawing, size):
    """Count the steps of size px in the map of a whole picture."""
    found = drawn.draw((Span(0, drawn.canvases[-1][0]), Span(0, drawn.canvases[-1][1]))).map
    steps = [
        np.abs(steps_of(values, axis, number)) == size
        for number, values in enumerate((found.rows, found.columns))
        for axis in (0, 1)
    ]
    return sum(int(one.sum()) for one in steps)

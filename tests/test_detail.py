"""Detail levels draw the same bytes whatever part of a picture is asked for, in any order."""

import functools
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from detail_scenes import (
    WRAPS,
    canvases_of,
    draw_whole,
    drawing_of,
    guide_of,
    landscape,
    noise,
    photo_of,
    steps,
    whole_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_core.detail import coherence, drawing, excerpt, maps, searched, votes
from singan_core.windows import Span

FACTOR = st.floats(0.4, 1.1)


@functools.cache
def photo(channels=3, height=90, width=130):
    """Three searched levels and a copied one, or two if the photo is larger than 160 px."""
    return photo_of(landscape(height, width, channels))


def slice_of(part, region, size):
    """Pixels, rows and columns of a region in the whole picture, which beyond its ends repeats."""
    rows, columns = (np.arange(*span) % length for span, length in zip(region, size, strict=True))
    return [values[rows][:, columns] for values in contents(part)]


def contents(part):
    return [part.pixels, part.map.rows, part.map.columns]


def equal(part, expected):
    return all(map(np.array_equal, contents(part), expected))


def pick_region(data, size, wrap):
    spans = []
    for length, periodic in zip(size, wrap, strict=True):
        start = data.draw(st.integers(-length, length) if periodic else st.integers(0, length - 1))
        spans.append(
            Span(start, start + data.draw(st.integers(1, length if periodic else length - start)))
        )
    return tuple(spans)


# windows


@given(
    st.data(), FACTOR, FACTOR, st.sampled_from(WRAPS), st.sampled_from([1, 3, 4]), st.integers(0, 2)
)
@settings(max_examples=15)
def test_a_window_equals_the_slice_of_the_whole_and_of_its_map(
    data, down, across, wrap, channels, first
):
    """On canvases of any shape, with rounded sides, over edges that repeat, begun at any level."""
    canvases = canvases_of(photo(channels), down, across)
    whole = draw_whole(drawing_of(photo(channels), canvases, 0, wrap, first=first))
    part_of = drawing_of(photo(channels), canvases, 0, wrap, first=first)
    for _ in range(3):
        region = pick_region(data, canvases[-1], wrap)
        assert equal(part_of.draw(region), slice_of(whole, region, canvases[-1]))


@given(st.data(), FACTOR, FACTOR, st.sampled_from(WRAPS), st.tuples(*[st.integers(11, 150)] * 2))
@settings(max_examples=10)
def test_a_window_of_a_resampled_picture_equals_the_slice_of_the_whole(
    data, down, across, wrap, size
):
    canvases = canvases_of(photo(), down, across)
    drawn = drawing_of(photo(), canvases, 1, wrap)
    whole = drawn.draw_resampled(whole_of(size), size)
    assert whole.pixels.shape == (*size, 3)
    for _ in range(3):
        region = pick_region(data, size, wrap)
        assert equal(drawn.draw_resampled(region, size), slice_of(whole, region, size))


@pytest.fixture
def small_blocks(monkeypatch):
    for name, value in (("WHOLE", 40), ("BLOCK", 40), ("MARGIN", 5)):
        monkeypatch.setattr(searched, name, value)
    for name, value in (("ONE_AXIS", 90), ("TWO_AXES", 50)):
        monkeypatch.setattr(excerpt, name, value)
    return monkeypatch


@given(
    st.data(),
    st.sampled_from(WRAPS),
    st.sampled_from([1, 1 << 20]),
    st.sampled_from([(0.6, 1.7), (1.4, 1.2)]),
)
@settings(max_examples=6)
def test_windows_are_slices_where_the_canvas_is_cut_into_blocks_too(
    small_blocks, data, wrap, kept, shape
):
    """A window lies in several blocks, of a canvas cut along one axis or both; few may be kept."""
    small_blocks.setattr(searched, "KEPT", kept)
    large = photo(3, 190, 230)
    canvases = canvases_of(large, *shape)
    whole = draw_whole(drawing_of(large, canvases, 2, wrap))
    assert drawing_of(large, canvases).searched_levels.cut == (shape[0] > 1, True)
    part_of = drawing_of(large, canvases, 2, wrap)
    assert part_of.searched == len(canvases) - 2
    for _ in range(2):
        region = pick_region(data, canvases[-1], wrap)
        assert equal(part_of.draw(region), slice_of(whole, region, canvases[-1]))


def test_a_window_of_a_canvas_too_long_to_be_searched_as_one_is_a_slice():
    canvases = canvases_of(photo(), 0.6, 6.3)
    assert canvases[0][1] > searched.WHOLE
    whole = draw_whole(drawing_of(photo(), canvases, 3))
    border = 2 * searched.BLOCK * canvases[-1][1] // canvases[-2][1]
    region = Span(5, 50), Span(border - 30, border + 20)
    asked = []
    part_of = drawing_of(photo(), canvases, 3)
    levels = part_of.searched_levels
    search_block = levels._search_block
    levels._search_block = lambda row, column: (
        asked.append((row, column)) or search_block(row, column)
    )
    assert equal(part_of.draw(region), slice_of(whole, region, canvases[-1]))
    assert asked == [(0, 1), (0, 2)]
    part_of.draw((Span(0, 9), Span(border - 50, border - 41)))
    assert len(asked) == 2  # blocks are kept


def test_a_window_of_a_huge_canvas_costs_a_window(small_blocks):
    """Hundreds of thousands of pixels a side: two blocks a side at most, and their levels."""
    canvases = tuple((height * 2**13, width * 2**13) for height, width in photo().sizes)
    drawn = drawing_of_noise(canvases)
    region = Span(700_000, 700_020), Span(11, 41)
    part = drawn.draw(region)
    assert part.pixels.shape == (20, 30, 3) and len(drawn.searched_levels._blocks) <= 4
    inner = Span(700_005, 700_015), Span(20, 30)
    assert equal(
        drawing_of_noise(canvases).draw(inner), [values[5:15, 9:19] for values in contents(part)]
    )


def drawing_of_noise(canvases):
    """A guide of which any part can be had: a pattern of its coordinates."""

    def guide(region):
        rows, columns = (np.arange(*span)[..., None] for span in region)
        return ((rows * 7 + columns.T * 13) % 251).astype(np.uint8)[..., None].repeat(3, axis=2)

    return drawing.Drawing(photo(), canvases, guide)


# no more work than needed


@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_work_at_the_joins_alone_gives_the_bytes_of_all_the_work(monkeypatch, channels, wrap):
    """A guide with much grain, so that there are joins everywhere but not in every pixel."""
    canvases = canvases_of(photo(channels, 190, 230), 0.71, 0.93)
    made = draw_whole(drawing_of(photo(channels, 190, 230), canvases, 4, wrap))
    work = []

    def refine(level, found, padded, kept):
        entries = maps.index_map(level, found)
        work.append(maps.find_joins(maps.find_offsets(level, entries), 2).mean())
        return coherence.refine(level, found, padded, everywhere=True, kept=kept)

    monkeypatch.setattr(drawing, "coherence", coherence_with(refine))
    monkeypatch.setattr(drawing, "paint", functools.partial(votes.paint, everywhere=True))
    assert equal(
        draw_whole(drawing_of(photo(channels, 190, 230), canvases, 4, wrap)), contents(made)
    )
    assert len(work) == 2 and all(0.02 < share < 0.95 for share in work)


def coherence_with(refine):
    """Stand in for the module coherence, of which a drawing needs one function."""
    return types.SimpleNamespace(refine=refine)


def test_chores_leave_only_the_copying_to_the_regions():
    canvases = canvases_of(photo(), 0.7, 0.7)
    drawn = drawing_of(photo(), canvases, 5)
    for chore in drawn.chores:
        chore()
    levels = drawn.searched_levels
    levels.guide = levels._search_block = None  # nothing is asked for again
    assert equal(
        drawn.draw(whole_of(canvases[-1])), contents(draw_whole(drawing_of(photo(), canvases, 5)))
    )


def test_threads_may_draw_regions_of_one_picture_at_once():
    canvases = canvases_of(photo(), 0.8, 1.1)
    whole = draw_whole(drawing_of(photo(), canvases, 6))
    shared = drawing_of(photo_of(landscape()), canvases, 6)
    height, width = canvases[-1]
    regions = [
        (Span(y, min(y + 20, height)), Span(x, min(x + 31, width)))
        for y in range(0, height, 20)
        for x in range(0, width, 31)
    ]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(shared.draw, regions))
    assert all(
        equal(part, slice_of(whole, region, canvases[-1]))
        for part, region in zip(parts, regions, strict=True)
    )


LAYOUTS = (
    np.ascontiguousarray,
    np.asfortranarray,
    lambda pixels: np.ascontiguousarray(pixels.transpose(2, 0, 1)).transpose(1, 2, 0),
    lambda pixels: np.repeat(pixels, 2, axis=1)[:, ::2],
)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_layout_in_memory_of_what_is_handed_over_changes_no_byte(channels):
    canvases = canvases_of(photo(channels), 0.7, 0.9)
    guide = guide_of(photo(channels), canvases[0])
    made = [
        draw_whole(
            drawing.Drawing(photo(channels), canvases, lambda region, lay=lay: lay(guide(region)))
        )
        for lay in LAYOUTS
    ]
    assert all(equal(part, contents(made[0])) for part in made[1:])


# what is drawn


def test_blocks_leave_no_seam():
    """The step over the border of two blocks is like any other: all borders, three pictures."""
    canvases = canvases_of(photo(), 0.6, 14)
    edges = range(searched.BLOCK, canvases[-2][1], searched.BLOCK)
    borders = [edge * canvases[-1][1] // canvases[-2][1] - 1 for edge in edges]
    assert len(borders) >= 10
    across = np.stack(
        [steps(draw_whole(drawing_of(photo(), canvases, seed)).pixels, 1) for seed in range(3)]
    )
    assert across[:, borders].mean() <= 1.3 * np.delete(across, borders, axis=1).mean()


def test_blocks_of_a_canvas_cut_both_ways_leave_no_seam(small_blocks):
    """An edge is a join like others. With weights of its own each block had other colours: 6."""
    small_blocks.setattr(searched, "MARGIN", 8)
    large = photo(3, 190, 230)
    canvases = canvases_of(large, 1.5, 1.5)
    at_edges, inside = [], []
    for seed in range(2):
        pixels = drawing_of(large, canvases, seed).sketch().pixels
        for axis in (0, 1):
            apart = steps(pixels, axis)
            edges = range(searched.BLOCK - 1, len(apart), searched.BLOCK)
            at_edges.append(apart[edges].mean())
            inside.append(np.delete(apart, edges).mean())
    assert np.mean(at_edges) < 2 * np.mean(inside)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_photo_itself_handed_over_comes_back(channels):
    known = photo(channels)
    found = drawing.Drawing(
        known, known.sizes, lambda region: known.at(0)[slice(*region[0]), slice(*region[1])]
    )
    part = draw_whole(found)
    apart = np.abs(part.pixels.astype(int) - known.pixels)
    assert apart.max() <= 1 and apart.mean() <= 0.01
    rows, columns = np.mgrid[0:90, 0:130]
    assert ((part.map.rows == rows) & (part.map.columns == columns)).mean() >= 0.99


@pytest.mark.parametrize("wrap", WRAPS)
def test_opposite_edges_meet_where_the_picture_repeats(wrap):
    """Even though the hand-over has a hard edge there, from sky to ground; over three pictures."""
    canvases = canvases_of(photo(), 1.3, 1.3)
    pictures = [
        draw_whole(drawing_of(photo(), canvases, seed, wrap)).pixels.astype(float)
        for seed in range(3)
    ]
    for axis, periodic in enumerate(wrap):
        over = np.mean(
            [np.abs(pixels.take(0, axis) - pixels.take(-1, axis)).mean() for pixels in pictures]
        )
        inside = np.median([steps(pixels, axis) for pixels in pictures])
        assert over <= 1.5 * inside if periodic else over > 3 * inside


@pytest.mark.parametrize(
    "pixels",
    [
        landscape(40, 40),
        np.full((50, 70, 3), 77, np.uint8),
        np.pad(np.full((1, 1, 3), 255, np.uint8), ((30, 29), (50, 20), (0, 0))),
        landscape(50, 70, 1),
        landscape(50, 70, 4),
        np.zeros((50, 70, 4), np.uint8),
        landscape(60, 400),
        landscape(400, 60),
        noise(60, 60),
    ],
    ids=[
        "square",
        "one colour",
        "one bright pixel",
        "grey",
        "transparent",
        "nothing seen",
        "wide",
        "tall",
        "noise",
    ],
)
def test_awkward_photos_draw(pixels):
    """Only colours that the photo has, or that lie between them."""
    odd = photo_of(pixels)
    part = draw_whole(drawing_of(odd, canvases_of(odd, 0.8, 1.2), grain=90))
    assert part.pixels.shape == (*canvases_of(odd, 0.8, 1.2)[-1], pixels.shape[2])
    assert int(pixels.min()) - 2 <= part.pixels.min() and part.pixels.max() <= int(pixels.max()) + 2

"""The excerpt of a long canvas: all its blocks take their completeness weights from it."""

import numpy as np
import pytest
from detail_scenes import WRAPS, canvases_of, draw_whole, guide_of, landscape, photo_of

from singan_core.detail import excerpt, searched
from singan_core.detail.drawing import Drawing
from singan_core.windows import Span

LONG = ((300, 2000), (600, 4000))


def test_only_axes_that_are_cut_are_shortened_in_proportion():
    assert excerpt.shorten(LONG, (False, True)) == ((300, 256), (600, excerpt.ONE_AXIS))
    side = excerpt.TWO_AXES
    assert excerpt.shorten(LONG, (True, True)) == ((side // 2, side // 2), (side, side))
    short = ((30, 200), (60, 400))
    assert excerpt.shorten(short, (False, True)) == short


def test_places_lie_all_over_the_canvas_and_both_its_ends_are_among_them():
    asked = []

    def guide(region):
        asked.append(region)
        rows, columns = (np.arange(*span)[..., None] for span in region)
        return np.stack(np.broadcast_arrays(rows % 251, columns.T % 251), axis=-1).astype(np.uint8)

    made = excerpt.put_together(guide, (300, 2000), (300, 80), map)
    assert made.shape == (300, 80, 2)
    assert {rows for rows, _ in asked} == {Span(0, 300)}
    columns = [span for _, span in asked]
    assert columns[0].start == 0 and columns[-1].stop == 2000 and len(columns) == excerpt.PLACES
    assert sum(span.length for span in columns) == 80
    assert [*made[0, :, 1]] == [x % 251 for span in columns for x in range(*span)]


@pytest.mark.parametrize("wrap", WRAPS)
def test_blocks_are_the_same_for_any_number_of_threads_and_any_order(monkeypatch, wrap):
    for name, value in (("WHOLE", 40), ("BLOCK", 40), ("STRIP", 8)):
        monkeypatch.setattr(searched, name, value)
    photo = photo_of(landscape(90, 130))
    canvases = canvases_of(photo, 1.8, 1.3)

    def make(threads):
        guide = guide_of(photo, canvases[0], 1, wrap)
        return Drawing(photo, canvases, guide, wrap=wrap, threads=threads)

    whole = draw_whole(make(1))
    other = make(3)
    assert other.searched_levels.cut == (True, True)
    other.searched_levels.draw_block(2, 1)
    drawn = draw_whole(other)
    assert np.array_equal(drawn.pixels, whole.pixels)
    assert np.array_equal(drawn.map.columns, whole.map.columns)

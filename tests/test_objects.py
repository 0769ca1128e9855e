"""Kept objects: parts of the photo that stand whole in pictures, wherever they are wanted."""

import functools

import numpy as np
import pytest
from detail_scenes import WRAPS, canvases_of, draw_whole, guide_of, landscape, photo_of
from hypothesis import given, settings
from hypothesis import strategies as st
from objects_to_keep import ellipse, shifted
from test_detail import coherence_with, contents, equal, pick_region, slice_of

from singan_core.detail import clearing, coherence, drawing, morphology, searched, votes
from singan_core.detail.kept_objects import KeptObject
from singan_core.detail.search import Weights
from singan_core.errors import RequestError
from singan_core.windows import Span
from singan_runtime import Sampler, masks
from singan_runtime.keep import Keep

SHARE = st.floats(0, 1)


# what is kept


@given(
    SHARE,
    SHARE,
    st.integers(90, 140),
    st.integers(60, 260),
    st.integers(0, 2),
    st.sampled_from(["", "x"]),
)
@settings(max_examples=12)
def test_a_kept_object_is_the_photo_bit_for_bit_wherever_it_stands(
    detail_sampler, fir, x, y, height, width, start, wrap
):
    width = width if not wrap else max(width, 120)
    keep, start = (Keep(fir, x, y),), 0 if wrap else start
    picture = detail_sampler.plan((height, width), 1.0, start, wrap, keep=keep)
    pixels = detail_sampler.draw_pixels(picture, 3)
    there, in_photo = shifted(picture, picture.kept[0])
    assert np.array_equal(pixels[there], detail_sampler.photo.pixels[in_photo])


def test_no_other_pixel_shows_a_part_of_it(detail_sampler, fir):
    """A few px around the object may go on from it; their colours are not the object's."""
    picture = detail_sampler.plan((100, 300), 1.0, keep=(Keep(fir, 0.25),))
    _, positions = detail_sampler.draw_with_map(picture, 5)
    there, _ = shifted(picture, picture.kept[0])
    elsewhere = np.ones((100, 300), bool)
    elsewhere[there] = False
    assert not (fir[tuple(np.moveaxis(positions, 2, 0))] & elsewhere).any()

    plain = detail_sampler.draw_with_map(detail_sampler.plan((100, 300), 1.0), 5)[1]
    assert fir[
        tuple(np.moveaxis(plain, 2, 0))
    ].any()  # it would be drawn elsewhere if it were not barred


def test_what_lies_beside_the_object_in_the_photo_joins_it(detail_sampler, fir):
    """Most of the pixels next to it show the photo's own, so that no edge is cut out."""
    picture = detail_sampler.plan((100, 300), 1.0, keep=(Keep(fir, 0.3),))
    _, positions = detail_sampler.draw_with_map(picture, 2)
    kept = picture.kept[0]
    rows, columns = np.nonzero(morphology.dilate(kept.mask, 2) & ~kept.mask)
    rows, columns = rows[(rows > 0) & (rows < 99)], columns[(rows > 0) & (rows < 99)]
    shown = positions[rows - kept.displacement[0], columns - kept.displacement[1]]
    assert (shown == np.stack([rows, columns], axis=1)).all(axis=1).mean() > 0.8


def test_rgba_and_grey_photos_keep_their_objects(tmp_path):
    for channels in (1, 4):
        photo = photo_of(landscape(channels=channels))
        mask = ellipse(photo.sizes[-1], (40, 70), (80, 110))
        made = draw_whole(
            kept_drawing(
                photo, canvases_of(photo, 1, 1.4), [KeptObject(mask, (0, -20), photo.sizes[-1])]
            )
        )
        rows, columns = np.nonzero(mask)
        assert np.array_equal(made.pixels[rows, columns + 20], photo.pixels[rows, columns])


# the same bytes


@functools.cache
def scene(channels=3):
    """Three searched levels and two that are copied, and two objects of it."""
    photo = photo_of(landscape(190, 230, channels))
    size = photo.sizes[-1]
    return photo, [ellipse(size, (60, 110), (150, 190)), ellipse(size, (0, 40), (0, 50))]


def kept_drawing(photo, canvases, kept, seed=0, wrap=(False, False)):
    return drawing.Drawing(
        photo, canvases, guide_of(photo, canvases[0], seed, wrap), Weights(), wrap, kept=kept
    )


def moved(photo, shapes, canvases, shares):
    """The objects at shares of the room that a canvas has for them."""
    kept = []
    for mask, share in zip(shapes, shares, strict=True):
        apart = []
        for span, length in zip(masks.find_bounds(mask), canvases[-1], strict=True):
            apart.append(span.start - round(share * (length - span.length)))
        kept.append(KeptObject(mask, tuple(apart), photo.sizes[-1]))
    return kept


@given(st.data(), st.sampled_from(WRAPS), st.sampled_from([1, 3, 4]), SHARE, SHARE)
@settings(max_examples=8)
def test_a_window_equals_the_slice_of_the_whole(data, wrap, channels, first, second):
    """Objects that overlap too: the later one is in front."""
    photo, shapes = scene(channels)
    canvases = canvases_of(photo, 0.8, 1.3)
    kept = moved(photo, shapes, canvases, (first, second))
    whole = draw_whole(kept_drawing(photo, canvases, kept, 1, wrap))
    part_of = kept_drawing(photo, canvases, kept, 1, wrap)
    for _ in range(3):
        region = pick_region(data, canvases[-1], wrap)
        assert equal(part_of.draw(region), slice_of(whole, region, canvases[-1]))


@pytest.mark.parametrize("wrap", WRAPS)
def test_work_at_the_joins_alone_gives_the_bytes_of_all_the_work(monkeypatch, wrap):
    photo, shapes = scene()
    canvases = canvases_of(photo, 0.71, 1.2)
    kept = moved(photo, shapes, canvases, (0.3, 0.9))
    made = draw_whole(kept_drawing(photo, canvases, kept, 4, wrap))
    everywhere = functools.partial(coherence.refine, everywhere=True)
    monkeypatch.setattr(drawing, "coherence", coherence_with(everywhere))
    monkeypatch.setattr(drawing, "paint", functools.partial(votes.paint, everywhere=True))
    assert equal(draw_whole(kept_drawing(photo, canvases, kept, 4, wrap)), contents(made))


def test_blocks_of_a_long_canvas_keep_objects_too():
    photo, shapes = scene()
    canvases = canvases_of(photo, 0.6, 7)
    assert canvases[0][1] > searched.WHOLE
    kept = [KeptObject(shapes[0], (10, -700), photo.sizes[-1])]
    part = kept_drawing(photo, canvases, kept).draw((Span(40, 110), Span(840, 900)))
    rows, columns = np.nonzero(shapes[0])
    shown = part.pixels[rows - 10 - 40, columns + 700 - 840]
    assert np.array_equal(shown, photo.pixels[rows, columns])


def test_threads_change_no_byte(detail_bundle, detail_sampler, fir):
    keep = (Keep(fir, 0.8, 0.4),)
    one = detail_sampler.sample((105, 290), 5, keep=keep)
    assert np.array_equal(
        Sampler.load(detail_bundle, threads=3).sample((105, 290), 5, keep=keep), one
    )


def test_windows_of_a_sampler_are_slices(detail_sampler, fir):
    keep = (Keep(fir, 0.5),)
    whole = detail_sampler.sample((80, 200), 4, keep=keep)[0]
    assert np.array_equal(
        detail_sampler.render((80, 200), (20, 70, 50, 60), 4, keep=keep), whole[20:70, 70:130]
    )


# where it stands


@pytest.mark.parametrize(("x", "y"), [(0.25, None), (0.75, 0.5), (0.5, 0.3)])
@pytest.mark.parametrize("size", [(100, 300), (300, 500), (60, 120), (200, 90)])
def test_the_centre_lies_at_the_place_at_any_size(detail_sampler, fir, size, x, y):
    picture = detail_sampler.plan(size, keep=(Keep(fir, x, y),))
    box, fit = masks.find_bounds(fir), picture.fit
    for axis, share in enumerate((y, x)):
        if share is None:
            continue
        centre = (
            (box[axis].start + box[axis].stop) / 2 * fit.photo_sizes[-1][axis] / fir.shape[axis]
        )
        on_canvas = (centre - picture.kept[0].displacement[axis]) * fit.whole[axis] / fit.levels[
            -1
        ][axis] - fit.origin[axis]
        assert on_canvas / size[axis] == pytest.approx(share, abs=1.5 / size[axis] + 0.01)


def test_without_a_place_what_touches_an_edge_goes_on_touching_it(detail_sampler):
    corner = ellipse(detail_sampler.trained_size, (60, 100), (0, 40))
    picture = detail_sampler.plan((120, 260), 1.0, keep=(Keep(corner),))
    (rows, columns), _ = shifted(picture, picture.kept[0])
    assert columns.min() == 0 and rows.max() == 119


def test_an_object_that_would_stick_out_is_moved_inwards(detail_sampler, fir):
    picture = detail_sampler.plan((100, 200), 1.0, keep=(Keep(fir, 0.0, 1.0),))
    (rows, columns), _ = shifted(picture, picture.kept[0])
    assert columns.min() == 0 and rows.max() == 99


def test_two_objects_stand_at_two_places(detail_sampler, fir):
    hill = ellipse(detail_sampler.trained_size, (20, 50), (40, 70))
    picture = detail_sampler.plan((100, 300), 1.0, keep=(Keep(fir, 0.2), Keep(hill, 0.8)))
    pixels = detail_sampler.draw_pixels(picture, 1)
    for one in picture.kept:
        there, in_photo = shifted(picture, one)
        assert np.array_equal(pixels[there], detail_sampler.photo.pixels[in_photo])


# what generators drew of it elsewhere


def test_a_hole_is_filled_on_a_straight_line_from_side_to_side():
    ramp = np.broadcast_to(np.arange(0, 200, 5, dtype=np.uint8)[None, :, None], (6, 40, 3))
    hole = np.zeros((6, 40), bool)
    hole[2:5, 7:31] = True
    torn = np.where(hole[..., None], np.uint8(255), ramp)
    assert np.array_equal(clearing.fill(torn, hole, (False, False)), ramp)


def test_rows_without_anything_known_are_filled_from_above_and_below():
    ramp = np.broadcast_to(np.arange(0, 120, 10, dtype=np.uint8)[:, None, None], (12, 5, 1))
    hole = np.zeros((12, 5), bool)
    hole[3:8] = True
    assert np.array_equal(
        clearing.fill(np.where(hole[..., None], 0, ramp).astype(np.uint8), hole, (False, False)),
        ramp,
    )


def test_a_hole_at_the_seam_of_a_wrapped_picture_is_filled_across_it():
    pixels = np.full((3, 20, 1), 100, np.uint8)
    pixels[:, :2], pixels[:, 18:] = 0, 0
    pixels[:, 2], pixels[:, 17] = 60, 20
    hole = np.zeros((3, 20), bool)
    hole[:, 18:], hole[:, :2] = True, True
    filled = clearing.fill(pixels, hole, (False, True))[0, :, 0]
    assert filled[[18, 19, 0, 1]].tolist() == [28, 36, 44, 52]
    assert clearing.fill(pixels, hole, (False, False))[0, [0, 19], 0].tolist() == [60, 20]


def test_a_second_object_in_the_guide_gives_way_to_the_scene():
    """A red disc on a striped ground, kept at the right: the guide has another one at the left."""
    pixels = np.zeros((96, 144, 3), np.uint8)
    pixels[:] = (90, 120, 150)
    pixels[48:] = (60, 110, 50)
    pixels += np.random.default_rng(0).integers(0, 12, pixels.shape, np.uint8)
    disc = ellipse((96, 144), (30, 66), (54, 90))
    pixels[disc] = (220, 30, 30)
    photo = photo_of(pixels)
    canvases = canvases_of(photo, 1, 2)
    small = photo.at(0)
    query = np.concatenate([small, small], axis=1)  # one disc in each half
    query = query[:, : canvases[0][1]]
    kept = [KeptObject(disc, (0, -144), photo.sizes[-1])]
    made = draw_whole(
        drawing.Drawing(
            photo, canvases, lambda region: query[tuple(slice(*span) for span in region)], kept=kept
        )
    )
    red = (made.pixels[..., 0] > 150) & (made.pixels[..., 1] < 80)
    assert red[:, :140].sum() == 0 and red[:, 144:].sum() > 0.9 * disc.sum()


# refused


def test_impossible_objects_are_refused_in_one_line(detail_sampler, sampler, fir):
    size = detail_sampler.trained_size

    def refused(*keep, at=(100, 300), zoom="auto"):
        with pytest.raises(RequestError) as error:
            detail_sampler.plan(at, zoom, keep=keep)
        return str(error.value)

    assert refused(Keep(fir), at=(100, 20), zoom=1.0).startswith(
        "a kept object is 22x30 px at zoom 1, too large for 20x100: ask"
    )
    assert "ask for a zoom of at most 0.818" in refused(Keep(fir), at=(100, 20), zoom=1.0)
    assert detail_sampler.plan((100, 20), 0.818, keep=(Keep(fir),)).kept
    assert refused(Keep(fir, 0.5), Keep(fir, 0.52)).startswith(
        "two kept objects overlap in this picture"
    )
    assert refused(Keep(fir, 1.2)).startswith(
        "place 1.2 is outside the picture: each share must be 0 to 1"
    )
    assert (
        refused(Keep(fir[:-1]))
        == "the mask of a kept object is 150x99, but must be 150x100, the photo's size"
    )
    assert refused(Keep(np.ones(size, bool))).startswith(
        "the kept objects leave nothing of the photo to draw the rest"
    )
    with pytest.raises(
        RequestError, match="draws without the photo's detail and cannot keep objects"
    ):
        sampler.plan((32, 48), keep=(Keep(np.ones((32, 48), bool)),))

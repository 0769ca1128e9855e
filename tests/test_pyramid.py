import dataclasses
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from singan_core import RECEPTIVE_FIELD, fitting, pyramid
from singan_core.errors import RequestError
from singan_core.pyramid import Pass
from singan_core.zooms import LEAST_SHOWN, choose_zoom, settle_zoom

TRAINED = pyramid.plan((164, 250))
SIDE = st.integers(1, 3000)


@given(st.integers(25, 3000), st.integers(25, 3000), st.integers(11, 25), st.integers(60, 1000))
def test_plan_goes_from_min_size_to_max_size_by_one_factor(height, width, min_size, max_size):
    assume(min(height, width) * min(max_size / max(height, width), 1) > min_size + 1)
    planned = pyramid.plan((height, width), min_size, max_size)
    assert max(planned.finest) == min(max_size, max(height, width))
    assert min(planned.shapes[0]) == min_size
    assert 0 < planned.scale_factor < 1
    ratio = min(height, width) / max(height, width)
    for coarse, fine in zip(planned.shapes, planned.shapes[1:], strict=False):
        for axis in (0, 1):
            assert coarse[axis] < fine[axis]
            assert abs(coarse[axis] - fine[axis] * planned.scale_factor) <= 1
    # Three roundings of half a pixel: the finest shorter side, and both sides of the scale.
    assert all(abs(min(shape) - max(shape) * ratio) <= 1.5 for shape in planned.shapes)


def test_the_paper_s_numbers_give_the_paper_s_pyramid():
    """A 250x164 photo: min size 25, factor near 0.75, as SinGAN trains it."""
    assert TRAINED.finest == (164, 250)
    assert len(TRAINED.shapes) == 8
    assert TRAINED.shapes[0] == (25, 38)
    assert math.isclose(TRAINED.scale_factor, (25 / 164) ** (1 / 7))


def test_the_number_of_scales_can_be_asked_for():
    assert len(pyramid.plan((164, 250), scales=5).shapes) == 5
    assert pyramid.plan((164, 250), scales=1).shapes == ((164, 250),)
    with pytest.raises(RequestError, match="ask for 1 to"):
        pyramid.plan((164, 250), scales=0)
    with pytest.raises(RequestError, match="ask for 1 to"):
        pyramid.plan((164, 250), scales=500)


def test_a_linear_schedule_grows_by_the_same_number_of_pixels():
    """The thesis' ten steps of 25 px."""
    planned = pyramid.plan((250, 250), schedule="linear")
    assert planned.shapes == tuple((side, side) for side in range(25, 251, 25))
    assert pyramid.plan((250, 250), schedule="linear", scales=4).shapes == (
        (25, 25),
        (100, 100),
        (175, 175),
        (250, 250),
    )
    assert math.isclose(planned.scale_factor, 0.1 ** (1 / 9))


def test_photos_that_cannot_be_planned_are_refused_with_the_way_out():
    with pytest.raises(RequestError, match=r"2000x30 .* raise the maximal size to at least 1667"):
        pyramid.plan((30, 2000))
    assert min(pyramid.plan((30, 2000), max_size=1667).finest) >= 25
    with pytest.raises(
        RequestError, match=r"100x20 is smaller than the coarsest scale of 25 px: use a larger one"
    ):
        pyramid.plan((20, 100))


@given(SIDE, SIDE, st.floats(0.02, 30))
def test_every_request_is_drawn_exactly_or_refused_with_a_legal_zoom(height, width, zoom):
    try:
        passes = fitting.fit(TRAINED, (height, width), zoom).passes
    except RequestError as error:
        limit = fitting.find_largest_zoom(TRAINED, (height, width))
        if limit is None:
            assert min(height, width) < RECEPTIVE_FIELD
            assert "smallest side" in str(error)
        else:
            assert limit < zoom
            assert f"{limit:g}" in str(error)
            assert fitting.fit(TRAINED, (height, width), limit).passes[-1].canvas == (height, width)
        return
    assert passes[-1].canvas == (height, width)
    assert min(passes[0].canvas) >= RECEPTIVE_FIELD
    assert [step.generator for step in passes if not step.beyond] == list(
        range(len([step for step in passes if not step.beyond]))
    )


@given(st.integers(11, 3000), st.integers(11, 3000))
def test_auto_zoom_is_always_legal_and_keeps_the_coarsest_canvas_about_as_large_as_trained(
    height, width
):
    if min(height, width) < 16:
        return
    passes = fitting.fit(TRAINED, (height, width)).passes
    assert passes[-1].canvas == (height, width)
    coarsest = passes[0].canvas
    assert min(coarsest) >= 14 or passes[-1].generator < len(TRAINED.shapes) - 1


def test_the_trained_size_uses_the_trained_canvases():
    passes = fitting.fit(TRAINED, (164, 250)).passes
    assert passes == TRAINED.passes
    assert passes == fitting.fit(TRAINED, (164, 250), 1.0).passes


def test_zoom_one_adds_content_and_zoom_two_enlarges_it():
    wide = fitting.fit(TRAINED, (164, 500), 1.0).passes
    assert wide[0].canvas == (25, 76)
    assert not any(step.beyond for step in wide)
    twice = fitting.fit(TRAINED, (328, 500), 2.0).passes
    assert twice[len(TRAINED.shapes) - 1].canvas == (164, 250)
    assert [step.beyond for step in twice].count(True) == round(
        math.log(2) / math.log(1 / TRAINED.scale_factor)
    )
    assert twice[-1] == Pass(twice[-1].index, len(TRAINED.shapes) - 1, (328, 500), detail=0.5)


@pytest.mark.parametrize("scale", range(len(TRAINED.shapes) - 1))
def test_a_thumbnail_costs_a_thumbnail_s_time(scale):
    """Asked for a trained coarser size at its own ratio, the cascade stops at that scale."""
    passes = fitting.fit(TRAINED, TRAINED.shapes[scale], TRAINED.ratio(scale)).passes
    assert passes[-1].generator == scale
    assert [step.canvas for step in passes[:-1]] == list(TRAINED.shapes[:scale])


def test_zoom_area_shows_as_much_of_the_scene_as_the_photo_does():
    with_detail = pyramid.Pyramid(
        ((15, 22), (25, 37)), 0.6, levels=((25, 37), (100, 150)), hand_over=1
    )
    for height, width in ((100, 150), (60, 240), (300, 50)):
        zoom = choose_zoom(with_detail, (height, width), "area")
        assert math.isclose(height / zoom * width / zoom, 100 * 150)
        assert fitting.fit(with_detail, (height, width), "area") == fitting.fit(
            with_detail, (height, width), zoom
        )
    assert choose_zoom(with_detail, (60, 240), "auto") == 0.6  # which keeps the height


SCENE = pyramid.Pyramid(
    ((15, 22), (25, 37)), 0.6, levels=((25, 37), (427, 640)), hand_over=1, focus=(0.25, 0.7)
)


@settings(deadline=None)
@given(st.integers(8, 3000), st.integers(8, 3000))
def test_zoom_scene_composes_the_photo_s_own_shape(height, width):
    """Within limits all canvases are the photo's, and the picture is a part of them that fits."""
    fit = fitting.fit(SCENE, (height, width), "scene")
    (top, left), (whole_height, whole_width) = fit.origin, fit.whole
    assert 0 <= top <= whole_height - height and 0 <= left <= whole_width - width

    shape = width / height / (640 / 427)
    if LEAST_SHOWN[1] < shape < 1 / LEAST_SHOWN[0]:
        assert [step.canvas for step in fit.passes] == [(15, 22), (25, 37)]
        assert fit.levels[0] == (25, 37)
        assert top == 0 if shape < 1 else left == 0


def test_zoom_scene_cuts_around_the_focus():
    assert fitting.fit(SCENE, (320, 640), "scene").origin == (0, 0)  # around row 106
    assert fitting.fit(SCENE, (427, 200), "scene").origin == (0, 348)  # around column 448
    assert fitting.fit(SCENE, (427, 400), "scene").origin == (0, 240)  # as far right as it goes
    middle = dataclasses.replace(SCENE, focus=None)
    assert fitting.fit(middle, (427, 200), "scene").origin == (0, 220)


def test_zoom_scene_leaves_a_least_share_of_the_scene():
    fit = fitting.fit(SCENE, (40, 640), "scene")
    assert fit.whole == (100, 640)  # 0.4 of its height is shown
    assert fit.passes[-1].canvas == (25, 158)  # so more of the scene to the sides
    assert fitting.fit(SCENE, (4270, 32), "scene").whole == (4270, 3055)  # 11 px of 22, rounded


def test_auto_means_scene_only_where_things_have_places():
    assert settle_zoom(SCENE, "auto") == "scene"
    assert settle_zoom(SCENE, "auto", (False, True)) == "auto"  # repeats along x
    assert settle_zoom(SCENE, "height") == "height"
    assert settle_zoom(dataclasses.replace(SCENE, focus=None), "auto") == "auto"
    assert fitting.fit(SCENE, (60, 240), "auto") == fitting.fit(SCENE, (60, 240), "height")


def test_zoom_scene_is_refused_where_there_is_no_scene_to_cut_from():
    with pytest.raises(RequestError, match="needs a model with detail"):
        fitting.fit(TRAINED, (164, 250), "scene")
    with pytest.raises(RequestError, match="tileable"):
        fitting.fit(SCENE, (164, 250), "scene", (True, False))


@pytest.mark.parametrize("zoom", [1.0, 0.9999, 0.9])
@pytest.mark.parametrize("size", [(427, 200), (100, 640), (427, 306)])
def test_a_narrow_picture_at_the_photo_s_scale_is_not_resampled_by_a_pixel(size, zoom):
    """More is drawn than the picture: 11 px of the coarsest canvas show 305.5 px of the photo."""
    levels = ((25, 37), (54, 82), (215, 322), (427, 640))
    with_detail = pyramid.Pyramid(((15, 22), (25, 37)), 0.6, levels=levels, hand_over=1)
    fit = fitting.fit(with_detail, size, zoom)
    assert fit.levels[-1] == fit.whole and min(fit.passes[0].canvas) >= RECEPTIVE_FIELD


@pytest.mark.parametrize("zoom", [0.0, -1.0, math.inf, math.nan, "large"])
def test_impossible_zooms_are_refused(zoom):
    with pytest.raises(RequestError, match=r"it must be 0\.001 to 1000"):
        fitting.fit(TRAINED, (164, 250), zoom)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (-3, 5), (2**20 + 1, 5)])
def test_impossible_sizes_are_refused(size):
    with pytest.raises(RequestError, match="1 to 1048576 px"):
        fitting.fit(TRAINED, size)

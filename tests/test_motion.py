"""Clips with detail: what the flow moves in a picture, and the frames."""

import dataclasses
import itertools

import numpy as np
import pytest
from detail_scenes import landscape, whole_of

from singan_core import pyramid
from singan_core.detail import resize
from singan_core.detail.photo import Photo
from singan_core.fitting import Fit
from singan_core.manifest import Detail
from singan_core.windows import Span
from singan_runtime import Sampler, objects
from singan_runtime.clips import displacement, flow, motion
from singan_runtime.clips.animation import Clip, Walk, animate
from singan_runtime.clips.motion import EnlargedField, Motion
from singan_runtime.measures import quality
from singan_runtime.objects import Keep

SIZE = (90, 130)


def frames(sampler, size=SIZE, **walk):
    return list(animate(sampler, Walk(**{"frames": 6, "start_scale": 0, **walk}), size))


# the geometry: from the hand-over to the picture


def test_values_are_enlarged_from_pixel_centre_to_pixel_centre():
    """A linear function stays that function, in any window of the whole."""
    y, x = np.mgrid[:12, :17]
    small = (y + 0.5) / 12 - (x + 0.5) / 34
    window = Span(20, 70), Span(31, 99)
    found = EnlargedField(small, (90, 130), window).rows(Span(10, 30))
    rows, columns = np.mgrid[30:50, 31:99]
    assert np.abs(found - ((rows + 0.5) / 90 - (columns + 0.5) / 260)).max() < 2e-3


@pytest.mark.parametrize("size", [SIZE, (140, 18), (30, 250)])
def test_the_flow_of_the_hand_over_moves_the_same_place_of_the_picture(
    detail_sampler, monkeypatch, size
):
    """Also where the picture is a window of a wider one, in the middle of it."""
    clip = Clip(detail_sampler, Walk(2), size)
    made = clip._motion
    assert (made.fit.origin == (0, 0)) == (size == SIZE or size[0] < size[1])
    height, width = made.handed.shape[:2]
    y, x = np.mgrid[:height, :width]
    found = np.stack([0.6 * (y + 0.5) / height, 0.8 * (x + 0.5) / width])
    monkeypatch.setattr(made, "_freedom", EnlargedField(np.ones((2, 2)), size, whole_of(size)))
    monkeypatch.setattr(made, "_rims", [np.ones(side) for side in size])

    window = [Span(*span) for span in made.fit.window]
    down, across = (EnlargedField(one, made.fit.whole, (window[0], window[1])) for one in found)
    places = made._find_places(down, across, Span(0, size[0]))
    for axis, share in ((0, 0.6), (1, 0.8)):
        here = np.indices(size)[axis]
        part = (here + made.fit.origin[axis] + 0.5) / made.fit.whole[axis]
        expected = here + share * part * made.fit.whole[axis] / (height, width)[axis]
        inner = (slice(6, -6), slice(6, -6))
        assert np.abs(places[axis] / displacement.UNIT - expected)[inner].max() < 0.2


def test_nothing_comes_in_over_an_edge(detail_sampler):
    clip = Clip(detail_sampler, Walk(6), SIZE)
    window = [Span(*span) for span in clip._motion.fit.window]
    for number in range(1, 6):
        found = flow.find_flow(clip._motion._hand_over(clip.mix_noise(number)), clip._motion.handed)
        down, across = (
            EnlargedField(one, clip._motion.fit.whole, (window[0], window[1])) for one in found
        )
        rows, columns = clip._motion._find_places(down, across, Span(0, SIZE[0]))
        assert (rows[0] == 0).all() and (rows[-1] == 16 * (SIZE[0] - 1)).all()
        assert (columns[:, 0] == 0).all() and (columns[:, -1] == 16 * (SIZE[1] - 1)).all()
        assert rows.min() == 0 and rows.max() == 16 * (SIZE[0] - 1)


# frames


@pytest.mark.parametrize("kind", ["harmonic", "paper"])
def test_the_first_frame_is_the_finished_picture_and_the_only_one(
    detail_sampler, monkeypatch, kind
):
    """The detail levels draw once a clip; its frames show that picture moved."""
    made, begin = [], Sampler.begin_drawing
    monkeypatch.setattr(Sampler, "begin_drawing", lambda *inputs: made.append(1) or begin(*inputs))
    drawn = frames(detail_sampler, kind=kind)
    assert len(made) == 1 and len({frame.tobytes() for frame in drawn}) == 6
    if kind == "harmonic":
        clip = Clip(detail_sampler, Walk(6), SIZE)
        assert np.array_equal(
            drawn[0], detail_sampler.draw_from_noise(clip.picture, clip.mix_noise(0))
        )


def test_a_frame_is_a_function_of_its_number(detail_sampler):
    drawn = frames(detail_sampler, start_scale=1)
    for number in (4, 1, 5):
        alone = Clip(detail_sampler, Walk(3, start_scale=1), SIZE)
        assert np.array_equal(alone.draw_frame(number), drawn[number])


def test_a_loop_with_detail_closes(detail_sampler):
    clip = Clip(detail_sampler, Walk(8, loop=True), SIZE)
    for number in (0, 3):
        assert np.array_equal(clip.draw_frame(number), clip.draw_frame(number + 8))
        assert np.array_equal(clip.draw_frame(number), clip.draw_frame(number + 8 * 10**9))


@pytest.mark.parametrize("kind", ["harmonic", "paper"])
def test_threads_change_no_frame(detail_bundle, detail_sampler, kind):
    one = frames(detail_sampler, kind=kind)
    assert np.array_equal(frames(Sampler.load(detail_bundle, threads=3), kind=kind), one)


def test_the_last_digits_of_the_generators_change_no_frame(detail_bundle, monkeypatch):
    """As between processors."""
    one, other = (Sampler.load(detail_bundle, threads=1) for _ in range(2))
    generate, rng = other.graphs.generate, np.random.default_rng(0)
    monkeypatch.setattr(
        other.graphs,
        "generate",
        lambda *inputs: (made := generate(*inputs)) + rng.uniform(-1e-12, 1e-12, made.shape),
    )
    assert np.array_equal(frames(other, start_scale=1), frames(one, start_scale=1))


def test_strips_change_no_frame(detail_sampler, monkeypatch):
    expected = frames(detail_sampler)
    monkeypatch.setattr(motion, "_STRIP", 7)
    assert np.array_equal(frames(detail_sampler), expected)


def test_nothing_moves_where_the_generators_clip_stands_still(detail_sampler):
    size = (100, 600)
    clip = Clip(detail_sampler, Walk(2), size)
    made = clip._motion
    handed = made._hand_over(clip.mix_noise(1)).copy()
    assert (handed != made.handed).any()
    handed[:, 30:] = made.handed[:, 30:]
    frame = _frame_of(made, handed)
    middle = size[1] * 60 // handed.shape[1]
    assert (frame[:, :middle] != made.first[:, :middle]).any()
    assert np.array_equal(frame[:, middle:], made.first[:, middle:])
    assert np.array_equal(_frame_of(made, made.handed), made.first)


def _frame_of(made, handed):
    kept = made._hand_over
    made._hand_over = lambda unit_noise: handed
    try:
        return made.draw_frame(None)
    finally:
        made._hand_over = kept


@pytest.mark.parametrize("start_scale", [0, 1])
def test_frames_are_as_crisp_as_the_first_and_calm(detail_sampler, start_scale):
    """Where the flow predicts no change there is hardly any: fine detail does not flicker."""
    size = detail_sampler.trained_size
    clip = Clip(detail_sampler, Walk(12, start_scale=start_scale, loop=True), size)
    drawn = [clip.draw_frame(number) for number in range(12)]
    assert np.mean([quality.detail_ratios(drawn[0], frame)[0] for frame in drawn[1:]]) > 0.85

    def fine(picture):
        small = resize.resize(resize.resize(picture, (size[0] // 4, size[1] // 4)), size)
        return picture.astype(float) - small

    def back(frame, number):
        """The frame, its flow undone: what the motion explains is gone."""
        found = flow.find_flow(clip._motion._hand_over(clip.mix_noise(number)), clip._motion.handed)
        down, across = (EnlargedField(one, clip._motion.fit.whole, whole_of(size)) for one in found)
        places = clip._motion._find_places(down, across, Span(0, size[0])) / np.float64(
            16
        ) - np.indices(size)
        undo = np.zeros_like(places)
        for _ in range(8):
            at = (np.indices(size) + undo).round().astype(int)
            at = at[0].clip(0, size[0] - 1), at[1].clip(0, size[1] - 1)
            undo = -np.stack([one[at] for one in places])
        rows, columns = ((np.indices(size) + undo) * 16).round().astype(np.int32)
        return displacement.move(displacement.double(frame), 3, rows, columns)

    still = [fine(back(frame, number)) for number, frame in enumerate(drawn) if number]
    steps = np.mean([np.abs(b - a).mean() for a, b in itertools.pairwise(still)])
    assert steps < 0.15 * fine(drawn[0]).std()  # moved twice, so a little more than the frame's own


@pytest.mark.parametrize("kind", ["harmonic", "paper"])
def test_a_kept_object_stands_still_as_the_photo_s_own_pixels(detail_sampler, kind):
    """The fir: all around it moves."""
    size = detail_sampler.trained_size
    mask = np.zeros(size, bool)
    mask[38:70, 104:119] = True
    keep = (Keep(mask, 0.4),)
    drawn = list(animate(detail_sampler, Walk(4, kind=kind), size, 1.0, keep=keep))
    stands = objects.find_cover(detail_sampler.plan(size, 1.0, keep=keep))
    assert stands.sum() == mask.sum() and not (stands & mask).all()
    for frame in drawn:
        assert np.array_equal(frame[stands], detail_sampler.photo.pixels[mask])
        assert (frame[~stands] != drawn[0][~stands]).any() or frame is drawn[0]


def sampler_with(one, pixels):
    """A model without detail, with a photo (h, w, C) for its detail."""
    levels = pyramid.plan_detail_levels(pixels.shape[:2], one.manifest.pyramid.shapes[-1])
    detail = Detail(len(one.manifest.shapes) - 1, levels, "")
    manifest = dataclasses.replace(one.manifest, detail=detail)
    return Sampler(
        manifest, one.graphs, one.reconstruction_noise, one.max_pixels, Photo(pixels, levels)
    )


def test_a_grey_model_moves(samplers):
    drawn = frames(sampler_with(samplers[1], landscape(90, 120, 1)), (80, 110), frames=3)
    assert drawn[1].shape == (80, 110, 1) and (drawn[1] != drawn[0]).any()


def test_colours_that_cannot_be_seen_stay_hidden(samplers):
    """Moved premultiplied: all that is seen has the photo's one colour, beside holes as well."""
    alpha = landscape(90, 120, 1)
    alpha = np.where(alpha > np.median(alpha), 255, 0).astype(np.uint8)
    pixels = np.concatenate(
        [np.where(alpha > 0, np.uint8(200), np.uint8(0)).repeat(3, axis=2), alpha], axis=2
    )
    drawn = frames(sampler_with(samplers[4], pixels), (90, 120), frames=3)
    assert (drawn[1] != drawn[0]).any()
    for frame in drawn:
        seen = frame[frame[..., 3] > 64][:, :3].astype(int)
        assert len(seen) and np.abs(seen - 200).max() <= 6


def test_without_detail_every_frame_is_drawn(sampler, monkeypatch):
    monkeypatch.setattr(motion, "find_flow", None)
    clip = Clip(sampler, Walk(3))
    for number, frame in enumerate(animate(sampler, Walk(3))):
        assert np.array_equal(frame, sampler.draw_from_noise(clip.picture, clip.mix_noise(number)))


def test_a_fit_of_a_window_is_what_these_tests_think(detail_sampler):
    fit = detail_sampler.plan((140, 18)).fit
    assert isinstance(fit, Fit) and fit.whole[1] > 18 and fit.origin[1] > 0
    assert isinstance(Clip(detail_sampler, Walk(2), (140, 18))._motion, Motion)

"""Candidates are judged while small, and the photo again comes last."""

import dataclasses

import numpy as np
import pytest
from detail_scenes import canvases_of, drawing_of, landscape, photo_of
from hypothesis import given, settings
from hypothesis import strategies as st

from singan_core.detail import resize
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_runtime import Sampler
from singan_runtime.measures import choice, pieces, sheet
from singan_runtime.measures.choice import Candidate
from singan_runtime.plan import Plan

SHARE = st.floats(0.01, 1)
CANDIDATES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), SHARE), min_size=1, max_size=12)


def made(values):
    return [Candidate(seed, *one, one[2] / 2) for seed, one in enumerate(values)]


def picture_of(sampler, image):
    """A picture that begins with a hand-over (h, w, C), so that its seed changes nothing."""
    picture = sampler.plan()
    base = image.astype(np.float64).transpose(2, 0, 1)[None] / 127.5 - 1
    return dataclasses.replace(picture, passes=(), base=base)


def judged(sampler, image):
    return choice.judge(sampler, picture_of(sampler, image), [0])[0]


# the order


@given(CANDIDATES)
def test_the_photo_again_comes_after_everything_new(values):
    ordered = choice.order(made(values))
    assert sorted(one.seed for one in ordered) == list(range(len(values)))
    again = [one.copied_share >= 0.9 for one in ordered]
    assert again == sorted(again)


@given(CANDIDATES, SHARE)
def test_equal_copies_come_by_cost_then_by_seed(values, share):
    ordered = choice.order(made([(misfit, omission, share) for misfit, omission, _ in values]))
    keys = [(one.score, one.seed) for one in ordered]
    assert keys == sorted(keys)


@given(CANDIDATES)
@settings(max_examples=20)
def test_the_order_is_that_of_the_candidates_not_of_their_list(values):
    candidates = made(values)
    assert choice.order(candidates) == choice.order(candidates[::-1])


def test_of_pictures_that_hold_together_alike_the_newer_comes_first():
    nearer, farther = Candidate(0, 0.01, 0.01, 0.4, 0.1), Candidate(1, 0.011, 0.01, 0.4, 0.6)
    broken = Candidate(2, 0.03, 0.03, 0.2, 0.9)
    assert choice.order([nearer, broken, farther]) == [farther, nearer, broken]


def test_a_copy_of_the_photo_is_faultless_and_yet_comes_last():
    copy, new, broken = (
        Candidate(0, 0, 0, 1.0, 0.0),
        Candidate(1, 0.02, 0.04, 0.3, 0.2),
        Candidate(2, 0.09, 0.07, 0.3, 0.2),
    )
    assert [one.seed for one in choice.order([copy, new, broken])] == [1, 2, 0]


def test_four_times_as_many_candidates_are_begun_and_at_least_eight():
    assert [choice.count_candidates(count) for count in (1, 2, 3, 8)] == [8, 8, 12, 32]


def test_only_new_compositions_that_can_be_judged_are_chosen(sampler, detail_sampler):
    assert choice.can_choose(detail_sampler.plan((60, 90)), 100)
    assert not choice.can_choose(detail_sampler.plan((60, 90)), 101)
    assert not choice.can_choose(detail_sampler.plan((60, 90), start_scale=1), 1)
    assert not choice.can_choose(detail_sampler.plan((100_000, 100_000), zoom=1.0), 1)
    assert not choice.can_choose(sampler.plan(), 1)


def test_the_chosen_are_the_best_of_the_candidates(detail_sampler):
    picture = detail_sampler.plan((60, 90))
    chosen = choice.choose(detail_sampler, picture, 2, first=4)
    assert chosen == choice.rank(detail_sampler, picture, range(4, 12))[:2]


# what is judged


def test_a_broken_composition_costs_more_than_a_whole_one(detail_sampler):
    photo = detail_sampler.photo.at(0)
    rng = np.random.default_rng(0)
    blocks = [photo[y : y + 6, x : x + 6] for y in range(0, 24, 6) for x in range(0, 36, 6)]
    order = rng.permutation(len(blocks))
    rows = [np.concatenate([blocks[n] for n in order[k : k + 6]], axis=1) for k in range(0, 24, 6)]
    whole, broken = judged(detail_sampler, photo), judged(detail_sampler, np.concatenate(rows))
    assert broken.misfit > 2 * whole.misfit and broken.cost > 2 * whole.cost


def test_what_a_picture_leaves_out_costs(detail_sampler):
    """The photo's left half twice has two clean pieces and lacks the right half."""
    photo = detail_sampler.photo.at(0)
    half = photo[:, : photo.shape[1] // 2]
    whole, doubled = (
        judged(detail_sampler, photo),
        judged(detail_sampler, np.concatenate([half, half], axis=1)),
    )
    assert doubled.omission > 1.3 * whole.omission


def test_misfit_is_nothing_for_a_copy_and_grows_with_every_bad_join():
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (40, 60, 3), np.uint8)
    positions = np.stack(np.mgrid[0:40, 0:60], axis=2).astype(np.int32)
    costs = []
    for cuts in range(3):
        moved = positions.copy()
        for cut in range(cuts):
            moved[:, 20 + 20 * cut :, 1] = (moved[:, 20 + 20 * cut :, 1] + 7) % 60
        costs.append(pieces.misfit(photo, photo[moved[..., 0], moved[..., 1]], moved))
    assert costs[0] == 0 < costs[1] < costs[2]


def test_threads_change_no_rank(detail_bundle, detail_sampler):
    size, seeds = (100, 150), range(5, 9)
    alone = choice.rank(detail_sampler, detail_sampler.plan(size), seeds)
    together = Sampler.load(detail_bundle, threads=3)
    assert choice.rank(together, together.plan(size), seeds) == alone


def test_a_shape_is_judged_alike_at_every_size(detail_sampler):
    ranks = [
        choice.rank(detail_sampler, detail_sampler.plan(size), range(3))
        for size in ((270, 480), (1080, 1920))
    ]
    assert ranks[0] == ranks[1]


@pytest.mark.parametrize("size", [(400, 40), (40, 160), (500, 1), (20, 30), (1, 1)])
def test_any_shape_can_be_judged_and_shown(detail_sampler, size):
    picture = detail_sampler.plan(size)
    for one in choice.rank(detail_sampler, picture, range(2)):
        assert one.cost > 0 and 0 < one.copied_share <= 1
        assert sheet.draw_preview(picture, one).shape == (*sheet.choose_preview_size(size), 3)


def test_seamless_pictures_and_start_scales_can_be_judged(detail_sampler):
    size = (100, 150)
    costs = []
    for request in (
        {"tileable": "x"},
        {"tileable": "xy"},
        {"start_scale": 1},
        {"start_scale": 0, "variation": 2.0},
    ):
        picture = detail_sampler.plan(size, **request)
        costs.append([one.cost for one in choice.judge(detail_sampler, picture, range(2))])
    assert len({tuple(one) for one in costs}) == len(costs)


def test_a_picture_that_begins_too_large_is_refused(detail_sampler):
    with pytest.raises(RequestError, match="over the 262144 that are compared"):
        choice.rank(detail_sampler, detail_sampler.plan((100_000, 100_000), zoom=1.0), range(2))


def test_a_model_without_detail_is_refused(sampler):
    with pytest.raises(RequestError, match="without the photo's detail"):
        choice.rank(sampler, sampler.plan(), range(2))


# the sheet


@pytest.mark.parametrize("size", [(100, 150), (480, 720), (1080, 1920), (600, 200), (400, 40)])
def test_a_preview_is_the_large_picture_reduced(detail_sampler, size):
    """Measured distances in grey levels: 0 to 1.9 over four seeds, 14 to 25 to another seed."""
    picture = detail_sampler.plan(size)
    [one] = choice.judge(detail_sampler, picture, [0])
    shown = sheet.draw_preview(picture, one).astype(int)
    large, other = (detail_sampler.draw_pixels(picture, seed) for seed in (0, 100))
    assert np.abs(resize.resize(large, shown.shape[:2]) - shown).mean() <= 2.5
    assert np.abs(resize.resize(other, shown.shape[:2]) - shown).mean() >= 10


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_photos_are_judged_and_shown(channels):
    photo = photo_of(landscape(channels=channels))
    canvases = canvases_of(photo)
    fit = Fit((), canvases, canvases[-1], (0, 0), canvases[-1], photo.searched, photo.sizes)
    picture = Plan.of(fit)
    candidates = []
    for seed in range(2):
        drawing = drawing_of(photo, canvases, seed)
        judged = choice.judge_drawing(fit, drawing, seed)
        candidates.append(dataclasses.replace(judged, drawing=drawing))
    assert all(one.cost > 0 for one in candidates)
    assert sheet.draw_preview(picture, candidates[0]).shape == (90, 130, channels)

    white, black = (
        sheet.draw_sheet(picture, candidates, background=colour)
        for colour in ((255,) * 3, (0,) * 3)
    )
    assert white.shape[2] == 3 and np.array_equal(white, black) == (channels == 1)


@pytest.mark.parametrize("size", [(480, 720), (600, 150), (30, 40)])
@pytest.mark.parametrize("count", [1, 4])
def test_a_sheet_holds_every_preview_with_its_seed_below(detail_sampler, size, count):
    picture = detail_sampler.plan(size)
    candidates = choice.judge(detail_sampler, picture, range(40, 40 + count))
    drawn = sheet.draw_sheet(picture, candidates)
    labels = []
    for number, one in enumerate(candidates):
        top, left = sheet.find_corner(size, count, number)
        shown = sheet.draw_preview(picture, one)
        height, width = shown.shape[:2]
        np.testing.assert_array_equal(drawn[top : top + height, left : left + width], shown)
        labels.append(
            drawn[
                top + height : top + height + sheet.LABEL, left : left + sheet.NARROWEST
            ].tobytes()
        )
    assert len(set(labels)) == count  # each is another number


def test_the_chosen_are_framed_and_the_others_are_not(detail_sampler):
    picture = detail_sampler.plan((480, 720))
    candidates = choice.judge(detail_sampler, picture, range(3))
    drawn = sheet.draw_sheet(picture, candidates, chosen=[1], ranked=True)
    for number, paper in ((0, True), (1, False), (2, True)):
        top, left = sheet.find_corner((480, 720), 3, number)
        assert (drawn[top - 1, left + 5] == 255).all() == paper

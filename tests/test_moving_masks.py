"""A mask says what of a clip may move: all else stands still, with a soft border between."""

import numpy as np
import pytest

from singan_core.errors import RequestError
from singan_runtime import Sampler, masks
from singan_runtime.clips import animation
from singan_runtime.clips.animation import Walk, animate

WALKS = [
    {"start_scale": 0},
    {"start_scale": 0, "loop": True},
    {"kind": "paper"},
    {"kind": "paper", "loop": True},
]


def upper_left(size, rows, columns):
    mask = np.zeros(size, bool)
    mask[:rows, :columns] = True
    return mask


def claim_that_only_the_mask_moves(one, size, walk, mask, reach):
    """Outside the mask is the first frame, deep inside all moves, between is a soft border."""
    free = list(animate(one, walk, size))
    held = list(animate(one, walk, size, move=mask))
    deep = masks.feather(~mask, reach) == 0
    assert len(held) == len(free) == walk.length and np.array_equal(held[0], free[0])
    assert any((frame[~mask] != free[0][~mask]).any() for frame in free)
    for frame, before in zip(held, free, strict=True):
        assert np.array_equal(frame[~mask], held[0][~mask])
        assert np.array_equal(frame[deep], before[deep])
    assert any((frame[deep] != held[0][deep]).any() for frame in held)


@pytest.mark.parametrize("words", WALKS)
def test_only_what_is_white_in_the_mask_moves(sampler, words):
    walk = Walk(**{"frames": 4, "start_scale": 1, **words})
    claim_that_only_the_mask_moves(
        sampler, (100, 150), walk, upper_left((100, 150), 60, 90), reach=3
    )


@pytest.mark.parametrize("channels", [1, 4, 5])
def test_a_mask_holds_models_of_any_channels(samplers, channels):
    size = samplers[channels].trained_size
    mask = upper_left(size, size[0] // 2, size[1])
    claim_that_only_the_mask_moves(samplers[channels], size, Walk(3), mask, reach=1)


def test_a_mask_holds_pictures_with_detail(detail_sampler):
    claim_that_only_the_mask_moves(
        detail_sampler, (100, 150), Walk(3), upper_left((100, 150), 50, 150), reach=3
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_mask_that_is_white_all_over_changes_nothing(samplers, channels):
    one, size = samplers[channels], (70, 90)
    free = list(animate(one, Walk(3), size))
    held = list(animate(one, Walk(3), size, move=np.ones(size, bool)))
    assert np.array_equal(held, free)


def test_held_frames_do_not_depend_on_threads(tiny_bundle):
    mask = upper_left((130, 170), 60, 170)
    one, three = (
        list(animate(Sampler.load(tiny_bundle, threads=n), Walk(5), (130, 170), move=mask))
        for n in (1, 3)
    )
    assert np.array_equal(one, three)


@pytest.mark.parametrize(("size", "reach"), [((100, 150), 3), ((427, 640), 13), ((1080, 1920), 38)])
def test_the_border_is_soft_and_grows_with_the_clip(size, reach):
    edge = size[0] // 2
    share = animation.soften(upper_left(size, edge, size[1]), size)
    up = share[edge::-1, 0, 0]  # from the first row outside inwards
    assert (share == share[:, :1]).all()  # the picture's own edges have no border
    assert up[0] == 0 and (np.diff(up) >= 0).all() and np.diff(up).max() < 0.6
    assert (
        (up[reach + 1 :] == 1).all()
        and (up[: reach // 2 + 1] < 1).all()
        and ((up > 0) & (up < 1)).any()
    )


def test_a_border_shows_part_of_the_motion(sampler):
    mask = upper_left((100, 150), 60, 150)
    free = np.stack(list(animate(sampler, Walk(8), (100, 150)))).astype(int)
    held = np.stack(list(animate(sampler, Walk(8), (100, 150), move=mask))).astype(int)
    share = animation.soften(mask, (100, 150))
    soft = (share > 0) & (share < 1)
    expected = free[0] + share * (free - free[0])
    assert soft.any() and np.abs(held - expected).max() <= 0.5 + 1e-4
    assert (np.abs(held - free[0]) <= np.abs(free - free[0])).all()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (
            upper_left((32, 47), 9, 9),
            "the mask of what may move is 47x32, but must be 48x32, the clip's size",
        ),
        (np.ones((32, 48, 1), bool), "is 1x48x32, but must be 48x32"),
        (np.zeros((32, 48), bool), "nothing may move: no white part of the mask is wide enough"),
        (np.eye(32, 48, dtype=bool), "soft border of 1 px; paint more of it white"),
    ],
)
@pytest.mark.parametrize("kind", animation.KINDS)
def test_masks_of_another_size_or_without_room_are_refused_before_anything_is_drawn(
    sampler, monkeypatch, mask, message, kind
):
    monkeypatch.setattr(sampler, "draw_from_noise", None)
    with pytest.raises(RequestError, match=message):
        next(animate(sampler, Walk(kind=kind), move=mask))

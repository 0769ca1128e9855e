from itertools import permutations

import numpy as np
import pytest

from singan_core import windows
from singan_core.errors import RequestError
from singan_core.noise import RECONSTRUCTION_FRAME
from singan_runtime import Sampler
from singan_runtime.clips import animation
from singan_runtime.clips import clip as clip_module
from singan_runtime.clips.animation import Clip, Walk, animate
from singan_runtime.clips.paper_walk import play_there_and_back
from singan_runtime.clips.walk import choose_harmonics, spectrum, variance


def frames(sampler, size=None, zoom="auto", **walk):
    return np.stack(
        list(animate(sampler, Walk(**{"frames": 5, "start_scale": 1, **walk}), size, zoom))
    )


def walked(alpha, beta, steps=200_000):
    """The paper's recursion about its mean, on one value."""
    u = np.random.default_rng(0).standard_normal(steps)
    z = np.zeros(steps)
    for t in range(2, steps):
        z[t] = (1 - alpha) * (z[t - 1] + beta * (z[t - 1] - z[t - 2]) + (1 - beta) * u[t])
    return z


def test_frames_have_the_exact_size_and_the_asked_number(sampler):
    assert frames(sampler, (40, 61), frames=3).shape == (3, 40, 61, 3)


@pytest.mark.parametrize("kind", animation.KINDS)
def test_the_same_seed_gives_the_same_frames_whatever_the_length(sampler, kind):
    assert np.array_equal(
        frames(sampler, frames=6, kind=kind)[:4], frames(sampler, frames=4, kind=kind)
    )
    assert not np.array_equal(frames(sampler, seed=1, kind=kind), frames(sampler, kind=kind))


@pytest.mark.parametrize("kind", animation.KINDS)
def test_alpha_one_and_no_noise_stand_still_at_the_photo(sampler, kind):
    """With alpha 1 the walk is pulled all the way to z*: every frame is the reconstruction."""
    still = frames(sampler, alpha=1.0, start_scale=0, kind=kind)
    for frame in still[1:]:
        assert np.array_equal(frame, sampler.reconstruct())


# the harmonic motion


def test_frames_can_be_made_in_any_order(sampler):
    walk = Walk(4, start_scale=0)
    ready = frames(sampler, frames=4, start_scale=0)
    for order in list(permutations(range(4)))[::7]:
        clip = Clip(sampler, walk)
        for number in order:
            assert np.array_equal(clip.draw_frame(number), ready[number])


def test_a_loop_closes_exactly(sampler):
    clip = Clip(sampler, Walk(12, start_scale=0, loop=True))
    for number in (0, 5):
        assert np.array_equal(clip.draw_frame(number), clip.draw_frame(number + 12))
        assert np.array_equal(clip.draw_frame(number), clip.draw_frame(number + 12 * 10**9))


@pytest.mark.parametrize("start_scale", [0, 1, 2])
def test_a_loop_s_step_over_the_seam_is_like_any_other(sampler, start_scale):
    for seed in range(5):
        loop = frames(sampler, frames=40, start_scale=start_scale, loop=True, seed=seed).astype(
            float
        )
        steps = np.abs(np.roll(loop, -1, axis=0) - loop).mean((1, 2, 3))
        assert steps.min() > 0 and steps[-1] <= 1.2 * np.median(steps)


def test_a_clip_that_is_no_loop_does_not_close(sampler):
    open_ended = frames(sampler, frames=40, start_scale=0).astype(float)
    steps = np.abs(np.roll(open_ended, -1, axis=0) - open_ended).mean((1, 2, 3))
    assert steps[-1] > 1.5 * np.median(steps)


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.8), (0.1, 0.95), (0.5, 0.3)])
def test_variance_and_spectrum_are_those_of_the_paper_s_walk(alpha, beta):
    walk = Walk(alpha=alpha, beta=beta)
    z = walked(alpha, beta)
    assert variance(walk) == pytest.approx(z.var(), rel=0.05)
    bell = np.hanning(400)
    power = (
        np.abs(np.fft.rfft(z.reshape(-1, 400) * bell, axis=1)[:, 2:101]) ** 2
    )  # up to a quarter turn per frame
    angle = 2 * np.pi * np.arange(2, 101) / 400
    ratio = power.mean(0) / (bell**2).sum() / spectrum(walk, angle)
    assert np.abs(ratio - 1).mean() < 0.06


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("count", [1, 2, 7, 60, 1000])
def test_at_most_eight_harmonics_share_the_variance(loop, count):
    for beta in (0.5, 0.8, 0.95):
        walk = Walk(count, beta=beta, loop=loop)
        found = choose_harmonics(walk)
        assert 1 <= len(found) <= 8
        assert len({k for k, _ in found}) == len(found)
        assert sum(amplitude**2 for _, amplitude in found) == pytest.approx(variance(walk))


def test_short_loops_take_the_walk_s_spectrum_itself():
    """Where few enough k matter, each has the amplitude that the recursion has there."""
    walk = Walk(24, loop=True)
    angle = 2 * np.pi * np.arange(1, 13) / 24
    power = spectrum(walk, angle)
    expected = np.sqrt(variance(walk) * power / power.sum())
    (first, amplitude), *_ = choose_harmonics(walk)
    assert first == 1 and amplitude == pytest.approx(expected[0])


def test_the_noise_of_a_frame_is_the_sum_that_the_documentation_gives(sampler):
    """Computed here, plainly, from the field."""
    walk = Walk(30, start_scale=0, loop=True, seed=4)
    clip = Clip(sampler, walk)
    v = variance(walk)
    for step in windows.plan_whole_picture(sampler.find_passes())[:2]:
        z = (
            np.sqrt(1 - v) * sampler.repeat_channels(sampler.reconstruction_noise)
            if step.index == 0
            else 0
        )
        for j, (k, amplitude) in enumerate(choose_harmonics(walk)):
            angle = 2 * np.pi * k * (11 + clip._first) / 30
            a, b = sampler.create_noise(4, 2 * j)(step), sampler.create_noise(4, 2 * j + 1)(step)
            z = z + amplitude * (np.cos(angle) * a + np.sin(angle) * b)
        assert np.abs(clip.mix_noise(11)(step) - z).max() < 1e-6


def test_noise_has_the_variance_that_generators_were_trained_with(sampler):
    """The noise has variance 1 however strong the pull; off the trained canvas z* is fresh."""
    step = windows.plan_whole_picture(sampler.find_passes((64, 96), 1.0))[0]
    for alpha in (0.0, 0.1, 0.6):
        draws = []
        for seed in range(20):
            clip = Clip(sampler, Walk(alpha=alpha, start_scale=0, seed=seed), (64, 96), 1.0)
            draws += [clip.mix_noise(frame)(step)[0, 0, 5:-5, 5:-5] for frame in (0, 7, 500)]
        assert np.mean(np.square(draws)) == pytest.approx(1, abs=0.03)


def test_fields_that_are_not_kept_give_the_same_frames(sampler, monkeypatch):
    expected = frames(sampler, (50, 70), start_scale=0)
    for memory in (0, 400_000):
        monkeypatch.setattr(clip_module, "FIELD_MEMORY", memory)
        clip = Clip(sampler, Walk(5, start_scale=0), (50, 70))
        assert sum(field.nbytes for kept in clip._fields.values() for field in kept) <= 3 * memory
        assert (len(clip._fields) > 0) == (memory > 0)
        assert np.array_equal(frames(sampler, (50, 70), start_scale=0), expected)


@pytest.mark.parametrize("kind", animation.KINDS)
def test_frames_do_not_depend_on_threads_or_parts(tiny_bundle, monkeypatch, kind):
    one = frames(Sampler.load(tiny_bundle, threads=1), (130, 170), kind=kind)
    assert np.array_equal(frames(Sampler.load(tiny_bundle, threads=3), (130, 170), kind=kind), one)
    monkeypatch.setattr("singan_runtime.parallel.TILE", 60)
    assert np.array_equal(frames(Sampler.load(tiny_bundle, threads=1), (130, 170), kind=kind), one)


def test_scales_that_do_not_move_are_computed_once(tiny_bundle, monkeypatch):
    sampler = Sampler.load(tiny_bundle, threads=1)
    calls = []
    generate = sampler.graphs.generate
    monkeypatch.setattr(
        sampler.graphs,
        "generate",
        lambda scale, *rest: calls.append(scale) or generate(scale, *rest),
    )
    frames(sampler, frames=7, start_scale=2)
    assert [calls.count(scale) for scale in range(4)] == [1, 1, 7, 7]
    calls.clear()
    frames(sampler, frames=7, start_scale=0, beta=1.0)
    assert calls == [0, 1, 2, 3]


@pytest.mark.parametrize("start_scale", [0, 1, 2])
def test_the_rim_moves_as_its_content_lets_it(sampler, start_scale):
    """Edges neither stand still nor flicker.

    Motion is in units of the photo's contrast, in two rows at an edge and four inside.
    """
    moved = (
        frames(sampler, frames=24, start_scale=start_scale, loop=True).astype(float).std(0).mean(2)
    )
    photo = sampler.reconstruct().astype(float)
    for turns in range(4):
        motion, contrast = np.rot90(moved, turns), np.rot90(photo, turns).std(1).mean(1)
        rim, inside = (
            np.sqrt((motion[of] ** 2).mean()) / contrast[of].mean()
            for of in (slice(0, 2), slice(5, 9))
        )
        assert 0.5 < rim / inside < 2


# the paper's walk


def test_the_walk_is_the_paper_s_recursion(sampler, monkeypatch):
    """Frames drawn from noise that was computed here, plainly, from the formula."""
    alpha, beta, seed = 0.2, 0.6, 9
    one = windows.plan_whole_picture(sampler.find_passes())[1]
    drawn = []
    monkeypatch.setattr(sampler, "draw_from_noise", lambda _, noise: drawn.append(noise(one)))
    list(animate(sampler, Walk(4, alpha, beta, 1, seed, kind="paper")))
    u = [sampler.create_noise(seed, frame)(one) for frame in range(4)]
    z = [np.zeros_like(u[0]), 0.05 * u[0]]
    for step in u[1:]:
        z.append((1 - alpha) * (z[-1] + beta * (z[-1] - z[-2]) + (1 - beta) * step))
    for ours, theirs in zip(drawn, z[1:], strict=True):
        assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.parametrize("kind", animation.KINDS)
def test_higher_beta_moves_more_smoothly(sampler, kind):
    def roughness(beta):
        noise = frames(sampler, (32, 48), frames=12, beta=beta, start_scale=0, kind=kind).astype(
            float
        )
        return np.abs(np.diff(noise, 2, axis=0)).mean() / np.abs(np.diff(noise, axis=0)).mean()

    assert roughness(0.95) < roughness(0.1)


@pytest.mark.parametrize("kind", animation.KINDS)
def test_scales_below_the_start_scale_stand_still(sampler, kind):
    def motion(start_scale):
        drawn = frames(sampler, start_scale=start_scale, frames=8, kind=kind).astype(float)
        return np.abs(np.diff(drawn, axis=0)).mean()

    assert motion(0) > motion(1) > motion(3) > 0


def test_z_star_moves_the_trained_canvas_and_a_fixed_noise_any_other(sampler):
    rest = clip_module.draw_rest(
        sampler, Walk(), windows.plan_whole_picture(sampler.find_passes())[0]
    )
    assert np.array_equal(rest[0, :1], sampler.reconstruction_noise)
    other = windows.plan_whole_picture(sampler.find_passes((40, 61), 1.0))[0]
    rest = clip_module.draw_rest(sampler, Walk(seed=3), other)
    assert np.array_equal(rest, sampler.create_noise(3, RECONSTRUCTION_FRAME)(other))


def test_there_and_back_closes_without_a_jump():
    order = [
        int(frame[0]) for frame in play_there_and_back(iter([np.array([n]) for n in range(4)]))
    ]
    assert order == [0, 1, 2, 3, 2, 1]
    assert len(list(play_there_and_back(iter([np.zeros(1)])))) == 1


@pytest.mark.parametrize(
    ("walk", "message"),
    [
        ({"frames": 0}, "frames 0 is not possible: it must be 1 to 1000000"),
        ({"alpha": 1.5}, "alpha 1.5 is not possible: it must be 0 to 1"),
        ({"beta": -0.1}, "beta -0.1 is not possible"),
        ({"beta": float("nan")}, "beta nan is not possible"),
        ({"start_scale": 9}, "start scale 9 is not possible"),
        ({"seed": -1}, "seed -1 is not possible"),
        ({"kind": "drunk"}, "walk 'drunk' is not possible: choose harmonic or paper"),
    ],
)
def test_impossible_walks_are_refused(sampler, walk, message):
    for kind in animation.KINDS:
        with pytest.raises(RequestError, match=message):
            frames(sampler, **{"kind": kind, **walk})


@pytest.mark.parametrize("words", [{}, {"kind": "paper"}, {"kind": "paper", "loop": True}])
def test_one_frame_alone_is_the_first_of_a_clip_to_paint_the_mask_over(sampler, words):
    assert np.array_equal(
        frames(sampler, frames=1, **words)[0], frames(sampler, frames=4, **words)[0]
    )

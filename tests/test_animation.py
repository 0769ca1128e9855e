import numpy as np
import pytest
from PIL import Image, ImageSequence

from singan_core import windows
from singan_core.errors import RequestError
from singan_core.noise import RECONSTRUCTION_FRAME
from singan_runtime import animation
from singan_runtime.animation import Walk, animate, there_and_back


def frames(sampler, size=None, zoom="auto", **walk):
    return np.stack(list(animate(sampler, Walk(**{"frames": 5, "start_scale": 1, **walk}), size, zoom)))


def test_frames_have_the_exact_size_and_the_asked_number(sampler):
    assert frames(sampler, (40, 61), frames=3).shape == (3, 40, 61, 3)


def test_the_same_seed_gives_the_same_frames_whatever_the_length(sampler):
    assert np.array_equal(frames(sampler, frames=6)[:4], frames(sampler, frames=4))
    assert not np.array_equal(frames(sampler, seed=1), frames(sampler))


def test_alpha_one_and_no_noise_stand_still_at_the_photo(sampler):
    """With alpha 1 the walk is pulled all the way back to z*: the reconstruction, frame for frame."""
    still = frames(sampler, alpha=1.0, start_scale=0)
    for frame in still[1:]:
        assert np.array_equal(frame, sampler.reconstruct())


def test_the_walk_is_the_paper_s_recursion(sampler, monkeypatch):
    """Frames drawn from noise that was computed here, plainly, from the formula."""
    alpha, beta, seed = 0.2, 0.6, 9
    one = windows.whole_steps(sampler.passes())[1]
    drawn = []
    monkeypatch.setattr(sampler, "painted", lambda _, noise: drawn.append(noise(one)))
    list(animate(sampler, Walk(4, alpha, beta, 1, seed)))
    u = [sampler.fresh(seed, frame)(one) for frame in range(4)]
    z = [np.zeros_like(u[0]), 0.05 * u[0]]
    for step in u[1:]:
        z.append((1 - alpha) * (z[-1] + beta * (z[-1] - z[-2]) + (1 - beta) * step))
    for ours, theirs in zip(drawn, z[1:], strict=True):
        assert np.abs(ours - theirs).max() < 1e-6


def test_higher_beta_moves_more_smoothly(sampler):
    def roughness(beta):
        noise = frames(sampler, (32, 48), frames=12, beta=beta, start_scale=0).astype(float)
        return np.abs(np.diff(noise, 2, axis=0)).mean() / np.abs(np.diff(noise, axis=0)).mean()

    assert roughness(0.95) < roughness(0.1)


def test_scales_below_the_start_scale_stand_still(sampler):
    def motion(start_scale):
        return np.abs(np.diff(frames(sampler, start_scale=start_scale, frames=8).astype(float), axis=0)).mean()

    assert motion(0) > motion(1) > motion(3) > 0


def test_z_star_moves_the_trained_canvas_and_a_fixed_noise_any_other(sampler):
    rest = animation._rest(sampler, Walk(), windows.whole_steps(sampler.passes())[0])
    assert np.array_equal(rest[0, :1], sampler.reconstruction_noise)
    other = windows.whole_steps(sampler.passes((40, 61), 1.0))[0]
    rest = animation._rest(sampler, Walk(seed=3), other)
    assert np.array_equal(rest, sampler.fresh(3, RECONSTRUCTION_FRAME)(other))


def test_there_and_back_closes_without_a_jump():
    order = [int(frame[0]) for frame in there_and_back(iter([np.array([n]) for n in range(4)]))]
    assert order == [0, 1, 2, 3, 2, 1]
    assert len(list(there_and_back(iter([np.zeros(1)])))) == 1


def test_gif_holds_every_frame_with_one_palette(sampler, tmp_path):
    path = tmp_path / "a.gif"
    animation.save_gif(path, iter(frames(sampler, start_scale=0, frames=6)), fps=10)
    with Image.open(path) as image:
        assert image.n_frames == 6 and image.size == (48, 32)
        assert image.info["loop"] == 0 and image.info["duration"] == 100
        palettes = set()
        for frame in ImageSequence.Iterator(image):
            assert np.asarray(frame.convert("RGB")).shape == (32, 48, 3)
            palettes.add(bytes(frame.global_palette.palette if frame.global_palette else b""))
        assert len(palettes) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.gif"]


def test_gif_shows_what_was_drawn(sampler, tmp_path):
    path = tmp_path / "a.gif"
    drawn = frames(sampler, start_scale=0, frames=3)
    animation.save_gif(path, iter(drawn))
    with Image.open(path) as image:
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            assert np.abs(np.asarray(frame.convert("RGB")).astype(int) - drawn[number]).mean() < 8


@pytest.mark.parametrize(
    ("walk", "message"),
    [
        ({"frames": 0}, "0 frames are not possible: ask for 1 or more"),
        ({"alpha": 1.5}, "alpha 1.5 is not possible: it must be 0 to 1"),
        ({"beta": -0.1}, "beta -0.1 is not possible"),
        ({"beta": float("nan")}, "beta nan is not possible"),
        ({"start_scale": 9}, "start scale 9 is not possible"),
        ({"seed": -1}, "seed -1 is not possible"),
    ],
)
def test_impossible_walks_are_refused(sampler, walk, message):
    with pytest.raises(RequestError, match=message):
        frames(sampler, **walk)


@pytest.mark.parametrize("fps", [0, 51, float("nan")])
def test_impossible_frame_rates_are_refused(tmp_path, fps):
    with pytest.raises(RequestError, match=r"a GIF takes 0\.1 to 50"):
        animation.save_gif(tmp_path / "a.gif", iter([]), fps)

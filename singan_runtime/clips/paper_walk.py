"""The paper's animation: its recursion through noise space, a frame after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from singan_core import windows
from singan_core.arrays import Floats, Pixels
from singan_core.pyramid import Size
from singan_core.windows import Step
from singan_core.zooms import Zoom
from singan_runtime.clips.clip import cut_region, draw_rest, make_picture
from singan_runtime.clips.motion import Motion
from singan_runtime.clips.walk import Walk, check
from singan_runtime.objects import Keep
from singan_runtime.sampler import Sampler

Noises = dict[int, Floats]


def draw_paper_walk(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Iterator[Pixels]:
    """Draw the frames of the paper's walk, uint8 (h, w, C), in order. Raises RequestError."""
    check(walk)
    picture = make_picture(sampler, walk, size, zoom, keep)
    states = _walk_on(sampler, walk, list(windows.plan_whole_picture(picture.passes)))

    motion = None
    for state in states:

        def unit_noise(step: Step, state: Noises = state) -> Floats:
            return cut_region(state[step.index], step.drawn).astype(np.float32)

        if picture.fit is None:
            yield sampler.draw_from_noise(picture, unit_noise)
        else:
            motion = motion or Motion(sampler, picture, unit_noise)
            yield motion.draw_frame(unit_noise)


def _walk_on(sampler: Sampler, walk: Walk, steps: list[Step]) -> Iterator[Noises]:
    """Yield the noise of every frame, whole canvases by the index of their pass.

    z_{t+1} = alpha z* + (1 - alpha) (z_t + beta (z_t - z_{t-1}) + (1 - beta) u_t), u_t fresh unit
    noise. Source: SinGAN, supplementary section 5; as in the reference, the first two states are z*
    and 0.95 z* + 0.05 u.
    """
    alpha, beta = walk.alpha, walk.beta
    rest = {step.index: _make_rest(sampler, walk, step) for step in steps}
    before, now = dict(rest), dict(rest)

    for frame in range(walk.frames):
        fresh = sampler.create_noise(walk.seed, frame)
        for step in steps:
            index, u = step.index, fresh(step)
            if frame == 0:
                now[index] = 0.95 * rest[index] + 0.05 * u
                continue
            onward = now[index] + beta * (now[index] - before[index]) + (1 - beta) * u
            before[index] = now[index]
            now[index] = alpha * rest[index] + (1 - alpha) * onward
        yield now


def _make_rest(sampler: Sampler, walk: Walk, step: Step) -> Floats:
    """Make z* of a pass: zero at all but the first."""
    return np.zeros((1, 1, 1, 1), np.float32) if step.index else draw_rest(sampler, walk, step)


def play_there_and_back(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    """Yield frames forwards, then backwards without both ends: a repeating player sees no jump."""
    seen = []
    for frame in frames:
        seen.append(frame)
        yield frame
    yield from reversed(seen[1:-1])

"""Animation: a smooth motion through noise space, every frame a function of its number; or the paper's random walk.

With detail the first frame is finished, and the motion of what the generators draw moves it (motion.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from singan_core import HALO, cascade, windows
from singan_core.errors import RequestError
from singan_core.noise import RECONSTRUCTION_FRAME
from singan_core.pyramid import Size, Zoom
from singan_core.windows import Region, Step
from singan_runtime import masks
from singan_runtime.motion import BORDER, Motion
from singan_runtime.objects import Keep
from singan_runtime.picture import Picture, in_order
from singan_runtime.sampler import Sampler, check_seed

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

LONGER_SIDE = 640  # px of a clip with detail, unless told otherwise
FPS = 10.0  # frames per second, unless told otherwise
KINDS = ("harmonic", "paper")
HARMONICS = 8  # at most: each takes two noise fields of the canvas
PERIOD = 36_000  # frames after which a motion that is no loop repeats: an hour at 10 per second
GRID_START_SCALES = (0, 1, 2)
GRID_BETAS = (0.80, 0.85, 0.90, 0.95)
FIELD_MEMORY = (
    10**9
)  # bytes of noise fields kept from frame to frame; what goes beyond is made anew for every frame


@dataclass(frozen=True)
class Walk:
    """A random walk through noise space; both kinds share the spectrum, docs/animation.md."""

    frames: int = 60
    alpha: float = 0.1  # pull towards the photo, 0..1
    beta: float = 0.9  # smoothness: how much of the last step goes on, 0..1
    start_scale: int = 0
    seed: int = 0
    loop: bool = False
    kind: str = "harmonic"

    @property
    def length(self) -> int:
        """How many frames are shown: the paper's walk can close only by going back."""
        return max(2 * self.frames - 2, 1) if self.loop and self.kind == "paper" else self.frames


def check(walk: Walk) -> None:
    """Raise RequestError naming the first number that is not possible."""
    if walk.kind not in KINDS:
        raise RequestError(f"walk {walk.kind!r} is not possible: choose {' or '.join(KINDS)}")
    if walk.frames < 1:
        raise RequestError(f"{walk.frames} frames are not possible: ask for 1 or more")
    for name, value in (("alpha", walk.alpha), ("beta", walk.beta)):
        if not 0 <= value <= 1:
            raise RequestError(f"{name} {value:g} is not possible: it must be 0 to 1")
    check_seed(walk.seed)


def default_size(sampler: Sampler) -> Size:
    """The size of a clip that is told none."""
    return sampler.size_within(LONGER_SIDE)


def animate(
    sampler: Sampler,
    walk: Walk,
    size: Size | None = None,
    zoom: Zoom = "auto",
    move: masks.Mask | None = None,
    keep: tuple[Keep, ...] = (),
) -> Iterator[Pixels]:
    """Draw the frames, uint8 (h, w, C), in order; checked when the first is asked for. Raises RequestError.

    Scales below the start scale stand still and are drawn once. On a canvas other than the trained one, where z* is
    not defined, a fixed noise takes its place. Outside the mask move, bool (h, w), every frame is the first, bit for
    bit; kept objects, which need a model with detail, stand still in all of them.
    """
    frames = _draw(sampler, walk, size, zoom, keep)
    if move is None:
        yield from frames
    else:
        yield from hold(frames, soften(move, size or default_size(sampler)))


def soften(move: masks.Mask, size: Size) -> Floats:
    """Compute how much of its motion every pixel of a clip shows, (h, w, 1): 0 outside the mask, 1 well inside.

    Beside an edge of the picture the mask has no border. Raises RequestError for a mask of another size than (height,
    width), or if nothing may move.
    """
    if move.shape != tuple(size):
        got = "x".join(str(side) for side in reversed(move.shape))
        raise RequestError(
            f"the mask of what may move is {got}, but must be {size[1]}x{size[0]}, the clip's size"
        )
    reach = round(BORDER * max(size))
    share = 1 - masks.feather(~move, reach)
    if not share.any():
        raise RequestError(
            f"nothing may move: no white part of the mask is wide enough for its soft border of {reach} px; "
            "paint more of it white"
        )
    return share[..., None]


def hold(frames: Iterator[Pixels], share: Floats) -> Iterator[Pixels]:
    """Put the first frame back into all others, but for the share (h, w, 1) of them that may be seen."""
    first = next(frames)
    yield first
    for frame in frames:
        yield masks.blend(first, frame, share)


def _draw(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Iterator[Pixels]:
    """Draw the frames as they are when everything may move."""
    if walk.kind == "paper":
        frames = _recursion(sampler, walk, size, zoom, keep)
        yield from there_and_back(frames) if walk.loop else frames
        return
    clip = Clip(sampler, walk, size, zoom, keep)
    if not clip.harmonics:  # nothing moves
        still = clip.frame(0)
        yield from (still for _ in range(walk.frames))
        return
    yield from in_order(clip.frame, walk.frames, sampler.graphs.threads)


class Clip:
    """An animation whose frames can be drawn in any order: z_t mixes fixed noise fields by cosines and sines of t.

    Source: the spectrum of SinGAN's random walk (supplementary section 5); its sampling is ours, docs/animation.md.
    """

    def __init__(
        self,
        sampler: Sampler,
        walk: Walk,
        size: Size | None = None,
        zoom: Zoom = "auto",
        keep: tuple[Keep, ...] = (),
    ) -> None:
        check(walk)
        self.sampler, self.walk = sampler, walk
        self.picture = _moving(sampler, walk, size, zoom, keep)
        sampler.check_pixels(self.picture.size)
        self.harmonics = harmonics(walk)
        self._kept: dict[int, list[Floats]] = {}
        left = FIELD_MEMORY
        with ThreadPoolExecutor(sampler.graphs.threads) as pool:
            for step in windows.whole_steps(self.picture.passes):
                height, width = step.size
                channels = sampler.manifest.noise_channels[step.generator]
                draws = self._draws(step)
                left -= 4 * len(draws) * channels * (height + 2 * HALO) * (width + 2 * HALO)
                if left < 0:
                    break
                self._kept[step.index] = list(pool.map(lambda draw, step=step: draw(step), draws))
        self._first = 0
        if walk.loop and walk.start_scale == 0:
            self._first = self._calmest()
        self._motion = Motion(sampler, self.picture, self.noise(0)) if self.picture.fit else None

    def frame(self, number: int) -> Pixels:
        """One frame, uint8 (h, w, C), drawn by the calling thread alone; number 0 or more."""
        if self._motion is not None:
            return self._motion.frame(self.noise(number))
        return self.sampler.painted(self.picture, self.noise(number), threads=1)

    def noise(self, number: int) -> cascade.Draw:
        """The unit noise of a frame."""
        weights = [np.float32(_pull(self.walk))]
        for k, amplitude in self.harmonics:
            turned = k * (number + self._first) % self.period  # exact however large the number
            angle = 2 * np.pi * turned / self.period
            weights += [
                np.float32(amplitude * np.cos(angle)),
                np.float32(amplitude * np.sin(angle)),
            ]

        def unit_noise(step: Step) -> Floats:
            kept = self._kept.get(step.index)
            fields = (
                (draw(step) for draw in self._draws(step))
                if kept is None
                else (_part(f, step.drawn) for f in kept)
            )
            height, width = step.size
            total = np.zeros(
                (1, self.sampler.manifest.channels, height + 2 * HALO, width + 2 * HALO), np.float32
            )
            term = np.empty_like(total)
            for weight, field in zip(
                weights if step.index == 0 else weights[1:], fields, strict=True
            ):
                total += np.multiply(field, weight, out=term)
            return total

        return unit_noise

    @property
    def period(self) -> int:
        """Frames after which the motion repeats exactly."""
        return self.walk.frames if self.walk.loop else PERIOD

    def _calmest(self) -> int:
        """The frame at whose coming the coarsest image changes least.

        It has few values, so that some steps of a whole scene's motion are twice as large as others: a loop that begins
        here has its seam where the eye looks for it least. Finer scales move evenly.
        """
        coarsest = replace(self.picture, passes=self.picture.passes[:1])
        before = self.sampler.draw(coarsest, self.noise(-1))
        steps = []
        for number in range(self.period):
            image = self.sampler.draw(coarsest, self.noise(number))
            steps.append(np.abs(image - before).mean())
            before = image
        return int(np.argmin(steps))

    def _draws(self, step: Step) -> list[cascade.Draw]:
        """What draws each noise field of a step: first z* where there is one, then two of every harmonic."""
        seed, sampler = self.walk.seed, self.sampler
        fields = [sampler.fresh(seed, number) for number in range(2 * len(self.harmonics))]
        return fields if step.index else [lambda step: _rest(sampler, self.walk, step), *fields]


def harmonics(walk: Walk) -> list[tuple[int, float]]:
    """(k, amplitude) of the at most 8 harmonics that stand for the walk's spectrum: k turns in a period.

    The power of all k is cut into eight equal parts in the order of k; each part moves at its mean k.
    """
    period = walk.frames if walk.loop else PERIOD
    k = np.arange(1, max(period // 2, 1) + 1)
    power = spectrum(walk, 2 * np.pi * k / period)
    if power.sum() == 0:
        return []
    power *= variance(walk) / power.sum()
    middle = (np.cumsum(power) - power / 2) / power.sum()
    part = (middle * HARMONICS).astype(int)
    parts = [part == one for one in np.unique(part)]
    return [
        (round(np.average(k[of], weights=power[of])), float(np.sqrt(power[of].sum())))
        for of in parts
    ]


def spectrum(walk: Walk, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power density of the paper's recursion at frequencies in radians per frame, above 0."""
    first, second, gain = _recursion_terms(walk)
    turn = np.exp(-1j * angle)
    return gain**2 / np.abs(1 - first * turn - second * turn**2) ** 2


def variance(walk: Walk) -> float:
    """How far the walk strays from its mean in the long run, at most 1: more noise than that no generator has seen."""
    first, second, gain = _recursion_terms(walk)
    below = (1 + second) * ((1 - second) ** 2 - first**2)
    above = gain**2 * (1 - second)
    return above / below if above < below else 1.0


def _recursion_terms(walk: Walk) -> tuple[float, float, float]:
    """Of x_{t+1} = first x_t + second x_{t-1} + gain u_t, where x = z - z*."""
    keep = 1 - walk.alpha
    return keep * (1 + walk.beta), -keep * walk.beta, keep * (1 - walk.beta)


def _pull(walk: Walk) -> float:
    """Weight of z*."""
    return float(np.sqrt(1 - variance(walk)))


def _recursion(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Iterator[Pixels]:
    """z_{t+1} = alpha z* + (1 - alpha) (z_t + beta (z_t - z_{t-1}) + (1 - beta) u_t), u_t fresh unit noise.

    Source: the reference's random walk; its first two states are z* and 0.95 z* + 0.05 u.
    """
    check(walk)
    picture = _moving(sampler, walk, size, zoom, keep)
    sampler.check_pixels(picture.size)
    moving = windows.whole_steps(picture.passes)
    rest = {
        step.index: np.zeros((1, 1, 1, 1), np.float32) if step.index else _rest(sampler, walk, step)
        for step in moving
    }
    before, now = dict(rest), dict(rest)

    def unit_noise(step: Step) -> Floats:
        return _part(now[step.index], step.drawn).astype(np.float32)

    motion = None
    for frame in range(walk.frames):
        fresh = sampler.fresh(walk.seed, frame)
        for step in moving:
            index, u = step.index, fresh(step)
            if frame == 0:
                now[index] = 0.95 * rest[index] + 0.05 * u
                continue
            onward = now[index] + walk.beta * (now[index] - before[index]) + (1 - walk.beta) * u
            before[index], now[index] = (
                now[index],
                walk.alpha * rest[index] + (1 - walk.alpha) * onward,
            )
        if picture.fit is None:
            yield sampler.painted(picture, unit_noise)
        else:
            motion = motion or Motion(sampler, picture, unit_noise)
            yield motion.frame(unit_noise)


def _moving(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Picture:
    """The picture that moves; where z* is part of the noise, it is as strong as the generators know it."""
    picture = sampler.picture(size or default_size(sampler), zoom, walk.start_scale, keep=keep)
    return picture if walk.start_scale else replace(picture, amplitudes=())


def _rest(sampler: Sampler, walk: Walk, step: Step) -> Floats:
    """z* of the first pass: the stored one on the trained canvas, else a fixed noise."""
    if step.canvas == sampler.manifest.shapes[0]:
        return _part(sampler.fill(sampler.reconstruction_noise), step.drawn)
    return sampler.fresh(walk.seed, RECONSTRUCTION_FRAME)(step)


def _part(whole: Floats, region: Region) -> Floats:
    """A region, with its halo, of noise for the whole canvas with its halo."""
    (top, bottom), (left, right) = region
    return whole[..., top : bottom + 2 * HALO, left : right + 2 * HALO]


def there_and_back(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    """The frames forwards, then backwards without the two ends, so that a repeating player sees no jump."""
    seen = []
    for frame in frames:
        seen.append(frame)
        yield frame
    yield from reversed(seen[1:-1])

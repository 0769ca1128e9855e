"""Animation: the paper's walk through noise space (SinGAN section 4, supplementary section 5), frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import HALO, images, windows
from singan_core.atomic import atomic_file
from singan_core.errors import RequestError
from singan_core.noise import RECONSTRUCTION_FRAME
from singan_core.pyramid import Size
from singan_core.windows import Step
from singan_runtime.sampler import Sampler, Zoom, check_seed

Floats = NDArray[np.float32]

FPS = 10.0  # frames per second, unless told otherwise


@dataclass(frozen=True)
class Walk:
    """z_{t+1} = alpha z* + (1 - alpha) (z_t + beta (z_t - z_{t-1}) + (1 - beta) u_t), u_t fresh unit noise."""

    frames: int = 60
    alpha: float = 0.1  # pull towards the photo, 0..1
    beta: float = 0.9  # smoothness: how much of the last step goes on, 0..1
    start_scale: int = 2
    seed: int = 0


def check(walk: Walk) -> None:
    """Raise RequestError naming the first number that is not possible."""
    if walk.frames < 1:
        raise RequestError(f"{walk.frames} frames are not possible: ask for 1 or more")
    for name, value in (("alpha", walk.alpha), ("beta", walk.beta)):
        if not 0 <= value <= 1:
            raise RequestError(f"{name} {value:g} is not possible: it must be 0 to 1")
    check_seed(walk.seed)


def animate(sampler: Sampler, walk: Walk, size: Size | None = None, zoom: Zoom = "auto") -> Iterator[NDArray[np.uint8]]:
    """The frames, uint8 (h, w, C), in order; checked when the first is asked for. Raises RequestError.

    Source: the reference's random walk; its first two states are z* and 0.95 z* + 0.05 u. Scales below the start
    scale stand still. On a canvas other than the trained one, where z* is not defined, a fixed noise takes its place.
    """
    check(walk)
    picture = sampler.picture(size, zoom, walk.start_scale)
    sampler.check_pixels(picture.size)
    moving = windows.whole_steps(picture.passes)
    rest = {step.index: _rest(sampler, walk, step) for step in moving}
    before, now = dict(rest), dict(rest)
    for frame in range(walk.frames):
        fresh = sampler.fresh(walk.seed, frame)
        for step in moving:
            index, u = step.index, fresh(step)
            if frame == 0:
                now[index] = 0.95 * rest[index] + 0.05 * u
                continue
            onward = now[index] + walk.beta * (now[index] - before[index]) + (1 - walk.beta) * u
            before[index], now[index] = now[index], walk.alpha * rest[index] + (1 - walk.alpha) * onward

        def unit_noise(step: Step) -> Floats:
            (top, bottom), (left, right) = step.drawn
            part = now[step.index][..., top : bottom + 2 * HALO, left : right + 2 * HALO]
            return part.astype(np.float32)

        yield sampler.painted(picture, unit_noise)


def _rest(sampler: Sampler, walk: Walk, step: Step) -> Floats:
    """z* of a pass: the stored one at scale 0 of the trained canvas, else zero, as at training."""
    if step.index > 0:
        return np.zeros((1, 1, 1, 1), np.float32)
    if step.canvas == sampler.manifest.shapes[0]:
        return sampler.fill(sampler.reconstruction_noise)
    return sampler.fresh(walk.seed, RECONSTRUCTION_FRAME)(step)


def check_fps(fps: float) -> None:
    """Raise RequestError unless a GIF can play so many frames per second."""
    if not 0.1 <= fps <= 50:
        raise RequestError(f"{fps:g} frames per second are not possible: a GIF takes 0.1 to 50")


def there_and_back(frames: Iterator[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """The frames forwards, then backwards without the two ends, so that a repeating player sees no jump."""
    seen = []
    for frame in frames:
        seen.append(frame)
        yield frame
    yield from reversed(seen[1:-1])


def save_gif(
    path: Path,
    frames: Iterator[NDArray[np.uint8]],
    fps: float = FPS,
    background: tuple[int, int, int] = (255, 255, 255),
) -> None:
    """Write frames, uint8 (h, w, C), as an endlessly repeating GIF, whole or not at all; fps 0.1 to 50.

    All frames share one palette, since a palette of its own per frame makes flat areas flash,
    and no dithering, whose dots would crawl from frame to frame.
    Raises RequestError or OutputError.
    """
    check_fps(fps)
    pictures = [images.to_pillow(images.flatten(frame, background)).convert("RGB") for frame in frames]
    palette = _palette(pictures)
    indexed = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    with atomic_file(path) as temporary:
        indexed[0].save(temporary, "GIF", save_all=True, append_images=indexed[1:], duration=1000 / fps, loop=0)


def _palette(pictures: list[Image.Image], looked_at: int = 8) -> Image.Image:
    """256 colours fitted to a few frames at once."""
    few = pictures[:: max(1, len(pictures) // looked_at)][:looked_at]
    height = few[0].height
    montage = Image.new("RGB", (few[0].width, height * len(few)))
    for place, picture in enumerate(few):
        montage.paste(picture, (0, place * height))
    return montage.quantize(256)

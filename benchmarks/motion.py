"""What a frame of a clip with detail costs beside a still of the same size, and how it moves, in one run.

A line for each bundle and start scale: processor time of a frame, and of the first one with its tables, over that of a
still; the three finest octaves over the first frame's; calmness, the change of fine detail a frame that the motion does
not explain, over that detail's standard deviation; the clip's mean absolute change a frame, at a quarter of its size
and at the generators' size, over that of the generators' own clip; and how far pixels are moved.

Fine is what a picture loses when it is reduced to a quarter. What the motion explains is the first frame at the very
positions that a frame shows, by Lanczos' kernel of eight pixels in floating point.

Usage: python benchmarks/motion.py [BUNDLE...] [--size 960x540] [--frames 40] [--start-scales 0,1,2] [--beta B]
       [--slices DIR]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core.windows import Span
from singan_runtime import Sampler, quality
from singan_runtime.animation import Clip, Walk
from singan_runtime.flow import find_flow
from singan_runtime.motion import Enlarged, Motion

ROOT = Path(__file__).parent.parent
LOBES = 4  # of Lanczos' kernel on either side
LOOKED_AT = range(2, 5)  # frames whose calmness is measured

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def spend(work: Callable[[], Any]) -> tuple[Any, float]:
    """Do some work, and tell its processor time in seconds."""
    began = time.process_time()
    result = work()
    return result, time.process_time() - began


def resample(picture: NDArray[Any], size: tuple[int, int]) -> Floats:
    """Resample a picture (h, w, C) by Pillow, channel by channel, without rounding."""
    channels = np.moveaxis(picture.astype(np.float32), 2, 0)
    made = [Image.fromarray(one).resize(size[::-1], Image.Resampling.BICUBIC) for one in channels]
    return np.stack([np.asarray(one) for one in made], axis=2)


def coarse(picture: NDArray[Any]) -> Floats:
    """Keep what a quarter of the size can hold."""
    height, width = picture.shape[:2]
    return resample(resample(picture, (height // 4, width // 4)), (height, width))


def lanczos(picture: Pixels, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
    """Look up positions in px, (h, w) each, between the pixels."""
    sides = picture.shape[:2]
    low = [np.floor(one).astype(int) for one in (rows, columns)]
    apart = [one - whole for one, whole in zip((rows, columns), low, strict=True)]
    taps = range(1 - LOBES, LOBES + 1)
    kernels = [[np.sinc(one - tap) * np.sinc((one - tap) / LOBES) for tap in taps] for one in apart]
    total = np.zeros((*rows.shape, picture.shape[2]), np.float32)
    for tap, down in zip(taps, kernels[0], strict=True):
        for step, across in zip(taps, kernels[1], strict=True):
            y, x = (low[0] + tap).clip(0, sides[0] - 1), (low[1] + step).clip(0, sides[1] - 1)
            total += (down * across)[..., None] * picture[y, x]
    return total / (sum(kernels[0]) * sum(kernels[1]))[..., None]


def positions(motion: Motion, handed: Pixels) -> list[NDArray[Any]]:
    """The rows and columns, in px, that the frame of a hand-over shows of the first."""
    window = [Span(*span) for span in motion.fit.window]
    flow = find_flow(handed, motion.handed)
    down, across = (Enlarged(one, motion.fit.whole, (window[0], window[1])) for one in flow)
    return [place / 16 for place in motion._find_places(down, across, Span(0, motion.size[0]))]


def change(pictures: list[Any]) -> float:
    """Mean absolute change from one picture to the next."""
    return float(
        np.mean([np.abs(b.astype(np.float32) - a).mean() for a, b in itertools.pairwise(pictures)])
    )


def save_slices(path: Path, frames: list[Pixels]) -> None:
    """Write three rows of the clip over time, four rows a frame."""
    height = len(frames[0])
    rows = [
        np.stack([frame[height * n // 4] for frame in frames for _ in range(4)]) for n in (1, 2, 3)
    ]
    Image.fromarray(np.concatenate(rows)).save(path)


def measure(sampler: Sampler, size: tuple[int, int], walk: Walk, slices: Path | None) -> str:
    """Draw a clip and put its figures into words."""
    clip = Clip(sampler, walk, size)
    motion = clip._motion
    assert motion is not None
    still = min(
        spend(lambda n=n: sampler.painted(clip.picture, clip.mix_noise(n), threads=1))[1]
        for n in (1, 2)
    )  # type: ignore[misc]
    _, beginning = spend(lambda: Motion(sampler, clip.picture, clip.mix_noise(0)))
    frames, spent = spend(lambda: [clip.draw_frame(n) for n in range(walk.frames)])

    handed = [motion._hand_over(clip.mix_noise(n)) for n in range(walk.frames)]
    small = [resample(frame, handed[0].shape[:2]) for frame in frames]
    generators = change(handed)
    places = [positions(motion, one) for one in handed]
    away = np.mean([np.hypot(y - places[0][0], x - places[0][1]).mean() for y, x in places])
    step = np.mean(
        [np.hypot(b[0] - a[0], b[1] - a[1]).mean() for a, b in itertools.pairwise(places)]
    )

    fine = motion.first - coarse(motion.first)
    wrong = [frames[n] - lanczos(motion.first, *places[n]) for n in LOOKED_AT]
    calm = change([one - coarse(one) for one in wrong]) / fine.std()
    octaves = np.mean([quality.octaves(motion.first, frame)[:3] for frame in frames[1::3]], axis=0)
    if slices is not None:
        save_slices(
            slices / f"{sampler.manifest.name}_{walk.start_scale}_{walk.beta:.2f}.png", frames
        )
    return (
        f"frame {spent / walk.frames / still:.2f} of a still ({still:.3f} s), the first {beginning / still:.2f}; "
        f"octaves {' '.join(f'{one:.2f}' for one in octaves)}; calmness {calm:.3f}; change over the generators' "
        f"({generators:.2f}) {change([coarse(one) for one in frames]) / generators:.2f}, at their size "
        f"{change(small) / generators:.2f}; moved {away:.1f} px, {step:.1f} a frame"
    )


def main() -> None:
    """Print one line for each bundle and start scale."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", type=Path, nargs="*", default=[ROOT / "models" / "aitzgorri"])
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--start-scales", default="0,1,2")
    parser.add_argument("--beta", type=float, default=Walk.beta)
    parser.add_argument("--slices", type=Path, help="folder for pictures of rows over time")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    for bundle in arguments.bundles:
        sampler = Sampler.load(bundle, threads=1)
        for word in arguments.start_scales.split(","):
            walk = Walk(arguments.frames, beta=arguments.beta, start_scale=int(word), loop=True)
            print(
                f"{bundle.name}, {word}:",
                measure(sampler, (height, width), walk, arguments.slices),
                flush=True,
            )


if __name__ == "__main__":
    main()

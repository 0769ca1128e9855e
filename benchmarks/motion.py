"""What a frame of a clip with detail costs beside a still of the same size, and how it moves.

A line for each bundle and start scale:
- processor time of a frame, and of the first one with its tables, over that of a still
- the three finest octaves of detail over the first frame's
- calmness: the change of fine detail a frame that the motion does not explain, over that detail's
  standard deviation
- the clip's mean absolute change a frame, at a quarter of its size and at the generators' size,
  over that of the generators' own clip
- how far pixels are moved

Fine is what a picture loses when it is reduced to a quarter. What the motion explains is the first
frame at the very positions that a frame shows, by Lanczos' kernel of eight pixels in floating
point.

Usage: python benchmarks/motion.py [BUNDLE...] [--size 960x540] [--frames 40] [--beta B]
       [--start-scales 0,1,2] [--slices DIR]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from arguments import BUNDLE, make_parser, read_size
from clocks import time_call
from numpy.typing import NDArray
from PIL import Image

from singan_core.arrays import Floats, Pixels
from singan_core.pyramid import Size
from singan_core.windows import Span
from singan_runtime import Sampler
from singan_runtime.clips.animation import Clip, Walk
from singan_runtime.clips.flow import find_flow
from singan_runtime.clips.motion import EnlargedField, Motion
from singan_runtime.measures import quality

LOBES = 4  # of Lanczos' kernel on either side
CALM_FRAMES = range(2, 5)  # frames whose calmness is measured


def resample(picture: NDArray[Any], size: Size) -> Floats:
    """Resample a picture (h, w, C) by Pillow, channel by channel, without rounding."""
    channels = np.moveaxis(picture.astype(np.float32), 2, 0)
    made = [Image.fromarray(one).resize(size[::-1], Image.Resampling.BICUBIC) for one in channels]
    return np.stack([np.asarray(one) for one in made], axis=2)


def keep_coarse(picture: NDArray[Any]) -> Floats:
    """Keep what a quarter of the size can hold."""
    height, width = picture.shape[:2]
    return resample(resample(picture, (height // 4, width // 4)), (height, width))


def look_up(picture: Pixels, rows: NDArray[Any], columns: NDArray[Any]) -> Floats:
    """Look up positions (h, w) in px, between the pixels, with Lanczos' kernel."""
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
    total /= (sum(kernels[0]) * sum(kernels[1]))[..., None]
    return total


def find_positions(motion: Motion, handed: Pixels) -> list[NDArray[Any]]:
    """Find the rows and columns, in px, that the frame of a hand-over shows of the first."""
    window = [Span(*span) for span in motion.fit.window]
    flow = find_flow(handed, motion.handed)
    down, across = (EnlargedField(one, motion.fit.whole, (window[0], window[1])) for one in flow)
    return [place / 16 for place in motion._find_places(down, across, Span(0, motion.size[0]))]


def measure_change(pictures: Sequence[NDArray[Any]]) -> float:
    """Measure the mean absolute change from one picture to the next."""
    pairs = itertools.pairwise(pictures)
    return float(np.mean([np.abs(b.astype(np.float32) - a).mean() for a, b in pairs]))


def measure_distance(a: list[NDArray[Any]], b: list[NDArray[Any]]) -> float:
    """Measure the mean distance in px between two tables of positions."""
    return float(np.hypot(b[0] - a[0], b[1] - a[1]).mean())


def save_slices(path: Path, frames: list[Pixels]) -> None:
    """Write three rows of the clip over time, four rows a frame."""
    height = len(frames[0])
    slices = []
    for quarter in (1, 2, 3):
        rows = [frame[height * quarter // 4] for frame in frames]
        slices.append(np.stack(rows).repeat(4, axis=0))
    Image.fromarray(np.concatenate(slices)).save(path)


def time_still(sampler: Sampler, clip: Clip, number: int) -> float:
    """Measure the processor seconds of a frame drawn as a picture of its own."""
    noise = clip.mix_noise(number)
    return time_call(
        lambda: sampler.draw_from_noise(clip.picture, noise, threads=1), time.process_time
    )[1]


@dataclass(frozen=True)
class DrawnClip:
    """A clip and the processor seconds that it took."""

    motion: Motion
    frames: list[Pixels]
    handed: list[Pixels]  # the generators' own frames
    still: float  # seconds of a picture that does not move
    beginning: float  # seconds of what is made once a clip
    frame: float  # seconds

    @classmethod
    def draw(cls, sampler: Sampler, size: Size, walk: Walk) -> DrawnClip:
        """Draw a clip and two stills."""
        clip = Clip(sampler, walk, size)
        motion = clip._motion
        assert motion is not None

        still = min(time_still(sampler, clip, number) for number in (1, 2))
        _, beginning = time_call(
            lambda: Motion(sampler, clip.picture, clip.mix_noise(0)), time.process_time
        )
        frames, seconds = time_call(
            lambda: [clip.draw_frame(number) for number in range(walk.frames)], time.process_time
        )
        handed = [motion._hand_over(clip.mix_noise(number)) for number in range(walk.frames)]
        return cls(motion, frames, handed, still, beginning, seconds / walk.frames)

    def describe(self) -> str:
        """Put the clip's figures into words."""
        generators = measure_change(self.handed)
        coarse = measure_change([keep_coarse(one) for one in self.frames])
        small = measure_change([resample(one, self.handed[0].shape[:2]) for one in self.frames])

        first = self.motion.first
        places = [find_positions(self.motion, one) for one in self.handed]
        away = np.mean([measure_distance(places[0], one) for one in places])
        step = np.mean([measure_distance(a, b) for a, b in itertools.pairwise(places)])

        unexplained = [self.frames[n] - look_up(first, *places[n]) for n in CALM_FRAMES]
        fine = [one - keep_coarse(one) for one in unexplained]
        calmness = measure_change(fine) / (first - keep_coarse(first)).std()
        octaves = np.mean(
            [quality.detail_ratios(first, one)[:3] for one in self.frames[1::3]], axis=0
        )
        return (
            f"frame {self.frame / self.still:.2f} of a still ({self.still:.3f} s), "
            f"the first {self.beginning / self.still:.2f}; "
            f"octaves {' '.join(f'{one:.2f}' for one in octaves)}; calmness {calmness:.3f}; "
            f"change over the generators' ({generators:.2f}) {coarse / generators:.2f}, "
            f"at their size {small / generators:.2f}; moved {away:.1f} px, {step:.1f} a frame"
        )


def main() -> None:
    """Print one line for each bundle and start scale."""
    parser = make_parser(__doc__)
    parser.add_argument("bundles", type=Path, nargs="*", default=[BUNDLE])
    parser.add_argument("--size", type=read_size, default="960x540")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--start-scales", default="0,1,2")
    parser.add_argument("--beta", type=float, default=Walk.beta)
    parser.add_argument("--slices", type=Path, help="folder for pictures of rows over time")
    given = parser.parse_args()

    for bundle in given.bundles:
        sampler = Sampler.load(bundle, threads=1)
        for word in given.start_scales.split(","):
            walk = Walk(given.frames, beta=given.beta, start_scale=int(word), loop=True)
            clip = DrawnClip.draw(sampler, given.size, walk)
            if given.slices is not None:
                name = f"{sampler.manifest.name}_{word}_{given.beta:.2f}.png"
                save_slices(given.slices / name, clip.frames)
            print(f"{bundle.name}, {word}: {clip.describe()}", flush=True)


if __name__ == "__main__":
    main()

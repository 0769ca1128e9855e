"""The pictures of the README, from a bundle and its photo. Usage: readme_pictures.py BUNDLE PHOTO DIR."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_runtime import Sampler, animation, video

QUALITY = 88  # of JPEG: at full size the eye sees no more
SMALL = 960  # px, width of pictures that are shown small
ROW = 0.47  # of a clip's height: the row that is shown over time
ROWS, GAP = 8, 10  # px: height of a frame there, and between two clips


def save(pixels: NDArray[np.uint8], path: Path, width: int | None = None) -> None:
    """Write a picture (h, w, C), reduced to a width if one is given."""
    image = images.to_pillow(pixels)
    if width is not None:
        image = image.resize(
            (width, round(image.height * width / image.width)), Image.Resampling.LANCZOS
        )
    image.save(path, quality=QUALITY)


def draw_over_time(
    sampler: Sampler, walk: animation.Walk, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """Draw one row of a clip, frame below frame: on the left every frame drawn anew, on the right as animate does."""
    clip = animation.Clip(sampler, walk, size)
    row, numbers = round(ROW * size[0]), range(walk.frames)
    anew = [sampler.painted(clip.picture, clip.mix_noise(number))[row] for number in numbers]
    moved = [clip.draw_frame(number)[row] for number in numbers]
    left, right = (np.stack(rows).repeat(ROWS, axis=0) for rows in (anew, moved))
    gap = np.full((len(left), GAP, left.shape[2]), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def draw_grid_over_time(sampler: Sampler, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw one row over time of the 12 clips of --grid: start scales from top to bottom, betas from left to right."""
    row = round(ROW * size[0])
    lines = []
    for start_scale in animation.GRID_START_SCALES:
        clips = [
            animation.Walk(beta=beta, start_scale=start_scale) for beta in animation.GRID_BETAS
        ]
        parts = [
            np.stack([frame[row] for frame in animation.animate(sampler, clip, size)])
            for clip in clips
        ]
        lines.append(np.concatenate(parts, axis=1).repeat(2, axis=0))
    return np.concatenate(lines)


def main(bundle: Path, photo: Path, folder: Path) -> None:
    """Photo, samples of its shape, a screen at full size, a phone and a banner, and an animation."""
    folder.mkdir(parents=True, exist_ok=True)
    sampler = Sampler.load(bundle)
    with Image.open(photo) as image:
        save(np.asarray(image.convert("RGB")), folder / "photo.jpg", SMALL)
    for seed in (1, 2, 3):
        save(sampler.sample(seed=seed)[0], folder / f"sample_{seed}.jpg", SMALL)
    save(sampler.sample((1080, 1920), seed=6)[0], folder / "screen.jpg")
    save(sampler.sample((1200, 540), seed=5)[0], folder / "tall.jpg")
    save(sampler.sample((400, 1800), seed=4)[0], folder / "wide.jpg")
    walk = animation.Walk(frames=32, loop=True)
    video.save(folder / "animation.gif", animation.animate(sampler, walk, (200, 300)), fps=10)
    save(draw_over_time(sampler, walk, (426, 640)), folder / "animation_over_time.jpg")
    save(draw_grid_over_time(sampler, (216, 320)), folder / "animation_grid.jpg")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

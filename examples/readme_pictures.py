"""The pictures of the README, from a bundle and its photo.

Usage: python examples/readme_pictures.py BUNDLE PHOTO DIR
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.pyramid import Size
from singan_runtime import Sampler
from singan_runtime.clips import animation
from singan_runtime.files import video

QUALITY = 88  # of JPEG: at full size the eye sees no more
SMALL = 960  # px, width of the smaller pictures
ROW = 0.47  # share of a clip's height at which its row is taken over time
ROW_HEIGHT, GAP = 8, 10  # px: height of a frame's row, and distance between two clips


def save(pixels: Pixels, path: Path, width: int | None = None) -> None:
    """Write a picture (h, w, C), reduced to a width if one is given."""
    image = images.to_pillow(pixels)
    if width is not None:
        height = round(image.height * width / image.width)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    image.save(path, quality=QUALITY)


def draw_over_time(sampler: Sampler, walk: animation.Walk, size: Size) -> Pixels:
    """Draw one row of a clip, frame below frame.

    On the left every frame is drawn anew, on the right as animate draws it.
    """
    clip = animation.Clip(sampler, walk, size)
    row, numbers = round(ROW * size[0]), range(walk.frames)
    anew = [
        sampler.draw_from_noise(clip.picture, clip.mix_noise(number))[row] for number in numbers
    ]
    moved = [clip.draw_frame(number)[row] for number in numbers]

    left, right = (np.stack(rows).repeat(ROW_HEIGHT, axis=0) for rows in (anew, moved))
    gap = np.full((len(left), GAP, left.shape[2]), 255, np.uint8)
    return np.concatenate([left, gap, right], axis=1)


def draw_grid_over_time(sampler: Sampler, size: Size) -> Pixels:
    """Draw one row over time of the 12 clips of --grid.

    Start scales go from top to bottom, betas from left to right.
    """
    row = round(ROW * size[0])
    lines = []
    for start_scale in animation.GRID_START_SCALES:
        parts = []
        for beta in animation.GRID_BETAS:
            walk = animation.Walk(beta=beta, start_scale=start_scale)
            frames = animation.animate(sampler, walk, size)
            parts.append(np.stack([frame[row] for frame in frames]))
        lines.append(np.concatenate(parts, axis=1).repeat(2, axis=0))
    return np.concatenate(lines)


def main(bundle: Path, photo: Path, folder: Path) -> None:
    """Write the photo, samples of its shape, a screen, a phone, a banner and animations."""
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

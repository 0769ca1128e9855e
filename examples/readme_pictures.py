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


def save(pixels: NDArray[np.uint8], path: Path, width: int | None = None) -> None:
    """Write a picture (h, w, C), reduced to a width if one is given."""
    image = images.to_pillow(pixels)
    if width is not None:
        image = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
    image.save(path, quality=QUALITY)


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
    walk = animation.Walk(frames=40, loop=True)
    video.save(folder / "animation.gif", animation.animate(sampler, walk, (214, 320)), fps=10)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

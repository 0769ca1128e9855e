"""The pictures of the README, from a bundle and its photo. Usage: readme_pictures.py BUNDLE PHOTO DIR."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from singan_core import images
from singan_runtime import Sampler, animation, video

ROW_HEIGHT = 166  # px


def main(bundle: Path, photo: Path, folder: Path) -> None:
    """Photo, samples, a wide and a tall one in one row's height, a screen at full size, and an animation."""
    folder.mkdir(parents=True, exist_ok=True)
    sampler = Sampler.load(bundle)
    with Image.open(photo) as image:
        small = image.resize((round(image.width * ROW_HEIGHT / image.height), ROW_HEIGHT), Image.Resampling.LANCZOS)
    small.save(folder / "photo.jpg", quality=92)
    for seed in (1, 2):
        images.save(folder / f"sample_{seed}.jpg", sampler.sample(seed=seed)[0], "jpeg")
    images.save(folder / "wide.jpg", sampler.sample((ROW_HEIGHT, 500), seed=4, zoom=1.0)[0], "jpeg")
    images.save(folder / "tall.jpg", sampler.sample((320, 180), seed=5)[0], "jpeg")
    images.save(folder / "screen.jpg", sampler.sample((1080, 1920), seed=6)[0], "jpeg")
    walk = animation.Walk(frames=40, loop=True)
    video.save(folder / "animation.gif", animation.animate(sampler, walk), fps=10)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

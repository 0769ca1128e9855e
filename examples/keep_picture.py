"""The picture of docs/keep.md: the example photo's fir, kept in a new scene on four shapes.

Usage: python examples/keep_picture.py [--bundle DIR] [--out FILE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import encoding, images
from singan_core.arrays import Pixels
from singan_runtime import Sampler
from singan_runtime.edits.retarget import retarget_around

ROOT = Path(__file__).parent.parent
MASK = ROOT / "examples" / "aitzgorri_fir.png"
WIDTH, GAP = 1200, 8  # px, of the sheet and between two pictures
DARK = 3  # what lies beside the mask is shown at a third of its light


def show_mask(sampler: Sampler) -> Pixels:
    """Show the photo with all but the object dark."""
    assert sampler.photo is not None
    photo = sampler.photo.pixels
    with Image.open(MASK) as file:
        mask = np.asarray(file.convert("L").resize((photo.shape[1], photo.shape[0]))) > 127
    return np.where(mask[..., None], photo, photo // DARK)


def join_row(pictures: list[Pixels]) -> Pixels:
    """Join pictures side by side, at the height at which they fill the sheet."""
    ratios = [one.shape[1] / one.shape[0] for one in pictures]
    height = round((WIDTH - GAP * (len(pictures) - 1)) / sum(ratios))
    row = Image.new("RGB", (WIDTH, height), "white")
    left = 0
    for one, ratio in zip(pictures, ratios, strict=True):
        width = round(height * ratio)
        row.paste(images.to_pillow(one).convert("RGB").resize((width, height)), (left, 0))
        left += width + GAP
    return np.asarray(row)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures" / "keep.jpg")
    given = parser.parse_args()
    sampler = Sampler.load(given.bundle)

    def draw(size: tuple[int, int], x: float, seed: int) -> Pixels:
        keep = sampler.read_keep([str(MASK)], [(x, None)])
        return sampler.sample(size, seed, keep=keep)[0]

    stretched = retarget_around(sampler, (427, 1000), sampler.read_keep([str(MASK)], [(0.3, 0.5)]))
    rows = [
        [show_mask(sampler), draw((600, 1500), 0.25, 2)],
        [draw((960, 540), 0.5, 1), draw((960, 540), 0.75, 5), stretched],
    ]
    gap = np.full((GAP, WIDTH, 3), 255, np.uint8)
    top, bottom = (join_row(row) for row in rows)
    encoding.save(given.out, np.concatenate([top, gap, bottom]), "jpeg")


if __name__ == "__main__":
    main()

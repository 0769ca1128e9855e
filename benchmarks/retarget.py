"""Other shapes of a photo: singan retarget beside cropping, stretching and seam carving, with an object to keep.

All start from the photo at the trained size, and the default canvases have its height, so that at zoom 1 only the width
changes. Printed for every result: how well the object is found in it (the largest
normalised correlation of its pixels with any place of the result, at half to twice its size; 1 is unchanged), and
coherence, completeness and swd as in docs/quality.md (lower is better).

Usage: python benchmarks/retarget.py [--photo FILE] [--mask FILE] [--bundle DIR] [--sizes WxH,...] [--zoom 1]
       [--pictures DIR]
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import images, resample
from singan_runtime import Sampler, masks, quality
from singan_runtime.retarget import retarget

ROOT = Path(__file__).parent.parent
SCALES = [
    2 ** (n / 6) for n in range(-6, 7)
]  # of the object in a result, relative to the trained size
PROTECTED = 1e3  # energy of what seams must not cross, far above that of any edge
Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Size = tuple[int, int]


def cropped(photo: Floats, size: Size) -> Floats:
    """The middle of the photo, scaled so that it covers the canvas."""
    scale = max(size[0] / photo.shape[2], size[1] / photo.shape[3])
    covering = [
        max(side, round(length * scale)) for side, length in zip(size, photo.shape[2:], strict=True)
    ]
    top, left = ((length - side) // 2 for length, side in zip(covering, size, strict=True))
    return resample.resize(photo, (covering[0], covering[1]))[
        ..., top : top + size[0], left : left + size[1]
    ]


def seam(energy: Floats) -> NDArray[np.int64]:
    """The column of every row along the connected path of least energy from top to bottom (Avidan & Shamir 2007)."""
    total = energy.astype(np.float64)
    for row in range(1, len(total)):
        above = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(above[:-2], above[2:]), above[1:-1])
    path = np.empty(len(total), np.int64)
    path[-1] = total[-1].argmin()
    for row in range(len(total) - 2, -1, -1):
        left = max(path[row + 1] - 1, 0)
        path[row] = left + total[row, left : path[row + 1] + 2].argmin()
    return path


def seams(photo: Floats, keep: masks.Mask, count: int) -> masks.Mask:
    """Which pixels (H, W) lie on the first count seams that removal would take."""
    height, width = keep.shape
    taken = np.zeros((height, width), bool)
    origin = np.broadcast_to(np.arange(width), (height, width))
    grey, guarded = photo[0].mean(axis=0), keep
    rows = np.arange(height)
    for _ in range(count):
        energy = sum(np.abs(slope) for slope in np.gradient(grey)) + PROTECTED * guarded
        path = seam(energy)
        taken[rows, origin[rows, path]] = True
        left = np.ones(grey.shape, bool)
        left[rows, path] = False
        origin, grey, guarded = (part[left].reshape(height, -1) for part in (origin, grey, guarded))
    return taken


def carved(photo: Floats, keep: masks.Mask, size: Size) -> Floats:
    """The photo scaled to the canvas's height, then columns taken out or doubled along seams that spare the object."""
    height, width = size
    start = (height, round(photo.shape[3] * height / photo.shape[2]))
    image, kept = (
        resample.resize(photo, start),
        resample.resize(keep.astype(np.float32), start) > 0.01,
    )
    while image.shape[3] != width:
        change = min(
            abs(width - image.shape[3]), max(1, image.shape[3] // 3)
        )  # a third at once, not seam upon seam
        repeats = np.where(
            seams(image, kept, change), 0 if width < image.shape[3] else 2, 1
        ).ravel()
        channels = [np.repeat(plane.ravel(), repeats).reshape(height, -1) for plane in image[0]]
        kept = np.repeat(kept.ravel(), repeats).reshape(height, -1)
        image = np.stack(channels)[None]
    return image


def found(photo: Floats, keep: masks.Mask, result: Pixels) -> float:
    """The largest normalised correlation of the masked object with any place of the result, over scales."""
    (top, bottom), (left, right) = masks.bounds(keep)
    image = result.transpose(2, 0, 1).astype(np.float32)
    best = -1.0
    for scale in SCALES:
        size = (round((bottom - top) * scale), round((right - left) * scale))
        if size[0] > image.shape[1] or size[1] > image.shape[2]:
            continue
        inside = resample.resize(keep[top:bottom, left:right].astype(np.float32), size) > 0.5
        pattern = resample.resize(photo[0, :, top:bottom, left:right], size)[:, inside]
        pattern = ((pattern - pattern.mean()) / pattern.std() / pattern.size).astype(np.float32)
        for row in range(image.shape[1] - size[0] + 1):
            band = np.lib.stride_tricks.sliding_window_view(
                image[:, row : row + size[0]], size[1], axis=2
            )
            seen = band.transpose(0, 1, 3, 2)[:, inside]  # (C, pixels inside, places)
            spread = seen.std(axis=(0, 1)) + 1e-3
            best = max(best, float((np.einsum("cp,cpx->x", pattern, seen) / spread).max()))
    return best


def results(
    sampler: Sampler, photo: Floats, keep: masks.Mask, size: Size, zoom: float
) -> dict[str, Pixels]:
    """The photo on the canvas in every way."""
    kept = retarget(sampler, size, zoom, image=photo, keep=keep)
    print(
        f"\n{size[1]}x{size[0]}; singan retarget --keep reports a survival of {kept.survival:.3f}\n"
    )
    return {
        "crop": images.to_pixels(cropped(photo, size))[0],
        "stretch": images.to_pixels(resample.resize(photo, size))[0],
        "seam carving, object spared": images.to_pixels(carved(photo, keep, size))[0],
        "retarget": retarget(sampler, size, zoom, image=photo).pixels,
        "retarget --keep": kept.pixels,
    }


def main() -> None:
    """Print a table per size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "aitzgorri.jpg")
    parser.add_argument("--mask", type=Path, default=ROOT / "examples" / "aitzgorri_fir.png")
    parser.add_argument("--bundle", type=Path, default=ROOT / "tests" / "data" / "format_1_bundle")
    parser.add_argument("--sizes", help="WxH[,WxH...], default twice and half as wide as trained")
    parser.add_argument("--zoom", type=float, default=1.0)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every row")
    arguments = parser.parse_args()
    sampler = Sampler.load(arguments.bundle)
    full = images.read(arguments.photo, str(sampler.manifest.channels))
    height, width = sampler.trained_size
    photo = resample.resize(full, (height, width))
    mask = masks.read(arguments.mask, {full.shape[2:]: "the photo"})
    keep = resample.resize(mask.astype(np.float32), (height, width)) > 0.5
    sizes = [(height, 2 * width), (height, math.ceil(width / 2))]
    if arguments.sizes:
        sizes = [
            tuple(int(side) for side in reversed(word.split("x")))
            for word in arguments.sizes.split(",")
        ]
    truth = images.to_pixels(photo)[0]
    for size in sizes:
        made = results(sampler, photo, keep, size, arguments.zoom)
        print("| way | object found | coherence | completeness | swd |\n|---|---|---|---|---|")
        for name, pixels in made.items():
            scores = (quality.coherence, quality.completeness, quality.sliced_wasserstein)
            told = " | ".join(f"{score(truth, pixels):.4f}" for score in scores)
            print(f"| {name} | {found(photo, keep, pixels):.3f} | {told} |", flush=True)
            if arguments.pictures:
                arguments.pictures.mkdir(parents=True, exist_ok=True)
                shape = "wide" if size[1] * height > width * size[0] else "narrow"
                file = f"retarget_{shape}_{name.replace(' ', '_').replace(',', '').replace('--', '')}.jpg"
                images.save(arguments.pictures / file, pixels, "jpeg")


if __name__ == "__main__":
    main()

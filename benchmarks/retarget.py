"""Other shapes of a photo: singan retarget beside cropping, stretching and seam carving.

All start from the photo at the trained size, and the default canvases have its height, so that at
zoom 1 only the width changes. For every result the table says how well an object that is to be kept
is found in it (the largest normalised correlation of its pixels with any place of the result, at
half to twice its size; 1 is unchanged), and coherence, completeness and swd as in docs/quality.md
(lower is better).

Usage: python benchmarks/retarget.py [--photo FILE] [--mask FILE] [--bundle DIR]
       [--sizes WxH,...] [--zoom 1] [--pictures DIR]
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from arguments import MASK, PHOTO, PLAIN_BUNDLE, describe_size, make_parser, read_sizes
from numpy.typing import NDArray

from singan_core import encoding, images, resample
from singan_core.arrays import Floats, Mask, Pixels
from singan_core.pyramid import Size
from singan_runtime import Sampler, masks
from singan_runtime.edits.retarget import retarget
from singan_runtime.measures import quality

SCALES = [2 ** (n / 6) for n in range(-6, 7)]
"""Sizes at which the object is looked for, relative to the trained size."""

PROTECTED = 1e3  # energy of what seams must not cross, far above that of any edge
SCORES = (quality.coherence, quality.completeness, quality.sliced_wasserstein)


def crop(photo: Floats, size: Size) -> Floats:
    """Crop the middle of the photo, scaled so that it covers the canvas."""
    height, width = photo.shape[2:]
    scale = max(size[0] / height, size[1] / width)
    covering = (max(size[0], round(height * scale)), max(size[1], round(width * scale)))
    top, left = (covering[0] - size[0]) // 2, (covering[1] - size[1]) // 2
    large = np.asarray(resample.resize(photo, covering))
    return large[..., top : top + size[0], left : left + size[1]]


def find_seam(energy: NDArray[np.floating]) -> NDArray[np.int64]:
    """Find the column of every row along the connected path of least energy from top to bottom.

    Source: Avidan & Shamir 2007.
    """
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


def find_seams(photo: Floats, keep: Mask, count: int) -> Mask:
    """Find which pixels (H, W) lie on the first seams that removal would take."""
    height, width = keep.shape
    taken = np.zeros((height, width), bool)
    rows, columns = np.arange(height), np.arange(width)
    origin = np.broadcast_to(columns, (height, width))
    grey, guarded = photo[0].mean(axis=0), keep

    for _ in range(count):
        down, across = np.gradient(grey)
        path = find_seam(np.abs(down) + np.abs(across) + PROTECTED * guarded)
        taken[rows, origin[rows, path]] = True

        rest = np.ones(grey.shape, bool)
        rest[rows, path] = False
        origin = origin[rest].reshape(height, -1)
        grey = grey[rest].reshape(height, -1)
        guarded = guarded[rest].reshape(height, -1)
    return taken


def carve(photo: Floats, keep: Mask, size: Size) -> Floats:
    """Scale the photo to the canvas's height, then take out or double columns along seams.

    The seams spare the object.
    """
    height, width = size
    start = (height, round(photo.shape[3] * height / photo.shape[2]))
    image = np.asarray(resample.resize(photo, start))
    kept = resample.resize(keep.astype(np.float32), start) > 0.01

    while image.shape[3] != width:
        # A third of the columns at once, so that not all doubled ones lie side by side.
        count = min(abs(width - image.shape[3]), max(1, image.shape[3] // 3))
        repeat = 0 if width < image.shape[3] else 2
        repeats = np.where(find_seams(image, kept, count), repeat, 1).ravel()
        channels = [np.repeat(plane.ravel(), repeats).reshape(height, -1) for plane in image[0]]
        kept = np.repeat(kept.ravel(), repeats).reshape(height, -1)
        image = np.stack(channels)[None]
    return image


def find_object(photo: Floats, keep: Mask, result: Pixels) -> float:
    """Find the largest normalised correlation of the masked object with any place of the result."""
    image = result.transpose(2, 0, 1).astype(np.float32)
    return max(correlate(photo, keep, image, scale) for scale in SCALES)


def correlate(photo: Floats, keep: Mask, image: Floats, scale: float) -> float:
    """Correlate the object, drawn at a scale, with every place of an image (C, H, W).

    Returns the largest correlation, or -1 if the object does not fit.
    """
    (top, bottom), (left, right) = masks.find_bounds(keep)
    size = (round((bottom - top) * scale), round((right - left) * scale))
    if size[0] > image.shape[1] or size[1] > image.shape[2]:
        return -1.0

    inside = resample.resize(keep[top:bottom, left:right].astype(np.float32), size) > 0.5
    pattern = resample.resize(photo[0, :, top:bottom, left:right], size)[:, inside]
    pattern = ((pattern - pattern.mean()) / pattern.std() / pattern.size).astype(np.float32)

    best = -1.0
    for row in range(image.shape[1] - size[0] + 1):
        band = image[:, row : row + size[0]]
        places = np.lib.stride_tricks.sliding_window_view(band, size[1], axis=2)
        seen = places.transpose(0, 1, 3, 2)[:, inside]  # (C, pixels inside, places)
        spread = seen.std(axis=(0, 1)) + 1e-3
        best = max(best, float((np.einsum("cp,cpx->x", pattern, seen) / spread).max()))
    return best


def draw_ways(
    sampler: Sampler, photo: Floats, keep: Mask, size: Size, zoom: float
) -> dict[str, Pixels]:
    """Bring the photo to the canvas in every way."""
    kept = retarget(sampler, size, zoom, image=photo, keep=keep)
    print(
        f"\n{describe_size(size)}; singan retarget --keep reports a similarity of the kept object "
        f"of {kept.similarity:.3f}\n"
    )
    return {
        "crop": images.to_pixels(crop(photo, size))[0],
        "stretch": images.to_pixels(resample.resize(photo, size))[0],
        "seam carving, object spared": images.to_pixels(carve(photo, keep, size))[0],
        "retarget": retarget(sampler, size, zoom, image=photo).pixels,
        "retarget --keep": kept.pixels,
    }


def save(folder: Path, name: str, shape: str, pixels: Pixels) -> None:
    """Write the picture of a row."""
    folder.mkdir(parents=True, exist_ok=True)
    word = name.replace(" ", "_").replace(",", "").replace("--", "")
    encoding.save(folder / f"retarget_{shape}_{word}.jpg", pixels, "jpeg")


def main() -> None:
    """Print a table for each size."""
    parser = make_parser(__doc__)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--mask", type=Path, default=MASK)
    parser.add_argument("--bundle", type=Path, default=PLAIN_BUNDLE)
    parser.add_argument(
        "--sizes", type=read_sizes, help="WxH[,WxH...], default twice and half as wide as trained"
    )
    parser.add_argument("--zoom", type=float, default=1.0)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of every row")
    given = parser.parse_args()

    sampler = Sampler.load(given.bundle)
    full = images.read(given.photo, str(sampler.manifest.channels))
    height, width = sampler.trained_size
    photo = resample.resize(full, (height, width))
    mask = masks.read(given.mask, {full.shape[2:]: "the photo"})
    keep = resample.resize(mask.astype(np.float32), (height, width)) > 0.5
    truth = images.to_pixels(photo)[0]

    for size in given.sizes or [(height, 2 * width), (height, math.ceil(width / 2))]:
        made = draw_ways(sampler, photo, keep, size, given.zoom)
        print("| way | object found | coherence | completeness | swd |\n|---|---|---|---|---|")
        for name, pixels in made.items():
            scores = " | ".join(f"{score(truth, pixels):.4f}" for score in SCORES)
            print(f"| {name} | {find_object(photo, keep, pixels):.3f} | {scores} |", flush=True)
            if given.pictures:
                shape = "wide" if size[1] * height > width * size[0] else "narrow"
                save(given.pictures, name, shape, pixels)


if __name__ == "__main__":
    main()

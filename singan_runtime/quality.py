"""How good samples are: patch statistics, variety, and how much of the photo is in them and of them in the photo.

docs/quality.md has the recipes in full. Pictures are uint8 (h, w, C) with 1 or 3 channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_runtime.masks import box_sums

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

PATCH = 7  # px, side of a patch
PROJECTIONS = 128  # random directions of the sliced distance
MOST_PATCHES = 20_000  # per picture and level
QUANTILES = 512
SMALLEST = 24  # px: levels of the pyramid of halvings stop below this side
NEAREST_PATCHES = 2_000  # whose nearest neighbours are looked for


def sliced_wasserstein(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Average sliced_wasserstein_octaves, the distance of the pictures' 7x7 patches; 0 is equal, lower is better."""
    distances = sliced_wasserstein_octaves(photo, sample, seed)
    return sum(distances) / len(distances)


def sliced_wasserstein_octaves(photo: Pixels, sample: Pixels, seed: int = 0) -> list[float]:
    """Measure the sliced Wasserstein distance of the 7x7 patches of two pictures on each of their halvings.

    The pictures are uint8 (h, w, C). The distances are in units of a pixel's range, 0 or more, finest first, and stop
    at the smaller picture's last halving.
    Source: Rabin et al. 2011 for the distance; pixel values in [0, 1], 128 random directions, 512 quantiles.
    """
    rng = np.random.default_rng(seed)
    distances = []

    for a, b in zip(halvings(photo), halvings(sample), strict=False):
        ours, theirs = _some(patches(a), rng), _some(patches(b), rng)
        directions = rng.standard_normal((ours.shape[1], PROJECTIONS)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=0)

        at = np.linspace(0, 1, QUANTILES)
        apart = np.quantile(ours @ directions, at, axis=0) - np.quantile(theirs @ directions, at, axis=0)
        distances.append(float(np.abs(apart).mean()))

    return distances


def octaves(photo: Pixels, sample: Pixels) -> list[float]:
    """Compare how much detail of each size a sample has with how much the photo has: 1 is as much, 0 none, 2 twice.

    Both pictures are uint8 (h, w, C) of one size; the ratios are 0 or more, finest detail first, one for every
    halving whose sides are both 24 px or more. Detail of a size is the standard deviation of what a halving's grey
    values differ by from the mean of their 2x2 block. If the photo has none, the ratio is 1 if the sample has none
    either, else infinite.
    """
    ratios = []
    for ours, theirs in zip(_details(photo), _details(sample), strict=True):
        without = float("inf") if theirs else 1.0
        ratios.append(theirs / ours if ours else without)
    return ratios


def diversity(photo: Pixels, samples: Sequence[Pixels]) -> float:
    """Standard deviation over samples per pixel, averaged, in units of the photo's own (SinGAN, section 4)."""
    grey = np.stack([sample.astype(np.float32).mean(axis=2) for sample in samples])
    return float(grey.std(axis=0).mean() / photo.astype(np.float32).mean(axis=2).std())


def diversity_map(samples: Sequence[Pixels]) -> Floats:
    """Where samples vary: the standard deviation per pixel (h, w), in grey levels."""
    grey: Floats = np.stack([sample.astype(np.float32).mean(axis=2) for sample in samples])
    return grey.std(axis=0)


def coherence(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """RMS distance (0..1 per value) from patches of the sample to their nearest in the photo: low if all looks real.

    Source: bidirectional similarity (Simakov et al. 2008), on 2000 random patches.
    """
    return _nearest(sample, photo, seed)


def completeness(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """RMS distance from patches of the photo to their nearest in the sample: low if all of the photo is there."""
    return _nearest(photo, sample, seed)


def similarity(truth: Pixels, picture: Pixels, inside: NDArray[np.bool_]) -> float:
    """The mean structural similarity (SSIM) of two pictures of one size over the pixels that are inside; 1 is equal.

    Grey is the mean of the channels, windows are 7x7, constants the usual 0.01 and 0.03. Source: Wang et al. 2004.
    """
    x, y = (one.astype(np.float64).mean(axis=2) / 255 for one in (truth, picture))
    count, reach = PATCH**2, PATCH // 2

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return box_sums(values, reach) / count

    mean_x, mean_y = mean(x), mean(y)
    spread = mean(x * x) - mean_x**2 + mean(y * y) - mean_y**2
    shared = mean(x * y) - mean_x * mean_y
    a, b = 0.01**2, 0.03**2
    index = (2 * mean_x * mean_y + a) * (2 * shared + b) / ((mean_x**2 + mean_y**2 + a) * (spread + b))
    return float(index[inside].mean())


def _nearest(asked: Pixels, among: Pixels, seed: int) -> float:
    rng = np.random.default_rng(seed)
    queries, stored = _some(patches(_unit(asked)), rng, NEAREST_PATCHES), _some(patches(_unit(among)), rng)
    lengths = (stored**2).sum(axis=1)
    squares = [
        ((part**2).sum(axis=1)[:, None] + lengths - 2 * part @ stored.T).min(axis=1)
        for part in np.array_split(queries, max(1, len(queries) // 250))
    ]
    return float(np.sqrt(np.concatenate(squares).clip(0).mean() / queries.shape[1]))


def _unit(picture: Pixels) -> Floats:
    return picture.astype(np.float32) / np.float32(255)


def halvings(picture: Pixels) -> Iterator[Floats]:
    """The picture in [0, 1], halved again and again by a box filter as long as both sides reach 24 px."""
    image = images.to_pillow(picture)
    while min(image.size) >= SMALLEST:
        values = np.asarray(image, np.float32) / np.float32(255)
        yield values.reshape(image.height, image.width, -1)
        image = image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX)


def _details(picture: Pixels) -> Iterator[float]:
    """Measure the detail of each halving of a picture, by 2x2 means without odd last rows and columns."""
    # The sum of the channels instead of their mean: the ratios stay, and all halvings are exact, so that flat gives 0.
    level = picture.sum(axis=2, dtype=np.float64)

    while min(level.shape) >= SMALLEST:
        height, width = (side // 2 for side in level.shape)
        blocks = level[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
        means = blocks.mean(axis=(1, 3), keepdims=True)
        yield float((blocks - means).std())
        level = means.reshape(height, width)


def patches(values: Floats) -> Floats:
    """Every 7x7 patch of (h, w, C) as a row."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (PATCH, PATCH), axis=(0, 1))
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


def _some(rows: Floats, rng: np.random.Generator, most: int = MOST_PATCHES) -> Floats:
    return rows[rng.choice(len(rows), most, replace=False)] if len(rows) > most else rows

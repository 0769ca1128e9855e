"""How good samples are: patch statistics, variety, and how much of the photo is in them and of them in the photo.

docs/quality.md has the recipes in full. Pictures are uint8 (h, w, C) with 1 or 3 channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from singan_core import images
from singan_core.detail import resize
from singan_runtime.masks import box_sums

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Values = TypeVar("Values", np.uint8, np.float32)

PATCH = 7  # px, side of a patch, where no other is named
PROJECTIONS = 128  # random directions of the sliced distance
MOST_PATCHES = 20_000  # per picture and level
QUANTILES = 512
RIM = 8  # px, how many steps behind the outermost one are looked at
SMALLEST = 24  # px: levels of the pyramid of halvings stop below this side
NEAREST_PATCHES = 2_000  # whose nearest neighbours are looked for
BLOCK = 1_000  # patches to which they are compared at once: memory stays small
STRUCTURE_PATCH = 15  # px, side of a patch of a halved picture
STRUCTURE_STORED = 60_000  # of the photo; 500x500 px have fewer: a part would raise all distances
LAYOUT_PATCH = 17  # px, side of a patch of a reduced picture
LAYOUT_SIDE = 100  # px, longer side of a reduced picture


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
    pairs = zip(halvings(photo), halvings(sample), strict=False)
    return [_sliced_distance(a, b, PATCH, rng) for a, b in pairs]


def layout(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the sliced Wasserstein distance of the 17x17 patches of two pictures reduced to 100 px.

    The pictures are uint8 (h, w, C), both sides 17 px or more. The result is in units of a pixel's range, 0 or more;
    it is low if big shapes are arranged as in the photo. The longer side is reduced to 100 px, or less far if the
    shorter one would get under 24 px; nothing is enlarged. Raises ValueError for smaller pictures.
    """
    ours, theirs = (_unit(_reduce(picture)) for picture in (photo, sample))
    return _sliced_distance(ours, theirs, LAYOUT_PATCH, np.random.default_rng(seed))


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


def structure(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the RMS distance from 15x15 patches of the halved sample to their nearest in the halved photo.

    The pictures are uint8 (h, w, C), both sides 15 px or more. The result is from 0 to 1; it is high if objects are
    broken. Pictures are taken as they are if halving would leave a side under 15 px. Raises ValueError for smaller
    pictures.
    """
    if min(*photo.shape[:2], *sample.shape[:2]) >= 2 * STRUCTURE_PATCH:
        photo, sample = _halve(photo), _halve(sample)
    return _nearest(sample, photo, seed, STRUCTURE_PATCH, STRUCTURE_STORED)


def rim(picture: Pixels) -> float:
    """Compare the step from the outermost rows and columns to the next with the eight steps behind it: 1 is no frame.

    The picture is uint8 (h, w, C), both sides 10 px or more; steps are mean absolute differences of grey values, of all
    four sides together, those behind at least half a level. Raises ValueError for smaller pictures.
    """
    if min(picture.shape[:2]) < RIM + 2:
        raise ValueError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]}: both sides must be {RIM + 2} px or more"
        )
    grey = picture.astype(np.float64).mean(axis=2)
    outermost = behind = count = 0.0
    for side in (grey, grey[::-1], grey.T, grey.T[::-1]):
        steps = np.abs(np.diff(side[: RIM + 2], axis=0)).sum(axis=1)
        outermost += steps[0]
        behind += steps[1:].mean()
        count += side.shape[1]
    return float(outermost / max(behind, 0.5 * count))


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
    index = (
        (2 * mean_x * mean_y + a) * (2 * shared + b) / ((mean_x**2 + mean_y**2 + a) * (spread + b))
    )
    return float(index[inside].mean())


def _sliced_distance(a: Floats, b: Floats, side: int, rng: np.random.Generator) -> float:
    """Measure the sliced Wasserstein distance of the side x side patches of two pictures (h, w, C) in [0, 1]."""
    ours, theirs = (
        _some_patches(a, side, rng, MOST_PATCHES),
        _some_patches(b, side, rng, MOST_PATCHES),
    )
    directions = rng.standard_normal((ours.shape[1], PROJECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)

    at = np.linspace(0, 1, QUANTILES)
    apart = np.quantile(ours @ directions, at, axis=0) - np.quantile(
        theirs @ directions, at, axis=0
    )
    return float(np.abs(apart).mean())


def _nearest(
    asked: Pixels, among: Pixels, seed: int, side: int = PATCH, most: int = MOST_PATCHES
) -> float:
    """Measure the RMS distance (0..1 per value) from patches of one picture to their nearest of another's."""
    rng = np.random.default_rng(seed)
    queries = _centre(_some_patches(asked, side, rng, NEAREST_PATCHES))
    stored = _some_patches(among, side, rng, most)

    # |q - p|^2 = |q|^2 - 2 (q.p - |p|^2 / 2): the nearest patch p of a query q has the highest score in brackets.
    best = np.full(len(queries), -np.inf, np.float32)
    for part in np.array_split(stored, math.ceil(len(stored) / BLOCK)):
        block = _centre(part)
        scores = queries @ block.T - _squares(block) / 2
        np.maximum(best, scores.max(axis=1), out=best)

    squares = _squares(queries).astype(np.float64) - 2 * best.astype(np.float64)
    return float(np.sqrt(squares.mean() / queries.shape[1])) / 255


def _centre(values: Pixels) -> Floats:
    """Move pixels to -128 .. 127, where sums of 1,000 products are below 2^24: float32 keeps equal patches at 0."""
    return values.astype(np.float32) - np.float32(128)


def _squares(rows: Floats) -> Floats:
    """Sum up the squares of each row."""
    total: Floats = np.einsum("ij,ij->i", rows, rows)
    return total


def _unit(picture: Pixels) -> Floats:
    return picture.astype(np.float32) / np.float32(255)


def halvings(picture: Pixels) -> Iterator[Floats]:
    """The picture in [0, 1], halved again and again by a box filter as long as both sides reach 24 px."""
    while min(picture.shape[:2]) >= SMALLEST:
        yield _unit(picture)
        picture = _halve(picture)


def _halve(picture: Pixels) -> Pixels:
    """Halve both sides of a picture (h, w, C) by a box filter, rounding them down."""
    height, width, channels = picture.shape
    size = width // 2, height // 2
    halved = images.to_pillow(picture).resize(size, Image.Resampling.BOX)
    return np.asarray(halved).reshape(size[1], size[0], channels)


def _reduce(picture: Pixels) -> Pixels:
    """Reduce a picture (h, w, C) to 100 px on the longer side, or to 24 px on the shorter if that is larger."""
    height, width = picture.shape[:2]
    factor = min(1.0, max(LAYOUT_SIDE / max(height, width), SMALLEST / min(height, width)))
    return resize.resize(picture, (round(height * factor), round(width * factor)))


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


def patches(values: NDArray[Values], side: int = PATCH) -> NDArray[Values]:
    """Every side x side patch of (h, w, C) as a row."""
    windows = _windows(values, side)
    return windows.reshape(windows.shape[0] * windows.shape[1], -1)


def _some_patches(
    values: NDArray[Values], side: int, rng: np.random.Generator, most: int
) -> NDArray[Values]:
    """Take every patch as a row, or as many at random as are wanted at most; only these are copied."""
    windows = _windows(values, side)
    rows, columns = windows.shape[:2]
    if rows * columns <= most:
        return patches(values, side)

    chosen = rng.choice(rows * columns, most, replace=False)
    return windows[chosen // columns, chosen % columns].reshape(most, -1)


def _windows(values: NDArray[Values], side: int) -> NDArray[Values]:
    """View every side x side patch of (h, w, C) at its place: (rows, columns, C, side, side)."""
    return np.lib.stride_tricks.sliding_window_view(values, (side, side), axis=(0, 1))

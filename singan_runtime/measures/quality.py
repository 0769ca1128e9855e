"""How good samples are: patch statistics, detail, variety, and how much of the photo they show.

docs/quality.md has the recipes in full. Pictures are uint8 (h, w, C) with 1 or 3 channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Floats, Pixels
from singan_core.detail import resize
from singan_runtime.boxes import box_sums
from singan_runtime.measures.patches import (
    PATCH,
    draw_patches,
    halve,
    make_halvings,
    measure_nearest,
    to_unit,
)
from singan_runtime.measures.patches import SMALLEST as SMALLEST

PROJECTIONS = 128  # random directions of the sliced distance
QUANTILES = 512  # of the projected patches
MOST_PATCHES = 20_000  # per picture and halving
NEAREST_PATCHES = 2_000  # whose nearest neighbours are looked for
STRUCTURE_PATCH = 15  # px, side of a patch of a halved picture
STRUCTURE_STORED = 60_000  # of the photo; 500x500 px have fewer: a part would raise all distances
LAYOUT_PATCH = 17  # px, side of a patch of a reduced picture
LAYOUT_SIDE = 100  # px, longer side of a reduced picture
RIM = 8  # px, how many steps behind the outermost one are looked at
SSIM_CONSTANTS = 0.01**2, 0.03**2  # for values in [0, 1]


def sliced_wasserstein(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Average sliced_wasserstein_octaves over the halvings: 0 is equal, lower is better."""
    distances = sliced_wasserstein_octaves(photo, sample, seed)
    return sum(distances) / len(distances)


def sliced_wasserstein_octaves(photo: Pixels, sample: Pixels, seed: int = 0) -> list[float]:
    """Measure the sliced Wasserstein distance of the 7x7 patches of two pictures on each halving.

    The pictures are uint8 (h, w, C). The distances are in units of a pixel's range, 0 or more,
    finest first, and stop at the smaller picture's last halving.
    Source: Rabin et al. 2011 for the distance, the mean over random directions of the
    one-dimensional Wasserstein distance of the projections. Ours: 128 directions, 512 quantiles,
    pixel values in [0, 1].
    """
    rng = np.random.default_rng(seed)
    pairs = zip(make_halvings(photo), make_halvings(sample), strict=False)
    return [_measure_sliced_distance(a, b, PATCH, rng) for a, b in pairs]


def layout(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the sliced Wasserstein distance of the 17x17 patches of pictures reduced to 100 px.

    The pictures are uint8 (h, w, C), both sides 17 px or more. The result is in units of a pixel's
    range, 0 or more; it is low if big shapes are arranged as in the photo. The longer side is
    reduced to 100 px, or less far if the shorter one would get under 24 px; nothing is enlarged.
    Raises ValueError for smaller pictures. Source: Rabin et al. 2011; patches and sizes are ours.
    """
    ours, theirs = (to_unit(_reduce(picture)) for picture in (photo, sample))
    return _measure_sliced_distance(ours, theirs, LAYOUT_PATCH, np.random.default_rng(seed))


def _measure_sliced_distance(a: Floats, b: Floats, side: int, rng: np.random.Generator) -> float:
    """Measure the sliced Wasserstein distance of the patches of two pictures in [0, 1]."""
    ours = draw_patches(a, side, rng, MOST_PATCHES)
    theirs = draw_patches(b, side, rng, MOST_PATCHES)
    directions = rng.standard_normal((ours.shape[1], PROJECTIONS)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)

    # In one dimension the distance is the mean difference of the quantiles.
    at = np.linspace(0, 1, QUANTILES)
    our_quantiles = np.quantile(ours @ directions, at, axis=0)
    their_quantiles = np.quantile(theirs @ directions, at, axis=0)
    return float(np.abs(our_quantiles - their_quantiles).mean())


def _reduce(picture: Pixels) -> Pixels:
    """Reduce a picture to 100 px on the longer side, or to 24 px on the shorter one."""
    height, width = picture.shape[:2]
    factor = min(1.0, max(LAYOUT_SIDE / max(height, width), SMALLEST / min(height, width)))
    return resize.resize(picture, (round(height * factor), round(width * factor)))


def detail_ratios(photo: Pixels, sample: Pixels) -> list[float]:
    """Compare the detail of each size in a sample with the photo's: 1 is as much, 0 none, 2 twice.

    Both pictures are uint8 (h, w, C) of one size. The ratios are 0 or more, finest detail first,
    one for every halving whose sides are both 24 px or more. If the photo has no detail of a size,
    the ratio is 1 if the sample has none either, else infinite.
    Source: ours; the detail of a size is the standard deviation of the Haar wavelet's part of it.
    """
    ratios = []
    for ours, theirs in zip(_measure_details(photo), _measure_details(sample), strict=True):
        without = float("inf") if theirs else 1.0
        ratios.append(theirs / ours if ours else without)
    return ratios


def _measure_details(picture: Pixels) -> Iterator[float]:
    """Measure for each halving how far its grey values are from the mean of their 2x2 block.

    Odd last rows and columns are left out.
    """
    # The sum of the channels instead of their mean: the ratios stay, and all halvings are exact, so
    # that a flat picture gives 0.
    level = picture.sum(axis=2, dtype=np.float64)

    while min(level.shape) >= SMALLEST:
        height, width = (side // 2 for side in level.shape)
        blocks = level[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
        means = blocks.mean(axis=(1, 3), keepdims=True)
        yield float((blocks - means).std())
        level = means.reshape(height, width)


def diversity(photo: Pixels, samples: Sequence[Pixels]) -> float:
    """Average the standard deviation over samples per pixel, in units of the photo's own.

    Source: SinGAN (Rott Shaham et al. 2019), section 4.
    """
    grey = np.stack([_mean_grey(sample) for sample in samples])
    return float(grey.std(axis=0).mean() / _mean_grey(photo).std())


def diversity_map(samples: Sequence[Pixels]) -> Floats:
    """Measure where samples vary: the standard deviation per pixel, (h, w), in grey levels."""
    grey: Floats = np.stack([_mean_grey(sample) for sample in samples])
    return grey.std(axis=0)


def _mean_grey(picture: Pixels) -> Floats:
    """Average the channels of a picture (h, w, C) into grey levels (h, w)."""
    return picture.astype(np.float32).mean(axis=2)


def coherence(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the RMS distance from 7x7 patches of the sample to their nearest in the photo.

    The result is 0 to 1 per value, and low if everything in the sample looks real.
    Source: bidirectional similarity (Simakov et al. 2008), on 2000 random patches.
    """
    return _measure_distance(sample, photo, seed)


def completeness(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the RMS distance from 7x7 patches of the photo to their nearest in the sample.

    The result is 0 to 1 per value, and low if all of the photo is there.
    Source: bidirectional similarity (Simakov et al. 2008), on 2000 random patches.
    """
    return _measure_distance(photo, sample, seed)


def structure(photo: Pixels, sample: Pixels, seed: int = 0) -> float:
    """Measure the RMS distance from large patches of the sample to their nearest in the photo.

    Patches are 15x15 px. The pictures are uint8 (h, w, C), both sides 15 px or more; both are
    halved unless a side would be left under 15 px. The result is from 0 to 1; it is high if objects
    are broken.
    Raises ValueError for smaller pictures. Source: as coherence, with larger patches.
    """
    if min(*photo.shape[:2], *sample.shape[:2]) >= 2 * STRUCTURE_PATCH:
        photo, sample = halve(photo), halve(sample)
    return _measure_distance(sample, photo, seed, STRUCTURE_PATCH, STRUCTURE_STORED)


def _measure_distance(
    asked: Pixels, among: Pixels, seed: int, side: int = PATCH, most: int = MOST_PATCHES
) -> float:
    """Measure the RMS distance from random patches of one picture to their nearest of another."""
    rng = np.random.default_rng(seed)
    queries = draw_patches(asked, side, rng, NEAREST_PATCHES)
    stored = draw_patches(among, side, rng, most)
    return measure_nearest(queries, stored)


def rim(picture: Pixels) -> float:
    """Compare the steps at the picture's edges with the eight steps behind them: 1 is no frame.

    A step is the mean absolute difference of grey values from one row or column to the next, of all
    four sides together; those behind count as half a grey level at least. The picture is uint8
    (h, w, C), both sides 10 px or more. Raises ValueError for smaller pictures. Source: ours.
    """
    if min(picture.shape[:2]) < RIM + 2:
        raise ValueError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]}: both sides must be {RIM + 2} px "
            "or more"
        )
    grey = picture.astype(np.float64).mean(axis=2)

    outermost = behind = count = 0.0
    for side in (grey, grey[::-1], grey.T, grey.T[::-1]):
        steps = np.abs(np.diff(side[: RIM + 2], axis=0)).sum(axis=1)
        outermost += steps[0]
        behind += steps[1:].mean()
        count += side.shape[1]
    return float(outermost / max(behind, 0.5 * count))


def ssim(truth: Pixels, picture: Pixels, inside: NDArray[np.bool_]) -> float:
    """Average the structural similarity of two pictures over a mask (h, w): 1 is identical.

    Grey is the mean of the channels, windows are 7x7 boxes, constants the usual 0.01 and 0.03.
    Source: Wang et al. 2004, equation 13; boxes instead of a Gaussian window.
    """
    x, y = (one.astype(np.float64).mean(axis=2) / 255 for one in (truth, picture))
    mean_x, mean_y = _average_boxes(x), _average_boxes(y)
    variances = _average_boxes(x * x) - mean_x**2 + _average_boxes(y * y) - mean_y**2
    covariance = _average_boxes(x * y) - mean_x * mean_y

    a, b = SSIM_CONSTANTS
    above = (2 * mean_x * mean_y + a) * (2 * covariance + b)
    below = (mean_x**2 + mean_y**2 + a) * (variances + b)
    return float((above / below)[inside].mean())


def _average_boxes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average (h, w) over the 7x7 box around every value."""
    return box_sums(values, PATCH // 2) / PATCH**2

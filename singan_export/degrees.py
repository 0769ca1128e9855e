"""How strong the noise of a start scale must be: new pictures vary enough, and every start scale half of the one below.

In training a scale's noise is only as strong as what the scale has to add, so from a start scale above 0 a model would
give back its photo; and where a photo is easily learnt by heart, from start scale 0 as well. The detail levels clean up
after much stronger noise, without training anew.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from singan_runtime import quality
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler

Pixels = NDArray[np.uint8]

SHARE = 0.5
"""Of the variety at the start scale below: 0.5 of start scale 0 at 1, 0.25 at 2, and so on."""
SEEDS = 6
MOST, MOST_FIRST = 1.0, 2.0
"""Of the noise above the coarsest scale and on it, where there is nothing but noise; more can draw nonsense."""
DRIFT = 0.01
"""Patch distance to the photo that raised noise may lead to: drawn as trained, pictures have 0.001 to 0.02."""
HALVINGS = 4
"""Of the range of amplitudes, by their logarithm: the last step is a third or less."""


def start_amplitudes(sampler: Sampler, least: float) -> tuple[float, ...]:
    """The noise amplitude of every generator up to the hand-over when it is the start scale; at least the trained one.

    Start scale 0 gets the least variety that is given, if it has not more of its own. Variety is the diversity
    (quality.diversity) of six pictures at the first detail level, as small as that is.
    """
    assert sampler.manifest.detail is not None
    found = [first_amplitude(sampler, least)]
    wanted = _variety(sampler, 0, found[0])
    for scale in range(1, sampler.manifest.detail.hand_over + 1):
        wanted *= SHARE
        found.append(_amplitude(sampler, scale, wanted, MOST))
    return tuple(found)


def first_amplitude(sampler: Sampler, least: float) -> float:
    """The noise amplitude at which new pictures have the least variety; at least the trained one.

    It is not raised so far that the pictures' patches (quality.sliced_wasserstein) leave the photo's; nor at all where
    the first detail level is too small to tell.
    """
    trained, high = sampler.manifest.noise_amplitude[0], MOST_FIRST
    if trained >= high or min(sampler.manifest.pyramid.levels[0]) < quality.SMALLEST:
        return trained
    if _variety(sampler, 0, trained) >= least:
        return trained

    low = trained
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        photo, samples = _samples(sampler, 0, middle)
        if _diversity(photo, samples) < least and _drift(photo, samples) <= DRIFT:
            low = middle
        else:
            high = middle
    return round(low, 4)


def _amplitude(sampler: Sampler, scale: int, wanted: float, high: float) -> float:
    """The amplitude from which on a start scale has the wanted variety, as near as a few halvings come."""
    trained = sampler.manifest.noise_amplitude[scale]
    low = max(trained, 1e-4)
    if low >= high or _variety(sampler, scale, low) >= wanted:
        return trained
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        if _variety(sampler, scale, middle) < wanted:
            low = middle
        else:
            high = middle
    return round(high, 4)


def _variety(sampler: Sampler, scale: int, amplitude: float) -> float:
    """The diversity of pictures from a start scale with this amplitude of its noise, at the first detail level."""
    return _diversity(*_samples(sampler, scale, amplitude))


def _diversity(photo: Pixels, samples: list[Pixels]) -> float:
    """The diversity of samples; 0 for a photo of one colour, in whose contrast it cannot be told."""
    return quality.diversity(photo, samples) if photo.std() else 0.0


def _drift(photo: Pixels, samples: list[Pixels]) -> float:
    """The mean patch distance of samples to the photo."""
    return sum(quality.sliced_wasserstein(photo, sample) for sample in samples) / len(samples)


def _samples(sampler: Sampler, scale: int, amplitude: float) -> tuple[Pixels, list[Pixels]]:
    """The photo and six pictures at the first detail level, (h, w, C) each."""
    assert sampler.photo is not None
    amplitudes = [*sampler.manifest.noise_amplitude]
    amplitudes[scale] = amplitude
    picture = _at_hand_over(sampler.picture(None, 1.0, scale), tuple(amplitudes))
    return sampler.photo.at(0), [sampler.pixels(picture, seed, threads=1) for seed in range(SEEDS)]


def _at_hand_over(picture: Picture, amplitudes: tuple[float, ...]) -> Picture:
    """The picture, drawn up to the first detail level only."""
    assert picture.fit is not None
    fit, size = picture.fit, picture.fit.levels[0]
    first = replace(
        fit,
        levels=(size,),
        whole=size,
        size=size,
        origin=(0, 0),
        searched=1,
        photo_sizes=fit.photo_sizes[:1],
    )
    return replace(picture, fit=first, amplitudes=amplitudes)

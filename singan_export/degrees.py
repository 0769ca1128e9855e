"""Find how strong the noise of each start scale must be, so that new pictures vary visibly.

In training a scale's noise is only as strong as what the scale has to add. From a start scale above
0 a model would therefore give back its photo, and so it would from start scale 0 if the photo is
easily learnt by heart. The detail levels clean up after much stronger noise, without training anew.
Here each start scale gets half of the variety of the one below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from singan_core.arrays import Pixels
from singan_runtime.measures import quality
from singan_runtime.sampler import Sampler

SHARE = 0.5
"""Of the variety at the start scale below: 0.5 of start scale 0 at 1, 0.25 at 2, and so on."""
LEAST_KEPT = 0.3
"""Share of the variety that the composition level must keep; it is left out of other models."""
LEAST_NEW = 2
"""Pictures of six that are not the photo again, where the composition level is kept."""
SAME = 0.02
"""Mean difference to the photo, as a share of its contrast, up to which a picture is the photo."""
SEEDS = 6
MOST, MOST_FIRST = 1.0, 2.0
"""Largest amplitude of the noise above the coarsest scale, and on it, where nothing but noise is.

More can draw nonsense.
"""
DRIFT = 0.01
"""Largest patch distance to the photo that stronger noise may lead to.

Pictures with the trained noise have 0.001 to 0.02.
"""
HALVINGS = 4
"""Of the range of amplitudes, by their logarithm: the last step is a third or less."""


def find_start_amplitudes(sampler: Sampler, least: float) -> tuple[float, ...]:
    """Find the noise amplitude of every generator for pictures that start with it.

    It is found for generators up to the hand-over. Start scale 0 gets the least variety that is
    given, unless it has more as trained. No amplitude is smaller than the trained one. Variety is
    the diversity (quality.diversity) of six pictures at the detail level of the hand-over's size.
    """
    assert sampler.manifest.detail is not None
    amplitudes = [find_first_amplitude(sampler, least)]
    wanted = _measure_variety(sampler, 0, amplitudes[0])
    for scale in range(1, sampler.manifest.detail.hand_over + 1):
        wanted *= SHARE
        amplitudes.append(_find_amplitude(sampler, scale, wanted))
    return tuple(amplitudes)


def keeps_variety(sampler: Sampler) -> bool:
    """Whether new pictures still differ once the composition level has brought them in line.

    Of a photo that was learnt nearly by heart all of them, or all but one, would be the photo
    itself. Models without a composition level keep all of their variety.
    """
    entry, amplitude = sampler.manifest.pyramid.entry, sampler.manifest.noise_amplitude[0]
    if entry == 0:
        return True
    photo, samples = _draw_samples(sampler, 0, amplitude)
    free = _measure_diversity(*_draw_samples(sampler, 0, amplitude, entry))
    is_enough = _measure_diversity(photo, samples) >= LEAST_KEPT * free
    return is_enough and (count_new(photo, samples) >= LEAST_NEW or not free)


def count_new(photo: Pixels, samples: list[Pixels]) -> int:
    """Count the samples that are not the photo again: their mean difference is visible."""
    least = SAME * photo.std()
    apart = [np.abs(sample.astype(np.int16) - photo).mean() for sample in samples]
    return sum(bool(one > least) for one in apart)


def find_first_amplitude(sampler: Sampler, least: float) -> float:
    """Find the noise amplitude of start scale 0 at which new pictures have the least variety.

    It is at least the trained one. It is not raised so far that the pictures' patches leave the
    photo's (quality.sliced_wasserstein), nor at all where the hand-over is too small to tell.
    """
    trained = sampler.manifest.noise_amplitude[0]
    pyramid = sampler.manifest.pyramid
    if trained >= MOST_FIRST or min(pyramid.levels[pyramid.entry]) < quality.SMALLEST:
        return trained
    if _measure_variety(sampler, 0, trained) >= least:
        return trained

    # Noise that leads away from the photo counts as strong enough.
    def is_too_weak(amplitude: float) -> bool:
        photo, samples = _draw_samples(sampler, 0, amplitude)
        return (
            _measure_diversity(photo, samples) < least and _measure_drift(photo, samples) <= DRIFT
        )

    return round(_halve(trained, MOST_FIRST, is_too_weak)[0], 4)


def _find_amplitude(sampler: Sampler, scale: int, wanted: float) -> float:
    """Find the amplitude from which on a start scale has the wanted variety."""
    trained = sampler.manifest.noise_amplitude[scale]
    low = max(trained, 1e-4)
    if low >= MOST or _measure_variety(sampler, scale, low) >= wanted:
        return trained

    def is_too_weak(amplitude: float) -> bool:
        return _measure_variety(sampler, scale, amplitude) < wanted

    return round(_halve(low, MOST, is_too_weak)[1], 4)


def _halve(low: float, high: float, is_too_weak: Callable[[float], bool]) -> tuple[float, float]:
    """Halve a range of amplitudes a few times: low stays too weak, high does not."""
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        if is_too_weak(middle):
            low = middle
        else:
            high = middle
    return low, high


def _measure_variety(sampler: Sampler, scale: int, amplitude: float) -> float:
    """Measure the diversity of pictures from a start scale with this amplitude of its noise."""
    return _measure_diversity(*_draw_samples(sampler, scale, amplitude))


def _measure_diversity(photo: Pixels, samples: list[Pixels]) -> float:
    """Measure the diversity of samples.

    Its unit is the contrast of the photo. Without any, it is 0.
    """
    return quality.diversity(photo, samples) if photo.std() else 0.0


def _measure_drift(photo: Pixels, samples: list[Pixels]) -> float:
    """Measure the mean patch distance of samples to the photo."""
    return sum(quality.sliced_wasserstein(photo, sample) for sample in samples) / len(samples)


def _draw_samples(
    sampler: Sampler, scale: int, amplitude: float, first: int = 0
) -> tuple[Pixels, list[Pixels]]:
    """Draw six pictures at the size of the hand-over, after the photo there, (h, w, C).

    They leave out the detail levels below the first.
    """
    assert sampler.photo is not None
    amplitudes = [*sampler.manifest.noise_amplitude]
    amplitudes[scale] = amplitude
    whole = sampler.plan(None, 1.0, scale)
    assert whole.fit is not None
    picture = replace(
        whole.stop_at(whole.fit.entry),
        amplitudes=tuple(amplitudes),
        first=max(first, whole.first),
    )
    assert picture.fit is not None
    return sampler.photo.at(picture.fit.entry), [
        sampler.draw_pixels(picture, seed, threads=1) for seed in range(SEEDS)
    ]

"""Start scales are degrees of variation: each has about half of the variety of the one below."""

import dataclasses
import json

import numpy as np
import pytest

from singan_core import manifest
from singan_core.errors import BundleError, RequestError
from singan_runtime import Sampler
from singan_runtime.measures import quality

SEEDS = range(6)


def variety(sampler, start_scale, variation=1.0):
    samples = [
        sampler.sample(seed=seed, start_scale=start_scale, variation=variation)[0] for seed in SEEDS
    ]
    return quality.diversity(sampler.photo.pixels, samples)


def test_every_start_scale_varies_less_than_the_one_below_and_visibly(detail_sampler):
    whole, *others = (variety(detail_sampler, scale) for scale in range(3))
    assert 0.4 * whole < others[0] < 0.8 * whole
    assert 0.15 * whole < others[1] < others[0]


def test_a_bundle_without_start_amplitudes_draws_with_the_trained_ones(
    detail_bundle, detail_sampler
):
    found = detail_sampler.manifest
    older = Sampler.load(detail_bundle, threads=1)
    older.manifest = dataclasses.replace(
        found, detail=dataclasses.replace(found.detail, start_amplitude=())
    )
    assert older.choose_amplitudes(1) == found.noise_amplitude
    assert (
        detail_sampler.choose_amplitudes(1)[1]
        == found.detail.start_amplitude[1]
        > 2 * found.noise_amplitude[1]
    )
    assert variety(older, 1) < 0.5 * variety(detail_sampler, 1)
    # Start scale 0 is as it was.
    np.testing.assert_array_equal(older.sample(seed=3), detail_sampler.sample(seed=3))


def test_only_the_start_scale_s_own_noise_is_raised(detail_sampler):
    trained, raised = detail_sampler.manifest.noise_amplitude, detail_sampler.choose_amplitudes(1)
    assert [scale for scale, (a, b) in enumerate(zip(trained, raised, strict=True)) if a != b] == [
        1
    ]


@pytest.mark.parametrize("start_scale", [1, 2])
def test_no_variation_is_the_reconstruction(detail_sampler, start_scale):
    still = detail_sampler.sample(seed=5, start_scale=start_scale, variation=0)[0]
    np.testing.assert_array_equal(still, detail_sampler.reconstruct())


def test_the_reconstruction_is_nearly_the_photo(detail_sampler):
    apart = np.abs(
        detail_sampler.reconstruct().astype(int) - detail_sampler.photo.pixels.astype(int)
    )
    assert apart.mean() < 6  # grey levels; a small model of 120 iterations


def test_variation_goes_up_and_down(detail_sampler):
    low, usual, high = (variety(detail_sampler, 1, variation) for variation in (0.4, 1.0, 2.0))
    assert low < usual < high


def test_a_window_of_a_varied_picture_is_its_slice(detail_sampler):
    asked = {"seed": 2, "start_scale": 1, "variation": 1.5}
    whole = detail_sampler.sample((90, 160), **asked)[0]
    part = detail_sampler.render((90, 160), (20, 30, 40, 70), **asked)
    np.testing.assert_array_equal(part, whole[20:60, 30:100])


@pytest.mark.parametrize("variation", [-0.1, 10.5, float("nan"), float("inf")])
def test_a_variation_that_is_not_possible_is_refused(detail_sampler, variation):
    with pytest.raises(RequestError, match=r"variation \S+ is not possible: it must be 0 to 10"):
        detail_sampler.sample(variation=variation)


def test_inspect_names_the_amplitudes_that_a_start_scale_raises(detail_bundle):
    from singan_cli.bundle_text import list_scales

    found = manifest.read(detail_bundle, "bundle")
    trained = found.noise_amplitude
    raised = dataclasses.replace(found.detail, start_amplitude=(1.5, trained[1], 0.25))
    lines = list_scales(dataclasses.replace(found, detail=raised))
    said = [line for line in lines if "as the start scale" in line]
    assert len(said) == 2
    assert "scale 0" in said[0] and "1.5000 as the start scale" in said[0]
    assert "scale 2" in said[1] and "0.2500 as the start scale" in said[1]


@pytest.mark.parametrize("wrong", [[1.0], [1.0, -0.1, 0.2], [1.0, 0.1, 11.0]])
def test_start_amplitudes_that_are_not_possible_are_refused(detail_bundle, tmp_path, wrong):
    data = json.loads((detail_bundle / manifest.NAME).read_text())
    data["detail"]["start_amplitude"] = wrong
    (tmp_path / manifest.NAME).write_text(json.dumps(data))
    with pytest.raises(BundleError, match="detail"):
        manifest.read(tmp_path, "bundle", check_files=False)


def test_noise_is_raised_for_the_least_variety_unless_pictures_would_leave_the_photo(
    detail_sampler, monkeypatch
):
    degrees = pytest.importorskip("singan_export.degrees")
    own = degrees._measure_variety(detail_sampler, 0, 1.0)
    assert degrees.find_first_amplitude(detail_sampler, own) == 1.0
    monkeypatch.setattr(degrees, "DRIFT", 1.0)
    raised = degrees.find_first_amplitude(detail_sampler, 9.0)
    assert 1.8 < raised <= degrees.MOST_FIRST
    limit = degrees._measure_drift(*degrees._draw_samples(detail_sampler, 0, 1.3))
    monkeypatch.setattr(degrees, "DRIFT", limit)
    held = degrees.find_first_amplitude(detail_sampler, 9.0)
    assert (
        1.0 <= held < raised
        and degrees._measure_drift(*degrees._draw_samples(detail_sampler, 0, held)) <= limit
    )

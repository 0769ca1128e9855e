"""What singan evaluate measures on bundles with detail levels and without, and at which sizes."""

import json
import math
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from singan_core import encoding
from singan_core.detail import resize
from singan_core.errors import RequestError
from singan_runtime.hand_over import round_hand_over
from singan_runtime.measures import evaluation, pieces, quality, report

COPYING = ("guide_diversity", "repetition", "piece_size", "copied_share", "join_cost")


@pytest.fixture(scope="module")
def judged(detail_sampler):
    """Two samples with detail, judged at 90x60 px where no full size is needed."""
    return evaluation.evaluate(
        detail_sampler, evaluation.read_trained_photo(detail_sampler), 2, seed=5, size_limit=90
    )


def drawn(sampler, start_scale=0):
    """The pictures of the seeds 5 and 6 at the trained size, with their maps."""
    picture = sampler.plan(None, 1.0, start_scale)
    return [sampler.draw_with_map(picture, seed) for seed in (5, 6)]


def mean(values):
    return pytest.approx(np.mean(list(values), axis=0))


# what is measured


def test_detail_and_copying_are_measured_on_whole_pictures(detail_sampler, judged):
    photo, scores = detail_sampler.photo.pixels, judged.scores
    samples, maps = zip(*drawn(detail_sampler), strict=True)
    assert scores.detail == mean(quality.detail_ratios(photo, sample) for sample in samples)
    assert len(scores.detail) == 3
    assert scores.repetition == mean(pieces.repetition(found, (100, 150)) for found in maps)
    assert scores.piece_size == mean(map(pieces.piece_size, maps))
    assert scores.copied_share == mean(map(pieces.copied_share, maps))
    costs = [
        pieces.join_cost(photo, sample, found) for sample, found in zip(samples, maps, strict=True)
    ]
    assert scores.join_cost == mean(costs)


def test_all_else_is_measured_on_reduced_pictures(detail_sampler, judged):
    photo = resize.resize(detail_sampler.photo.pixels, (60, 90))
    samples = [resize.resize(sample, (60, 90)) for sample, _ in drawn(detail_sampler)]
    scores = judged.scores
    assert np.array_equal(judged.samples, samples)
    assert scores.swd_octaves == mean(
        quality.sliced_wasserstein_octaves(photo, sample) for sample in samples
    )
    assert scores.swd == mean(quality.sliced_wasserstein(photo, sample) for sample in samples)
    assert scores.coherence == mean(quality.coherence(photo, sample) for sample in samples)
    assert scores.completeness == mean(quality.completeness(photo, sample) for sample in samples)
    assert scores.structure == mean(quality.structure(photo, sample) for sample in samples)
    assert scores.layout == mean(quality.layout(photo, sample) for sample in samples)
    assert scores.diversity == quality.diversity(photo, samples)


def test_the_samples_are_those_that_sampling_draws(detail_sampler):
    photo = evaluation.read_trained_photo(detail_sampler)
    samples = evaluation.evaluate(detail_sampler, photo, 2, start_scale=1, seed=5).samples
    assert np.array_equal(samples, detail_sampler.sample(seed=5, count=2, zoom=1.0, start_scale=1))


def test_sifid_sees_reduced_pictures(detail_sampler):
    seen = []

    def sifid(photo, sample):
        seen.append((photo.shape, sample.shape))
        return len(seen)

    photo = evaluation.read_trained_photo(detail_sampler)
    scores = evaluation.evaluate(detail_sampler, photo, 2, sifid=sifid, size_limit=60).scores
    assert scores.sifid == 1.5 and seen == [((40, 60, 3), (40, 60, 3))] * 2


def test_the_guide_is_what_the_generators_hand_over(detail_sampler, judged):
    picture = detail_sampler.plan(None, 1.0)
    guides = []
    for seed in (5, 6):
        handed = round_hand_over(
            detail_sampler.run_generators(picture, detail_sampler.create_noise(seed))
        )
        assert np.array_equal(
            evaluation.draw_guide(detail_sampler, picture, seed, (24, 36)), handed
        )
        guides.append(resize.resize(handed, (60, 90)))

    photo = resize.resize(detail_sampler.photo.pixels, (60, 90))
    assert judged.scores.guide_diversity == quality.diversity(photo, guides) > 0.05


def test_a_later_start_keeps_more_of_the_photo(detail_sampler, judged):
    later = evaluation.evaluate(
        detail_sampler, evaluation.read_trained_photo(detail_sampler), 2, 2, 5, size_limit=90
    ).scores
    assert later.copied_share > 2 * judged.scores.copied_share
    assert later.guide_diversity < judged.scores.guide_diversity and later.swd < judged.scores.swd


def test_generators_alone_are_judged_at_the_trained_size_whatever_the_limit(sampler):
    photo = sampler.reconstruct()
    own, limited = (
        evaluation.evaluate(sampler, photo, 2, size_limit=limit).scores for limit in (500, 30)
    )
    assert own == limited
    assert all(getattr(own, key) is None for key in COPYING)
    samples = sampler.sample(count=2, zoom=1.0)
    assert own.detail == mean(quality.detail_ratios(photo, sample) for sample in samples)
    assert own.swd == mean(own.swd_octaves) and len(own.swd_octaves) == 1
    assert own.structure == mean(quality.structure(photo, sample) for sample in samples)
    assert own.layout == mean(quality.layout(photo, sample) for sample in samples)


# the photo


def test_the_photo_in_the_bundle_is_the_default(detail_sampler, sampler, tmp_path):
    assert evaluation.read_trained_photo(detail_sampler) is detail_sampler.photo.pixels
    with pytest.raises(
        RequestError, match=r"hills: this bundle does not hold its photo: name it, --photo PHOTO"
    ):
        evaluation.read_trained_photo(sampler)

    path = tmp_path / "photo.png"
    encoding.save(path, detail_sampler.photo.pixels)
    assert np.array_equal(
        evaluation.read_trained_photo(detail_sampler, path), detail_sampler.photo.pixels
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_file_of_the_photo_gives_what_training_stores(channels, tmp_path):
    """Training reduced it to 120x84 px."""
    pytest.importorskip("torch")
    from singan_train import config
    from singan_train.run import training_photo

    pixels = np.random.default_rng(0).integers(0, 256, (140, 200, channels), np.uint8)
    pixels[:40, :, 3:] = 0
    path = tmp_path / "photo.png"
    encoding.save(path, pixels)
    hides_colours = pytest.warns(UserWarning, match="the picture hidden there is dropped")
    with hides_colours if channels == 4 else nullcontext():
        stored = training_photo.read_training_photo(
            path, [], config.make_config("draft", max_size=120)
        ).pixels
    assert stored.shape == (84, 120, channels)

    model = SimpleNamespace(
        manifest=SimpleNamespace(picture_channels=channels), trained_size=(84, 120)
    )
    assert np.array_equal(evaluation.read_trained_photo(model, path), stored)


# the size


def test_the_limit_holds_for_the_longer_side_of_models_with_detail(detail_sampler, sampler):
    assert evaluation.choose_measured_size(detail_sampler) == (100, 150)
    assert evaluation.choose_measured_size(detail_sampler, 40) == (27, 40)
    assert evaluation.choose_measured_size(sampler, 40) == (32, 48)


def test_pictures_too_small_for_patch_statistics_are_refused(detail_sampler):
    too_small = "30x20 are too small to be judged: the shorter side needs 24 px"
    with pytest.raises(RequestError, match=f"{too_small}; raise the limit, --size-limit"):
        evaluation.evaluate(
            detail_sampler, evaluation.read_trained_photo(detail_sampler), 2, size_limit=30
        )
    small = SimpleNamespace(trained_size=(20, 30), photo=None)
    with pytest.raises(RequestError, match=f"{too_small}; train a larger model"):
        evaluation.choose_measured_size(small)


# how it is told


def test_the_report_shows_every_measure_with_its_meaning(detail_sampler, judged):
    page = report.write_page("hills", detail_sampler.photo.pixels, [judged, judged])
    assert page.count("<img") == 1 + 2 * (2 + 1)
    assert "The photo at the trained size, 150x100 (here and below reduced to 90x60):" in page
    for key in evaluation.MEANING.keys() - {"sifid"}:
        assert f"<th>{key}</th>" in page
        assert f"{np.ravel(getattr(judged.scores, key))[-1]:.4f}" in page
    octaves = "".join(f"<li>{value:.4f}</li>" for value in judged.scores.detail)
    assert page.count(f"<ol>{octaves}</ol>") == 2
    assert "sifid" not in page


def test_the_report_shows_pictures_of_generators_alone_as_they_are(sampler):
    photo = sampler.reconstruct()
    page = report.write_page("hills", photo, [evaluation.evaluate(sampler, photo, 2)])
    assert "The photo at the trained size, 48x32:" in page and "repetition" not in page


def test_json_has_null_for_infinity():
    """A photo may have none of some size of detail."""
    scores = evaluation.Scores(0, 2, 0.1, (0.1,), (math.inf, 1.0), 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    data = json.loads(json.dumps(scores.to_json(), allow_nan=False))
    assert (
        data["detail"] == [None, 1] and data["swd_octaves"] == [0.1] and data["repetition"] is None
    )
    assert (data["structure"], data["layout"], data["rim"]) == (0.5, 0.6, 0.7)
    assert evaluation.describe(scores.detail) == "inf 1.0000"


def test_transparent_guides_have_straight_colours():
    """Half-transparent grey, which is handed over premultiplied."""
    handed = np.full((24, 36, 4), (50, 50, 50, 128), np.uint8)
    drawing = SimpleNamespace(guide=lambda region: handed, canvases=[(24, 36)], first=0)
    model = SimpleNamespace(
        begin_drawing=lambda picture, noise: drawing, create_noise=lambda seed: None
    )
    shown = evaluation.draw_guide(model, None, 0, (48, 72))
    assert shown.shape == (48, 72, 4) and (shown == (100, 100, 100, 128)).all()

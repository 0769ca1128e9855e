import html
import re

import numpy as np
import pytest
from PIL import Image, ImageFilter

from singan_core.detail import resize
from singan_core.errors import ImageError, RequestError
from singan_runtime.measures import evaluation, quality, report

RNG = np.random.default_rng(0)


def scene(seed, width=60, height=48):
    """A smooth random picture, the same in every process."""
    values = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC))


def test_equal_pictures_have_no_distance_and_rising_blur_a_rising_one():
    photo = RNG.integers(0, 256, (48, 60, 3), np.uint8)
    blurred = [
        np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(radius)))
        for radius in (0, 0.5, 1, 2)
    ]
    distances = [quality.sliced_wasserstein(photo, picture) for picture in blurred]
    assert distances[0] == 0
    assert distances == sorted(distances) and distances[1] > 0.01


def test_distance_of_two_flat_pictures_is_the_one_of_their_patches():
    """All patches of a flat picture are one point.

    So every direction u sees |u . (a - b)| at every quantile.
    """
    a, b = np.full((30, 30, 1), 51, np.uint8), np.full((30, 30, 1), 102, np.uint8)
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((49, 128)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    assert quality.sliced_wasserstein(a, b) == pytest.approx(
        0.2 * np.abs(directions.sum(axis=0)).mean(), rel=1e-4
    )


def test_distance_stays_what_the_recipe_gave():
    """Pinned to the measure's first implementation, which is a separate program."""
    assert quality.sliced_wasserstein(scene(1), scene(2)) == pytest.approx(
        0.0490454790935851, rel=1e-3
    )
    assert quality.diversity(scene(0), [scene(1), scene(2), scene(3)]) == pytest.approx(
        0.7649576663970947, rel=1e-5
    )


def test_distance_is_the_mean_of_its_octaves_which_tell_fine_from_coarse():
    photo = RNG.integers(0, 256, (48, 60, 3), np.uint8)
    fine = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(0.6)))
    apart = quality.sliced_wasserstein_octaves(photo, fine)
    assert len(apart) == 2 and apart[0] > 2 * apart[1] > 0
    assert quality.sliced_wasserstein(photo, fine) == sum(apart) / 2
    assert quality.sliced_wasserstein_octaves(photo, fine, seed=1) != apart


def test_detail_is_one_for_the_photo_itself_and_grows_with_contrast():
    photo = RNG.integers(0, 120, (100, 131, 3), np.uint8)
    assert quality.detail_ratios(photo, photo) == [1, 1, 1]
    assert quality.detail_ratios(photo, 2 * photo) == pytest.approx([2, 2, 2])


def test_blur_takes_the_finest_detail_and_leaves_the_coarsest():
    photo = RNG.integers(0, 256, (200, 240, 3), np.uint8)
    blurred = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(1)))
    detail = quality.detail_ratios(photo, blurred)
    assert len(detail) == 4 and detail == sorted(detail)
    assert detail[0] < 0.2 and detail[-1] > 0.8


def test_detail_is_what_a_block_differs_by_from_its_mean():
    """Columns of 0 and 2 differ by 1 from their mean, those of 0, 0, 4, 4 by nothing, then by 2."""
    stripes, wide = (
        np.tile(np.uint8(columns), (48, 12))[..., None] for columns in ([0, 2, 0, 2], [0, 0, 4, 4])
    )
    assert quality.detail_ratios(stripes, 3 * stripes) == [3, 1]
    assert quality.detail_ratios(stripes, wide) == [0, float("inf")]
    assert quality.detail_ratios(wide, stripes) == [float("inf"), 0]


def test_a_flat_photo_has_no_detail_whatever_its_colour():
    flat, other = (
        np.full((50, 50, 3), colour, np.uint8) for colour in ((7, 101, 33), (250, 1, 90))
    )
    assert quality.detail_ratios(flat, other) == [1, 1]
    assert quality.detail_ratios(flat, scene(0, 50, 50)) == [float("inf"), float("inf")]


def test_diversity_is_zero_for_equal_samples_and_one_for_the_photo_s_own_spread():
    photo = scene(0)
    assert quality.diversity(photo, [photo, photo]) == 0
    spread = photo.astype(np.float32).mean(axis=2).std()
    apart = [np.full_like(photo, 100), np.full_like(photo, 120)]
    assert quality.diversity(photo, apart) == pytest.approx(10 / spread, rel=1e-5)
    assert np.allclose(quality.diversity_map(apart), 10)


def test_coherence_notices_what_the_photo_never_showed_and_completeness_what_is_left_out():
    left, right = scene(1), scene(2)
    both = np.concatenate([left, right], axis=1)
    assert quality.coherence(both, left) < 0.01 < 0.05 < quality.completeness(both, left)
    assert quality.completeness(left, both) < 0.01 < 0.05 < quality.coherence(left, both)


def blocks(picture, side, seed=0):
    """The picture cut into square blocks, in random order; sides are multiples of the block's."""
    rows, columns = (length // side for length in picture.shape[:2])
    parts = (
        picture.reshape(rows, side, columns, side, -1)
        .swapaxes(1, 2)
        .reshape(rows * columns, side, side, -1)
    )
    mixed = np.random.default_rng(seed).permutation(parts).reshape(rows, columns, side, side, -1)
    return mixed.swapaxes(1, 2).reshape(picture.shape)


def hills(width=192, height=128):
    """A blue sky above two green hills, with some grain."""
    y, x = np.mgrid[:height, :width]
    land = y > height * (0.5 + 0.2 * np.sin(x / width * 9))
    colours = np.where(land[..., None], (60, 120, 40), (150, 180, 220))
    grain = np.random.default_rng(0).normal(0, 8, (height, width, 1))
    return (colours + grain).clip(0, 255).astype(np.uint8)


def test_equal_pictures_have_no_structure_and_no_layout_distance():
    """The first has more patches than a measure of small ones looks at: 22,776 after halving."""
    noise = RNG.integers(0, 256, (320, 340, 1), np.uint8)
    for picture in (noise, hills(), np.full((60, 60, 1), 255, np.uint8)):
        assert quality.structure(picture, picture) == quality.layout(picture, picture) == 0


def test_what_the_photo_shows_in_one_stretch_has_no_structure_distance():
    """Cut at even places, so that its halving is a part of the photo's."""
    photo = RNG.integers(0, 256, (120, 160, 3), np.uint8)
    assert quality.structure(photo, photo[40:, 22:130]) == 0
    assert quality.structure(photo[40:, 22:130], photo) > 0.1


def test_the_structure_of_flat_pictures_is_their_difference():
    black, grey, white = (np.full((64, 80, 3), value, np.uint8) for value in (0, 51, 255))
    assert quality.structure(black, grey) == pytest.approx(0.2, abs=1e-7)
    assert quality.structure(black, white) == 1


def test_swapped_halves_differ_at_their_seam_alone():
    """Black and white halves are 60x30 px after halving.

    Of 46 columns of patches 14 lie across the seam. One that has k white columns and 15-k black
    ones is nearest to all black or all white: min(k, 15-k) columns differ, 56 over all k.
    """
    photo = np.zeros((60, 120, 1), np.uint8)
    photo[:, 60:] = 255
    swapped = np.roll(photo, 60, axis=1)
    assert quality.structure(photo, swapped) == pytest.approx((56 / 15 / 46) ** 0.5, rel=1e-6)


def test_structure_sees_broken_objects_better_than_coherence_does():
    photo = hills()
    whole, shifted, broken = photo[:, ::-1], photo[4:, 30:], blocks(photo, 32)
    structures = [quality.structure(photo, picture) for picture in (whole, shifted, broken)]
    coherences = [quality.coherence(photo, picture) for picture in (whole, shifted, broken)]
    assert structures[2] > 2 * max(structures[:2])
    assert structures[2] / structures[0] > coherences[2] / coherences[0]


def test_structure_compares_with_every_patch_of_the_photo():
    """By hand, patch by patch: each of the 28 patches of a sample that is too low to be halved."""
    photo, sample = (
        RNG.integers(0, 256, (24, 40, 3), np.uint8),
        RNG.integers(0, 256, (18, 21, 3), np.uint8),
    )

    def cut(picture):
        places = np.ndindex(picture.shape[0] - 14, picture.shape[1] - 14)
        return np.array([picture[y : y + 15, x : x + 15] for y, x in places], float) / 255

    stored = cut(photo)
    squares = [((stored - patch) ** 2).mean(axis=(1, 2, 3)).min() for patch in cut(sample)]
    assert len(squares) == 28
    assert quality.structure(photo, sample) == pytest.approx(np.mean(squares) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("size", [(72, 96), (120, 160), (40, 600), (24, 30)])
def test_a_brighter_picture_has_the_layout_distance_of_its_patches(size):
    """In every direction u all quantiles move by u . shift, of reduced, long and small pictures."""
    photo = RNG.integers(80, 120, (*size, 3), np.uint8)
    directions = np.random.default_rng(0).standard_normal((17 * 17 * 3, 128)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)
    expected = 0.2 * np.abs(directions.sum(axis=0)).mean()
    assert quality.layout(photo, photo + np.uint8(51)) == pytest.approx(expected, rel=1e-3)


def test_layout_tells_big_shapes_in_another_arrangement_from_moved_ones():
    photo = hills(400, 256)
    moved, mirrored, turned, broken = photo[:, 40:], photo[:, ::-1], photo[::-1], blocks(photo, 16)
    kept = max(quality.layout(photo, picture) for picture in (moved, mirrored))
    assert min(quality.layout(photo, picture) for picture in (turned, broken)) > 3 * kept


def test_layout_sees_nothing_but_the_reduced_pictures():
    photo, sample = hills(400, 256), scene(1, 200, 128)
    small, other = resize.resize(photo, (64, 100)), resize.resize(sample, (64, 100))
    assert quality.layout(photo, sample) == quality.layout(small, other) > 0


def test_evaluation_scores_the_photo_s_own_model_better_than_another_picture(sampler):
    photo = sampler.reconstruct()
    own = evaluation.evaluate(sampler, photo, 6).scores
    other = evaluation.evaluate(sampler, scene(0, 48, 32), 6).scores
    assert own.swd < other.swd and own.coherence < other.coherence
    later = evaluation.evaluate(sampler, photo, 6, start_scale=2).scores
    assert later.diversity < own.diversity and later.swd < own.swd
    assert own.sifid is None and (own.count, later.start_scale) == (6, 2)


def test_the_report_holds_everything_it_shows(sampler):
    photo = sampler.reconstruct()
    judged = [evaluation.evaluate(sampler, photo, 3, start_scale) for start_scale in (0, 1)]
    page = report.write_page("a <b>", photo, judged)
    assert page.count("<img") == 1 + 2 * (3 + 1)
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "a &lt;b&gt;" in page and "a <b>" not in page
    for key in ("swd", "diversity", "coherence", "completeness", "structure", "layout"):
        assert (
            f"{getattr(judged[1].scores, key):.4f}" in page
            and html.escape(evaluation.MEANING[key]) in page
        )
    assert "sifid" not in page


def test_a_missing_photo_is_named(sampler, tmp_path):
    with pytest.raises(ImageError, match=r"no\.png: no such file"):
        evaluation.read_trained_photo(sampler, tmp_path / "no.png")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Small random weights under the names of pytorch-fid's state dict."""
    torch = pytest.importorskip("torch")
    from singan_train.sifid import Inception

    torch.manual_seed(0)
    made = Inception()
    for name, value in made.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 2)
        elif value.is_floating_point():
            value.normal_(0.05, 0.2)
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({**made.state_dict(), "Mixed_5b.branch1x1.conv.weight": torch.zeros(1)}, path)
    return path


def test_sifid_is_the_frechet_distance_of_the_features_before_the_second_pooling(weights):
    torch = pytest.importorskip("torch")
    from singan_train.sifid import Inception

    state = torch.load(weights, weights_only=True)

    def features(picture):
        """The same network once more, layer by layer, in double precision."""
        value = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].double() / 127.5 - 1
        for name, stride, padding in (
            ("Conv2d_1a_3x3", 2, 0), ("Conv2d_2a_3x3", 1, 0), ("Conv2d_2b_3x3", 1, 1),
            ("pool", 0, 0), ("Conv2d_3b_1x1", 1, 0), ("Conv2d_4a_3x3", 1, 0),
        ):  # fmt: skip
            if name == "pool":
                value = torch.nn.functional.max_pool2d(value, 3, 2)
                continue
            layer = {
                key.removeprefix(name + "."): v.double()
                for key, v in state.items()
                if key.startswith(name)
            }
            value = torch.nn.functional.conv2d(value, layer["conv.weight"], None, stride, padding)
            gain = layer["bn.weight"] / (layer["bn.running_var"] + 0.001).sqrt()
            shift = layer["bn.bias"] - layer["bn.running_mean"] * gain
            value = (value * gain[:, None, None] + shift[:, None, None]).relu()
        return value[0].flatten(1).T.numpy()

    a, b = scene(1), scene(2)
    x, y = features(a), features(b)
    product = np.linalg.eigvals(np.cov(x, rowvar=False) @ np.cov(y, rowvar=False))
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(
        np.cov(x, rowvar=False) + np.cov(y, rowvar=False)
    )
    expected -= 2 * np.sqrt(product.astype(complex)).real.sum()
    network = Inception.load(weights)
    assert network.distance(a, b) == pytest.approx(expected, rel=1e-3)
    assert network.distance(a, a) == pytest.approx(0, abs=1e-6 * expected)


def test_files_that_are_no_inception_weights_are_refused_and_run_nothing(tmp_path, weights):
    torch = pytest.importorskip("torch")
    from singan_train.sifid import Inception

    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    from pathlib import Path

    torch.save({"a": Hostile()}, tmp_path / "hostile.pth")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("nothing")
    for name in ("hostile.pth", "other.pth", "text.pth", "missing.pth"):
        with pytest.raises(RequestError, match=f"{name}: no (such file|Inception v3 state dict)"):
            Inception.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_the_rim_of_an_even_ramp_is_one_and_a_frame_shows():
    ramp = np.arange(0, 120, 3, dtype=np.uint8)
    picture = np.broadcast_to(ramp[:, None, None] + ramp[None, :, None], (40, 40, 3)).copy()
    assert quality.rim(picture) == pytest.approx(1.0)
    picture[0] += (
        3  # the topmost of steps of 3 vanishes, at the left and right only two pixels change
    )
    assert quality.rim(picture) == pytest.approx(0.75, abs=0.02)
    framed = np.full((40, 60, 1), 100, np.uint8)
    assert quality.rim(framed) == 0.0
    framed[0] = framed[-1] = framed[:, 0] = framed[:, -1] = 104
    assert quality.rim(framed) > 6  # four levels over half a level, nearly: corners have no step

    with pytest.raises(ValueError, match="10 px or more"):
        quality.rim(framed[:9])

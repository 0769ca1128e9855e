"""The identity of a model changes with everything that decides pixels, and with nothing else."""

import dataclasses
import shutil

import numpy as np
import pytest
from conftest import DATA
from PIL import Image

from singan_core import manifest as manifests
from singan_core import stored
from singan_core.detail import store
from singan_core.errors import BundleError
from singan_core.identity import compute_identity
from singan_runtime import Sampler

TINY = "52994a84938ed23fa43f348ffce910703fad22debd716c332f85076720994027"


def identify(bundle):
    """Compute the identity of a bundle folder."""
    found = manifests.read(bundle, "bundle")
    return compute_identity(found, store.read_detail(bundle, found)[1])


@pytest.fixture
def copy(detail_bundle, tmp_path):
    return shutil.copytree(detail_bundle, tmp_path / "copy")


def rewrite(bundle, **fields):
    """Change fields of a manifest and hash its files anew."""
    found = manifests.read(bundle, "bundle", check_files=False)
    changed = dataclasses.replace(found, **fields, files=manifests.hash_files(bundle))
    manifests.write(bundle, changed)


def test_it_is_64_hexadecimal_digits_that_differ_between_models(
    tiny_bundle, detail_bundle, labelled_bundle
):
    found = {identify(bundle) for bundle in (tiny_bundle, detail_bundle, labelled_bundle)}
    assert len(found) == 3
    assert all(len(one) == 64 and int(one, 16) >= 0 for one in found)


def test_a_stored_model_keeps_its_identity(tiny_bundle):
    """If this fails, pictures and caches that name a model by its identity lose it."""
    assert identify(tiny_bundle) == TINY


def test_exporting_a_run_again_keeps_it_although_the_manifest_differs(detailed_run, tmp_path):
    export = pytest.importorskip("singan_export.bundle").export
    for name in ("one", "two"):
        export(detailed_run, tmp_path / name)
    rewrite(tmp_path / "two", created="2031-01-01T00:00:00+00:00", tool_version="9.9")
    texts = {(tmp_path / name / "manifest.json").read_text() for name in ("one", "two")}
    assert len(texts) == 2
    assert identify(tmp_path / "one") == identify(tmp_path / "two")


def test_adding_a_format_keeps_it(tiny_bundle, tmp_path):
    formats = pytest.importorskip("singan_export.formats")
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    before = identify(bundle)
    formats.add(bundle, ["fp16"])
    assert any(name.startswith("fp16/") for name in manifests.read(bundle, "bundle").files)
    assert identify(bundle) == before


def test_the_photo_counts_by_its_pixels_not_by_its_file(copy):
    before = identify(copy)
    found = manifests.read(copy, "bundle")
    size, digest = found.detail.levels[-1], found.detail.photo_sha256
    pixels = stored.read_photo(copy, found.files, size, 3, digest)

    old = (copy / stored.PHOTO).read_bytes()
    Image.fromarray(pixels).save(copy / stored.PHOTO, "WEBP", lossless=True, method=0)
    assert (copy / stored.PHOTO).read_bytes() != old
    rewrite(copy)
    assert identify(copy) == before

    pixels = pixels.copy()
    pixels[0, 0, 0] ^= 1
    stored.write_photo(copy, pixels)
    rewrite(copy, detail=dataclasses.replace(found.detail, photo_sha256=stored.hash_pixels(pixels)))
    assert identify(copy) != before


@pytest.mark.parametrize(
    "name", ["scale_00.onnx", "fp64/scale_00.onnx", "reconstruction_noise.npy", "bases.npy"]
)
def test_a_changed_graph_noise_or_basis_changes_it(copy, name):
    before = identify(copy)
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    rewrite(copy)
    assert compute_identity(manifests.read(copy, "bundle")) != before


@pytest.mark.parametrize("name", ["preview.png", "parity.json"])
def test_a_changed_preview_or_record_of_parity_keeps_it(copy, name):
    before = identify(copy)
    (copy / name).write_bytes(b"other")
    rewrite(copy)
    assert identify(copy) == before


def changes(manifest):
    """Manifests that differ from the given one in a single value that decides pixels."""
    detail = manifest.detail
    louder = (*manifest.noise_amplitude[:-1], manifest.noise_amplitude[-1] + 1e-9)
    yield dataclasses.replace(manifest, noise_amplitude=louder)
    yield dataclasses.replace(manifest, noise_channels=(3,) * len(manifest.noise_channels))
    yield dataclasses.replace(manifest, scale_factor=manifest.scale_factor + 1e-9)
    yield dataclasses.replace(manifest, border="noise")
    yield dataclasses.replace(manifest, noise_spec="other/2")
    yield dataclasses.replace(manifest, halo=6)
    yield dataclasses.replace(manifest, shapes=((11, 12), *manifest.shapes[1:]))
    for field, value in (
        ("hand_over", detail.hand_over - 1),
        ("levels", detail.levels[1:]),
        ("shifts", (1, *detail.shifts[1:])),
        ("position", 3.0),
        ("start_amplitude", (9.0, *detail.start_amplitude[1:])),
    ):
        yield dataclasses.replace(manifest, detail=dataclasses.replace(detail, **{field: value}))


def test_every_value_that_decides_pixels_changes_it(detail_bundle):
    found = manifests.read(detail_bundle, "bundle")
    identities = [compute_identity(one) for one in (found, *changes(found))]
    assert len(set(identities)) == len(identities)


def test_the_order_of_the_files_does_not_count(detail_bundle):
    found = manifests.read(detail_bundle, "bundle")
    reordered = dataclasses.replace(found, files=dict(reversed(found.files.items())))
    assert compute_identity(reordered) == compute_identity(found)


def test_masks_and_their_names_count():
    bundle = DATA / "marked_bundle"
    sampler = Sampler.load(bundle, threads=1)
    found, masks = sampler.manifest, sampler.masks
    other = masks.copy()
    other[0, 0, 0] ^= True
    renamed = dataclasses.replace(found, labels=("other",))
    identities = {
        compute_identity(found, masks),
        compute_identity(found, other),
        compute_identity(renamed, masks),
    }
    assert len(identities) == 3
    assert compute_identity(found, np.asfortranarray(masks)) == compute_identity(found, masks)
    with pytest.raises(ValueError, match="identified with its masks"):
        compute_identity(found)


def test_a_manifest_without_its_graphs_has_no_identity(detail_bundle):
    found = dataclasses.replace(manifests.read(detail_bundle, "bundle"), files={})
    with pytest.raises(BundleError, match=r"lists no reconstruction_noise\.npy"):
        compute_identity(found)

import dataclasses
import json
import shutil

import pytest

from singan_core import manifest, noise
from singan_core.errors import BundleError


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def change(bundle, **fields):
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_the_format_is_that_of_the_stored_example(tiny_bundle):
    """tests/data/tiny_bundle pins format version 1: if this fails, old bundles no longer load."""
    found = manifest.read(tiny_bundle, "bundle")
    assert found.format_version == 1
    assert (found.name, found.channels, found.border, found.preset) == ("hills", 3, "zero", "draft")
    assert found.shapes == ((16, 24), (20, 30), (25, 38), (32, 48))
    assert found.noise_channels == (1, 3, 3, 3) and found.noise_amplitude[0] == 1.0
    assert found.photo_size == (40, 60)
    assert found.halo == 5 and found.noise_spec == "philox4x32-10/box-muller/1" == noise.SPEC
    assert sorted(found.files) == sorted(
        p.name for p in tiny_bundle.iterdir() if p.name != "manifest.json"
    )
    assert found.pyramid.finest == (32, 48)


def test_writing_and_reading_give_the_same_manifest(bundle):
    found = manifest.read(bundle, "bundle")
    manifest.write(bundle, found)
    assert manifest.read(bundle, "bundle") == found


def test_labels_are_written_only_where_there_are_any(bundle):
    plain = manifest.read(bundle, "bundle")
    assert plain.labels == () and plain.picture_channels == 3
    manifest.write(bundle, plain)
    assert "labels" not in json.loads((bundle / "manifest.json").read_text())
    labelled = {"labels": ("hill", "sky"), "channels": 5, "noise_channels": (1, 5, 5, 5)}
    manifest.write(bundle, dataclasses.replace(plain, **labelled))
    found = manifest.read(bundle, "bundle")
    assert found.labels == ("hill", "sky") and found.picture_channels == 3


@pytest.mark.parametrize("labels", [["a", "a"], ["../a"], ["a/b"], [""], ["Sky", "sky"], [".."]])
def test_labels_that_cannot_name_folders_are_refused(bundle, labels):
    change(
        bundle, labels=labels, channels=3 + len(labels), noise_channels=[1, *[3 + len(labels)] * 3]
    )
    refused(bundle, "labels .* different names for the . channels beyond RGB")


def test_unknown_fields_of_a_later_minor_change_are_ignored(bundle):
    change(bundle, something_new=1)
    manifest.read(bundle, "bundle")


def refused(bundle, match):
    with pytest.raises(BundleError, match=match):
        manifest.read(bundle, "bundle")


def test_a_missing_folder_and_an_unfinished_one_are_told_apart(bundle):
    refused(bundle / "nowhere", r"nowhere: no such folder; make a bundle with 'singan export'")
    (bundle / "manifest.json").unlink()
    refused(bundle, "no manifest.json, so the bundle is unfinished")


OPTIONAL = {"labels", "detail", "creator", "licence"}
REQUIRED = sorted({field.name for field in dataclasses.fields(manifest.Manifest)} - OPTIONAL)
REQUIRED.append("format_version")


def test_a_newer_format_asks_for_an_upgrade(bundle):
    change(bundle, format_version=3)
    refused(bundle, "format version 3, but this program reads versions 1 and 2; upgrade singan")
    change(bundle, format_version="x")
    refused(bundle, "make the folder again")


def test_damaged_json_is_refused(bundle):
    (bundle / "manifest.json").write_text('{"kind": "bun')
    refused(bundle, "not readable as JSON")
    (bundle / "manifest.json").write_text("[1]")
    refused(bundle, "a JSON object is expected, got list")
    (bundle / "manifest.json").write_bytes(b"\xff\xfe\x00")
    refused(bundle, "not readable as JSON")


@pytest.mark.parametrize("field", REQUIRED)
def test_every_field_but_the_optional_is_required(bundle, field):
    path = bundle / "manifest.json"
    data = json.loads(path.read_text())
    del data[field]
    path.write_text(json.dumps(data))
    refused(bundle, "lacks" if field != "format_version" else "format version None")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "house"),
        ("channels", 0),
        ("channels", "many"),
        ("shapes", []),
        ("shapes", [[0, 3]] * 4),
        ("shapes", 7),
        ("scale_factor", 1.5),
        ("noise_amplitude", [1.0]),
        ("noise_channels", [2, 3, 3, 3]),
        ("border", "fog"),
        ("labels", ["hill"]),  # of three channels
        ("labels", 7),
        ("halo", 4),
        ("noise_spec", "dice/1"),
        ("files", ["a"]),
        ("photo_size", [3]),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(bundle, field, value):
    change(bundle, **{field: value})
    refused(
        bundle,
        field
        if field in ("kind", "scale_factor", "border", "halo", "noise_spec")
        else "manifest.json",
    )


def test_a_missing_file_is_named(bundle):
    (bundle / "scale_01.onnx").unlink()
    refused(bundle, r"scale_01\.onnx: missing; make the bundle again with 'singan export'")


@pytest.mark.parametrize(
    "name", ["scale_02.onnx", "reconstruction_noise.npy", "parity.json", "preview.png"]
)
def test_an_altered_file_is_named(bundle, name):
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    refused(bundle, rf"{name}: altered or damaged")


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside"])
def test_a_path_that_leaves_the_folder_is_refused(bundle, name):
    (bundle.parent / "outside").write_text("secret")
    change(bundle, files={**manifest.read(bundle, "bundle").files, name: "0" * 64})
    refused(bundle, "which leaves the folder")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_a_name_that_no_file_can_have_is_refused(bundle, name):
    change(bundle, files={**manifest.read(bundle, "bundle").files, name: "0" * 64})
    refused(bundle, "which cannot be a file")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("channels", 0, r"channels has the wrong form: 0 \(expected `int` >= 1\)"),
        ("channels", "3", r"channels has the wrong form: '3' \(expected `int`, got `str`\)"),
        (
            "scale_factor",
            1.5,
            r"scale_factor has the wrong form: 1.5 \(expected `float` <= 0.9995\)",
        ),
        ("shapes", [[16, 0]], r"shapes\[0\]\[1\] has the wrong form: 0 \(expected `int` >= 1\)"),
        ("border", "fog", r"border 'fog' \(expected zero or noise\)"),
        (
            "noise_amplitude",
            [1.0],
            r"noise_amplitude \(1.0,\) \(expected 4 values, or one more\); .*",
        ),
    ],
)
def test_an_error_says_what_was_found_expected_and_to_do(bundle, field, value, said):
    change(bundle, **{field: value})
    refused(bundle, rf"manifest\.json: {said}; make the folder again or upgrade singan")


def test_json_that_nests_without_end_is_refused(bundle):
    (bundle / "manifest.json").write_text("[" * 100_000)
    refused(bundle, "not readable as JSON")


def test_a_link_that_leaves_the_folder_is_refused(bundle):
    (bundle.parent / "outside").write_bytes((bundle / "preview.png").read_bytes())
    (bundle / "preview.png").unlink()
    (bundle / "preview.png").symlink_to(bundle.parent / "outside")
    refused(bundle, "which leaves the folder")


def test_a_bundle_is_no_run(tiny_bundle):
    with pytest.raises(BundleError, match="a bundle where a run is needed"):
        manifest.read(tiny_bundle, "run")

"""A bundle from a stranger is judged when it is loaded, before anything in it runs."""

import dataclasses
import shutil

import numpy as np
import pytest

from singan_core import manifest
from singan_core.errors import BundleError
from singan_core.file_names import RECONSTRUCTION_NOISE
from singan_runtime import Sampler


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def vouch(bundle, **fields):
    """Write the manifest anew, as a stranger would, so that all digests are right."""
    found = manifest.read(bundle, "bundle", check_files=False)
    files = manifest.hash_files(bundle)
    manifest.write(bundle, dataclasses.replace(found, **{"files": files, **fields}))


def refuse(bundle, match):
    with pytest.raises(BundleError, match=match) as caught:
        Sampler.load(bundle, threads=1).sample((48, 64))
    assert "\n" not in str(caught.value)


def test_a_graph_that_no_exporter_of_ours_wrote_is_refused(bundle):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle / "scale_00.onnx")
    model.graph.node.insert(0, onnx.helper.make_node("Tile", ["noise", "noise"], ["more"]))
    onnx.save(model, bundle / "scale_00.onnx")
    vouch(bundle)
    refuse(bundle, r"scale_00\.onnx: not a generator's graph: operator 'Tile' is not one of")


def test_weights_outside_the_bundle_are_never_read(bundle, tmp_path):
    onnx = pytest.importorskip("onnx")
    (tmp_path / "secret").write_bytes(bytes(4096))
    model = onnx.load(bundle / "scale_00.onnx")
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../secret"
    (bundle / "scale_00.onnx").write_bytes(model.SerializeToString())
    vouch(bundle)
    refuse(bundle, "weights in another file")


def test_a_finer_graph_is_judged_when_it_is_opened(bundle):
    (bundle / "scale_02.onnx").write_bytes(b"not a graph")
    vouch(bundle)
    refuse(bundle, r"scale_02\.onnx: not a generator's graph")


def test_a_graph_that_changes_after_the_manifest_was_read_is_refused(bundle):
    sampler = Sampler.load(bundle, threads=1)
    shutil.copy(bundle / "scale_02.onnx", bundle / "scale_01.onnx")
    with pytest.raises(BundleError, match=r"scale_01\.onnx: changed since the manifest was read"):
        sampler.sample((48, 64))


def test_a_graph_that_the_manifest_does_not_list_is_not_opened(bundle):
    files = manifest.hash_files(bundle)
    del files["scale_01.onnx"]
    vouch(bundle, files=files)
    refuse(bundle, r"scale_01\.onnx: not listed in the bundle's manifest")


@pytest.mark.parametrize("change", ["nan", "shape", "dtype"])
def test_a_reconstruction_noise_of_another_form_is_refused(bundle, change):
    path = bundle / RECONSTRUCTION_NOISE
    noise = np.load(path)
    if change == "nan":
        noise[0, 3, 3] = np.nan
    changed = {"nan": noise, "shape": noise[:, :-1], "dtype": noise.astype(np.float64)}[change]
    np.save(path, changed)
    vouch(bundle)
    refuse(bundle, "numbers that are not finite" if change == "nan" else "expected float32")

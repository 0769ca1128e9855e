"""A generator more than there are scales: it draws what lies beyond the finest one."""

import dataclasses
import shutil

import numpy as np
import pytest

from singan_core import fitting, pyramid

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from small_runs import SMALL, train  # noqa: E402

from singan_core import manifest, resample  # noqa: E402
from singan_core.errors import RequestError  # noqa: E402
from singan_export import bundle, formats, verify  # noqa: E402
from singan_export.bundle import read_networks  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_train.scale.sample_pool import enlarge  # noqa: E402

PLAN = pyramid.Pyramid(((14, 20), (28, 40), (56, 80)), 0.5)
CONTINUED = dataclasses.replace(PLAN, continuation=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory, drawn_scene):
    settings = dataclasses.replace(SMALL, continuation=True)
    return train(drawn_scene, tmp_path_factory.mktemp("continued") / "run", settings)


@pytest.fixture(scope="module")
def exported(run):
    bundle.export(run, run.with_name("bundle"))
    return run.with_name("bundle")


def test_only_passes_beyond_the_finest_scale_use_it():
    for zoom in (0.5, 1.0, 4.0):
        plain, continued = (
            fitting.fit(plan, (224, 320), zoom).passes for plan in (PLAN, CONTINUED)
        )
        assert [step.canvas for step in plain] == [step.canvas for step in continued]
        assert [step.generator for step in continued if not step.beyond] == [
            p.generator for p in plain if not p.beyond
        ]
        assert {(step.generator, step.detail) for step in continued if step.beyond} == (
            {(3, 1.0)} if zoom > 1 else set()
        )


def test_its_images_are_shrunk_before_they_are_enlarged():
    """On the finest canvas it learns from pictures that lack the finest detail, as later do."""
    image = torch.rand(1, 3, 56, 80)
    expected = resample.resize(resample.resize(image, (28, 40)), (56, 80))
    assert torch.equal(enlarge(image, CONTINUED, 3), expected)
    assert torch.equal(enlarge(image, CONTINUED, 2), image)


def test_it_begins_with_the_same_scales_as_a_run_without(run, small_run):
    for name in ("generator.safetensors", "sheet.png"):
        assert (run / "scale_03" / name).read_bytes() == (
            small_run / "scale_03" / name
        ).read_bytes()
    found = manifest.read(run, "run")
    assert len(found.shapes) == 4 and len(found.noise_amplitude) == 5 and found.pyramid.continuation
    assert not manifest.read(small_run, "run").pyramid.continuation


def test_a_bundle_holds_it_and_draws_with_it(exported, run, small_run, tmp_path):
    bundle.export(small_run, tmp_path / "plain")
    continued, plain = Sampler.load(exported), Sampler.load(tmp_path / "plain")
    assert np.array_equal(continued.sample(seed=1, zoom=1.0), plain.sample(seed=1, zoom=1.0))
    large = (62, 84)
    assert not np.array_equal(
        continued.sample(large, 1, zoom=2.0), plain.sample(large, 1, zoom=2.0)
    )
    assert verify.verify(exported, run).graphs == 5
    with pytest.raises(RequestError, match="use scales 0 to 3"):
        continued.sample(large, zoom=2.0, start_scale=4)


def test_windows_of_large_pictures_equal_slices(exported):
    sampler = Sampler.load(exported)
    whole = sampler.sample((90, 120), 3, zoom=2.5)[0]
    assert np.array_equal(
        sampler.render((90, 120), (20, 31, 40, 50), 3, zoom=2.5), whole[20:60, 31:81]
    )


def test_every_format_of_a_bundle_holds_it(exported, run, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "bundle")
    names = ("fused", "torchscript", "fp16", "int8")
    formats.add(copy, names, read_networks(run, manifest.read(run, "run")))
    found = manifest.read(copy, "bundle").files
    assert all(
        f"{name}/scale_04.{'pt' if name == 'torchscript' else 'onnx'}" in found
        for name in names[1:]
    )
    checked = {(check.format, check.scale) for check in verify.verify(copy, run, names).formats}
    assert {(name, 4) for name in names[1:]} <= checked and ("fused", None) in checked
    with pytest.warns(UserWarning, match="slower than fp32 on a CPU"):
        halved = Sampler.load(copy, precision="fp16")
    pictures = [one.sample((62, 84), 1, zoom=2.0) for one in (halved, Sampler.load(copy))]
    assert not np.array_equal(*pictures)

"""A run that is not finished can be looked at: its finished scales make a bundle."""

import json
import shutil

import pytest
from command_line import call, one_line, usage

pytest.importorskip("torch")
pytest.importorskip("onnx")

from singan_core import manifest
from singan_runtime import Sampler


def leave(run, folder, scales):
    """Copy a run with so many finished scales, as if it were still in training."""
    copy = shutil.copytree(run, folder)
    (copy / "manifest.json").unlink()
    for scale in range(scales, 9):
        shutil.rmtree(copy / f"scale_{scale:02d}", ignore_errors=True)
    return copy


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_finished_scales_with_detail_end_in_the_photo(detailed_run, tmp_path, scales):
    run, bundle = leave(detailed_run, tmp_path / "run", scales), tmp_path / "bundle"
    status, said, _ = call("export", run, "--out", bundle, "--partial")
    assert status == 0 and f"partial: {scales} of 3 scales are finished" in said
    found = manifest.read(bundle, "bundle")
    assert len(found.shapes) == scales and found.detail.hand_over == scales - 1
    assert found.pyramid.levels[-1] == (44, 60)
    assert Sampler.load(bundle, threads=1).sample((50, 80), 1).shape == (1, 50, 80, 3)
    assert call("verify", bundle)[0] == 0


def test_finished_scales_without_detail_draw_up_to_their_own_size(small_run, tmp_path):
    run, bundle = leave(small_run, tmp_path / "run", 2), tmp_path / "bundle"
    assert "partial: 2 of 4 scales" in call("export", run, "-o", bundle, "--partial")[1]
    part, whole = manifest.read(bundle, "bundle"), manifest.read(small_run, "run")
    assert part.shapes == whole.shapes[:2] and part.noise_amplitude == whole.noise_amplitude[:2]


def test_a_finished_run_is_exported_as_ever(detailed_run, tmp_path):
    for name, more in (("a", ()), ("b", ("--partial",))):
        _, said, _ = call("export", detailed_run, "-o", tmp_path / name, *more)
        assert "partial" not in said
    both = [Sampler.load(tmp_path / name, threads=1) for name in "ab"]
    assert both[0].identity == both[1].identity


def test_all_scales_without_the_manifest_make_the_same_model(detailed_run, tmp_path):
    """What partial puts together is what the end of the training writes."""
    run = leave(detailed_run, tmp_path / "run", 3)
    call("export", run, "-o", tmp_path / "a", "--partial")
    call("export", detailed_run, "-o", tmp_path / "b")
    a, b = (json.loads((tmp_path / name / "manifest.json").read_text()) for name in "ab")
    assert {**a, "created": ""} == {**b, "created": ""}


def test_a_run_without_a_finished_scale_says_what_to_do(detailed_run, tmp_path):
    run = leave(detailed_run, tmp_path / "run", 0)
    words = ("export", run, "-o", tmp_path / "bundle")
    assert "or look at what is finished with 'singan export --partial'" in one_line(*words)
    assert "no scale is finished yet; wait for the first" in one_line(*words, "--partial")
    assert "no run was begun here" in one_line("export", tmp_path, *words[2:], "--partial")
    assert "belong to a RUN; name --out BUNDLE" in usage(
        "export", tmp_path, "--format", "fused", "--partial"
    )
    assert not (tmp_path / "bundle").exists()

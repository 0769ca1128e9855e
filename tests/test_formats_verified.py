"""Every format is held against its budget, and what is wrong with its files is found and named."""

import json
import shutil

import pytest
from command_line import call
from file_contents import hash_again

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402
from made_bundles import FOLDERS  # noqa: E402
from onnx import numpy_helper  # noqa: E402

from singan_core import file_names  # noqa: E402
from singan_core.errors import BundleError  # noqa: E402
from singan_export import budgets, bundle, formats, verify  # noqa: E402


@pytest.fixture(scope="module")
def graphs_only(tmp_path_factory):
    """An untrained bundle in every format that needs no run; treat it as read-only."""
    folder = made_bundles.make(tmp_path_factory.mktemp("graphs") / "bundle")
    bundle.add(folder, ["fused", "fp16", "int8"])
    return folder


@pytest.fixture
def made(tmp_path):
    return made_bundles.make(tmp_path / "made")


# what can hold a program is opened only if it is named

NAMED = ("--format", ",".join(formats.PROGRAMS))


def test_files_that_can_hold_programs_are_not_opened_unless_they_are_named(
    many_formats, tmp_path, monkeypatch
):
    copy = shutil.copytree(many_formats, tmp_path / "bundle")
    for file in ("torchscript/scale_00.pt", "pt2/scale_00.pt2", "fused/pyramid.onnx"):
        (copy / file).write_bytes(b"whatever a stranger wants")
    hash_again(copy)
    status, text, _ = call("verify", copy)
    assert status == 0
    assert "torchscript,pt2,fused not opened" in text and "add --format torchscript" in text
    assert json.loads(call("verify", copy, "--json")[1])["unopened"] == list(formats.PROGRAMS)
    for name in formats.PROGRAMS:
        status, _, error = call("verify", copy, "--format", name)
        assert status == 1 and f"{name}/" in error
    status, _, error = call("verify", copy, "--format", "exe")
    assert status == 1 and "unknown format 'exe'" in error


def test_the_folders_that_a_bundle_may_have_are_those_of_the_formats():
    assert set(file_names.FORMAT_FOLDERS) == {*formats.NAMES, file_names.DOUBLE}


# every format draws what the fp32 graphs draw


def test_every_format_of_a_run_is_written_loaded_and_within_its_budget(many_formats):
    found = verify.verify(many_formats, named=formats.PROGRAMS)
    assert {check.format for check in found.formats} == set(FOLDERS)
    for name in FOLDERS:
        checks = [check for check in found.formats if check.format == name]
        whole = [check for check in checks if check.scale is None]
        assert all(check.passed for check in checks) and len({check.size for check in whole}) == 3
        if name != "fused":
            for scale in range(4):
                assert len({check.size for check in checks if check.scale == scale}) >= 3
        record = json.loads((many_formats / name / "parity.json").read_text())
        assert (
            record["passed"]
            and record["reference"] == "networks"
            and len(record["checks"]) == len(checks)
        )


def test_with_the_run_formats_are_held_against_the_networks_themselves(many_formats, small_run):
    def worst(found):
        return max(
            check.maximum
            for check in found.formats
            if check.format == "torchscript" and check.scale is not None
        )

    named = formats.PROGRAMS
    with_networks = verify.verify(many_formats, small_run, named)
    with_graphs = verify.verify(many_formats, named=named)
    assert worst(with_networks) < worst(with_graphs)  # torch's own arithmetic, or another


def test_verify_shows_a_table_and_json(graphs_only):
    status, text, _ = call("verify", graphs_only)
    lines = text.splitlines()
    assert status == 0 and sum(line.startswith("int8 ") for line in lines) == 3 + 3
    columns = "format of worst at max rms PSNR levels values allowed"
    assert any(" ".join(line.split()) == columns for line in lines)
    report = json.loads(call("verify", graphs_only, "--json")[1])
    assert report["passed"]
    fields = {
        "passed",
        "format",
        "scale",
        "size",
        "maximum",
        "rms",
        "psnr",
        "levels",
        "share",
        "budget",
    }
    assert all(set(check) == fields for check in report["formats"])


# verify finds what is wrong


def test_a_doctored_weight_of_any_onnx_format_fails_verify_with_exit_status_1(
    graphs_only, tmp_path
):
    for file, name in (
        ("fused/pyramid.onnx", "scale_2/weight_2"),
        ("fp16/scale_02.onnx", "weight_2"),
    ):
        copy = shutil.copytree(graphs_only, tmp_path / name.replace("/", "_"))
        model = onnx.load(copy / file)
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 0, name))
        onnx.save(model, copy / file)
        hash_again(copy)
        status, text, error = call("verify", copy, *NAMED)
        assert status == 1 and "FAILED" in text
        assert error.startswith(f"error: {file.partition('/')[0]} ") and "over its budget" in error
        status, text, _ = call("verify", copy, *NAMED, "--json")
        assert status == 1 and json.loads(text)["passed"] is False


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("fused/pyramid.onnx", "not a valid ONNX graph"),
        ("int8/scale_03.onnx", "not a generator's graph"),
        ("torchscript/scale_01.pt", "not a file that torch can load"),
        ("pt2/pyramid.pt2", "not a file that torch can load"),
    ],
)
def test_a_file_cut_short_is_named(many_formats, tmp_path, file, said):
    copy = shutil.copytree(many_formats, tmp_path / "bundle")
    (copy / file).write_bytes((copy / file).read_bytes()[:-2000])
    status, _, error = call("verify", copy)
    assert status == 1 and f"{file}: altered or damaged" in error
    hash_again(copy)
    status, _, error = call("verify", copy, *NAMED)
    assert (
        status == 1
        and f"{file}: {said}" in error
        and "export again" in error
        and error.count("\n") == 1
    )


def test_formats_of_another_bundle_are_told_apart(many_formats, made):
    for name, said in (
        ("fused", "inputs and outputs are"),
        ("fp16", "metadata singan.name is 'scene'"),
    ):
        shutil.rmtree(made / "fused", ignore_errors=True)
        shutil.copytree(many_formats / name, made / name)
        hash_again(made)
        with pytest.raises(BundleError, match=said):
            verify.verify(made, named=formats.PROGRAMS)


def test_budgets_are_those_of_the_documentation():
    exact = budgets.Budget()
    assert (exact.scale, exact.pyramid, exact.share, exact.levels) == (1e-5, 2e-3, 0.01, 1)
    assert exact.scale_share == 0.01
    of = {(row.name, row.has_detail): row.budget for row in formats.TABLE}
    assert all(of[name, False] == exact for name in ("torchscript", "pt2", "fused"))
    assert (of["fp16", False].psnr, of["int8", False].psnr) == (50, 25)
    assert of["fused", True] == budgets.EXACT

"""Healthy trainings of awkward photos pass however coarsely they round, doctored graphs never."""

import dataclasses
import json
import shutil
import warnings

import numpy as np
import pytest
from file_contents import hash_again
from PIL import Image

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from small_runs import SMALL, train  # noqa: E402

from singan_core.errors import ParityError  # noqa: E402
from singan_export import budgets, bundle, rounding, verify  # noqa: E402

Y, X = np.mgrid[0:64, 0:96]
PHOTOS = {
    "checkerboard": (X // 8 + Y // 8) % 2 * 255,
    "checkerboard of pixels": (X + Y) % 2 * 255,
    "red and blue checkerboard": np.where(
        ((X // 8 + Y // 8) % 2)[..., None], (250, 20, 30), (10, 40, 240)
    ),
    "stripes": X // 3 % 2 * 255,
    "one colour": np.full((64, 96, 3), (200, 30, 40)),
    "black": np.zeros((64, 96)),
    "noise": np.random.default_rng(0).integers(0, 256, (64, 96, 3)),
}
LAYERS = 5
SHORT = dataclasses.replace(SMALL, max_size=30, iterations=30)  # three scales


@pytest.fixture(scope="module", params=PHOTOS)
def healthy(request, tmp_path_factory):
    """The run of an awkward photo, and its bundle; treat them as read-only."""
    folder = tmp_path_factory.mktemp("awkward")
    Image.fromarray(PHOTOS[request.param].astype(np.uint8)).save(folder / "photo.png")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*one colour all over")
        run = train(folder / "photo.png", folder / "run", SHORT)
    assert bundle.export(run, folder / "bundle").passed
    return run, folder / "bundle"


@pytest.fixture(scope="module")
def coarse(small_run, tmp_path_factory):
    """The small run and a bundle of it, its network the same in exact numbers, its sums large.

    Fifty is added to what every normalised layer computes, and to the mean that its BatchNorm
    subtracts.
    """
    folder = tmp_path_factory.mktemp("coarse")
    run = shutil.copytree(small_run, folder / "run")
    for path in run.glob("scale_*/generator.safetensors"):
        tensors = load_file(path)
        for layer in range(LAYERS - 1):
            tensors[f"net.{3 * layer}.bias"] += 50
            tensors[f"net.{3 * layer + 1}.running_mean"] += 50
        save_file(tensors, path, read_metadata(path))
    hash_again(run)
    bundle.export(run, folder / "bundle")
    return run, folder / "bundle"


def read_metadata(path):
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.metadata()


def edit_graph(path, edit):
    """Change the constants of a graph: edit gets them by name, to be changed in place."""
    model = onnx.load(path)
    values = {one.name: numpy_helper.to_array(one).copy() for one in model.graph.initializer}
    edit(values)
    for one in model.graph.initializer:
        one.CopyFrom(numpy_helper.from_array(values[one.name], one.name))
    onnx.save(model, path)


def swap_layers(values):
    values["weight_1"], values["weight_2"] = values["weight_2"], values["weight_1"]


def change_a_weight(values):
    values["weight_2"].flat[0] += 0.05


def move_a_bias(by):
    def edit(values):
        values["bias_4"][0] += by

    return edit


def refuse(run, made, folder, scale, edit):
    """Doctor a copy of a bundle, and claim that its run is told from it."""
    doctored = shutil.copytree(made, folder / str(scale))
    edit_graph(doctored / f"scale_{scale:02d}.onnx", edit)
    hash_again(doctored)
    with pytest.raises(ParityError, match=f"scale {scale} at "):
        verify.verify(doctored, run)


def test_a_healthy_training_passes_and_its_doctored_graphs_do_not(healthy, tmp_path):
    run, made = healthy
    verify.verify(made, run)
    for scale, edit in enumerate((swap_layers, change_a_weight, move_a_bias(3e-5))):
        refuse(run, made, tmp_path, scale, edit)


@pytest.mark.slow
@pytest.mark.parametrize("edit", [swap_layers, change_a_weight, move_a_bias(3e-5)])
@pytest.mark.parametrize("scale", range(3))
def test_every_graph_that_is_doctored_in_any_way_is_refused(healthy, tmp_path, scale, edit):
    refuse(*healthy, tmp_path, scale, edit)


def test_a_network_of_large_sums_may_differ_by_what_it_rounds_itself(coarse):
    record = json.loads((coarse[1] / "parity.json").read_text())
    worst = max(record["scales"], key=lambda check: check["maximum"])
    assert worst["maximum"] > budgets.BUDGETS["onnx"].scale  # it was refused for that
    assert all(check["maximum"] <= check["allowed"] <= rounding.MOST for check in record["scales"])
    verify.verify(coarse[1], coarse[0])


@pytest.mark.parametrize("scale", [1, 3])
def test_doctored_graphs_of_large_sums_are_refused_too(coarse, tmp_path, scale):
    run, made = coarse
    record = json.loads((made / "parity.json").read_text())
    allowed = max(check["allowed"] for check in record["scales"] if check["scale"] == scale)
    for number, edit in enumerate((swap_layers, change_a_weight, move_a_bias(3 * allowed))):
        refuse(run, made, tmp_path / str(number), scale, edit)


def test_rounding_never_excuses_what_could_be_seen(coarse):
    check = budgets.Comparison("onnx", 0, (1, 9, 9), 1.0, 0.5, 6, 128, 1.0, budgets.BUDGETS["onnx"])
    widened = rounding.follow_rounding([check], lambda: [check])[0]
    assert widened.allowed == rounding.MOST and not widened.passed
    assert rounding.widen(check.budget, [check]).share == rounding.MOST_SHARE


def test_an_ordinary_network_keeps_the_ordinary_budget():
    def measure():
        raise AssertionError("rounding is measured only where a budget is not kept")

    check = budgets.Comparison("onnx", 0, (1, 9, 9), 1e-5, 0, 99, 0, 0, budgets.BUDGETS["onnx"])
    assert rounding.follow_rounding([check], measure) == [check]

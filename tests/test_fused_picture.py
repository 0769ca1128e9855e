"""The fused graph of a model with detail draws the bytes of Sampler, from any language."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from detail_scenes import bundle_with, rewrite
from PIL import Image

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper  # noqa: E402
from test_fused import build_example, skip_without_node  # noqa: E402

from singan_cli.bundle_text import list_generators_alone  # noqa: E402
from singan_core import manifest  # noqa: E402
from singan_core.errors import BundleError, ParityError  # noqa: E402
from singan_export import budgets, bundle, formats, fused_picture, verify  # noqa: E402
from singan_runtime import Sampler  # noqa: E402
from singan_runtime.graphs import open_session  # noqa: E402

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "fused"
SIZE, SEED = (61, 97), 2**64 - 6  # odd sides, a seed of more than 53 bits


@pytest.fixture(scope="module")
def trained(detail_bundle, tmp_path_factory):
    """The trained test model with detail and its fused graph; treat it as read-only."""
    copy = shutil.copytree(detail_bundle, tmp_path_factory.mktemp("fused") / "bundle")
    assert all(check.passed for check in bundle.add(copy, ["fused"]))
    return copy


@pytest.fixture(scope="module")
def session(trained):
    return open_session(trained / "fused" / "picture.onnx", "cpu")


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "bundle")


def operators(graph):
    """The names of all operators, those in the bodies of loops and choices included."""
    found = {node.op_type for node in graph.node}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                found |= operators(attribute.g)
    return found


@pytest.mark.parametrize(
    ("size", "zoom"),
    [
        ((100, 150), "auto"),  # the photo's own size: every level at its own
        ((100, 170), 1.0),
        ((100, 90), "auto"),
        ((72, 110), "auto"),  # smaller: the photo is reduced to the picture's scale
        ((44, 400), "auto"),
        ((96, 20), "auto"),  # drawn wider, since its coarsest canvas would be under 11 px
        ((26, 39), "auto"),  # no larger than what is searched
        ((5, 7), "auto"),
        ((60, 60), 0.31),
        ((33, 70), 0.9),
    ],
)
def test_the_graph_draws_the_bytes_of_the_sampler(session, detail_sampler, size, zoom):
    for seed in (3, SEED):
        pixels, found = fused_picture.draw(session, size, seed, zoom)
        assert np.array_equal(pixels, detail_sampler.sample(size, seed, zoom=zoom)[0])
        assert pixels.dtype == np.uint8 and found.dtype == np.int32 and found.shape == (*size, 2)


def test_the_map_says_which_pixel_of_the_photo_each_shows(session, detail_sampler):
    """At the photo's own scale it is that very pixel, in a smaller picture the nearest one."""
    drawn, expected = detail_sampler.draw_with_map(detail_sampler.plan((100, 140)), 5)
    pixels, found = fused_picture.draw(session, (100, 140), 5)
    assert np.array_equal(found, expected) and np.array_equal(pixels, drawn)
    own = (pixels == detail_sampler.photo.pixels[found[..., 0], found[..., 1]]).all(axis=2)
    assert own.mean() > 0.3  # the rest lies near joins, or is smooth
    smaller = detail_sampler.plan((50, 70))
    drawn, expected = detail_sampler.draw_with_map(smaller, 5)
    found = fused_picture.draw(session, (50, 70), 5)[1]
    assert np.array_equal(
        found, (2 * expected + 1) * (100, 150) // (2 * np.array(smaller.fit.photo_sizes[-1]))
    )


def test_a_zoom_over_one_is_drawn_at_one(session):
    ours, theirs = (fused_picture.draw(session, (120, 160), 2, zoom) for zoom in (1.0, 1.2))
    assert np.array_equal(ours[0], theirs[0])


def test_labels_ride_on_the_map(detail_bundle, detail_sampler, tmp_path):
    masks = np.stack(
        [detail_sampler.photo.pixels[..., 2] > 128, np.arange(150) > np.arange(100)[:, None]],
        axis=2,
    )
    pixels = detail_sampler.photo.pixels
    labelled = bundle_with(
        tmp_path / "labelled", detail_bundle, pixels, masks=masks, labels=("sky", "right")
    )
    assert all(check.passed for check in bundle.add(labelled, ["fused"]))
    session = open_session(labelled / "fused" / "picture.onnx", "cpu")
    for size in ((100, 150), (60, 80)):
        pixels, _, drawn = fused_picture.draw(session, size, 4)
        expected = Sampler.load(labelled, threads=1).labelled(size, 4)
        assert np.array_equal(pixels, expected[0]) and np.array_equal(drawn, expected[1])
        assert set(np.unique(drawn)) == {0, 255}


# what the file says, and proof that it is whole


def test_the_file_says_what_goes_in_and_comes_out(session, trained):
    assert [(one.name, one.type, one.shape) for one in session.get_inputs()] == [
        ("seed", "tensor(uint64)", []),
        ("size", "tensor(int64)", [2]),
        ("zoom", "tensor(double)", []),
    ]
    assert [(one.name, one.type, one.shape) for one in session.get_outputs()] == [
        ("pixels", "tensor(uint8)", ["height", "width", 3]),
        ("map", "tensor(int32)", ["height", "width", 2]),
    ]
    stated = session.get_modelmeta().custom_metadata_map
    assert stated["singan.photo_size"] == "150x100" and stated["singan.channels"] == "3"
    inside, outside = (
        json.loads(stated["singan.manifest"]),
        json.loads((trained / "manifest.json").read_text()),
    )
    assert {**outside, "files": {}} == inside


def test_the_page_lists_the_operators_that_are_used(trained):
    page = " ".join((ROOT / "docs" / "formats.md").read_text(encoding="utf-8").split())
    listed = page.partition("Its operators, of opset 18: ")[2].partition(".")[0]
    used = operators(onnx.load(trained / "fused" / "picture.onnx").graph)
    assert set(listed.split(", ")) == used


def test_adding_it_leaves_the_rest_of_the_bundle_as_it_was(trained, detail_bundle):
    before, after = manifest.read(detail_bundle, "bundle"), manifest.read(trained, "bundle")
    assert before.files.items() < after.files.items()
    assert set(after.files) - set(before.files) == {"fused/picture.onnx", "fused/parity.json"}
    record = json.loads((trained / "fused" / "parity.json").read_text())
    assert record["passed"] and record["reference"] == "sampler"
    assert all(check["levels"] == 0 and check["share"] == 0 for check in record["checks"])


def test_a_graph_of_one_changed_pixel_of_the_photo_is_found_out(copied):
    path = copied / "fused" / "picture.onnx"
    model = onnx.load(path)
    photo = next(one for one in model.graph.initializer if list(one.dims) == [100, 150, 3])
    photo.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(photo) ^ np.uint8(1), photo.name))
    onnx.save(model, path)
    rewrite(copied, manifest.read(copied, "bundle", check_files=False))
    found = verify.verify(copied, named=["fused"])
    with pytest.raises(
        ParityError, match=r"fused pyramid .* grey levels .* over its budget"
    ) as refused:
        budgets.require(found.formats)
    assert "\n" not in str(refused.value)


def test_a_graph_of_another_model_is_refused(copied):
    path = copied / "fused" / "picture.onnx"
    model = onnx.load(path)
    next(one for one in model.metadata_props if one.key == "singan.name").value = "another"
    onnx.save(model, path)
    rewrite(copied, manifest.read(copied, "bundle", check_files=False))
    with pytest.raises(BundleError, match=r"metadata singan\.name is 'another'"):
        verify.verify(copied, named=["fused"])


def test_the_line_about_it_names_size_and_seconds(trained):
    told = str(formats.measure_cost(trained, "fused"))
    assert told.startswith("fused: ") and "a picture of 150x100 on this CPU (Sampler " in told


def test_only_formats_without_detail_are_said_to_hold_the_generators_alone(trained):
    assert list_generators_alone(trained, ["fused"]) == []
    (line,) = list_generators_alone(trained, ["fp16", "fused"])
    assert line.startswith("fp16 holds the generators alone, up to 36x24")


# other languages


def same_picture(drawn, folder):
    with Image.open(drawn) as image:
        assert np.array_equal(
            np.asarray(image), Sampler.load(folder, threads=1).sample(SIZE, SEED)[0]
        )


def test_the_python_example_needs_nothing_of_ours_and_draws_the_same(trained, tmp_path):
    words = [
        sys.executable,
        "-W",
        "error",
        EXAMPLES / "picture.py",
        trained / "fused" / "picture.onnx",
    ]
    subprocess.run([*words, "97x61", str(SEED), tmp_path / "out.png"], check=True)
    same_picture(tmp_path / "out.png", trained)
    assert "import singan" not in (EXAMPLES / "picture.py").read_text()


def test_the_node_example_draws_the_same(trained, tmp_path):
    node = skip_without_node()
    words = [node, EXAMPLES / "picture.cjs", trained / "fused" / "picture.onnx"]
    subprocess.run([*words, "97x61", str(SEED), tmp_path / "out.ppm"], check=True)
    same_picture(tmp_path / "out.ppm", trained)


def test_the_cpp_example_draws_the_same(trained, tmp_path):
    example = build_example("picture", tmp_path)
    words = [example, trained / "fused" / "picture.onnx", "97x61", str(SEED), tmp_path / "out.ppm"]
    subprocess.run(words, check=True)
    same_picture(tmp_path / "out.ppm", trained)

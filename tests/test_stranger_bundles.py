"""A bundle from a stranger is judged when it is loaded, before anything in it runs."""

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from singan_core import fitting, manifest, pyramid
from singan_core.detail import store
from singan_core.errors import BundleError, ImageError, OutputError, RequestError
from singan_core.file_names import RECONSTRUCTION_NOISE
from singan_core.lock import lock_folder
from singan_runtime import Sampler
from singan_runtime.files import deepzoom
from singan_runtime.files.provenance import read_request

DATA = Path(__file__).parent / "data"


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


# names


HOSTILE = "<script>alert(1)</script>"


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a\\b", HOSTILE, "\x1b[2J", "", "-rf"])
def test_a_model_whose_name_is_more_than_a_name_is_refused(bundle, name):
    vouch(bundle, name=name)
    refuse(bundle, "name .* a name that a file can have on every system")


@pytest.mark.parametrize("field", ["created", "tool_version", "preset"])
def test_control_characters_in_a_manifest_are_refused(bundle, field):
    vouch(bundle, **{field: "\x1b]0;owned\x07"})
    refuse(bundle, field)


@pytest.mark.parametrize("labels", [("../a", "b"), ("=1+1", "b"), ("a", "A"), ("con", "b")])
def test_labels_that_are_more_than_names_are_refused(labelled_bundle, tmp_path, labels):
    bundle = shutil.copytree(labelled_bundle, tmp_path / "labelled")
    vouch(bundle, labels=labels)
    refuse(bundle, "labels .* different names")


def test_a_name_is_text_in_the_page_of_a_deep_zoom_folder(tmp_path):
    def draw(region):
        return np.zeros((region[0].length, region[1].length, 3), np.uint8)

    deepzoom.write_folder(tmp_path / "zoom", (8, 8), draw, title=f"{HOSTILE} %WIDTH%")
    page = (tmp_path / "zoom" / "index.html").read_text()
    assert HOSTILE not in page and page.count("&lt;script&gt;alert(1)&lt;/script&gt; %WIDTH%") == 2
    assert page.count("<script>") == 1


def test_a_photo_with_a_strange_name_trains_a_model_with_a_plain_one(drawn_scene, tmp_path):
    torch = pytest.importorskip("torch")
    from singan_train.config import make_config
    from singan_train.trainer import prepare_run

    photo = shutil.copy(drawn_scene, tmp_path / "=a:b\n.png")
    header, _ = prepare_run(Path(photo), make_config("draft"), torch.device("cpu"))
    assert header.name == "_=a_b_"


# files


def test_a_link_inside_the_folder_is_followed_and_one_that_leaves_it_is_not(bundle, tmp_path):
    (bundle / "preview.png").rename(bundle / "real.png")
    (bundle / "preview.png").symlink_to("real.png")
    vouch(bundle)
    Sampler.load(bundle, threads=1)
    (bundle / "real.png").rename(tmp_path / "real.png")
    (bundle / "preview.png").unlink()
    (bundle / "preview.png").symlink_to(tmp_path / "real.png")
    refuse(bundle, "which leaves the folder")
    (bundle / "manifest.json").rename(tmp_path / "manifest.json")
    (bundle / "manifest.json").symlink_to(tmp_path / "manifest.json")
    refuse(bundle, "which leaves the folder")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["preview.png", "reconstruction_noise.npy", "scale_00.onnx"])
def test_a_pipe_is_refused_and_not_waited_for(bundle, name):
    (bundle / name).unlink()
    os.mkfifo(bundle / name)
    refuse(bundle, f"{name}: a device or pipe, not a file")


@pytest.mark.parametrize("name", ["more/x.bin", "fp16/a/b.onnx", "tensorrt/model.engine"])
def test_files_in_folders_that_the_format_does_not_know_are_refused(bundle, name):
    (bundle / name).parent.mkdir(parents=True)
    (bundle / name).write_bytes(b"x")
    vouch(bundle)
    refuse(bundle, "which is no file of a bundle")


@pytest.mark.parametrize("name", ["reconstruction_noise.npy", "scale_00.onnx", "scale_03.onnx"])
def test_files_that_decide_pixels_must_be_listed(bundle, name):
    files = manifest.hash_files(bundle)
    del files[name]
    vouch(bundle, files=files)
    refuse(bundle, f"{name}: not listed in the bundle's manifest")


@pytest.mark.parametrize("name", ["photo.webp", "masks.png", "bases.npy", "fp64/scale_00.onnx"])
def test_so_must_the_files_of_detail(tmp_path, name):
    bundle = shutil.copytree(DATA / "marked_bundle", tmp_path / "marked")
    files = manifest.hash_files(bundle)
    del files[name]
    vouch(bundle, files=files)
    refuse(bundle, f"{name}: not listed in the bundle's manifest")


def test_what_is_hashed_is_what_is_decoded(tmp_path):
    """A file that is exchanged behind the first look is noticed at the second."""
    bundle = shutil.copytree(DATA / "marked_bundle", tmp_path / "marked")
    found = manifest.read(bundle, "bundle")
    (bundle / "masks.png").write_bytes((bundle / "photo.webp").read_bytes())
    with pytest.raises(BundleError, match=r"masks\.png: changed since the manifest was read"):
        store.read_detail(bundle, found)


def test_files_too_large_for_a_bundle_are_not_read(bundle):
    with open(bundle / "preview.png", "r+b") as file:
        file.truncate(1 << 40)  # takes no space
    refuse(bundle, r"its files have \d+ bytes, at most 536870912 are possible")
    with open(bundle / "manifest.json", "r+b") as file:
        file.truncate(1 << 40)
    refuse(bundle, r"manifest\.json: 1099511627776 bytes, at most 4194304 are possible")


@pytest.mark.parametrize("name", [".lock", ".writer", "fused", "metrics.jsonl"])
def test_a_folder_with_a_link_that_leaves_it_is_not_written_to(bundle, tmp_path, name):
    (tmp_path / "precious").write_text("precious")
    (bundle / name).symlink_to(tmp_path / "precious")
    with pytest.raises(OutputError, match="a link that leaves the folder"), lock_folder(bundle):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


# ranges


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scale_factor": 0.9999999999}, "scale_factor has the wrong form"),
        ({"channels": 257}, "channels has the wrong form"),
        ({"noise_amplitude": (1.0, 0.1, 0.1, 1e9)}, r"noise_amplitude\[3\] has the wrong form"),
        ({"noise_amplitude": (-1.0, 0.1, 0.1, 0.1)}, r"noise_amplitude\[0\] has the wrong form"),
        ({"shapes": ((10, 24), (20, 30), (25, 38), (32, 48))}, "growing sizes of 11 px and more"),
        ({"shapes": ((16, 24), (20, 30), (19, 38), (32, 48))}, "growing sizes of 11 px and more"),
        ({"shapes": ((16, 24), (20, 30), (25, 38), (8192, 8192))}, "growing sizes of 11 px"),
        ({"shapes": ((16, 24),) * 65}, "shapes has the wrong form"),
        ({"photo_size": (0, 5)}, r"photo_size\[0\] has the wrong form"),
        ({"photo_size": (1 << 30, 5)}, r"photo_size\[0\] has the wrong form"),
        ({"preset": "x" * 201}, "preset has the wrong form"),
        ({"files": dict.fromkeys(map(str, range(2001)), "0" * 64)}, "files has the wrong form"),
    ],
)
def test_values_out_of_range_are_refused(bundle, fields, said):
    vouch(bundle, **fields)
    refuse(bundle, said)


@pytest.mark.parametrize(
    "levels",
    [
        ((25, 38), (8192, 8192)),  # photo
        ((25, 38), *[(100, 150)] * 4),  # sum of levels
        ((200, 300), (400, 600)),  # search
        ((25, 38), (24, 150)),  # shrinks
    ],
)
def test_levels_that_would_take_gigabytes_or_hours_are_refused(tmp_path, levels):
    bundle = shutil.copytree(DATA / "marked_bundle", tmp_path / "marked")
    found = manifest.read(bundle, "bundle")
    shapes = (*found.shapes[:2], levels[0])
    detail = dataclasses.replace(found.detail, levels=levels, shifts=(7,) * len(levels))
    vouch(bundle, shapes=shapes, detail=detail)
    refuse(bundle, "growing levels from the hand-over's size on")


def test_a_composition_level_hides_no_hand_over_too_large_to_be_searched(tmp_path):
    bundle = shutil.copytree(DATA / "marked_bundle", tmp_path / "marked")
    found = manifest.read(bundle, "bundle")
    levels = ((13, 20), (200, 300), (400, 600))
    detail = dataclasses.replace(found.detail, levels=levels, shifts=(7,) * len(levels))
    vouch(bundle, shapes=(*found.shapes[:2], levels[1]), detail=detail)
    refuse(bundle, "growing levels from the hand-over's size on")


def test_passes_without_number_are_refused(sampler):
    slow = dataclasses.replace(sampler.manifest.pyramid, scale_factor=0.9995)
    with pytest.raises(RequestError, match="passes at this model's scale factor"):
        fitting.fit(slow, (400, 600), 8.0)
    assert len(fitting.fit(sampler.manifest.pyramid, (400, 600), 8.0).passes) < 20


def test_a_graph_that_overflows_draws_no_picture(bundle):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(bundle / "scale_00.onnx")
    for tensor in model.graph.initializer:
        if tensor.name.startswith("weight"):
            values = onnx.numpy_helper.to_array(tensor) * np.float32(1e30)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, bundle / "scale_00.onnx")
    vouch(bundle)
    refuse(bundle, r"scale_00\.onnx: draws values that are not numbers")


# pictures of strangers, which are read for the request inside them


TEXTS = {"deep": "[" * 100_000, "cut": '{"size": ' + "[" * 1000, "long": "x" * 70_000}
TEXTS["many digits"] = '{"seed": 1' + "0" * 5000 + "}"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_in_a_picture_may_be_anything(tmp_path, text):
    info = PngInfo()
    info.add_text("singan", text)
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ImageError, match="not a JSON object"):
        read_request(tmp_path / "a.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_folder_with_a_pipe_in_it_is_not_written_to(bundle):
    os.mkfifo(bundle / ".writer")
    with pytest.raises(OutputError, match="or no file"), lock_folder(bundle):
        pass


# training and export keep to the limits, so that no run is made which cannot be read


def test_plans_beyond_the_limits_are_refused_before_training():
    with pytest.raises(RequestError, match="200 scales between 25 and 250 px, at most 64"):
        pyramid.plan((250, 250), 25, 250, scales=200)
    with pytest.raises(RequestError, match=r"scales up to 8000x8000 have .* lower the max size"):
        pyramid.plan((8000, 8000), 25, 8192)
    with pytest.raises(RequestError, match=r"a stored photo of 8000x8000 .* lower the max size"):
        pyramid.plan_detail_levels((8000, 8000), (33, 33))
    with pytest.raises(RequestError, match=r"a hand-over of 300x128 .* lower the hand-over"):
        pyramid.plan_detail_levels((512, 1200), (128, 300))

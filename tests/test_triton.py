"""The model repository for Triton: configurations that are true, and Sampler's own pictures."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import made_bundles  # noqa: E402

from singan_core import manifest as manifests  # noqa: E402
from singan_core import manifest_check  # noqa: E402
from singan_core.errors import BundleError  # noqa: E402
from singan_core.file_names import TRITON  # noqa: E402
from singan_export import bundle, formats, verify  # noqa: E402
from singan_export.triton_stand_in import Server  # noqa: E402
from singan_runtime import Request, Sampler, tensors  # noqa: E402

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parent.parent


def add(source, folder):
    shutil.copytree(source, folder)
    bundle.add(folder, [TRITON])
    return folder


@pytest.fixture(scope="module")
def detailed(tmp_path_factory):
    """A bundle with detail and its repository; treat it as read-only."""
    return add(DATA / "detail_bundle", tmp_path_factory.mktemp("triton") / "bundle")


@pytest.fixture(scope="module", params=["detailed", "labelled", "plain"])
def exported(request, tmp_path_factory, detailed):
    """Bundles of all kinds with their repositories; treat them as read-only."""
    folder = tmp_path_factory.mktemp("triton") / "bundle"
    if request.param == "detailed":
        return detailed
    if request.param == "labelled":
        return add(DATA / "marked_bundle", folder)
    made = made_bundles.make(folder)
    bundle.add(made, [TRITON])
    return made


class Model:
    """The Python model of a repository, loaded from its model.py as Triton loads it."""

    def __init__(self, folder, monkeypatch):
        name = manifests.read(folder, "bundle").name
        self.server = Server(folder / TRITON)
        utils = types.ModuleType("triton_python_backend_utils")
        vars(utils).update(vars(self.server.utils))
        monkeypatch.setitem(sys.modules, "triton_python_backend_utils", utils)

        source = folder / TRITON / name / "1/model.py"
        loaded = {"__name__": "model"}
        exec(compile(source.read_text(), source, "exec"), loaded)
        self.model = loaded["TritonPythonModel"]()
        place = {"model_repository": str(source.parents[1]), "model_version": "1"}
        self.model.initialize({**place, "model_name": name})

    def ask(self, **inputs):
        kinds = {tensor.name: tensors.DTYPES[tensor.datatype] for tensor in tensors.INPUTS}
        arrays = {
            name: np.atleast_1d(np.array(value, kinds[name])) for name, value in inputs.items()
        }
        return self.server.ask(self.model, **arrays)


def read_config(path):
    """(name, backend, {input: (type, dims, optional)}, {output: ...}) of a configuration."""
    text = path.read_text()
    line = re.compile(
        r'^(input|output) { name: "(\w+)" data_type: TYPE_(\w+) dims: \[ (.*?) \]( opt.*)? }$', re.M
    )
    found = {"input": {}, "output": {}}
    for kind, name, datatype, dims, optional in line.findall(text):
        found[kind][name] = datatype, [int(one) for one in dims.split(",")], bool(optional)
    assert len(line.findall(text)) == text.count("\n") - 3
    head = re.match(r'name: "(.*)"\nbackend: "(\w+)"\nmax_batch_size: 0\n', text)
    return *head.groups(), found["input"], found["output"]


# The repository


def test_every_generator_has_a_configuration_that_its_graph_fulfils(exported):
    graphs = sorted((exported / TRITON).glob("*/1/model.onnx"))
    manifest = manifests.read(exported, "bundle")
    used = (
        len(manifest.noise_amplitude) if manifest.detail is None else manifest.detail.hand_over + 1
    )
    assert len(graphs) == used
    elements = {"FP32": onnx.TensorProto.FLOAT, "FP64": onnx.TensorProto.DOUBLE}
    for scale, path in enumerate(graphs):
        folder = path.parents[1]
        name, backend, inputs, outputs = read_config(folder / "config.pbtxt")
        assert (name, backend) == (folder.name, "onnxruntime")
        assert name == f"{manifest.name}_scale_{scale:02d}"

        graph = onnx.load(path).graph
        for values, described in ((graph.input, inputs), (graph.output, outputs)):
            assert {value.name for value in values} == set(described)
            for value in values:
                datatype, dims, _ = described[value.name]
                kind = value.type.tensor_type
                assert elements[datatype] == kind.elem_type
                assert dims == [dim.dim_value or -1 for dim in kind.shape.dim]


def test_the_picture_model_takes_what_a_request_has(exported):
    manifest = manifests.read(exported, "bundle")
    path = exported / TRITON / manifest.name / "config.pbtxt"
    name, backend, inputs, outputs = read_config(path)
    assert (name, backend) == (manifest.name, "python")
    assert inputs.pop("size") == ("INT64", [2], False)
    assert inputs["seed"] == ("UINT64", [1], True)
    assert set(inputs) < {field.name for field in dataclasses.fields(Request)}
    assert outputs["pixels"] == ("UINT8", [-1, -1, manifest.picture_channels], False)
    assert ("masks" in outputs) == bool(manifest.labels)


def test_the_inner_bundle_is_a_bundle_of_its_own(detailed, tmp_path):
    inner = detailed / TRITON / "hills/1/bundle"
    shutil.copytree(inner, tmp_path / "alone")
    alone, whole = Sampler.load(tmp_path / "alone"), Sampler.load(detailed)
    assert alone.identity == whole.identity
    np.testing.assert_array_equal(alone.sample((30, 45)), whole.sample((30, 45)))


# Pictures


def test_pictures_are_samplers(exported, monkeypatch):
    model, sampler = Model(exported, monkeypatch), Sampler.load(exported)
    for size, fields in (
        ((40, 60), {"seed": 2**63 + 5}),
        ((33, 70), {"seed": 1, "zoom": 0.9}),
        ((40, 60), {"start_scale": 1, "variation": 0.5}),
    ):
        drawn = model.ask(size=size, **fields)
        if sampler.manifest.labels:
            pixels, masks = sampler.draw_labelled(Request(size=size, **fields))
            np.testing.assert_array_equal(drawn["masks"], masks)
        else:
            pixels = sampler.draw(Request(size=size, **fields))
        np.testing.assert_array_equal(drawn["pixels"], pixels)


def test_only_outputs_that_are_asked_for_are_sent(detailed, monkeypatch):
    model = Model(detailed, monkeypatch)
    size = np.array([20, 30])
    assert set(model.server.ask(model.model, names=["pixels"], size=size)) == {"pixels"}
    assert model.server.ask(model.model, names=["masks"], size=size) == {}


def test_zoom_0_is_auto(detailed, monkeypatch):
    model = Model(detailed, monkeypatch)
    one, other = model.ask(size=(40, 60), zoom=0), model.ask(size=(40, 60))
    np.testing.assert_array_equal(one["pixels"], other["pixels"])


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "size is missing: give INT64 of shape [2]"),
        ({"size": [40, 60, 3]}, "size is int64 of shape [3]: give INT64 of shape [2]"),
        ({"size": [0, 60]}, "size"),
        ({"size": [40, 60], "start_scale": 50}, "start scale 50 is not possible"),
        ({"size": [40, 60], "variation": 11}, "variation"),
        ({"size": [40, 60], "zoom": float("nan")}, "zoom"),
        ({"size": [2**20, 2**20]}, "over the limit"),
    ],
)
def test_a_request_that_cannot_be_drawn_is_answered_with_one_line(
    detailed, monkeypatch, inputs, said
):
    with pytest.raises(BundleError) as caught:
        Model(detailed, monkeypatch).ask(**inputs)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_one_bad_request_does_not_harm_the_others_of_its_batch(detailed, monkeypatch):
    model = Model(detailed, monkeypatch)
    kind = type("Asked", (), {"requested_output_names": lambda self: ["pixels"]})
    good, bad = kind(), kind()
    tensor = model.server.utils.Tensor
    good.inputs, bad.inputs = [tensor("size", np.array([20, 30]))], []
    first, second = model.model.execute([bad, good])
    assert first.has_error() and not second.has_error()
    assert second.output_tensors[0].as_numpy().shape == (20, 30, 3)


def test_a_generator_that_triton_cannot_run_is_named(detailed, tmp_path, monkeypatch):
    shutil.copytree(detailed, tmp_path / "copy")
    model = Model(tmp_path / "copy", monkeypatch)
    (tmp_path / "copy" / TRITON / "hills_scale_01/1/model.onnx").write_bytes(b"cut")
    with pytest.raises(BundleError, match="hills_scale_01 cannot be run: "):
        model.ask(size=(40, 60))


IMPORT_ALONE = """
import sys

sys.modules.update(dict.fromkeys(("torch", "onnx", "onnxruntime", "singan_export")))
import singan_runtime.triton
"""


def test_the_model_needs_neither_onnx_runtime_nor_pytorch():
    subprocess.run([sys.executable, "-c", IMPORT_ALONE], check=True, timeout=60)


# What verify finds


def test_a_repository_is_compared_when_it_is_written_and_verified(detailed):
    assert json.loads((detailed / TRITON / "parity.json").read_text())["reference"] == "sampler"
    found = verify.verify(detailed)
    assert all(check.passed for check in found.formats if check.format == TRITON)
    assert len(found.formats) == 5 and not found.unopened
    assert "a picture of" in str(formats.measure_cost(detailed, TRITON))


@pytest.mark.parametrize(
    "name", ["hills/1/model.py", "hills_scale_00/config.pbtxt", "hills_scale_01/1/model.onnx"]
)
def test_a_file_that_is_not_of_the_bundle_is_refused(detailed, tmp_path, name):
    folder = tmp_path / "copy"
    shutil.copytree(detailed, folder)
    path = folder / TRITON / name
    path.write_bytes(path.read_bytes() + b"\n")
    seal(folder)
    with pytest.raises(BundleError, match="is not of this bundle; export again"):
        verify.verify(folder)


def seal(folder):
    """List the files of a bundle anew, as a careful forger would."""
    manifest = manifests.read(folder, "bundle", check_files=False)
    files = manifests.hash_files(folder)
    manifests.write(folder, dataclasses.replace(manifest, files=files))


def test_a_module_beside_model_py_is_refused(detailed, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(detailed, folder)
    beside = folder / TRITON / "hills/1/singan_runtime.py"
    beside.write_text("print('Triton would run this')")
    with pytest.raises(BundleError, match=r"singan_runtime.py: is not of this bundle; remove it"):
        verify.verify(folder)


def test_another_inner_bundle_is_refused(detailed, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(detailed, folder)
    inner = folder / TRITON / "hills/1/bundle"
    other = dataclasses.replace(manifests.read(inner, "bundle"), noise_amplitude=(1.0,) * 4)
    manifests.write(inner, other)
    with pytest.raises(BundleError, match=r"bundle/manifest.json: altered or damaged"):
        verify.verify(folder)
    seal(folder)
    with pytest.raises(BundleError, match="holds another bundle"):
        verify.verify(folder)


def test_only_the_repository_may_have_deep_folders(detailed):
    manifest = manifests.read(detailed, "bundle", check_files=False)
    assert any(name.count("/") > 3 for name in manifest.files)
    assert manifest_check.find_unknown(manifest) == []
    deep = dataclasses.replace(manifest, files={"fused/deep/picture.onnx": "0" * 64})
    assert manifest_check.find_unknown(deep) == [*deep.files]


# Triton's own parser, in an environment of its own: it pins versions that others exclude

PARSE = """
import json
import sys
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

for path in sorted(Path(sys.argv[1]).glob("*/config.pbtxt")):
    config = text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
    kinds = model_config_pb2.DataType
    listed = [
        (one.name, kinds.Name(one.data_type), [*one.dims], one.optional) for one in config.input
    ]
    print(json.dumps([config.name, config.backend, config.max_batch_size, listed]))
"""


@pytest.mark.slow
def test_tritons_own_parser_reads_the_same(triton_python, detailed):
    repository = detailed / TRITON
    ran = subprocess.run(
        [triton_python, "-c", PARSE, repository], capture_output=True, text=True, check=True
    )
    read = [json.loads(line) for line in ran.stdout.splitlines()]
    paths = sorted(repository.glob("*/config.pbtxt"))
    assert len(read) == len(paths) == 4
    for (name, backend, most, listed), path in zip(read, paths, strict=True):
        ours = read_config(path)
        assert (name, backend, most) == (*ours[:2], 0)
        theirs = {one: (kind.removeprefix("TYPE_"), *rest) for one, kind, *rest in listed}
        assert theirs == ours[2]

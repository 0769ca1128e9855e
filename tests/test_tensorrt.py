"""TensorRT itself, as far as a machine without a GPU allows.

TensorRT for RTX builds engines here. TensorRT 10 and 11 do not install from PyPI alone, but their
bindings do: the adapter is checked against the signatures that those have.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

import made_bundles

from singan_export import bundle

ROOT = Path(__file__).parent.parent
ADAPTER = ROOT / "singan_export/engines/adapter.py"
RTX = "tensorrt-rtx-cu13==1.7.1.116"
BINDINGS = {10: "tensorrt-cu12-bindings==10.13.0.35", 11: "tensorrt-cu13-bindings==11.4.0.106"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="wheels for Linux"),
]


def pip(*words):
    """Run pip, and skip where the package cannot be had."""
    command = [sys.executable, "-m", "pip", *words, "--quiet", "--disable-pip-version-check"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if ran.returncode:
        pytest.skip(f"{words[-1]} cannot be installed here: {ran.stderr.strip()[-200:]}")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment in which TensorRT for RTX is installed beside what is here."""
    folder = tmp_path_factory.mktemp("rtx")
    pip("install", "--target", folder / "packages", RTX)
    settings = {"PYTHONPATH": f"{folder / 'packages'}:{ROOT}:{ROOT / 'cli'}"}
    return {**os.environ, **settings, "XDG_CACHE_HOME": str(folder / "cache")}


def call(environment, *words):
    program = "from singan_cli.main import main; main()"
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, env=environment)


@pytest.fixture(scope="module")
def engines(environment, tmp_path_factory):
    """A bundle and the folder of its engines, built by the command."""
    made = made_bundles.make(tmp_path_factory.mktemp("made") / "bundle", scales=2)
    bundle.add(made, ["fp16", "int8"])
    words = "--format", "tensorrt", "--profile-max", "96x64"
    for precision in ("fp32", "fp16", "int8"):
        ran = call(environment, "export", made, *words, "--precision", precision)
        assert ran.returncode == 0, ran.stderr
    [folder] = Path(environment["XDG_CACHE_HOME"]).glob("singan/engines/*")
    return made, folder


def test_tensorrt_for_rtx_builds_engines_of_every_precision(engines):
    _, folder = engines
    for precision in ("fp32", "fp16", "int8"):
        made = folder / f"tensorrt-for-rtx-{precision}"
        record = json.loads((made / "engines.json").read_text())
        origin = record["origin"]
        assert (origin["library"], origin["version"]) == (
            "TensorRT for RTX",
            RTX.partition("==")[2],
        )
        assert origin["precision"] == precision and origin["gpu"] == ""
        assert set(record["engines"]) == {"scale_00.engine", "scale_01.engine", "pyramid.engine"}

        for name, said in record["engines"].items():
            plan = (made / name).read_bytes()
            assert len(plan) == said["size"] and 100_000 < len(plan) < 10_000_000
            assert all(tensor.encode() in plan for tensor in (*said["inputs"], "image"))
        assert record["engines"]["pyramid.engine"]["inputs"]["noise_1"] == [
            [1, 3, 50, 70],
            [1, 3, 50, 70],
            [1, 3, 74, 106],
        ]


def test_what_tensorrt_refuses_is_said_on_one_line(environment, engines):
    program = (
        "import sys; from singan_export.engines import adapter\n"
        "from singan_core.errors import SinGANError\n"
        "graph, small, large = open(sys.argv[1], 'rb').read(), (1, 3, 21, 21), (1, 3, 42, 42)\n"
        "for data, shapes in (graph[:99], (small,) * 3), (graph, (large, small, small)):\n"
        "    try: adapter.build(data, {'noise': shapes, 'prev': shapes})\n"
        "    except SinGANError as error: print(type(error).__name__, error)\n"
    )
    words = [sys.executable, "-c", program, engines[0] / "scale_00.onnx"]
    ran = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=100)
    cut, shrinking = ran.stdout.splitlines()
    assert cut.startswith("ExportError TensorRT for RTX cannot read the graph (")
    assert shrinking.startswith("ExportError TensorRT for RTX refuses the shapes of the inputs (")
    assert not ran.stderr


def test_a_damaged_plan_is_rejected_and_a_whole_one_is_not(environment, engines):
    made, folder = engines
    words = "verify", made, "--format", "tensorrt"
    assert "engines of TensorRT for RTX" in call(environment, *words).stdout
    path = folder / "tensorrt-for-rtx-fp16/scale_01.engine"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    ran = call(environment, *words)
    path.write_bytes(whole)
    assert ran.returncode == 1 and ran.stderr.count("\n") == 1
    assert f"{path}: 1000 bytes, but {len(whole)} were written" in ran.stderr


STAND_IN = """
void *createInferBuilder_INTERNAL() {return 0;} void *createInferRefitter_INTERNAL() {return 0;}
void *createInferRuntime_INTERNAL() {return 0;} void *createNvOnnxParser_INTERNAL() {return 0;}
void *createNvOnnxParserRefitter_INTERNAL() {return 0;} int initLibNvInferPlugins() {return 0;}
void *getBuilderPluginRegistry() {return 0;} void *getPluginRegistry() {return 0;}
int getNvOnnxParserVersion() {return 0;}
"""
"""The functions that the bindings look for in NVIDIA's libraries, none of which does anything."""


def write_stubs(folder, version):
    """Write the signatures of real bindings, as they give them, as a stub for mypy."""
    compiler = shutil.which("cc") or shutil.which("gcc") or pytest.skip("no C compiler")
    pip("download", "--no-deps", "--dest", folder, BINDINGS[version])
    [wheel] = folder.glob("*.whl")
    (folder / "modules").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        binary = archive.read("tensorrt_bindings/tensorrt.so")
        assert "__version__" in archive.read("tensorrt_bindings/__init__.py").decode()
    (folder / "modules/tensorrt.so").write_bytes(binary)

    (folder / "stand_in.c").write_text(STAND_IN)
    for name in ("nvinfer", "nvonnxparser", "nvinfer_plugin"):
        library = f"lib{name}.so.{version}"
        words = [compiler, "-shared", "-o", folder / library, folder / "stand_in.c"]
        subprocess.run([*words, f"-Wl,-soname,{library}"], check=True, timeout=60)

    paths = {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder / "modules")}
    stubgen = "from mypy.stubgen import main; main()"
    words = [sys.executable, "-c", stubgen, "-q", "--inspect-mode", "-m", "tensorrt", "-o", folder]
    subprocess.run(words, check=True, timeout=100, env={**os.environ, **paths})

    # One signature that is no Python, and a constant that hides the type bool.
    stub = folder / "tensorrt.pyi"
    kept = [
        line
        for line in stub.read_text().splitlines()
        if "def add_scale_nd" not in line and not line.startswith("bool:")
    ]
    stub.write_text("\n".join([*kept, "__version__: str", ""]))


def find_type_errors(folder, source):
    """Find what mypy says of the adapter's source with the stubs in a folder."""
    pytest.importorskip("mypy")
    path = folder / "adapter_copy.py"
    path.write_text(source)
    words = [sys.executable, "-m", "mypy", "--no-warn-unused-ignores", "--allow-untyped-calls"]
    words += ["--follow-imports=silent", "--cache-dir", folder / "cache", path]
    paths = {**os.environ, "MYPYPATH": f"{ROOT}:{folder}"}
    ran = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, env=paths, timeout=200)
    assert "adapter_copy" in ran.stdout or "tensorrt.pyi" in ran.stdout, ran.stdout + ran.stderr
    return [line for line in ran.stdout.splitlines() if "adapter_copy.py" in line]


@pytest.mark.parametrize("version", BINDINGS)
def test_the_adapter_calls_tensorrt_as_its_signatures_say(version, tmp_path):
    pytest.importorskip("mypy")
    write_stubs(tmp_path, version)
    source = ADAPTER.read_text()
    assert find_type_errors(tmp_path, source) == []

    wrong = source.replace("builder.create_optimization_profile()", "builder.create_profile()")
    [error] = find_type_errors(tmp_path, wrong)
    assert 'has no attribute "create_profile"' in error
    wrong = source.replace("deserialize_cuda_engine(plan)", "deserialize_cuda_engine(plan, 3.5)")
    assert "deserialize_cuda_engine" in find_type_errors(tmp_path, wrong)[0]

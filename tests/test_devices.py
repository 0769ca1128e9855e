"""--device: what was asked for has started and computes, or one line says why not."""

import platform
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from singan_core.device_names import DRAWING, TRAINING, parse_device
from singan_core.errors import OutputError, RequestError
from singan_runtime import Sampler, devices, engine_cache, providers
from singan_runtime.providers import CPU, PROVIDERS
from singan_runtime.user_cache import find_cache_folder

ROOT = Path(__file__).parent.parent


class Answering:
    """A session whose provider and numbers are as given."""

    def __init__(self, provider, total):
        self.provider, self.total = provider, total

    def get_providers(self):
        return [self.provider, CPU.name]

    def run(self, outputs, inputs):
        return [np.full((1, 1, 1, 1), self.total, np.float32)]


class Runtime:
    """A stand-in for ONNX Runtime that has some providers, of which some start."""

    __file__ = onnxruntime.__file__
    __version__ = "1.31.1"
    SessionOptions = onnxruntime.SessionOptions

    def __init__(self, listed, started=(), total=9):
        self.listed, self.started, self.total = listed, started, total
        self.asked = []

    def get_available_providers(self):
        return [*self.listed, CPU.name]

    def InferenceSession(self, graph, settings, providers, enable_fallback):
        assert not enable_fallback
        [(name, options)] = providers
        self.asked.append((name, options, settings.get_session_config_entry(devices.NO_FALLBACK)))
        if name not in self.started:
            raise RuntimeError("no such GPU\nat line 7")
        return Answering(name, self.total)


@pytest.fixture
def pretend(monkeypatch):
    """Replaces ONNX Runtime by a stand-in."""

    def replace(*given, **settings):
        runtime = Runtime(*given, **settings)
        monkeypatch.setattr(providers, "import_onnxruntime", lambda: runtime)
        return runtime

    devices.check_start.cache_clear()
    yield replace
    devices.check_start.cache_clear()


CUDA, OPENVINO = PROVIDERS["cuda"].name, PROVIDERS["openvino"].name


def test_names_are_read_by_one_rule():
    assert parse_device("cuda:12") == ("cuda", 12)
    assert parse_device("openvino") == ("openvino", 0)
    assert parse_device("mps", TRAINING) == ("mps", 0)
    for name in ("mps", "cpu:0", "cuda:", "cuda:N", "cuda:-1", "CPU", "", "openvino:1"):
        with pytest.raises(RequestError, match=r"unknown device .* choose auto, cpu, cuda, cuda:N"):
            parse_device(name)


def test_every_word_has_its_provider():
    assert {word for word in DRAWING if word not in ("auto", "cuda:N")} == {*PROVIDERS}


def test_auto_takes_a_gpu_that_starts_and_the_cpu_elsewhere(pretend):
    pretend([])
    assert devices.choose_provider("auto") == CPU
    assert devices.describe_choice("auto") == ""
    pretend([CUDA], [CUDA])
    assert devices.choose_provider("auto").name == CUDA
    assert devices.describe_choice("auto") == f"drawing with ONNX Runtime's {CUDA}"


def test_auto_says_why_it_passes_over_a_gpu(pretend):
    pretend([CUDA])
    assert devices.choose_provider("auto") == CPU
    said = devices.describe_choice("auto")
    assert said.startswith("drawing with ONNX Runtime's CPUExecutionProvider (device cuda: it does")
    assert "(no such GPU)" in said and "\n" not in said


def test_the_number_of_a_gpu_is_passed_on(pretend):
    runtime = pretend([CUDA], [CUDA])
    chosen = devices.choose_provider("cuda:2")
    assert chosen.device == "cuda:2"
    name, options, has_no_fallback = runtime.asked[0]
    assert (name, options["device_id"], options["use_tf32"]) == (CUDA, "2", "0")
    assert has_no_fallback == "1"


def test_the_search_of_cudnn_is_the_users_or_the_default(pretend, monkeypatch):
    runtime = pretend([CUDA], [CUDA])
    for word, option in (("", "HEURISTIC"), ("exhaustive", "EXHAUSTIVE"), ("default", "DEFAULT")):
        monkeypatch.setenv("SINGAN_CUDNN_SEARCH", word)
        for device in ("cuda", "auto"):
            assert devices.choose_provider(device).name == CUDA
        assert runtime.asked[-1][1]["cudnn_conv_algo_search"] == option
        assert runtime.asked[-1][1]["use_tf32"] == "0"
    assert len(runtime.asked) == 3
    monkeypatch.setenv("SINGAN_CUDNN_SEARCH", "best")
    with pytest.raises(RequestError, match=r"SINGAN_CUDNN_SEARCH='best': choose heuristic, exhau"):
        devices.choose_provider("cuda")
    assert devices.choose_provider("cpu") == CPU


@pytest.fixture
def tensorrt(pretend, monkeypatch, tmp_path):
    """TensorRT's provider on a machine with one GPU and an empty cache."""
    provider = PROVIDERS["tensorrt"]
    runtime = pretend([provider.name], [provider.name])
    monkeypatch.setattr(devices, "_check_libraries", lambda *given: None)
    monkeypatch.setattr(engine_cache, "list_gpus", lambda columns: ["NVIDIA H200, 9.0, 580.1"])
    monkeypatch.setattr(engine_cache, "find_version", lambda: 101300)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def open_graph(graph=b"graph", precision="fp32"):
        devices.open_session(graph, provider, precision=precision)
        return runtime.asked[-1][1]

    return SimpleNamespace(open=open_graph, runtime=runtime, provider=provider)


def test_tensorrt_keeps_its_engines_in_the_users_cache(tensorrt, tmp_path):
    options = tensorrt.open()
    assert options["trt_engine_cache_enable"] == options["trt_timing_cache_enable"] == "1"
    folder = Path(options["trt_engine_cache_path"])
    assert folder.is_dir() and tmp_path / "cache/singan" in folder.parents
    assert options["trt_timing_cache_path"] == str(folder) and tensorrt.open() == options


def test_an_engine_of_other_weights_versions_gpu_or_flags_is_another(tensorrt, monkeypatch):
    def find():
        return tensorrt.open()["trt_engine_cache_path"]

    folders = [find(), tensorrt.open(b"other")["trt_engine_cache_path"]]
    half, eight = tensorrt.open(precision="fp16"), tensorrt.open(precision="int8")
    assert half["trt_fp16_enable"] == eight["trt_int8_enable"] == "1"
    folders += [half["trt_engine_cache_path"], eight["trt_engine_cache_path"]]
    monkeypatch.setattr(tensorrt.runtime, "__version__", "1.32.0")
    folders.append(find())
    monkeypatch.setattr(engine_cache, "find_version", lambda: 101400)
    folders.append(find())
    monkeypatch.setattr(engine_cache, "list_gpus", lambda columns: ["NVIDIA A100, 8.0, 580.1"])
    folders.append(find())
    assert len(set(folders)) == len(folders) == 7


def test_without_a_place_for_engines_tensorrt_draws_all_the_same(tensorrt, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tensorrt.open() == {}

    def find_no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setattr(Path, "home", find_no_home)
    assert tensorrt.open() == {}
    with pytest.raises(OutputError, match="no home folder for a cache; name a folder in XDG_"):
        find_cache_folder()


@pytest.mark.parametrize(
    ("system", "folder"),
    [
        ("linux", ".cache/singan"),
        ("darwin", "Library/Caches/singan"),
        ("win32", "AppData/Local/singan/cache"),
    ],
)
def test_the_cache_is_where_the_system_has_it(monkeypatch, tmp_path, system, folder):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert find_cache_folder() == tmp_path / folder


def test_other_providers_keep_no_engines(pretend):
    runtime = pretend([CUDA], [CUDA])
    devices.choose_provider("cuda")
    assert not [option for option in runtime.asked[-1][1] if option.startswith("trt_")]


def test_what_has_started_is_not_started_again_and_what_failed_is(pretend):
    runtime = pretend([CUDA, OPENVINO], [CUDA])
    for _ in range(2):
        devices.choose_provider("cuda")
        with pytest.raises(RequestError):
            devices.choose_provider("openvino")
    assert [name for name, *_ in runtime.asked] == [CUDA, OPENVINO, OPENVINO]


def test_a_device_that_fails_is_refused_with_the_cause_and_what_to_do(pretend):
    pretend([CUDA, OPENVINO], [OPENVINO], total=8)
    with pytest.raises(RequestError, match=r"device cuda: it does not start \(no such GPU\); see"):
        devices.choose_provider("cuda")
    with pytest.raises(RequestError, match=r"it computes wrong values \(8 instead of 9\); use "):
        devices.choose_provider("openvino")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tensorrt", "openvino"])
def test_a_device_of_another_flavour_is_refused_with_the_line_that_installs_it(device):
    kind = device.partition(":")[0]
    [installed], flavour = providers.list_installed(), PROVIDERS[kind].flavour
    if installed == flavour:
        pytest.skip("this flavour has it")
    with pytest.raises(RequestError, match="or use --device cpu") as caught:
        Sampler.load(ROOT / "tests/data/tiny_bundle", device)
    said = str(caught.value)
    assert said.startswith(f"device {device}: {installed} has no {PROVIDERS[kind].name}; run: pip ")
    assert providers.FLAVOURS[flavour] in said and "\n" not in said


@pytest.mark.parametrize(("device", "system"), [("coreml", "macOS"), ("dml", "Windows")])
def test_a_device_of_another_system_is_refused(device, system):
    if PROVIDERS[device].system == platform.system():
        pytest.skip("this system has it")
    line = f"device {device}: only {system} has it; use --device cpu"
    with pytest.raises(RequestError, match=line):
        devices.choose_provider(device)


@pytest.mark.skipif(platform.system() != "Linux", reason="libraries have other names")
@pytest.mark.parametrize(
    ("missing", "mend"),
    [
        ("libcublas.so.13", "run: pip install 'onnxruntime-gpu[cuda,cudnn]'"),
        ("libcuda.so.1", "install NVIDIA's driver"),
        ("libnvinfer.so.10", "install TensorRT 10"),
    ],
)
def test_a_missing_library_is_named_with_what_brings_it(
    pretend, monkeypatch, tmp_path, missing, mend
):
    def load(path, mode):
        raise OSError(f"{missing}: cannot open shared object file: No such file or directory")

    (tmp_path / "capi").mkdir()
    (tmp_path / "capi/libonnxruntime_providers_tensorrt.so").touch()
    pretend([PROVIDERS["tensorrt"].name]).__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setattr(devices.ctypes, "CDLL", load)
    with pytest.raises(RequestError) as caught:
        devices.choose_provider("tensorrt")
    assert f"a library cannot be loaded ({missing}: cannot open" in str(caught.value)
    assert mend in str(caught.value)


def test_the_tiny_graph_is_what_onnx_writes():
    helper = pytest.importorskip("onnx.helper")
    from onnx import TensorProto, numpy_helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 3, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 1])
    ones = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.float32), "w")
    body = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "g", [x], [y], [ones])
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(body, opset_imports=opset, ir_version=8)
    assert model.SerializeToString() == devices.TINY_GRAPH


def test_the_tiny_graph_runs_on_the_cpu():
    devices.check_start.__wrapped__(CPU)


def test_a_device_without_doubles_draws_in_float32(monkeypatch):
    """The provider is a stand-in with the CPU's name, so that all but its precision is real."""
    from dataclasses import replace

    single = replace(CPU, has_doubles=False)
    monkeypatch.setattr(devices, "choose_provider", lambda device: single)
    sampler = Sampler.load(ROOT / "tests/data/detail_bundle", "openvino")
    assert sampler.precision == "fp32"
    assert sampler.graphs.dtype is np.float32


def test_a_graph_that_the_provider_leaves_to_the_cpu_is_refused(monkeypatch, tiny_bundle):
    def refuse(*given):
        raise RuntimeError("... but fallback to CPU EP has been explicitly disabled by the user.")

    monkeypatch.setattr(devices, "open_session", refuse)
    with pytest.raises(RequestError, match=r"cannot run all of scale_00.onnx; try --precision"):
        Sampler.load(tiny_bundle, "cpu")


DRAW_BOTH = """
import sys

import numpy as np

from singan_runtime import Request, RequestError, Sampler

bundle = sys.argv[1]
wanted = Request(size=(45, 60), seed=3)
cpu, openvino = (Sampler.load(bundle, name, precision="fp32") for name in ("cpu", "openvino"))
assert openvino.graphs.provider == "OpenVINOExecutionProvider"
assert Sampler.load(bundle, "openvino").precision == "fp32"

one, other = (one.without_detail().draw(wanted).astype(int) for one in (cpu, openvino))
assert abs(one - other).max() <= 1  # bfloat16 would be further off
try:
    Sampler.load(bundle, "openvino", precision="fp64")
except RequestError as error:
    print(error)
"""


@pytest.mark.slow
def test_openvino_computes_in_float32_and_refuses_what_it_would_leave_to_the_cpu(tmp_path):
    if platform.machine() != "x86_64":
        pytest.skip("onnxruntime-openvino has no wheel for this processor")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    words = ["onnxruntime-openvino==1.24.1", "Pillow", "msgspec", "filelock", "numpy"]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *words]
    if subprocess.run(pip, capture_output=True, timeout=300).returncode:
        pytest.skip("onnxruntime-openvino cannot be installed here")

    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin"}
    command = [python, "-c", DRAW_BOTH, ROOT / "tests/data/detail_bundle"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("device openvino: its OpenVINOExecutionProvider cannot run all of")
    assert sys.prefix not in ran.stdout

"""singan doctor: what is there, what works, and the lines that mend the rest."""

import json
import re
import subprocess
import sys
from importlib import metadata

import pytest
from typer.testing import CliRunner

from singan_cli.app import app
from singan_runtime import devices, providers
from singan_runtime.doctor import diagnosis, hardware, packages
from singan_runtime.doctor.packages import ALWAYS, Package


def call(*words):
    result = CliRunner().invoke(app, ["doctor", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(autouse=True)
def start_anew():
    devices.check_start.cache_clear()


def pretend_flavours(monkeypatch, *names):
    monkeypatch.setattr(providers, "list_installed", lambda: list(names))


# The command


def test_a_sound_installation_is_described_and_the_status_is_0():
    status, said, errors = call()
    assert (status, errors) == (0, "")
    assert re.search(r"^singan \S+, Python 3\.\d+\.\d+ \(.*\), \w+ ", said)
    assert f"numpy {metadata.version('numpy')}" in said
    assert "\n  cpu: works\n" in said.partition("devices that draw:")[2]
    assert "coreml: only macOS has it\n" in said or sys.platform == "darwin"


def test_json_has_the_same_and_is_alone_on_stdout():
    status, said, _ = call("--json")
    found = json.loads(said)
    assert status == 0
    works = {one["device"]: one["works"] for one in found["devices"]}
    assert works["cpu"] and set(works) == set(providers.PROVIDERS)
    assert {one["name"] for one in found["packages"]} >= {"numpy", "torch", "starlette", "onnx"}
    assert found["processor"]["usable"] >= 1 and len(found["libraries"]) == 5
    [(flavour, version)] = found["flavours"].items()
    assert version == metadata.version(flavour)


def test_two_flavours_are_told_with_the_line_that_mends_them(monkeypatch):
    pretend_flavours(monkeypatch, "onnxruntime", "onnxruntime-gpu")
    status, said, error = call()
    assert status == 1
    mend = "run: pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'onnxruntime-gpu["
    assert said.count(mend) == 1  # not once for each device
    assert error.startswith("error: onnxruntime and onnxruntime-gpu are both installed")
    assert error.count("\n") == 1 and mend in error


ALONE = """
import sys
from importlib import metadata

hidden = ("torch", "onnx", "onnxruntime", "starlette")
sys.modules.update(dict.fromkeys(hidden))
real = metadata.distribution
def distribution(name):
    if name.partition("-")[0] in hidden:
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.distribution = distribution

from singan_cli.main import main
sys.argv[1:] = ["doctor", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_it_works_without_pytorch_onnx_and_onnx_runtime(words):
    ran = subprocess.run(
        [sys.executable, "-c", ALONE, *words], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: ONNX Runtime is not installed; run: pip install onnx")
    assert ran.stderr.count("\n") == 1
    if words:
        found = json.loads(ran.stdout)
        assert found["training"] is None and found["flavours"] == {}
        assert not any(one["works"] for one in found["devices"])
        assert "'torch>=" in found["installs"]["train"]
        return
    assert "none: ONNX Runtime is not installed" in ran.stdout
    assert "none, since PyTorch cannot be imported" in ran.stdout
    assert re.search(r"^  train: pip install 'torch>=2", ran.stdout, re.MULTILINE)


# Devices


class Listed:
    __file__ = devices.__file__
    SessionOptions = type("SessionOptions", (), {"add_session_config_entry": lambda *given: None})

    @staticmethod
    def get_available_providers():
        return [one.name for one in providers.PROVIDERS.values()]

    @staticmethod
    def InferenceSession(*given, **settings):
        raise RuntimeError("no device was found")


def test_a_provider_that_is_listed_and_does_not_start_is_told_apart(monkeypatch):
    monkeypatch.setattr(providers, "import_onnxruntime", lambda: Listed)
    found = diagnosis.try_device("cuda")
    assert found.is_listed and "it does not start (no device was found)" in found.obstacle


# Packages


def test_requirements_are_read_with_their_extra(monkeypatch):
    monkeypatch.setattr(packages, "find_version", lambda name: "2.9.1")
    read = packages.read_requirement
    assert read("torch>=2.10; extra == 'train'") == Package("torch", "2.10", "train", "2.9.1")
    assert read("numpy>=2.0") == Package("numpy", "2.0", ALWAYS, "2.9.1")
    assert read('uvloop>=0.21; sys_platform != "win32" and extra == "serve"').extra == "serve"
    assert read('singan[train]; extra == "export"') is None
    assert read('pytest>=8.3; extra == "dev"') is None
    assert read('onnxruntime-gpu[cuda,cudnn]>=1.21; extra == "gpu"') is None


@pytest.mark.parametrize(
    ("version", "is_usable", "said"),
    [
        ("2.10.0+cpu", True, "torch 2.10.0+cpu"),
        ("2.9.1", False, "torch 2.9.1 is older than 2.10"),
        (None, False, "torch is missing"),
    ],
)
def test_a_package_is_usable_from_its_oldest_version_on(version, is_usable, said):
    package = Package("torch", "2.10", "train", version)
    assert package.is_usable == is_usable
    assert str(package) == said


def test_one_line_installs_what_an_extra_lacks():
    found = [
        Package("torch", "2.10", "train", None),
        Package("safetensors", "0.5", "train", "0.4"),
        Package("onnx", "1.17", "export", "1.20"),
    ]
    assert packages.list_installs(found) == {
        "train": "pip install 'torch>=2.10' 'safetensors>=0.5'"
    }


def test_a_package_that_every_command_needs_is_an_error(monkeypatch):
    old = (Package("numpy", "99.0", ALWAYS, "2.0"),)
    monkeypatch.setattr(packages, "list_packages", lambda: old)
    status, _, error = call()
    assert status == 1 and error.endswith("run: pip install 'numpy>=99.0'\n")


# Hardware


def test_the_processor_is_read_from_linuxs_file(tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 avx512_vnni\n")
    found = hardware.describe_processor(file)
    assert (found.name, found.features) == ("Some CPU", ("avx2", "avx512_vnni"))
    file.write_text("Features\t: fp asimd i8mm\n")
    assert hardware.describe_processor(file).features == ("asimd", "i8mm")
    assert hardware.describe_processor(tmp_path / "none").features == ()


def test_libraries_are_found_in_packages_and_on_the_librarys_path(monkeypatch, tmp_path):
    inside, outside = tmp_path / "nvidia/cudnn/lib", tmp_path / "tensorrt"
    for folder, name in ((inside, "libcudnn.so.9"), (outside, "libnvinfer.so.10")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    monkeypatch.setattr(hardware.site, "getsitepackages", lambda: [str(tmp_path)])
    monkeypatch.setattr(hardware.site, "getusersitepackages", lambda: str(tmp_path / "none"))
    monkeypatch.setattr(hardware.sys, "platform", "linux")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(outside))
    found = hardware.find_libraries()
    assert found["cuDNN"] == str(inside / "libcudnn.so.9")
    assert found["TensorRT"] == str(outside / "libnvinfer.so.10")


@pytest.mark.parametrize(
    ("body", "listed"),
    [
        ("echo 'H100, 81559 MiB, 580.1'", ["H100, 81559 MiB, 580.1"]),
        ("echo 'NVIDIA-SMI has failed'; exit 9", []),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_gpus_are_those_that_nvidia_smi_sees(monkeypatch, tmp_path, body, listed):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert hardware.list_gpus() == listed

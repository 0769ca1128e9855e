"""From a word of --device to the provider that computes: it has started, or an error says why not.

What was asked for and cannot be had is never replaced silently.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import platform
from pathlib import Path
from typing import Any

import numpy as np

from singan_core.device_names import parse_device
from singan_core.errors import RequestError, say_reason
from singan_runtime import engine_cache, providers
from singan_runtime.providers import CPU, FLAVOURS, PROVIDERS, Provider

NO_FALLBACK = "session.disable_cpu_ep_fallback"
"""The setting of a session that forbids ONNX Runtime to run some of a graph on the CPU instead."""

TINY_GRAPH = (
    b'\x08\x08:\x83\x01\n\x0f\n\x01x\n\x01w\x12\x01y"\x04Conv\x12\x01g*3\x08\x01\x08\x01\x08\x03'
    b"\x08\x03\x10\x01B\x01wJ$" + b"\x00\x00\x80?" * 9 + b"Z\x1b\n\x01x\x12\x16\n\x14\x08\x01\x12"
    b"\x10\n\x02\x08\x01\n\x02\x08\x01\n\x02\x08\x03\n\x02\x08\x03b\x1b\n\x01y\x12\x16\n\x14\x08"
    b"\x01\x12\x10\n\x02\x08\x01\n\x02\x08\x01\n\x02\x08\x01\n\x02\x08\x01B\x04\n\x00\x10\x11"
)
"""An ONNX graph that sums nine values x, (1, 1, 3, 3), by a convolution."""

_NEEDED = {
    "libcuda": "install NVIDIA's driver; nvidia-smi shows whether it works",
    "nvcuda": "install NVIDIA's driver; nvidia-smi shows whether it works",
    "nvinfer": "install TensorRT 10 and put its folder on the library path",
    "nvonnxparser": "install TensorRT 10 and put its folder on the library path",
}
"""What to do where a library cannot be found, by a part of its name."""


def choose_provider(device: str) -> Provider:
    """Choose the provider of a device, which has been started.

    Device auto is a GPU behind CUDA where there is one, else the CPU. Raises RequestError with the
    cause and what to do, or InstallError.
    """
    kind, number = parse_device(device)
    if kind == "auto":
        return _choose_best()

    provider = PROVIDERS[kind].choose_gpu(number) if ":" in device else PROVIDERS[kind]
    provider = provider.choose_search()
    if provider == CPU:
        providers.import_onnxruntime()
    else:
        check_start(provider)
    return provider


def _choose_best() -> Provider:
    cuda = PROVIDERS["cuda"].choose_search()
    has_cuda = cuda.name in providers.import_onnxruntime().get_available_providers()
    return cuda if has_cuda and not _find_obstacle(cuda) else CPU


def _find_obstacle(provider: Provider) -> str:
    """Find why a provider does not start, or nothing if it does. Raises InstallError."""
    try:
        check_start(provider)
    except RequestError as error:
        return str(error)
    return ""


def describe_choice(device: str) -> str:
    """Describe on one line what draws on a device, with the reason where auto passes over a GPU.

    It is empty for auto where there is nothing but the CPU. Raises RequestError or InstallError.
    """
    chosen = choose_provider(device)
    said = f"drawing with ONNX Runtime's {chosen.name}"
    if device != "auto" or chosen != CPU:
        return said

    cuda = PROVIDERS["cuda"]
    if cuda.name not in providers.import_onnxruntime().get_available_providers():
        return ""
    return f"{said} ({_find_obstacle(cuda)})"


@functools.cache  # of those that start; what is raised is not kept
def check_start(provider: Provider) -> None:
    """Start a provider and let it compute. Raises RequestError with the cause, or InstallError."""
    runtime = providers.import_onnxruntime()
    _check_presence(provider, runtime)
    if provider.library:
        _check_libraries(provider, runtime)

    try:
        session = open_session(TINY_GRAPH, provider)
        total = session.run(["y"], {"x": np.ones((1, 1, 3, 3), np.float32)})[0].item()
    except Exception as error:  # the library's own exceptions share no public base
        reason = "nothing to run on" if is_left_to_cpu(error) else say_first_line(error)
        mend = "see what nvidia-smi says of the GPU" if provider.flavour.endswith("gpu") else ""
        raise _refuse(provider, f"it does not start ({reason})", mend) from error
    if total != 9:
        raise _refuse(provider, f"it computes wrong values ({total:g} instead of 9)")


def open_session(
    graph: bytes | Path, provider: Provider, settings: Any = None, precision: str = "fp32"
) -> Any:
    """Open a graph as a session of ONNX Runtime in which a provider, and no other, computes.

    settings are the session's options, precision is the graph's. Raises what ONNX Runtime raises.
    """
    runtime = providers.import_onnxruntime()
    if settings is None:
        settings = runtime.SessionOptions()
        settings.log_severity_level = 4
    if provider.name != CPU.name:
        settings.add_session_config_entry(NO_FALLBACK, "1")

    options = dict(provider.options)
    if provider.keeps_engines:
        data = graph if isinstance(graph, bytes) else graph.read_bytes()
        options |= engine_cache.choose_options(data, provider, runtime.__version__, precision)
    chosen = [(provider.name, options)]
    # Its own fallback would print on stdout and go on with the CPU.
    session = runtime.InferenceSession(graph, settings, providers=chosen, enable_fallback=0)
    if session.get_providers()[0] != provider.name:
        raise RuntimeError(f"it was given {session.get_providers()[0]} instead")
    return session


def is_left_to_cpu(error: Exception) -> bool:
    """Whether a session was refused because its provider would not run all of the graph."""
    return "fallback to CPU EP has been explicitly disabled" in str(error)


def say_first_line(error: Exception) -> str:
    """Return the first line of what an error says, or its kind."""
    said = str(error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _check_presence(provider: Provider, runtime: Any) -> None:
    """Raise RequestError if the installed ONNX Runtime has no such provider."""
    if provider.system and platform.system() != provider.system:
        name = {"Darwin": "macOS"}.get(provider.system, provider.system)
        raise _refuse(provider, f"only {name} has it")
    if provider.name not in runtime.get_available_providers():
        installed = providers.list_installed()[0]
        mend = f"pip uninstall -y {installed} && {FLAVOURS[provider.flavour]}"
        raise _refuse(provider, f"{installed} has no {provider.name}", f"run: {mend}")


def _check_libraries(provider: Provider, runtime: Any) -> None:
    """Raise RequestError if a library that a provider needs cannot be loaded.

    ONNX Runtime would say so on stderr, in four lines, and go on with the CPU.
    """
    if provider.flavour == "onnxruntime-gpu" and hasattr(runtime, "preload_dlls"):
        # CUDA from pip lies where the system does not look. What is missing is printed on stdout.
        with contextlib.redirect_stdout(io.StringIO()):
            runtime.preload_dlls()

    folder = Path(runtime.__file__).parent / "capi"
    try:
        _load_library(folder, "onnxruntime_providers_shared", ctypes.RTLD_GLOBAL)
        _load_library(folder, provider.library, ctypes.DEFAULT_MODE)
    except OSError as error:
        reason = say_reason(error)
        usual = f"run: {FLAVOURS[provider.flavour]}"
        mend = next((said for part, said in _NEEDED.items() if part in reason), usual)
        raise _refuse(provider, f"a library cannot be loaded ({reason})", mend) from error


def _load_library(folder: Path, name: str, mode: int) -> None:
    file = f"{name}.dll" if platform.system() == "Windows" else f"lib{name}.so"
    if (folder / file).is_file():
        ctypes.CDLL(str(folder / file), mode)


def _refuse(provider: Provider, cause: str, mend: str = "") -> RequestError:
    """Return the error of a provider that cannot be had."""
    steps = f"{mend}, or use --device cpu" if mend else "use --device cpu"
    return RequestError(f"device {provider.device}: {cause}; {steps}")

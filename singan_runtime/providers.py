"""ONNX Runtime: the installed flavour, and what each provider behind a device is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from singan_core.errors import InstallError, RequestError, say_reason
from singan_core.limits import show

FLAVOURS = {
    "onnxruntime": "pip install onnxruntime",
    "onnxruntime-gpu": "pip install 'onnxruntime-gpu[cuda,cudnn]'",
    "onnxruntime-openvino": "pip install onnxruntime-openvino",
    "onnxruntime-directml": "pip install onnxruntime-directml",
}
"""Distributions of ONNX Runtime, and the line that installs each."""

Options = tuple[tuple[str, str], ...]

SEARCH = "cudnn_conv_algo_search"
SEARCH_VARIABLE = "SINGAN_CUDNN_SEARCH"
SEARCHES = ("heuristic", "exhaustive", "default")
"""How cuDNN chooses the algorithm of a convolution for each new shape, as that variable says it."""


@dataclass(frozen=True)
class Provider:
    """What ONNX Runtime computes with on a device, and what that needs."""

    device: str  # the word of --device
    name: str  # ONNX Runtime's
    flavour: str  # the distribution that has it
    options: Options = ()
    library: str = ""  # the part of ONNX Runtime that it is in, where that is a file of its own
    system: str = ""  # the only one that has it, as platform.system() says it
    has_doubles: bool = False  # runs graphs in double precision
    is_on_cpu: bool = False
    keeps_engines: bool = False  # in the user's cache (engine_cache)
    memory: str = ""  # ONNX Runtime's name of its own memory, where images can stay

    def choose_gpu(self, number: int) -> Provider:
        """Return this provider on the GPU of a number."""
        options: Options = (*self.options, ("device_id", str(number)))
        return replace(self, device=f"{self.device}:{number}", options=options)

    @property
    def number(self) -> int:
        """The number of the GPU."""
        return int(dict(self.options).get("device_id", "0"))

    def choose_search(self) -> Provider:
        """Return this provider with the search that the user's environment names.

        Raises RequestError for a word that names none.
        """
        word = os.environ.get(SEARCH_VARIABLE, "")
        if not word or SEARCH not in dict(self.options):
            return self
        if word not in SEARCHES:
            raise RequestError(f"{SEARCH_VARIABLE}={show(word)}: choose {', '.join(SEARCHES)}")
        options = dict(self.options) | {SEARCH: word.upper()}
        return replace(self, options=tuple(options.items()))


# OpenVINO would take bfloat16 on processors that have it: two grey levels off, and more.
_FLOAT32 = '{"CPU": {"INFERENCE_PRECISION_HINT": "f32"}}'

# fmt: off
_TABLE = (
    Provider("cpu", "CPUExecutionProvider", "onnxruntime", has_doubles=True, is_on_cpu=True),
    Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu",
             (("use_tf32", "0"), (SEARCH, "HEURISTIC")),
             library="onnxruntime_providers_cuda", has_doubles=True, memory="cuda"),
    Provider("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu",
             library="onnxruntime_providers_tensorrt", keeps_engines=True),
    Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino",
             (("device_type", "CPU"), ("num_of_threads", "1"), ("load_config", _FLOAT32)),
             library="onnxruntime_providers_openvino", is_on_cpu=True),
    Provider("coreml", "CoreMLExecutionProvider", "onnxruntime", system="Darwin"),
    Provider("dml", "DmlExecutionProvider", "onnxruntime-directml", system="Windows"),
)
# fmt: on

PROVIDERS: Mapping[str, Provider] = {one.device: one for one in _TABLE}
"""Providers by the words of --device."""

CPU = PROVIDERS["cpu"]


def list_installed() -> list[str]:
    """List the distributions of ONNX Runtime that are installed.

    They share one import package, so two of them clash.
    """
    found = []
    for name in FLAVOURS:
        try:
            metadata.distribution(name)
            found.append(name)
        except metadata.PackageNotFoundError:
            pass
    return found


def import_onnxruntime() -> Any:
    """Import onnxruntime.

    Raises InstallError, with the pip line that mends it, unless exactly one distribution is there.
    """
    found = list_installed()
    if not found:
        raise InstallError(
            "ONNX Runtime is not installed; run: pip install onnxruntime (singan's extra cpu), or "
            "for an NVIDIA GPU: pip install 'onnxruntime-gpu[cuda,cudnn]' (singan's extra gpu)"
        )
    if len(found) > 1:
        keep = "onnxruntime-gpu" if "onnxruntime-gpu" in found else found[-1]
        raise InstallError(
            f"{' and '.join(found)} are both installed and overwrite each other; "
            f"run: pip uninstall -y {' '.join(found)} && {FLAVOURS[keep]}"
        )

    try:
        import onnxruntime as module
    except ImportError as error:
        raise InstallError(
            f"ONNX Runtime cannot be imported ({say_reason(error)}); "
            f"run: pip install --force-reinstall {found[0]}"
        ) from error
    if hasattr(module, "disable_telemetry_events"):
        module.disable_telemetry_events()  # whatever is drawn stays on this machine
    return module

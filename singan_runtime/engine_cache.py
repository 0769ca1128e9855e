"""Keep the engines that ONNX Runtime's TensorRT provider builds, so that each is built once.

The provider names them by the structure of a graph, not by its weights. So every graph has a folder
of its own here, and so has every version, GPU and set of options.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import sys

from singan_core.errors import OutputError
from singan_runtime.doctor.hardware import list_gpus
from singan_runtime.providers import Provider
from singan_runtime.user_cache import find_cache_folder

LIBRARY = "nvinfer_10.dll" if sys.platform == "win32" else "libnvinfer.so.10"

_FLAGS = {"fp16": "trt_fp16_enable", "int8": "trt_int8_enable"}
"""By itself the provider lets TensorRT 10 compute in float32 alone."""


def choose_options(
    graph: bytes, provider: Provider, runtime: str, precision: str
) -> dict[str, str]:
    """Choose the options with which TensorRT draws a graph of a precision, and make its folder.

    runtime is the version of ONNX Runtime. Where no folder can be made, nothing is kept.
    """
    options = {_FLAGS[precision]: "1"} if precision in _FLAGS else {}
    key = [hashlib.sha256(graph).hexdigest(), runtime, find_version(), list_gpus(_GPU)]
    content = json.dumps([*key, [*provider.options], options]).encode()
    try:
        folder = find_cache_folder() / "onnxruntime" / hashlib.sha256(content).hexdigest()[:32]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, OutputError):
        return options

    for kept in ("engine", "timing"):
        options |= {f"trt_{kept}_cache_enable": "1", f"trt_{kept}_cache_path": str(folder)}
    return options


_GPU = "name,compute_cap,driver_version"


@functools.cache
def find_version() -> int:
    """Find the version of TensorRT 10, such as 101300, or 0 where it is not there."""
    try:
        return int(ctypes.CDLL(LIBRARY).getInferLibVersion())
    except (OSError, AttributeError):
        return 0

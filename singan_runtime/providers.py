"""ONNX Runtime: the installed flavour, and the provider behind a device name.

What was asked for and is not there is an error, never replaced silently.
"""

from __future__ import annotations

from importlib import metadata
from typing import Any

from singan_core.arguments import read_word
from singan_core.device_names import parse_device
from singan_core.errors import InstallError, RequestError, say_reason

FLAVOURS = {
    "onnxruntime": "pip install 'singan[cpu]'",
    "onnxruntime-gpu": "pip install 'singan[gpu]'",
    "onnxruntime-openvino": "pip install onnxruntime-openvino",
    "onnxruntime-directml": "pip install onnxruntime-directml",
}
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "cpu": "CPUExecutionProvider"}


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
            "ONNX Runtime is not installed; run: pip install 'singan[cpu]' "
            "(NVIDIA GPU: pip install 'singan[gpu]')"
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


def choose_providers(device: str) -> list[str | tuple[str, dict[str, Any]]]:
    """Choose the providers for auto, cpu, cuda or cuda:N, as ONNX Runtime takes them.

    Raises RequestError if the device is not there.
    """
    available = import_onnxruntime().get_available_providers()
    if read_word(device, "device") == "auto":
        device = "cuda" if _PROVIDERS["cuda"] in available else "cpu"

    kind, number = parse_device(device)
    if kind == "cpu":
        return [_PROVIDERS["cpu"]]
    if _PROVIDERS["cuda"] not in available:
        raise RequestError(
            f"device {device}: this ONNX Runtime has no CUDA provider; "
            "run: pip uninstall -y onnxruntime && pip install 'singan[gpu]', or use --device cpu"
        )

    options = {
        "device_id": number,
        "use_tf32": 0,
        "cudnn_conv_algo_search": "HEURISTIC",
    }
    return [(_PROVIDERS["cuda"], options)]

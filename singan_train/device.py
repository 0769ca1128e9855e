"""Which device trains. What was asked for is taken or refused, never replaced silently."""

from __future__ import annotations

import torch

from singan_core.device_names import TRAINING, parse_device
from singan_core.errors import RequestError
from singan_train.config import Precision

_MISSING = {
    "mps": "PyTorch finds no Apple GPU; it takes a Mac with Apple silicon and a current macOS",
    "xpu": "PyTorch finds no Intel GPU; install its driver and PyTorch's build for XPU",
}
"""Why a device of PyTorch's cannot be had, and what it takes."""


def choose_precision(device: torch.device) -> Precision:
    """Return what precision `auto` means on a device.

    It is bfloat16 on a CPU that multiplies it twice as fast as float32, and float32 elsewhere.
    """
    if device.type != "cpu":
        return "float32"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


def choose_device(name: str) -> torch.device:
    """Return the torch device of a name (singan_core.device_names.TRAINING).

    On an NVIDIA GPU cuDNN is made deterministic. Raises RequestError with the cause when the device
    cannot be had.
    """
    kind, index = parse_device(name, TRAINING)
    if kind == "auto":
        return choose_device("cuda:0" if torch.cuda.is_available() else "cpu")
    if kind == "cpu":
        return torch.device("cpu")
    if kind in _MISSING:
        return _choose_other(kind)

    if not torch.cuda.is_available():
        built_without = "this PyTorch is built without CUDA"
        cause = "no usable NVIDIA GPU or driver" if torch.version.cuda else built_without
        raise RequestError(
            f"device {name}: {cause}; install a CUDA build of PyTorch and a driver, "
            "or use --device cpu"
        )
    if index >= torch.cuda.device_count():
        raise RequestError(
            f"device {name}: this machine has cuda:0 to cuda:{torch.cuda.device_count() - 1}"
        )

    torch.backends.cudnn.deterministic = True  # the same seed must end in the same weights
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda", index)


def _choose_other(kind: str) -> torch.device:
    """Return the torch device mps or xpu. Raises RequestError where it cannot be had."""
    is_there = torch.backends.mps.is_available() if kind == "mps" else torch.xpu.is_available()
    if not is_there:
        raise RequestError(f"device {kind}: {_MISSING[kind]}, or use --device cpu")
    return torch.device(kind)

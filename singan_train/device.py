"""Which device trains. What was asked for is taken or refused, never replaced silently."""

from __future__ import annotations

import torch

from singan_core.arguments import read_word
from singan_core.device_names import parse_device
from singan_core.errors import RequestError
from singan_train.config import Precision


def choose_precision(device: torch.device) -> Precision:
    """Return what precision `auto` means on a device.

    It is bfloat16 on a CPU that multiplies it twice as fast as float32, and float32 elsewhere.
    """
    if device.type != "cpu":
        return "float32"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


def choose_device(name: str) -> torch.device:
    """Return the torch device of auto, cpu, cuda or cuda:N, and make cuDNN deterministic on a GPU.

    Raises RequestError with the cause when the device cannot be had.
    """
    if read_word(name, "device") == "auto":
        return choose_device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, index = parse_device(name)
    if kind == "cpu":
        return torch.device("cpu")

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

"""Which device trains. What was asked for is taken or refused, never replaced silently."""

from __future__ import annotations

import re

import torch

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


def resolve(name: str) -> torch.device:
    """Return the torch device of auto, cpu, cuda or cuda:N, and make cuDNN deterministic on a GPU.

    Raises RequestError with the cause when the device cannot be had.
    """
    if name == "auto":
        return resolve("cuda:0" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise RequestError(f"unknown device {name!r}: choose auto, cpu, cuda or cuda:N")
    if name == "cpu":
        return torch.device("cpu")

    if not torch.cuda.is_available():
        without_cuda = torch.version.cuda is None
        cause = (
            "this PyTorch is built without CUDA"
            if without_cuda
            else "no usable NVIDIA GPU or driver"
        )
        raise RequestError(
            f"device {name}: {cause}; install a CUDA build of PyTorch and a driver, "
            "or use --device cpu"
        )
    index = int(name.partition(":")[2] or 0)
    if index >= torch.cuda.device_count():
        raise RequestError(
            f"device {name}: this machine has cuda:0 to cuda:{torch.cuda.device_count() - 1}"
        )

    torch.backends.cudnn.deterministic = True  # the same seed must end in the same weights
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda", index)

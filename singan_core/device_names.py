"""The names of devices, the same for training (PyTorch) and for drawing (ONNX Runtime)."""

from __future__ import annotations

import re

from singan_core.arguments import read_word
from singan_core.errors import RequestError
from singan_core.limits import show


def parse_device(name: str) -> tuple[str, int]:
    """Split cpu, cuda or cuda:N into its kind and its number, 0 where none is given.

    Raises RequestError for any other name. What `auto` means is for the caller to say.
    """
    match = re.fullmatch(r"(cpu)|(cuda)(?::(\d{1,4}))?", read_word(name, "device"))
    if match is None:
        raise RequestError(f"unknown device {show(name)}: choose auto, cpu, cuda or cuda:N")
    return match[1] or match[2], int(match[3] or 0)

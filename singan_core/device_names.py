"""The words of --device, for drawing (ONNX Runtime) and for training (PyTorch)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from singan_core.arguments import read_word
from singan_core.errors import RequestError
from singan_core.limits import show

DRAWING = ("auto", "cpu", "cuda", "cuda:N", "tensorrt", "openvino", "coreml", "dml")
"""Words for what draws; N is the number of a GPU."""

TRAINING = ("auto", "cpu", "cuda", "cuda:N", "mps", "xpu")
"""Words for what trains."""


def parse_device(name: str, words: Sequence[str] = DRAWING) -> tuple[str, int]:
    """Split a device's name, as in cuda:1, into its kind and its number, 0 where none is given.

    Raises RequestError for what is none of the words. What `auto` means is for the caller to say.
    """
    match = re.fullmatch(r"([a-z]+)(?::(\d{1,4}))?", read_word(name, "device"))
    if match is not None and (match[1] if match[2] is None else f"{match[1]}:N") in words:
        return match[1], int(match[2] or 0)
    raise RequestError(f"unknown device {show(name)}: choose {', '.join(words)}")

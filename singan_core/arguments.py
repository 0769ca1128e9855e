"""Arguments of the Python interface that are no numbers: arrays, paths, words and our own objects.

Each reader returns the value in its one form. Raises RequestError in words for another type.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from singan_core.arrays import Floats, Mask, Pixels
from singan_core.errors import RequestError, say_reason
from singan_core.limits import show

Kind = TypeVar("Kind")


def read_object(value: Any, kind: type[Kind], name: str) -> Kind:
    """Read an object of a class."""
    if not isinstance(value, kind):
        raise RequestError(f"{name} {show(value)} is not possible: give a {kind.__name__}")
    return value


def read_path(value: Any, name: str) -> Path:
    """Read the path of a file or folder, given as text or as a path."""
    if not isinstance(value, str | os.PathLike):
        raise RequestError(f"{name} {show(value)} is not possible: give a path")
    path = Path(value)
    try:
        path.exists()
    except (OSError, ValueError) as error:  # too long, or with a null byte
        raise RequestError(f"{name} {show(value)} is not possible: {say_reason(error)}") from error
    return path


def read_word(value: Any, name: str) -> str:
    """Read a word, of which nothing but the type is checked."""
    if not isinstance(value, str):
        raise RequestError(f"{name} {show(value)} is not possible: give a word")
    return value


def read_switch(value: Any, name: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool | np.bool_):
        raise RequestError(f"{name} {show(value)} is not possible: choose true or false")
    return bool(value)


def read_image(value: Any, name: str, channels: int) -> Floats:
    """Read an image (1, C, H, W) of real values and so many channels."""
    is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    if not is_array or value.ndim != 4 or value.shape[:2] != (1, channels) or not value.size:
        raise RequestError(
            f"{name} {_describe(value)} is not possible: give floats (1, {channels}, H, W), "
            "as read_image returns them"
        )
    return value


def read_pixels(value: Any, name: str, size: tuple[int, int]) -> Pixels:
    """Read a picture of a size (height, width), uint8 (h, w, C)."""
    is_array = isinstance(value, np.ndarray) and value.dtype == np.uint8
    if not is_array or value.ndim != 3 or value.shape[:2] != size:
        raise RequestError(
            f"{name} {_describe(value)} is not possible: give uint8 ({size[0]}, {size[1]}, C)"
        )
    return value


def read_mask(value: Any, name: str) -> Mask:
    """Read a mask, bool (H, W)."""
    is_array = isinstance(value, np.ndarray) and value.dtype == np.bool_
    if not is_array or value.ndim != 2 or not value.size:
        raise RequestError(f"{name} {_describe(value)} is not possible: give bool (H, W)")
    return value


def _describe(value: Any) -> str:
    """Describe an array by its type and shape, anything else by itself."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return show(value)

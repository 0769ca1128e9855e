"""Read arrays in NumPy's file format, whose dtype and shape are known beforehand."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from singan_core.errors import BundleError, say_reason
from singan_core.listed_files import read_listed

_MOST_HEADER = 10_000  # bytes that stand before the values; ours have 128
_MOST_ITEM = 16  # bytes of a value, also of a dtype that is about to be refused


def read_array(
    folder: Path,
    files: Mapping[str, str] | None,
    name: str,
    dtype: type[np.generic],
    shape: tuple[int, ...],
) -> NDArray[Any]:
    """Read an array of a folder with these files, name -> sha256, as read_listed does.

    Raises BundleError for any other dtype or shape, and for numbers that are not finite.
    """
    most = _MOST_HEADER + _MOST_ITEM * math.prod(shape)
    data = read_listed(folder, files, name, most)
    try:
        found = decode_array(data, dtype, shape)
        if not np.isfinite(found).all():
            raise ValueError("numbers that are not finite")
    except ValueError as error:
        raise BundleError(
            f"{folder / name}: damaged ({say_reason(error)}); make the folder again"
        ) from error
    return found


def decode_array(data: bytes, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
    """Decode an array, contiguous. Raises ValueError, in a few words, for any other dtype or shape.

    What a header asks for is never allocated before it is compared.
    """
    file = io.BytesIO(data)
    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        found_shape, is_fortran, found_dtype = read(file)
    except Exception as error:  # Python's own parser reads the header, and may raise anything
        raise ValueError("not a NumPy array") from error

    wanted = np.dtype(dtype).newbyteorder("<")
    if found_dtype != wanted or found_shape != shape or is_fortran:
        raise ValueError(f"{found_dtype} {found_shape}, expected {wanted} {shape}")
    values = data[file.tell() :]
    if len(values) != math.prod(shape) * wanted.itemsize:
        raise ValueError(f"{len(values)} bytes of values, expected {wanted} {shape}")
    return np.frombuffer(values, wanted).reshape(shape).astype(dtype)

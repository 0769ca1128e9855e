"""Whether the picture of a request is in a file already, so that it need not be drawn again."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from singan_core import bounded_json, metadata
from singan_core.arrays import Pixels
from singan_core.bounded_file import BoundedFile
from singan_core.encoding import FORMATS
from singan_core.errors import ImageError, OutputError
from singan_core.paths import require_file
from singan_core.pyramid import Size
from singan_runtime.files.provenance import describe_picture
from singan_runtime.files.writing import describe_request
from singan_runtime.request import MOST_REQUEST, Request
from singan_runtime.sampler import Sampler

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for a file that is missing, damaged or none of ours."""


def is_drawn(sampler: Sampler, path: Path, request: Request) -> bool:
    """Whether a file holds the picture of a request, whole, as its own metadata says.

    A damaged picture of the request does not count. Raises OutputError for a file of anything else,
    which must not be replaced.
    """
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return False

    request = replace(request, size=request.size or sampler.trained_size)
    expected = describe_picture(sampler, describe_request(sampler, request))
    found = _read_record(path)
    if found != _decode(expected.record):
        whose = "of another model or request" if found else "that does not say what it shows"
        raise OutputError(
            f"{path}: a file {whose}; choose another name or folder, or remove the file"
        )

    try:
        decode(path, request.size if request.window is None else request.window[2:])
    except UNREADABLE:
        return False
    return True


def decode(path: Path, size: Size | None) -> Pixels:
    """Decode a picture that this program may have written, (h, w) or (h, w, C).

    Raises one of UNREADABLE if it is missing, damaged, none of ours or of another size.
    """
    with (
        warnings.catch_warnings(action="ignore"),
        BoundedFile(require_file(path)) as file,
        Image.open(file, formats=[format.upper() for format in FORMATS]) as image,
    ):
        if (image.height, image.width) != size:
            raise ValueError(f"{path}: another size")
        return np.asarray(image)


def _read_record(path: Path) -> dict[str, Any]:
    """Read what a picture's file says of itself, or nothing if it cannot be read."""
    try:
        return _decode(metadata.read(path).record)
    except (ImageError, ValueError):
        return {}


def _decode(record: str) -> dict[str, Any]:
    """Decode a record, without the program's version: the identity says which rules drew it."""
    described = bounded_json.decode(record, MOST_REQUEST)
    if not isinstance(described, dict):
        raise ValueError("not a JSON object")
    return {name: value for name, value in described.items() if name != "version"}

"""Where a picture comes from: the text inside its file, with which it can be drawn again."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from singan_core import bounded_json
from singan_core.errors import ImageError, RequestError, say_reason
from singan_core.paths import require_file
from singan_core.version import find_version
from singan_runtime.drawing import Renderer
from singan_runtime.request import MOST_REQUEST, Request

KEY = "singan"
_SHOWN = 40  # characters of a command's name that an error repeats
_MODEL = ("bundle", "identity", "bundle_sha256", "version")


def describe_picture(renderer: Renderer, request: Mapping[str, Any]) -> dict[str, str]:
    """Return the PNG text of a picture: the model and the request as JSON, and the program.

    The model is told by its name and by its identity, which nothing but what decides pixels
    changes.
    """
    model = {
        "bundle": renderer.manifest.name,
        "identity": renderer.identity,
        "version": find_version(),
    }
    return {"Software": "singan", KEY: json.dumps({**model, **request})}


def describe_file(path: Path | None) -> dict[str, str] | None:
    """Return a file's name and digest, with which it can be recognised."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return {"name": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def read_request(path: Path) -> Request:
    """Read the request of a picture that sample drew from the text in its PNG file.

    Raises ImageError for a file without such a text, RequestError for a picture of another command
    and for one that keeps an object of a mask file.
    """
    if path.exists() and not path.is_file():
        raise ImageError(f"{path}: not a file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # not decoded here
            with Image.open(require_file(path), formats=("PNG",)) as image:
                text = image.info.get(KEY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{path}: not a picture file that can be read ({say_reason(error)})"
        ) from None
    if not isinstance(text, str):
        raise ImageError(f"{path}: holds no request; only PNG files that singan wrote do")

    try:
        described = bounded_json.decode(text, MOST_REQUEST)
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise ImageError(f"{path}: its text '{KEY}' is not a JSON object")
    if "command" in described:
        command = str(described["command"])[:_SHOWN]
        raise RequestError(f"{path}: written by 'singan {command}', not by sample")
    return Request.from_dict({name: described[name] for name in described if name not in _MODEL})

"""What goes into a training and what comes out: the photo's file, and the name of a new model."""

from __future__ import annotations

import importlib.util
import os
import re
import tempfile
import unicodedata
from pathlib import Path

from singan_core.errors import ImageError, InstallError
from singan_core.model_file import ENDING
from singan_core.paths import explain_output_error
from singan_core.picture_files import open_picture
from singan_runtime.serve.address import is_name

USUAL_NAME = "photo"
LONGEST_NAME = 40

_NEEDED = ("torch", "safetensors", "onnx", "onnxscript")
_SIDE = 1920  # px of the longer side, which lets photos be reduced while they are read


def check_packages() -> None:
    """Raise InstallError if what trains and exports is not installed. Nothing is imported."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InstallError(
            f"training needs {', '.join(missing)}, which this service does not have; "
            f"run: pip install {' '.join(_NEEDED)} (singan's extra export)"
        )


def check_photo(data: bytes) -> None:
    """Raise ImageError for bytes that are no photo that can be trained on, or InstallError."""
    with tempfile.TemporaryDirectory(prefix="singan-") as folder:
        path = Path(folder) / USUAL_NAME
        path.write_bytes(data)
        try:
            open_picture(path, _SIDE)
        except ImageError as error:
            raise ImageError(str(error).replace(f"{folder}{os.sep}", "")) from None


def write_photo(path: Path, data: bytes) -> None:
    """Write a photo into a folder of its own. Raises OutputError."""
    try:
        path.parent.mkdir()
        path.write_bytes(data)
    except OSError as error:
        raise explain_output_error(path, error) from error


def choose_name(folder: Path, wish: str) -> str:
    """Choose a name of a-z, 0-9, _ and - for a model, like the wished one, that is free."""
    plain = unicodedata.normalize("NFKD", wish).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-_")[:LONGEST_NAME] or USUAL_NAME
    chosen, number = name, 1
    while not is_name(chosen) or any(
        os.path.lexists(folder / taken) for taken in (chosen, f"{chosen}{ENDING}")
    ):
        number += 1
        chosen = f"{name}-{number}"
    return chosen


def place(bundle: Path, folder: Path, name: str) -> str:
    """Put a bundle among the models, whole or not at all, and return the name that was still free.

    Raises OutputError.
    """
    while True:
        target = folder / choose_name(folder, name)
        try:
            bundle.rename(target)
        except OSError as error:
            if os.path.lexists(target):  # another program has just taken the name
                continue
            raise explain_output_error(target, error) from error
        return target.name

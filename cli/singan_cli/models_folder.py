"""The folder of models: which bundles it holds, and what a model's name stands for."""

from __future__ import annotations

import os
from pathlib import Path

from singan_core import bundle_paths
from singan_core.errors import BundleError

VARIABLE = "SINGAN_MODELS"
"""The environment variable that names the folder."""

USUAL = Path("models")


def choose_models_folder(asked: Path | None = None) -> Path:
    """Choose the folder of models: the one asked for, that of SINGAN_MODELS, or ./models."""
    return asked or Path(os.environ.get(VARIABLE) or USUAL)


def find_bundle(path: Path) -> Path:
    """Find what a word stands for: a path, or else the bundle of that name among the models.

    A path at which something is wins. A word that is neither is returned as it is.
    """
    if len(path.parts) != 1 or os.path.lexists(path):
        return path
    return bundle_paths.find_named(choose_models_folder(), str(path)) or path


def list_bundles(folder: Path) -> list[Path]:
    """List the bundles in a folder, by name. Raises BundleError."""
    try:
        return bundle_paths.list_bundles(folder)
    except OSError as error:
        raise BundleError(
            f"{folder}: cannot be read ({(error.strerror or str(error)).lower()}); name a folder "
            f"of bundles with --models-dir or {VARIABLE}"
        ) from error

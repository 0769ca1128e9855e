"""Paths of bundles: folders and one-file models, and the names by which they are known."""

from __future__ import annotations

from pathlib import Path

from singan_core import manifest as manifests
from singan_core.model_file import ENDING, is_model_file


def is_bundle(path: Path) -> bool:
    """Whether a folder with a manifest or a one-file model is at a path."""
    try:
        return is_model_file(path) or (path / manifests.NAME).is_file()
    except OSError:  # of a name that is too long, for example
        return False


def name_bundle(path: Path) -> str:
    """Return the name by which a bundle is known: that of its folder, or of its file."""
    return path.stem if is_model_file(path) else path.name


def find_named(folder: Path, name: str) -> Path | None:
    """Find the bundle of a name in a folder. The folder of a bundle goes before a file."""
    for path in (folder / name, folder / f"{name}{ENDING}"):
        if is_bundle(path):
            return path
    return None


def list_bundles(folder: Path) -> list[Path]:
    """List the bundles in a folder, one for each name, by name. Raises OSError."""
    names = {name_bundle(path) for path in folder.iterdir() if is_bundle(path)}
    found = (find_named(folder, name) for name in sorted(names))
    return [path for path in found if path is not None]

"""Make one-file models of bundles, and unpack them where a folder is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from singan_core import manifest as manifests
from singan_core.atomic import atomic_file
from singan_core.errors import OutputError
from singan_core.file_limits import MOST_JSON
from singan_core.listed_files import read_inside, read_listed
from singan_core.manifest import Manifest
from singan_core.model_file import ENDING, write_model_file
from singan_core.paths import check_output_file, explain_output_error


def is_file_name(out: Path) -> bool:
    """Whether a path to write is that of a one-file model, by its ending."""
    return out.suffix.lower() == ENDING and not out.is_dir()


def check_out(out: Path, force: bool) -> None:
    """Raise OutputError unless a one-file model may be written to a path.

    Another file there is replaced with force alone.
    """
    check_output_file(out)
    if out.exists() and not force:
        raise OutputError(f"{out}: already exists; choose another name or pass --force")


def pack(bundle: Path, out: Path, force: bool = False) -> None:
    """Write a bundle as a one-file model, whole or not at all.

    Equal bundles give equal files. Raises BundleError for a damaged bundle, OutputError.
    """
    check_out(out, force)
    manifest = manifests.read(bundle, "bundle")
    with atomic_file(out) as temporary:
        write_model_file(temporary, _list_members(bundle, manifest))


def _list_members(folder: Path, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """List the files of a bundle, of which each is checked as it is read."""
    yield manifests.NAME, read_inside(folder, manifests.NAME, MOST_JSON)
    for name in sorted(manifest.files):
        yield name, read_listed(folder, manifest.files, name)


@contextmanager
def open_folder(bundle: Path) -> Iterator[Path]:
    """Provide the folder of a bundle: a one-file model is unpacked, and the folder goes away.

    Only files that the manifest lists are written, and it names none outside the folder. Raises
    BundleError or OutputError.
    """
    if bundle.is_dir():
        yield bundle
        return

    manifest = manifests.read(bundle, "bundle")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / bundle.stem
        try:
            for name, content in _list_members(bundle, manifest):
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        except OSError as error:
            raise explain_output_error(folder, error) from error
        yield folder

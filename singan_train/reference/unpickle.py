"""PyTorch's files read as data: both formats of torch.save.

torch.load(weights_only=True) cannot take the place of our own machine: it refuses whole modules in
the older format, and every class would have to be listed with its full name.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.errors import CheckpointError
from singan_core.paths import require_file
from singan_train.reference.pickle_machine import (
    STORAGES,
    GlobalName,
    PickleMachine,
    RefusedError,
    ignore,
)

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file in the older format
LEGACY = 1001  # and the second one, its version

_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    EOFError,
    MemoryError,
    RuntimeError,
    OverflowError,
    zipfile.BadZipFile,
)
"""What reading a file can raise that is cut short, altered or no PyTorch file at all."""


def read_file(path: Path) -> Any:
    """Read what torch.save wrote: tensors become numpy arrays, modules become PickledObjects.

    Raises CheckpointError for a file that is missing, cut short, no PyTorch file, or names anything
    but tensors and modules.
    """
    try:
        content = require_file(path).read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the whole checkpoint folder"
        ) from error

    try:
        return _read_zip(content) if content.startswith(b"PK") else _read_legacy(content)
    except RefusedError as error:
        raise CheckpointError(
            f"{path}: refused, because it names {error}, which a checkpoint of tensors has no need "
            "of; do not use this file"
        ) from error
    except _DAMAGE as error:
        raise CheckpointError(
            f"{path}: no PyTorch file, or cut short ({error}); get the whole file again"
        ) from error


def _read_legacy(content: bytes) -> Any:
    """Read the format of PyTorch up to 1.5: five pickles, then the values of every storage."""
    file = io.BytesIO(content)
    plain = PickleMachine(ignore)
    known = plain.run(file) == MAGIC and plain.run(file) == LEGACY
    if not known or not plain.run(file)["little_endian"]:
        raise ValueError("not the beginning of one")

    storages: dict[str, NDArray[Any]] = {}

    def find_persistent(reference: Any) -> Any:
        if reference[0] == "module":  # a class with the text of its source
            return reference[1]
        _, kind, key, _, count, part = reference
        whole = _reserve_storage(storages, kind, key, count, len(content))
        return whole if part is None else whole[part[1] : part[1] + part[2]]

    found = PickleMachine(find_persistent).run(file)

    # The values come last. The tensors are views of them.
    for key in plain.run(file):
        values = storages[key]
        count = int.from_bytes(file.read(8), "little")
        data = file.read(count * values.itemsize)
        if count != len(values):
            raise ValueError(f"{count} values where {len(values)} are expected")
        values[:] = np.frombuffer(data, values.dtype, count)
    return found


def _reserve_storage(
    storages: dict[str, NDArray[Any]], kind: GlobalName, key: str, count: int, limit: int
) -> NDArray[Any]:
    """Make room for the values of a storage.

    Raises ValueError if all storages together would be longer than the file (limit, in bytes).
    """
    dtype = np.dtype(STORAGES[kind.name])
    if key not in storages:
        held = sum(values.nbytes for values in storages.values())
        if count < 0 or held + count * dtype.itemsize > limit:
            raise ValueError(f"{count} values claimed, more than the file holds")
        storages[key] = np.zeros(count, dtype)
    return storages[key]


def _read_zip(content: bytes) -> Any:
    """Read the format of PyTorch from 1.6 on: an archive of one pickle and a file per storage."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise ValueError("compressed entries")
        if "byteorder" in entries and archive.read(entries["byteorder"]) != b"little":
            raise ValueError("values in big-endian order")

        def find_persistent(reference: Any) -> Any:
            _, kind, key, _, count = reference
            data = archive.read(entries[f"data/{key}"])
            return np.frombuffer(data, STORAGES[kind.name], count)

        pickled = io.BytesIO(archive.read(entries["data.pkl"]))
        return PickleMachine(find_persistent).run(pickled)

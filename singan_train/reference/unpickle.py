"""PyTorch's files read as data: both formats of torch.save.

torch.load(weights_only=True) cannot take the place of our own machine: it refuses whole modules in
the older format, and every class would have to be listed with its full name.
"""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.errors import CheckpointError
from singan_train.reference.pickle_machine import Allowance, PickleMachine
from singan_train.reference.pickled_names import STORAGES, RefusedError, ignore, write_plainly

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


MOST_FILE_BYTES = 2**28


def read_file(path: Path, allowance: Allowance | None = None) -> Any:
    """Read what torch.save wrote: tensors become numpy arrays, modules become PickledObjects.

    The allowance is what the tensors of the whole checkpoint may claim. Raises CheckpointError for
    a file that is missing, cut short, too large, no PyTorch file, or names anything but tensors and
    modules.
    """
    content = _read_bytes(path)
    read = _read_zip if content.startswith(b"PK") else _read_legacy
    try:
        return read(content, allowance or Allowance())
    except RefusedError as error:
        raise CheckpointError(
            f"{path}: refused, because it names {error}, which a checkpoint of tensors has no need "
            "of; do not use this file"
        ) from error
    except _DAMAGE as error:
        reason = write_plainly(str(error)) or type(error).__name__
        raise CheckpointError(
            f"{path}: no PyTorch file, or cut short ({reason}); get the whole file again"
        ) from error


def _read_bytes(path: Path) -> bytes:
    """Read a regular file of at most MOST_FILE_BYTES, not a device or pipe, which never ends."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise CheckpointError(f"{path}: no regular file; give the whole checkpoint folder")

        if status.st_size > MOST_FILE_BYTES:
            raise CheckpointError(
                f"{path}: {status.st_size >> 20} MB, at most {MOST_FILE_BYTES >> 20} MB are read; "
                "give a checkpoint of the reference SinGAN"
            )

        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the whole checkpoint folder"
        ) from error


def _read_legacy(content: bytes, allowance: Allowance) -> Any:
    """Read the format of PyTorch up to 1.5: five pickles, then the values of every storage."""
    file = io.BytesIO(content)
    plain = PickleMachine(ignore, allowance)
    known = plain.run(file) == MAGIC and plain.run(file) == LEGACY
    if not known or not plain.run(file)["little_endian"]:
        raise ValueError("not the beginning of one")

    storages: dict[str, NDArray[Any]] = {}
    room = Allowance(len(content))  # all storages together lie in the file

    def find_persistent(reference: Any) -> Any:
        if reference[0] == "module":  # a class with the text of its source
            return reference[1]
        _, kind, key, _, count, part = reference
        _check_storage(key, count)
        if key not in storages:
            dtype = np.dtype(STORAGES[kind.name])
            room.take(count * dtype.itemsize)
            storages[key] = np.zeros(count, dtype)
        whole = storages[key]
        return whole if part is None else whole[part[1] : part[1] + part[2]]

    found = PickleMachine(find_persistent, allowance).run(file)

    # The values come last. The tensors are views of them.
    for key in plain.run(file):
        _check_storage(key, 0)
        values = storages[key]
        count = int.from_bytes(file.read(8), "little")
        data = file.read(count * values.itemsize)
        if count != len(values):
            raise ValueError(f"{count} values where {len(values)} are expected")
        values[:] = np.frombuffer(data, values.dtype, count)
    return found


def _check_storage(key: Any, count: Any) -> None:
    """Raise ValueError unless a storage has a name and a number of values."""
    if not isinstance(key, str) or not isinstance(count, int) or count < 0:
        raise ValueError("a storage without name or number of values")


def _read_zip(content: bytes, allowance: Allowance) -> Any:
    """Read the format of PyTorch from 1.6 on: an archive of one pickle and a file per storage."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise ValueError("compressed entries")
        if sum(entry.file_size for entry in entries.values()) > len(content):
            raise ValueError("entries that hold more than the file")
        if "byteorder" in entries and archive.read(entries["byteorder"]) != b"little":
            raise ValueError("values in big-endian order")

        storages: dict[str, bytes] = {}

        def find_persistent(reference: Any) -> Any:
            _, kind, key, _, count = reference
            _check_storage(key, count)
            if key not in storages:
                storages[key] = archive.read(entries[f"data/{key}"])
            return np.frombuffer(storages[key], STORAGES[kind.name], count)

        pickled = io.BytesIO(archive.read(entries["data.pkl"]))
        return PickleMachine(find_persistent, allowance).run(pickled)

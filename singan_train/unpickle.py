"""PyTorch's files read as data: both formats of torch.save, and nothing in them is ever called or imported.

A pickle is a program. This machine knows the few instructions that tensors, lists and modules are written with; a
function that a file names is compared with a list of names and stands for what its arguments describe, a class for
nothing but its name. Any other name ends the reading.
"""

from __future__ import annotations

import io
import pickletools
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.errors import CheckpointError

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file in the older format
LEGACY = 1001  # and the second one, its version
LARGEST = 2**28  # values of one tensor; a file may claim more than it holds by repeating values

STORAGES = {
    "HalfStorage": "<f2",
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "ByteStorage": "|u1",
    "CharStorage": "|i1",
    "ShortStorage": "<i2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
    "BoolStorage": "|b1",
}

_MARK = object()


@dataclass(frozen=True)
class Name:
    """A function or class that a pickle names."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class Described:
    """An object of a class that is not known here: the class's name and what the file says of the object."""

    kind: Name
    state: Any = None


class _Refused(Exception):
    """The file names something that describes no tensor."""

    def __init__(self, named: str) -> None:
        super().__init__(
            ascii(named)[1:-1][:100]
        )  # a name from such a file may hold anything, control codes too


def _tensor(
    values: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """A view of a storage's values, which may still be on their way."""
    if (
        not isinstance(values, np.ndarray)
        or len(size) != len(stride)
        or min(offset, *size, *stride, 0) < 0
    ):
        raise ValueError("a tensor of an impossible shape")
    count = int(np.prod([float(side) for side in size]))
    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    if count > LARGEST or (count and last >= len(values)):
        raise ValueError("a tensor larger than its values")
    steps = tuple(step * values.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(values[offset:], size, steps, writeable=False)


def _nothing(*_: Any) -> None:
    """For what no tensor depends on."""


MEANINGS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    "torch.nn.parameter.Parameter": lambda tensor, *_: tensor,
    "torch.Size": tuple,
    "torch.device": _nothing,
    "torch.nn.backends.thnn._get_thnn_function_backend": _nothing,
    "builtins.set": _nothing,
    "__builtin__.set": _nothing,
}


def _name(module: str, name: str) -> Name:
    found = Name(module, name)
    storage = module in ("torch", "torch.cuda") and name in STORAGES
    network = module.startswith("torch.nn.modules.") or module.split(".")[-1] == "models"
    if not (storage or network or str(found) in MEANINGS):
        raise _Refused(str(found))
    return found


class _Machine:
    """Carries out a pickle's instructions on plain data; persistent says what a reference out of the pickle means."""

    def __init__(self, persistent: Callable[[Any], Any]) -> None:
        self.persistent = persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        """The object of the pickle that starts at the file's position."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged name may look like a bad escape sequence
            for opcode, argument, _ in pickletools.genops(file):
                self.step(opcode.name, argument)
        return self.stack.pop()

    def popped(self) -> list[Any]:
        """Everything since the last mark."""
        at = max(place for place, value in enumerate(self.stack) if value is _MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def step(self, opcode: str, argument: Any) -> None:
        """One instruction. Raises _Refused for names and instructions that no tensor needs."""
        stack = self.stack
        match opcode:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                stack.append(_MARK)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode == "NEWTRUE")
            case (
                "BININT"
                | "BININT1"
                | "BININT2"
                | "LONG1"
                | "BINFLOAT"
                | "BINUNICODE"
                | "SHORT_BINUNICODE"
                | "SHORT_BINSTRING"
            ):
                stack.append(argument)
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE":
                stack.append(
                    {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}[opcode]()
                )
            case "TUPLE":
                stack.append(tuple(self.popped()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND" | "APPENDS":
                items = self.popped() if opcode == "APPENDS" else [stack.pop()]
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                items = self.popped() if opcode == "SETITEMS" else [stack.pop(-2), stack.pop()]
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                self.memo[len(self.memo) if argument is None else argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case "BINPERSID":
                stack.append(self.persistent(stack.pop()))
            case "GLOBAL":
                stack.append(_name(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_name(module, name))
            case "NEWOBJ":
                stack.pop()  # the arguments of __new__
                stack.append(Described(stack.pop()))
            case "REDUCE":
                arguments, named = stack.pop(), stack.pop()
                if not isinstance(named, Name) or str(named) not in MEANINGS:
                    raise _Refused(f"the call of {named}")
                stack.append(MEANINGS[str(named)](*arguments))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], Described):
                    stack[
                        -1
                    ].state = state  # a dict's own attributes, such as the versions of a state dict, are left
            case _:
                raise _Refused(f"instruction {opcode}")


def load(path: Path) -> Any:
    """What torch.save wrote into a file: tensors as numpy arrays, modules as Described.

    Raises CheckpointError: missing, cut short, no PyTorch file, or one that names anything but tensors and modules.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the whole checkpoint folder"
        ) from error
    try:
        return _from_zip(content) if content.startswith(b"PK") else _from_legacy(content)
    except _Refused as error:
        raise CheckpointError(
            f"{path}: refused, because it names {error}, which a checkpoint of tensors has no need of; "
            "do not use this file"
        ) from error
    except (
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        EOFError,
        MemoryError,
    ) as error:
        raise _damaged(path, error) from error
    except (zipfile.BadZipFile, RuntimeError, OverflowError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path}: no PyTorch file, or cut short ({error}); get the whole file again"
    )


def _from_legacy(content: bytes) -> Any:
    """The format of PyTorch up to 1.5: five pickles, then the values of every storage."""
    file = io.BytesIO(content)
    plain = _Machine(_nothing)
    if (
        plain.run(file) != MAGIC
        or plain.run(file) != LEGACY
        or not plain.run(file)["little_endian"]
    ):
        raise ValueError("not the beginning of one")
    storages: dict[str, NDArray[Any]] = {}

    def persistent(reference: Any) -> Any:
        if reference[0] == "module":  # a class with the text of its source
            return reference[1]
        _, kind, key, _, count, part = reference
        whole = _reserve(storages, kind, key, count, len(content))
        return whole if part is None else whole[part[1] : part[1] + part[2]]

    found = _Machine(persistent).run(file)
    for key in plain.run(file):
        values = storages[key]
        count = int.from_bytes(file.read(8), "little")
        data = file.read(count * values.itemsize)
        if count != len(values):
            raise ValueError(f"{count} values where {len(values)} are expected")
        values[:] = np.frombuffer(data, values.dtype, count)
    return found


def _reserve(
    storages: dict[str, NDArray[Any]], kind: Name, key: str, count: int, limit: int
) -> NDArray[Any]:
    """Room for the values of a storage, in no case more than the file is long."""
    dtype = np.dtype(STORAGES[kind.name])
    if key not in storages:
        held = sum(values.nbytes for values in storages.values())
        if count < 0 or held + count * dtype.itemsize > limit:
            raise ValueError(f"{count} values claimed, more than the file holds")
        storages[key] = np.zeros(count, dtype)
    return storages[key]


def _from_zip(content: bytes) -> Any:
    """The format of PyTorch from 1.6 on: an archive of one pickle and a file for each storage."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise ValueError("compressed entries")
        if "byteorder" in entries and archive.read(entries["byteorder"]) != b"little":
            raise ValueError("values in big-endian order")

        def persistent(reference: Any) -> Any:
            _, kind, key, _, count = reference
            return np.frombuffer(archive.read(entries[f"data/{key}"]), STORAGES[kind.name], count)

        return _Machine(persistent).run(io.BytesIO(archive.read(entries["data.pkl"])))

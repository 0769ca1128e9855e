"""PyTorch's files read as data: both formats of torch.save, and nothing in them is ever executed.

A pickle is a program. The machine here knows the few instructions that tensors, lists and modules
are written with. A function that a file names is looked up in a list and replaced by what its
arguments describe; a class stands for its name alone. Any other name ends the reading.

torch.load(weights_only=True) cannot take its place: it refuses whole modules in the older format,
and every class would have to be listed with its full name.
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

_IGNORED = {"PROTO", "FRAME", "STOP"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": _MARK}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING"}
_EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


@dataclass(frozen=True)
class GlobalName:
    """The name of a function or class in a pickle."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class PickledObject:
    """An object of a class that is not known here: the class's name and the object's state."""

    kind: GlobalName
    state: Any = None


class _RefusedError(Exception):
    """The file names something that no tensor needs."""

    def __init__(self, name: str) -> None:
        # such a file may name anything, control codes too
        super().__init__(ascii(name)[1:-1][:100])


def _view_tensor(
    values: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> NDArray[Any]:
    """Return a view of a storage's values, which may still have to be read.

    Raises ValueError if the storage does not hold all of it.
    """
    storage = isinstance(values, np.ndarray)
    if not storage or len(size) != len(stride) or min(offset, *size, *stride, 0) < 0:
        raise ValueError("a tensor of an impossible shape")

    count = int(np.prod([float(side) for side in size]))
    last = offset + sum((side - 1) * step for side, step in zip(size, stride, strict=True))
    if count > LARGEST or (count and last >= len(values)):
        raise ValueError("a tensor larger than its values")

    steps = tuple(step * values.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(values[offset:], size, steps, writeable=False)


def _ignore(*_: Any) -> None:
    """Stand for what no tensor depends on."""


def _take_first(tensor: Any, *_: Any) -> Any:
    """Stand for a parameter, which is its tensor."""
    return tensor


MEANINGS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": dict,
    "torch._utils._rebuild_tensor": _view_tensor,
    "torch._utils._rebuild_tensor_v2": _view_tensor,
    "torch._utils._rebuild_parameter": _take_first,
    "torch.nn.parameter.Parameter": _take_first,
    "torch.Size": tuple,
    "torch.device": _ignore,
    "torch.nn.backends.thnn._get_thnn_function_backend": _ignore,
    "builtins.set": _ignore,
    "__builtin__.set": _ignore,
}
"""What a call of each function that a file may name stands for."""


def _check_name(module: str, name: str) -> GlobalName:
    """Return the name. Raises _RefusedError unless it is a storage, a network or has a meaning."""
    found = GlobalName(module, name)
    storage = module in ("torch", "torch.cuda") and name in STORAGES
    network = module.startswith("torch.nn.modules.") or module.split(".")[-1] == "models"
    if not (storage or network or str(found) in MEANINGS):
        raise _RefusedError(str(found))
    return found


class _Machine:
    """Carries out a pickle's instructions on plain data.

    find_persistent says what a reference to something outside of the pickle means.
    """

    def __init__(self, find_persistent: Callable[[Any], Any]) -> None:
        self.find_persistent = find_persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        """Return the object of the pickle that starts at the file's position."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged name may look like a bad escape sequence
            for opcode, argument, _ in pickletools.genops(file):
                self.execute(opcode.name, argument)
        return self.stack.pop()

    def execute(self, opcode: str, argument: Any) -> None:
        """Carry out one instruction.

        Raises _RefusedError for names and instructions that no tensor needs.
        """
        if opcode in _IGNORED:
            return
        if opcode in _CONSTANTS:
            self.stack.append(_CONSTANTS[opcode])
        elif opcode in _NUMBERS or opcode in _STRINGS:
            self.stack.append(argument)
        elif opcode in _EMPTY:
            self.stack.append(_EMPTY[opcode]())
        elif opcode in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if argument is None else argument] = self.stack[-1]
        elif opcode in ("BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif not self._fill_container(opcode) and not self._make_object(opcode, argument):
            raise _RefusedError(f"instruction {opcode}")

    def _fill_container(self, opcode: str) -> bool:
        """Put values of the stack into a tuple, list or dict; False for other instructions."""
        stack = self.stack
        match opcode:
            case "TUPLE":
                stack.append(tuple(self._pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(opcode[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "APPEND" | "APPENDS":
                items = self._pop_to_mark() if opcode == "APPENDS" else [stack.pop()]
                stack[-1].extend(items)
            case "SETITEM" | "SETITEMS":
                single = opcode == "SETITEM"
                items = [stack.pop(-2), stack.pop()] if single else self._pop_to_mark()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case _:
                return False
        return True

    def _pop_to_mark(self) -> list[Any]:
        """Take everything since the last mark off the stack."""
        at = max(place for place, value in enumerate(self.stack) if value is _MARK)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def _make_object(self, opcode: str, argument: Any) -> bool:
        """Carry out names, calls and references as plain data; False for other instructions."""
        stack = self.stack
        match opcode:
            case "BINPERSID":
                stack.append(self.find_persistent(stack.pop()))
            case "GLOBAL":
                stack.append(_check_name(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_check_name(module, name))
            case "NEWOBJ":
                stack.pop()  # the arguments of __new__
                stack.append(PickledObject(stack.pop()))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                if not isinstance(function, GlobalName) or str(function) not in MEANINGS:
                    raise _RefusedError(f"the call of {function}")
                stack.append(MEANINGS[str(function)](*arguments))
            case "BUILD":
                # A dict's own attributes, such as the versions of a state dict, are left out.
                state = stack.pop()
                if isinstance(stack[-1], PickledObject):
                    stack[-1].state = state
            case _:
                return False
        return True


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
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error.strerror}); give the whole checkpoint folder"
        ) from error

    try:
        return _read_zip(content) if content.startswith(b"PK") else _read_legacy(content)
    except _RefusedError as error:
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
    plain = _Machine(_ignore)
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

    found = _Machine(find_persistent).run(file)

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
        return _Machine(find_persistent).run(pickled)

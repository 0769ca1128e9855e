"""Carries out a pickle's instructions on plain data, so that nothing in it is ever executed.

A pickle is a program. This machine knows the few instructions that tensors, lists and modules are
written with. A function that a file names is looked up in a list and replaced by what its
arguments describe; a class stands for its name alone. Any other name ends the reading.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


class RefusedError(Exception):
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


def ignore(*_: Any) -> None:
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
    "torch.device": ignore,
    "torch.nn.backends.thnn._get_thnn_function_backend": ignore,
    "builtins.set": ignore,
    "__builtin__.set": ignore,
}
"""What a call of each function that a file may name stands for."""


def _check_name(module: str, name: str) -> GlobalName:
    """Return the name. Raises RefusedError unless it is a storage, a network or has a meaning."""
    found = GlobalName(module, name)
    storage = module in ("torch", "torch.cuda") and name in STORAGES
    network = module.startswith("torch.nn.modules.") or module.split(".")[-1] == "models"
    if not (storage or network or str(found) in MEANINGS):
        raise RefusedError(str(found))
    return found


class PickleMachine:
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

        Raises RefusedError for names and instructions that no tensor needs.
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
            raise RefusedError(f"instruction {opcode}")

    def _fill_container(self, opcode: str) -> bool:
        """Put values of the stack into a tuple, list or dict, or return False."""
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
        """Carry out names, calls and references as plain data, or return False."""
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
                    raise RefusedError(f"the call of {function}")
                stack.append(MEANINGS[str(function)](*arguments))
            case "BUILD":
                # A dict's own attributes, such as the versions of a state dict, are left out.
                state = stack.pop()
                if isinstance(stack[-1], PickledObject):
                    stack[-1].state = state
            case _:
                return False
        return True

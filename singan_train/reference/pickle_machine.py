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

MOST_INSTRUCTIONS = 2**20  # of one pickle; a file of twenty modules has about fifty thousand
MOST_NESTED = 64  # lists, dicts, tuples and objects in each other; a module has about twenty
MOST_BYTES = 2**29
"""Of all tensors of a checkpoint. A file may claim more than it holds by repeating values."""

SHOWN = 100  # characters of a name from a file that a message shows

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


class Allowance:
    """The bytes that the tensors of a checkpoint may still claim, those of all files together."""

    def __init__(self, count: int = MOST_BYTES) -> None:
        self.whole = self.left = count

    def take(self, count: int) -> None:
        """Take bytes for one tensor. Raises ValueError if they are no longer there."""
        self.left -= count
        if self.left < 0:
            raise ValueError(f"tensors that claim more than {self.whole} bytes")


class RefusedError(Exception):
    """The file names something that no tensor needs."""

    def __init__(self, name: str) -> None:
        super().__init__(write_plainly(name))


def write_plainly(text: str) -> str:
    """Write text of a file, which may be anything, so that it fits into a line of a message."""
    return ascii(text[:SHOWN])[1:-1][:SHOWN]


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
    if count and last >= len(values):
        raise ValueError("a tensor larger than its values")

    steps = tuple(step * values.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(values[offset:], size, steps, writeable=False)


def ignore(*_: Any) -> None:
    """Stand for what no tensor depends on."""


def _take_first(tensor: Any, *_: Any) -> Any:
    """Stand for a parameter, which is its tensor."""
    return tensor


def _make_dict(items: Any = ()) -> dict[Any, Any]:
    """Stand for an OrderedDict, which Python 2 wrote with its items as lists of two."""
    made: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, list | tuple):
            raise ValueError("a dict of no items")
        _put(made, *item)
    return made


def _put(made: Any, key: Any, value: Any) -> None:
    """Put an item into a dict.

    Raises ValueError for a key that is no name: Python cannot hash deeply nested tuples.
    """
    if not isinstance(made, dict) or not isinstance(key, str | int):
        raise ValueError("a dict with other keys than names")
    made[key] = value


def _make_size(sides: Any = ()) -> tuple[Any, ...]:
    """Stand for a torch.Size."""
    if not isinstance(sides, list | tuple):
        raise ValueError("a size of no numbers")
    return tuple(sides)


def check_nesting(value: Any) -> None:
    """Raise ValueError if what a pickle holds is nested deeper than code can follow it."""
    level, seen = [value], set()
    for _ in range(MOST_NESTED):
        below: list[Any] = []
        for one in level:
            if id(one) not in seen:
                seen.add(id(one))
                below += _list_parts(one)
        level = below
        if not level:
            return
    raise ValueError(f"nested more than {MOST_NESTED} deep")


def _list_parts(value: Any) -> list[Any]:
    if isinstance(value, PickledObject):
        return [value.state]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


MEANINGS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _make_dict,
    "torch._utils._rebuild_tensor": _view_tensor,
    "torch._utils._rebuild_tensor_v2": _view_tensor,
    "torch._utils._rebuild_parameter": _take_first,
    "torch.nn.parameter.Parameter": _take_first,
    "torch.Size": _make_size,
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

    find_persistent says what a reference to something outside of the pickle means. All tensors
    are counted against the allowance.
    """

    def __init__(self, find_persistent: Callable[[Any], Any], allowance: Allowance) -> None:
        self.find_persistent = find_persistent
        self.allowance = allowance
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: io.BytesIO) -> Any:
        """Return the object of the pickle that starts at the file's position."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged name may look like a bad escape sequence
            for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
                if number == MOST_INSTRUCTIONS:
                    raise ValueError(f"a pickle of more than {MOST_INSTRUCTIONS} instructions")
                self.execute(opcode.name, argument)

        found = self.stack.pop()
        check_nesting(found)
        return found

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
                for key, value in zip(items[::2], items[1::2], strict=True):
                    _put(stack[-1], key, value)
            case _:
                return False
        return True

    def _pop_to_mark(self) -> list[Any]:
        """Take everything since the last mark off the stack."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:  # from the top, else many marks would take for ever
            at -= 1
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
                stack.append(self._call(function, arguments))
            case "BUILD":
                # A dict's own attributes, such as the versions of a state dict, are left out.
                state = stack.pop()
                if isinstance(stack[-1], PickledObject):
                    stack[-1].state = state
            case _:
                return False
        return True

    def _call(self, function: Any, arguments: Any) -> Any:
        """Give what a call of a function stands for. Raises RefusedError for any other."""
        if not isinstance(function, GlobalName):
            raise RefusedError("the call of no function")
        if str(function) not in MEANINGS:
            raise RefusedError(f"the call of {function}")

        made = MEANINGS[str(function)](*arguments)
        if MEANINGS[str(function)] is _view_tensor:
            self.allowance.take(made.nbytes)
        return made

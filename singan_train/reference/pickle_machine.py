"""Carries out a pickle's instructions on plain data, so that nothing in it is ever executed.

A pickle is a program. This machine knows the few instructions that tensors, lists and modules are
written with. What a name in it stands for is looked up in a list (pickled_names); any other name
ends the reading.
"""

from __future__ import annotations

import io
import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from singan_train.reference.pickled_names import (
    MEANINGS,
    GlobalName,
    RefusedError,
    check_name,
    put,
    view_tensor,
)

MOST_INSTRUCTIONS = 2**20  # of one pickle; a file of twenty modules has about fifty thousand
MOST_NESTED = 64  # lists, dicts, tuples and objects in each other; a module has about twenty
MOST_BYTES = 2**29
"""Of all tensors of a checkpoint. A file may claim more than it holds by repeating values."""

_MARK = object()

_IGNORED = {"PROTO", "FRAME", "STOP"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": _MARK}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_STRINGS = {"BINUNICODE", "SHORT_BINUNICODE", "SHORT_BINSTRING"}
_EMPTY: dict[str, type] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


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
                    put(stack[-1], key, value)
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
                stack.append(check_name(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(check_name(module, name))
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
        if MEANINGS[str(function)] is view_tensor:
            self.allowance.take(made.nbytes)
        return made

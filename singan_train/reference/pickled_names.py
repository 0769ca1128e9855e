"""What the names in a pickle stand for: storages, networks and the functions that make tensors.

Nothing that a file names is looked up in Python: a function is replaced by what its arguments
describe, and a class stands for its name alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class GlobalName:
    """The name of a function or class in a pickle."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class RefusedError(Exception):
    """The file names something that no tensor needs."""

    def __init__(self, name: str) -> None:
        super().__init__(write_plainly(name))


def write_plainly(text: str) -> str:
    """Write text of a file, which may be anything, so that it fits into a line of a message."""
    return ascii(text[:SHOWN])[1:-1][:SHOWN]


def view_tensor(
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
        put(made, *item)
    return made


def put(made: Any, key: Any, value: Any) -> None:
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


MEANINGS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _make_dict,
    "torch._utils._rebuild_tensor": view_tensor,
    "torch._utils._rebuild_tensor_v2": view_tensor,
    "torch._utils._rebuild_parameter": _take_first,
    "torch.nn.parameter.Parameter": _take_first,
    "torch.Size": _make_size,
    "torch.device": ignore,
    "torch.nn.backends.thnn._get_thnn_function_backend": ignore,
    "builtins.set": ignore,
    "__builtin__.set": ignore,
}
"""What a call of each function that a file may name stands for."""


def check_name(module: str, name: str) -> GlobalName:
    """Return the name. Raises RefusedError unless it is a storage, a network or has a meaning."""
    found = GlobalName(module, name)
    storage = module in ("torch", "torch.cuda") and name in STORAGES
    network = module.startswith("torch.nn.modules.") or module.split(".")[-1] == "models"
    if not (storage or network or str(found) in MEANINGS):
        raise RefusedError(str(found))
    return found

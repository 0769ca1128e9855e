"""Requests and pictures as named tensors, which is what inference servers carry.

The names are the same for Triton Inference Server (singan_runtime.triton) and for the routes of
KServe's protocol (singan_runtime.serve.kserve_routes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from singan_core.arrays import Pixels
from singan_core.errors import RequestError
from singan_core.limits import show
from singan_core.manifest import Manifest
from singan_runtime.request import Request
from singan_runtime.sampler import Sampler

Array = NDArray[Any]

DTYPES: Mapping[str, type[np.generic]] = {
    "UINT8": np.uint8,
    "INT64": np.int64,
    "UINT64": np.uint64,
    "FP64": np.float64,
}
"""NumPy's types by their names in the protocol."""


@dataclass(frozen=True)
class Tensor:
    """What a tensor is called, its type in the protocol, and its shape: -1 is a free length."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    is_optional: bool = False


INPUTS = (
    Tensor("size", "INT64", (2,)),  # height, width
    Tensor("seed", "UINT64", (1,), is_optional=True),
    Tensor("zoom", "FP64", (1,), is_optional=True),  # 0 keeps the composition, as zoom auto
    Tensor("start_scale", "INT64", (1,), is_optional=True),
    Tensor("variation", "FP64", (1,), is_optional=True),
)
"""What a picture is asked for with. Defaults are those of a Request."""


def list_outputs(manifest: Manifest) -> tuple[Tensor, ...]:
    """List what a model draws: pixels and, with labels, masks of 0 or 255."""
    pixels = Tensor("pixels", "UINT8", (-1, -1, manifest.picture_channels))
    masks = Tensor("masks", "UINT8", (-1, -1, len(manifest.labels)))
    return (pixels, masks) if manifest.labels else (pixels,)


def read_request(values: Mapping[str, Array]) -> Request:
    """Read a request from its tensors. Raises RequestError."""
    known = {tensor.name: tensor for tensor in INPUTS}
    for name in values:
        if name not in known:
            raise RequestError(f"unknown input {show(name)}: the inputs are {', '.join(known)}")

    for name, tensor in known.items():
        if not tensor.is_optional and name not in values:
            raise RequestError(f"{name} is missing: give {_describe(tensor)}")

    fields = {name: _read(known[name], value) for name, value in values.items()}
    if fields.get("zoom") == 0:
        fields["zoom"] = "auto"
    return Request(**fields)


def draw(sampler: Sampler, request: Request) -> dict[str, Pixels]:
    """Draw a whole picture: pixels (h, w, C) and, with labels, masks. Raises RequestError."""
    plan = sampler.plan_request(request)
    sampler.check_pixels(plan.size)

    both = sampler.draw_with_masks(plan, request.seed)
    channels = sampler.manifest.picture_channels
    parts = {"pixels": both[..., :channels], "masks": both[..., channels:]}
    names = [tensor.name for tensor in list_outputs(sampler.manifest)]
    return {name: np.ascontiguousarray(parts[name]) for name in names}


def _read(tensor: Tensor, value: Array) -> Any:
    """Read the number of an input, or the numbers. Raises RequestError for another type or shape.

    A single number may have any number of axes.
    """
    count = math.prod(tensor.shape)
    if value.dtype != DTYPES[tensor.datatype] or value.size != count:
        raise RequestError(
            f"{tensor.name} is {value.dtype.name} of shape {list(value.shape)}: "
            f"give {_describe(tensor)}"
        )
    numbers = value.ravel().tolist()
    return tuple(numbers) if count > 1 else numbers[0]


def _describe(tensor: Tensor) -> str:
    return f"{tensor.datatype} of shape {list(tensor.shape)}"

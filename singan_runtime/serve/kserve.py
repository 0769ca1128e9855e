"""KServe's protocol, version 2: a request's tensors from JSON or bytes, and an answer as either.

Source: the Open Inference Protocol, and Triton's extension for binary tensors, in which the JSON is
followed by the bytes of the tensors, and a header says how long the JSON is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from singan_core import bounded_json
from singan_core.errors import RequestError
from singan_core.limits import show
from singan_core.manifest import Manifest
from singan_core.pyramid import Size
from singan_runtime.tensors import DTYPES, INPUTS, Array, Tensor, list_outputs

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header that says how many bytes of a body are JSON."""

BINARY = "application/octet-stream"
VERSION = "1"  # of every model, since the protocol asks for one
MOST_JSON = 1 << 16  # bytes of a request's JSON
MOST_JSON_PIXELS = 10**6  # of a picture that is sent as JSON, at about 12 bytes each
_MOST_NUMBERS = 16  # of an input, which has two at the most
_PREFIX = 8  # bytes before an answer while it is inside the service


@dataclass(frozen=True)
class Question:
    """What a client asks a model: arrays by name, which outputs, and how they are to be sent."""

    arrays: dict[str, Array]
    outputs: dict[str, bool]  # names, and whether each is sent as bytes
    id: str | None = None


def describe_server(version: str) -> dict[str, Any]:
    """Return what the protocol says of a server."""
    return {"name": "singan", "version": version, "extensions": ["binary_tensor_data"]}


def describe_model(name: str, manifest: Manifest) -> dict[str, Any]:
    """Return what the protocol says of a model."""
    return {
        "name": name,
        "versions": [VERSION],
        "platform": "singan",
        "inputs": [_describe(tensor) for tensor in INPUTS],
        "outputs": [_describe(tensor) for tensor in list_outputs(manifest)],
    }


def read_question(body: bytes, json_length: str | None, manifest: Manifest) -> Question:
    """Read the body of a request. json_length is the header that says where its JSON ends.

    Raises RequestError.
    """
    length = len(body)
    if json_length is not None:
        if not json_length.isdecimal() or int(json_length[:12]) > length:
            raise RequestError(f"{JSON_LENGTH} is {show(json_length)}: the body has {length} bytes")
        length = int(json_length)
    try:
        asked = bounded_json.decode(body[:length], MOST_JSON)
    except (TypeError, ValueError) as error:
        raise RequestError(f"the request is not JSON: {error}") from None

    if not isinstance(asked, dict) or not isinstance(asked.get("inputs"), list):
        raise RequestError("the request must be an object with a list 'inputs'")
    arrays = _read_inputs(asked["inputs"], memoryview(body)[length:])
    id = asked.get("id")
    return Question(arrays, _read_outputs(asked, manifest), id if isinstance(id, str) else None)


def check_answer(question: Question, size: Size) -> None:
    """Raise RequestError if an answer would be much more JSON than anybody wants."""
    if size[0] * size[1] > MOST_JSON_PIXELS and not all(question.outputs.values()):
        raise RequestError(
            f"{size[1]}x{size[0]} is over {MOST_JSON_PIXELS} pixels, the most that are sent as "
            "JSON; ask for binary data (binary_data_output)"
        )


def write_answer(name: str, question: Question, drawn: Mapping[str, Array]) -> bytes:
    """Write the answer to a question: how long its JSON is in 8 bytes, the JSON, the tensors."""
    described, parts = [], []
    for output, is_binary in question.outputs.items():
        array = drawn[output]
        said: dict[str, Any] = {"name": output, "datatype": "UINT8", "shape": list(array.shape)}
        if is_binary:
            parts.append(array.tobytes())
            said["parameters"] = {"binary_data_size": array.nbytes}
        else:
            said["data"] = array.ravel().tolist()
        described.append(said)

    answer: dict[str, Any] = {"model_name": name, "model_version": VERSION, "outputs": described}
    if question.id is not None:
        answer["id"] = question.id
    head = json.dumps(answer).encode()
    return b"".join([len(head).to_bytes(_PREFIX, "little"), head, *parts])


def split_answer(written: bytes) -> tuple[bytes, dict[str, str]]:
    """Split what write_answer returns into a body and the headers that it needs."""
    length, body = int.from_bytes(written[:_PREFIX], "little"), written[_PREFIX:]
    if length == len(body):
        return body, {"Content-Type": "application/json"}
    return body, {"Content-Type": BINARY, JSON_LENGTH: str(length)}


def _describe(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _read_inputs(listed: Sequence[Any], rest: memoryview) -> dict[str, Array]:
    """Read the inputs of a request; those in bytes follow each other in the rest of the body."""
    known, arrays = {tensor.name: tensor for tensor in INPUTS}, {}
    for one in listed:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or name not in known or name in arrays:
            raise RequestError(
                f"input {show(name)} is not possible: give each of {', '.join(known)} at most once"
            )
        tensor = known[name]
        if one.get("datatype") != tensor.datatype:
            raise RequestError(f"{name} is {show(one.get('datatype'))}: give {tensor.datatype}")
        count = _count(name, one.get("shape"))

        parameters = one.get("parameters")
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if size is None:
            arrays[name] = _read_numbers(tensor, one.get("data"), count)
            continue
        arrays[name] = _read_bytes(tensor, rest, size, count)
        rest = rest[size:]
    if len(rest):
        raise RequestError(f"{len(rest)} bytes follow the last input; leave them out")
    return arrays


def _count(name: str, shape: Any) -> int:
    """Count the numbers of a shape."""
    is_shape = isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)
    count = math.prod(shape) if is_shape else -1
    if not 0 <= count <= _MOST_NUMBERS:
        raise RequestError(f"{name} has shape {show(shape)}: give a list of lengths")
    return count


def _read_numbers(tensor: Tensor, data: Any, count: int) -> Array:
    """Read numbers of JSON, in lists however deep."""
    dtype, numbers = DTYPES[tensor.datatype], _flatten(data)
    allowed = int | float if dtype is np.float64 else int
    if len(numbers) != count or not all(
        isinstance(one, allowed) and not isinstance(one, bool) for one in numbers
    ):
        raise RequestError(f"{tensor.name}: its data must be {count} numbers of {tensor.datatype}")
    try:
        return np.array(numbers, dtype)
    except OverflowError:
        raise RequestError(f"{tensor.name}: a number does not fit {tensor.datatype}") from None


def _flatten(data: Any) -> list[Any]:
    if not isinstance(data, list):
        return [data]
    return [number for one in data for number in _flatten(one)]


def _read_bytes(tensor: Tensor, rest: memoryview, size: Any, count: int) -> Array:
    """Read numbers in bytes, the lowest byte first."""
    dtype = np.dtype(DTYPES[tensor.datatype]).newbyteorder("<")
    if type(size) is not int or size != count * dtype.itemsize or size > len(rest):
        raise RequestError(
            f"{tensor.name}: {show(size)} bytes of {len(rest)} are not {count} numbers of "
            f"{tensor.datatype}"
        )
    return np.frombuffer(rest[:size], dtype).astype(DTYPES[tensor.datatype])


def _read_outputs(asked: Mapping[str, Any], manifest: Manifest) -> dict[str, bool]:
    """Read which outputs are wanted, by default all, and whether each is sent as bytes."""
    known = [tensor.name for tensor in list_outputs(manifest)]
    usual = _read_switch(asked, "binary_data_output", False)
    wanted = asked.get("outputs") or [{"name": name} for name in known]
    if not isinstance(wanted, list):
        raise RequestError("outputs must be a list")

    found = {}
    for one in wanted:
        name = one.get("name") if isinstance(one, dict) else None
        if name not in known:
            raise RequestError(f"unknown output {show(name)}: the outputs are {', '.join(known)}")
        found[name] = _read_switch(one, "binary_data", usual)
    return found


def _read_switch(holder: Mapping[str, Any], name: str, usual: bool) -> bool:
    parameters = holder.get("parameters") or {}
    value = parameters.get(name, usual) if isinstance(parameters, dict) else usual
    if not isinstance(value, bool):
        raise RequestError(f"{name} is {show(value)}: choose true or false")
    return value

"""Engines in the user's cache, and the record beside them of what they were built for and from.

An engine runs on one kind of GPU with one version of TensorRT, and running one of unknown origin is
running a program. So engines stay in the cache of the user who built them and never enter a bundle.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from singan_core import bounded_json
from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import MOST_JSON
from singan_core.listed_files import read_inside
from singan_runtime.user_cache import find_cache_folder

NAME = "engines.json"

_MOST_ENGINE = 4 << 30  # bytes

Shape = tuple[int, ...]

Shapes = tuple[Shape, Shape, Shape]
"""The least, the usual and the largest shape of an input: an optimization profile."""


@dataclass(frozen=True)
class Origin:
    """What engines are built for and with: engines of another origin are refused."""

    identity: str  # of the model (singan_core.identity)
    precision: str  # of the graphs
    library: str  # TensorRT or TensorRT for RTX
    version: str
    gpu: str  # its name and compute capability; empty for TensorRT for RTX, which needs none

    def find_folder(self) -> Path:
        """Find the folder of the cache for such engines, whatever the version and the GPU."""
        library = self.library.lower().replace(" ", "-")
        return find_cache_folder() / "engines" / self.identity[:16] / f"{library}-{self.precision}"

    def find_difference(self, other: Origin) -> str:
        """Find how another origin differs from this one, in words, or nothing."""
        if other.identity != self.identity:
            return "they are another model's"
        if (other.library, other.version) != (self.library, self.version):
            made, here = (f"{one.library} {one.version}" for one in (other, self))
            return f"they were built with {made}, here is {here}"
        if other.gpu != self.gpu:
            made, here = (one.gpu or "no GPU" for one in (other, self))
            return f"they were built for {made}, here is {here}"
        if other.precision != self.precision:
            return f"they are in {other.precision}, not in {self.precision}"
        return ""


@dataclass(frozen=True)
class Engine:
    """A file with a serialized engine."""

    size: int  # bytes
    sha256: str
    inputs: dict[str, Shapes]

    @classmethod
    def of(cls, plan: bytes, inputs: dict[str, Shapes]) -> Engine:
        """Describe an engine that has just been built."""
        return cls(len(plan), hashlib.sha256(plan).hexdigest(), inputs)


@dataclass(frozen=True)
class Record:
    """What a folder of engines says of itself."""

    origin: Origin
    engines: dict[str, Engine] = field(default_factory=dict)  # by file name

    def write(self, folder: Path) -> None:
        """Write the record into a folder."""
        text = msgspec.json.format(msgspec.json.encode(self), indent=2)
        (folder / NAME).write_bytes(text + b"\n")


def read_record(folder: Path, wanted: Origin) -> Record:
    """Read the record of a folder whose engines are of the wanted origin.

    Raises BundleError, with the reason, if there are none or they are of another origin.
    """
    if not (folder / NAME).is_file():
        raise BundleError(
            f"{folder}: no engines of this model; build them with 'singan export BUNDLE "
            f"--format tensorrt --precision {wanted.precision}'"
        )
    try:
        content = bounded_json.decode(read_inside(folder, NAME, MOST_JSON))
        record = msgspec.convert(content, Record)
    except (ValueError, msgspec.ValidationError) as error:
        reason = say_reason(error)
        raise BundleError(f"{folder / NAME}: damaged ({reason}); {_AGAIN}") from error

    if reason := wanted.find_difference(record.origin):
        raise BundleError(f"{folder}: engines that cannot be used: {reason}; {_AGAIN}")
    return record


def read_engine(folder: Path, record: Record, name: str) -> bytes:
    """Read an engine once, and check these very bytes. Raises BundleError for others."""
    said = record.engines[name]
    path = folder / name
    plan = read_inside(folder, name, _MOST_ENGINE)
    if len(plan) != said.size:
        raise BundleError(f"{path}: {len(plan)} bytes, but {said.size} were written; {_AGAIN}")
    if hashlib.sha256(plan).hexdigest() != said.sha256:
        raise BundleError(f"{path}: altered since it was built; {_AGAIN}")
    return plan


_AGAIN = "build them again with 'singan export BUNDLE --format tensorrt --force'"

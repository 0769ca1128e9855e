"""The manifest of a run or bundle folder: manifest.json, written last, fully checked when read."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from singan_core import HALO, noise
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError
from singan_core.metadata import MOST_LETTERS
from singan_core.pyramid import Pyramid

GENERATORS_ONLY, WITH_DETAIL = 1, 2
"""Format versions. Version 2 has detail levels and, with them, another rule for sizes."""

NAME = "manifest.json"

BEGUN = "config.json"
"""File that a run has from its first moment on, long before its manifest."""

Kind = Literal["run", "bundle"]

MOST_DETAIL = 8192
"""Longest side of a stored photo in pixels."""

MOST_LEVELS = 64
"""Detail levels of a model at most."""

MOST_AMPLITUDE = 10.0
"""Largest amplitude of noise, while the values of a picture are in [-1, 1]."""

_SHOWN = 200  # characters of a wrong value that an error repeats
_OPTIONAL = ("labels", "detail", "creator", "licence")
_COMMANDS = {"run": "singan train", "bundle": "singan export"}

Shape = tuple[Annotated[int, Meta(ge=1)], Annotated[int, Meta(ge=1)]]
_LevelSide = Annotated[int, Meta(ge=1, le=MOST_DETAIL)]
_Level = tuple[_LevelSide, _LevelSide]
_Shift = Annotated[int, Meta(ge=0, lt=16)]
_Credit = Annotated[str, Meta(max_length=MOST_LETTERS, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Amplitude = Annotated[float, Meta(ge=0, le=MOST_AMPLITUDE)]


@dataclass(frozen=True)
class Detail:
    """The detail levels of a model, which copy the photo above the last generator that draws."""

    hand_over: Annotated[int, Meta(ge=0)]  # the last generator that draws
    levels: Annotated[tuple[_Level, ...], Meta(min_length=1, max_length=MOST_LEVELS)]
    """(height, width), coarsest first; the last is the stored photo's."""
    photo_sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]  # of its decoded pixels
    shifts: tuple[_Shift, ...] = ()  # bits that products with each level's basis lose; none in runs
    position: Annotated[float, Meta(ge=0, le=100)] = 2.0
    """Weight of the height in the search, relative to the variance of the features."""
    start_amplitude: tuple[_Amplitude, ...] = ()
    """Amplitude of the noise of each generator when it is the start scale; () as in training."""


@dataclass(frozen=True)
class Manifest:
    """What a run or bundle is. The file must hold every field but those of _OPTIONAL."""

    kind: str  # run or bundle
    name: str
    created: str  # ISO 8601, UTC
    tool_version: str
    channels: Annotated[int, Meta(ge=1)]
    shapes: Annotated[tuple[Shape, ...], Meta(min_length=1)]  # (height, width), coarsest first
    scale_factor: Annotated[float, Meta(gt=0, lt=1)]
    noise_amplitude: tuple[float, ...]  # per generator: per scale, and one for a continuation
    noise_channels: tuple[int, ...]  # per generator; one channel is repeated to all
    border: str  # zero or noise
    preset: str
    photo_size: tuple[int, int]  # (height, width) before training
    files: dict[str, str]  # relative path -> sha256 of every other file
    labels: tuple[str, ...] = ()  # names of the channels after RGB
    halo: int = HALO
    noise_spec: str = noise.SPEC
    detail: Detail | None = None  # without it, generators draw everything
    creator: _Credit = ""  # of the photo, as in all that is drawn from it
    licence: _Credit = ""  # of the photo: its name, its address or both

    @property
    def format_version(self) -> int:
        """Version of the file's format."""
        return WITH_DETAIL if self.detail else GENERATORS_ONLY

    @property
    def generators(self) -> Manifest:
        """The manifest of the generators alone, without detail levels."""
        return self if self.detail is None else dataclasses.replace(self, detail=None, labels=())

    @property
    def picture_channels(self) -> int:
        """Channels without the labels: 1, 3 or 4. With detail, generators draw no labels."""
        return self.channels if self.detail else self.channels - len(self.labels)

    @property
    def pyramid(self) -> Pyramid:
        """The trained geometry."""
        continuation = len(self.noise_amplitude) > len(self.shapes)
        plain = Pyramid(self.shapes, self.scale_factor, continuation)
        if self.detail is None:
            return plain
        return dataclasses.replace(
            plain, levels=self.detail.levels, hand_over=self.detail.hand_over
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of manifest.json, without optional fields that are empty."""
        values = dataclasses.asdict(self) | {"format_version": self.format_version}
        return {name: value for name, value in values.items() if value or name not in _OPTIONAL}


def are_names(labels: tuple[str, ...]) -> bool:
    """Whether labels differ and can name folders on every system."""
    is_plain = all(
        label and label[0] != "." and not set(label) & set('/\\:*?"<>|') for label in labels
    )
    different = {label.lower() for label in labels}
    return is_plain and len(different) == len(labels)


def hash_file(path: Path) -> str:
    """Compute the hexadecimal sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(folder: Path) -> dict[str, str]:
    """Hash every file below a folder but its manifest and hidden ones.

    Return the digests by relative path, with forward slashes.
    """
    digests = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and path.name != NAME and not is_hidden:
            digests[relative.as_posix()] = hash_file(path)
    return digests


def write(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json, whole or not at all. It makes the folder count as finished.

    Raises OutputError.
    """
    with atomic_file(folder / NAME) as temporary:
        temporary.write_text(json.dumps(manifest.to_json(), indent=2) + "\n", encoding="utf-8")


def read(folder: Path, kind: Kind, check_files: bool = True) -> Manifest:
    """Read and check the manifest of a run or bundle folder.

    Compare its files with their digests as well, unless check_files is false. Raises BundleError
    for a folder that is missing, unfinished, damaged or newer, and for a path that leaves the
    folder.
    """
    path = folder / NAME
    _check_folder(folder, kind)
    try:
        data = msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, RecursionError, OSError) as error:
        raise BundleError(
            f"{path}: not readable as JSON ({error}); make the {kind} again"
        ) from error

    manifest = _decode(data, path)
    if manifest.kind != kind:
        raise BundleError(
            f"{folder}: a {manifest.kind} where a {kind} is needed; "
            f"make one with '{_COMMANDS[kind]}'"
        )
    for name, digest in manifest.files.items():
        _check_file(folder, name, digest if check_files else None, kind)
    return manifest


def _check_folder(folder: Path, kind: Kind) -> None:
    """Raise BundleError unless the folder has a manifest."""
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; make a {kind} with '{_COMMANDS[kind]}'")
    if (folder / NAME).is_file():
        return

    if kind == "run" and (folder / BEGUN).is_file():
        raise BundleError(
            f"{folder}: the run is unfinished: its training was stopped or still goes on; "
            f"continue it with 'singan train PHOTO --out {folder} --resume', "
            "or look at what is finished with 'singan export --partial'"
        )
    raise BundleError(
        f"{folder}: no {NAME}, so the {kind} is unfinished or none; "
        f"make it with '{_COMMANDS[kind]}'"
    )


def _decode(data: Any, path: Path) -> Manifest:
    """Decode the content of a manifest.json. Raises BundleError unless it is a valid manifest."""
    if not isinstance(data, dict):
        raise BundleError(
            f"{path}: a JSON object is expected, got {type(data).__name__}; make the folder again"
        )
    version = data.get("format_version")
    if version not in (GENERATORS_ONLY, WITH_DETAIL):
        is_newer = isinstance(version, int) and version > WITH_DETAIL
        raise BundleError(
            f"{path}: format version {version!r:.{_SHOWN}}, but this program reads versions "
            f"{GENERATORS_ONLY} and {WITH_DETAIL}; "
            f"{'upgrade singan' if is_newer else 'make the folder again'}"
        )
    if version == GENERATORS_ONLY:
        data = data | {"detail": None}
    if missing := _find_missing(data, version):
        raise BundleError(f"{path}: lacks {', '.join(missing)}; make the folder again")

    try:
        manifest = msgspec.convert(data, Manifest)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{path}: {_explain(error, data)}; make the folder again or upgrade singan"
        ) from error

    wrong = _find_contradictions(manifest)
    if wrong:
        raise BundleError(f"{path}: {'; '.join(wrong)}; make the folder again or upgrade singan")
    return manifest


def _find_missing(data: dict[str, Any], version: int) -> list[str]:
    """List the required fields that are missing or null."""
    optional = set(_OPTIONAL) - ({"detail"} if version == WITH_DETAIL else set())
    required = [field.name for field in dataclasses.fields(Manifest) if field.name not in optional]
    missing = [name for name in required if data.get(name) is None]

    if isinstance(detail := data.get("detail"), dict):
        names = [field.name for field in dataclasses.fields(Detail)]
        names.remove("start_amplitude")
        missing += [f"detail.{name}" for name in names if detail.get(name) is None]
    return missing


def _explain(error: msgspec.ValidationError, data: Any) -> str:
    """Say which value has the wrong form, and what is expected.

    msgspec names the value's place, as in "Expected `int` >= 1 - at `$.shapes[0][1]`".
    """
    reason, _, place = str(error).replace("Expected", "expected").partition(" - at `$.")
    value = data
    for key in re.findall(r"\w+", place):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return f"{place.rstrip('`')} has the wrong form: {value!r:.{_SHOWN}} ({reason})"


def _find_contradictions(manifest: Manifest) -> list[str]:
    """List the values that contradict each other or this program."""
    scales, generators = len(manifest.shapes), len(manifest.noise_amplitude)
    own_channels = {1, manifest.channels}
    has_good_channels = (
        len(manifest.noise_channels) == generators and set(manifest.noise_channels) <= own_channels
    )
    has_good_labels = not manifest.labels or (
        are_names(manifest.labels) and manifest.picture_channels == 3
    )
    if manifest.detail is None:
        labels = f"different names for the {manifest.channels - 3} channels beyond RGB"
    else:
        labels = "different names, for a photo in RGB"

    checks = (
        ("kind", manifest.kind in _COMMANDS, "run or bundle"),
        ("noise_amplitude", generators - scales in (0, 1), f"{scales} values, or one more"),
        ("noise_channels", has_good_channels, f"{generators} values of 1 or {manifest.channels}"),
        ("labels", has_good_labels, labels),
        ("detail", _is_possible(manifest), "growing levels from the hand-over's size on"),
        ("halo", manifest.halo == HALO, HALO),
        ("border", manifest.border in ("zero", "noise"), "zero or noise"),
        ("noise_spec", manifest.noise_spec == noise.SPEC, noise.SPEC),
    )
    return [
        f"{name} {getattr(manifest, name)!r:.{_SHOWN}} (expected {expected})"
        for name, is_good, expected in checks
        if not is_good
    ]


def _is_possible(manifest: Manifest) -> bool:
    """Whether the detail levels, if there are any, go up from the last generator that draws."""
    detail = manifest.detail
    if detail is None:
        return True
    if detail.hand_over >= len(manifest.shapes) or manifest.channels not in (1, 3, 4):
        return False

    begins = manifest.shapes[detail.hand_over] in detail.levels[:2]
    grows = all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(detail.levels))
    has_shifts = manifest.kind == "run" or len(detail.shifts) == len(detail.levels)
    has_starts = len(detail.start_amplitude) in (0, detail.hand_over + 1)
    return begins and grows and has_shifts and has_starts


def _check_file(folder: Path, name: str, digest: str | None, kind: Kind) -> None:
    """Raise BundleError unless a file is inside the folder and has its digest, if one is given."""
    path = folder / name
    try:
        is_inside = path.resolve().is_relative_to(folder.resolve()) and not Path(name).is_absolute()
        exists = path.is_file()
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{folder / NAME}: names {name!r:.{_SHOWN}}, which cannot be a file ({error}); "
            f"do not use this {kind}"
        ) from error

    if not is_inside:
        raise BundleError(
            f"{folder / NAME}: names {name!r}, which leaves the folder; do not use this {kind}"
        )
    if not exists:
        raise BundleError(f"{path}: missing; make the {kind} again with '{_COMMANDS[kind]}'")
    if digest is not None and (found := hash_file(path)) != digest:
        raise BundleError(
            f"{path}: altered or damaged (sha256 {found[:12]}..., expected {digest[:12]}...); "
            f"make the {kind} again with '{_COMMANDS[kind]}'"
        )

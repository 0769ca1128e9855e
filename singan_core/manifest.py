"""The manifest of a run or bundle folder: manifest.json, written last, fully checked when read."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from singan_core import HALO, bounded_json, manifest_check, noise
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError, say_reason
from singan_core.file_limits import (
    FACTORS,
    MOST_AMPLITUDE,
    MOST_CHANNELS,
    MOST_FILES,
    MOST_FOLDER_BYTES,
    MOST_JSON,
    MOST_SCALES,
    MOST_SIDE,
    MOST_TEXT,
)
from singan_core.file_names import CONFIG
from singan_core.fitting import MAX_SIDE
from singan_core.leftovers import sweep
from singan_core.listed_files import (
    COMMANDS,
    Kind,
    check_inside,
    hash_inside,
    measure_inside,
    read_inside,
)
from singan_core.metadata import MOST_LETTERS
from singan_core.model_file import ENDING, is_model_file
from singan_core.pyramid import Pyramid

GENERATORS_ONLY, WITH_DETAIL = 1, 2
"""Format versions. Version 2 has detail levels and, with them, another rule for sizes."""

NAME = "manifest.json"

_OPTIONAL = ("labels", "detail", "creator", "licence")
_OPTIONAL_DETAIL = ("start_amplitude", "focus")

_Text = Annotated[str, Meta(max_length=MOST_TEXT)]
_Side = Annotated[int, Meta(ge=1, le=MOST_SIDE)]
_Shape = tuple[_Side, _Side]
_PhotoSide = Annotated[int, Meta(ge=1, le=MAX_SIDE)]
_Channels = Annotated[int, Meta(ge=1, le=MOST_CHANNELS)]
_Factor = Annotated[float, Meta(ge=FACTORS[0], le=FACTORS[1])]
_Shift = Annotated[int, Meta(ge=0, lt=16)]
_Credit = Annotated[str, Meta(max_length=MOST_LETTERS, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Amplitude = Annotated[float, Meta(ge=0, le=MOST_AMPLITUDE)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Scales = Meta(min_length=1, max_length=MOST_SCALES)
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


@dataclass(frozen=True)
class Detail:
    """The detail levels of a model, which copy the photo above the last generator that draws."""

    hand_over: Annotated[int, Meta(ge=0)]  # the last generator that draws
    levels: Annotated[tuple[_Shape, ...], _Scales]
    """(height, width), coarsest first; the last is the stored photo's."""
    photo_sha256: _Digest  # of its decoded pixels
    shifts: tuple[_Shift, ...] = ()  # bits that products with each level's basis lose; none in runs
    position: Annotated[float, Meta(ge=0, le=100)] = 2.0
    """Weight of the height in the search, relative to the variance of the features."""
    start_amplitude: tuple[_Amplitude, ...] = ()
    """Amplitude of the noise of each generator when it is the start scale; () as in training."""
    focus: tuple[_Share, _Share] | None = None
    """(y, x): where pictures of other shapes are cut out of a scene of the photo's shape."""


@dataclass(frozen=True)
class Manifest:
    """What a run or bundle is. The file must hold every field but those of _OPTIONAL."""

    kind: _Text  # run or bundle
    name: _Text
    created: _Text  # ISO 8601, UTC
    tool_version: _Text
    channels: _Channels
    shapes: Annotated[tuple[_Shape, ...], _Scales]  # (height, width), coarsest first
    scale_factor: _Factor
    noise_amplitude: tuple[_Amplitude, ...]  # per generator: per scale, and one for a continuation
    noise_channels: tuple[_Channels, ...]  # per generator; one channel is repeated to all
    border: _Text  # zero or noise
    preset: _Text
    photo_size: tuple[_PhotoSide, _PhotoSide]  # (height, width) before training
    files: Annotated[dict[str, _Digest], Meta(max_length=MOST_FILES)]
    """Relative path, with forward slashes -> sha256 of every other file."""
    labels: Annotated[
        tuple[_Text, ...], Meta(max_length=MOST_CHANNELS)
    ] = ()  # names of the channels after RGB
    halo: int = HALO
    noise_spec: _Text = noise.SPEC
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
            plain,
            levels=self.detail.levels,
            hand_over=self.detail.hand_over,
            focus=self.detail.focus,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of manifest.json, without optional fields that are empty."""
        values = dataclasses.asdict(self) | {"format_version": self.format_version}
        if self.detail and self.detail.focus is None:
            del values["detail"]["focus"]
        return {name: value for name, value in values.items() if value or name not in _OPTIONAL}


def hash_files(folder: Path) -> dict[str, str]:
    """Hash every file below a folder but its own manifest, hidden ones and links that leave it.

    Return the digests by relative path, with forward slashes.
    """
    digests = {}
    for path in sorted(_list_files(folder)):
        name = path.relative_to(folder).as_posix()
        if name != NAME and path.resolve().is_relative_to(folder.resolve()):
            digests[name] = hash_inside(folder, name)
    return digests


def _list_files(folder: Path) -> Iterator[Path]:
    """List every file below a folder, however deep, but not what is hidden."""
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name.startswith("."):
                continue
            if path.is_file():
                yield path
            elif path.is_dir() and not path.is_symlink():
                waiting.append(path)


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
    _check_folder(folder, kind)
    path = folder / NAME
    content = read_inside(folder, NAME, MOST_JSON, kind)
    try:
        data = bounded_json.decode(content)
    except ValueError as error:
        raise BundleError(
            f"{path}: not readable as JSON ({say_reason(error)}); make the {kind} again"
        ) from error

    manifest = _decode(data, path)
    if manifest.kind != kind:
        raise BundleError(
            f"{folder}: a {manifest.kind} where a {kind} is needed; "
            f"make one with '{COMMANDS[kind]}'"
        )
    _check_files(folder, manifest, kind, check_files)
    return manifest


def _check_folder(folder: Path, kind: Kind) -> None:
    """Raise BundleError unless the folder has a manifest.

    A folder whose writer was killed while it was being replaced is put back first.
    """
    if kind == "bundle" and is_model_file(folder):
        return
    if folder.is_file():
        raise BundleError(
            f"{folder}: a file, not the folder of a {kind} (a one-file model ends in {ENDING}); "
            f"make one with '{COMMANDS[kind]}'"
        )

    if not folder.is_dir():
        sweep(folder.parent)
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; make a {kind} with '{COMMANDS[kind]}'")
    if (folder / NAME).is_file():
        return

    if kind == "run" and (folder / CONFIG).is_file():
        raise BundleError(
            f"{folder}: the run is unfinished: its training was stopped or still goes on; "
            f"continue it with 'singan train PHOTO --out {folder} --resume', "
            "or look at what is finished with 'singan export --partial'"
        )
    raise BundleError(
        f"{folder}: no {NAME}, so the {kind} is unfinished or none; make it with '{COMMANDS[kind]}'"
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
            f"{path}: format version {version!r:.{MOST_TEXT}}, but this program reads versions "
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
        wrong = manifest_check.explain(error, data)
        raise BundleError(f"{path}: {wrong}; make the folder again or upgrade singan") from error

    if contradictions := manifest_check.find_contradictions(manifest):
        wrong = "; ".join(contradictions)
        raise BundleError(f"{path}: {wrong}; make the folder again or upgrade singan")
    return manifest


def _find_missing(data: dict[str, Any], version: int) -> list[str]:
    """List the required fields that are missing or null."""
    optional = set(_OPTIONAL) - ({"detail"} if version == WITH_DETAIL else set())
    required = [field.name for field in dataclasses.fields(Manifest) if field.name not in optional]
    missing = [name for name in required if data.get(name) is None]

    if isinstance(detail := data.get("detail"), dict):
        names = [field.name for field in dataclasses.fields(Detail)]
        required = [name for name in names if name not in _OPTIONAL_DETAIL]
        missing += [f"detail.{name}" for name in required if detail.get(name) is None]
    return missing


def _check_files(folder: Path, manifest: Manifest, kind: Kind, check_digests: bool) -> None:
    """Raise BundleError for a file that is not listed, cannot be listed, is missing or altered."""
    if unlisted := manifest_check.find_unlisted(manifest):
        raise BundleError(
            f"{folder / unlisted[0]}: not listed in the {kind}'s manifest; "
            f"make the {kind} again with '{COMMANDS[kind]}'"
        )

    for name in manifest.files:
        check_inside(folder, name, kind)
    if unknown := manifest_check.find_unknown(manifest):
        raise BundleError(
            f"{folder / NAME}: names {unknown[0]!r:.{MOST_TEXT}}, which is no file of a bundle; "
            f"do not use this {kind}"
        )

    size = sum(measure_inside(folder, name, kind) for name in manifest.files)
    if size > MOST_FOLDER_BYTES:
        raise BundleError(
            f"{folder}: its files have {size} bytes, at most {MOST_FOLDER_BYTES} are possible; "
            f"do not use this {kind}"
        )

    for name, digest in manifest.files.items() if check_digests else ():
        if (found := hash_inside(folder, name, kind)) != digest:
            raise BundleError(
                f"{folder / name}: altered or damaged (sha256 {found[:12]}..., "
                f"expected {digest[:12]}...); make the {kind} again with '{COMMANDS[kind]}'"
            )

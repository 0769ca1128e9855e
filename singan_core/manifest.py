"""The Manifest of a run or bundle folder <-> manifest.json, written last; reading checks everything."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from singan_core import HALO, noise
from singan_core.atomic import atomic_file
from singan_core.errors import BundleError
from singan_core.pyramid import Pyramid

GENERATORS_ONLY, WITH_DETAIL = 1, 2
"""Format versions: 2 has detail levels and with them another rule for sizes; without detail all is as it was."""
NAME = "manifest.json"
BEGUN = "config.json"
"""What a run has from its first moment on, long before its manifest."""
Kind = Literal["run", "bundle"]
MOST_DETAIL, MOST_LEVELS = (
    8192,
    64,
)  # px, longest side of a stored photo; levels above the hand-over
MOST_AMPLITUDE = 10.0  # of noise; a picture's values are in [-1, 1]
_MOST_SHOWN = 200  # characters of a wrong value that a message repeats
_OPTIONAL = ("labels", "detail")
_COMMAND = {"run": "singan train", "bundle": "singan export"}


@dataclass(frozen=True)
class Detail:
    """The scales of the second kind: levels of the photo itself, above the last generator that draws."""

    hand_over: int  # the last generator that draws
    levels: tuple[
        tuple[int, int], ...
    ]  # (height, width), coarsest first; the last is the stored photo's
    photo_sha256: str  # of the decoded pixels of photo.webp, (h, w, C) uint8
    shifts: tuple[
        int, ...
    ] = ()  # bits by which products with each level's basis are shifted; a run has none yet
    position: float = 2.0  # weight of the height in the search, in parts of the features' variance
    start_amplitude: tuple[
        float, ...
    ] = ()  # noise amplitude of a generator that is the start scale; () as trained


@dataclass(frozen=True)
class Manifest:
    """What a run or bundle is; every field but labels and detail is required in the file."""

    kind: Kind
    name: str
    created: str  # ISO 8601, UTC
    tool_version: str
    channels: int
    shapes: tuple[tuple[int, int], ...]  # (height, width), coarsest first
    scale_factor: float
    noise_amplitude: tuple[
        float, ...
    ]  # per generator: one per scale, and one more if there is a continuation
    noise_channels: tuple[int, ...]  # per generator; 1 is repeated to all channels
    border: str  # zero or noise
    preset: str
    photo_size: tuple[int, int]  # (height, width) before training
    files: dict[str, str]  # relative path -> sha256 of every other file
    labels: tuple[str, ...] = ()  # of the channels after RGB; the field may be missing
    halo: int = HALO
    noise_spec: str = noise.SPEC
    detail: Detail | None = None  # the field may be missing: then generators draw everything

    @property
    def format_version(self) -> int:
        """Of the file."""
        return WITH_DETAIL if self.detail else GENERATORS_ONLY

    @property
    def generators(self) -> Manifest:
        """The same without detail levels: what the generators alone are."""
        return self if self.detail is None else dataclasses.replace(self, detail=None, labels=())

    @property
    def picture_channels(self) -> int:
        """Channels without the labels: 1, 3 or 4. With detail the generators draw no labels."""
        return self.channels if self.detail else self.channels - len(self.labels)

    def as_json(self) -> dict[str, Any]:
        """The content of manifest.json; what a model has none of is left out."""
        values = dataclasses.asdict(self) | {"format_version": self.format_version}
        return {name: value for name, value in values.items() if value or name not in _OPTIONAL}

    @property
    def pyramid(self) -> Pyramid:
        """The trained geometry."""
        continuation = len(self.noise_amplitude) > len(self.shapes)
        if self.detail is None:
            return Pyramid(self.shapes, self.scale_factor, continuation)
        return Pyramid(
            self.shapes, self.scale_factor, continuation, self.detail.levels, self.detail.hand_over
        )


def are_names(labels: tuple[str, ...]) -> bool:
    """Whether labels differ and can name folders, on every system."""
    plain = all(
        label and label[0] != "." and not set(label) & set('/\\:*?"<>|') for label in labels
    )
    return plain and len({label.lower() for label in labels}) == len(labels)


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(folder: Path) -> dict[str, str]:
    """Digest of every file below a folder but its manifest and hidden ones, by relative path with forward slashes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    relative = ((path, path.relative_to(folder)) for path in paths)
    return {
        name.as_posix(): sha256(path)
        for path, name in relative
        if not any(p.startswith(".") for p in name.parts)
    }


def write(folder: Path, manifest: Manifest) -> None:
    """Write manifest.json atomically; the folder counts as finished from then on. Raises OutputError."""
    with atomic_file(folder / NAME) as temporary:
        temporary.write_text(json.dumps(manifest.as_json(), indent=2) + "\n", encoding="utf-8")


def read(folder: Path, kind: Kind, check_files: bool = True) -> Manifest:
    """The checked manifest of a run or bundle folder, its files compared with their digests unless told not to.

    Raises BundleError: missing, unfinished, damaged, newer, or a path that leaves the folder.
    """
    path = folder / NAME
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such folder; make a {kind} with '{_COMMAND[kind]}'")
    if not path.is_file() and kind == "run" and (folder / BEGUN).is_file():
        raise BundleError(
            f"{folder}: the run is unfinished: its training was stopped or still goes on; "
            f"continue it with 'singan train PHOTO --out {folder} --resume'"
        )
    if not path.is_file():
        raise BundleError(
            f"{folder}: no {NAME}, so the {kind} is unfinished or none; make it with '{_COMMAND[kind]}'"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BundleError(
            f"{path}: not readable as JSON ({error}); make the {kind} again"
        ) from error
    manifest = _parse(data, path)
    if manifest.kind != kind:
        raise BundleError(
            f"{folder}: a {manifest.kind} where a {kind} is needed; make one with '{_COMMAND[kind]}'"
        )
    for name, digest in manifest.files.items():
        _check_file(folder, name, digest if check_files else None, kind)
    return manifest


def _parse(data: Any, path: Path) -> Manifest:
    if not isinstance(data, dict):
        raise BundleError(
            f"{path}: a JSON object is expected, got {type(data).__name__}; make the folder again"
        )
    version = data.get("format_version")
    if version not in (GENERATORS_ONLY, WITH_DETAIL):
        advice = (
            "upgrade singan"
            if isinstance(version, int) and version > WITH_DETAIL
            else "make the folder again"
        )
        raise BundleError(
            f"{path}: format version {version}, but this program reads versions {GENERATORS_ONLY} and {WITH_DETAIL}; "
            f"{advice}"
        )
    optional = ("labels",) if version == WITH_DETAIL else _OPTIONAL
    missing = [
        field.name for field in dataclasses.fields(Manifest) if field.name not in (*data, *optional)
    ]
    if missing:
        raise BundleError(f"{path}: lacks {', '.join(missing)}; make the folder again")
    try:
        manifest = Manifest(
            kind=data["kind"],
            name=str(data["name"]),
            created=str(data["created"]),
            tool_version=str(data["tool_version"]),
            channels=int(data["channels"]),
            shapes=tuple((int(height), int(width)) for height, width in data["shapes"]),
            scale_factor=float(data["scale_factor"]),
            noise_amplitude=tuple(float(value) for value in data["noise_amplitude"]),
            noise_channels=tuple(int(value) for value in data["noise_channels"]),
            border=str(data["border"]),
            preset=str(data["preset"]),
            photo_size=(int(data["photo_size"][0]), int(data["photo_size"][1])),
            files={str(name): str(digest) for name, digest in data["files"].items()},
            labels=tuple(str(label) for label in data.get("labels", ())),
            halo=int(data["halo"]),
            noise_spec=str(data["noise_spec"]),
            detail=_parse_detail(data["detail"]) if version == WITH_DETAIL else None,
        )
    except (TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        raise BundleError(
            f"{path}: a field has the wrong form ({error}); make the folder again"
        ) from error
    _check_values(manifest, path)
    return manifest


def _parse_detail(data: Any) -> Detail:
    return Detail(
        hand_over=int(data["hand_over"]),
        levels=tuple((int(height), int(width)) for height, width in data["levels"]),
        photo_sha256=str(data["photo_sha256"]),
        shifts=tuple(int(value) for value in data["shifts"]),
        position=float(data["position"]),
        start_amplitude=tuple(float(value) for value in data.get("start_amplitude", ())),
    )


def _check_values(manifest: Manifest, path: Path) -> None:
    scales, generators = len(manifest.shapes), len(manifest.noise_amplitude)
    wrong = [
        f"{name} {repr(value)[:_MOST_SHOWN]} (expected {expected})"
        for name, value, good, expected in (
            ("kind", manifest.kind, manifest.kind in ("run", "bundle"), "run or bundle"),
            ("channels", manifest.channels, manifest.channels >= 1, "1 or more"),
            (
                "shapes",
                manifest.shapes,
                scales > 0 and all(min(s) >= 1 for s in manifest.shapes),
                "sizes of 1 or more",
            ),
            (
                "scale_factor",
                manifest.scale_factor,
                0 < manifest.scale_factor < 1,
                "between 0 and 1",
            ),
            (
                "noise_amplitude",
                manifest.noise_amplitude,
                generators - scales in (0, 1),
                f"{scales} values, or one more",
            ),
            (
                "noise_channels",
                manifest.noise_channels,
                len(manifest.noise_channels) == generators
                and set(manifest.noise_channels) <= {1, manifest.channels},
                f"{generators} values of 1 or {manifest.channels}",
            ),
            (
                "labels",
                manifest.labels,
                not manifest.labels
                or (are_names(manifest.labels) and manifest.picture_channels == 3),
                f"different names for the {manifest.channels - 3} channels beyond RGB"
                if manifest.detail is None
                else "different names, for a photo in RGB",
            ),
            (
                "detail",
                manifest.detail,
                _is_possible(manifest),
                "growing levels from the hand-over's size on",
            ),
            ("halo", manifest.halo, manifest.halo == HALO, HALO),
            ("border", manifest.border, manifest.border in ("zero", "noise"), "zero or noise"),
            ("noise_spec", manifest.noise_spec, manifest.noise_spec == noise.SPEC, noise.SPEC),
        )
        if not good
    ]
    if wrong:
        raise BundleError(f"{path}: {'; '.join(wrong)}; make the folder again or upgrade singan")


def _is_possible(manifest: Manifest) -> bool:
    """Whether the detail levels, if there are any, go up from the last generator that draws."""
    detail = manifest.detail
    if detail is None:
        return True
    if not (
        0 <= detail.hand_over < len(manifest.shapes)
        and detail.levels
        and manifest.channels in (1, 3, 4)
    ):
        return False
    grows = all(a[0] <= b[0] and a[1] <= b[1] for a, b in itertools.pairwise(detail.levels))
    begins = detail.levels[0] == manifest.shapes[detail.hand_over]
    limits = len(detail.levels) <= MOST_LEVELS and all(
        1 <= side <= MOST_DETAIL for s in detail.levels for side in s
    )
    digest = re.fullmatch("[0-9a-f]{64}", detail.photo_sha256) is not None
    shifts = manifest.kind == "run" or len(detail.shifts) == len(detail.levels)
    heights = 0 <= detail.position <= 100
    starts = not detail.start_amplitude or len(detail.start_amplitude) == detail.hand_over + 1
    strengths = all(0 <= amplitude <= MOST_AMPLITUDE for amplitude in detail.start_amplitude)
    return (
        grows
        and begins
        and limits
        and digest
        and shifts
        and heights
        and starts
        and strengths
        and all(0 <= shift < 16 for shift in detail.shifts)
    )


def _check_file(folder: Path, name: str, digest: str | None, kind: Kind) -> None:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or Path(name).is_absolute():
        raise BundleError(
            f"{folder / NAME}: names {name!r}, which leaves the folder; do not use this {kind}"
        )
    if not path.is_file():
        raise BundleError(f"{path}: missing; make the {kind} again with '{_COMMAND[kind]}'")
    if digest is not None and (found := sha256(path)) != digest:
        raise BundleError(
            f"{path}: altered or damaged (sha256 {found[:12]}..., expected {digest[:12]}...); "
            f"make the {kind} again with '{_COMMAND[kind]}'"
        )

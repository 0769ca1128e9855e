"""Where a picture comes from: what its file says, with which it can be drawn again."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from singan_core import bounded_json, metadata
from singan_core.bounded_file import BoundedFile
from singan_core.errors import ImageError, RequestError
from singan_core.file_names import DOUBLE
from singan_core.metadata import KEY, SOURCE_TYPE, Metadata, clean
from singan_core.version import find_version
from singan_runtime.drawing import Renderer
from singan_runtime.request import MOST_REQUEST, Request

SAMPLE = "sample"
"""The command whose pictures name none, since a request is all that they come from."""

_SHOWN = 40  # characters of a command's name that are kept
_MODEL = ("bundle", "identity", "bundle_sha256", "version", "precision")


@dataclass(frozen=True)
class Origin:
    """What a picture's file says of where it comes from. Nothing of it is proven."""

    model: str
    identity: str  # of the model, 64 hexadecimal digits; empty in old files
    version: str  # of the program
    precision: str  # of the graphs; auto is that of all other pictures of the model
    command: str
    request: dict[str, Any]  # as the command wrote it
    creator: str  # of the photo
    licence: str  # of the photo
    source_type: str  # an address of IPTC's list of digital source types

    @property
    def is_sample(self) -> bool:
        """Whether a request is all that the picture comes from."""
        return self.command == SAMPLE

    def read_request(self, besides: Collection[str] = ()) -> Request:
        """Read the request of a picture that sample drew, besides some of its fields.

        Raises RequestError for a picture of another command and for one that keeps an object of a
        mask file.
        """
        if not self.is_sample:
            raise RequestError(f"written by 'singan {self.command}', not by sample")
        kept = {name: value for name, value in self.request.items() if name not in besides}
        return Request.from_dict(kept)

    def check_model(self, renderer: Renderer) -> None:
        """Raise RequestError unless the picture was drawn from this very model."""
        if self.identity != renderer.identity:
            drawn = f"{self.model} ({self.identity[:8] or 'no identity'})"
            at_hand = f"{renderer.manifest.name} ({renderer.identity[:8]})"
            raise RequestError(
                f"drawn from the model {drawn}, but the bundle is {at_hand}; name the bundle that "
                "drew it, or give the size and the seed instead"
            )


def describe_picture(renderer: Renderer, request: Mapping[str, Any]) -> Metadata:
    """Return what a picture's file is to say: the model, the request, whose photo it comes from.

    The model is told by its name and by its identity, which nothing but what decides pixels
    changes.
    """
    manifest, version = renderer.manifest, find_version()
    model = {"bundle": manifest.name, "identity": renderer.identity, "version": version}
    if renderer.precision not in ("", DOUBLE if manifest.detail else "fp32"):
        model["precision"] = renderer.precision
    record = json.dumps({**model, **request})
    program = f"singan {version}"
    return Metadata(record, program, manifest.creator, manifest.licence, SOURCE_TYPE)


def describe_file(path: Path | None) -> dict[str, str] | None:
    """Return a file's name and digest, with which it can be recognised."""
    if path is None:
        return None
    with open(path, "rb") as file:
        return {"name": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def read_origin(path: Path) -> Origin:
    """Read where a picture, a film or a Deep Zoom folder's picture.xmp comes from.

    Raises ImageError for a file that does not say it.
    """
    found = metadata.read(path)
    record = found.record or _read_png_text(path)
    if not record:
        raise ImageError(
            f"{path}: holds no request: not a picture file or film that singan drew, or its "
            "metadata was removed"
        )

    try:
        described = bounded_json.decode(record, MOST_REQUEST)
    except ValueError:
        described = None
    if not isinstance(described, dict):
        raise ImageError(f"{path}: its text '{KEY}' is not a JSON object")
    request = {name: value for name, value in described.items() if name not in (*_MODEL, "command")}
    return Origin(
        model=clean(described.get("bundle", "")),
        identity=clean(described.get("identity", "")),
        version=clean(described.get("version", "")),
        precision=clean(described.get("precision", "auto")),
        command=clean(described.get("command", SAMPLE))[:_SHOWN],
        request=request,
        creator=clean(found.creator),
        licence=clean(found.licence),
        source_type=clean(found.source_type),
    )


def _read_png_text(path: Path) -> str:
    """Read the record from the text of a PNG file whose XMP is missing, if it has one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # not decoded here
            with BoundedFile(path) as file, Image.open(file, formats=("PNG",)) as image:
                text = image.info.get(KEY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ""
    return text if isinstance(text, str) else ""


def read_request(path: Path) -> Request:
    """Read the request of a picture that sample drew, from its file.

    Raises ImageError for a file that holds none, RequestError for a picture of another command and
    for one that keeps an object of a mask file.
    """
    try:
        return read_origin(path).read_request()
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from None

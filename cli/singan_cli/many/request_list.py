"""Lists of requests: a file with a line of JSON for each picture."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from singan_cli.many.outcome import Outcome
from singan_cli.many.pictures import Drawing, PictureItem
from singan_cli.models_folder import find_bundle
from singan_core import bounded_json
from singan_core import manifest as manifests
from singan_core.encoding import FORMATS
from singan_core.errors import BundleError, RequestError, SinGANError, say_reason
from singan_core.manifest import Manifest
from singan_core.paths import require_file
from singan_core.plain_names import is_plain
from singan_runtime.files.names import name_request
from singan_runtime.request import MOST_REQUEST, Request

MODEL, NAME = "model", "name"
"""What a line may say beside the fields of a request."""

MOST_LINES = 1_000_000


def read_items(
    path: Path, model: Path | None, drawing: Drawing
) -> tuple[list[PictureItem], list[Outcome]]:
    """Read a list of requests: the pictures to be drawn, and the lines that fail alone.

    model is that of the lines which name none. Two lines for the same picture are one. Raises
    RequestError for a file that cannot be read or holds nothing.
    """
    found: dict[str, tuple[int, PictureItem]] = {}
    failed: list[Outcome] = []
    for number, line in read_lines(path):
        try:
            item = read_item(line, model, drawing)
            key = unicodedata.normalize("NFC", item.name).casefold()
            first, known = found.setdefault(key, (number, item))
            if known != item:
                raise RequestError(
                    f"{item.name} is already the file of line {first}, which asks for another "
                    f'picture; give one of them a "{NAME}"'
                )
        except SinGANError as error:
            failed.append(Outcome(f"line {number}", "failed", say_reason(error)))

    if not found and not failed:
        raise RequestError(f'{path}: holds no request; give lines such as {{"size": "640x360"}}')
    return [item for _, item in found.values()], failed


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Read the lines of a file that are not blank, each with its number.

    Raises RequestError.
    """
    try:
        with open(require_file(path), "rb") as file:
            number = 0
            while line := file.readline(MOST_REQUEST + 1):
                number += 1
                if len(line) > MOST_REQUEST or number > MOST_LINES:
                    raise RequestError(
                        f"{path}: line {number} is too much: a list has up to {MOST_LINES} lines "
                        f"of up to {MOST_REQUEST} bytes"
                    )
                if line.strip():
                    yield number, line
    except OSError as error:
        raise RequestError(
            f"{path}: cannot be read ({say_reason(error).lower()}); name a file with a line of "
            "JSON for each picture"
        ) from error


def read_item(line: bytes, model: Path | None, drawing: Drawing) -> PictureItem:
    """Read a line of a list. Raises a SinGANError."""
    described = _decode(line)
    named, name = (described.pop(field, None) for field in (MODEL, NAME))
    if not isinstance(named, str | None) or not isinstance(name, str | None):
        raise RequestError(f"{MODEL} and {NAME} are texts")
    bundle = model if named is None else find_bundle(Path(named))
    if bundle is None:
        raise RequestError(f'says no model: give the line a "{MODEL}", or the command --model')

    request = Request.from_dict(described)
    bundle = bundle.absolute()
    manifest = read_manifest(bundle)
    request = replace(request, size=request.size or manifest.pyramid.finest)
    if name is not None and not is_plain(name):
        raise RequestError(f"name {name[:100]!r} is not possible: it must be plain, without a path")
    stem = name or name_request(manifest.name, request)
    return PictureItem(stem + FORMATS[drawing.style.format], bundle, request, drawing)


def _decode(line: bytes) -> dict[str, Any]:
    try:
        described = bounded_json.decode(line, MOST_REQUEST)
    except (TypeError, ValueError) as error:
        raise RequestError(f"is not JSON: {error}") from None
    if not isinstance(described, dict):
        raise RequestError('is no JSON object; give one such as {"size": "640x360", "seed": 3}')
    return described


def read_manifest(bundle: Path) -> Manifest:
    """Read the manifest of a model, once for all lines. Raises BundleError."""
    found = _read_manifest(bundle)
    if isinstance(found, Manifest):
        return found
    raise BundleError(found)


@functools.lru_cache(64)
def _read_manifest(bundle: Path) -> Manifest | str:
    """Read a manifest, or return what is wrong with it."""
    try:
        return manifests.read(bundle, "bundle", check_files=False)
    except BundleError as error:
        return str(error)

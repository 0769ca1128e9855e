"""Edits of uploaded pictures: what a form asks for, and its result's bytes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from singan_core import encoding, masks
from singan_core.arrays import Pixels
from singan_core.errors import ImageError, RequestError
from singan_core.picture_files import open_header
from singan_core.pyramid import Size
from singan_runtime.edits import editing, retarget, seamless
from singan_runtime.edits.redrawing import EDIT, HARMONIZE
from singan_runtime.files.provenance import describe_picture
from singan_runtime.parsing import format_size, parse_colour
from singan_runtime.request import Request, read_wrap
from singan_runtime.sampler import Sampler
from singan_runtime.serve import orders

FILES = ("image", "mask")
_COMMON = ("seed", "start_scale", "format", "quality", "background", "download")
PARAMETERS = {
    "edit": (*_COMMON, "mask", "reach", "tileable"),
    "harmonize": (*_COMMON, "mask", "reach", "tileable"),
    "paint": (*_COMMON, "size", "zoom", "colours"),
    "retarget": (*_COMMON, "size", "zoom", "keep", "place"),
}
"""The words of each application."""

_MANNERS = {"edit": EDIT, "harmonize": HARMONIZE}


@dataclass(frozen=True)
class Edit:
    """An edit that a form asks for."""

    application: str
    request: Request  # its size, zoom, seed, tileable and kept objects
    start_scale: int | None
    files: Mapping[str, bytes]
    format: str
    background: tuple[int, int, int]
    quality: int | None
    is_download: bool
    uses_alpha: bool  # the image's own transparency is the mask
    reach: int | None
    colours: int | None
    has_metadata: bool = True  # whether the file says how it was made


def read_edit(application: str, words: Mapping[str, str], files: Mapping[str, bytes]) -> Edit:
    """Read the edit of a form's words and files. Raises RequestError."""
    orders.check_names(words, PARAMETERS[application])
    format = words.get("format", "png")
    if format not in orders.SUFFIXES:
        raise RequestError(f"unknown format {format[:80]!r}: choose {', '.join(orders.SUFFIXES)}")
    drawn = {name: words[name] for name in ("size", "zoom", "keep", "place") if name in words}
    drawn["seed"] = str(orders.read_seed(words.get("seed", "0")))
    read_wrap(words.get("tileable", ""))

    edit = Edit(
        application,
        Request.from_words({**drawn, "tileable": words.get("tileable", "")}),
        read_optional(words, "start_scale"),
        files,
        orders.SUFFIXES[format],
        parse_colour(words.get("background", "white")),
        orders.read_quality(words, orders.SUFFIXES[format]),
        orders.read_switch(words, "download"),
        words.get("mask") == masks.ALPHA,
        read_optional(words, "reach"),
        read_optional(words, "colours"),
    )
    _check(edit, words)
    return edit


def _check(edit: Edit, words: Mapping[str, str]) -> None:
    """Raise RequestError if something is missing, or two things contradict each other."""
    application = edit.application
    if application != "retarget" and "image" not in edit.files:
        raise RequestError(f"{application} needs a file 'image'")
    if application in _MANNERS and ("mask" in edit.files) == edit.uses_alpha:
        raise RequestError(f"{application} needs a file 'mask', or mask=alpha")
    if "mask" in words and not edit.uses_alpha:
        raise RequestError("mask is a file, or the word alpha")

    if application not in _MANNERS and "mask" in edit.files:
        raise RequestError(f"{application} takes no file 'mask'")
    if application == "retarget" and edit.request.size is None:
        raise RequestError("retarget needs a size, as in size=1920x600")
    if application == "retarget" and edit.request.keep and "image" in edit.files:
        raise RequestError("objects are kept of the model's own photo: leave out image or keep")
    if edit.colours is not None and edit.colours < 2:
        raise RequestError(f"colours {edit.colours} is not possible: it must be 2 or more")


def read_optional(words: Mapping[str, str], name: str) -> int | None:
    """Read a whole number that may be missing. Raises RequestError."""
    return orders.read_whole(words, name, 0) if name in words else None


def make_edit(sampler: Sampler, edit: Edit, check: Callable[[], None]) -> bytes:
    """Make the result of an edit, as a file's bytes. Raises RequestError or ImageError."""
    with tempfile.TemporaryDirectory(prefix="singan-") as folder:
        paths = {name: Path(folder) / name for name in edit.files}
        try:
            for name, data in edit.files.items():
                paths[name].write_bytes(data)
                check_pixels(sampler, paths[name])
            check()
            pixels, used = _draw(sampler, edit, paths)
        except (ImageError, RequestError) as error:
            raise RequestError(str(error).replace(f"{folder}/", "")) from None

    check()
    size = pixels.shape[0], pixels.shape[1]
    said = describe_picture(sampler, _describe(edit, size, used)) if edit.has_metadata else None
    return encoding.encode(pixels, edit.format, edit.background, edit.quality, said)


def check_pixels(sampler: Sampler, path: Path) -> None:
    """Raise RequestError, before it is decoded, if a picture is larger than what may be made."""
    try:
        with open_header(path) as image:
            size = image.height, image.width
    except Exception:  # whoever reads it says what is wrong
        return
    sampler.check_pixels(size)


def _draw(sampler: Sampler, edit: Edit, paths: Mapping[str, Path]) -> tuple[Pixels, dict[str, Any]]:
    """Draw the result, uint8 (h, w, C), and return what was chosen for it besides."""
    if edit.application in _MANNERS:
        return _redraw(sampler, edit, paths)
    request, start = edit.request, edit.start_scale
    if edit.application == "paint":
        painting = editing.read_image(sampler, paths["image"])
        size = request.size or sampler.trained_size
        if start is None:
            start = editing.choose_painting_scale(sampler.fit(size, request.zoom))
        drawn = editing.paint(
            sampler, painting, size, request.zoom, start, edit.colours, request.seed
        )
        return drawn, {"start_scale": start, "colours": edit.colours}

    assert request.size is not None
    start = retarget.START_SCALE if start is None else start
    used = {"start_scale": start}
    if request.keep:
        fields = request.size, request.keep, request.zoom, start, request.seed
        return retarget.retarget_around(sampler, *fields), used
    image = editing.read_image(sampler, paths["image"]) if "image" in paths else None
    made = retarget.retarget(sampler, request.size, request.zoom, start, image, seed=request.seed)
    return made.pixels, used


def _redraw(
    sampler: Sampler, edit: Edit, paths: Mapping[str, Path]
) -> tuple[Pixels, dict[str, Any]]:
    """Redraw what a mask says, and return the start scale and the reach."""
    how, request = _MANNERS[edit.application], edit.request
    if edit.uses_alpha:
        image, mask = editing.read_masked(sampler, paths["image"])
    else:
        image = editing.read_image(sampler, paths["image"])
        mask = masks.read(paths["mask"], {image.shape[2:]: "the image"})

    size = mask.shape[0], mask.shape[1]
    start, reach = edit.start_scale, edit.reach
    if start is None:
        start = editing.choose_start_scale(sampler, size, how)
    if reach is None:
        reach = editing.choose_reach(sampler, size, how)
    drawn = seamless.redraw(sampler, image, mask, how, request.tileable, start, reach, request.seed)
    return drawn, {"start_scale": start, "reach": reach}


def _describe(edit: Edit, size: Size, used: Mapping[str, Any]) -> dict[str, Any]:
    """Return what repeats an edit, as JSON's types."""
    described: dict[str, Any] = {"size": format_size(size), "command": edit.application}
    for name, data in edit.files.items():
        described[name] = {"sha256": hashlib.sha256(data).hexdigest()}
    described |= {"seed": edit.request.seed, "zoom": edit.request.zoom, **used}
    if edit.request.keep:
        described["keep"] = [one.to_dict() for one in edit.request.keep]
    return described

"""Recognises files by how they begin, so that errors can name what is not read as a picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

_KINDS = tuple(
    (re.compile(start, re.DOTALL), kind)
    for start, kind in (
        (rb"8BPS", "a Photoshop file with layers"),
        (rb"gimp xcf", "a GIMP file with layers"),
        (rb"PK\x03\x04.{26}mimetypeimage/openraster", "an OpenRaster file with layers"),
        (rb"PK\x03\x04.{26}mimetypeapplication/x-krita", "a Krita file with layers"),
        (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "an archive"),
        (rb"%PDF", "a PDF file"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file"),
        (
            rb"(\xef\xbb\xbf)?\s*(<\?xml.*?)?(<!--.*?-->\s*|<!DOCTYPE svg.*?>\s*)*<svg",
            "an SVG drawing",
        ),
        (rb"(\xef\xbb\xbf)?\s*<(!doctype )?html", "a web page"),
        (rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", "a Windows metafile"),
        (rb"\xff\x0a|\0\0\0\x0cJXL ", "a JPEG XL file"),
        (rb"v/1\x01|#\?RADIANCE|#\?RGBE|P[Ff]\s", "a picture of floating point values"),
        (
            rb"FUJIFILMCCD-RAW|II\*\0.{4}CR|IIR[OS]|MMOR|IIU\0|FOVb|.{4}ftypcrx",
            "a camera's raw file",
        ),
        (rb".{4}ftyp(?!avi[fs])|\x1a\x45\xdf\xa3|RIFF.{4}AVI |OggS|FLV\x01", "a film"),
        (rb"\x93NUMPY", "a NumPy array"),
    )
)
_SHORTEST = 16  # bytes that Pillow's plugins look at without asking whether they are there
_HEIC = re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)


def _read_start(path: Path) -> bytes:
    """Read what the patterns look at."""
    with path.open("rb") as file:
        return file.read(1024)


def is_heic(path: Path) -> bool:
    """Whether a file begins as a HEIC picture, which Pillow cannot decode.

    AVIF, which it can decode, begins alike and is told apart.
    """
    start = _read_start(path)
    return bool(_HEIC.match(start)) and b"avif" not in start[8:64]


def name_kind(path: Path, besides: Sequence[str]) -> str | None:
    """Name the kind of a file for a sentence, or None if it is unknown. Raises OSError.

    besides are the formats of Pillow that are read and need no name.
    """
    start = _read_start(path)
    for pattern, kind in _KINDS:
        if pattern.match(start):
            return kind

    if len(start) < _SHORTEST:
        return None
    Image.init()
    for name, (_, accept) in Image.OPEN.items():
        if name not in besides and accepts(accept, start[:_SHORTEST]):
            return f"a file in {name} format"
    return None


def accepts(accept: Callable[[bytes], bool | str] | None, start: bytes) -> bool:
    """Whether a plugin of Pillow recognises how a file begins."""
    try:
        return accept is not None and accept(start) is True
    except Exception:  # some expect more bytes than the file has
        return False

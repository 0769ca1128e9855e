"""Opens picture files of any origin.

Every failure is explained in one sentence, and no decompression bomb is decoded.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from singan_core import RECEPTIVE_FIELD, tiff_pages
from singan_core.bounded_file import BoundedFile
from singan_core.errors import ImageError, InstallError, say_reason
from singan_core.file_kinds import is_heic
from singan_core.picture_failures import FORMATS, LARGEST, describe_unsupported, explain_failures
from singan_core.pyramid import Size
from singan_core.transparency import decode

WHOLE = 89_478_485
"""Pixels of the largest picture that is decoded unreduced, Pillow's own limit."""

_PER_BYTE = 10_000
"""Pixels above WHOLE for which a byte of the file may stand.

Honest files stay below 8256, the most that deflate can reach.
"""
_START_OF_SCAN = b"\xff\xda"
_MOST_PASSED = 2**33
"""Pixels times scans of a JPEG at most, 6 s: progressive ones have about ten scans."""
_COUNTED = 2**22  # bytes of an animation whose frames are counted for the message
_REDUCTIONS = (8, 4, 2)  # at which JPEG can be decoded, largest first
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF orientation

_process = threading.RLock()  # guards what the whole process shares: Pillow's limit and stderr

# Without a handler, Python prints what Pillow logs about broken files to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def check_path(path: Path) -> None:
    """Raise ImageError unless the path names a file that is not empty."""
    name = str(path)
    if name == "-":
        raise ImageError(
            "-: pictures are read from files, not from standard input; save it and name the file"
        )

    if (found := re.match(r"([a-z][a-z0-9+.]+):/", name, re.IGNORECASE)) and not path.exists():
        raise ImageError(
            f"{name}: an address ({found[1]}), not a file; download the picture and name the file"
        )

    try:
        if path.is_dir():
            raise ImageError(f"{name}: a folder; name one picture in it")
        if not path.exists():
            raise ImageError(f"{name}: no such file")
        if not path.is_file():
            raise ImageError(
                f"{name}: a device or pipe, not a file; save the picture and name the file"
            )
        if path.stat().st_size == 0:
            raise ImageError(f"{name}: the file is empty")
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{name}: cannot be read ({say_reason(error)}); name another file"
        ) from error


def open_picture(
    path: Path, side: int | None = None, most: int = WHOLE
) -> tuple[Image.Image, Size]:
    """Decode the first full-size picture of a file, upright.

    Return the Pillow image and the file's own (height, width). side is the longer side that the
    caller needs, in px. A picture of more than WHOLE pixels is then reduced by 2, 4 or 8 as long as
    it keeps twice that: a JPEG while it is decoded, others right after. Without side, more than
    most pixels are refused. Raises ImageError, or InstallError for HEIC without pi-heif.
    """
    check_path(path)
    picture = _open_decoded(path, side, most)

    sizes = [page.size for page in tiff_pages.read_pages(path) if page.is_photo]
    if sizes and sizes.count(sizes[0]) > 1:
        warnings.warn(f"{path}: {len(sizes)} pages; the first one is used", stacklevel=2)
    return picture


def _open_decoded(path: Path, side: int | None, most: int) -> tuple[Image.Image, Size]:
    """Decode as open_picture does, without a word about further pages."""
    with (
        explain_failures(path),
        _lift_limit(),
        _silence_stderr(path),
        BoundedFile(path) as file,
        _open(path, file) as image,
    ):
        _check(image, path, LARGEST if side else most)
        stored = image.size
        factor = find_factor(stored, side)
        if factor > 1:
            image.draft(None, (image.width // factor, image.height // factor))
        image = decode(image, path)
        if factor > 1 and image.size == stored:
            image = _reduce(image, factor, path)
        image = _turn_upright(image)
        if factor == 1:
            return image, (image.height, image.width)

        turned = (image.width > image.height) != (stored[0] > stored[1])
        return image, (stored if turned else (stored[1], stored[0]))


@contextlib.contextmanager
def open_header(path: Path) -> Iterator[Image.Image]:
    """Open a picture without decoding it. Raises whatever Pillow raises."""
    with BoundedFile(path) as file, Image.open(file, formats=FORMATS) as image:
        yield image


def find_factor(size: tuple[int, int], side: int | None) -> int:
    """Find by how much a picture of (width, height) is reduced while it is read."""
    if side is None or size[0] * size[1] <= WHOLE:
        return 1
    return next((factor for factor in _REDUCTIONS if max(size) // factor >= 2 * side), 1)


def _open(path: Path, file: BoundedFile) -> Image.Image:
    """Open a file at the page that is the photo, without decoding it unless it needs unpacking."""
    if is_heic(path):
        return _open_heic(path)
    pages = tiff_pages.read_pages(path)
    if not pages:
        return Image.open(file, formats=FORMATS)

    page = tiff_pages.choose_page(pages, path)
    if page.is_floating:
        raise ImageError(
            f"{path}: its values have no defined white: {page.describe()}; "
            "save it with 8 or 16 bits per channel"
        )
    if not page.is_decodable:
        raise ImageError(f"{path}: {describe_unsupported(page)}")
    if page.needs_unpacking:
        _check_size(page.size[::-1], path, WHOLE)
        return tiff_pages.unpack(path, page)

    image = Image.open(file, formats=FORMATS)
    if page.index:
        image.seek(page.index)
    return image


def _open_heic(path: Path) -> Image.Image:
    """Open the main picture of a HEIC file. Raises InstallError without pi-heif."""
    try:
        import pi_heif
    except ImportError as error:
        raise InstallError(
            f"{path}: HEIC pictures need pi-heif; run: pip install pi-heif (singan's extra heic)"
        ) from error

    file = pi_heif.open_heif(path)
    _check_size(file.size, path, WHOLE)
    image: Image.Image = file.to_pillow()
    return image


def _check(image: Image.Image, path: Path, most: int) -> None:
    """Raise ImageError for an animation, and for a picture that is too small or too large."""
    if image.format not in (None, "TIFF", "MPO") and getattr(image, "is_animated", False):
        raise ImageError(
            f"{path}: an animation of {_count_frames(image, path)} frames; "
            "save one frame as a still picture"
        )
    _check_size(image.size, path, most)
    if image.format in ("JPEG", "MPO"):
        _check_scans(image, path)


def _count_frames(image: Image.Image, path: Path) -> int | str:
    """Count the frames of an animation, unless the file is so long that it would take long."""
    few = path.stat().st_size < _COUNTED
    return image.n_frames if few else "many"  # type: ignore[attr-defined]


def _check_scans(image: Image.Image, path: Path) -> None:
    """Raise ImageError for a JPEG that passes over its pixels more often than a picture needs."""
    scans = path.read_bytes().count(_START_OF_SCAN)
    if scans * image.width * image.height > _MOST_PASSED:
        raise ImageError(
            f"{path}: {scans} scans of {image.width}x{image.height} px, which would take minutes "
            "to decode; save the picture again"
        )


def _check_size(size: tuple[int, int], path: Path, most: int) -> None:
    """Raise ImageError for a size (width, height) that is too small or too large.

    Called before the picture is decoded. A size that the file's bytes cannot hold is a bomb.
    """
    width, height = size
    if min(size) < RECEPTIVE_FIELD:
        raise ImageError(
            f"{path}: {width}x{height} is too small; both sides need at least {RECEPTIVE_FIELD} px"
        )
    if width * height > most:
        raise ImageError(f"{path}: more than {most // 10**6} megapixels; shrink the picture first")

    bytes_held = path.stat().st_size
    if width * height > max(WHOLE, bytes_held * _PER_BYTE):
        raise ImageError(
            f"{path}: {width}x{height} px in a file of {bytes_held} bytes; shrink the picture first"
        )


def _reduce(image: Image.Image, factor: int, path: Path) -> Image.Image:
    """Average squares of factor x factor px, weighted by their opacity."""
    if image.mode.startswith("I") and "transparency" in image.info:
        raise ImageError(
            f"{path}: too large for a transparent grey level of 16 bits; shrink the picture first"
        )

    if image.mode in ("L", "RGB", "P", "PA", "1") and image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode in ("P", "PA"):
        image = image.convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode.startswith("I;16"):
        image = image.convert("I")
    return image.reduce(factor)


def _turn_upright(image: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF orientation says, if that can be read."""
    try:
        orientation = image.getexif().get(tiff_pages.ORIENTATION)
    except Exception:  # a broken EXIF block raises anything
        return image
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


@contextlib.contextmanager
def _lift_limit() -> Iterator[None]:
    """Replace Pillow's limit on pixels by our own for a while.

    Pillow has one limit, whether a picture is reduced while it is decoded or not.
    """
    with _process:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, LARGEST
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextlib.contextmanager
def _silence_stderr(path: Path) -> Iterator[None]:
    """Silence what libtiff prints from C about a TIFF, since an error follows that says enough."""
    with path.open("rb") as file:
        is_tiff = file.read(4) in tiff_pages.MAGIC
    if not is_tiff:
        yield
        return

    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return

    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)

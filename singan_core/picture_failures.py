"""Say which files are read as pictures, and in one sentence why another one is not."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from singan_core import tiff_pages
from singan_core.bounded_file import BoundedFile
from singan_core.errors import ImageError, SinGANError
from singan_core.file_kinds import accepts, name_kind

READABLE = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF, JPEG 2000, PNM, TGA or HEIC"
"""Formats of the files that are read, for a sentence."""

FORMATS = (
    "PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM", "TGA",
)  # fmt: skip
"""The same formats as Pillow calls them."""

LARGEST = 2**28
"""Pixels of the largest picture that is reduced while it is read: 268 megapixels."""

_UNSUPPORTED = re.compile(
    r"unsupported|not supported|unknown|not available|cannot (handle|read)", re.I
)


@contextlib.contextmanager
def explain_failures(path: Path) -> Iterator[None]:
    """Turn exceptions of Pillow and its plugins into ImageErrors, and silence their warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    except (SinGANError, MemoryError):
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: {_explain_unidentified(path)}") from error
    except Image.DecompressionBombError as error:
        raise ImageError(
            f"{path}: more than {LARGEST // 10**6} megapixels; shrink the picture first"
        ) from error
    except PermissionError as error:
        raise ImageError(f"{path}: cannot be read: no permission") from error
    except Exception as error:  # plugins raise anything over an unexpected file
        raise ImageError(f"{path}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    """Say whether a file is unsupported or damaged, and what to do."""
    reason = " ".join(str(error).split()) or type(error).__name__
    reason = reason.replace("not identified by this driver", "its header cannot be read")
    if isinstance(error, NotImplementedError) or _UNSUPPORTED.search(reason):
        return f"a kind that is not supported ({reason}); save it as PNG or JPEG"
    return f"damaged or truncated ({reason}); save the picture again"


def _explain_unidentified(path: Path) -> str:
    """Say what a file is that no decoder recognised, and what to do."""
    if pages := tiff_pages.read_pages(path):
        return describe_unsupported(pages[0])
    if kind := name_kind(path, FORMATS):
        return f"{kind}, which is not supported; save it as PNG or JPEG"
    if error := _find_swallowed_error(path):
        return _explain(error)
    return f"not a picture that can be read; save it as PNG or JPEG ({READABLE} can be read)"


def _find_swallowed_error(path: Path) -> Exception | None:
    """Find the error that Pillow swallowed when it tried the format that a file begins with."""
    with BoundedFile(path) as file:
        start = file.read(16)
        for format in FORMATS:
            factory, accept = Image.OPEN[format]
            if not accepts(accept, start):
                continue
            file.seek(0)
            try:
                factory(file, "")
            except Exception as error:  # plugins raise anything over an unexpected file
                return error
    return None


def describe_unsupported(page: tiff_pages.Page) -> str:
    """Say what a TIFF is that cannot be read, and what to do."""
    return f"a TIFF of a kind that is not supported ({page.describe()}); save it as PNG or JPEG"

"""Who made a photo and what may be done with it, as its file or its user says."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from singan_core import metadata
from singan_core.errors import RequestError
from singan_core.metadata import MOST_LETTERS, clean
from singan_core.picture_files import open_header


@dataclass(frozen=True)
class Credits:
    """Whose photo it is. An empty text is not known."""

    creator: str = ""
    licence: str = ""  # its name, its address or both

    def __str__(self) -> str:
        """Write both for people, as in 'by Ann, CC BY 4.0'."""
        by = f"by {self.creator}" if self.creator else ""
        return ", ".join(word for word in (by, self.licence) if word)


def choose_credits(photo: Path, creator: str | None = None, licence: str | None = None) -> Credits:
    """Choose what is said of a photo: what a user gives, even an empty text, else what it says.

    Raises RequestError for a text that is too long, ImageError if the file cannot be read.
    """
    for name, text in (("creator", creator), ("licence", licence)):
        if text is not None and len(text) > MOST_LETTERS:
            raise RequestError(
                f"a {name} of {len(text)} letters is not possible: use {MOST_LETTERS} at most"
            )

    found = read_credits(photo)
    return Credits(
        found.creator if creator is None else clean(creator),
        found.licence if licence is None else clean(licence),
    )


def read_credits(photo: Path) -> Credits:
    """Read creator and rights from a photo's XMP or, where it is silent, its EXIF.

    Raises ImageError if the file cannot be read.
    """
    said = metadata.read(photo)
    return Credits(
        clean(said.creator or _read_exif(photo, ExifTags.Base.Artist)),
        clean(said.licence or _read_exif(photo, ExifTags.Base.Copyright)),
    )


def _read_exif(photo: Path, tag: ExifTags.Base) -> str:
    """Read a text of a photo's EXIF, or nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_header(photo) as image:
                text = image.getexif().get(tag, "")
    except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError):
        return ""
    return text.partition("\0")[0] if isinstance(text, str) else ""

"""The contact sheet of a site: every screen's picture in small, with its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from singan_cli.site.record import Picture
from singan_core import encoding
from singan_core.bounded_file import BoundedFile

NAME = "sheet.jpg"
WIDTH = 1600  # px
ROW = 220  # px, height of the pictures in a row
LABEL = 22  # px, height of the line below it
GAP = 12  # px
WIDEST = 760  # px, of a banner
INK, PAPER = (32, 32, 32), (255, 255, 255)


def write_sheet(folder: Path, pictures: Sequence[Picture]) -> Path:
    """Write the contact sheet of a site from its files, row after row.

    Raises OutputError.
    """
    places, size = _lay_out(pictures)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)

    for picture, (left, top, width, height) in zip(pictures, places, strict=True):
        with BoundedFile(folder / picture.files[-1].name) as file, Image.open(file) as image:
            image.draft("RGB", (2 * width, 2 * height))
            small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        label = f"{picture.screen}  {picture.width}x{picture.height}"
        draw.text((left, top + height + 2), label, fill=INK, font=font)

    path = folder / NAME
    encoding.save(path, np.asarray(sheet), "jpeg")
    return path


def _lay_out(
    pictures: Sequence[Picture],
) -> tuple[list[tuple[int, int, int, int]], tuple[int, int]]:
    """Find the place (left, top, width, height) of every picture, and the sheet's width, height."""
    places, left, top, right = [], GAP, GAP, GAP
    for picture in pictures:
        factor = min(ROW / picture.height, WIDEST / picture.width)
        width, height = max(1, round(picture.width * factor)), round(picture.height * factor)
        cell = max(width, 8 * len(picture.screen) + 100)  # the label needs room as well

        if left > GAP and left + cell + GAP > WIDTH:
            left, top = GAP, top + ROW + LABEL + GAP
        places.append((left, top, width, max(1, height)))
        left += cell + GAP
        right = max(right, left)
    return places, (right, top + ROW + LABEL + GAP)

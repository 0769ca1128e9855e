"""Contact sheets: pictures side by side in rows, each with a line of text if it has one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from singan_core import images
from singan_core.arrays import Pixels

GAP = 8  # px between pictures
LINE = 20  # px, height of a line of text
PAPER, INK = (255, 255, 255), (40, 40, 40)
QUALITY = 85  # of JPEG


def reduce(pixels: Pixels, height: int) -> Image.Image:
    """Reduce a picture (h, w, C) to a height in px. A smaller one keeps its size."""
    image = images.to_pillow(images.flatten(pixels, PAPER)).convert("RGB")
    if image.height <= height:
        return image
    width = round(image.width * height / image.height)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def draw_row(pictures: Sequence[Pixels], height: int, labels: Sequence[str] = ()) -> Image.Image:
    """Draw pictures side by side, at most `height` px high, with labels below them."""
    reduced = [reduce(pixels, height) for pixels in pictures]
    width = sum(one.width for one in reduced) + GAP * (len(reduced) - 1)
    tallest = max(one.height for one in reduced)
    row = Image.new("RGB", (width, tallest + (LINE if labels else 0)), PAPER)

    left = 0
    for number, one in enumerate(reduced):
        row.paste(one, (left, 0))
        if labels:
            font = ImageFont.load_default(13)
            place = (left, tallest + 2)
            ImageDraw.Draw(row).text(place, labels[number], fill=INK, font=font)
        left += one.width + GAP
    return row


def stack_rows(rows: Sequence[Image.Image]) -> Image.Image:
    """Stack rows on a sheet of white paper."""
    height = sum(row.height for row in rows) + GAP * (len(rows) - 1)
    sheet = Image.new("RGB", (max(row.width for row in rows), height), PAPER)
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height + GAP
    return sheet


def join_columns(columns: Sequence[Image.Image]) -> Image.Image:
    """Join sheets side by side."""
    width = sum(one.width for one in columns) + GAP * (len(columns) - 1)
    sheet = Image.new("RGB", (width, max(one.height for one in columns)), PAPER)
    left = 0
    for one in columns:
        sheet.paste(one, (left, 0))
        left += one.width + GAP
    return sheet


def save(sheet: Image.Image, path: Path) -> None:
    """Write a sheet as a JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, quality=QUALITY, optimize=True)


def read(path: Path) -> Pixels:
    """Read a picture file as pixels (h, w, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))

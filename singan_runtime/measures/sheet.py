"""A contact sheet of begun pictures, small, each with its seed, by which it can be drawn large."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.detail import resize
from singan_core.detail.photo import premultiply, straighten
from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_core.windows import Span
from singan_runtime.measures.choice import Candidate
from singan_runtime.plan import Plan

Colour = tuple[int, int, int]

SIDE = 240  # px, longer side of a preview
LABEL = 22  # px, height of the line below it
GAP = 8  # px, around each cell
FRAME = 3  # px, around a chosen one
SHAPE = 1.5  # width over height that a sheet comes near
NARROWEST = 80  # px: a cell has room for its label
INK, PAPER = (32, 32, 32), (255, 255, 255)


def draw_preview(picture: Plan, candidate: Candidate) -> Pixels:
    """Draw a candidate small, uint8 (h, w, C): 240 px on the longer side, nothing enlarged.

    It is the first level after the searched ones, about 160 px: a stage that the picture passes on
    its way to any size.
    """
    drawing, fit = candidate.drawing, picture.fit
    assert drawing is not None and fit is not None
    size = choose_preview_size(fit.size)

    # The canvas may show more than the picture; the preview is the middle of it.
    height, width = (
        max(side, round(whole * side / full))
        for side, whole, full in zip(size, fit.whole, fit.size, strict=True)
    )
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    want = Span(top, top + size[0]), Span(left, left + size[1])

    number = min(drawing.searched, len(drawing.canvases) - 1)
    canvas = drawing.canvases[number]
    needed = resize.find_sources(want, canvas, (height, width), drawing.wrap)
    part = drawing.draw_level(number, needed)
    pixels = premultiply(part.pixels)
    small = resize.resize_window(pixels, part.region, canvas, (height, width), want, drawing.wrap)
    return straighten(small)


def choose_preview_size(size: Size) -> Size:
    """Choose the size (height, width) of the preview of a picture of a size."""
    factor = min(1.0, SIDE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def draw_sheet(
    picture: Plan,
    candidates: Sequence[Candidate],
    chosen: Collection[int] = (),
    ranked: bool = False,
    background: Colour = PAPER,
) -> Pixels:
    """Draw a sheet of the candidates, row by row in their order, uint8 (h, w, 3).

    Below each stands its seed, and before that its place if they are ranked; the chosen seeds have
    a frame and a dark line. Transparent pictures are put on the background. Raises RequestError for
    none.
    """
    if not candidates:
        raise RequestError("a sheet of no pictures is not possible: ask for 1 seed or more")
    cell, columns = _lay_out(picture.size, len(candidates))
    rows = math.ceil(len(candidates) / columns)
    sheet = Image.new("RGB", (columns * cell[1] + GAP, rows * cell[0] + GAP), PAPER)

    for number, one in enumerate(candidates):
        small = images.flatten(draw_preview(picture, one), background)
        place = f"{number + 1}.  " if ranked else ""
        corner = find_corner(picture.size, len(candidates), number)
        _put(sheet, corner, small, f"{place}seed {one.seed}", one.seed in chosen)
    return np.asarray(sheet)


def find_corner(size: Size, count: int, number: int) -> tuple[int, int]:
    """Find the top row and left column of a preview in a sheet of count pictures of a size."""
    cell, columns = _lay_out(size, count)
    row, column = divmod(number, columns)
    return row * cell[0] + GAP, column * cell[1] + GAP


def _lay_out(size: Size, count: int) -> tuple[Size, int]:
    """Choose the size of the cells, one gap included, and how many stand side by side."""
    height, width = choose_preview_size(size)
    cell = height + LABEL + GAP, max(width, NARROWEST) + GAP
    columns = math.ceil(math.sqrt(count * SHAPE * cell[0] / cell[1]))
    return cell, min(count, columns)


def _put(
    sheet: Image.Image, corner: tuple[int, int], small: Pixels, label: str, chosen: bool
) -> None:
    """Put a preview and its label at a corner (top, left) of the sheet, with a frame if chosen."""
    (top, left), (height, width) = corner, small.shape[:2]
    draw = ImageDraw.Draw(sheet)
    if chosen:
        right = left + max(width, NARROWEST) + FRAME - 1
        draw.rectangle((left - FRAME, top - FRAME, right, top + height + LABEL - 1), fill=INK)

    sheet.paste(images.to_pillow(small).convert("RGB"), (left, top))
    ink = PAPER if chosen else INK
    draw.text((left + 4, top + height + 2), label, fill=ink, font=ImageFont.load_default(14))

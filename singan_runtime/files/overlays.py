"""Overlays: pictures with their annotations drawn over them, for people to check."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from singan_core.arrays import Pixels
from singan_runtime.files.dataset_index import Row
from singan_runtime.files.voc import make_palette

OVERLAYS = "overlays"


def draw_overlay(pixels: Pixels, masks: Pixels, rows: list[Row]) -> Pixels:
    """Tint each label of a picture (h, w, 3) in its colour and draw the boxes of its annotations.

    masks are uint8 (h, w, labels), 0 or 255; rows are one for each label.
    """
    colours = make_palette()[1:]
    tinted = pixels.copy()
    for k, colour in enumerate(colours[: masks.shape[2]]):
        inside = masks[..., k] > 0
        tinted[inside] = tinted[inside] // 2 + colour // 2

    image = Image.fromarray(tinted)
    draw = ImageDraw.Draw(image)
    for row, colour in zip(rows, colours, strict=False):
        for annotation in row.annotations:
            x, y, width, height = annotation.box
            draw.rectangle((x, y, x + width - 1, y + height - 1), outline=tuple(colour.tolist()))
    return np.asarray(image)

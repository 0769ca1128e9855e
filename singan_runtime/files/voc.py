"""Labels as in Pascal VOC: an XML file with boxes and a picture of class numbers, per picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from singan_core.arrays import Pixels
from singan_core.atomic import atomic_file
from singan_runtime.files.dataset_index import IMAGES, Row

ANNOTATIONS, CLASSES = "Annotations", "SegmentationClass"


def write_boxes(path: Path, rows: list[Row]) -> None:
    """Write the boxes of a picture's annotations. Raises OutputError.

    As in VOC, the first pixel is 1 and the last one belongs to the box.
    """
    top = ElementTree.Element("annotation")
    _add(top, "folder", IMAGES)
    _add(top, "filename", rows[0].name)
    size = ElementTree.SubElement(top, "size")
    height, width = rows[0].size
    for name, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, name, value)
    _add(top, "segmented", 1)

    for row in rows:
        for annotation in row.annotations:
            _add_object(top, row.label, annotation.box, (height, width))
    ElementTree.indent(top)
    with atomic_file(path) as temporary:
        temporary.write_bytes(ElementTree.tostring(top, encoding="utf-8") + b"\n")


def _add_object(
    top: ElementTree.Element, label: str, box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    """Add an object of a label, with its box (x, y, width, height)."""
    x, y, width, height = box
    is_cut = x == 0 or y == 0 or x + width == size[1] or y + height == size[0]
    one = ElementTree.SubElement(top, "object")
    _add(one, "name", label)
    _add(one, "pose", "Unspecified")
    _add(one, "truncated", int(is_cut))
    _add(one, "difficult", 0)
    bounds = ElementTree.SubElement(one, "bndbox")
    corners = {"xmin": x + 1, "ymin": y + 1, "xmax": x + width, "ymax": y + height}
    for name, value in corners.items():
        _add(bounds, name, value)


def _add(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)


def write_classes(path: Path, masks: Pixels) -> None:
    """Write a picture whose pixels are class numbers, from masks (h, w, labels).

    0 is the background and k the label k, counted from 1. Where labels overlap, the last one
    counts. Raises OutputError.
    """
    classes = np.zeros(masks.shape[:2], np.uint8)
    for k in range(masks.shape[2]):
        classes[masks[..., k] > 0] = k + 1
    image = Image.fromarray(classes)
    image.putpalette(make_palette().ravel().tolist())
    with atomic_file(path) as temporary:
        image.save(temporary, "PNG")


def make_palette() -> Pixels:
    """Make the colours of VOC's 256 classes, (256, 3): the bits of a number, spread over R, G, B.

    Source: VOClabelcolormap of the development kit of Pascal VOC.
    """
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for place in range(8):
        for channel in range(3):
            bits = numbers >> (3 * place + channel) & 1
            colours[:, channel] |= (bits << (7 - place)).astype(np.uint8)
    return colours

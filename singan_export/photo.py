"""Find the photo that a bundle takes its detail from, and where its generators hand over."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import images, pyramid, resample, stored
from singan_core.arrays import Floats, Pixels
from singan_core.detail import store
from singan_core.detail.photo import Photo
from singan_core.detail.search import choose_position
from singan_core.errors import RequestError
from singan_core.manifest import Detail, Manifest
from singan_core.pyramid import Size
from singan_export.focus import find_focus

_ALIKE = 0.6  # least correlation of a photo with what its model reconstructs
_FLAT = 0.02  # standard deviation of values in [-1, 1] below which a correlation says nothing
# px, hand-over of generators that go further: most pyramids begin with scales of 25 and 33 px
_USUAL = 33
MOST = 1920  # px, longer side of a photo that is given to the export


@dataclass(frozen=True)
class Source:
    """The photo of a bundle, and its manifest's detail without what is known of the bases."""

    pixels: Pixels  # (h, w, C), colours straight
    masks: NDArray[np.bool_] | None  # (h, w, labels)
    detail: Detail
    coarsest: Size  # the coarsest generator's canvas

    def write(self, folder: Path) -> Detail:
        """Write photo, masks and bases into a bundle's folder, and return its manifest's detail."""
        stored.write_photo(folder, self.pixels)
        if self.masks is not None:
            stored.write_masks(folder, self.masks)
        return self.write_bases(folder)

    def write_bases(self, folder: Path) -> Detail:
        """Write the bases alone, and return the manifest's detail."""
        photo = Photo(self.pixels, self.detail.levels)
        shifts = store.write_bases(folder, photo)
        return dataclasses.replace(self.measure(photo), shifts=shifts)

    def measure(self, photo: Photo) -> Detail:
        """Return the manifest's detail with what is measured on the photo at its levels."""
        position = choose_position(photo)
        focus = find_focus(photo, self.coarsest) if position else None  # a texture has no places
        return dataclasses.replace(self.detail, position=position, focus=focus)

    def remove_composition(self) -> Source:
        """Return the same without the composition level."""
        detail = dataclasses.replace(self.detail, levels=self.detail.levels[1:])
        return dataclasses.replace(self, detail=detail)


def find_source(
    run: Path, trained: Manifest, photo: Path | None, hand_over: int | None
) -> Source | None:
    """Find the photo of a run, or read the one that is given to a run without.

    hand_over is the most px that the shorter side of the last generator's canvas may have: as
    trained if it is None, or 33 px for a photo that is given. Returns None for a bundle of
    generators alone. Raises RequestError, ImageError or BundleError.
    """
    if trained.detail is not None:
        if photo is not None:
            raise RequestError(f"{run}: has its own photo inside; leave out --photo")
        pixels, masks = _read_stored(run, trained, trained.detail)
    elif photo is not None:
        pixels, masks = _read_given(trained, photo), None
    elif hand_over is not None:
        raise RequestError(
            f"{run}: has no photo, so nothing can be handed over to it; "
            "name the photo, --photo PHOTO"
        )
    else:
        return None

    if hand_over is None and trained.detail is not None:
        last = trained.detail.hand_over
    else:
        usual = max(_USUAL, min(trained.shapes[0]))
        last = find_last(trained, usual if hand_over is None else hand_over)
    handed = trained.shapes[last]
    levels = pyramid.plan_detail_levels((pixels.shape[0], pixels.shape[1]), handed)
    if not levels:
        raise RequestError(
            f"the photo of {pixels.shape[1]}x{pixels.shape[0]} "
            "is no larger than the hand-over's canvas: "
            "use a larger photo or a lower --hand-over"
        )
    levels = (*pyramid.plan_composition(handed), *levels)
    detail = Detail(last, levels, stored.hash_pixels(pixels))
    return Source(pixels, masks, detail, trained.shapes[0])


def _read_stored(
    run: Path, trained: Manifest, detail: Detail
) -> tuple[Pixels, NDArray[np.bool_] | None]:
    """Read the photo that a run holds, and its masks."""
    size = detail.levels[-1]
    files, labels = trained.files, len(trained.labels)
    pixels = stored.read_photo(run, files, size, trained.channels, detail.photo_sha256)
    return pixels, stored.read_masks(run, files, size, labels) if labels else None


def check_alike(source: Source, hand_over: Size, reconstruction: Floats) -> None:
    """Raise RequestError if the generators reconstruct another layout than the photo's.

    The reconstruction is (1, C, h, w). Both are compared at the hand-over's size by the
    correlation of their values, which is 0.9 and more for a model's own photo.
    """
    photo = resample.resize(images.to_floats(source.pixels), hand_over).reshape(-1)
    known = resample.resize(reconstruction, hand_over).reshape(-1)
    if min(photo.std(), known.std()) < _FLAT:
        return
    alike = float(np.corrcoef(photo, known)[0, 1])
    if alike < _ALIKE:
        raise RequestError(
            "the photo is not the one that the model was trained on: the correlation with what "
            f"the model reconstructs is {alike:.2f}, at least {_ALIKE:g} is expected; "
            "name the model's own photo"
        )


def find_last(trained: Manifest, side: int) -> int:
    """Find the finest generator whose canvas has a shorter side of at most so many px.

    Raises RequestError.
    """
    small = [scale for scale, shape in enumerate(trained.shapes) if min(shape) <= side]
    if not small:
        least = min(trained.shapes[0])
        raise RequestError(
            f"hand-over {side} is not possible: the coarsest generator's canvas has {least} px; "
            f"use {least} or more"
        )
    return small[-1]


def _read_given(trained: Manifest, path: Path) -> Pixels:
    """Read a photo file as the bundle stores it.

    Raises RequestError unless it has the shape of the model's photo.
    """
    if trained.labels:
        raise RequestError(
            f"{path}: this model draws labels, which a photo cannot; train it anew with detail"
        )

    photo = images.open_photo(path, str(trained.channels), MOST)
    size = photo.size
    if not _is_same_shape(size, trained.pyramid.finest):
        height, width = trained.pyramid.finest
        raise RequestError(
            f"{path}: {size[1]}x{size[0]} is not of the shape that the model was trained on, "
            f"{width}x{height}"
        )

    factor = min(1.0, MOST / max(size))
    pixels = images.to_pixels(photo.resize((round(size[0] * factor), round(size[1] * factor))))[0]
    if pixels.shape[2] == 4:
        pixels[pixels[..., 3] == 0] = 0  # a colour that nobody sees
    return pixels


def _is_same_shape(a: Size, b: Size) -> bool:
    """Tell whether two sizes have the same aspect ratio, as far as whole pixels allow."""
    least = min(*a, *b)
    return abs(math.log(a[0] * b[1] / (a[1] * b[0]))) <= 1.5 / least

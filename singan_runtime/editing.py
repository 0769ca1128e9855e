"""The paper's applications: an image of the user's goes into the cascade at a start scale, finer scales redraw it.

Images are float (1, C, H, W) in [-1, 1], masks bool (H, W), results uint8 (h, w, C).
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from singan_core import images, pyramid, resample
from singan_core.detail import resize
from singan_core.detail.original import FULL_TRUST, Original
from singan_core.errors import ImageError, RequestError
from singan_core.masks import from_alpha
from singan_core.pyramid import Fit, Size, Zoom
from singan_core.windows import Step
from singan_runtime import masks
from singan_runtime.palette import nearest, palette_of
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler, check_seed, read_wrap

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_KINDS = {1: "grey", 3: "RGB", 4: "RGBA (with transparency)"}


@dataclasses.dataclass(frozen=True)
class Redrawing:
    """How a masked part is redrawn: where the image is injected, and how far beyond the mask it may change."""

    depth: float  # start scale as a share of the finest: 0 redraws the layout, 1 only the finest detail
    reach: float  # of the change beyond the mask, px at the trained size; with detail of a photo of USUAL_SIDE
    foreign: bool  # with detail: whether a thing from elsewhere is to keep its colours, or one of the photo its place


USUAL_SIDE = 250  # px, longer side that models without detail are trained at
HARMONIZE = Redrawing(
    depth=0.4, reach=4, foreign=True
)  # lower bends colours more, and loses the shape
EDIT = Redrawing(depth=0.4, reach=20, foreign=False)
PAINT_START_SCALE = 1
MOST_BAND = 2  # px of the searched level at both sides of a mask's border that are made up, so that no seam is left


def read_image(sampler: Sampler, path: Path) -> Floats:
    """The picture of a file with the training photo's channels.

    Raises ImageError if that would lose its colour or transparency, or for a file that cannot be read; RequestError for
    a bundle with labels.
    """
    return _read(sampler, path, images.open_photo(path))


def read_masked(sampler: Sampler, path: Path) -> tuple[Floats, masks.Mask]:
    """The picture of a file and the mask that its own alpha channel makes: what is opaque is inside.

    A model of opaque photos gets the colours as they are, seen or not. Raises as read_image, and ImageError without a
    transparent part.
    """
    photo = images.open_photo(path, "4")
    mask = from_alpha(photo.alpha(), path)
    if sampler.manifest.picture_channels != 4:
        values = photo.values[..., :3]
        grey = (values == values[..., :1]).all()
        photo = images.Photo(values[..., :1] if grey else values, photo.size)
    return _read(sampler, path, photo), mask


def _read(sampler: Sampler, path: Path, photo: images.Photo) -> Floats:
    channels = sampler.manifest.channels
    if sampler.manifest.labels and sampler.photo is None:
        raise RequestError(
            f"{path}: the bundle was trained with masks ({', '.join(sampler.manifest.labels)}), this picture has none: "
            "use a bundle trained without --mask"
        )
    found = photo.values.shape[2]
    if found > channels:
        raise ImageError(
            f"{path}: the picture is {_KINDS[found]}, but the bundle was trained on a photo in {_KINDS[channels]}: "
            f"save the picture in {_KINDS[channels]}"
        )
    return dataclasses.replace(photo, channels=channels).floats()


def start_scale_of(sampler: Sampler, size: Size, how: Redrawing) -> int:
    """The start scale of a manner for an image of a size.

    With detail it comes after the generators, since coarse generators know nothing of the shape of a thing.
    """
    fit = sampler.fit(size)
    if not fit.levels:
        return max(1, round(how.depth * last_scale(fit)))
    return last_scale(fit) + (further_scales(sampler, fit) if how.foreign else 0)


def paint_start_scale(fit: Fit) -> int:
    """The start scale of a painting: with detail that of the last generator, which puts flat shapes right."""
    return max(PAINT_START_SCALE, len(fit.passes) - 1) if fit.levels else PAINT_START_SCALE


def last_scale(fit: Fit) -> int:
    """The finest scale that draws an image anew: with detail the photo's patches do so once after the generators."""
    return (
        len(fit.passes)
        if fit.levels
        else max(step.generator for step in fit.passes if not step.beyond)
    )


def further_scales(sampler: Sampler, fit: Fit) -> int:
    """How many scales follow at which a masked part keeps its colours: the copied levels.

    There the photo gives only what is finer. Transparent photos have none of these.
    """
    return 0 if sampler.manifest.picture_channels == 4 else len(fit.levels) - fit.searched


def check_start(fit: Fit, start_scale: int, further: int = 0) -> None:
    """Raise RequestError unless an image can be injected there; further scales are allowed beyond the last."""
    last = last_scale(fit)
    if last == 0:
        raise RequestError(
            "this size and zoom use the coarsest scale alone, which takes no image: raise the zoom"
        )
    if not 1 <= start_scale <= last + further:
        raise RequestError(
            f"start scale {start_scale} is not possible: an image can be injected at scales 1 to {last + further} here"
        )


def injected(sampler: Sampler, image: Floats, size: Size, zoom: Zoom, start_scale: int) -> Picture:
    """The picture of exactly the size that the scales from start_scale on make of an image of any size.

    The image is resampled to the canvas below the start scale, which bounds what of it can be seen: coarse canvases
    hold its layout and colours, fine ones its shapes. Raises RequestError. Source: SinGAN, section 4.
    """
    fit = sampler.fit(size, zoom)
    check_start(fit, start_scale)
    sampler.check_pixels(size)
    if start_scale == len(
        fit.passes
    ):  # past the generators: the photo's patches look for the image itself
        return searched(image, fit)
    return Picture.of(fit, start_scale, on_whole(image, fit, fit.passes[start_scale - 1].canvas))


def searched(image: Floats, fit: Fit) -> Picture:
    """The picture that the photo's patches make of an image, from the largest searched level on."""
    first = fit.searched - 1
    return dataclasses.replace(
        Picture.of(fit, len(fit.passes), on_whole(image, fit, fit.levels[first])), first=first
    )


def redrawn(
    sampler: Sampler, image: Floats, mask: masks.Mask, how: Redrawing, start_scale: int
) -> Picture:
    """The picture of an image whose masked part is to be redrawn from a start scale on. Raises RequestError."""
    fit = sampler.fit((mask.shape[0], mask.shape[1]))
    if not fit.levels or start_scale < len(fit.passes):
        return injected(sampler, image, fit.size, "auto", start_scale)
    check_start(fit, start_scale, further_scales(sampler, fit))
    sampler.check_pixels(fit.size)
    picture = searched(image, fit)
    if start_scale == len(fit.passes):
        if how.foreign:
            return picture
        # What was moved may be found at any height.
        return dataclasses.replace(
            picture, original=Original(to_whole(image, fit), trust_in(mask, fit)), position=0.0
        )

    everywhere = np.full((1, 1, 1), FULL_TRUST, np.uint8)
    keeps_from = fit.searched + start_scale - len(fit.passes) - 1
    return dataclasses.replace(
        picture, original=Original(to_whole(image, fit), everywhere, keeps_from)
    )


def to_whole(image: Floats, fit: Fit) -> Pixels:
    """The pixels of an image of a picture: its edges go on where the canvas shows more than the picture."""
    return images.to_pixels(extended(image, fit))[0]


def on_whole(image: Floats, fit: Fit, canvas: Size) -> Floats:
    """An image of a picture, resampled to a canvas that may show more than the picture."""
    return resample.resize(extended(image, fit), canvas)


def extended(image: Floats, fit: Fit) -> Floats:
    """An image of a picture (1, C, H, W), whose edges go on where the canvas shows more than the picture."""
    if fit.whole == fit.size:
        return image
    (top, left), (height, width) = fit.origin, fit.size
    shares = (
        (top / height, (fit.whole[0] - height - top) / height),
        (left / width, (fit.whole[1] - width - left) / width),
    )
    around = [
        (round(a * side), round(b * side))
        for (a, b), side in zip(shares, image.shape[2:], strict=True)
    ]
    return np.pad(image, [(0, 0), (0, 0), *around], mode="edge")


def redraw(
    sampler: Sampler,
    image: Floats,
    mask: masks.Mask,
    how: Redrawing,
    start_scale: int | None = None,
    reach: int | None = None,
    seed: int = 0,
) -> Pixels:
    """The image with its masked part, and what lies within reach px around it, redrawn in the photo's manner.

    Beyond the reach the result is the image's pixels, bit for bit; only what the mask needs is drawn. start_scale
    and reach default to the manner's. Raises RequestError. Source: SinGAN, section 4, harmonization and editing.
    """
    height, width = mask.shape
    check_seed(seed)
    if start_scale is None:
        start_scale = start_scale_of(sampler, (height, width), how)
    picture = redrawn(sampler, image, mask, how, start_scale)
    weights = masks.feather(
        mask, reach_at(sampler, (height, width), how) if reach is None else reach
    )

    def blended(drawn: Floats, step: Step) -> Floats:
        """Without detail the last generator's image is blended before it becomes pixels."""
        if step.index != picture.passes[-1].index:
            return drawn
        rows, columns = (slice(*span) for span in step.kept)
        kept = image[..., rows, columns]
        return kept + weights[rows, columns] * (drawn - kept)

    region = masks.bounds(weights > 0)
    rows, columns = (slice(*span) for span in region)
    pixels = images.to_pixels(image)[0]
    share = weights[rows, columns, None]
    if picture.fit is None:
        drawn = sampler.pixels(dataclasses.replace(picture, adjust=blended), seed, region)
    else:
        drawn = masks.blend(pixels[rows, columns], sampler.pixels(picture, seed, region), share)
    pixels[rows, columns] = np.where(share > 0, drawn, pixels[rows, columns])
    return pixels


def trust_in(mask: masks.Mask, fit: Fit) -> Pixels:
    """Where an edited image is to be followed, (h, w, 1), 0 or 255, on the canvas of the largest searched level.

    Everywhere but along the border of the mask, where the photo's patches make up what joins both sides: of a thing so
    thin that nothing would be left of it, half.
    """
    shown = extended(np.where(mask, np.float32(1), np.float32(-1))[None, None], fit)
    cover = resize.resize(images.to_pixels(shown)[0], fit.levels[fit.searched - 1])[..., 0]
    inside = cover >= 128
    depth = sum(bool(shrunk(inside, by).any()) for by in range(1, 2 * MOST_BAND))
    trusted = shrunk(inside, (depth + 1) // 2) | shrunk(cover == 0, MOST_BAND)
    return np.where(trusted, np.uint8(FULL_TRUST), np.uint8(0))[..., None]


def shrunk(mask: masks.Mask, by: int) -> masks.Mask:
    """The mask without what lies within so many px of its border; beyond the picture it goes on."""
    return masks.erode(mask, by)


def reach_at(sampler: Sampler, size: Size, how: Redrawing) -> int:
    """The manner's reach in pixels of a picture of the size."""
    trained = sampler.manifest.pyramid
    larger = max(trained.finest) / USUAL_SIDE if trained.levels else 1.0
    return round(how.reach * larger * pyramid.chosen_zoom(trained, size, "auto"))


def paint(
    sampler: Sampler,
    image: Floats,
    size: Size | None = None,
    zoom: Zoom = "auto",
    start_scale: int | None = None,
    colours: int | None = None,
    seed: int = 0,
) -> Pixels:
    """A photo-like picture with the layout of a painted image; None is the trained size and the usual start scale.

    With colours, the painting's are first replaced by the nearest of so many from the photo. Raises RequestError.
    Source: SinGAN, section 4, paint-to-image.
    """
    check_seed(seed)
    size = size or sampler.trained_size
    if start_scale is None:
        start_scale = paint_start_scale(sampler.fit(size, zoom))
    picture = injected(sampler, image, size, zoom, start_scale)
    if colours is not None:
        assert picture.base is not None
        palette = palette_of(sampler.reconstruction(start_scale), colours)
        picture = dataclasses.replace(picture, base=nearest(picture.base, palette))
    return sampler.pixels(picture, seed)


def upscale(
    sampler: Sampler, factor: float, image: Floats | None = None, seed: int = 0, tileable: str = ""
) -> Pixels:
    """The training photo, or an image like it, factor times as large: round(factor x side) pixels a side.

    Passes beyond the finest scale add the detail; they are as many as the factor needs, one at least. Along tileable
    x, y or xy the image repeats and goes on repeating. Raises RequestError. Source: SinGAN, section 4,
    super-resolution; ours takes any factor in equal steps.
    """
    check_seed(seed)
    source = sampler.known_photo() if image is None else image
    size = enlarged_size(source.shape[2:], factor)
    sampler.check_pixels(size)
    wrap = read_wrap(tileable)
    if sampler.photo is not None and image is None:
        return sampler.enlarged_photo(size, wrap)
    if sampler.photo is not None:  # another image has no map of the photo, and is enlarged smoothly
        return images.to_pixels(resample.resize(source, size, wrap))[0]
    trained = sampler.manifest.pyramid
    passes = pyramid.beyond(trained, size, factor, max(1, pyramid.further_passes(trained, factor)))
    return sampler.pixels(Picture(tuple(passes), source, wrap), seed)


def enlarged_size(size: Size, factor: float) -> Size:
    """The size that an image of a size gets by a factor above 1. Raises RequestError."""
    if not (math.isfinite(factor) and factor > 1):
        raise RequestError(f"factor {factor:g} is not possible: it must be a number above 1")
    enlarged = round(size[0] * factor), round(size[1] * factor)
    pyramid.check_size(enlarged)
    return enlarged

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
from singan_core.errors import ImageError, RequestError
from singan_core.masks import from_alpha
from singan_core.pyramid import Fit, Size, Zoom
from singan_core.windows import Step
from singan_runtime import masks
from singan_runtime.picture import Picture
from singan_runtime.sampler import Sampler, check_seed

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]

_KINDS = {1: "grey", 3: "RGB", 4: "RGBA (with transparency)"}
_ITERATIONS = 20  # of k-means: a few thousand pixels settle in fewer


@dataclasses.dataclass(frozen=True)
class Redrawing:
    """How a masked part is redrawn: where the image is injected, and how far beyond the mask it may change."""

    depth: float  # start scale as a share of the finest: 0 redraws the layout, 1 only the finest detail
    reach: float  # of the change beyond the mask, px at the trained size; with detail of a photo of USUAL_SIDE


USUAL_SIDE = 250  # px, longer side that models without detail are trained at
HARMONIZE = Redrawing(depth=0.4, reach=7)  # lower bends colours more, and loses the shape
EDIT = Redrawing(depth=0.4, reach=20)
PAINT_START_SCALE = 1


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


def start_scale_at(fit: Fit, depth: float) -> int:
    """The start scale that lies at a depth (0 to 1) of the generators' scales, 1 or more; with detail above them all,
    since coarse generators know nothing of the shape of a thing.
    """
    return last_scale(fit) if fit.levels else max(1, round(depth * last_scale(fit)))


def last_scale(fit: Fit) -> int:
    """The finest scale at which an image can be injected: with detail the levels come after the generators."""
    return len(fit.passes) if fit.levels else max(step.generator for step in fit.passes if not step.beyond)


def check_start(fit: Fit, start_scale: int) -> None:
    """Raise RequestError unless an image can be injected there."""
    last = last_scale(fit)
    if last == 0:
        raise RequestError("this size and zoom use the coarsest scale alone, which takes no image: raise the zoom")
    if not 1 <= start_scale <= last:
        raise RequestError(
            f"start scale {start_scale} is not possible: an image can be injected at scales 1 to {last} here"
        )


def injected(sampler: Sampler, image: Floats, size: Size, zoom: Zoom, start_scale: int) -> Picture:
    """The picture of exactly the size that the scales from start_scale on make of an image of any size.

    The image is resampled to the canvas below the start scale, which bounds what of it can be seen: coarse canvases
    hold its layout and colours, fine ones its shapes. Raises RequestError. Source: SinGAN, section 4.
    """
    fit = sampler.fit(size, zoom)
    check_start(fit, start_scale)
    sampler.check_pixels(size)
    if start_scale == len(fit.passes):  # past the generators: the photo's patches look for the image itself
        first = fit.searched - 1
        inside = on_whole(image, fit, fit.levels[first])
        return dataclasses.replace(Picture.of(fit, start_scale, inside), first=first)
    return Picture.of(fit, start_scale, on_whole(image, fit, fit.passes[start_scale - 1].canvas))


def on_whole(image: Floats, fit: Fit, canvas: Size) -> Floats:
    """An image of a picture, resampled to a canvas: its edges go on where the canvas shows more than the picture."""
    if fit.whole == fit.size:
        return resample.resize(image, canvas)
    (top, left), (height, width) = fit.origin, fit.size
    shares = (
        (top / height, (fit.whole[0] - height - top) / height),
        (left / width, (fit.whole[1] - width - left) / width),
    )
    around = [(round(a * side), round(b * side)) for (a, b), side in zip(shares, image.shape[2:], strict=True)]
    return resample.resize(np.pad(image, [(0, 0), (0, 0), *around], mode="edge"), canvas)


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
        start_scale = start_scale_at(sampler.fit((height, width)), how.depth)
    picture = injected(sampler, image, (height, width), "auto", start_scale)
    weights = masks.feathered(mask, reach_at(sampler, (height, width), how) if reach is None else reach)

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
        drawn = masks.mix(pixels[rows, columns], sampler.pixels(picture, seed, region), share)
    pixels[rows, columns] = np.where(share > 0, drawn, pixels[rows, columns])
    return pixels


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
    start_scale: int = PAINT_START_SCALE,
    colours: int | None = None,
    seed: int = 0,
) -> Pixels:
    """A photo-like picture with the layout of a painted image; None is the trained size.

    With colours, the painting's are first replaced by the nearest of so many from the photo. Raises RequestError.
    Source: SinGAN, section 4, paint-to-image.
    """
    check_seed(seed)
    picture = injected(sampler, image, size or sampler.trained_size, zoom, start_scale)
    if colours is not None:
        assert picture.base is not None
        palette = palette_of(sampler.reconstruction(start_scale), colours)
        picture = dataclasses.replace(picture, base=nearest(picture.base, palette))
    return sampler.pixels(picture, seed)


def palette_of(image: Floats, colours: int) -> Floats:
    """The image's main colours (colours, C) by k-means, begun at the colours farthest from each other.

    Raises RequestError unless there are 2 or more, and no more than pixels.
    """
    values = image[0].reshape(image.shape[1], -1).T
    if not 2 <= colours <= len(values):
        raise RequestError(f"{colours} colours are not possible: ask for 2 to {len(values)}")
    centres = values.mean(axis=0, keepdims=True)
    for _ in range(colours):  # the mean only begins the search
        distances = ((values[:, None] - centres) ** 2).sum(axis=2).min(axis=1)
        centres = np.concatenate([centres, values[distances.argmax()][None]])
    centres = centres[1:]
    for _ in range(_ITERATIONS):
        owner = ((values[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        groups = (values[owner == n] for n in range(colours))
        centres = np.stack(
            [group.mean(axis=0) if len(group) else centre for group, centre in zip(groups, centres, strict=True)]
        )
    return centres


def nearest(image: Floats, palette: Floats) -> Floats:
    """The image with every pixel's colour replaced by the nearest of a palette (colours, C)."""
    owner = ((image[0, None] - palette[..., None, None]) ** 2).sum(axis=1).argmin(axis=0)
    return np.ascontiguousarray(palette[owner].transpose(2, 0, 1)[None])


def upscale(sampler: Sampler, factor: float, image: Floats | None = None, seed: int = 0) -> Pixels:
    """The training photo, or an image like it, factor times as large: round(factor x side) pixels a side.

    Passes beyond the finest scale add the detail; they are as many as the factor needs, one at least. Raises
    RequestError. Source: SinGAN, section 4, super-resolution; ours takes any factor in equal steps.
    """
    check_seed(seed)
    source = sampler.known_photo() if image is None else image
    size = enlarged_size(source.shape[2:], factor)
    sampler.check_pixels(size)
    if sampler.photo is not None:  # another image has no map of the photo, and is enlarged smoothly
        return sampler.enlarged_photo(size) if image is None else images.to_pixels(resample.resize(source, size))[0]
    trained = sampler.manifest.pyramid
    passes = pyramid.beyond(trained, size, factor, max(1, pyramid.further_passes(trained, factor)))
    return sampler.pixels(Picture(tuple(passes), source, (False, False)), seed)


def enlarged_size(size: Size, factor: float) -> Size:
    """The size that an image of a size gets by a factor above 1. Raises RequestError."""
    if not (math.isfinite(factor) and factor > 1):
        raise RequestError(f"factor {factor:g} is not possible: it must be a number above 1")
    enlarged = round(size[0] * factor), round(size[1] * factor)
    pyramid.check_size(enlarged)
    return enlarged

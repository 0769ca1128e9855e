"""Edits and harmonizes: redraws the masked part of an image in the photo's manner.

Images are float (1, C, H, W) in [-1, 1], masks bool (H, W), results uint8 (h, w, C).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from singan_core import cascade, images
from singan_core.arguments import read_image, read_mask, read_object
from singan_core.arrays import Floats, Mask, Pixels
from singan_core.detail import resize
from singan_core.detail.original import FULL_TRUST, Original
from singan_core.errors import RequestError
from singan_core.fitting import Fit
from singan_core.limits import read_whole
from singan_core.pyramid import Size
from singan_core.windows import Step
from singan_core.zooms import choose_zoom
from singan_runtime import masks
from singan_runtime.edits.injection import (
    check_start,
    count_further_scales,
    find_last_scale,
    inject,
    inject_after_generators,
    to_canvas_pixels,
)
from singan_runtime.parsing import format_size
from singan_runtime.plan import Plan
from singan_runtime.request import check_seed
from singan_runtime.sampler import Sampler

USUAL_SIDE = 250  # px, longer side that models without detail are trained at
MOST_BAND = 2
"""px of the searched level at both sides of a mask's border that are made up, against seams."""


@dataclasses.dataclass(frozen=True)
class Redrawing:
    """A manner of redrawing: where the image is injected, and how far the change reaches.

    depth: start scale as a share of the finest: 0 redraws the layout, 1 only the finest detail.
    reach: px beyond the mask that change, at the trained size; with detail of a photo of
    USUAL_SIDE. foreign: with detail, a thing from elsewhere keeps its colours; otherwise one of the
    photo's keeps its place.
    """

    depth: float
    reach: float
    foreign: bool


# A lower depth bends the colours more, and loses the shape.
HARMONIZE = Redrawing(depth=0.4, reach=4, foreign=True)
EDIT = Redrawing(depth=0.4, reach=20, foreign=False)


def choose_start_scale(sampler: Sampler, size: Size, how: Redrawing) -> int:
    """Choose the start scale for an image of a size.

    With detail it comes after the generators, since coarse generators know nothing of the shape of
    a thing.
    """
    fit = sampler.fit(size)
    if not fit.levels:
        return max(1, round(how.depth * find_last_scale(fit)))
    return find_last_scale(fit) + (count_further_scales(sampler, fit) if how.foreign else 0)


def choose_reach(sampler: Sampler, size: Size, how: Redrawing) -> int:
    """Choose how many pixels beyond the mask change, for an image of a size."""
    trained = sampler.manifest.pyramid
    larger = max(trained.finest) / USUAL_SIDE if trained.levels else 1.0
    return round(how.reach * larger * choose_zoom(trained, size, "auto"))


def check_material(
    sampler: Sampler, image: Floats, mask: Mask, how: Redrawing
) -> tuple[Floats, Mask]:
    """Return the image and the mask that are to be redrawn in a manner.

    Raises RequestError unless the mask is of the image's size and not empty.
    """
    read_object(how, Redrawing, "manner")
    image = read_image(image, "image", sampler.manifest.channels)
    mask = read_mask(mask, "mask")
    if mask.shape != image.shape[2:] or not mask.any():
        raise RequestError(
            f"a mask of {format_size((mask.shape[0], mask.shape[1]))} is not possible: it must "
            f"have the image's size, {format_size(image.shape[2:])}, and an inside"
        )
    return image, mask


def read_reach(reach: object, size: Size) -> int:
    """Read how many px beyond a mask change in an image of a size. Raises RequestError.

    All of the image is reached by its longer side.
    """
    return read_whole(reach, "reach", 0, max(size))


def redraw(
    sampler: Sampler,
    image: Floats,
    mask: Mask,
    how: Redrawing,
    start_scale: int | None = None,
    reach: int | None = None,
    seed: int = 0,
) -> Pixels:
    """Redraw the masked part of an image, and what lies within reach px around it.

    Beyond the reach the result is the image's pixels, bit for bit; only what the mask needs is
    drawn. start_scale and reach default to the manner's. Raises RequestError. Source: SinGAN,
    section 4, harmonization and editing.
    """
    seed = check_seed(seed)
    image, mask = check_material(sampler, image, mask, how)
    size = mask.shape[0], mask.shape[1]
    if start_scale is None:
        start_scale = choose_start_scale(sampler, size, how)
    reach = read_reach(reach, size) if reach is not None else choose_reach(sampler, size, how)
    picture = plan_redrawing(sampler, image, mask, how, start_scale)

    weights = masks.feather(mask, reach)
    region = masks.find_bounds(weights > 0)
    rows, columns = (slice(*span) for span in region)
    share = weights[rows, columns, None]

    # Without detail the last generator's image is blended before it becomes pixels.
    pixels = images.to_pixels(image)[0]
    if picture.fit is None:
        picture = dataclasses.replace(picture, adjust=_blend_last(picture, image, weights))
        drawn = sampler.draw_pixels(picture, seed, region)
    else:
        drawn = sampler.draw_pixels(picture, seed, region)
        drawn = masks.blend(pixels[rows, columns], drawn, share)

    pixels[rows, columns] = np.where(share > 0, drawn, pixels[rows, columns])
    return pixels


def _blend_last(picture: Plan, image: Floats, weights: Floats) -> cascade.Adjust:
    """Return what blends the last generator's image with the given one, by weights (H, W)."""

    def blend(drawn: Floats, step: Step) -> Floats:
        if step.index != picture.passes[-1].index:
            return drawn
        rows, columns = (slice(*span) for span in step.kept)
        kept = image[..., rows, columns]
        return kept + weights[rows, columns] * (drawn - kept)

    return blend


def plan_redrawing(
    sampler: Sampler, image: Floats, mask: Mask, how: Redrawing, start_scale: int
) -> Plan:
    """Plan the picture of an image whose masked part is redrawn from a start scale on.

    Raises RequestError.
    """
    fit = sampler.fit((mask.shape[0], mask.shape[1]))
    start_scale = read_whole(start_scale, "start scale", -(2**63))
    after = start_scale - len(fit.passes)  # how many scales after the generators
    if not fit.levels or after < 0:
        return inject(sampler, image, fit.size, "auto", start_scale)

    check_start(fit, start_scale, count_further_scales(sampler, fit))
    sampler.check_pixels(fit.size)
    picture = inject_after_generators(image, fit)
    if after == 0:
        if how.foreign:
            return picture
        # What was moved may be found at any height.
        original = Original(to_canvas_pixels(image, fit), find_trust(mask, fit))
        return dataclasses.replace(picture, original=original, position=0.0)

    everywhere = np.full((1, 1, 1), FULL_TRUST, np.uint8)
    original = Original(to_canvas_pixels(image, fit), everywhere, fit.searched + after - 1)
    return dataclasses.replace(picture, original=original)


def find_trust(mask: Mask, fit: Fit) -> Pixels:
    """Find where an edited image is to be followed at the largest searched level.

    The result is uint8 (h, w, 1), 255 where it is followed and 0 elsewhere: everywhere but in a
    band along the border of the mask, where the photo's patches make up what joins both sides. Of a
    thing so thin that nothing of it would be left, half is followed.
    """
    signs = np.where(mask, np.float32(1), np.float32(-1))[None, None]
    canvas = fit.levels[fit.searched - 1]
    cover = resize.resize(to_canvas_pixels(signs, fit), canvas)[..., 0]

    inside = cover >= 128
    depth = sum(bool(masks.erode(inside, by).any()) for by in range(1, 2 * MOST_BAND))
    trusted = masks.erode(inside, (depth + 1) // 2) | masks.erode(cover == 0, MOST_BAND)
    return np.where(trusted, np.uint8(FULL_TRUST), np.uint8(0))[..., None]

"""Paint-to-image: turns a rough painting into a picture like the photo."""

from __future__ import annotations

import dataclasses

from singan_core.arguments import read_image
from singan_core.arrays import Floats, Pixels
from singan_core.fitting import Fit
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_runtime.edits.injection import inject
from singan_runtime.edits.palette import find_palette, recolour
from singan_runtime.request import check_seed
from singan_runtime.sampler import Sampler

PAINT_START_SCALE = 1


def choose_painting_scale(fit: Fit) -> int:
    """Choose the start scale of a painting.

    With detail it is that of the last generator, which turns flat shapes into the scene's.
    """
    return max(PAINT_START_SCALE, len(fit.passes) - 1) if fit.levels else PAINT_START_SCALE


def paint(
    sampler: Sampler,
    image: Floats,
    size: Size | None = None,
    zoom: Zoom = "auto",
    start_scale: int | None = None,
    colours: int | None = None,
    seed: int = 0,
) -> Pixels:
    """Draw a photo-like picture, uint8 (h, w, C), with the layout of a painting (1, C, H, W).

    Size and start scale default to the trained size and the usual start scale. With colours, those
    of the painting are first replaced by the nearest of so many from the photo. Raises
    RequestError.
    Source: SinGAN, section 4, paint-to-image.
    """
    seed = check_seed(seed)
    image = read_image(image, "painting", sampler.manifest.channels)
    size = sampler.trained_size if size is None else size
    if start_scale is None:
        start_scale = choose_painting_scale(sampler.fit(size, zoom))
    picture = inject(sampler, image, size, zoom, start_scale)

    if colours is not None:
        assert picture.base is not None
        palette = find_palette(sampler.reconstruct_scales(start_scale), colours)
        picture = dataclasses.replace(picture, base=recolour(picture.base, palette))
    return sampler.draw_pixels(picture, seed)

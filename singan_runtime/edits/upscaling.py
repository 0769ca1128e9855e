"""Super-resolution: enlarges the photo, or an image like it."""

from __future__ import annotations

from singan_core import fitting, images, resample
from singan_core.arguments import read_image
from singan_core.arrays import Floats, Pixels
from singan_core.errors import RequestError
from singan_core.limits import read_real
from singan_core.pyramid import Size
from singan_runtime.plan import Plan
from singan_runtime.request import check_seed, read_wrap
from singan_runtime.sampler import Sampler


def compute_enlarged_size(size: Size, factor: float) -> Size:
    """Compute the size that an image of a size gets by a factor: round(factor x side) a side.

    Raises RequestError unless the factor is above 1 and the sides are possible.
    """
    factor = read_real(factor, "factor", 1, fitting.MAX_SIDE)
    if factor == 1:
        raise RequestError("factor 1 is not possible: it must be above 1")
    enlarged = round(size[0] * factor), round(size[1] * factor)
    fitting.check_size(enlarged)
    return enlarged


def upscale(
    sampler: Sampler, factor: float, image: Floats | None = None, seed: int = 0, tileable: str = ""
) -> Pixels:
    """Enlarge the training photo, or an image (1, C, H, W) like it, by a factor: uint8 (h, w, C).

    Along tileable x, y or xy the image repeats and goes on repeating. Raises RequestError. Source:
    SinGAN, section 4, super-resolution; ours takes any factor, in equal steps.
    """
    seed = check_seed(seed)
    channels = sampler.manifest.channels
    source = sampler.get_photo() if image is None else read_image(image, "image", channels)
    size = compute_enlarged_size(source.shape[2:], factor)
    sampler.check_pixels(size)
    wrap = read_wrap(tileable)

    # With detail the photo has its own; another image has no map of it, and is enlarged smoothly.
    if sampler.photo is not None:
        if image is None:
            return sampler.enlarge_photo(size, wrap)
        return images.to_pixels(resample.resize(source, size, wrap))[0]

    # Passes beyond the finest scale add the detail, as many as the factor needs, one at least.
    trained = sampler.manifest.pyramid
    count = max(1, fitting.count_further_passes(trained, factor))
    passes = tuple(fitting.plan_further_passes(trained, size, factor, count))
    return sampler.draw_pixels(Plan(passes, source, wrap), seed)

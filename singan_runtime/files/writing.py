"""Pictures of requests as files: picture files, TIFF of any size, Deep Zoom folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from singan_core import images
from singan_core.arrays import Pixels
from singan_core.atomic import make_folder
from singan_core.windows import Region
from singan_runtime.files import deepzoom, tiff
from singan_runtime.files.names import name_picture
from singan_runtime.files.provenance import KEY, describe_picture
from singan_runtime.planning import find_objects
from singan_runtime.request import Request, find_region
from singan_runtime.sampler import Sampler

Colour = tuple[int, int, int]
WHITE = (255, 255, 255)
FORMATS = (*images.FORMATS, "tiff")


def check_writable(sampler: Sampler, request: Request, format: str) -> None:
    """Raise RequestError if the picture of a request cannot be drawn or a format cannot hold it."""
    sampler, request = sampler.choose_sampler(request)
    plan = sampler.plan_request(request)
    if format != "tiff":
        size = plan.size if request.window is None else request.window[2:]
        images.check_format(format, size)
        sampler.check_pixels(size)


def write_pictures(
    sampler: Sampler,
    folder: Path,
    request: Request,
    seeds: Sequence[int],
    format: str = "png",
    background: Colour = WHITE,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write the pictures of a request's seeds into a folder, each named by its size and seed.

    A format without transparency gets the background. advance is called after each picture.
    Raises RequestError or OutputError.
    """
    drawer, own = sampler.choose_sampler(request)
    make_folder(folder)
    plan = drawer.plan_request(own)
    region = None if own.window is None else find_region(plan.size, own.window)
    drawn = drawer.draw_series(plan, seeds, region)  # lazy: nothing is drawn before it is asked for

    for seed in seeds:
        one = replace(request, size=plan.size, seed=seed)
        path = folder / name_picture(sampler.manifest.name, one)
        if format == "tiff":
            write_tiff(sampler, path.with_name(f"{path.name}.tif"), one)
        else:
            file = path.with_name(path.name + images.FORMATS[format])
            text = describe_picture(sampler, describe_request(sampler, one))
            images.save(file, next(drawn), format, background, text)
        advance()


def write_tiff(sampler: Sampler, path: Path, request: Request) -> None:
    """Write the picture of a request as a tiled TIFF file, tile by tile, whatever its size.

    Raises RequestError, InstallError or OutputError.
    """
    drawer, own = sampler.choose_sampler(request)
    plan = drawer.plan_request(own)
    region = None if own.window is None else find_region(plan.size, own.window)
    size = plan.size if own.window is None else own.window[2:]

    regions = tiff.list_tiles(plan.size, region)
    tiles = (drawer.draw_pixels(plan, own.seed, tile) for tile in regions)
    described = describe_request(sampler, replace(request, size=plan.size))
    text = describe_picture(sampler, described)[KEY]
    tiff.write_tiles(path, size, sampler.manifest.picture_channels, tiles, text)


def write_deepzoom(
    sampler: Sampler,
    folder: Path,
    request: Request,
    format: str = "jpeg",
    background: Colour = WHITE,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write the picture of a request, whatever its size, as a Deep Zoom folder with a page.

    advance is called after each tile of the finest level. Raises RequestError or OutputError.
    """
    drawer, request = sampler.choose_sampler(request)
    plan = drawer.plan_request(request)

    def render(region: Region) -> Pixels:
        advance()
        return drawer.draw_pixels(plan, request.seed, region)

    title = f"{sampler.manifest.name}, seed {request.seed}"
    deepzoom.write_folder(folder, plan.size, render, format, background, title)


def describe_request(sampler: Sampler, request: Request) -> dict[str, object]:
    """Return a request as JSON's types, its kept objects with the digests of their masks."""
    described = request.to_dict()
    if request.keep:
        found = find_objects(sampler, request.keep)
        described["keep"] = [one.describe() for one in found]
    return described

"""Pictures of requests as files: picture files, TIFF of any size, Deep Zoom folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from singan_core import encoding
from singan_core.arrays import Pixels
from singan_core.atomic import make_folder
from singan_core.encoding import Style
from singan_core.metadata import Metadata
from singan_core.windows import Region
from singan_runtime.files import deepzoom, tiff
from singan_runtime.files.names import name_picture
from singan_runtime.files.provenance import describe_picture
from singan_runtime.keep import Keep
from singan_runtime.planning import find_objects
from singan_runtime.request import Request, find_region
from singan_runtime.sampler import Sampler

PNG = Style()
FORMATS = (*encoding.FORMATS, "tiff")
ENDINGS = encoding.ENDINGS | {".tif": "tiff", ".tiff": "tiff"}
"""The format of a picture file by its ending."""


def check_writable(sampler: Sampler, request: Request, style: Style = PNG) -> None:
    """Raise an error if the picture of a request cannot be drawn or its format cannot hold it.

    Raises RequestError, or InstallError if the format cannot be written here.
    """
    sampler, request = sampler.choose_sampler(request)
    plan = sampler.plan_request(request)
    if style.format == "tiff":
        encoding.check_quality(style.format, style.quality)
        tiff.import_tifffile()
        return
    size = plan.size if request.window is None else request.window[2:]
    encoding.check_format(style.format, size, style.quality)
    sampler.check_pixels(size)


def write_pictures(
    sampler: Sampler,
    folder: Path,
    request: Request,
    seeds: Sequence[int],
    style: Style = PNG,
    advance: Callable[[], None] = lambda: None,
    screen: str = "",
) -> None:
    """Write the pictures of a request's seeds into a folder, each named by its size and seed.

    screen is the word by which the size was asked for, and begins the names. advance is called
    after each picture. Raises RequestError, InstallError or OutputError.
    """
    make_folder(folder)
    ending = ".tif" if style.format == "tiff" else encoding.FORMATS[style.format]
    for one, drawn in _draw_series(sampler, request, seeds):
        path = folder / (name_picture(sampler.manifest.name, one, screen) + ending)
        _write(sampler, path, one, drawn, style)
        advance()


def write_picture(sampler: Sampler, path: Path, request: Request, style: Style = PNG) -> None:
    """Write the picture of a request into a file, in the style's format.

    Raises RequestError, InstallError or OutputError.
    """
    for one, drawn in _draw_series(sampler, request, [request.seed]):
        _write(sampler, path, one, drawn, style)


def _draw_series(
    sampler: Sampler, request: Request, seeds: Sequence[int]
) -> Iterator[tuple[Request, Iterator[Pixels]]]:
    """Yield the request of each seed and whence its pixels come, drawn when they are asked for."""
    drawer, own = sampler.choose_sampler(request)
    plan = drawer.plan_request(own)
    region = None if own.window is None else find_region(plan.size, own.window)
    drawn = drawer.draw_series(plan, seeds, region)
    for seed in seeds:
        yield replace(request, size=plan.size, seed=seed), drawn


def _write(
    sampler: Sampler, path: Path, request: Request, drawn: Iterator[Pixels], style: Style
) -> None:
    """Write a picture that is the next to be drawn, or as TIFF draw it tile by tile."""
    if style.format == "tiff":
        write_tiff(sampler, path, request, style.has_metadata)
        return
    said = _describe(sampler, request) if style.has_metadata else None
    encoding.save(path, next(drawn), style.format, style.background, style.quality, said)


def write_tiff(sampler: Sampler, path: Path, request: Request, has_metadata: bool = True) -> None:
    """Write the picture of a request as a tiled TIFF file, tile by tile, whatever its size.

    Raises RequestError, InstallError or OutputError.
    """
    drawer, own = sampler.choose_sampler(request)
    plan = drawer.plan_request(own)
    region = None if own.window is None else find_region(plan.size, own.window)
    size = plan.size if own.window is None else own.window[2:]

    regions = tiff.list_tiles(plan.size, region)
    tiles = (drawer.draw_pixels(plan, own.seed, tile) for tile in regions)
    said = _describe(sampler, replace(request, size=plan.size)) if has_metadata else None
    tiff.write_tiles(path, size, sampler.manifest.picture_channels, tiles, said)


def write_deepzoom(
    sampler: Sampler,
    folder: Path,
    request: Request,
    style: Style = PNG,
    advance: Callable[[], None] = lambda: None,
) -> None:
    """Write the picture of a request, whatever its size, as a Deep Zoom folder with a page.

    advance is called after each tile of the finest level. Raises RequestError or OutputError.
    """
    drawer, own = sampler.choose_sampler(request)
    plan = drawer.plan_request(own)

    def render(region: Region) -> Pixels:
        advance()
        return drawer.draw_pixels(plan, own.seed, region)

    title, said = "", None
    if style.has_metadata:
        title = f"{sampler.manifest.name}, seed {request.seed}"
        said = _describe(sampler, replace(request, size=plan.size))
    how = style.format, style.background, title, style.quality, said
    deepzoom.write_folder(folder, plan.size, render, *how)


def _describe(sampler: Sampler, request: Request) -> Metadata:
    """Return what the file of a request's picture is to say."""
    return describe_picture(sampler, describe_request(sampler, request))


def describe_request(sampler: Sampler, request: Request) -> dict[str, object]:
    """Return a request as JSON's types, its kept objects with the digests of their masks."""
    described = request.to_dict()
    if request.keep:
        described["keep"] = describe_keep(sampler, request.keep)
    return described


def describe_keep(sampler: Sampler, keep: tuple[Keep, ...]) -> list[dict[str, object]]:
    """Return kept objects as JSON's types, with the digests of their masks."""
    return [one.describe() for one in find_objects(sampler, keep)]

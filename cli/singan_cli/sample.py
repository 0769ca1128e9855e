"""singan sample."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli import choice, parse
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    Keeps,
    MaxPixels,
    Places,
    Seed,
    Threads,
    ZoomWord,
)
from singan_cli.screens import listing
from singan_core.pyramid import MAX_PIXELS

if TYPE_CHECKING:
    from singan_core.pyramid import Size, Zoom
    from singan_runtime import Sampler


def _list_sizes(wanted: bool) -> None:
    if wanted:
        typer.echo(listing())
        raise typer.Exit


def command(
    bundle: Bundle,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder of the pictures; needed unless --deepzoom or --sheet.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH|NAME[,...]",
            help="Exact sizes in pixels, or names (--list-sizes).",
            show_default="trained size",
        ),
    ] = None,
    list_sizes: Annotated[
        bool,
        typer.Option(
            "--list-sizes", callback=_list_sizes, is_eager=True, help="Print the names of sizes."
        ),
    ] = False,
    count: Annotated[
        int, typer.Option("--count", min=1, help="Pictures of each size, 1 or more.")
    ] = 1,
    best: Annotated[
        int | None,
        typer.Option(
            "--best",
            metavar="K",
            min=1,
            help="Begin K pictures and finish the --count that hold together best.",
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="FILE",
            help="Write one picture of small previews with their seeds, quickly drawn.",
        ),
    ] = None,
    seed: Seed = 0,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[
        str,
        typer.Option(
            "--start-scale",
            metavar="N[,N...]",
            help="First scale with fresh noise, 0 to the finest: 0 is a new picture, higher ones stay closer to the "
            "photo; several make a folder each.",
        ),
    ] = "0",
    variation: Annotated[
        float,
        typer.Option(
            "--variation",
            help="How much pictures differ from the photo, 0 to 10 times as strongly as by default.",
        ),
    ] = 1.0,
    tileable: Annotated[
        str,
        typer.Option(
            "--tileable",
            metavar="x|y|xy",
            help="Repeat without a seam along x, y or both; start scale 0 only.",
        ),
    ] = "",
    keep: Keeps = None,
    place: Places = None,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="X,Y,W,H",
            help="Draw only this rectangle of the picture, in pixels.",
        ),
    ] = None,
    deepzoom: Annotated[
        Path | None,
        typer.Option(
            "--deepzoom",
            metavar="DIR",
            help="Write one picture as a Deep Zoom folder, png or jpeg.",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="png, jpeg, webp or tiff; tiff and --deepzoom take pictures of any size.",
        ),
    ] = "png",
    background: Background = "white",
    precision: Annotated[
        str,
        typer.Option(
            "--precision",
            help="auto (fp64 with detail, else fp32), fp64, fp32; fp16, int8 if exported.",
        ),
    ] = "auto",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw new pictures of the scene at exact sizes.

    The same seed gives the same picture; picture i has seed + i.
    """
    sizes = parse.sizes(size) if size is not None else [None]
    starts = parse.numbers(start_scale)
    scale = parse.zoom(zoom)
    colour = parse.background(background)
    rectangle = parse.window(window) if window is not None else None
    places = [parse.place(word) for word in place or ()]
    if (out and deepzoom) or not (out or deepzoom or sheet):
        raise typer.BadParameter("name one place for the result: --out DIR or --deepzoom DIR")
    choice.check(best, sheet, count, len(sizes) * len(starts))
    if deepzoom and (rectangle or count > 1 or len(sizes) > 1 or len(starts) > 1):
        raise typer.BadParameter(
            "--deepzoom writes one whole picture: leave out --window, --count, further sizes and further start scales"
        )
    from singan_cli.progress import say_device
    from singan_core.images import FORMATS, check_format, check_name
    from singan_runtime import Sampler
    from singan_runtime.sampler import check_seed

    check_name(format, (*FORMATS, "tiff"))
    sampler = Sampler.load(bundle, device, threads, max_pixels, precision)
    wanted = [sampler.trained_size if one is None else one for one in sizes]
    kept = {"keep": sampler.read_keep(keep or (), places)} if keep or places else {}
    requests: list[dict[str, Any]] = [
        {"zoom": scale, "start_scale": start}
        | ({"tileable": tileable} if tileable else {})
        | ({"variation": variation} if variation != 1 else {})
        | kept
        for start in starts
    ]
    for one, request in itertools.product(
        wanted, requests
    ):  # refuse before the first picture is written
        picture = sampler.picture(one, **request)
        if best or sheet:
            choice.check_picture(sampler, picture)
        if rectangle:
            sampler.region(one, rectangle)
        if format != "tiff" and not deepzoom:
            held = rectangle[2:] if rectangle else one
            check_format(format, held)
            sampler.check_pixels(held)
    seeds = range(seed, seed + (best or count))
    check_seed(seed, len(seeds))
    say_device(sampler)
    say_zoom(sampler, wanted, scale)
    for request in requests:
        groups: list[tuple[list[Size], Sequence[int]]] = [(wanted, seeds)]
        if best or sheet:
            chosen = (
                choice.choose(sampler, one, request, seeds, count, best, sheet, colour)
                for one in wanted
            )
            groups = [([one], picked) for one, picked in zip(wanted, chosen, strict=True)]
        if deepzoom:
            write_deepzoom(sampler, deepzoom, wanted[0], groups[0][1][0], request, format, colour)
        elif out is not None:
            folder = out / f"start_scale_{request['start_scale']}" if len(requests) > 1 else out
            for some, picked in groups:
                write_pictures(
                    sampler, bundle, folder, some, picked, rectangle, request, format, colour
                )


def say_zoom(sampler: Sampler, sizes: list[Size], zoom: Zoom) -> None:
    """Say on stderr by how much the largest of the pictures exceeds the photo's detail, if it does."""
    from singan_cli.zoom_text import SOFT, zoom_line
    from singan_core import pyramid

    used = max(pyramid.chosen_zoom(sampler.manifest.pyramid, size, zoom) for size in sizes)
    if sampler.photo is not None and used > SOFT:
        typer.echo(zoom_line(used), err=True)


def write_pictures(
    sampler: Sampler,
    bundle: Path,
    out: Path,
    sizes: list[Size],
    seeds: Sequence[int],
    rectangle: tuple[int, int, int, int] | None,
    request: dict[str, Any],
    format: str,
    colour: tuple[int, int, int],
) -> None:
    """Every size with every seed, or a rectangle of each, into one flat folder."""
    from singan_cli.progress import counting
    from singan_core import images
    from singan_core.atomic import make_folder
    from singan_runtime import tiff

    make_folder(out)
    digest = fingerprint(bundle)
    with counting("pictures", len(sizes) * len(seeds)) as advance:
        for height, width in sizes:
            picture = sampler.picture((height, width), **request)
            region = sampler.region((height, width), rectangle) if rectangle else None
            drawn = sampler.series(
                picture, seeds, region
            )  # lazy: a TIFF is drawn tile by tile instead
            for seed in seeds:
                name = f"{sampler.manifest.name}_{width}x{height}_{seed}"
                asked: dict[str, Any] = {"size": f"{width}x{height}", "seed": seed, **request}
                if "keep" in request:
                    asked["keep"] = [one.describe() for one in request["keep"]]
                if rectangle:
                    y, x, h, w = rectangle
                    name += f"_window_{x}_{y}_{w}x{h}"
                    asked["window"] = [x, y, w, h]
                text = provenance(sampler, digest, asked)
                if format == "tiff":
                    tiles = (
                        sampler.pixels(picture, seed, tile)
                        for tile in tiff.regions((height, width), region)
                    )
                    shape = (height, width) if rectangle is None else rectangle[2:]
                    tiff.save(
                        out / f"{name}.tif",
                        shape,
                        sampler.manifest.picture_channels,
                        tiles,
                        text["singan"],
                    )
                else:
                    images.save(
                        out / f"{name}{images.FORMATS[format]}", next(drawn), format, colour, text
                    )
                advance()
    typer.echo(f"wrote {len(sizes) * len(seeds)} pictures to {out}")


def write_deepzoom(
    sampler: Sampler,
    folder: Path,
    size: Size,
    seed: int,
    request: dict[str, Any],
    format: str,
    colour: tuple[int, int, int],
) -> None:
    """One picture as a Deep Zoom folder."""
    from singan_cli.progress import counting
    from singan_runtime import deepzoom

    picture = sampler.picture(size, **request)
    title = f"{sampler.manifest.name}, seed {seed}"
    with counting("tiles", deepzoom.tile_count(size)) as advance:

        def render(region: Any) -> Any:
            advance()
            return sampler.pixels(picture, seed, region)

        deepzoom.save(folder, size, render, format, colour, title)
    typer.echo(f"wrote {folder}; open {folder / 'index.html'} in a browser")


def fingerprint(bundle: Path) -> str:
    """Which bundle, exactly: the digest of its manifest."""
    from singan_core import manifest

    return manifest.sha256(bundle / manifest.NAME)


def provenance(sampler: Sampler, digest: str, request: dict[str, object]) -> dict[str, str]:
    """PNG text with which the picture can be repeated."""
    from singan_core.version import tool_version

    model = {"bundle": sampler.manifest.name, "bundle_sha256": digest, "version": tool_version()}
    return {"Software": "singan", "singan": json.dumps({**model, **request})}

"""singan sample."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from singan_cli import parse
from singan_cli.options import Background, Bundle, Device, MaxPixels, Seed, Threads, ZoomWord

from singan_core.pyramid import MAX_PIXELS

if TYPE_CHECKING:
    from singan_runtime import Sampler


def command(
    bundle: Bundle,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the pictures.")],
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH[,WxH...]", help="Exact sizes in pixels.", show_default="trained size"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="Pictures of each size, 1 or more.")] = 1,
    seed: Seed = 0,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[
        int, typer.Option("--start-scale", help="First scale with fresh noise, 0 to the finest; 0 is all random.")
    ] = 0,
    format: Annotated[str, typer.Option("--format", help="png, jpeg or webp.")] = "png",
    background: Background = "white",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw new pictures of the scene at exact sizes; the same seed gives the same picture, picture i has seed + i."""
    sizes = parse.sizes(size) if size is not None else [None]
    number = parse.zoom(zoom)
    colour = parse.background(background)
    from singan_cli.progress import counting, say_device

    from singan_core import images
    from singan_core.atomic import make_folder
    from singan_core.errors import RequestError
    from singan_runtime import Sampler
    from singan_runtime.sampler import check_seed

    if format not in images.FORMATS:
        raise RequestError(f"unknown format {format!r}: choose {', '.join(images.FORMATS)}")
    sampler = Sampler.load(bundle, device, threads, max_pixels)
    wanted = [sampler.trained_size if one is None else one for one in sizes]
    for one in wanted:  # refuse before the first picture is written
        sampler.passes(one, "auto" if number is None else number, start_scale)
    check_seed(seed, count)
    make_folder(out)
    digest = fingerprint(bundle)
    say_device(sampler)
    with counting("pictures", len(wanted) * count) as advance:
        for height, width in wanted:
            used: float | str = "auto" if number is None else number
            drawn = sampler.each((height, width), seed, count, "auto" if number is None else number, start_scale)
            for picture, pixels in enumerate(drawn):
                request = {
                    "size": f"{width}x{height}",
                    "seed": seed + picture,
                    "zoom": used,
                    "start_scale": start_scale,
                }
                path = out / f"{sampler.manifest.name}_{width}x{height}_{seed + picture}{images.FORMATS[format]}"
                images.save(path, pixels[0], format, colour, provenance(sampler, digest, request))
                advance()
    typer.echo(f"wrote {len(wanted) * count} pictures to {out}")


def fingerprint(bundle: Path) -> str:
    """Which bundle, exactly: the digest of its manifest."""
    from singan_core import manifest

    return manifest.sha256(bundle / manifest.NAME)


def provenance(sampler: Sampler, digest: str, request: dict[str, object]) -> dict[str, str]:
    """PNG text with which the picture can be repeated."""
    from singan_core.version import tool_version

    model = {"bundle": sampler.manifest.name, "bundle_sha256": digest, "version": tool_version()}
    return {"Software": "singan", "singan": json.dumps({**model, **request})}

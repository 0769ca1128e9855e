"""singan dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from singan_cli import parse
from singan_cli.options import Bundle, Device, MaxPixels, Seed, Threads, ZoomWord
from singan_core.pyramid import MAX_PIXELS


def command(
    bundle: Bundle,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of images/, masks/ and the index.")
    ],
    count: Annotated[int, typer.Option("--count", min=1, help="Pictures, 1 or more.")],
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH|NAME",
            help="Exact size in pixels, or its name.",
            show_default="trained; with detail 500 px",
        ),
    ] = None,
    seed: Seed = 0,
    zoom: ZoomWord = "auto",
    start_scale: Annotated[
        int,
        typer.Option(
            "--start-scale", help="First scale with fresh noise, 0 to the finest; 0 is all random."
        ),
    ] = 0,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="LABEL",
            help="A label whose object stands whole in every picture, at a random place.",
        ),
    ] = None,
    within: Annotated[
        str,
        typer.Option(
            "--within",
            metavar="LEFT,TOP,RIGHT,BOTTOM",
            help="Where the centres of kept objects may lie, in shares of the picture.",
        ),
    ] = "0,0,1,1",
    scales: Annotated[
        str,
        typer.Option(
            "--scales",
            metavar="LEAST,MOST",
            help="Draw each picture so many times as large as the zoom, at random.",
        ),
    ] = "1,1",
    despeckle: Annotated[
        int,
        typer.Option(
            "--despeckle",
            help="Side in px, odd, 3 to 15: masks take the majority of such a square; 0 is off.",
        ),
    ] = 0,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw pictures with masks and an index (CSV, COCO JSON).

    The model must have been trained with --mask. Picture i has seed + i. What is there already is kept: an
    interrupted command goes on when it is repeated.
    """
    wanted = parse.size(size) if size is not None else None
    scale = parse.zoom(zoom)
    left, top, right, bottom = parse.shares(within, 4)
    least, most = parse.shares(scales, 2)
    from singan_cli.progress import counting, say_device
    from singan_cli.sample import fingerprint, provenance
    from singan_runtime import Sampler, dataset

    sampler = Sampler.load(bundle, device, threads, max_pixels)
    kept = tuple(keep or ())
    places = (left, top, right, bottom)
    request = dataset.Request(
        count, seed, wanted, scale, start_scale, kept, places, (least, most), despeckle
    )
    dataset.check(sampler, request)
    say_device(sampler)
    digest = fingerprint(bundle)
    height, width = dataset.size_of(sampler, request)
    asked: dict[str, Any] = {
        "size": f"{width}x{height}",
        "zoom": request.zoom,
        "start_scale": start_scale,
    }
    if kept:
        asked |= {"keep": list(kept), "within": list(places)}
    if (least, most) != (1, 1):
        asked["scales"] = [least, most]
    if despeckle:
        asked["despeckle"] = despeckle

    def text(of: int) -> dict[str, str]:
        return provenance(sampler, digest, {"seed": of, **asked})

    with counting("pictures", count) as advance:
        try:
            kept = dataset.write(sampler, out, request, text, advance)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "interrupted; what is done is kept: repeat the command to go on"
            ) from None
    typer.echo(
        f"wrote {count} pictures with masks of {', '.join(sampler.manifest.labels)} to {out} ({kept} kept)"
    )

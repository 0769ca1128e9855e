"""singan markup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli import parse
from singan_cli.opening import open_sampler
from singan_cli.options import Alt, Bundle, Device, Seed, Threads
from singan_cli.serve_options import KeyFile
from singan_cli.terminal import say
from singan_core.bundle_paths import name_bundle
from singan_runtime.markup import FORMATS


def command(
    bundle: Bundle,
    url: Annotated[
        str, typer.Option("--url", help="The service's, as in https://pictures.example.org.")
    ],
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Largest size in pixels, and the shape.")
    ] = "1920x1080",
    breakpoints: Annotated[
        str,
        typer.Option(
            "--breakpoints",
            metavar="WIDTH:WxH,...",
            help="Other shapes for windows up to a width in CSS pixels, as in 600:1080x1350.",
            show_default="one shape for all",
        ),
    ] = "",
    sizes: Annotated[
        str, typer.Option("--sizes", help="How wide the picture stands in the page, as in HTML.")
    ] = "100vw",
    formats: Annotated[
        str, typer.Option("--formats", help="Formats that are offered, the preferred first.")
    ] = ",".join(FORMATS),
    alt: Alt = "",
    seed: Seed = 0,
    key_file: KeyFile = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Print HTML that shows a picture at every width.

    The picture may have other shapes on narrow screens. It comes from 'singan serve'.
    """
    canvas = parse.read_size(size)
    shapes = parse.read_shapes(canvas, breakpoints)

    from singan_runtime.markup import Markup, draw_placeholder, locate_in_service, read_formats
    from singan_runtime.request import Request
    from singan_runtime.serve.address import write_address
    from singan_runtime.serve.signing import read_keys, sign_below

    keys = read_keys(key_file) if key_file is not None else ()
    offered = read_formats(formats)
    sampler = open_sampler(bundle, device, threads)
    root = url.rstrip("/")
    locate = locate_in_service(
        f"{root}/v1/{write_address(name_bundle(Path(bundle).absolute()), sampler.identity)}",
        {"seed": str(seed)},
        lambda address: sign_below(root, address, keys),
    )
    written = Markup(locate, shapes, sizes, offered, alt)
    say(written.write(draw_placeholder(sampler, Request(canvas, seed))).rstrip("\n"))

"""singan inspect."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from singan_cli import parse
from singan_cli.options import AsJson, Bundle, ZoomWord
from singan_cli.terminal import say


def command(
    bundle: Bundle,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WxH", help="Size in pixels to plan.", show_default="trained size"
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    to_json: AsJson = False,
) -> None:
    """Print what a bundle is and how it would draw a size.

    For the size and zoom: the canvas of every pass, and what draws it.
    """
    from singan_cli.bundle_text import list_scales
    from singan_cli.drawing_plan import DrawingPlan
    from singan_core import manifest as manifests

    manifest = manifests.read(bundle, "bundle")
    wanted = parse.read_size(size) if size is not None else manifest.pyramid.finest
    plan = DrawingPlan.make(manifest.pyramid, wanted, parse.read_zoom(zoom))

    if to_json:
        report = {"manifest": manifest.to_json(), "plan": plan.to_json()}
        say(json.dumps(report, indent=2))
    else:
        say("\n".join([*list_scales(manifest), *plan.as_lines()]))

"""singan inspect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from singan_cli import parse
from singan_cli.models_folder import find_bundle
from singan_cli.options import AsJson, ZoomWord
from singan_cli.terminal import say
from singan_core.model_file import is_model_file


def command(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE|PICTURE",
            callback=find_bundle,
            help="Folder or .singan file made by 'singan export', name of a model, or picture or "
            "film that singan drew.",
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH|NAME",
            help="Size in pixels to plan, or its name.",
            show_default="trained size",
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    to_json: AsJson = False,
) -> None:
    """Print what a bundle is, or where a picture comes from.

    For a bundle, a size and a zoom: the canvas of every pass, and what draws it.
    """
    if path.is_file() and not is_model_file(path):
        if size is not None:
            raise typer.BadParameter("--size belongs to a BUNDLE, and this is a file")
        inspect_picture(path, to_json)
        return

    from singan_cli.bundle_text import list_scales
    from singan_cli.drawing_plan import DrawingPlan
    from singan_core import manifest as manifests

    manifest = manifests.read(path, "bundle")
    wanted = parse.read_size(size) if size is not None else manifest.pyramid.finest
    plan = DrawingPlan.make(manifest.pyramid, wanted, parse.read_zoom(zoom))

    if to_json:
        report = {"manifest": manifest.to_json(), "plan": plan.to_json()}
        say(json.dumps(report, indent=2))
    else:
        say("\n".join([*list_scales(manifest), *plan.as_lines()]))


def inspect_picture(path: Path, to_json: bool) -> None:
    """Print what the file of a picture says of itself. Raises ImageError."""
    from singan_cli import origin_text
    from singan_runtime.files.provenance import read_origin

    origin = read_origin(path)
    if to_json:
        say(json.dumps(origin_text.to_json(origin), indent=2))
    else:
        say("\n".join(origin_text.list_origin(path, origin)))

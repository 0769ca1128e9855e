"""singan inspect."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Any

import typer
from singan_cli import parse
from singan_cli.options import AsJson, Bundle, ZoomWord


def command(
    bundle: Bundle,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Size in pixels to plan.", show_default="trained size")
    ] = None,
    zoom: ZoomWord = "auto",
    as_json: AsJson = False,
) -> None:
    """Print what a bundle is and the canvases that a size and zoom would use."""
    from singan_core import manifest as manifests
    from singan_core import pyramid

    manifest = manifests.read(bundle, "bundle")
    wanted = parse.size(size) if size is not None else manifest.pyramid.finest
    number = parse.zoom(zoom)
    passes = pyramid.fit(manifest.pyramid, wanted, number)
    used = pyramid.auto_zoom(manifest.pyramid, wanted) if number is None else number
    plan: dict[str, Any] = {
        "size": {"width": wanted[1], "height": wanted[0]},
        "zoom": used,
        "largest_zoom": pyramid.largest_zoom(manifest.pyramid, wanted),
        "passes": [{"generator": p.generator, "width": p.canvas[1], "height": p.canvas[0]} for p in passes],
    }
    if as_json:
        typer.echo(json.dumps({"manifest": dataclasses.asdict(manifest), "plan": plan}, indent=2))
        return
    height, width = manifest.photo_size
    typer.echo(
        f"{manifest.name}: photo {width}x{height}, {channels_text(manifest.channels, manifest.labels)}, "
        f"preset {manifest.preset}, border {manifest.border}, made {manifest.created} by singan {manifest.tool_version}"
    )
    typer.echo(f"{len(manifest.shapes)} scales, factor {manifest.scale_factor:.4f}")
    for scale, (rows, columns) in enumerate(manifest.pyramid.sizes):
        name = f"scale {scale}" if scale < len(manifest.shapes) else "continuation"
        typer.echo(f"  {name}: {columns}x{rows}, noise amplitude {manifest.noise_amplitude[scale]:.4f}")
    typer.echo(f"a picture of {wanted[1]}x{wanted[0]} at zoom {used:.4g} (largest {plan['largest_zoom']:g}):")
    for step in passes:
        typer.echo(f"  generator {step.generator} on {step.canvas[1]}x{step.canvas[0]}")


def channels_text(channels: int, labels: tuple[str, ...]) -> str:
    """'3 channels', and the labels beside them if there are any."""
    return f"{channels - len(labels)} channels" + (f" and labels {', '.join(labels)}" if labels else "")

"""singan inspect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from singan_cli import parse
from singan_cli.options import AsJson, Bundle, ZoomWord

if TYPE_CHECKING:
    from singan_core.pyramid import Fit

SOFT = 1.5  # zoom from which on one line says how much larger than in the photo all is drawn


def command(
    bundle: Bundle,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WxH", help="Size in pixels to plan.", show_default="trained size"
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    as_json: AsJson = False,
) -> None:
    """Print what a bundle is and how it would draw a size.

    For the size and zoom: the canvas of every pass, and what draws it.
    """
    from singan_core import manifest as manifests
    from singan_core import pyramid

    manifest = manifests.read(bundle, "bundle")
    wanted = parse.size(size) if size is not None else manifest.pyramid.finest
    used = pyramid.chosen_zoom(manifest.pyramid, wanted, parse.zoom(zoom))
    fit = pyramid.fit(manifest.pyramid, wanted, used)
    plan: dict[str, Any] = {
        "size": {"width": wanted[1], "height": wanted[0]},
        "zoom": used,
        "largest_zoom": None if fit.levels else pyramid.largest_zoom(manifest.pyramid, wanted),
        "passes": [
            {"generator": p.generator, "width": p.canvas[1], "height": p.canvas[0]}
            for p in fit.passes
        ],
        "levels": [{"width": width, "height": height} for height, width in fit.levels],
        "whole": {
            "width": fit.whole[1],
            "height": fit.whole[0],
            "left": fit.origin[1],
            "top": fit.origin[0],
        },
    }
    if as_json:
        typer.echo(json.dumps({"manifest": manifest.as_json(), "plan": plan}, indent=2))
        return
    height, width = manifest.photo_size
    typer.echo(
        f"{manifest.name}: photo {width}x{height}, {channels_text(manifest.channels, manifest.labels)}, "
        f"preset {manifest.preset}, border {manifest.border}, made {manifest.created} by singan {manifest.tool_version}"
    )
    typer.echo(f"{len(manifest.shapes)} scales, factor {manifest.scale_factor:.4f}")
    for scale, (rows, columns) in enumerate(manifest.pyramid.sizes):
        name = f"scale {scale}" if scale < len(manifest.shapes) else "continuation"
        starts = manifest.detail.start_amplitude if manifest.detail else ()
        start = f", {starts[scale]:.4f} as the start scale" if 0 < scale < len(starts) else ""
        typer.echo(
            f"  {name}: {columns}x{rows}, noise amplitude {manifest.noise_amplitude[scale]:.4f}{start}"
        )
    for number, (rows, columns) in enumerate(manifest.pyramid.levels):
        typer.echo(f"  detail level {number}: {columns}x{rows}, the photo's own pixels")
    limit = "" if fit.levels else f" (largest {plan['largest_zoom']:g})"
    typer.echo(f"a picture of {wanted[1]}x{wanted[0]} at zoom {used:.4g}{limit}:")
    for line in plan_lines(fit):
        typer.echo(f"  {line}")
    if fit.levels and used > SOFT:
        typer.echo(zoom_line(used))


def zoom_line(zoom: float) -> str:
    """Say that a picture needs more detail than the photo has."""
    return f"drawn {zoom:.2g} times as large as the photo: finer detail is made from around, crisp up to about 2.4 times"


def plan_lines(fit: Fit) -> list[str]:
    """Which pass is drawn by what, coarsest first."""
    lines = [
        f"generator {step.generator} on {step.canvas[1]}x{step.canvas[0]}" for step in fit.passes
    ]
    for number, (height, width) in enumerate(fit.levels):
        how = "searched" if number < fit.searched else "copied along"
        lines.append(f"detail level {number} on {width}x{height}, {how}")
    if fit.levels and fit.levels[-1] != fit.whole:
        lines.append(f"resampled to {fit.whole[1]}x{fit.whole[0]}")
    if fit.whole != fit.size:
        left, top = fit.origin[1], fit.origin[0]
        lines.append(f"of which {fit.size[1]}x{fit.size[0]} at x {left}, y {top} is the picture")
    return lines


def channels_text(channels: int, labels: tuple[str, ...]) -> str:
    """'3 channels', and the labels beside them if there are any."""
    return f"{channels - len(labels)} channels" + (
        f" and labels {', '.join(labels)}" if labels else ""
    )

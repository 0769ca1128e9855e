"""singan verify."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from singan_cli.options import AsJson, Bundle

if TYPE_CHECKING:
    from singan_export.parity import Parity


def command(
    bundle: Bundle,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="RUN", help="The run it came from: repeats the parity check.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle's files, graphs and preview; with --run also that its graphs equal the trained networks."""
    from singan_export.verify import verify

    found = verify(bundle, run)
    if as_json:
        report = {
            "passed": True,
            "files": found.files,
            "graphs": found.graphs,
            "preview_levels": found.preview_levels,
            "parity": found.parity.as_json() if found.parity else None,
        }
        typer.echo(json.dumps(report, indent=2))
        return
    typer.echo(f"{found.files} files unaltered, {found.graphs} graphs valid")
    typer.echo(f"reconstruction equals preview.png within {found.preview_levels} grey levels")
    if found.parity:
        for line in parity_lines(found.parity):
            typer.echo(line)


def parity_lines(parity: Parity) -> list[str]:
    """The measured differences, a line per scale and per canvas."""
    lines = []
    for scale in sorted({check.scale for check in parity.scales}):
        checks = [check for check in parity.scales if check.scale == scale]
        worst = max(checks, key=lambda check: check.maximum)
        lines.append(
            f"scale {scale}: {len(checks)} sizes, max {worst.maximum:.1e}, rms {max(c.rms for c in checks):.1e} "
            f"(allowed {worst.allowed:.0e})"
        )
    for check in parity.pyramid:
        lines.append(
            f"pyramid {check.size[1]}x{check.size[0]}: max {check.maximum:.1e}, rms {check.rms:.1e} "
            f"(allowed {check.allowed:.0e}), "
            f"{check.levels} grey levels in {check.share:.3%} of values (allowed 1 in {check.allowed_share:.1%})"
        )
    return lines

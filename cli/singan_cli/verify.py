"""singan verify."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from singan_cli.options import AsJson, Bundle

if TYPE_CHECKING:
    from singan_export.budgets import FormatCheck, Parity
    from singan_export.verify import Verified


def command(
    bundle: Bundle,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run", metavar="RUN", help="The run it came from: repeats the parity check."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a bundle's files, graphs, preview and formats.

    With --run also that it equals the trained networks.
    """
    from singan_export import budgets
    from singan_export.verify import verify

    found = verify(bundle, run)
    if as_json:
        report = {
            "passed": all(check.passed for check in found.formats),
            "files": found.files,
            "graphs": found.graphs,
            "preview_levels": found.preview_levels,
            "parity": found.parity.as_json() if found.parity else None,
            "formats": [check.as_json() for check in found.formats],
        }
        typer.echo(json.dumps(report, indent=2))
    else:
        show(found)
    budgets.require(found.formats)


def show(found: Verified) -> None:
    """What was found, as text."""
    typer.echo(f"{found.files} files unaltered, {found.graphs} graphs valid")
    typer.echo(f"reconstruction equals preview.png within {found.preview_levels} grey levels")
    if found.parity:
        for line in parity_lines(found.parity):
            typer.echo(line)
    for line in format_lines(found.formats):
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
    for scale in sorted({check.scale for check in parity.double}):
        worst = max(
            (check for check in parity.double if check.scale == scale),
            key=lambda check: check.maximum,
        )
        lines.append(
            f"scale {scale} in double precision: max {worst.maximum:.1e} (allowed {worst.allowed:.0e})"
        )
    for check in parity.pyramid:
        lines.append(
            f"pyramid {check.size[2]}x{check.size[1]}: max {check.maximum:.1e}, rms {check.rms:.1e} "
            f"(allowed {check.allowed:.0e}), "
            f"{check.levels} grey levels in {check.share:.3%} of values (allowed 1 in {check.budget.share:.1%})"
        )
    return lines


def format_lines(checks: Sequence[FormatCheck]) -> list[str]:
    """A table: the worst of every scale of every format, and each canvas of the whole pyramid."""
    if not checks:
        return []
    worst: dict[tuple[str, int | None, object], FormatCheck] = {}
    for check in checks:
        key = (check.format, check.scale, check.size if check.scale is None else None)
        if key not in worst or (check.passed, -check.rms) < (worst[key].passed, -worst[key].rms):
            worst[key] = check
    rows = [("format", "of", "worst at", "max", "rms", "PSNR", "levels", "values", "allowed", "")]
    rows += [_row(check) for check in worst.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(check: FormatCheck) -> tuple[str, ...]:
    batch, height, width = check.size
    return (
        check.format,
        "pyramid" if check.scale is None else f"scale {check.scale}",
        f"{batch}x{width}x{height}",
        f"{check.maximum:.1e}",
        f"{check.rms:.1e}",
        f"{check.psnr:.1f} dB",
        str(check.levels),
        f"{check.share:.3%}",
        check.limit,
        "" if check.passed else "FAILED",
    )

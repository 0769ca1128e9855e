"""singan verify."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from singan_cli.options import AsJson, Bundle
from singan_cli.parity_text import list_formats, list_parity
from singan_cli.terminal import say

if TYPE_CHECKING:
    from singan_export.engines.record import Record
    from singan_export.verify import Verified


def command(
    bundle: Bundle,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="The run that the bundle was exported from: repeats the comparison with its "
            "networks.",
        ),
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME[,NAME...]",
            help="Also open fused, torchscript or pt2, which can hold programs: name them only in "
            "bundles of your own. With tensorrt, also check the engines in your cache.",
        ),
    ] = None,
    to_json: AsJson = False,
) -> None:
    """Check a bundle's files, graphs, preview and formats.

    With --run, also check that it equals the trained networks.
    """
    from singan_export import budgets
    from singan_export.verify import verify

    found = verify(bundle, run, formats.split(",") if formats else ())
    say(write_json(found) if to_json else "\n".join(list_findings(found)))
    budgets.require(found.formats)


def write_json(found: Verified) -> str:
    """Write what was found as JSON."""
    report = {
        "passed": all(check.passed for check in found.formats),
        "files": found.files,
        "graphs": found.graphs,
        "preview_levels": found.preview_levels,
        "parity": found.parity.to_json() if found.parity else None,
        "formats": [check.to_json() for check in found.formats],
        "unopened": found.unopened,
        "engines": [
            {"folder": str(folder), **asdict(record)} for folder, record in found.engines.items()
        ],
    }
    return json.dumps(report, indent=2)


def list_findings(found: Verified) -> list[str]:
    """List what was found, line by line."""
    return [
        f"{found.files} files unaltered, {found.graphs} graphs valid",
        f"reconstruction equals preview.png within {found.preview_levels} grey levels",
        *(list_parity(found.parity) if found.parity else ()),
        *list_formats(found.formats),
        *list_unopened(found.unopened),
        *list_engines(found.engines),
    ]


def list_unopened(names: list[str]) -> list[str]:
    """Say which formats were not opened, and how to have them opened."""
    if not names:
        return []
    joined = ",".join(names)
    return [
        f"{joined} not opened, since such files can hold programs; "
        f"if the bundle is your own, add --format {joined}"
    ]


def list_engines(engines: dict[Path, Record]) -> list[str]:
    """Say which engines are in the user's cache."""
    return [
        f"{folder}: {len(record.engines)} engines of {record.origin.library} "
        f"{record.origin.version} unaltered, for {record.origin.gpu or 'RTX cards'}"
        for folder, record in engines.items()
    ]

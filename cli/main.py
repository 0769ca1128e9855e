"""The singan command. Heavy imports wait inside the command bodies, so that --help is instant."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer
from singan_cli import (
    animate,
    bench,
    dataset,
    edit,
    evaluate,
    export,
    harmonize,
    import_,
    inspect,
    paint,
    plot,
    retarget,
    sample,
    train,
    upscale,
    verify,
)
from singan_cli.failure import guarded, show_tracebacks

app = typer.Typer(
    name="singan",
    help="Train a small generative model on one photograph, then draw new pictures of the scene at any size.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from singan_core.version import tool_version

        typer.echo(f"singan {tool_version()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that stand before the command."""
    show_tracebacks(debug)


drawing = (sample, animate, retarget, harmonize, edit, paint, upscale)
for module in (train, import_, plot, export, verify, inspect, *drawing, dataset, evaluate, bench):
    app.command(name=module.__name__.rpartition(".")[2].rstrip("_"))(guarded(module.command))


def main() -> None:
    """Entry point of the installed command."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"  # without the place in the code
    app()

"""The singan command. Heavy imports wait inside the command bodies, so that --help is instant."""

from __future__ import annotations

import itertools
import warnings
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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

SECTIONS = {
    "Train": (train, import_, plot),
    "Export": (export, verify, inspect),
    "Draw": (sample, animate, dataset),
    "Edit": (retarget, harmonize, edit, paint, upscale),
    "Judge": (evaluate, bench),
}
SHORT = 60  # characters that a command's first sentence may have, so that --help shows it whole


def name_command(module: ModuleType) -> str:
    """Name the command that a module holds."""
    return module.__name__.rpartition(".")[2].rstrip("_")


class Sections(TyperGroup):
    """The commands, listed by what they are for; plain text, since Rich would take a third longer to say --help."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:
        """Write a section of --help for every group of commands, all in one column."""
        longest = max(map(len, self.commands))

        for title, modules in SECTIONS.items():
            names = [name_command(module) for module in modules]
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (one.ljust(longest), self.commands[one].get_short_help_str(SHORT))
                        for one in names
                    ]
                )


app = typer.Typer(
    name="singan",
    cls=Sections,
    help="Train a small generative model on one photograph, then draw new pictures of the scene at any size.",
    no_args_is_help=True,
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
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options that stand before the command."""
    show_tracebacks(debug)


for module in itertools.chain.from_iterable(SECTIONS.values()):
    app.command(name=name_command(module))(guarded(module.command))


def main() -> None:
    """Entry point of the installed command."""
    warnings.formatwarning = lambda message, *_, **__: (
        f"warning: {message}\n"
    )  # without the place in the code
    app()

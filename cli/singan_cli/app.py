"""The commands of singan, and what --help says of them.

Heavy imports wait inside the command bodies, so that --help answers at once.
"""

from __future__ import annotations

import itertools
import sys
import traceback
import warnings
from types import ModuleType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from singan_cli import (
    animate,
    bench,
    dataset,
    doctor,
    edit,
    evaluate,
    export,
    harmonize,
    health,
    import_,
    inspect,
    make,
    markup,
    models,
    paint,
    plot,
    render_many,
    retarget,
    sample,
    serve,
    train,
    train_many,
    upscale,
    verify,
)
from singan_cli.failure import guard, show_tracebacks
from singan_cli.terminal import make_visible, say

SECTIONS = {
    "Make": (make,),
    "Train": (train, train_many, import_, plot),
    "Export": (export, verify, inspect, models),
    "Draw": (sample, render_many, animate, dataset),
    "Edit": (retarget, harmonize, edit, paint, upscale),
    "Serve": (serve, markup, health),
    "Judge": (evaluate, bench, doctor),
}
SHORT = 60  # characters: the most of a command's first sentence that --help shows whole


def name_command(module: ModuleType) -> str:
    """Name the command that a module holds."""
    return module.__name__.rpartition(".")[2].rstrip("_").replace("_", "-")


class Sections(TyperGroup):
    """The commands, listed by purpose.

    In plain text: with Rich, --help would take a third longer.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run a command. What is wrong with its words may be the name of a file."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(said := getattr(error, "message", None), str):  # wrong usage
                error.message = make_visible(said)  # type: ignore[attr-defined]
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section of --help for each group of commands, all descriptions in one column."""
        longest = max(map(len, self.commands))

        for title, modules in SECTIONS.items():
            names = [name_command(module) for module in modules]
            rows = [
                (name.ljust(longest), self.commands[name].get_short_help_str(SHORT))
                for name in names
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


app = typer.Typer(
    name="singan",
    cls=Sections,
    help="Train a small generative model on one photograph, then draw new pictures of the scene at "
    "any size.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from singan_core.version import find_version

        say(f"singan {find_version()}")
        raise typer.Exit


@app.callback()
def set_options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take the options that stand before the command."""
    show_tracebacks(debug)


for module in itertools.chain.from_iterable(SECTIONS.values()):
    app.command(name=name_command(module))(guard(module.command))


def format_warning(message: Warning | str, *_: Any, **__: Any) -> str:
    """Write a warning on one line, without the place in the code that it comes from."""
    return make_visible(f"warning: {message}") + "\n"


def print_traceback(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print the traceback of --debug, whose message may hold what a file says."""
    say("".join(traceback.format_exception(kind, error, trace)), err=True)


def run() -> None:
    """Run the command that the words of the command line name."""
    warnings.formatwarning = format_warning
    sys.excepthook = print_traceback
    typer.main.get_command(app)()  # calling app itself would set another excepthook

"""singan health."""

from __future__ import annotations

from typing import Annotated

import typer

from singan_cli.terminal import say


def command(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The service's, as in http://127.0.0.1:8000.")
    ],
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether it is ready: whether its models are open.")
    ] = False,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait.")] = 5.0,
) -> None:
    """Ask a running service whether it is well.

    The exit status is 0 if it is, else 1.
    """
    from singan_runtime.serve.probe import ask_health

    say(ask_health(url, "readyz" if ready else "healthz", timeout))

"""Text on the terminal: the one place that writes there, with control characters made visible."""

from __future__ import annotations

import re

import typer

_UNSEEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
)
"""Control characters but tab and line feed, what turns the direction of text, half characters."""


def make_visible(text: str) -> str:
    r"""Write control characters as escapes, as in \x1b.

    A file of a stranger's could otherwise move the cursor, clear the screen or hide what is said.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def say(text: str, err: bool = False) -> None:
    """Print text and a line's end on stdout, or on stderr."""
    typer.echo(make_visible(text), err=err)

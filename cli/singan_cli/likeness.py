"""The option --like of singan sample: a picture whose request is repeated, with changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from singan_core.errors import RequestError
from singan_runtime.request import Request

if TYPE_CHECKING:
    from singan_runtime import Sampler
    from singan_runtime.files.provenance import Origin


@dataclass(frozen=True)
class Likeness:
    """What the pictures to draw have in common with one that is there."""

    request: Request
    given: frozenset[str]  # fields of the request that options change
    path: Path | None = None
    origin: Origin | None = None

    def choose_precision(self, asked: str) -> str:
        """Choose the precision: the one asked for, or that of the picture."""
        return self.origin.precision if self.origin and asked == "auto" else asked

    def check(self, sampler: Sampler) -> None:
        """Raise RequestError unless the picture was drawn from this model."""
        if self.origin is None:
            return
        try:
            self.origin.check_model(sampler)
        except RequestError as error:
            raise RequestError(f"{self.path}: {error}") from None

    def change(self, fields: Mapping[str, Any]) -> Request:
        """Return the picture's request with the fields that options change. Raises RequestError."""
        changed = {name: value for name, value in fields.items() if name in self.given}
        return replace(self.request, **changed)


def is_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def read(like: Path | None, context: typer.Context) -> Likeness:
    """Read the request of a picture; without one, options decide everything.

    Raises ImageError for a file that holds no request, RequestError for one that cannot be
    repeated.
    """
    if like is None:
        return Likeness(Request(), frozenset(Request.__dataclass_fields__))
    from singan_runtime.files.provenance import read_origin

    origin = read_origin(like)
    given = [name for name in Request.__dataclass_fields__ if is_given(context, name)]
    try:
        request = origin.read_request(besides=given)
    except RequestError as error:
        raise RequestError(f"{like}: {error}") from None
    return Likeness(request, frozenset(given), like, origin)

"""The words of a query, and whose fault it is when they cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from starlette.requests import Request

from singan_core.errors import RequestError
from singan_runtime.serve.problems import Problem
from singan_runtime.serve.signing import PARAMETER

MOST_QUERY = 4096
"""Bytes of a query at most."""


def read_words(request: Request) -> dict[str, str]:
    """Read the words of a query. Raises Problem for one that is too long, or has a word twice."""
    if len(request.scope["query_string"]) > MOST_QUERY:
        raise Problem(414, f"the query is longer than {MOST_QUERY} bytes")
    words = collect_words(request.query_params.multi_items())
    words.pop(PARAMETER, None)
    return words


def collect_words(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Collect words by their names. Raises Problem if one is given twice."""
    words: dict[str, str] = {}
    for name, word in pairs:
        if name in words:
            raise Problem(400, f"{name[:80]} is given twice; give it once")
        words[name] = word
    return words


@contextmanager
def explain_as(status: int) -> Iterator[None]:
    """Turn a RequestError into a problem of a status."""
    try:
        yield
    except RequestError as error:
        raise Problem(status, str(error)) from None

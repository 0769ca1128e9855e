"""Answers that were given before, for URLs that stand for one file for ever."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from singan_runtime.serve.cache import Memory

MOST_URLS = 10_000
"""URLs that are remembered: those that were asked for last."""

Url = tuple[str, bytes]
"""A path and a query."""


@dataclass(frozen=True)
class Known:
    """What a URL was answered with: a file by its key, and its headers."""

    route: str
    key: str
    headers: tuple[tuple[bytes, bytes], ...]


class KnownUrls:
    """The URLs whose files may still be in memory."""

    def __init__(self) -> None:
        self._known: OrderedDict[Url, Known] = OrderedDict()

    def find(self, url: Url) -> Known | None:
        """Return what a URL was answered with, if it is remembered."""
        known = self._known  # a thread that reads models may begin another
        found = known.get(url)
        if found is not None:
            known.move_to_end(url)
        return found

    def remember(self, scope: Scope, key: str, answer: Response) -> None:
        """Remember what a GET was answered with."""
        if scope["method"] != "GET":
            return
        route = scope["record"].route
        known, url = self._known, (scope["path"], scope["query_string"])
        known[url] = Known(route, key, tuple(answer.raw_headers))
        if len(known) > MOST_URLS:
            known.popitem(last=False)

    def forget(self) -> None:
        """Forget all URLs, since models may have changed."""
        self._known = OrderedDict()


class Front:
    """ASGI middleware that answers known URLs at once, before a route is looked for.

    A URL that needs more than its file from memory goes on to the application.
    """

    def __init__(self, app: ASGIApp, urls: KnownUrls, memory: Memory) -> None:
        self.app, self.urls, self.memory = app, urls, memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        known = None
        if scope["type"] == "http" and scope["method"] == "GET":
            known = self.urls.find((scope["path"], scope["query_string"]))
        body = None if known is None else self.memory.read(known.key)
        if known is None or body is None or has_condition(scope):
            await self.app(scope, receive, send)
            return

        record = scope["record"]
        record.route, record.source = known.route, "memory"
        await send({"type": "http.response.start", "status": 200, "headers": known.headers})
        await send({"type": "http.response.body", "body": body})


def has_condition(scope: Scope) -> bool:
    """Whether a request says what the client has already, or which part it wants."""
    return any(name in (b"if-none-match", b"range") for name, _ in scope["headers"])

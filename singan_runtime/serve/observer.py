"""Watches every request: gives it an id, counts it, and writes a line of the access log."""

from __future__ import annotations

import asyncio
import functools
import re
import secrets
import time
from dataclasses import dataclass
from typing import TextIO

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from singan_runtime.serve.metrics import Metrics
from singan_runtime.serve.problems import Problem, describe_problem

ID = b"x-request-id"
_encoder = msgspec.json.Encoder()
_KNOWN_ID = re.compile(rb"[\w.:-]{1,64}")


@dataclass
class Record:
    """What is known of a request while it is answered."""

    id: str
    route: str = "none"  # the kind of what was asked for
    source: str = ""  # where its file came from: client, memory, disk or made
    status: int = 500
    sent: int = 0  # bytes of the body


class Observer:
    """ASGI middleware that observes the requests of an application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: TextIO | None = None) -> None:
        """Observe an application. Without a log only its numbers are kept."""
        self.app, self.metrics, self.log = app, metrics, log
        self._waits = False  # whether lines wait to be flushed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as the application does, and note what happened."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        record = scope["record"] = Record(read_id(scope))
        begun = time.perf_counter()

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                message["headers"] = [*message["headers"], (ID, record.id.encode())]
            elif message["type"] == "http.response.body":
                record.sent += len(message.get("body", b""))
            await send(message)

        try:
            if scope["query_string"].isascii():
                await self.app(scope, receive, note)
            else:
                refused = Problem(400, "a query has ASCII characters alone; write others as %XX")
                await describe_problem(refused)(scope, receive, note)
        finally:
            self.finish(scope, record, time.perf_counter() - begun)

    def finish(self, scope: Scope, record: Record, seconds: float) -> None:
        """Count a request that was answered, and write its line."""
        self.metrics.count_request(record.route, record.status, record.source, seconds)
        if self.log is not None:
            self.log.write(write_line(scope, record, seconds))
            self._flush_soon(self.log)

    def _flush_soon(self, log: TextIO) -> None:
        """Flush the log once for all requests that are answered in one turn of the event loop."""
        if self._waits:
            return
        self._waits = True
        asyncio.get_running_loop().call_soon(self._flush, log)

    def _flush(self, log: TextIO) -> None:
        self._waits = False
        log.flush()


def read_id(scope: Scope) -> str:
    """Return the id that the client gave a request, or a new one."""
    for name, value in scope["headers"]:
        if name == ID and _KNOWN_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)


class Line(msgspec.Struct):
    """A line of the access log, in the order in which it is written."""

    time: str
    id: str
    client: str | None
    method: str
    path: str
    query: str
    route: str
    source: str | None
    status: int
    bytes: int
    ms: float


def write_line(scope: Scope, record: Record, seconds: float) -> str:
    """Write the line of the access log, a JSON object."""
    client = scope.get("client")
    line = Line(
        time=write_time(time.time()),
        id=record.id,
        client=client[0] if client else None,
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        route=record.route,
        source=record.source or None,
        status=record.status,
        bytes=record.sent,
        ms=round(seconds * 1000, 1),
    )
    return _encoder.encode(line).decode() + "\n"


def write_time(seconds: float) -> str:
    """Write seconds since 1970 as UTC, as in 2026-01-31T09:30:00.250+00:00."""
    whole, part = divmod(int(seconds * 1000), 1000)
    return f"{_write_second(whole)}.{part:03}+00:00"


@functools.lru_cache(1)
def _write_second(whole: int) -> str:
    """Write a whole second. Hundreds of requests share one."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))

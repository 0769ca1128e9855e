"""The access log: whole lines of JSON, flushed once for all that is answered in one turn."""

import asyncio
import io
import json
from datetime import UTC, datetime

import pytest

pytest.importorskip("starlette")
pytest.importorskip("prometheus_client")

from singan_runtime.serve import observer
from singan_runtime.serve.metrics import Metrics


class Log(io.StringIO):
    """A log that counts how often it was flushed."""

    flushed = 0

    def flush(self):
        self.flushed += 1


async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"seen"})


def ask(log, times):
    """Ask so many times in one turn of the event loop."""
    watch = observer.Observer(answer, Metrics(lambda: 0), log)
    scope = {
        "type": "http", "method": "GET", "path": '/a"b', "query_string": b"seed=1", "headers": [],
        "client": ("10.0.0.1", 5),
    }  # fmt: skip

    async def ignore(message=None):
        pass

    async def ask_all():
        await asyncio.gather(*(watch(dict(scope), ignore, ignore) for _ in range(times)))
        await asyncio.sleep(0)

    asyncio.run(ask_all())


def test_requests_that_are_answered_together_are_flushed_together():
    log = Log()
    ask(log, 30)
    assert len(log.getvalue().splitlines()) == 30
    assert log.flushed == 1
    ask(log, 1)
    assert log.flushed == 2


def test_a_line_says_what_was_asked_and_answered():
    log = Log()
    before = datetime.now(UTC)
    ask(log, 1)
    line = json.loads(log.getvalue())
    assert abs((datetime.fromisoformat(line["time"]) - before).total_seconds()) < 60
    assert (line["path"], line["query"], line["client"]) == ('/a"b', "seed=1", "10.0.0.1")
    assert (line["status"], line["bytes"], line["source"]) == (200, 4, None)


@pytest.mark.parametrize("seconds", [0.0, 0.9999, 951_782_399.0, 1_800_000_000.25, 2e9])
def test_times_are_those_of_the_standard_library(seconds):
    wanted = datetime.fromtimestamp(int(seconds * 1000) / 1000, UTC)
    assert observer.write_time(seconds) == wanted.isoformat(timespec="milliseconds")

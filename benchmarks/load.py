"""Load for a service: many clients at once, by wrk where it is installed, else by this program."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

CLIENTS = 32
_SCRIPT = """
local paths = { %s }
local number = 0
function request()
  number = number + 1
  return wrk.format("GET", paths[number %% #paths + 1])
end
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.timeout
  failed = failed + summary.errors.read + summary.errors.connect
  local form = '{"requests": %%d, "failed": %%d, "seconds": %%f, "ms": [%%f, %%f, %%f]}'
  local p50, p95, p99 = latency:percentile(50), latency:percentile(95), latency:percentile(99)
  io.write("RESULT ", string.format(form, summary.requests, failed, summary.duration / 1e6,
    p50 / 1e3, p95 / 1e3, p99 / 1e3), "\\n")
end
"""


@dataclass
class Answers:
    """What clients got: how many answers of each status, and the milliseconds of those with 200."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    ms: list[float] = field(default_factory=list)
    percentiles: tuple[float, float, float] = (0.0, 0.0, 0.0)  # 50, 95, 99: ms

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.statuses[200] / self.seconds

    def describe(self) -> str:
        """Write the rate and the percentiles."""
        p50, p95, p99 = self.percentiles
        return f"{self.rate:8.1f} a second, p50 {p50:.1f} ms, p95 {p95:.1f}, p99 {p99:.1f}"


def load(port: int, paths: Sequence[str], seconds: float) -> Answers:
    """Ask for paths in turn, by 32 clients, for so many seconds."""
    if shutil.which("wrk"):
        return _run_wrk(port, paths, seconds)
    return asyncio.run(_load(port, itertools.cycle(paths), CLIENTS, seconds))


def load_until_done(port: int, paths: Sequence[str], clients: int) -> Answers:
    """Ask for each of some paths once, by so many clients."""
    return asyncio.run(_load(port, iter(paths), clients, 3600))


def name_generator() -> str:
    """Say what makes the load."""
    return "wrk" if shutil.which("wrk") else "asyncio of this process"


def _run_wrk(port: int, paths: Sequence[str], seconds: float) -> Answers:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "paths.lua"
        script.write_text(_SCRIPT % ", ".join(json.dumps(path) for path in paths))
        words = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds:g}s", "-s", str(script)]
        words.append(f"http://127.0.0.1:{port}")
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout

    found = json.loads(said.partition("RESULT ")[2])
    good = found["requests"] - found["failed"]
    statuses = Counter({200: good, 0: found["failed"]})
    return Answers(found["seconds"], statuses, [], tuple(found["ms"]))


async def _load(port: int, paths: Iterator[str], clients: int, seconds: float) -> Answers:
    answers, begun = Answers(), time.perf_counter()
    tasks = [_ask(port, paths, answers, begun + seconds) for _ in range(clients)]
    await asyncio.gather(*tasks)
    answers.seconds = time.perf_counter() - begun
    if answers.ms:
        p50, p95, p99 = np.percentile(answers.ms, [50, 95, 99])
        answers.percentiles = float(p50), float(p95), float(p99)
    return answers


async def _ask(port: int, paths: Iterator[str], answers: Answers, until: float) -> None:
    """Ask for path after path over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in paths:
        if time.perf_counter() > until:
            break
        begun = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        await reader.readexactly(length)

        status = int(head.split(maxsplit=2)[1])
        answers.statuses[status] += 1
        if status == 200:
            answers.ms.append(1000 * (time.perf_counter() - begun))
    writer.close()
    await writer.wait_closed()

"""Jobs: work that threads do, bounded, shared by all who ask for the same, and given up in time."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from singan_runtime.serve.problems import Problem

CLIENT_GONE = 499
"""The status, in the log alone, of a request whose client went away."""

_FIRST_GUESS = 2.0  # seconds that a job takes, before one has been measured
_MEMORY = 0.9  # of the mean duration: the share that stays when a new one is measured


class Cancelled(Exception):
    """Nobody waits for this work any more."""


@dataclass(eq=False)
class Job:
    """Work that threads do for everyone who waits for it."""

    key: str
    future: asyncio.Future[bytes]
    stop: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0


Work = Callable[[Callable[[], None]], bytes]
"""Makes something. What it is given is to be called now and then, and raises Cancelled."""

Wait = Callable[[], Coroutine[Any, Any, None]]
"""Waits until a client has gone away."""


class Jobs:
    """Runs work in so many threads, and refuses it where too much waits already.

    Called from one event loop. The same key is made once for all who ask while it is being made.
    """

    def __init__(self, workers: int, limit: int, timeout: float) -> None:
        self.workers, self.limit, self.timeout = workers, limit, timeout
        self.active = 0  # jobs that run or wait for a thread
        self._pool = ThreadPoolExecutor(workers, "worker")
        self._jobs: dict[str, Job] = {}
        self._mean = _FIRST_GUESS  # seconds a job
        self._counting = threading.Lock()  # jobs end in their threads

    async def make(self, key: str, work: Work, wait_until_gone: Wait) -> bytes:
        """Return what the work of a key makes, in a thread, unless the client is gone before.

        Raises Problem where too much waits, the time is up or the client is gone, and what the work
        raises.
        """
        job = self._jobs.get(key) or self._start(key, work)
        job.waiting += 1
        watch = asyncio.create_task(wait_until_gone())
        either: set[asyncio.Future[Any]] = {job.future, watch}
        try:
            await asyncio.wait(either, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
            if job.future.done():
                return job.future.result()
            if watch.done():
                raise Problem(CLIENT_GONE, "the client went away")
            raise self._refuse(f"not made within {self.timeout:g} s; ask for less, or again later")

        finally:
            watch.cancel()
            job.waiting -= 1
            if job.waiting == 0 and not job.future.done():
                self._give_up(job)

    def close(self) -> None:
        """Give up all work."""
        for job in list(self._jobs.values()):
            self._give_up(job)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, key: str, work: Work) -> Job:
        """Put work in the queue. Raises Problem if it is full."""
        if self.active >= self.limit:
            raise self._refuse(f"{self.active} pictures wait already; ask again later")

        stop, begun = threading.Event(), time.monotonic()
        with self._counting:
            self.active += 1
        running = self._pool.submit(_run, work, stop)
        running.add_done_callback(lambda _: self._count_done(time.monotonic() - begun))

        job = Job(key, _wrap(running), stop)
        self._jobs[key] = job
        job.future.add_done_callback(lambda _: self._forget(job))
        return job

    def _count_done(self, seconds: float) -> None:
        """Count a job as done, and learn from how long it was in the queue and at work."""
        with self._counting:
            alone = seconds * self.workers / max(self.active, self.workers)
            self._mean = _MEMORY * self._mean + (1 - _MEMORY) * alone
            self.active -= 1

    def _give_up(self, job: Job) -> None:
        """Stop a job: at once if it has not begun, else when it next asks whether to go on."""
        job.stop.set()
        job.future.cancel()
        self._forget(job)

    def _forget(self, job: Job) -> None:
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    def _refuse(self, detail: str) -> Problem:
        seconds = math.ceil(self._mean * self.active / self.workers)
        return Problem(503, detail, {"Retry-After": str(max(1, seconds))})


def _run(work: Work, stop: threading.Event) -> bytes:
    def check() -> None:
        if stop.is_set():
            raise Cancelled

    check()
    return work(check)


def _wrap(running: Future[bytes]) -> asyncio.Future[bytes]:
    """Return a future of the event loop whose failure need not be asked for."""
    future = asyncio.wrap_future(running)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future

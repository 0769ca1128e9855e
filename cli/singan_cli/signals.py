"""Ctrl-C and SIGTERM, collected so that long work can end in order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collect_signals() -> Iterator[list[signal.Signals]]:
    """Give a list that receives the first Ctrl-C or SIGTERM.

    A second one raises KeyboardInterrupt at once.
    """
    received: list[signal.Signals] = []

    def receive(number: int, frame: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(signal.Signals(number))

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

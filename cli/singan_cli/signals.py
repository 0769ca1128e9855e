"""Ctrl-C, SIGTERM and SIGHUP, which end a command in order.

As in shells, the exit status is 128 and the number of the signal: 130, 143 or 129.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

NOTHING_LEFT = "nothing half-written was left"
_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class StoppedBySignal(KeyboardInterrupt):
    """Work that a signal has ended, with a line about what became of it."""

    def __init__(self, number: int, message: str = "") -> None:
        super().__init__(message or f"{_describe(number)}; {NOTHING_LEFT}")
        self.number = number

    @property
    def status(self) -> int:
        """The exit status that tells which signal it was."""
        return 128 + self.number


def retell(stopped: KeyboardInterrupt, message: str) -> StoppedBySignal:
    """Return an interruption with another line about what became of the work."""
    return StoppedBySignal(getattr(stopped, "number", signal.SIGINT), message)


def leave_at_once() -> None:
    """Let a signal end the program at once, while there is nothing yet to put in order."""
    _set(_leave)


@contextmanager
def raise_signals() -> Iterator[None]:
    """Let a signal raise StoppedBySignal in the block, so that what has begun is removed."""
    received: list[int] = []

    def answer(number: int, frame: object) -> None:
        received.append(number)
        raise StoppedBySignal(number)

    before = _set(answer)
    try:
        yield
    except Exception as error:
        if received:  # a library in C that was being imported took it for a failure of its own
            raise StoppedBySignal(received[0]) from error
        raise
    finally:
        _restore(before)


@contextmanager
def collect_signals() -> Iterator[list[signal.Signals]]:
    """Give a list that receives the first signal, so that long work can end in order.

    A second one raises StoppedBySignal at once.
    """
    received: list[signal.Signals] = []

    def receive(number: int, frame: object) -> None:
        if received:
            raise StoppedBySignal(number)
        received.append(signal.Signals(number))

    before = _set(receive)
    try:
        yield received
    finally:
        _restore(before)


def _set(handler: Callable[[int, object], None]) -> dict[int, object]:
    """Set what answers the signals and return what did; one that is ignored (nohup) stays so."""
    before: dict[int, object] = {}
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            before[number] = signal.signal(number, handler)
        except ValueError:  # not the main thread, which alone may say
            break
    return before


def _restore(before: dict[int, object]) -> None:
    for number, handler in before.items():
        signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned


def _leave(number: int, frame: object) -> None:
    os.write(2, f"error: {StoppedBySignal(number)}\n".encode())
    os._exit(128 + number)


def _describe(number: int) -> str:
    """Say what has happened; SIGINT is what Ctrl-C sends."""
    return "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"

"""Work on many items: a bounded number at a time, each on a worker that may die without loss."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from singan_cli.many.cluster import RETRIES, Workforce
from singan_cli.many.outcome import Outcome
from singan_core.errors import say_reason

POLL = 0.5  # s between two looks at what is running
TELL = 1.0  # s between two reports of a worker


class Item(Protocol):
    """One of many things to do."""

    @property
    def name(self) -> str:
        """What people call it."""


AnyItem = TypeVar("AnyItem", bound=Item)
Work = Callable[[AnyItem, Any], Outcome]
"""What a worker does of an item. It may be done again: what is there already must be kept.

The second argument is the board, for a Teller.
"""


class Board:
    """What workers tell of their items, and whether they are to stop. It is a process of Ray's."""

    def __init__(self) -> None:
        self.shares: dict[str, float] = {}
        self.is_stopped = False

    def tell(self, name: str, share: float) -> bool:
        """Note how much of an item is done, and return whether the work is to stop."""
        self.shares[name] = share
        return self.is_stopped

    def stop(self) -> None:
        """Let every worker stop that asks."""
        self.is_stopped = True

    def read(self) -> dict[str, float]:
        """Return the share of each item that is done."""
        return self.shares


class Teller:
    """Tells the board how far an item is, and hears whether to stop, without ever waiting."""

    def __init__(self, board: Any, name: str) -> None:
        self.board = board
        self.name = name
        self.answer: Any = None
        self.last = 0.0
        self.is_stopped = False

    def tell(self, share: float) -> None:
        """Tell how much of the item is done, at most once a second."""
        if self.answer is None and time.monotonic() - self.last >= TELL:
            self.last = time.monotonic()
            self.answer = self.board.tell.remote(self.name, share)

    def hear(self) -> bool:
        """Whether the work is to stop, as far as the board has answered."""
        import ray

        if self.answer is not None and ray.wait([self.answer], timeout=0)[0]:
            answer, self.answer = self.answer, None
            with suppress(ray.exceptions.RayError):  # the board has died, and is back in a moment
                self.is_stopped = ray.get(answer)
        return self.is_stopped


def run_items(
    workforce: Workforce,
    work: Work[AnyItem],
    items: Sequence[AnyItem],
    report: Callable[[Outcome], None] = lambda outcome: None,
    show: Callable[[float, int], None] = lambda share, count: None,
    stop: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Work on items, no more at a time than there are places, and return what became of each.

    report is called after each of them, show now and then with the share of all that is done and
    the number of items that are. Once stop says so no further item begins, and those that are
    begun are waited for: they end as soon as they can go on later.
    """
    ray = workforce.ray
    board = ray.remote(Board).options(num_cpus=0, max_restarts=-1).remote()
    task = ray.remote(work).options(max_retries=RETRIES, **workforce.resources)
    waiting, running, outcomes = deque(items), dict[Any, str](), list[Outcome]()

    while running or waiting:
        is_stopped = stop()
        while waiting and len(running) < workforce.places and not is_stopped:
            item = waiting.popleft()
            running[task.remote(item, board)] = item.name
        if is_stopped:
            board.stop.remote()
        if not running:
            break

        ready, _ = ray.wait(list(running), timeout=POLL)
        for reference in ready:
            outcomes.append(read_outcome(ray, reference, running.pop(reference)))
            report(outcomes[-1])
        shares = _read_shares(ray, board, list(running.values()))
        show((len(outcomes) + shares) / len(items), len(outcomes))
    return outcomes


def read_outcome(ray: Any, reference: Any, name: str) -> Outcome:
    """Read what became of an item, also where its worker has died too often."""
    try:
        return ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        reason = (
            f"its worker died {RETRIES + 1} times; perhaps memory is short: use fewer --workers"
        )
    except ray.exceptions.RayError as error:
        reason = f"its worker failed: {say_reason(error)[-200:]}"
    return Outcome(name, "failed", reason)


def _read_shares(ray: Any, board: Any, names: list[str]) -> float:
    """Read how much of the running items is done, all together."""
    try:
        shares = ray.get(board.read.remote(), timeout=POLL)
    except ray.exceptions.RayError:  # it is starting, or starts again
        return 0.0
    return sum(shares.get(name, 0.0) for name in names)

"""What becomes of the items of a large job: each is done, there already, or fails alone."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from singan_cli.failure import describe_error
from singan_cli.terminal import say
from singan_core.errors import SinGANError, say_reason

State = Literal["done", "there", "stopped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of an item."""

    name: str
    state: State
    reason: str = ""  # of a failure, on one line
    warnings: tuple[str, ...] = ()


class ItemsFailedError(SinGANError):
    """Some items of a large job failed. The others are done."""


def attempt(name: str, work: Callable[[], bool]) -> Outcome:
    """Do the work of an item, which returns whether there was anything to do.

    Any error makes the item fail and no other. KeyboardInterrupt means that it was stopped in
    order.
    """
    state: State = "failed"
    reason = ""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        try:
            state = "done" if work() else "there"
        except KeyboardInterrupt:
            state = "stopped"
        except Exception as error:
            reason = describe_error(error) or f"{type(error).__name__}: {say_reason(error)}"
    said = [str(one.message) for one in heard if issubclass(one.category, UserWarning)]
    return Outcome(name, state, reason, tuple(said))


def tell_result(outcomes: Sequence[Outcome], what: str, verb: str, out: Path) -> None:
    """Say what became of all items, which are in a folder. Raises ItemsFailedError."""
    say(f"{summarise(outcomes, what, verb)}, in {out}")
    require_success(outcomes, what)


def summarise(outcomes: Sequence[Outcome], what: str, verb: str) -> str:
    """Say how many items there were of each state, as in '5 photos: 3 trained, 2 failed'."""
    counts = Counter(one.state for one in outcomes)
    words: dict[State, str] = {
        "done": verb,
        "there": "there already",
        "stopped": "stopped",
        "failed": "failed",
    }
    said = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    return f"{len(outcomes)} {what}: {', '.join(said) or 'nothing to do'}"


def require_success(outcomes: Sequence[Outcome], what: str) -> None:
    """Raise ItemsFailedError if an item failed."""
    failed = sum(one.state == "failed" for one in outcomes)
    if failed:
        raise ItemsFailedError(
            f"{failed} of {len(outcomes)} {what} failed, for the reasons above; the others are "
            "done: repeat the command to try again what failed"
        )

"""What a large job shows while it is done: one bar or line, and a line for each failure."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from singan_cli.many.cluster import Cluster, connect
from singan_cli.many.outcome import Outcome
from singan_cli.many.work import AnyItem, Work, run_items
from singan_cli.progress import show_stages
from singan_cli.signals import StoppedBySignal, collect_signals
from singan_cli.terminal import say

GO_ON = "stopped; what is done is kept: repeat the command to go on"


def watch_items(
    cluster: Cluster,
    work: Work[AnyItem],
    items: Sequence[AnyItem],
    failed: Sequence[Outcome],
    what: str,
) -> list[Outcome]:
    """Work on items, say what fails, and return what became of all, with those failed before.

    A signal lets those that are begun end in order. Raises StoppedBySignal after it, and what
    connect raises.
    """
    for outcome in failed:
        say_outcome(outcome)
    if not items:
        return [*failed]
    try:
        return [*failed, *_work(cluster, work, items, what)]
    except SystemExit:  # what Ray makes of SIGTERM while it begins
        raise StoppedBySignal(signal.SIGTERM, GO_ON) from None


def _work(
    cluster: Cluster, work: Work[AnyItem], items: Sequence[AnyItem], what: str
) -> list[Outcome]:
    """Work on items on one display of progress. Raises StoppedBySignal."""
    # Ray sets answers to signals of its own, so ours are set after it has begun.
    with show_stages() as show, connect(cluster) as workforce, collect_signals() as signals:
        show(what, 0.0, f"0/{len(items)}, {workforce.places} at a time")
        outcomes = run_items(
            workforce,
            work,
            items,
            say_outcome,
            lambda share, count: show(what, share, f"{count}/{len(items)}"),
            lambda: bool(signals),
        )

        is_cut_short = len(outcomes) < len(items) or any(one.state == "stopped" for one in outcomes)
        if signals and is_cut_short:
            raise StoppedBySignal(signals[0], GO_ON)
    return outcomes


def say_outcome(outcome: Outcome) -> None:
    """Print what a user should know of an item: why it failed, and what it was warned of."""
    for warning in outcome.warnings:
        say(f"{outcome.name}: warning: {warning}", err=True)
    if outcome.state == "failed":
        is_named = outcome.name in outcome.reason
        said = outcome.reason if is_named else f"{outcome.name}: {outcome.reason}"
        say(f"failed: {said}", err=True)

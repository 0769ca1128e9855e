"""Widen a budget to what rounding does to the trained networks themselves.

A network whose sums have large terms draws one image in float32 and a slightly different one in
double precision, and no graph can be held to less than that. What is measured is the trained
network, never the graph that is judged: a graph cannot widen its own budget.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

from singan_export.budgets import Budget, Comparison

TIMES = 4
"""How many times the networks' own rounding is allowed: the graph rounds too, in another order."""

MOST = 1 / 255
"""The largest difference that rounding excuses: half a grey level, which nobody can see."""

MOST_SHARE = 0.05  # of a picture's values, by one grey level


def follow_rounding(
    checks: Iterable[Comparison], measure: Callable[[], Iterable[Comparison]]
) -> list[Comparison]:
    """Give comparisons that are over their budget the one that rounding calls for.

    measure compares the networks in float32 with themselves in double precision, on the same
    inputs. It is called only if a comparison is over its budget.
    """
    checks = list(checks)
    if all(check.passed for check in checks):
        return checks
    budget = widen(checks[0].budget, list(measure()))
    return [dataclasses.replace(check, budget=budget) for check in checks]


def widen(budget: Budget, rounding: list[Comparison]) -> Budget:
    """Return a budget that allows the networks' own rounding TIMES over, MOST at the most."""
    apart = min(TIMES * max(check.maximum for check in rounding), MOST)
    share = min(TIMES * max(check.share for check in rounding), MOST_SHARE)
    return dataclasses.replace(
        budget,
        scale=max(budget.scale, apart),
        pyramid=max(budget.pyramid, apart),
        share=max(budget.share, share),
    )

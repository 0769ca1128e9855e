"""What choosing among candidates brings: of all seeds and of the chosen, how many are no good.

Whoever has looked at the pictures of seeds 0 to 23 at the photo's own shape (singan sample BUNDLE
--seed 0 --count 24) names those with a fault. Printed are shares over all runs of consecutive
seeds, a row for each bundle, in the columns of the table of docs/variation.md.

Usage: python benchmarks/chosen.py BUNDLE=SEED[,SEED...] ...
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from singan_runtime import Sampler
from singan_runtime.measures import choice
from singan_runtime.measures.choice import Candidate

SEEDS = 24
CHOSEN = (1, 3)  # pictures that are chosen, of four times as many, at least eight


def count_shares(
    candidates: Sequence[Candidate], faulty: frozenset[int]
) -> tuple[float, float, float]:
    """Return the shares with a fault and of the photo again, and the mean of what has moved."""
    count = len(candidates)
    return (
        sum(one.seed in faulty for one in candidates) / count,
        sum(one.is_photo for one in candidates) / count,
        sum(one.moved for one in candidates) / count,
    )


def compare(bundle: Path, faulty: frozenset[int]) -> str:
    """Compare all seeds with those that are chosen, as a row of a table."""
    sampler = Sampler.load(bundle, threads=1)
    judged = choice.judge(sampler, sampler.plan(), range(SEEDS))

    shares = [count_shares(judged, faulty)]
    for count in CHOSEN:
        most = choice.count_candidates(count)
        chosen = []
        for first in range(SEEDS - most + 1):
            chosen += choice.order(judged[first : first + most])[:count]
        shares.append(count_shares(chosen, faulty))

    columns = [f"{one:.2f}" for measure in zip(*shares, strict=True) for one in measure]
    return f"| {bundle.name} | {' | '.join(columns)} |"


def main() -> None:
    """Print a row for each bundle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE=SEED[,SEED...]")
    for word in parser.parse_args().bundles:
        name, _, seeds = word.rpartition("=")
        print(compare(Path(name), frozenset(map(int, filter(None, seeds.split(","))))), flush=True)


if __name__ == "__main__":
    main()

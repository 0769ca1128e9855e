"""How quiet a zone for text can be: the quietest that some seeds have at each side of a picture.

Usage: python benchmarks/calm.py [--bundle DIR ...] [--count N]

Prints, for every model, the least share of the picture's gradient energy that its candidates have
at a side. In brackets stands what the picture of that seed has when it is drawn.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported: waiting threads count as work

from pathlib import Path

from arguments import BUNDLE, make_parser

from singan_cli.site.scene import estimate
from singan_runtime import Sampler
from singan_runtime.measures import choice
from singan_runtime.measures.calm import measure_zones
from singan_runtime.request import Request

SIZE = (1080, 1920)
SIDES = ("left", "right", "top", "bottom")


def list_quietest(sampler: Sampler, count: int) -> list[str]:
    """List, for each side, the estimate of the quietest of some seeds and what it has drawn."""
    request = Request(SIZE)
    candidates = choice.judge(sampler, sampler.plan_request(request), range(count))
    zones = estimate(sampler, request, candidates)
    drawn = {}

    cells = []
    for side in SIDES:
        least, seed = min((zone[side].energy, seed) for seed, zone in enumerate(zones))
        if seed not in drawn:
            drawn[seed] = measure_zones(sampler.draw(Request(SIZE, seed)))
        cells.append(f"{least:.2f} ({drawn[seed][side].energy:.2f})")
    return cells


def main() -> None:
    """Print a row for every model."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, nargs="+", default=[BUNDLE])
    parser.add_argument("--count", type=int, default=24)
    arguments = parser.parse_args()

    print(f"| photo | {' | '.join(SIDES)} |\n|{'---|' * (1 + len(SIDES))}")
    for bundle in arguments.bundle:
        sampler = Sampler.load(bundle, threads=1)
        cells = list_quietest(sampler, arguments.count)
        print(f"| {sampler.manifest.name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""What examples that draw several pictures are given: a bundle, and a folder for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from singan_runtime import Sampler

ROOT = Path(__file__).parents[1]


def read_arguments(description: str | None) -> tuple[Sampler, Path]:
    """Read --bundle and --out, and return the sampler of the one and the folder of the other."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "aitzgorri")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()

    given.out.mkdir(parents=True, exist_ok=True)
    return Sampler.load(given.bundle), given.out

"""Command-line arguments that the benchmarks share, and the files that they default to."""

from __future__ import annotations

import argparse
from pathlib import Path

from singan_core.pyramid import Size

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "examples" / "aitzgorri.jpg"
MASK = ROOT / "examples" / "aitzgorri_fir.png"
BUNDLE = ROOT / "models" / "aitzgorri"
PLAIN_BUNDLE = ROOT / "tests" / "data" / "format_1_bundle"
"""A model of the same photo without detail, trained to 250 px."""


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """Make a parser that prints a module's docstring as its help, line by line."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def read_size(word: str) -> Size:
    """Read 'WxH' as (height, width)."""
    width, height = (int(side) for side in word.split("x"))
    return height, width


def read_sizes(words: str) -> list[Size]:
    """Read 'WxH,WxH' as sizes in that order."""
    return [read_size(word) for word in words.split(",")]


def describe_size(size: tuple[int, ...]) -> str:
    """Write a size (height, width) as 'WxH'."""
    return f"{size[1]}x{size[0]}"

"""How closely an exported model follows the trained one, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from singan_export.budgets import Comparison, Parity

HEADS = ("format", "of", "worst at", "max", "rms", "PSNR", "levels", "values", "allowed", "")


def list_parity(parity: Parity) -> list[str]:
    """List the measured differences, a line for each scale and for each canvas of the pyramid."""
    lines = []
    for scale in dict.fromkeys(check.scale for check in parity.scales):
        checks = [check for check in parity.scales if check.scale == scale]
        worst = max(checks, key=lambda check: check.maximum)
        rms = max(check.rms for check in checks)
        lines.append(
            f"scale {scale}: {len(checks)} sizes, max {worst.maximum:.1e}, rms {rms:.1e} "
            f"(allowed {worst.allowed:.0e})"
        )

    for scale in dict.fromkeys(check.scale for check in parity.double):
        doubles = [check for check in parity.double if check.scale == scale]
        double = max(doubles, key=lambda check: check.maximum)
        lines.append(
            f"scale {scale} in double precision: max {double.maximum:.1e} "
            f"(allowed {double.allowed:.0e})"
        )

    for check in parity.pyramid:
        lines.append(
            f"pyramid {check.size[2]}x{check.size[1]}: max {check.maximum:.1e}, rms "
            f"{check.rms:.1e} (allowed {check.allowed:.0e}), {check.levels} grey levels in "
            f"{check.share:.3%} of values (allowed 1 in {check.budget.share:.1%})"
        )
    return lines


def list_formats(checks: Sequence[Comparison]) -> list[str]:
    """Lay out a table: of every format the worst of each scale, and each canvas of the pyramid."""
    if not checks:
        return []
    rows = [HEADS, *(write_row(check) for check in find_worst(checks))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def find_worst(checks: Sequence[Comparison]) -> list[Comparison]:
    """Find the worst check of each scale, and of each canvas of the whole pyramid, by format."""
    worst: dict[tuple[str, int | None, object], Comparison] = {}
    for check in checks:
        key = (check.format, check.scale, check.size if check.scale is None else None)
        if key not in worst or (check.passed, -check.rms) < (worst[key].passed, -worst[key].rms):
            worst[key] = check
    return list(worst.values())


def write_row(check: Comparison) -> tuple[str, ...]:
    """Write the cells of a check, in the order of HEADS."""
    batch, height, width = check.size
    return (
        check.format,
        "pyramid" if check.scale is None else f"scale {check.scale}",
        f"{batch}x{width}x{height}",
        f"{check.maximum:.1e}",
        f"{check.rms:.1e}",
        f"{check.psnr:.1f} dB",
        str(check.levels),
        f"{check.share:.3%}",
        check.limit,
        "" if check.passed else "FAILED",
    )

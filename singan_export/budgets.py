"""How far an exported image may differ from its reference, and the records of what was compared.

BUDGETS holds the limits of what is in every bundle; each further format states its own in the table
of singan_export.formats.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from singan_core.errors import ParityError


@dataclass(frozen=True)
class Budget:
    """The most by which an image may differ: images are in [-1, 1], pixel values are 0 to 255."""

    scale: float = 1e-5  # largest difference of one generator's image
    pyramid: float = 2e-3  # largest difference of a whole picture
    share: float = 0.01  # of a whole picture's pixel values may differ at all
    psnr: float | None = None  # dB, at least; where it is given it replaces all other limits
    levels: int = 1  # by which a pixel value may differ
    scale_share: float = 0.01  # of the pixel values of one generator's image


EXACT = Budget(scale=0, pyramid=0, share=0, levels=0, scale_share=0)

BUDGETS = {
    "onnx": Budget(pyramid=1e-3, share=0.002, scale_share=1.0),
    "fp64": Budget(scale=1e-11, scale_share=1.0),
    "preview": Budget(pyramid=2.0, share=1.0),  # within one level: it is stored in 8 bits
}


@dataclass(frozen=True)
class Comparison:
    """The difference of one image from its reference."""

    format: str
    scale: int | None  # None for a whole picture
    size: tuple[int, int, int]  # batch, height, width
    maximum: float
    rms: float
    psnr: float  # dB, of a range of 2
    levels: int  # largest difference of pixel values
    share: float  # of pixel values that differ
    budget: Budget

    @property
    def allowed(self) -> float:
        """The largest difference that the budget allows, unless it has a PSNR."""
        return self.budget.pyramid if self.scale is None else self.budget.scale

    @property
    def passed(self) -> bool:
        """Whether it is within its budget."""
        budget = self.budget
        if budget.psnr is not None:
            return self.psnr >= budget.psnr
        share = budget.share if self.scale is None else budget.scale_share
        return self.maximum <= self.allowed and self.levels <= budget.levels and self.share <= share

    @property
    def limit(self) -> str:
        """The budget in words."""
        if self.budget == EXACT:
            return "nothing"
        return f"{self.allowed:.0e}" if self.budget.psnr is None else f"{self.budget.psnr:g} dB"

    def __str__(self) -> str:
        batch, height, width = self.size
        where = "pyramid" if self.scale is None else f"scale {self.scale}"
        return (
            f"{self.format} {where} {batch}x{width}x{height}: "
            f"max {self.maximum:.1e}, rms {self.rms:.1e}, {self.psnr:.1f} dB, "
            f"{self.levels} grey levels in {self.share:.3%} of values (allowed {self.limit})"
        )

    def to_json(self) -> dict[str, object]:
        """Give the record of a further format's parity.json."""
        values = dataclasses.asdict(self)
        limits = {name: values["budget"][name] for name in ("scale", "pyramid", "share", "psnr")}
        return {"passed": self.passed, **values, "budget": limits}


@dataclass(frozen=True)
class Parity:
    """All comparisons of a bundle with the run that it came from."""

    scales: tuple[Comparison, ...]
    pyramid: tuple[Comparison, ...]
    double: tuple[Comparison, ...] = ()  # the graphs in double precision, of bundles with detail
    formats: tuple[Comparison, ...] = ()  # further formats, which keep records of their own

    @property
    def passed(self) -> bool:
        """Whether every graph of the bundle itself is within its budget."""
        return all(check.passed for check in (*self.scales, *self.double, *self.pyramid))

    def to_json(self) -> dict[str, object]:
        """Give the content of the bundle's parity.json."""
        record: dict[str, object] = {
            "passed": self.passed,
            "scales": [_record_scale(check) for check in self.scales],
            "pyramid": [_record_pyramid(check) for check in self.pyramid],
        }
        if self.double:
            record["double"] = [_record_scale(check) for check in self.double]
        return record

    def require(self) -> None:
        """Raise ParityError naming the first scale or canvas that is over its budget."""
        for check in (*self.scales, *self.double):
            batch, height, width = check.size
            if not check.passed:
                raise ParityError(
                    f"scale {check.scale} at {batch}x{width}x{height} (batch x width x height): "
                    f"the graph differs from the network by {check.maximum:.2e}, "
                    f"allowed is {check.allowed:.0e}; the bundle is refused"
                )

        for check in self.pyramid:
            _, height, width = check.size
            if not check.passed:
                raise ParityError(
                    f"whole pyramid (scale {len(self.scales) and self.scales[-1].scale}) at "
                    f"{width}x{height}: differs by {check.maximum:.2e} "
                    f"(allowed {check.allowed:.0e}), {check.levels} grey levels "
                    f"(allowed {check.budget.levels}) in {check.share:.3%} of the values "
                    f"(allowed {check.budget.share:.1%})"
                )


def _record_scale(check: Comparison) -> dict[str, object]:
    return {
        "scale": check.scale,
        "size": check.size,
        "maximum": check.maximum,
        "rms": check.rms,
        "allowed": check.allowed,
    }


def _record_pyramid(check: Comparison) -> dict[str, object]:
    return {
        "size": check.size[1:],
        "maximum": check.maximum,
        "rms": check.rms,
        "levels": check.levels,
        "share": check.share,
        "allowed": check.allowed,
        "allowed_share": check.budget.share,
    }


def require(checks: Sequence[Comparison]) -> None:
    """Raise ParityError naming the first comparison that is over its budget."""
    for check in checks:
        if not check.passed:
            raise ParityError(f"{check}: over its budget; do not use this format of this model")

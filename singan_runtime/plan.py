"""A plan of a picture: everything needed to draw it, except its noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

from singan_core import cascade
from singan_core.arrays import Floats
from singan_core.detail.kept_objects import KeptObject
from singan_core.detail.original import Original
from singan_core.fitting import Fit
from singan_core.pyramid import Pass, Size
from singan_core.windows import Wrap


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything needed to draw a picture, except its noise."""

    passes: tuple[Pass, ...]
    base: Floats | None
    """The image below the start scale, (1, C, H, W): the photo's reconstruction or another."""
    wrap: Wrap
    adjust: cascade.Adjust | None = None
    """Changes the image of every pass, for example by putting an object into it."""
    fit: Fit | None = None
    """With detail, the levels above the passes; None where generators draw everything."""
    first: int = 0
    """The level at which the generators' picture comes in, or the base of one without passes."""
    original: Original | None = None
    """That base, where the drawing is to follow it further."""
    position: float | None = None
    """How much heights count in the search; None is what suits the photo."""
    kept: tuple[KeptObject, ...] = ()
    """Objects of the photo that stand in the picture as they are."""
    amplitudes: tuple[float, ...] = ()
    """The amplitude of each generator's noise; empty for those that they were trained with."""

    @classmethod
    def of(
        cls, fit: Fit, start_scale: int = 0, base: Floats | None = None, wrap: Wrap = (False, False)
    ) -> Plan:
        """Plan a picture as it was fitted, from a start scale on.

        A new composition enters at the composition level, where it is brought in line with the
        photo. What an image below the start scale shows is kept as it is.
        """
        first = 0 if base is None else fit.entry
        return cls(
            fit.passes[start_scale:], base, wrap, fit=fit if fit.levels else None, first=first
        )

    def stop_at(self, number: int) -> Plan:
        """Return the plan of a smaller picture: all that the detail level of a number draws."""
        assert self.fit is not None
        size, count = self.fit.levels[number], number + 1
        fit = replace(
            self.fit,
            levels=self.fit.levels[:count],
            whole=size,
            size=size,
            origin=(0, 0),
            searched=min(count, self.fit.searched),
            photo_sizes=self.fit.photo_sizes[:count],
        )
        return replace(self, fit=fit)

    @property
    def size(self) -> Size:
        """(height, width) of the picture."""
        return self.fit.size if self.fit else self.passes[-1].canvas

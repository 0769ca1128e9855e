"""Which sizes the service makes: any, those of a list, or those whose sides are round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from singan_core.errors import RequestError
from singan_core.pyramid import Size
from singan_runtime.parsing import format_size, parse_size


@dataclass(frozen=True)
class AllowedSizes:
    """The sizes that may be asked for: listed ones, or sides that are multiples of a step."""

    listed: tuple[Size, ...] = ()
    step: int = 1

    @classmethod
    def parse(cls, word: str) -> AllowedSizes:
        """Read '64', a step, or '1920x1080,phone', a list. Raises RequestError."""
        if word.isdecimal() and word.isascii() and int(word[:9]) > 0:
            return cls(step=int(word[:9]))
        return cls(tuple(parse_size(one) for one in word.split(",")))

    @property
    def are_limited(self) -> bool:
        """Whether not every size is allowed."""
        return bool(self.listed) or self.step > 1

    def describe(self) -> dict[str, Any]:
        """Return what is allowed, as JSON's types: no listed sizes and a step of 1 are any size."""
        listed = [{"width": width, "height": height} for height, width in self.listed]
        return {"listed": listed, "step": self.step}

    def find(self, size: Size) -> Size:
        """Return the size that is made for one: with a step the next larger one.

        Raises RequestError for a size that is not in the list.
        """
        if self.listed and size not in self.listed:
            known = ", ".join(format_size(one) for one in self.listed)
            raise RequestError(f"{format_size(size)} is not made here; the sizes are {known}")
        height, width = (-(-side // self.step) * self.step for side in size)
        return height, width


ANY = AllowedSizes()

"""Opening a bundle for a command that draws."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from singan_core.fitting import MAX_PIXELS

if TYPE_CHECKING:
    from singan_runtime import Sampler


def open_sampler(
    bundle: Path,
    device: str = "auto",
    threads: int | None = None,
    max_pixels: int = MAX_PIXELS,
    precision: str = "auto",
) -> Sampler:
    """Open a bundle, in a process whose memory stays flat however many pictures it draws.

    Raises BundleError, RequestError or InstallError.
    """
    from singan_runtime import Sampler, heap

    heap.share()
    return Sampler.load(bundle, device, threads, max_pixels, precision)

"""singan bench."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from singan_cli import parse
from singan_cli.options import AsJson, Bundle, Device, MaxPixels, Threads, ZoomWord
from singan_cli.terminal import say
from singan_core.fitting import MAX_PIXELS
from singan_runtime.measures.bench import MOST_REPEATS

if TYPE_CHECKING:
    from singan_runtime.measures.bench import Timing


def command(
    bundle: Bundle,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH|NAME[,...]",
            help="Exact sizes in pixels, or names.",
            show_default="trained size",
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    repeats: Annotated[
        int,
        typer.Option(
            "--repeats",
            min=1,
            max=MOST_REPEATS,
            help=f"Timed pictures of each size, 1 to {MOST_REPEATS}.",
        ),
    ] = 5,
    to_json: AsJson = False,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Time how fast a bundle draws on this machine.

    One picture warms up; then come the median and the 95th percentile of the timed ones.
    """
    sizes = parse.read_sizes(size) if size is not None else [None]
    used = parse.read_zoom(zoom)
    from singan_cli.opening import open_sampler
    from singan_cli.progress import count_progress
    from singan_runtime.measures.bench import bench

    sampler = open_sampler(bundle, device, threads, max_pixels)
    with count_progress("pictures", len(sizes) * (repeats + 1)) as advance:
        timings = [bench(sampler, one, repeats, used, advance) for one in sizes]

    if to_json:
        say(json.dumps([dataclasses.asdict(timing) for timing in timings], indent=2))
    else:
        say("\n".join(list_timings(timings)))


def list_timings(timings: Sequence[Timing]) -> list[str]:
    """List what was used, then the seconds of each size."""
    used, last = timings[0], timings[-1]
    memory = f"; peak memory {last.peak_memory_mb:.0f} MB" if last.peak_memory_mb else ""
    lines = [f"{used.provider}, {used.threads} threads{memory}"]
    for timing in timings:
        lines.append(
            f"{timing.width}x{timing.height}: median {timing.median:.3f} s, "
            f"p95 {timing.p95:.3f} s, {timing.megapixels_per_second:.2f} MPix/s "
            f"(first {timing.first:.3f} s, {timing.repeats} repeats)"
        )
    return lines

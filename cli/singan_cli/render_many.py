"""singan render-many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from singan_cli import many_options as options
from singan_cli import parse
from singan_cli.options import Background, MaxPixels, Quality
from singan_core.encoding import Style, check_format_name, check_quality
from singan_core.fitting import MAX_PIXELS

if TYPE_CHECKING:
    from singan_cli.many.cluster import Cluster
    from singan_cli.many.outcome import Outcome


def command(
    requests: options.Requests,
    out: options.Pictures,
    model: options.Model = None,
    format: options.Format = "png",
    quality: Quality = None,
    background: Background = "white",
    max_pixels: MaxPixels = MAX_PIXELS,
    address: options.Address = "",
    workers: options.Workers = None,
    threads: options.WorkerThreads = 1,
    gpus: options.Gpus = 0.0,
) -> None:
    """Draw the pictures of a list of requests.

    All processors work, or the machines of a Ray cluster. What is there is kept. A stopped command
    goes on when it is repeated.
    """
    from singan_cli.many.cluster import Cluster
    from singan_cli.many.outcome import tell_result
    from singan_core.encoding import FORMATS

    check_format_name(format, FORMATS)
    check_quality(format, quality)
    cluster = Cluster(address, workers, threads, gpus)
    style = Style(format, parse.read_background(background), quality)

    outcomes = draw_pictures(requests, out.absolute(), model, style, max_pixels, cluster)
    tell_result(outcomes, "pictures", "drawn", out)


def draw_pictures(
    requests: Path, out: Path, model: Path | None, style: Style, max_pixels: int, cluster: Cluster
) -> list[Outcome]:
    """Draw the pictures on one display of progress. Raises StoppedBySignal."""
    from singan_cli.many.display import watch_items
    from singan_cli.many.pictures import Drawing, draw_item
    from singan_cli.many.request_list import read_items
    from singan_cli.many.shared_folder import hold_folder

    with hold_folder(out) as mark:
        drawing = Drawing(mark, style, cluster.device, cluster.threads, max_pixels)
        items, failed = read_items(requests, model, drawing)
        return watch_items(cluster, draw_item, items, failed, "pictures")

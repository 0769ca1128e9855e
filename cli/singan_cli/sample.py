"""singan sample."""

from __future__ import annotations

import itertools
from typing import Any

import typer

from singan_cli import likeness, parse, sampling
from singan_cli import sample_options as options
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    HasMetadata,
    Keeps,
    MaxPixels,
    Places,
    Quality,
    Threads,
    ZoomWord,
)
from singan_core.encoding import Style
from singan_core.fitting import MAX_PIXELS


def command(
    context: typer.Context,
    bundle: Bundle,
    out: options.OutFolder = None,
    size: options.Sizes = None,
    list_sizes: options.ListSizes = False,
    count: options.Count = 1,
    best: options.Best = None,
    sheet: options.Sheet = None,
    like: options.Like = None,
    seed: options.FirstSeed = None,
    zoom: ZoomWord = "auto",
    start_scale: options.StartScales = "0",
    variation: options.Variation = 1.0,
    tileable: options.Tileable = "",
    keep: Keeps = None,
    place: Places = None,
    window: options.WindowWord = None,
    deepzoom: options.DeepZoomFolder = None,
    format: options.Format = None,
    background: Background = "white",
    quality: Quality = None,
    metadata: HasMetadata = True,
    precision: options.Precision = "auto",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw new pictures of the scene at exact sizes.

    The same seed gives the same picture; picture i has seed + i. Without --seed, four times as
    many pictures are begun, at least eight, and those that hold together best are finished.
    """
    liked = likeness.read(like, context)
    sizes = parse.read_sizes(size) if size is not None else [liked.request.size]
    starts = parse.read_numbers(start_scale)
    fields: dict[str, Any] = {"seed": seed or 0, "variation": variation, "tileable": tileable}
    fields["zoom"] = parse.read_zoom(zoom)
    fields["window"] = parse.read_window(window) if window is not None else None
    places = [parse.read_place(word) for word in place or ()]
    colour, named = parse.read_background(background), sampling.choose_format(format, out)
    style = Style(named, colour, quality, metadata)
    is_open = seed is None and best is None and sheet is None and like is None
    screens = parse.read_screens(size)
    output = sampling.Output(out, deepzoom, sheet, best, count, is_open, style, screens)
    output.check(len(sizes) * len(starts), window is not None)

    from singan_cli.progress import say_device

    sampler = open_sampler(bundle, device, threads, max_pixels, liked.choose_precision(precision))
    liked.check(sampler)
    fields["keep"] = sampler.read_keep(keep or (), places)
    requests = [
        liked.change(fields | {"size": one, "start_scale": start})
        for start, one in itertools.product(starts, sizes)
    ]
    sampling.check_requests(sampler, requests, output)
    say_device(device)
    sampling.say_zoom(sampler, requests)
    sampling.draw_all(sampler, requests, output, in_folders=len(starts) > 1)

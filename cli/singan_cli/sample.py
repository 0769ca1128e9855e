"""singan sample."""

from __future__ import annotations

import itertools

from singan_cli import parse, sampling
from singan_cli import sample_options as options
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    Keeps,
    MaxPixels,
    Places,
    Seed,
    Threads,
    ZoomWord,
)
from singan_core.fitting import MAX_PIXELS


def command(
    bundle: Bundle,
    out: options.OutFolder = None,
    size: options.Sizes = None,
    list_sizes: options.ListSizes = False,
    count: options.Count = 1,
    best: options.Best = None,
    sheet: options.Sheet = None,
    seed: Seed = 0,
    zoom: ZoomWord = "auto",
    start_scale: options.StartScales = "0",
    variation: options.Variation = 1.0,
    tileable: options.Tileable = "",
    keep: Keeps = None,
    place: Places = None,
    window: options.WindowWord = None,
    deepzoom: options.DeepZoomFolder = None,
    format: options.Format = "png",
    background: Background = "white",
    precision: options.Precision = "auto",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw new pictures of the scene at exact sizes.

    The same seed gives the same picture; picture i has seed + i.
    """
    sizes = parse.read_sizes(size) if size is not None else [None]
    starts = parse.read_numbers(start_scale)
    scale = parse.read_zoom(zoom)
    rectangle = parse.read_window(window) if window is not None else None
    places = [parse.read_place(word) for word in place or ()]
    colour = parse.read_background(background)
    output = sampling.Output(out, deepzoom, sheet, best, count, format, colour)
    output.check(len(sizes) * len(starts), rectangle is not None)

    from singan_cli.progress import say_device
    from singan_core.images import check_format_name
    from singan_runtime.files.writing import FORMATS
    from singan_runtime.request import Request

    check_format_name(format, FORMATS)
    sampler = open_sampler(bundle, device, threads, max_pixels, precision)
    kept = sampler.read_keep(keep or (), places)
    requests = [
        Request(one, seed, scale, start, tileable, variation, kept, rectangle)
        for start, one in itertools.product(starts, sizes)
    ]
    sampling.check_requests(sampler, requests, output)
    say_device(sampler)
    sampling.say_zoom(sampler, requests)
    sampling.draw_all(sampler, requests, output, in_folders=len(starts) > 1)

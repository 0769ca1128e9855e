"""singan dataset."""

from __future__ import annotations

import typer

from singan_cli import dataset_options as options
from singan_cli import parse, signals
from singan_cli.opening import open_sampler
from singan_cli.options import Bundle, Device, MaxPixels, Seed, Threads, ZoomWord
from singan_cli.terminal import say
from singan_core.fitting import MAX_PIXELS
from singan_runtime.files.dataset_spec import MIN_AREA


def command(
    bundle: Bundle,
    out: options.OutFolder,
    count: options.Count,
    size: options.SizeWord = None,
    seed: Seed = 0,
    zoom: ZoomWord = "auto",
    start_scale: options.StartScale = 0,
    keep: options.KeptLabels = None,
    within: options.Within = None,
    scales: options.Scales = "1,1",
    despeckle: options.Despeckle = 0,
    formats: options.Formats = options.USUAL,
    val: options.Val = 0.0,
    instances: options.Instances = False,
    min_area: options.MinArea = None,
    overlays: options.Overlays = False,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Draw pictures with masks and labels (COCO, YOLO, VOC).

    The model must have been trained with --mask. Picture i has seed + i. What is there already is
    kept: an interrupted command goes on when it is repeated.
    """
    wanted = parse.read_size(size) if size is not None else None
    scale = parse.read_zoom(zoom)
    left, top, right, bottom = parse.read_shares(within or "0,0,1,1", 4)
    least, most = parse.read_shares(scales, 2)
    if within is not None and not keep:
        raise typer.BadParameter("--within says where kept objects may lie: name them with --keep")
    if min_area is not None and not instances:
        raise typer.BadParameter("--min-area says which pieces are instances: add --instances")

    from singan_cli.progress import count_progress, say_device
    from singan_runtime.files import dataset
    from singan_runtime.keep import Keep
    from singan_runtime.request import Request

    sampler = open_sampler(bundle, device, threads, max_pixels)
    sampler.check_labels()
    labels = tuple(Keep(name=label) for label in keep or ())
    request = Request(wanted, seed, scale, start_scale, keep=labels)
    limits = (left, top, right, bottom)
    spec = dataset.DatasetSpec(
        count,
        request,
        limits,
        (least, most),
        despeckle,
        tuple(word.strip() for word in formats.split(",")),
        val,
        instances,
        MIN_AREA if min_area is None else min_area,
        overlays,
    )
    dataset.settle(sampler, spec)
    say_device(device)

    with count_progress("pictures", count) as advance:
        try:
            kept = dataset.write_dataset(sampler, out, spec, advance)
        except KeyboardInterrupt as stopped:
            raise signals.retell(
                stopped, "stopped; what is done is kept: repeat the command to go on"
            ) from None
    names = ", ".join(sampler.manifest.labels)
    say(f"wrote {count} pictures with masks of {names} to {out} ({kept} kept)")

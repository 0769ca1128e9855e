"""singan animate."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Annotated

import typer

from singan_cli import parse
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
from singan_core.pyramid import MAX_PIXELS
from singan_runtime.animation import FPS, GRID_BETAS, GRID_START_SCALES, LONGER_SIDE, Walk
from singan_runtime.video import MAX_FRAME_MEMORY


def command(
    bundle: Bundle,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE.{gif,mp4,webm,webp,png}",
            help="The animation, in the format of its ending.",
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Exact size in pixels.",
            show_default=f"trained size, with detail {LONGER_SIDE} px on the longer side",
        ),
    ] = None,
    zoom: ZoomWord = "auto",
    frames: Annotated[
        int, typer.Option("--frames", help="Frames of the motion, 1 or more.")
    ] = Walk.frames,
    fps: Annotated[
        float,
        typer.Option(
            "--fps", help="Frames per second, 0.1 to 50 in gif, 0.1 to 120 in the other formats."
        ),
    ] = FPS,
    alpha: Annotated[
        float, typer.Option("--alpha", help="Pull towards the photo, 0 to 1.")
    ] = Walk.alpha,
    beta: Annotated[
        float, typer.Option("--beta", help="Smoothness of the motion, 0 to 1.")
    ] = Walk.beta,
    start_scale: Annotated[
        int,
        typer.Option(
            "--start-scale",
            help="First scale that moves, 0 to the finest; higher moves finer things.",
        ),
    ] = Walk.start_scale,
    seed: Seed = Walk.seed,
    loop: Annotated[
        bool, typer.Option("--loop", help="Repeat without a jump after the last frame.")
    ] = False,
    walk: Annotated[
        str,
        typer.Option(
            "--walk",
            metavar="harmonic|paper",
            help="harmonic: frames are independent, loops close; paper: the paper's recursion, looped there and back.",
        ),
    ] = Walk.kind,
    grid: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Write 12 GIFs into the folder --out: start scales 0 to 2, four values of beta.",
        ),
    ] = False,
    move: Annotated[
        Path | None,
        typer.Option(
            "--move",
            metavar="MASK",
            help="Picture of the clip's size in pixels: what is white there may move, all else stands still as in the "
            "first frame.",
            show_default="everything may move",
        ),
    ] = None,
    keep: Keeps = None,
    place: Places = None,
    background: Background = "white",
    max_frame_memory: Annotated[
        float,
        typer.Option(
            "--max-frame-memory",
            help="Most memory for frames that wait for the last one, in GB, above 0.",
        ),
    ] = MAX_FRAME_MEMORY,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Let the scene move: GIF, MP4, WebM, WebP or animated PNG.

    The motion is smooth and random. With detail one finished picture moves as what the generators draw moves; walls and
    horizons stand still.
    """
    wanted = parse.size(size) if size is not None else None
    scale = parse.zoom(zoom)
    colour = parse.background(background)
    places = [parse.place(word) for word in place or ()]
    if grid and (start_scale != Walk.start_scale or beta != Walk.beta):
        raise typer.BadParameter(
            "--grid has start scales and betas of its own: leave out --start-scale and --beta"
        )
    from singan_cli.progress import counting, say_device
    from singan_core.atomic import make_folder
    from singan_runtime import Sampler, animation, masks, video

    sampler = Sampler.load(bundle, device, threads, max_pixels)
    asked = Walk(frames, alpha, beta, start_scale, seed, loop, walk)
    files = grid_files(out, asked) if grid else {out: asked}
    shown = wanted or animation.default_size(sampler)
    kept = sampler.read_keep(keep or (), places)
    for path, one in files.items():  # refuse before the first frame is drawn
        animation.check(one)
        sampler.picture(shown, scale, one.start_scale, keep=kept)
        sampler.check_pixels(shown)
        video.check(
            path, shown, one.length, fps, max_frame_memory, holds_all=loop and walk == "paper"
        )
    mask = None
    if move is not None:
        mask = masks.read(move, {shown: "the clip's first frame"}, may_fill=True)
        animation.soften(mask, shown)  # refuses a mask that is too narrow
    for folder in {path.parent for path in files}:
        make_folder(folder)
    say_device(sampler)
    with counting("frames", sum(one.length for one in files.values())) as advance:
        for path, one in files.items():
            pictures = animation.animate(sampler, one, shown, scale, mask, kept)
            video.save(path, (picture for picture in pictures if advance() is None), fps, colour)
    typer.echo(f"wrote {len(files)} animations to {out}" if grid else f"wrote {out}")


def grid_files(folder: Path, walk: Walk) -> dict[Path, Walk]:
    """The paper's supplementary overview: how far down and how smoothly things move."""
    return {
        folder / f"start_scale_{start_scale}_beta_{beta:.2f}.gif": dataclasses.replace(
            walk, start_scale=start_scale, beta=beta
        )
        for start_scale, beta in itertools.product(GRID_START_SCALES, GRID_BETAS)
    }

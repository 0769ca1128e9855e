"""singan animate."""

from __future__ import annotations

import typer

from singan_cli import animate_options as options
from singan_cli import clips, parse
from singan_cli.opening import open_sampler
from singan_cli.options import (
    Background,
    Bundle,
    Device,
    HasMetadata,
    Keeps,
    MaxPixels,
    Places,
    Seed,
    Threads,
    ZoomWord,
)
from singan_cli.terminal import say
from singan_core.fitting import MAX_PIXELS
from singan_runtime.clips.animation import FPS, Walk
from singan_runtime.files.video import MAX_FRAME_MEMORY


def command(
    bundle: Bundle,
    out: options.OutFile,
    size: options.SizeWord = None,
    zoom: ZoomWord = "auto",
    frames: options.Frames = Walk.frames,
    fps: options.Fps = FPS,
    alpha: options.Alpha = Walk.alpha,
    beta: options.Beta = Walk.beta,
    start_scale: options.StartScale = Walk.start_scale,
    seed: Seed = Walk.seed,
    loop: options.Loop = False,
    walk: options.WalkKind = Walk.kind,
    grid: options.Grid = False,
    move: options.MoveMask = None,
    keep: Keeps = None,
    place: Places = None,
    background: Background = "white",
    quality: options.Quality = None,
    metadata: HasMetadata = True,
    max_frame_memory: options.MaxFrameMemory = MAX_FRAME_MEMORY,
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Let the scene move: GIF, MP4, WebM, WebP or animated PNG.

    The motion is smooth and random. With detail one finished picture moves as what the generators
    draw moves; walls and horizons stand still.
    """
    wanted = parse.read_size(size) if size is not None else None
    scale = parse.read_zoom(zoom)
    style = clips.Style(fps, parse.read_background(background), quality, metadata, move)
    places = [parse.read_place(word) for word in place or ()]
    if grid and (start_scale != Walk.start_scale or beta != Walk.beta):
        raise typer.BadParameter(
            "--grid has start scales and betas of its own: leave out --start-scale and --beta"
        )

    from singan_cli.progress import say_device
    from singan_core.atomic import make_folder
    from singan_runtime.clips import animation

    sampler = open_sampler(bundle, device, threads, max_pixels)
    asked = Walk(frames, alpha, beta, start_scale, seed, loop, walk)
    walks = clips.make_grid(out, asked) if grid else {out: asked}
    canvas = wanted or animation.choose_default_size(sampler)
    scene = clips.Scene(sampler, canvas, scale, sampler.read_keep(keep or (), places))
    clips.check_clips(scene, walks, style, max_frame_memory)
    mask = clips.read_move(move, canvas)
    make_folder(out if grid else out.parent)
    say_device(device)

    clips.write_clips(scene, walks, mask, style)
    say(f"wrote {len(walks)} animations to {out}" if grid else f"wrote {out}")

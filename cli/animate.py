"""singan animate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from singan_cli import parse
from singan_cli.options import Background, Bundle, Device, MaxPixels, Seed, Threads, ZoomWord

from singan_core.pyramid import MAX_PIXELS
from singan_runtime.animation import FPS, Walk


def command(
    bundle: Bundle,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.gif", help="The animation.")],
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Exact size in pixels.", show_default="trained size")
    ] = None,
    zoom: ZoomWord = "auto",
    frames: Annotated[int, typer.Option("--frames", min=1, help="Steps of the walk, 1 or more.")] = Walk.frames,
    fps: Annotated[float, typer.Option("--fps", help="Frames per second, 0.1 to 50.")] = FPS,
    alpha: Annotated[float, typer.Option("--alpha", help="Pull towards the photo, 0 to 1.")] = Walk.alpha,
    beta: Annotated[float, typer.Option("--beta", help="Smoothness of the motion, 0 to 1.")] = Walk.beta,
    start_scale: Annotated[
        int, typer.Option("--start-scale", help="First scale that moves, 0 to the finest; higher moves finer things.")
    ] = Walk.start_scale,
    seed: Seed = Walk.seed,
    loop: Annotated[
        bool, typer.Option("--loop", help="Play forwards, then backwards, so that repeating shows no jump.")
    ] = False,
    background: Background = "white",
    device: Device = "auto",
    threads: Threads = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Let the scene move: a smooth random walk from the photo's own noise, written as a GIF."""
    wanted = parse.size(size) if size is not None else None
    number = parse.zoom(zoom)
    colour = parse.background(background)
    from singan_cli.progress import counting, say_device

    from singan_core.atomic import make_folder
    from singan_core.errors import RequestError
    from singan_runtime import Sampler, animation

    if out.suffix.lower() != ".gif":
        raise RequestError(f"{out}: unknown format {out.suffix or 'without an ending'}; end the name in .gif")
    animation.check_fps(fps)
    sampler = Sampler.load(bundle, device, threads, max_pixels)
    walk = Walk(frames, alpha, beta, start_scale, seed)
    pictures = animation.animate(sampler, walk, wanted, "auto" if number is None else number)
    make_folder(out.parent)
    say_device(sampler)
    with counting("frames", frames) as advance:
        shown = (picture for picture in pictures if advance() is None)
        animation.save_gif(out, animation.there_and_back(shown) if loop else shown, fps, colour)
    typer.echo(f"wrote {out}")

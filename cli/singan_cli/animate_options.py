"""The options of singan animate that no other command has, with their help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from singan_cli.options import limit_to
from singan_runtime.clips.animation import KINDS, LONGER_SIDE
from singan_runtime.clips.walk import MOST_FRAMES
from singan_runtime.files.video import MOST_MEMORY

OutFile = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE.{gif,mp4,webm,webp,png}",
        help="The animation, in the format of its ending.",
    ),
]
SizeWord = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="WxH",
        help="Exact size in pixels.",
        show_default=f"trained size, with detail {LONGER_SIDE} px on the longer side",
    ),
]
Frames = Annotated[int, typer.Option("--frames", help=f"Frames of the motion, 1 to {MOST_FRAMES}.")]
Fps = Annotated[
    float,
    typer.Option(
        "--fps", help="Frames per second, 0.1 to 50 in gif, 0.1 to 120 in the other formats."
    ),
]
Alpha = Annotated[float, typer.Option("--alpha", help="Pull towards the photo, 0 to 1.")]
Beta = Annotated[float, typer.Option("--beta", help="Smoothness of the motion, 0 to 1.")]
StartScale = Annotated[
    int,
    typer.Option(
        "--start-scale", help="First scale that moves, 0 to the finest; higher moves finer things."
    ),
]
Loop = Annotated[bool, typer.Option("--loop", help="Repeat without a jump after the last frame.")]
WalkKind = Annotated[
    str,
    typer.Option(
        "--walk",
        **limit_to(KINDS),
        help="harmonic: frames are independent, loops close; paper: the paper's recursion, looped "
        "there and back.",
    ),
]
Grid = Annotated[
    bool,
    typer.Option(
        "--grid",
        help="Write 12 GIFs into the folder --out: start scales 0 to 2, four values of beta.",
    ),
]
MoveMask = Annotated[
    Path | None,
    typer.Option(
        "--move",
        metavar="MASK",
        help="Picture of the clip's size in pixels: what is white there may move, all else stands "
        "still as in the first frame.",
        show_default="everything may move",
    ),
]
MaxFrameMemory = Annotated[
    float,
    typer.Option(
        "--max-frame-memory",
        help=f"Most memory for frames that wait for the last one, 0.001 to {MOST_MEMORY} GB.",
    ),
]

"""Animation: the scene moves as its noise changes smoothly with time.

With detail the first frame is finished, and the motion of what the generators draw moves it
(motion.py). walk.py has the walk through noise space, clip.py and paper_walk.py the two ways to
take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from singan_core.arguments import read_mask
from singan_core.arrays import Floats, Mask, Pixels
from singan_core.errors import RequestError
from singan_core.limits import show
from singan_core.pyramid import Size
from singan_core.zooms import Zoom
from singan_runtime import masks
from singan_runtime.clips.clip import LONGER_SIDE as LONGER_SIDE
from singan_runtime.clips.clip import Clip as Clip
from singan_runtime.clips.clip import choose_default_size as choose_default_size
from singan_runtime.clips.motion import BORDER
from singan_runtime.clips.paper_walk import draw_paper_walk, play_there_and_back
from singan_runtime.clips.walk import KINDS as KINDS
from singan_runtime.clips.walk import Walk as Walk
from singan_runtime.clips.walk import check as check
from singan_runtime.objects import Keep
from singan_runtime.parallel import draw_in_order
from singan_runtime.request import read_size
from singan_runtime.sampler import Sampler

FPS = 10.0  # frames per second, unless told otherwise
GRID_START_SCALES = (0, 1, 2)
GRID_BETAS = (0.80, 0.85, 0.90, 0.95)


def animate(
    sampler: Sampler,
    walk: Walk,
    size: Size | None = None,
    zoom: Zoom = "auto",
    move: Mask | None = None,
    keep: tuple[Keep, ...] = (),
) -> Iterator[Pixels]:
    """Draw the frames, uint8 (h, w, C), in order.

    The request is checked when the first frame is asked for.
    Scales below the start scale stand still and are drawn once. On a canvas other than the trained
    one, where z* is not defined, a fixed noise takes its place. Outside the mask move, bool (h, w),
    every frame is the first, bit for bit. Kept objects, which need a model with detail, stand still
    in all of them. Raises RequestError.
    """
    walk = check(walk)
    frames = _draw_frames(sampler, walk, size, zoom, keep)
    if move is None:
        yield from frames
    else:
        canvas = choose_default_size(sampler) if size is None else size
        yield from hold(frames, soften(move, canvas))


def _draw_frames(
    sampler: Sampler, walk: Walk, size: Size | None, zoom: Zoom, keep: tuple[Keep, ...]
) -> Iterator[Pixels]:
    """Draw the frames as they are when everything may move."""
    if walk.kind == "paper":
        frames = draw_paper_walk(sampler, walk, size, zoom, keep)
        yield from play_there_and_back(frames) if walk.loop else frames
        return

    clip = Clip(sampler, walk, size, zoom, keep)
    if not clip.harmonics:  # nothing moves
        still = clip.draw_frame(0)
        yield from (still for _ in range(walk.frames))
        return
    yield from draw_in_order(clip.draw_frame, walk.frames, sampler.graphs.threads)


def find_labelled(
    sampler: Sampler,
    walk: Walk,
    size: Size | None,
    zoom: Zoom,
    keep: tuple[Keep, ...],
    labels: Sequence[str],
) -> Mask:
    """Find what shows one of the labels in a clip's first frame, bool (h, w): a mask for animate.

    Raises RequestError for a label that the model has not, and for one that the frame does not
    show.
    """
    sampler.check_labels()
    known = sampler.manifest.labels
    for label in labels:
        if label not in known:
            raise RequestError(f"unknown label {show(label)}: the labels are {', '.join(known)}")

    clip = Clip(sampler, walk, size, zoom, keep)
    drawn = sampler.draw_noise_with_masks(clip.picture, clip.mix_noise(0))
    channels = [sampler.manifest.picture_channels + known.index(label) for label in labels]
    found: Mask = np.logical_or.reduce(drawn[..., channels] > 0, axis=2)
    if not found.any():
        raise RequestError(f"this picture does not show {', '.join(labels)}; try another seed")
    return found


def soften(move: Mask, size: Size) -> Floats:
    """Compute how much of its motion every pixel of a clip shows, (h, w, 1).

    It is 0 outside the mask and 1 well inside. Beside an edge of the picture the mask has no
    border.
    Raises RequestError for a mask of another size than (height, width), or if nothing may move.
    """
    if not isinstance(move, np.ndarray) or move.shape == read_size(size):
        move = read_mask(move, "mask of what may move")
    else:
        got = "x".join(str(side) for side in reversed(move.shape))
        raise RequestError(
            f"the mask of what may move is {got}, but must be {size[1]}x{size[0]}, the clip's size"
        )

    reach = round(BORDER * max(size))
    share = 1 - masks.feather(~move, reach)
    if not share.any():
        raise RequestError(
            "nothing may move: no white part of the mask is wide enough for its soft border of "
            f"{reach} px; paint more of it white"
        )
    return share[..., None]


def hold(frames: Iterator[Pixels], share: Floats) -> Iterator[Pixels]:
    """Blend the first frame with each of the others, of which a share (h, w, 1) may be seen."""
    first = next(frames)
    yield first
    for frame in frames:
        yield masks.blend(first, frame, share)

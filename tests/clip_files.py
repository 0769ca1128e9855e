"""Files of moving pictures, as ffmpeg and Pillow show them."""

import subprocess

import numpy as np
import pytest
from PIL import Image, ImageSequence

FFMPEG = ("mp4", "webm")


def ffmpeg():
    return pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()


def decoded(path, height, width):
    """The frames of a film, by ffmpeg."""
    command = [ffmpeg(), "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    said = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(said, np.uint8).reshape(-1, height, width, 3)


def shown(path):
    """Frames and milliseconds of an animated picture, by Pillow."""
    with Image.open(path) as image:
        frames = [
            (np.asarray(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return np.stack([frame for frame, _ in frames]), [lasting for _, lasting in frames]


def as_shown(path):
    """Frames, uint8 (n, h, w, 4), black where nothing is seen, and their milliseconds."""
    with Image.open(path) as image:
        frames = [
            (np.array(frame.convert("RGBA")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    made = np.stack([frame for frame, _ in frames])
    return made * (made[..., 3:] > 0), [lasting for _, lasting in frames]

"""A disk that is full is an error, whatever the format, and leaves nothing behind."""

import subprocess
import sys

import pytest

WRITE = """
import resource, signal, sys
from pathlib import Path

import numpy as np
from PIL import Image

from singan_core import encoding
from singan_core.errors import OutputError
from singan_runtime.files import video

path, limit = Path(sys.argv[1]), int(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
pixels = np.random.default_rng(0).integers(0, 256, (2, 100, 100, 3)).astype(np.uint8)
try:
    if sys.argv[3] == "film":
        video.save(path, iter(pixels), 10)
    else:
        encoding.save(path, pixels[0], sys.argv[3])
except OutputError as error:
    print("refused:", error)
else:
    print("written")
"""


def write(path, limit, what):
    """Write a picture or film in a process whose files end after so many bytes."""
    pytest.importorskip("resource")
    words = [sys.executable, "-c", WRITE, str(path), str(limit), what]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif"])
def test_a_picture_that_does_not_fit_is_refused(tmp_path, format):
    path = tmp_path / f"picture.{format}"
    said = write(path, 2000, format)
    assert said.startswith("refused:") and said.count("\n") == 1 and "picture" in said
    assert list(tmp_path.iterdir()) == []
    assert write(path, 1 << 20, format) == "written\n" and path.stat().st_size > 2000


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_a_film_that_does_not_fit_is_refused(tmp_path, ending):
    path = tmp_path / f"film.{ending}"
    said = write(path, 2000, "film")
    assert said.startswith("refused:") and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    assert write(path, 1 << 20, "film") == "written\n" and path.stat().st_size > 2000

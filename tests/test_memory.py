"""Memory is bounded by the tiles of a picture, not by its size or by how many are drawn."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/statm").exists(), reason="reads resident memory from Linux' /proc"
    ),
]

# The high-water mark of this program alone: getrusage's also counts the process that started it.
LARGE = """
import re, sys
from pathlib import Path
from singan_runtime import Sampler, heap
heap.share()  # as the command does
Sampler.load(sys.argv[1], threads=2).sample((4320, 7680))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""

MANY = """
import resource, sys
import numpy as np
from pathlib import Path
from singan_runtime import Sampler, heap

heap.share()  # as the command does

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

rng = np.random.default_rng(0)
sampler = Sampler.load(sys.argv[1], threads=2)
sampler.sample((900, 900))
seen = []
for seed in range(200):
    sampler.sample(tuple(int(side) for side in rng.integers(16, 900, 2)), seed)
    seen.append(resident())
print(np.mean(seen[:20]), np.mean(seen[-20:]))
"""


def run(code, bundle):
    return subprocess.run(
        [sys.executable, "-c", code, bundle], check=True, capture_output=True, text=True
    ).stdout


def test_an_8k_picture_stays_under_600_mb(tiny_bundle):
    assert float(run(LARGE, tiny_bundle)) < 600


def test_memory_stays_flat_over_200_random_sizes(tiny_bundle):
    first, last = (float(word) for word in run(MANY, tiny_bundle).split())
    assert last < 1.1 * first


FILM = """
import resource, sys
from pathlib import Path
from singan_runtime import Sampler, heap
from singan_runtime.clips import animation
from singan_runtime.files import video
heap.share()  # as the command does
sampler = Sampler.load(sys.argv[1], threads=2)
frames = animation.animate(sampler, animation.Walk(int(sys.argv[3])), (360, 480))
video.save(Path(sys.argv[2]), frames)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.parametrize("ending", ["mp4", "webm"])
def test_a_film_of_any_length_takes_the_same_memory(tiny_bundle, tmp_path, ending):
    """150 frames more would be 78 MB, held once."""
    pytest.importorskip("imageio_ffmpeg")

    def peak(frames):
        words = [sys.executable, "-c", FILM, tiny_bundle, tmp_path / f"a.{ending}", str(frames)]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    assert peak(170) < peak(20) + 15

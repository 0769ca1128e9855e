"""A process with limits that reads pictures, so that a test sees what a picture makes it do.

Run as a script it reads lines from its input: "photo PATH" or "mask PATH". It answers each with
"ok", or with the class and the message of what was raised.
"""

import os
import selectors
import subprocess
import sys
import warnings
from pathlib import Path

MEMORY = 2 * 2**30  # bytes that one picture may take
SECONDS = 20  # of a processor, which a busy machine may share among many
SIDE = 1920  # px, what training needs of a photo


class LimitedReader:
    """Such a process, started again after each that has ended."""

    def __init__(self):
        self.process = None

    def read(self, kind, path):
        """Return what reading a picture came to, 'ended' or 'too slow' included."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.process.stdin.write(f"{kind} {path}\n".encode())
        self.process.stdin.flush()
        until = self.measure_seconds() + SECONDS
        for _ in range(20 * SECONDS):
            if self.selector.select(1) or self.measure_seconds() > until:
                break
        if not self.selector.select(0):
            self.stop()
            return "too slow"

        answer = self.process.stdout.readline().decode().strip()
        if answer:
            return answer
        status = self.process.wait()
        self.stop()
        return f"ended with status {status}"

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)

    def measure_seconds(self):
        """Measure the time of a processor that the process has taken so far."""
        _, _, values = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")
        user, system = values.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process is not None:
            self.selector.close()
            self.process.kill()
            self.process.communicate()
            self.process = None


def read_picture(kind, path):
    """Do with a photo what training does with it, and take a mask to be its own photo's."""
    from singan_core import images

    masks = [path] if kind == "mask" else []
    photo = images.open_labelled_photo(path, masks, "3" if masks else "auto", SIDE)
    factor = min(1, SIDE / max(photo.size))
    height, width = (max(1, round(side * factor)) for side in photo.size)
    assert photo.resize((height, width)).shape[2:] == (height, width)
    assert photo.compute_alpha().shape == photo.values.shape[:2]


def limit_memory():
    """Let the next picture take so much, whatever is still held of those before it."""
    import resource

    import singan_core.images  # noqa: F401  # loaded before the limit counts
    from singan_core.errors import SinGANError  # noqa: F401

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main():
    from PIL import Image

    from singan_core.errors import SinGANError

    Image.init()
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        limit_memory()
        kind, _, path = line.rstrip("\n").partition(" ")
        try:
            read_picture(kind, Path(path))
            answer = "ok"
        except SinGANError as error:
            text = str(error)
            answer = f"SinGANError {text}" if text.isprintable() else f"unprintable {text!r}"
        except BaseException as error:
            answer = f"{type(error).__name__} {str(error)!r}"
        print(answer, flush=True)


if __name__ == "__main__":
    main()

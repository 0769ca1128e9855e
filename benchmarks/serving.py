"""How fast the service answers, against a bare handler and against drawing alone, in one run.

Cached: 32 clients ask for kept pictures of mixed sizes; a bare handler sends the same bytes from
memory. Uncached: every seed is new; the same pictures are drawn and encoded without a service.
Overload: twice the clients that the queue holds. Memory: of the process, over some minutes of new
pictures (--minutes 20 tells whether it grows).

Usage: python benchmarks/serving.py [--bundle DIR] [--size WxH] [--count N] [--minutes N]
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is imported

import itertools
import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from arguments import BUNDLE, describe_size, make_parser, read_size
from load import CLIENTS, Answers, load, load_until_done, name_generator

from singan_core.pyramid import Size
from singan_runtime import Sampler, heap
from singan_runtime.request import Request
from singan_runtime.serve.orders import Order
from singan_runtime.serve.pictures import make_picture
from singan_runtime.serve.settings import Settings

MIXED = ("320x240.webp", "640x360.jpeg", "960x540.jpeg", "1280x720.webp")
WORKERS = Settings.workers
QUEUE = 8
_BARE = """
import json, sys, uvicorn
files = {path: open(file, "rb").read() for path, file in json.load(open(sys.argv[1])).items()}
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = files[scope["path"]]
    headers = [(b"content-type", b"image/webp"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
print("http://127.0.0.1:" + sys.argv[2], file=sys.stderr, flush=True)
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False, lifespan="off")
"""


class Process:
    """A server in a process of its own."""

    def __init__(self, words: list[str], log: Path) -> None:
        with log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, *words], stdout=out, stderr=subprocess.PIPE, text=True
            )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise SystemExit("the server did not start")

    def get(self, path: str) -> bytes:
        """Return the body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return bytes(answer.read())

    def measure_processor(self) -> float:
        """Measure the seconds of processor time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure_memory(self) -> float:
        """Measure the resident memory, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def run(words: list[str], log: Path) -> Iterator[Process]:
    """Run a server, its output in a file of its own as a log is."""
    server = Process(words, log)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


def serve(bundle: Path, *options: str) -> list[str]:
    """List the words that start the service."""
    main = "from singan_cli.main import main; main()"
    return ["-c", main, "serve", str(bundle), "--port", "0", *options]


def compare_cached(service: Process, address: str, folder: Path, seconds: float) -> None:
    """Time kept pictures, from the service and from a bare handler."""
    paths = [f"/v1/{address}/{name}?seed={seed}" for name in MIXED for seed in range(4)]
    files = {}
    for number, path in enumerate(paths):
        file = folder / str(number)
        file.write_bytes(service.get(path))
        files[f"/{number}"] = str(file)
    (folder / "files.json").write_text(json.dumps(files))
    mean = sum((folder / name[1:]).stat().st_size for name in files) / len(files)
    print(f"{len(paths)} kept pictures, {mean / 1000:.0f} kB each, {CLIENTS} clients")

    port = str(service.port + 1)
    with run(["-c", _BARE, str(folder / "files.json"), port], folder / "bare.log") as bare:
        while not can_connect(bare):
            time.sleep(0.1)
        best, least = time_load(bare, list(files), seconds)
    kept, used = time_load(service, paths, seconds)
    print(f"  bare handler {best.describe()}; {1e6 * least:.0f} us of processor time each")
    print(f"  service      {kept.describe()}; {1e6 * used:.0f} us")
    print(f"  {kept.rate / best.rate:.0%} of the handler, {least / used:.0%} by processor time")


def time_load(server: Process, paths: list[str], seconds: float) -> tuple[Answers, float]:
    """Load a server, and measure the seconds of its processor time for an answer."""
    before = server.measure_processor()
    answers = load(server.port, paths, seconds)
    return answers, (server.measure_processor() - before) / answers.statuses[200]


def can_connect(server: Process) -> bool:
    """Whether a server answers."""
    try:
        server.get("/0")
    except OSError:
        return False
    return True


def compare_uncached(
    service: Process, address: str, bundle: Path, size: Size, count: int, format: str
) -> None:
    """Time new pictures, from the service and from the sampler and the encoder alone."""
    sampler = Sampler.load(bundle)

    def make(seed: int) -> bytes:
        return make_picture(sampler, Order(Request(size, seed), format), lambda: None)

    make(0)
    begun = time.perf_counter()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(make, range(1000, 1000 + count)))
    alone = time.perf_counter() - begun

    name = f"{describe_size(size)}.{format}"
    paths = [f"/v1/{address}/{name}?seed={seed}" for seed in range(1000, 1000 + count)]
    made = load_until_done(service.port, paths, WORKERS)
    print(f"{count} new pictures of {name}, {WORKERS} at once")
    print(f"  sampler and encoder alone {count / alone:.2f} a second")
    share = made.rate / (count / alone)
    print(f"  service {made.describe()}, {share:.0%} of that")


def overload(bundle: Path, address: str, size: Size, folder: Path) -> Answers:
    """Ask with twice the clients that the queue holds."""
    with run(serve(bundle, "--queue", str(QUEUE), "--warm"), folder / "queue.log") as service:
        name = f"{describe_size(size)}.webp"
        paths = [f"/v1/{address}/{name}?seed={seed}" for seed in range(6 * QUEUE)]
        answers = load_until_done(service.port, paths, 2 * QUEUE)
        alive = service.get("/healthz") == b"ok\n"
    statuses = dict(sorted(answers.statuses.items()))
    print(f"queue of {QUEUE}, {2 * QUEUE} clients: statuses {statuses}, alive: {alive}")
    print(f"  admitted {answers.describe()}")
    return answers


def watch_memory(service: Process, address: str, minutes: float, log: Path) -> None:
    """Measure memory while new pictures of many sizes are made, beside what is kept of them."""
    seeds, until, seen = itertools.count(10**6), time.monotonic() + 60 * minutes, []
    while time.monotonic() < until:
        paths = [
            f"/v1/{address}/{200 + seed * 37 % 500}x{150 + seed * 53 % 400}.jpeg?seed={seed}"
            for seed in itertools.islice(seeds, 40)
        ]
        load_until_done(service.port, paths, 4)
        seen.append((service.measure_memory(), measure_kept(log)))

    print(f"memory over {minutes:g} minutes, MB resident (files kept in memory):")
    print("  " + " ".join(f"{memory:.0f} ({kept:.0f})" for memory, kept in seen))
    quarter = max(1, len(seen) // 4)
    rest = [memory - kept for memory, kept in seen]
    first, last = sum(rest[:quarter]) / quarter, sum(rest[-quarter:]) / quarter
    print(f"  without those files, first quarter to last: {last / first - 1:+.1%}")


def measure_kept(log: Path) -> float:
    """Measure the files that the service keeps in memory by its log, in MB."""
    lines = (json.loads(line) for line in log.read_text().splitlines())
    made = sum(line["bytes"] for line in lines if line["source"] == "made")
    return min(made, Settings.memory_size) / 2**20


def main() -> None:
    """Read the arguments and print everything."""
    parser = make_parser(__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--size", type=read_size, default=(360, 640))
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--minutes", type=float, default=0)
    arguments = parser.parse_args()

    import tempfile

    heap.share()
    print(f"load by {name_generator()}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        log = folder / "log"
        with run(serve(arguments.bundle, "--warm"), log) as service:
            [model] = json.loads(service.get("/v1/models"))["models"]
            address = f"{model['name']}@{model['id']}"
            compare_cached(service, address, folder, arguments.seconds)
            for format in ("webp", "png"):
                fields = arguments.bundle, arguments.size, arguments.count, format
                compare_uncached(service, address, *fields)
            if arguments.minutes:
                watch_memory(service, address, arguments.minutes, log)
        overload(arguments.bundle, address, arguments.size, folder)


if __name__ == "__main__":
    main()

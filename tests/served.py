"""A service that runs in a process of its own, for tests."""

import io
import json
import re
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).parent / "data"


class Served:
    """The process, and where it listens."""

    def __init__(self, folder, *options, log=subprocess.PIPE):
        words = [sys.executable, "-c", "from singan_cli.main import main; main()", "serve"]
        words += [str(folder), "--port", "0", "--device", "cpu", "--threads", "1", *options]
        pipes = {"stdout": log, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(words, **pipes)
        self.url = re.search(r"http://[\d.:]+", self.wait_for("serving"))[0]

    def wait_for(self, word):
        """Return the message of the log that has a word."""
        for line in self.process.stderr:
            message = json.loads(line)["message"]
            if word in message:
                return message
        raise AssertionError(f"ended without saying {word!r}")

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        return urllib.request.urlopen(request, timeout=60)

    def stop(self, number):
        """Send a signal, and return the exit status and the lines of the access log."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, [json.loads(line) for line in out.splitlines()]


@contextmanager
def serve(folder, *options, log=subprocess.PIPE):
    """Run a service, and end it if the test has not.

    The access log of hundreds of requests fills a pipe: then DEVNULL is to be the log.
    """
    served = Served(folder, *options, log=log)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate()


def open_client(folder=DATA, url="http://testserver", **settings):
    """Open a client of a service in this process, at a URL; it follows no redirects."""
    from starlette.testclient import TestClient

    from singan_runtime.serve.app import make_app
    from singan_runtime.serve.settings import Settings

    app = make_app(Settings(folder, device="cpu", threads=1, **settings))
    return TestClient(app, base_url=url, follow_redirects=False)


def read_pixels(answer):
    """The values of the picture that an answer holds."""
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def check_problem(answer, status, *words):
    """Check that an answer is a problem document of a status whose one line has the words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    described = answer.json()
    assert described["status"] == status
    assert set(described) == {"type", "title", "status", "detail"}
    for word in words:
        assert word in described["detail"]

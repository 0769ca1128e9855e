"""A service that really trains, and what signals leave of it."""

import json
import os
import shutil
import signal
import time
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("torch")
pytest.importorskip("onnx")
if os.name != "posix":
    pytest.skip("processes and locks of POSIX", allow_module_level=True)

from served import serve

DATA = Path(__file__).parent / "data"
OVER = ("done", "failed", "cancelled")
QUICK = ("--train", "--train-preset", "draft", "--train-iterations", "2")


@pytest.mark.slow
def test_a_photo_is_really_trained_and_signals_leave_nothing(tmp_path, drawn_scene):
    models = tmp_path / "models"
    shutil.copytree(DATA / "tiny_bundle", models / "tiny_bundle")

    with serve(models, *QUICK) as served:
        job = ask(served, post_photo(served, drawn_scene))
        deadline = time.monotonic() + 240
        while job["state"] not in OVER and time.monotonic() < deadline:
            time.sleep(1)  # not often: each request is a line of the log, which nobody reads
            job = ask(served, f"/v1/training/{job['id']}")
        assert job["state"] == "done", job
        assert served.get("/v1/hill/90x60.png?seed=1").read().startswith(b"\x89PNG")

        post_photo(served, drawn_scene)
        wait_for_children(served.process.pid)
        status, _ = served.stop(signal.SIGTERM)
        assert status == 0
    assert sorted(path.name for path in models.iterdir()) == ["hill", "tiny_bundle"]

    with serve(models, *QUICK) as served:
        post_photo(served, drawn_scene)
        pids = wait_for_children(served.process.pid)
        served.process.kill()
        served.process.wait()
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with serve(models, *QUICK):
        assert sorted(path.name for path in models.iterdir()) == ["hill", "tiny_bundle"]


def wait_for_children(pid):
    """The children of a process as soon as it has any, or none where the system does not say."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + 30
    while listed.exists() and not listed.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return listed.read_text().split() if listed.exists() else []


def is_running(pid):
    """Whether a process that is nobody's child here runs: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ask(served, path):
    return json.load(served.get(path))


def post_photo(served, path):
    """Send a photo, and return the path of its training."""
    lines = (
        b"--x\r\nContent-Disposition: form-data; name=name\r\n\r\nhill\r\n"
        b"--x\r\nContent-Disposition: form-data; name=photo; filename=a\r\n\r\n"
    )
    body = lines + path.read_bytes() + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(served.url + "/v1/training", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 202
        return answer.headers["Location"]

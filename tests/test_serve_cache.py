"""The service's cache: bounded, shared, and never the reason for a missing or a wrong picture."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")

from starlette.testclient import TestClient

from singan_runtime.serve.app import make_app
from singan_runtime.serve.cache import Cache, Memory
from singan_runtime.serve.service import Service
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"
WRITE = """
import hashlib, itertools, sys
from pathlib import Path
from singan_runtime.serve.cache import Cache

cache = Cache(Path(sys.argv[1]), int(sys.argv[2]))
for number in itertools.count(int(sys.argv[3])):
    key = hashlib.sha256(str(number).encode()).hexdigest()
    cache.write(key, key.encode() * 1000)
    print(number, flush=True)
"""


def make_key(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def measure(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_file_is_found_again_by_its_key(tmp_path):
    Cache(tmp_path / "cache", 10**6).write(make_key(1), b"one")
    again = Cache(tmp_path / "cache", 10**6)
    assert again.read(make_key(1)) == b"one"
    assert again.read(make_key(2)) is None
    key = make_key(1)
    assert (tmp_path / "cache" / key[:2] / key[2:]).read_bytes() == b"one"


def test_the_cache_stays_within_its_limit_and_keeps_what_is_used(tmp_path):
    cache = Cache(tmp_path, 100_000)
    cache.write(make_key("used"), bytes(1000))
    for number in range(300):
        cache.write(make_key(number), bytes(1000))
        assert cache.read(make_key("used"))
        path = cache._find_path(make_key("used"))
        os.utime(path, (time.time() + number, time.time() + number))  # asked for after the others
    assert measure(tmp_path) <= 100_000
    assert cache.read(make_key(299)) and not cache.read(make_key(0))


def test_reading_a_file_makes_it_one_that_is_used(tmp_path):
    cache = Cache(tmp_path, 10**6)
    cache.write(make_key(1), b"one")
    path = cache._find_path(make_key(1))
    os.utime(path, (1, 1))
    cache.read(make_key(1))
    assert time.time() - path.stat().st_mtime < 10


def test_a_file_that_would_fill_the_cache_is_not_kept(tmp_path):
    cache = Cache(tmp_path, 1000)
    cache.write(make_key(1), bytes(500))
    assert cache.read(make_key(1)) is None


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "ab").mkdir()
    for mine in (tmp_path / "photo.png", tmp_path / "ab" / "notes.txt"):
        mine.write_bytes(bytes(10**5))
    cache = Cache(tmp_path, 10_000)
    for number in range(50):
        cache.write(make_key(number), bytes(900))
    assert (tmp_path / "photo.png").exists() and (tmp_path / "ab" / "notes.txt").exists()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_process_that_is_killed_leaves_a_usable_cache(tmp_path):
    for trial in range(3):
        words = [sys.executable, "-c", WRITE, str(tmp_path), "1000000000", str(trial * 10**6)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            for _ in range(20):
                process.stdout.readline()
            time.sleep(0.003 * trial)
            process.send_signal(signal.SIGKILL)
    cache = Cache(tmp_path, 10**9)
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            key = path.parent.name + path.name
            assert cache.read(key) == key.encode() * 1000

    left = tmp_path / "ab" / f".{'c' * 62}.0123.tmp"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    cache.sweep()
    assert left.exists()  # its writer may still be at work
    os.utime(left, (1, 1))
    cache.sweep()
    assert not left.exists()


def test_two_processes_share_a_cache(tmp_path):
    limit = 2_000_000
    processes = []
    for begin in (0, 10**6):
        words = [sys.executable, "-c", WRITE, str(tmp_path), str(limit), str(begin)]
        processes.append(subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    for process in processes:
        for _ in range(100):
            process.stdout.readline()
    for process in processes:
        process.terminate()
        assert process.communicate()[1] == b""
    assert 0.3 * limit < measure(tmp_path) <= limit * 1.01  # one file may be half-written


def test_memory_keeps_what_was_asked_for_last():
    memory = Memory(10)
    for key in "abc":
        memory.write(key, b"1234")
        memory.read("a")
    assert memory.read("a") and memory.read("c") and memory.read("b") is None
    memory.write("d", bytes(11))
    assert memory.size == 8


# In the service


def open_client(cache, **settings):
    settings = {"cache_folder": cache, "memory_size": 0, **settings}
    return TestClient(make_app(Settings(DATA / "tiny_bundle", "cpu", 1, **settings)))


def get_picture(client, seed=1):
    return client.get("/v1/tiny_bundle/40x30.png", params={"seed": seed})


def test_a_picture_is_made_once_for_all_processes(tmp_path, monkeypatch):
    with open_client(tmp_path) as client:
        made = get_picture(client)
    monkeypatch.setattr(Service, "_make", None)
    with open_client(tmp_path) as client:
        kept = get_picture(client)
    assert (kept.status_code, kept.content) == (200, made.content)
    assert kept.headers["etag"] == made.headers["etag"]


def test_a_picture_that_was_asked_for_before_comes_from_memory(tmp_path, monkeypatch):
    with open_client(None, memory_size=10**6) as client:
        made = get_picture(client)
        monkeypatch.setattr(Service, "_make", None)
        assert get_picture(client).content == made.content


def test_a_full_disk_costs_the_cache_and_no_picture(tmp_path, monkeypatch, caplog):
    def fail(path):
        raise OSError(28, "No space left on device")

    with open_client(tmp_path) as client:
        monkeypatch.setattr("singan_core.atomic.os.fsync", fail)
        assert get_picture(client).status_code == 200
        assert get_picture(client).status_code == 200
    assert "disk is full" in caplog.text
    assert measure(tmp_path) == 0


def test_a_folder_that_vanishes_costs_no_picture(tmp_path):
    with open_client(tmp_path / "cache") as client:
        (tmp_path / "cache").rmdir()
        (tmp_path / "cache").write_text("a file")
        assert get_picture(client).status_code == 200


def test_nothing_wrong_is_kept(tmp_path):
    with open_client(tmp_path) as client:
        answer = client.get("/v1/tiny_bundle/40x30.png", params={"seed": 1, "start_scale": 9})
        assert answer.status_code == 422
    assert measure(tmp_path) == 0

"""Large jobs on Ray: dead workers, a stop in the middle, a cluster; the pixels stay the same."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
from command_line import SINGAN
from ray_processes import find_workers, list_addresses
from test_many import write_lines

from singan_cli.many.cluster import Cluster
from singan_cli.many.shared_folder import hold_folder
from singan_cli.many.work import Teller
from singan_runtime.files.writing import write_picture
from singan_runtime.request import Request

pytestmark = [
    pytest.mark.slow,
    # Not imported here: before it is, Ray must find the environment that the command gives it.
    pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def wait_for(find, seconds=120):
    """Wait until something is found, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing was found")


def kill_worker(top, function):
    """Kill a worker that runs a function, as the system does when memory is short."""
    (worker, *_) = wait_for(lambda: find_workers(top, function))
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)


def start(*words):
    words = [SINGAN, *(str(word) for word in words)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def scenes(tmp_path, detail_bundle):
    """A list of requests, and the words of the command that draws them."""
    lines = [{"size": "600x400", "seed": seed} for seed in range(6)]
    path = write_lines(tmp_path / "list", *lines, {"size": "60x40", "start_scale": 99})
    return "render-many", path, "--model", detail_bundle, "--out", tmp_path / "out"


def test_stopped_and_with_a_killed_worker_all_pictures_are_those_of_one_machine(
    scenes, tmp_path, detail_sampler
):
    out = tmp_path / "out"
    with start(*scenes, "--workers", "2") as process:
        wait_for(lambda: list(out.glob("*.png")))
        addresses = list_addresses(process.pid)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1].splitlines()
    assert process.returncode == 130
    assert said[-1] == "error: stopped; what is done is kept: repeat the command to go on"
    assert set(addresses) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"} and len(addresses) > 3
    first = {path.name for path in out.iterdir()} - {".lock"}
    assert 0 < len(first) < 6 and all(name.endswith(".png") for name in first)

    with start(*scenes, "--workers", "2") as process:
        wait_for(lambda: len(list(out.glob("*.png"))) > len(first))
        kill_worker(process.pid, "draw_item")
        told, said = process.communicate()
    assert process.returncode == 1 and "Traceback" not in said
    assert told.startswith("7 pictures: ") and told.rstrip().endswith(f"1 failed, in {out}")
    assert "start scale 99 is not possible" in said and said.count("failed: ") == 1

    for seed in range(6):
        write_picture(detail_sampler, tmp_path / "one.png", Request((400, 600), seed))
        drawn = out / f"hills_600x400_{seed}.png"
        assert drawn.read_bytes() == (tmp_path / "one.png").read_bytes()
    assert {path.suffix for path in out.iterdir()} == {".png", ""}


def test_a_killed_worker_loses_no_training(drawn_scene, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("torch")
    from file_contents import files_of
    from small_runs import results, train

    from singan_cli.many.photos import PhotoItem, make
    from singan_cli.site.material import Training
    from singan_cli.train_many import train_photos
    from singan_runtime import Sampler
    from singan_train import config

    asked = {"preset": "draft", "max_size": None, "width": 8, "iterations": 30, "pool": 4}
    asked |= {"min_size": 19, "hand_over": 33}
    (tmp_path / "none.png").write_bytes(b"no picture")

    killer = threading.Thread(
        target=lambda: (
            wait_for(lambda: list(tmp_path.glob("runs/*/scale_00"))),
            kill_worker(os.getpid(), "train_item"),
        )
    )
    killer.start()
    training = Training(asked, "cpu", 1)
    photos = [drawn_scene, tmp_path / "none.png"]
    folders = tmp_path / "runs", tmp_path / "models"
    outcomes = train_photos(photos, *folders, training, Cluster(workers=1))
    killer.join()
    assert sorted(one.state for one in outcomes) == ["done", "failed"]

    settings = {name: value for name, value in asked.items() if name not in ("preset", "max_size")}
    expected = train(drawn_scene, tmp_path / "alone", config.make_config("draft", **settings))
    run, bundle = (folder / "scene" for folder in folders)
    assert results(files_of(run)) == results(files_of(expected))
    assert Sampler.load(bundle).manifest.name == "scene"

    with hold_folder(folders[0]) as mark:
        item = PhotoItem(drawn_scene, run, bundle, training, (mark,))
        assert not make(item, Teller(None, "")), "all of it is there"


@pytest.fixture(scope="module")
def address():
    """A cluster of one machine, which listens on the loopback interface."""
    ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    head, client = (port.getsockname()[1] for port in ports)
    for port in ports:
        port.close()
    own = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # with it Ray takes the loopback address
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    words = [Path(sys.executable).with_name("ray"), "start", "--head", "--block"]
    words += [
        f"--port={head}",
        f"--ray-client-server-port={client}",
        "--num-cpus=2",
        "--num-gpus=1",
    ]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        words += ["--include-dashboard=false", f"--temp-dir={folder}"]
        with subprocess.Popen(words, env=os.environ | own, **silent) as process:
            wait_for(lambda: is_open(client) or process.poll() is not None)
            yield f"ray://127.0.0.1:{client}"
            process.send_signal(signal.SIGTERM)


def is_open(port):
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def test_a_cluster_draws_the_same(scenes, tmp_path, detail_sampler, address):
    write_lines(tmp_path / "list", {"size": "300x200", "seed": 5}, {"size": "200x300"})
    with start(*scenes, "--address", address) as process:
        told, said = process.communicate()
    assert process.returncode == 0, said
    assert "2 pictures: 2 drawn" in told
    write_picture(detail_sampler, tmp_path / "one.png", Request((200, 300), 5))
    drawn = tmp_path / "out" / "hills_300x200_5.png"
    assert drawn.read_bytes() == (tmp_path / "one.png").read_bytes()


def test_a_worker_larger_than_every_machine_is_refused(scenes, address):
    with start(*scenes, "--address", address, "--threads", "3") as process:
        said = process.communicate()[1].splitlines()
    assert process.returncode == 1
    assert "the largest have 2 processors and 1 GPUs" in said[-1]


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="Ray's GPU is to be none")
def test_workers_that_share_a_gpu_never_fall_back_to_the_cpu(scenes, tmp_path, address):
    write_lines(tmp_path / "list", {"size": "300x200", "seed": 5})
    with start(*scenes, "--address", address, "--gpus", "0.5") as process:
        told, said = process.communicate()
    assert process.returncode == 1 and "1 pictures: 1 failed" in told
    assert "2 at a time" in said and "cuda" in said.lower()

"""The service as a process: its logs, its numbers, its signals, and its end."""

import os
import shutil
import signal
import socket
import threading
import time
import urllib.error
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx2")
if os.name != "posix":
    pytest.skip("signals of POSIX", allow_module_level=True)

from served import serve
from starlette.testclient import TestClient
from typer.testing import CliRunner

from singan_cli.app import app as commands
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings

DATA = Path(__file__).parent / "data"
TINY = DATA / "tiny_bundle"


def open_client(**settings):
    return TestClient(make_app(Settings(TINY, "cpu", 1, **settings)))


def test_a_service_says_that_it_lives_and_is_ready():
    with open_client(warm=True) as client:
        assert client.get("/healthz").text == "ok\n"
        deadline = time.monotonic() + 20
        while (answer := client.get("/readyz")).status_code != 200:
            assert answer.status_code == 503 and time.monotonic() < deadline
            time.sleep(0.05)
        assert list(client.app.state.service.catalogue._open)


def test_numbers_tell_what_happened():
    with open_client() as client:
        for _ in range(2):
            client.get("/v1/tiny_bundle/40x30.png?seed=1")  # each is redirected once
        client.get("/v1/nobody/40x30.png?seed=1")
        client.get("/nowhere")
        lines = client.get("/metrics").text.splitlines()
    for line in (
        'singan_requests_total{route="picture",status="302"} 2.0',
        'singan_requests_total{route="picture",status="200"} 2.0',
        'singan_requests_total{route="picture",status="404"} 1.0',
        'singan_requests_total{route="none",status="404"} 1.0',
        'singan_request_seconds_count{route="picture"} 5.0',
        'singan_files_total{source="made"} 1.0',
        'singan_files_total{source="memory"} 1.0',
        "singan_pixels_total 1200.0",
        'singan_model_loads_total{model="tiny_bundle"} 1.0',
        "singan_jobs 0.0",
    ):
        assert line in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_a_request_keeps_its_id_and_one_without_gets_one():
    with open_client() as client:
        kept = client.get("/healthz", headers={"X-Request-ID": "trace-1"})
        assert kept.headers["x-request-id"] == "trace-1"
        odd = client.get("/healthz", headers={"X-Request-ID": "a b\x7f"})
        assert len(odd.headers["x-request-id"]) == 16


def test_the_log_has_a_line_for_every_request():
    with serve(TINY) as served:
        served.get("/v1/tiny_bundle/40x30.png?seed=1", **{"X-Request-ID": "mine"})
        status, lines = served.stop(signal.SIGTERM)
    assert status == 0
    assert [line["status"] for line in lines] == [302, 200]
    line = lines[1]
    assert line["id"] == "mine" and line["client"] == "127.0.0.1" and line["method"] == "GET"
    assert line["query"] == "seed=1" and line["route"] == "picture" and line["source"] == "made"
    assert line["bytes"] > 1000 and line["ms"] > 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_lets_answers_end(number):
    with serve(DATA / "detail_bundle") as served:
        got = []
        path = "/v1/detail_bundle/900x700.png?seed=1"
        asking = threading.Thread(target=lambda: got.append(served.get(path).read()))
        asking.start()
        while "singan_jobs 1.0" not in served.get("/metrics").read().decode():
            assert asking.is_alive()
        status, lines = served.stop(number)
        asking.join()
    assert status == 0
    assert len(got[0]) == lines[-1]["bytes"] > 100_000


def test_models_are_read_anew_on_sighup(tmp_path):
    shutil.copytree(TINY, tmp_path / "tiny_bundle")
    with serve(tmp_path) as served:
        shutil.copytree(DATA / "grey_bundle", tmp_path / "grey_bundle")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            served.get("/v1/grey_bundle/40x30.png?seed=1")
        served.process.send_signal(signal.SIGHUP)
        assert "grey_bundle" in served.wait_for("read anew")
        assert served.get("/v1/grey_bundle/40x30.png?seed=1").status == 200


def test_a_killed_service_leaves_a_usable_cache(tmp_path):
    path = "/v1/tiny_bundle/40x30.png?seed="
    with serve(TINY, "--cache-dir", str(tmp_path)) as served:
        made = [served.get(path + str(seed)).read() for seed in range(5)]
        asking = threading.Thread(target=lambda: ask_until_it_ends(served, path))
        asking.start()
        time.sleep(0.2)
        served.process.kill()
        asking.join()
    with serve(TINY, "--cache-dir", str(tmp_path)) as served:
        assert [served.get(path + str(seed)).read() for seed in range(5)] == made
        _, lines = served.stop(signal.SIGTERM)
    assert {line["source"] for line in lines if line["status"] == 200} == {"disk"}


def ask_until_it_ends(served, path):
    try:
        for seed in range(100, 10**6):
            served.get(path + str(seed))
    except OSError:
        pass


def test_two_services_share_a_cache(tmp_path):
    options = ("--cache-dir", str(tmp_path))
    with serve(TINY, *options) as first, serve(TINY, *options) as second:
        path = "/v1/tiny_bundle/40x30.png?seed=1"
        assert first.get(path).read() == second.get(path).read()
        assert second.stop(signal.SIGTERM)[1][-1]["source"] == "disk"


def test_clients_that_read_slowly_or_send_half_a_request_keep_nobody_waiting():
    with serve(TINY) as served:
        host, port = served.url.removeprefix("http://").split(":")
        path = "/v1/tiny_bundle/1200x900.png?seed=1"
        full = served.get(path)
        address = full.url.removeprefix(served.url)
        slow = [socket.create_connection((host, int(port))) for _ in range(40)]
        for number, one in enumerate(slow):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            whole = f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            one.sendall(whole if number % 2 else whole[:30])
        begun = time.monotonic()
        assert served.get(address).read() == full.read()
        assert time.monotonic() - begun < 5
        for one in slow:
            one.close()
        assert served.get("/healthz").status == 200


def test_health_asks_a_running_service():
    runner = CliRunner()
    with serve(TINY) as served:
        well = runner.invoke(commands, ["health", served.url])
        assert (well.exit_code, well.output) == (0, "ok\n")
        assert runner.invoke(commands, ["health", served.url + "/", "--ready"]).exit_code == 0
        odd = runner.invoke(commands, ["health", served.url + "/v1"])
        assert odd.exit_code == 1 and "404" in odd.output
    gone = runner.invoke(commands, ["health", served.url])
    assert gone.exit_code == 1 and gone.output.count("\n") == 1 and "no answer" in gone.output


def test_a_port_that_is_taken_is_refused_in_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(commands, ["serve", str(TINY), "--port", port])
    assert result.exit_code == 1
    assert f"port {port}" in result.output and "--port" in result.output

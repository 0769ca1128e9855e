"""Training by the service: one photo at a time, in child processes, within limits."""

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette")
pytest.importorskip("httpx2")
if os.name != "posix":
    pytest.skip("processes and locks of POSIX", allow_module_level=True)

from starlette.testclient import TestClient
from typer.testing import CliRunner

from singan_cli.app import app as commands
from singan_core.errors import RequestError
from singan_runtime.serve import child, new_models, trainings
from singan_runtime.serve.app import make_app
from singan_runtime.serve.settings import Settings, TrainingLimits
from singan_runtime.serve.signing import sign

DATA = Path(__file__).parent / "data"
KEYS = {"id", "name", "state", "share", "seconds_left", "detail", "model"}
OVER = ("done", "failed", "cancelled")

IN_PLACE_OF_SINGAN = f"""
import json, pathlib, shutil, sys, time
words = dict(zip(sys.argv[3::2], sys.argv[4::2]))
pathlib.Path({{pids!r}}).joinpath(str(__import__("os").getpid())).touch()
if sys.argv[1] == "train":
    told = dict(scale=1, scales=3, iteration=40, iterations=100, share=0.5, seconds_left=7.5)
    print("a word of PyTorch's", file=sys.stderr)
    print(json.dumps(told), file=sys.stderr, flush=True)
    {{train}}
else:
    shutil.copytree({str(DATA / "tiny_bundle")!r}, words["--out"])
"""
WAIT = "time.sleep(60)"
FAIL = 'sys.exit(f"error: {sys.argv[2]}: damaged; save the picture again")'


@pytest.fixture
def pids(tmp_path):
    folder = tmp_path / "pids"
    folder.mkdir()
    return folder


@pytest.fixture
def open_client(tmp_path, pids, monkeypatch):
    """A client of a service whose training is another program: it waits, fails or ends at once."""
    shutil.copytree(DATA / "tiny_bundle", tmp_path / "models" / "tiny_bundle")
    monkeypatch.setattr(new_models, "_NEEDED", ("json",))

    def open(train="pass", limits=None, **settings):
        program = IN_PLACE_OF_SINGAN.format(train=train, pids=str(pids))
        monkeypatch.setattr(child, "_PROGRAM", program)
        limits = limits or TrainingLimits()
        found = Settings(tmp_path / "models", "cpu", 1, training=limits, **settings)
        return TestClient(make_app(found))

    return open


def draw_photo(format="PNG"):
    file = io.BytesIO()
    Image.linear_gradient("L").resize((60, 44)).convert("RGB").save(file, format)
    return file.getvalue()


def send(client, photo=None, **words):
    return client.post("/v1/training", files={"photo": photo or draw_photo()}, data=words)


def wait_for(client, address, *states):
    deadline = time.monotonic() + 60
    while (job := client.get(address).json())["state"] not in states:
        assert time.monotonic() < deadline, job
        time.sleep(0.02)
    return job


def list_names(folder):
    return sorted(path.name for path in folder.iterdir())


def list_hidden(folder):
    return [name for name in list_names(folder) if name.startswith(".")]


def is_alive(pid):
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def test_nobody_may_train_unless_the_service_says_so():
    with TestClient(make_app(Settings(DATA / "tiny_bundle", "cpu", 1))) as client:
        assert client.get("/v1/training").status_code == 404
        assert "--train" in send(client).json()["detail"]
        assert client.get("/v1/training/0").status_code == 404
        assert client.delete("/v1/training/0").status_code == 404


def test_a_photo_becomes_a_model_that_is_served(open_client, tmp_path):
    with open_client() as client:
        assert client.get("/v1/training").json() == {"job": None}
        answer = send(client, name="Élan vital!")
        begun = answer.json()
        assert answer.status_code == 202 and set(begun) == KEYS
        assert begun["name"] == "elan-vital" and begun["model"] is None
        address = answer.headers["location"]
        assert address == f"/v1/training/{begun['id']}"

        done = wait_for(client, address, *OVER)
        assert done["state"] == "done" and done["share"] == 1 and done["seconds_left"] is None
        assert done["model"] == "/v1/models/elan-vital"
        assert client.get(done["model"]).json()["name"] == "elan-vital"
        assert client.get("/v1/elan-vital/40x30.png?seed=1").status_code == 200
        assert client.get("/v1/training").json() == {"job": None}
    assert list_names(tmp_path / "models") == ["elan-vital", "tiny_bundle"]


def test_progress_is_told_and_a_second_photo_is_refused(open_client):
    with open_client(WAIT) as client:
        address = send(client).headers["location"]
        while (job := client.get(address).json())["share"] == 0:
            assert job["state"] == "training" and job["seconds_left"] is None
        assert job["share"] == 0.475 and job["seconds_left"] == 7.5
        assert job["detail"] == "scale 2 of 3, iteration 40 of 100"
        assert client.get("/v1/training").json() == {"job": job}
        second = send(client)
        assert second.status_code == 409 and "photo" in second.json()["detail"]


def test_a_cancelled_training_leaves_no_process_and_no_file(open_client, tmp_path, pids):
    with open_client(WAIT) as client:
        address = send(client).headers["location"]
        while client.get(address).json()["share"] == 0:
            pass
        [pid] = list_names(pids)
        assert is_alive(pid) and list_hidden(tmp_path / "models")
        assert client.delete(address).status_code == 204
        assert not is_alive(pid) and not list_hidden(tmp_path / "models")
        assert client.get(address).json()["state"] == "cancelled"
        assert client.get("/v1/training").json() == {"job": None}
        assert client.delete(address).status_code == 204
        assert send(client).status_code == 202


def test_trainings_are_counted_by_how_they_end(open_client):
    with open_client(WAIT) as client:
        address = send(client).headers["location"]
        assert "singan_training 1.0" in client.get("/metrics").text
        client.delete(address)
        lines = client.get("/metrics").text.splitlines()
        assert {'singan_trainings_total{state="cancelled"} 1.0', "singan_training 0.0"} <= {*lines}


def test_the_end_of_the_service_ends_a_training(open_client, tmp_path, pids):
    with open_client(WAIT) as client:
        address = send(client).headers["location"]
        while client.get(address).json()["share"] == 0:
            pass
    [pid] = list_names(pids)
    assert not is_alive(pid) and not list_hidden(tmp_path / "models")


def test_the_line_of_a_failure_is_told_without_folders_of_the_machine(open_client, tmp_path):
    with open_client(FAIL) as client:
        job = wait_for(client, send(client).headers["location"], *OVER)
        assert job["state"] == "failed" and job["model"] is None
        assert job["detail"] == "photo: damaged; save the picture again"
        killed = "os = __import__('os'); os.kill(os.getpid(), 9)"
    with open_client(killed) as client:
        job = wait_for(client, send(client).headers["location"], *OVER)
        assert job["state"] == "failed" and "killed" in job["detail"]
    assert not list_hidden(tmp_path / "models")


def test_a_training_has_a_time_limit_and_so_many_models_may_be_added(open_client):
    with open_client(WAIT, TrainingLimits(minutes=0.005)) as client:
        job = wait_for(client, send(client).headers["location"], *OVER)
        assert job["state"] == "failed" and "0.005 min" in job["detail"]
    with open_client(limits=TrainingLimits(models=2)) as client:
        for name in ("photo", "photo-2"):
            job = wait_for(client, send(client).headers["location"], *OVER)
            assert job["name"] == name and job["state"] == "done"
        refused = send(client)
        assert refused.status_code == 409 and "--train-models" in refused.json()["detail"]


def test_what_is_no_photo_is_refused_at_once(open_client):
    with open_client(max_body=20000) as client:
        cut = draw_photo()[:-40]
        for photo in (b"no picture", cut):
            refused = send(client, photo)
            assert refused.status_code == 422
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["detail"].startswith("photo: ")
        assert send(client, os.urandom(30000)).status_code == 413
        assert send(client, colour="red").status_code == 400
        assert client.post("/v1/training", data={"name": "a"}).status_code == 415
        missing = client.post("/v1/training", files={"image": draw_photo()})
        assert missing.status_code == 400 and "photo" in missing.json()["detail"]
        alone = client.post("/v1/training", files={"name": (None, "a")})
        assert alone.status_code == 422 and "photo" in alone.json()["detail"]
        assert client.get("/v1/training").json() == {"job": None}


def test_without_pytorch_the_line_that_installs_it_is_told(open_client, monkeypatch):
    with open_client() as client:
        monkeypatch.setattr(new_models, "_NEEDED", ("json", "nothing_like_this"))
        refused = send(client)
        assert refused.status_code == 501
        assert "pip install json nothing_like_this" in refused.json()["detail"]


def test_the_service_itself_imports_no_pytorch():
    code = "import sys, singan_runtime.serve.server; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_with_keys_only_signed_urls_train(open_client):
    key = b"0123456789abcdef"
    with open_client(keys=(key,)) as client:
        assert client.get("/v1/training").status_code == 403
        assert send(client).status_code == 403
        signed = sign("/v1/training", key)
        assert client.get(signed).json() == {"job": None}
        answer = client.post(signed, files={"photo": draw_photo()})
        assert answer.status_code == 202
        assert client.delete(answer.headers["location"]).status_code == 403
        assert client.delete(sign(answer.headers["location"], key)).status_code == 204


def test_pages_of_other_origins_may_not_train(open_client):
    files = {"photo": draw_photo()}
    with open_client(origins=("https://known.example", "*")) as client:
        for origin, status in (
            ("https://evil.example", 403),
            ("null", 403),
            ("https://known.example", 202),
        ):
            answer = client.post("/v1/training", files=files, headers={"Origin": origin})
            assert answer.status_code == status
        wait_for(client, answer.headers["location"], *OVER)
        own = client.post("/v1/training", files=files, headers={"Origin": "http://testserver"})
        assert own.status_code == 202


def test_paths_of_a_service_below_a_root_have_it(open_client):
    with open_client(root_path="/pictures") as client:
        address = send(client).headers["location"]
        assert address.startswith("/pictures/v1/training/")
        job = wait_for(client, address.removeprefix("/pictures"), *OVER)
        assert job["model"] == "/pictures/v1/models/photo"


def test_a_folder_of_models_may_be_empty_but_not_a_bundle(tmp_path):
    limits = TrainingLimits()
    with TestClient(make_app(Settings(tmp_path, "cpu", 1, training=limits))) as client:
        assert client.get("/v1/models").json()["models"] == []
    with pytest.raises(RequestError, match="--train"):
        make_app(Settings(DATA / "tiny_bundle", "cpu", 1, training=limits))


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("Beach 2024.JPG", "beach-2024-jpg"),
        ("../../etc", "etc"),
        ("", "photo"),
        ("山", "photo"),
        ("training", "training-2"),
        ("taken", "taken-2"),
        ("x" * 99, "x" * 40),
    ],
)
def test_names_of_models_are_plain_and_free(tmp_path, wish, name):
    (tmp_path / "taken").mkdir()
    assert new_models.choose_name(tmp_path, wish) == name


def test_ended_trainings_are_remembered_but_not_for_ever(open_client, monkeypatch):
    monkeypatch.setattr(trainings, "MOST_REMEMBERED", 2)
    with open_client(FAIL) as client:
        addresses = []
        for _ in range(3):
            addresses.append(send(client).headers["location"])
            wait_for(client, addresses[-1], *OVER)
        assert [client.get(one).status_code for one in addresses] == [404, 200, 200]


def test_a_preset_that_is_none_is_refused_before_anything_is_served(tmp_path):
    words = ["serve", str(tmp_path), "--train", "--train-preset", "best"]
    result = CliRunner().invoke(commands, words)
    assert result.exit_code == 1 and "draft" in result.output and result.output.count("\n") == 1

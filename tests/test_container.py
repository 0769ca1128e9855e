"""The Containerfile: its steps, run as plain commands in a clean virtual environment, serve.

No container is built here. What a builder would do is done in a folder: COPY copies into it, RUN
runs with the environment's own Python, and the service runs as the user that the file names.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE = ROOT / "Containerfile"
BUNDLE = Path(__file__).parent / "data" / "tiny_bundle"
if not FILE.is_file():
    pytest.skip("the repository's files are not here", allow_module_level=True)


def read_steps():
    """(instruction, words) of every line of the Containerfile."""
    text = FILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def find_step(name):
    [words] = [words for instruction, words in read_steps() if instruction == name]
    return words


def test_every_file_that_is_copied_is_there_and_let_in():
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line[1:] for line in allowed if line.startswith("!")]
    assert allowed[0] == "*"
    for instruction, words in read_steps():
        for source in shlex.split(words)[:-1] if instruction == "COPY" else ():
            assert (ROOT / source).exists(), source
            assert any(Path(Path(source).parts[0]).match(one) for one in patterns), source


def test_the_service_is_not_root_and_what_is_installed_has_hashes():
    steps = read_steps()
    names = [instruction for instruction, _ in steps]
    assert names[0] == "FROM" and names[-1] == "ENTRYPOINT"
    user, _, group = find_step("USER").partition(":")
    assert int(user) >= 1000 and int(group) >= 1000
    assert "RUN" not in names[names.index("USER") :]
    for instruction, words in steps:
        if instruction == "RUN":
            assert "--require-hashes" in words or "--no-deps --no-build-isolation" in words


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="users and paths of POSIX")
def test_the_steps_make_a_service_that_answers_with_a_picture():
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)  # so that another user may read it
        base, user = choose_python()
        environment = build(place, base)
        python = str(place / "venv" / "bin" / "python")
        assert subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 1
        shutil.copytree(BUNDLE, place / "models" / "tiny_bundle")

        port = find_port()
        health = json.loads(find_step("HEALTHCHECK").partition("CMD")[2])
        with run(place, environment, port, user) as process:
            wait_until_well([word.replace("8000", port) for word in health], environment)
            url = f"http://127.0.0.1:{port}/v1/tiny_bundle/40x30.png?seed=1"
            answer = urllib.request.urlopen(url, timeout=60)
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.read().startswith(b"\x89PNG")
            status = Path(f"/proc/{process.pid}/status")
            if user and status.exists():
                assert f"Uid:\t{user['user']}\t" in status.read_text()
        well = subprocess.run([word.replace("8000", port) for word in health], env=environment)
        assert well.returncode == 1


def build(place, base):
    """Do what the file says, below a folder and with a Python, and return the environment."""
    subprocess.run([base, "-m", "venv", place / "venv"], check=True)
    environment = {"PATH": f"{place / 'venv' / 'bin'}:/usr/bin:/bin", "HOME": str(place)}
    kept = ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE", "HTTPS_PROXY", "https_proxy")
    environment |= {name: os.environ[name] for name in kept if name in os.environ}
    work = place

    for instruction, words in read_steps():
        if instruction == "WORKDIR":
            work = place / words.lstrip("/")
            work.mkdir(parents=True)
        elif instruction == "COPY":
            copy(work, *shlex.split(words))
        elif instruction == "RUN":
            subprocess.run(["sh", "-c", words], cwd=work, env=environment, check=True)
        else:
            assert instruction in ("FROM", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT")
    return environment


def copy(work, *words):
    *sources, target = words
    for source in sources:
        path = work / target / Path(source).name if target.endswith("/") else work / target
        path.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, path, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, path)


@contextmanager
def run(place, environment, port, user):
    """Run the entry point, with models in place of those that a container has mounted."""
    known = {"/models": str(place / "models"), "0.0.0.0": "127.0.0.1", "8000": port}
    words = [known.get(word, word) for word in json.loads(find_step("ENTRYPOINT"))]
    process = subprocess.Popen(words, env=environment, cwd=place, stdout=subprocess.PIPE, **user)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def choose_python():
    """A Python that the user of the file may run, and that user as words for Popen.

    Where this test cannot become another user, or has no Python for one, it stays itself.
    """
    number, _, group = find_step("USER").partition(":")
    user = {"user": int(number), "group": int(group), "extra_groups": []}
    code = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            if subprocess.run([python, "-c", code], capture_output=True, **user).returncode == 0:
                return python, user
    return sys.executable, {}


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def wait_until_well(command, environment):
    deadline = time.monotonic() + 60
    while subprocess.run(command, env=environment, capture_output=True).returncode != 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)

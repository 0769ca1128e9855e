import os

os.environ.setdefault(
    "OPENBLAS_NUM_THREADS", "1"
)  # before numpy is imported: what the command does for itself

import signal
import subprocess
import venv
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from objects_to_keep import ellipse
from PIL import Image

from singan_runtime import Sampler

DATA = Path(__file__).parent / "data"

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")

# Programs under test inherit signals that are ignored, as after nohup, and could not be ended.
for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
    if signal.getsignal(number) is signal.SIG_IGN:
        with suppress(ValueError):  # not the main thread
            answer = signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler
            signal.signal(number, answer)


@pytest.fixture(scope="session")
def tiny_bundle():
    """A trained model of four scales, 48x32 px, made by tests/make_data.py."""
    return DATA / "tiny_bundle"


@pytest.fixture(scope="session")
def sampler(tiny_bundle):
    return Sampler.load(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def detail_bundle():
    """Format 2, trained: generators up to 36x24 px, detail levels up to 150x100."""
    return DATA / "detail_bundle"


@pytest.fixture(scope="session")
def detail_sampler(detail_bundle):
    return Sampler.load(detail_bundle, threads=1)


@pytest.fixture(scope="session")
def fir(detail_sampler):
    """About where the photo has its fir, 22x30 of 150x100 px."""
    return ellipse(detail_sampler.trained_size, (46, 76), (101, 123))


@pytest.fixture(scope="session")
def labelled_bundle():
    """Untrained, with labels hill and sun, 41x32 px, made by tests/make_data.py."""
    return DATA / "labelled_bundle"


@pytest.fixture(scope="session")
def samplers(sampler):
    """Colour, grey (whose noise goes on beyond the border), RGBA and labelled, by channels."""
    others = (
        Sampler.load(DATA / name, threads=1)
        for name in ("grey_bundle", "rgba_bundle", "labelled_bundle")
    )
    return {one.manifest.channels: one for one in (sampler, *others)}


@pytest.fixture(scope="session")
def drawn_scene(tmp_path_factory):
    """A photo-like picture file, 60x44 px: a sky, a hill and some grain."""
    y, x = np.mgrid[0:44, 0:60]
    hill = y > 22 + 8 * np.sin(x / 9)
    colours = np.where(hill[..., None], (60, 120, 40), (150, 180, 220))
    grain = np.random.default_rng(0).normal(0, 12, (44, 60, 1))
    path = tmp_path_factory.mktemp("photo") / "scene.png"
    Image.fromarray((colours + grain).clip(0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def small_run(tmp_path_factory, drawn_scene):
    """A finished run of small_runs.SMALL; treat it as read-only."""
    pytest.importorskip("torch")
    from small_runs import train

    return train(drawn_scene, tmp_path_factory.mktemp("small") / "run")


@pytest.fixture(scope="session")
def detailed_run(tmp_path_factory, drawn_scene):
    """A finished run of small_runs.DETAILED, which has detail levels; treat it as read-only."""
    pytest.importorskip("torch")
    from small_runs import DETAILED, train

    return train(drawn_scene, tmp_path_factory.mktemp("detailed") / "run", DETAILED)


@pytest.fixture(scope="session")
def many_formats(tmp_path_factory, small_run):
    """A bundle of the small run with all of made_bundles.FOLDERS; treat it as read-only."""
    pytest.importorskip("onnx")
    from made_bundles import FOLDERS

    from singan_export import bundle

    out = tmp_path_factory.mktemp("many_formats") / "bundle"
    bundle.export(small_run, out, folders=FOLDERS)
    return out


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of the reference in folders, normal mode, free to be altered."""
    pytest.importorskip("torch")
    from reference_checkpoints import write

    folder = tmp_path / "hills" / "scale_factor=0.750000,alpha=10"
    write(folder)
    return folder


@pytest.fixture
def known_temporaries(monkeypatch):
    """Temporary files are called .NAME.singan-0.tmp, and a test may put something there first."""
    monkeypatch.setattr("singan_core.atomic.secrets.token_hex", lambda count: "0")


@pytest.fixture(scope="session")
def triton_python(tmp_path_factory):
    """A Python with tritonclient, in an environment of its own: it excludes our pinned versions."""
    folder = tmp_path_factory.mktemp("triton") / "env"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    words = ["-m", "pip", "install", "--quiet", "tritonclient[http,grpc]==2.73.0"]
    if subprocess.run([python, *words], capture_output=True, timeout=300).returncode:
        pytest.skip("tritonclient cannot be installed here")
    return python


# The service


@pytest.fixture(scope="module")
def client():
    """A client of a service of all small models, in this process."""
    from served import open_client

    with open_client() as opened:
        yield opened


@pytest.fixture(scope="module")
def tiny(client):
    """The address of the tiny bundle: its name and id."""
    return "tiny_bundle@" + client.get("/v1/models/tiny_bundle").json()["id"]


@pytest.fixture(scope="module")
def detailed(client):
    """The address of the bundle with detail: its name and id."""
    return "detail_bundle@" + client.get("/v1/models/detail_bundle").json()["id"]


# The page of the service in a browser


@pytest.fixture(scope="module")
def browser():
    """Chromium, or the tests are skipped."""
    from browser import open_browser

    if os.name != "posix":
        pytest.skip("signals of POSIX")
    pytest.importorskip("starlette")
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def service(browser):
    """A service of all small models, in a process of its own."""
    from served import serve

    with serve(DATA, log=subprocess.DEVNULL) as served:
        yield served


@pytest.fixture
def visit(browser, service):
    """Visit the page. What is opened is closed, and was without fault."""
    from browser import BEGIN, DESK, Visit, wait_until_drawn

    opened = []

    def open_page(address=BEGIN, **settings):
        made = Visit(browser, service.url, **{"reduced_motion": "reduce", **DESK, **settings})
        opened.append(made)
        made.page.goto(f"{service.url}/{address}")
        wait_until_drawn(made.page)
        return made.page

    yield open_page
    for made in opened:
        made.close()

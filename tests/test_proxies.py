"""The configurations of nginx and Varnish in examples/serving, really run before two services."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from email.message import Message
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("starlette")

from served import serve

from singan_runtime.serve import signing

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "serving"
BUNDLE = Path(__file__).parent / "data" / "tiny_bundle"
KEY = "0123456789abcdef"
MODEL = "/pictures/v1/tiny_bundle"


def find_program(name):
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None or not EXAMPLES.is_dir():
        pytest.skip(f"needs {name}")
    return found


def find_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def write_nginx(folder, text, port):
    """The command that runs nginx with a configuration for its folder conf.d."""
    text = text.replace("/var/cache/nginx/singan", str(folder / "cache"))
    (folder / "singan.conf").write_text(text.replace("listen 8080", f"listen 127.0.0.1:{port}"))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = [f"{kind}_temp_path {folder / kind};" for kind in kinds]
    user = "user root;" if os.geteuid() == 0 else ""
    main = f"daemon off; {user} pid {folder}/pid; error_log {folder}/log; events {{}}"
    http = f"http {{ access_log off; {' '.join(temporary)} include {folder}/singan.conf; }}"
    (folder / "nginx.conf").write_text(f"{main} {http}")
    return [find_program("nginx"), "-p", folder, "-c", folder / "nginx.conf"]


def write_varnish(folder, text, port):
    """The command that runs Varnish with a configuration."""
    (folder / "singan.vcl").write_text(text)
    program = find_program("varnishd")
    where = ["-n", folder / "work", "-a", f"127.0.0.1:{port}", "-f", folder / "singan.vcl"]
    return [program, "-j", "none", "-F", *where, "-s", "malloc,64m"]


PROXIES = {"nginx.conf": write_nginx, "varnish.vcl": write_varnish}


@contextmanager
def run_proxy(name, folder, ports):
    """Run a proxy before services at two ports, and give its URL."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for known, port in zip(("8001", "8002"), ports, strict=True):
        assert known in text
        text = text.replace(known, str(port))
    port = find_port()
    command = PROXIES[name](folder, text, port)
    with open(folder / "said", "wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while not is_up(url):
            assert process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def is_up(url):
    try:
        return ask(url, "/pictures/healthz").status == 200
    except OSError:
        return False


class Site:
    """A proxy and the two services behind it, which share a folder of files."""

    def __init__(self, stack, name, folder, *more):
        models = folder / "models"
        shutil.copytree(BUNDLE, models / "tiny_bundle")
        options = ["--cache-dir", str(folder / "files"), "--root-path", "/pictures", *more]
        self.services = [stack.enter_context(serve(models, *options)) for _ in range(2)]
        ports = [service.url.rpartition(":")[2] for service in self.services]
        self.url = stack.enter_context(run_proxy(name, folder, ports))
        self.model = json.loads(self.ask("/pictures/v1/models").body)["models"][0]

    def ask(self, path, method="GET", **headers):
        return ask(self.url, path, method, **headers)

    def write_path(self, seed, name="40x30.png"):
        return f"/pictures/v1/tiny_bundle@{self.model['id']}/{name}?seed={seed}"

    def count(self, source):
        """Files that the services have sent from a source, as long as both live."""
        found = 0.0
        for service in self.services:
            text = service.get("/metrics").read().decode()
            numbers = re.findall(rf'singan_files_total{{source="{source}"}} ([\d.]+)', text)
            found += sum(map(float, numbers))
        return found


@pytest.fixture(scope="module", params=PROXIES)
def site(request, tmp_path_factory):
    find_program({"nginx.conf": "nginx", "varnish.vcl": "varnishd"}[request.param])
    with ExitStack() as stack:
        yield Site(stack, request.param, tmp_path_factory.mktemp("site"), "--train")


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def ask(url, path, method="GET", **headers):
    """The answer of a URL, whatever its status."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url + path, headers=headers, method=method)
    try:
        answer = urllib.request.build_opener(NoRedirect).open(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(answer.status, answer.headers, answer.read())


def test_the_second_request_is_answered_by_the_proxy_with_all_headers(site):
    path = site.write_path(1)
    first, second = site.ask(path), site.ask(path)
    assert (first.status, first.headers["X-Cache"]) == (200, "MISS")
    assert (second.status, second.headers["X-Cache"]) == (200, "HIT")
    assert first.body == second.body
    assert second.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for name in ("ETag", "Content-Type", "Content-Location", "Content-Disposition"):
        assert first.headers[name] == second.headers[name]
    assert second.headers["Content-Location"].startswith("/pictures/v1/")
    assert not second.headers["ETag"].startswith("W/")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"] or (
        second.headers["X-Request-ID"] is None
    )


def test_what_the_client_has_is_answered_with_304_by_the_proxy(site):
    path = site.write_path(2)
    etag = site.ask(path).headers["ETag"]
    before = site.count("client")
    again = site.ask(path, If_None_Match=etag)
    assert again.status == 304 and again.body == b""
    assert again.headers["ETag"] == etag
    assert site.count("client") == before


def test_a_head_has_the_headers_of_the_picture(site):
    for path in (site.write_path(3), site.write_path(3)):
        head = site.ask(path, "HEAD")
        assert head.status == 200 and head.body == b""
    whole = site.ask(site.write_path(3))
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == str(len(whole.body))


def test_parts_come_from_kept_and_from_new_files(site):
    kept = site.write_path(4)
    whole = site.ask(kept).body
    for _ in range(2):
        part = site.ask(kept, Range="bytes=10-19")
        assert part.status == 206 and part.body == whole[10:20]
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert site.ask(kept, Range="bytes=9999999-").status == 416
    other = site.ask(kept, Range="bytes=10-19", If_Range='"other"')
    assert other.status == 200 and other.body == whole

    new = site.write_path(5)
    part = site.ask(new, Range="bytes=0-9")
    assert part.status == 206
    whole = site.ask(new)
    assert whole.status == 200 and whole.body.startswith(part.body)


def test_every_visitor_is_led_to_another_picture(site):
    places = [site.ask(f"{MODEL}/40x30.png") for _ in range(2)]
    assert [one.status for one in places] == [302, 302]
    first, second = (one.headers["Location"] for one in places)
    assert first != second and first.startswith(f"{MODEL}@")
    assert site.ask(first).status == 200


def test_what_may_change_is_asked_for_every_time(site):
    for path, status in (
        ("/pictures/v1/models", 200),
        ("/pictures/v1/nobody/40x30.png?seed=1", 404),
        ("/pictures/healthz", 200),
        ("/pictures/v1/training", 200),
    ):
        for _ in range(2):
            answer = site.ask(path)
            assert answer.status == status and answer.headers["X-Cache"] != "HIT", path
    assert site.ask("/pictures/metrics").status == 404


def test_many_who_ask_for_the_same_wait_for_one(site):
    before = site.count("made")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: site.ask(site.write_path(6, "300x200.png")), range(8)))
    assert {answer.status for answer in answers} == {200}
    assert site.count("made") == before + 1


def test_a_form_is_passed_on(site):
    body = (
        b"--x\r\nContent-Disposition: form-data; name=size\r\n\r\n60x20\r\n"
        b"--x\r\nContent-Disposition: form-data; name=seed\r\n\r\n1\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    request = urllib.request.Request(f"{site.url}{MODEL}/retarget", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.read().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", PROXIES)
def test_where_one_process_is_down_the_other_answers_and_kept_files_need_none(name, tmp_path):
    find_program({"nginx.conf": "nginx", "varnish.vcl": "varnishd"}[name])
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    with ExitStack() as stack:
        site = Site(stack, name, tmp_path, "--key-file", str(keys))
        assert site.ask(site.write_path(1)).status == 403
        kept = site.ask(sign(site.write_path(1)))
        led = site.ask(sign(f"{MODEL}/40x30.png?background=%23ff0000&keep="))
        assert led.status == 302 and site.ask(led.headers["Location"]).status == 200

        site.services[0].process.kill()
        site.services[0].process.wait()
        for seed in range(2, 10):
            answer = site.ask(sign(site.write_path(seed)), X_Forwarded_For="192.0.2.9")
            assert answer.status == 200

        _, lines = site.services[1].stop(signal.SIGTERM)
        assert {line["client"] for line in lines} == {"127.0.0.1"}  # not whom a client names
        assert len([line for line in lines if line["route"] == "picture"]) >= 8
        again = site.ask(sign(site.write_path(1)))
        assert again.status == 200 and again.body == kept.body
        assert site.ask(sign(site.write_path(99))).status in (502, 503)


def sign(path):
    """The signed URL of a path below /pictures, of which the signature knows nothing."""
    return "/pictures" + signing.sign(path.removeprefix("/pictures"), KEY.encode())

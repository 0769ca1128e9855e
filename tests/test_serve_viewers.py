"""OpenSeadragon and Mirador, in Chromium on a page of another origin, show pictures of the service.

The viewers come from npm (make node_modules/.ready). Without them, or without Chromium or
Playwright, nothing here runs.
"""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from served import serve

pytest.importorskip("starlette")
playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = Path("/usr/bin/chromium")
PACKAGES = Path(__file__).parents[1] / "node_modules"
SCRIPTS = {
    "openseadragon": "package/build/openseadragon/openseadragon.min.js",
    "mirador": "package/dist/mirador.min.js",
}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The page's made-up origin counts as the internet, from which this machine may not be asked.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
)
OWN = "Accessing element.ref was removed"
"""What Mirador's copy of React says of Mirador."""
SIZE = (20_000, 12_000)  # (width, height)
PAGES = "http://pages.example"
SEADRAGON = """<!doctype html><div id="viewer" style="width:700px;height:500px"></div>
<script src="/openseadragon.js"></script><script>
const viewer = OpenSeadragon({{id: "viewer", showNavigationControl: false, tileSources: {source},
  crossOriginPolicy: "Anonymous", drawer: "canvas", animationTime: 0.1}});
</script>"""
MIRADOR = """<!doctype html><div id="viewer" style="position:absolute;inset:0"></div>
<script src="/mirador.js"></script><script>
const viewer = Mirador.viewer({{id: "viewer", windows: [{{manifestId: "{page}/manifest.json"}}],
  workspace: {{showZoomControls: true}}, workspaceControlPanel: {{enabled: false}}}});
</script>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium"),
]


def read_script(name):
    """Read a viewer's script from its npm package."""
    found = sorted(PACKAGES.glob(f"{name}-*.tgz"))
    if not found:
        pytest.skip(f"needs {name}: make node_modules/.ready")
    with tarfile.open(found[-1]) as package:
        return package.extractfile(SCRIPTS[name]).read()


@pytest.fixture(scope="module")
def service():
    bundle = Path(__file__).parent / "data" / "detail_bundle"
    with serve(bundle, "--cors", PAGES) as served:
        model = json.load(served.get("/v1/models"))["models"][0]
        yield served.url, f"{model['name']}@{model['id']}"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as runner:
        opened = runner.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        yield opened
        opened.close()


class Visit:
    """A page that is open, what it asked the service for, and what its console said."""

    def __init__(self, browser, files):
        self.page = browser.new_page(viewport={"width": 900, "height": 640})
        self.answers, self.complaints, self.asked = [], [], set()
        self.page.on("request", lambda request: self.asked.add(request))
        self.page.on("requestfinished", lambda request: self.asked.discard(request))
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", self.note_failure)
        self.page.on("response", lambda found: self.answers.append((found.status, found.url)))
        self.page.route(f"{PAGES}/**", lambda route: fulfil(route, files))
        self.page.goto(f"{PAGES}/")

    def note(self, message):
        if message.type == "error" and not message.text.startswith(OWN):
            self.complaints.append(message.text)

    def note_failure(self, request):
        self.asked.discard(request)
        if request.failure != "net::ERR_ABORTED":  # a viewer that no longer wants a tile
            self.complaints.append(f"{request.url} {request.failure}")

    def list_tiles(self, mark):
        return [(status, url) for status, url in self.answers if mark in url]

    def wait_for_tiles(self, mark, before):
        """Wait until more tiles have come than there were before, and all that was asked for.

        The browser does not tell of every request that a viewer gives up: then nothing comes for
        five seconds.
        """
        until = time.monotonic() + 60
        quiet, known = 0, -1
        while True:
            assert self.complaints == []
            assert time.monotonic() < until, self.answers
            self.page.wait_for_timeout(100)

            came = len(self.list_tiles(mark)) > before
            is_quiet = came and len(self.answers) == known
            quiet, known = quiet + 1 if is_quiet else 0, len(self.answers)
            if quiet >= (50 if self.asked else 5):
                return

    def look(self, selector):
        """Return what a part of the page shows, (h, w, 3)."""
        shot = self.page.locator(selector).first.screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def fulfil(route, files):
    name = route.request.url.removeprefix(f"{PAGES}/")
    if name not in files:
        route.fulfill(status=204)
        return
    kind = {"js": "text/javascript; charset=utf-8", "json": "application/json"}.get(
        name.rpartition(".")[2]
    )
    route.fulfill(body=files[name], content_type=kind or "text/html")


def check_view(visit, mark, selector):
    """Check that tiles came and show, that zooming in shows others, and that nothing failed."""
    visit.wait_for_tiles(mark, 0)
    first = visit.look(selector)
    assert first[150:-150, 150:-150].std() > 10  # not blank

    box = visit.page.locator(selector).first.bounding_box()
    before = len(visit.list_tiles(mark))
    visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(4):
        visit.page.mouse.wheel(0, -400)
        visit.page.wait_for_timeout(150)
    visit.wait_for_tiles(mark, before)
    second = visit.look(selector)
    assert np.abs(first - second).mean() > 3
    for row in np.array_split(second[:-150], 3):
        for part in np.array_split(row, 4, axis=1):
            assert part.std() > 3  # no tile is missing

    assert {status for status, _ in visit.list_tiles(mark)} == {200}
    assert visit.complaints == []


def describe_manifest(base):
    """Describe one picture as a IIIF Presentation 3 manifest, which Mirador opens."""
    width, height = SIZE
    canvas, service = f"{PAGES}/canvas", {"id": base, "type": "ImageService3", "profile": "level2"}
    body = {"id": f"{base}/full/max/0/default.jpg", "type": "Image", "format": "image/jpeg",
            "width": width, "height": height, "service": [service]}  # fmt: skip
    painting = {"id": f"{canvas}/1/1", "type": "Annotation", "motivation": "painting",
                "target": canvas, "body": body}  # fmt: skip
    page = {"id": f"{canvas}/1", "type": "AnnotationPage", "items": [painting]}
    return {"@context": "http://iiif.io/api/presentation/3/context.json",
            "id": f"{PAGES}/manifest.json", "type": "Manifest", "label": {"en": ["A picture"]},
            "items": [{"id": canvas, "type": "Canvas", "width": width, "height": height,
                       "items": [page]}]}  # fmt: skip


@pytest.mark.parametrize("kind", ["deepzoom", "iiif"])
def test_openseadragon_shows_tiles(service, browser, kind):
    url, model = service
    size = "{}x{}".format(*SIZE)
    source, mark = {
        "deepzoom": (f"{url}/v1/{model}/deepzoom/{size}.dzi?seed=5", "_files/"),
        "iiif": (f"{url}/iiif/{model}:{size}:5/info.json", "/default."),
    }[kind]
    page = SEADRAGON.format(source=json.dumps(source))
    visit = Visit(browser, {"": page, "openseadragon.js": read_script("openseadragon")})
    check_view(visit, mark, "#viewer")


def test_mirador_shows_tiles(service, browser):
    url, model = service
    manifest = describe_manifest(f"{url}/iiif/{model}:{SIZE[0]}x{SIZE[1]}:5")
    files = {
        "": MIRADOR.format(page=PAGES),
        "mirador.js": read_script("mirador"),
        "manifest.json": json.dumps(manifest),
    }
    check_view(Visit(browser, files), "/default.", ".openseadragon-container")

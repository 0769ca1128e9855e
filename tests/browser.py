"""Chromium, driven by Playwright, for tests of pages."""

import io
import shutil
import subprocess
import tarfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = "axe-core@4.14.1"
DATA = Path(__file__).parent / "data"
WIDTH, HEIGHT = 900, 500
DESK = {"viewport": {"width": WIDTH, "height": HEIGHT}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}
BEGIN = "#model=detail_bundle&seed=1"
MODEL = "detail_bundle"
TIMES = "\N{MULTIPLICATION SIGN}"


@contextmanager
def open_browser():
    """Run Debian's Chromium, or skip the test where it or Playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield browser
        browser.close()


class Visit:
    """A visit to a page of a service, that notes what a page must not do."""

    def __init__(self, browser, url, **settings):
        self.url = url
        self.errors, self.outside = [], []
        self.context = browser.new_context(**settings)
        self.page = self.context.new_page()
        self.page.on("console", self.note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.context.on("request", self.check)

    def note(self, message):
        if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
            self.errors.append(message.text)

    def check(self, request):
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.outside.append(request.url)

    def close(self):
        """End the visit. Fails if the page had errors, or asked another host."""
        self.context.close()
        assert not self.errors and not self.outside


def find_axe(folder):
    """Return the source of axe-core, which npm brings into a folder; skip the test without it."""
    kept = Path(__file__).parent.parent / "node_modules" / "axe-core" / "axe.min.js"
    if kept.exists():
        return kept.read_text("utf-8")
    npm = shutil.which("npm") or pytest.skip("npm is not installed")
    packing = [npm, "pack", "--silent", AXE]
    try:
        subprocess.run(packing, cwd=folder, check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError):
        pytest.skip(f"npm does not bring {AXE}")
    [packed] = Path(folder).glob("*.tgz")
    with tarfile.open(packed) as archive:
        return archive.extractfile("package/axe.min.js").read().decode("utf-8")


def wait_until_drawn(page):
    page.wait_for_selector("#said:not(:empty)", state="attached")
    page.wait_for_timeout(300)  # a change is at work by then, if one was made
    page.wait_for_selector("body:not(.busy)")


def choose_view(page, name):
    page.locator("label", has=page.locator(f"input[value={name}]")).click()
    wait_until_drawn(page)


def read_size(image):
    return image.evaluate("image => [image.naturalWidth, image.naturalHeight]")


def find_seed(page):
    return page.locator("#seen-seed").text_content()


def find_picture(page):
    return page.locator("#view-picture img.exact:not([aria-hidden])")


def read_pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(float)


def download(url):
    return urllib.request.urlopen(url, timeout=60).read()

"""Chromium, driven by Playwright, for tests of pages."""

import shutil
import subprocess
import tarfile
from contextlib import contextmanager
from pathlib import Path

import pytest

OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = "axe-core@4.14.1"


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

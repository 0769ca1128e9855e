"""The picture of the service's page for docs/serving.md: two of its views, in Debian's Chromium.

Usage: python examples/page_picture.py BUNDLE FILE
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

BROWSER = "/usr/bin/chromium"
WINDOW = {"width": 1440, "height": 900}
VIEWS = (("picture", "light"), ("screens", "dark"))
WIDTH, GAP = 800, 16  # px, of a view in the picture
QUALITY = 86  # of JPEG


@contextmanager
def serve(bundle: Path) -> Iterator[str]:
    """Serve a bundle, and yield the service's URL."""
    program = str(Path(sys.executable).with_name("singan"))
    command = [program, "serve", str(bundle), "--port", "0"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                found = re.search(r"http://[\d.:]+", line)
                if found:
                    yield found[0]
                    break
        finally:
            process.terminate()


def take_view(browser: Browser, url: str, view: str, scheme: str) -> Image.Image:
    """Take the picture of a view of the page, light or dark, when all of it has been drawn."""
    page = browser.new_page(viewport=WINDOW, color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(f"{url}/#seed=1&view={view}")
    page.wait_for_selector("#said:not(:empty)", state="attached")
    page.wait_for_timeout(1000)  # pictures fade in
    taken = page.screenshot()
    page.close()

    image = Image.open(io.BytesIO(taken)).convert("RGB")
    size = WIDTH, round(WIDTH * image.height / image.width)
    return image.resize(size, Image.Resampling.LANCZOS)


def main(bundle: Path, path: Path) -> None:
    """Write the picture of both views side by side."""
    with serve(bundle) as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        views = [take_view(browser, url, *view) for view in VIEWS]
        browser.close()

    whole = Image.new("RGB", (2 * WIDTH + GAP, views[0].height), "white")
    for at, view in enumerate(views):
        whole.paste(view, (at * (WIDTH + GAP), 0))
    whole.save(path, quality=QUALITY)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

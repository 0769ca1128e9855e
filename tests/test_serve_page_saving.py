"""What can be taken away from the page in a browser, and what it keeps."""

import io
import zipfile

import pytest
from browser import HEIGHT, MODEL, WIDTH, download, find_seed, read_pixels, wait_until_drawn
from PIL import Image

pytestmark = pytest.mark.slow


def test_a_copied_url_is_the_picture_that_is_seen(visit, service):
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.click("#open-save")
    page.select_option("#format", "png")
    page.click("#copy-url")
    page.wait_for_selector("#notice:has-text('URL copied')")
    url = page.evaluate("navigator.clipboard.readText()")
    assert url.startswith(f"{service.url}/v1/{MODEL}@") and url.endswith(
        f"/{WIDTH}x{HEIGHT}.png?seed=1"
    )
    assert read_pixels(download(url)).shape == (HEIGHT, WIDTH, 3)

    page.click("#copy-markup")
    page.wait_for_selector("#notice:has-text('Markup copied')")
    markup = page.evaluate("navigator.clipboard.readText()")
    assert "<picture>" in markup and f"{WIDTH}x{HEIGHT}" in markup


def test_a_text_that_may_not_be_copied_is_shown(visit):
    page = visit()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(Error('no')) }")
    page.click("#open-save")
    page.click("#copy-url")
    text = page.locator("#text textarea").input_value()
    assert text.endswith(f"/{WIDTH}x{HEIGHT}.webp?seed=1")
    page.click("#text .close")
    assert page.locator("#text").is_hidden()


def test_one_picture_or_all_are_downloaded(visit, tmp_path):
    page = visit()
    page.click("#open-save")
    with page.expect_download() as saving:
        page.click("#download")
    assert saving.value.suggested_filename == f"{MODEL}_{WIDTH}x{HEIGHT}_seed_1.webp"
    with Image.open(saving.value.path()) as picture:
        assert picture.size == (WIDTH, HEIGHT)

    page.select_option("#format", "jpeg")
    with page.expect_download(timeout=90_000) as saving:
        page.click("#download-all")
    saving.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        sizes = {}
        for name in archive.namelist():
            sizes[name.split("_")[2]] = Image.open(io.BytesIO(archive.read(name))).size
    assert [*sizes] == [f"{WIDTH}x{HEIGHT}", "1080x2400", "2048x2732", "1500x500", "5760x2160"]
    assert all(f"{width}x{height}" == name for name, (width, height) in sizes.items())


def test_favourites_and_the_history_outlive_the_visit(visit):
    page = visit()
    page.keyboard.press("f")
    assert page.locator("#favourite").get_attribute("aria-pressed") == "true"
    page.click("#new")
    wait_until_drawn(page)
    page.reload()
    page.click("#open-gallery")
    assert page.locator("#favourites .thumb").count() == 1
    assert page.locator("#history .thumb").count() == 2

    page.click("#favourites .thumb")
    assert find_seed(page) == "seed 1"
    page.click("#favourite")
    assert page.locator("#favourites .thumb").count() == 0
    page.click("#clear-history")
    assert page.locator("#history .thumb").count() == 0
    wait_until_drawn(page)

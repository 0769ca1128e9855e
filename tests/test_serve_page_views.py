"""The views of the page in a browser: pictures, screens, clips and the endless picture."""

import base64
import io

import numpy as np
import pytest
from browser import (
    BEGIN,
    HEIGHT,
    MODEL,
    TIMES,
    WIDTH,
    choose_view,
    download,
    find_picture,
    find_seed,
    read_pixels,
    read_size,
    wait_until_drawn,
)
from PIL import Image

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("pixels", [1, 2])
def test_a_picture_has_a_pixel_for_every_pixel_of_the_window(visit, pixels):
    page = visit(device_scale_factor=pixels)
    picture = find_picture(page)
    assert read_size(picture) == [WIDTH * pixels, HEIGHT * pixels]
    assert picture.bounding_box() == {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT}
    assert page.locator("#size").text_content() == f"{WIDTH * pixels} {TIMES} {HEIGHT * pixels}"


def test_a_window_of_another_size_gets_its_own_picture(visit):
    page = visit()
    page.set_viewport_size({"width": 640, "height": 480})
    page.wait_for_selector(f"#size:text-is('640 {TIMES} 480')", state="attached")
    wait_until_drawn(page)
    assert read_size(find_picture(page)) == [640, 480]


def test_a_button_and_keys_make_new_pictures_and_go_back(visit):
    page = visit()
    seeds = [find_seed(page)]
    for act in (lambda: page.click("#new"), lambda: page.keyboard.press("n")):
        act()
        wait_until_drawn(page)
        seeds.append(find_seed(page))
    assert seeds[0] == "seed 1" and len(set(seeds)) == 3

    page.keyboard.press("ArrowLeft")
    page.click("#older")
    assert find_seed(page) == "seed 1" and page.locator("#older").is_disabled()
    page.click("#newer")
    assert find_seed(page) == seeds[1]
    wait_until_drawn(page)


def test_a_reload_shows_the_same(visit):
    page = visit(BEGIN + "&zoom=0.8&start=1&view=screens")
    page.reload()
    wait_until_drawn(page)
    assert page.url.endswith(BEGIN + "&zoom=0.8&start=1&view=screens")
    assert page.locator("input[value=screens]").is_checked()


def test_another_model_is_chosen(visit):
    page = visit()
    page.select_option("#model", "marked_bundle")
    wait_until_drawn(page)
    assert "marked_bundle" in find_picture(page).get_attribute("alt")
    page.select_option("#model", "grey_bundle")
    page.keyboard.press("2")
    wait_until_drawn(page)
    assert page.locator(".device img.exact").count() == 4


def test_screens_have_their_true_shapes_and_exact_pixels_on_a_click(visit):
    page = visit()
    choose_view(page, "screens")
    for device in page.locator(".device").all():
        width, height = map(int, device.locator(".size").inner_text().split(TIMES))
        box = device.locator(".glass img.exact").bounding_box()
        assert box["width"] / box["height"] == pytest.approx(width / height, rel=0.02)

    page.click(".device.banner")
    page.wait_for_selector("#exact h2:has-text('exact pixels')")
    picture = page.locator("#exact img.exact:not([aria-hidden])")
    assert read_size(picture) == [1500, 500]
    assert picture.bounding_box()["width"] == 1500
    with page.expect_download() as saving:
        page.click("#exact .download")
    assert saving.value.suggested_filename == f"{MODEL}_1500x500_seed_1.webp"
    page.keyboard.press("Escape")
    assert page.locator("#exact").is_hidden()


def test_sliders_change_zoom_and_layout(visit):
    page = visit()
    page.click("#open-adjust")
    with page.expect_request(lambda request: "zoom=" in request.url) as asking:
        page.locator("#zoom").fill("0.5")
    assert "zoom=7.07" in asking.value.url  # 500 px of a photo of 100, and the root of 2
    assert page.locator("#zoom-value").inner_text() == f"1.41{TIMES}"

    with page.expect_request(lambda request: "start_scale=1" in request.url):
        page.locator("#start").press("ArrowRight")
    with page.expect_request(lambda request: "seed=a+text" in request.url):
        page.locator("#seed").fill("a text")
        page.locator("#seed").press("Enter")
    page.click("#reset")
    assert page.url.endswith("#model=detail_bundle&seed=a+text")
    wait_until_drawn(page)


def test_a_clip_plays_and_pauses(visit):
    page = visit()
    choose_view(page, "motion")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"  # less motion is wished
    with page.expect_response(lambda answer: "/animate/640x356.webp" in answer.url) as sent:
        page.click("#play")
    wait_until_drawn(page)
    assert "loop=true" in sent.value.url and sent.value.status == 200
    assert Image.open(io.BytesIO(download(sent.value.url))).n_frames == 32
    page.keyboard.press("p")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    wait_until_drawn(page)


IS_FULL = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 300, canvas.width, 1);
    return data.every((value, at) => at % 4 < 3 || value === 255);
}"""

READ_CANVAS = "canvas => canvas.toDataURL('image/png').split(',')[1]"


def read_canvas(page):
    return read_pixels(base64.b64decode(page.locator("canvas").evaluate(READ_CANVAS)))


def test_an_endless_picture_has_no_seams_and_meets_itself(visit):
    page = visit()
    urls = []
    page.on("request", lambda request: urls.append(request.url))
    choose_view(page, "endless")
    seen = read_canvas(page)
    assert seen.shape == (HEIGHT, WIDTH, 3)
    [first] = [url for url in urls if f"window=0%2C0%2C512%2C{HEIGHT}" in url]
    whole = first.replace("%2C512%2C", f"%2C{WIDTH}%2C").replace(".jpeg", ".png")
    assert np.abs(seen - read_pixels(download(whole))).mean() < 4

    width = int(first.split("/")[-1].split("x")[0])
    page.mouse.move(400, 250)
    page.mouse.wheel(width - 200, 0)  # 200 px before the beginning
    wait_for_strips(page)
    around = read_canvas(page)
    np.testing.assert_array_equal(around[:, 200:], seen[:, :-200])
    steps = np.abs(np.diff(around, axis=1)).mean((0, 2))
    assert steps[199] < 4 * np.median(steps)


def wait_for_strips(page):
    """Wait until nothing of the canvas is empty."""
    for _ in range(300):
        page.wait_for_timeout(100)
        if page.locator("canvas").evaluate(IS_FULL):
            return
    raise AssertionError("strips are missing")


def test_an_endless_picture_is_dragged_and_moved_by_keys(visit):
    page = visit()
    choose_view(page, "endless")
    before = read_canvas(page)
    page.mouse.move(500, 250)
    page.mouse.down()
    page.mouse.move(380, 250)
    page.mouse.up()
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(read_canvas(page)[:, :-120], before[:, 120:])
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(read_canvas(page), before)


def test_an_endless_picture_drifts_until_it_is_paused(visit):
    page = visit(reduced_motion="no-preference")
    choose_view(page, "endless")
    before = read_canvas(page)
    page.wait_for_timeout(300)
    assert np.abs(read_canvas(page) - before).mean() > 1
    page.click("#play")
    page.wait_for_timeout(100)
    before = read_canvas(page)
    page.wait_for_timeout(300)
    np.testing.assert_array_equal(read_canvas(page), before)

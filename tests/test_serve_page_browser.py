"""The page in a browser: every function by clicks and keys, without errors, for everyone."""

import base64
import io
import os
import shutil
import subprocess
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
if os.name != "posix":
    pytest.skip("signals of POSIX", allow_module_level=True)

from browser import Visit, find_axe, open_browser
from PIL import Image
from served import serve

pytestmark = pytest.mark.slow
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


@pytest.fixture(scope="module")
def browser():
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def service(browser):
    with serve(DATA, log=subprocess.DEVNULL) as served:
        yield served


@pytest.fixture
def visit(browser, service):
    """Visit the page. What is opened is closed, and was without fault."""
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


def test_colours_follow_the_system_and_then_the_button(visit):
    page = visit(color_scheme="dark")
    theme = page.locator("html")
    assert theme.get_attribute("data-theme") == "dark"
    page.click("#theme")
    assert theme.get_attribute("data-theme") == "light"
    page.reload()
    wait_until_drawn(page)
    assert theme.get_attribute("data-theme") == "light"


def test_controls_hide_and_come_back(visit):
    page = visit()
    for hide, show in (("h", "h"), ("h", "Escape"), ("h", "Tab")):
        page.keyboard.press(hide)
        page.wait_for_selector("#new", state="hidden")
        page.keyboard.press(show)
        page.wait_for_selector("#new", state="visible")
    page.mouse.click(400, 250)
    page.wait_for_selector("#new", state="hidden")


def test_the_keyboard_reaches_and_leaves_every_panel(visit):
    page = visit()
    reached = set()
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert {"model", "view", "theme", "help", "new", "favourite", "open-save"} <= reached

    for button in ("open-adjust", "open-gallery", "open-save"):
        page.focus(f"#{button}")
        page.keyboard.press("Enter")
        assert page.locator(".panel h2:focus").count() == 1
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") == button
        assert page.locator(".panel:visible").count() == 0


def test_keys_work_after_a_view_was_chosen_by_a_click(visit):
    page = visit()
    choose_view(page, "endless")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("n")
    assert page.locator("input[value=endless]").is_checked()
    assert find_seed(page) != "seed 1"
    wait_until_drawn(page)


def test_letters_are_left_alone_where_they_are_typed_or_not_wished(visit):
    page = visit()
    page.click("#open-adjust")
    page.locator("#seed").press_sequentially("n")
    assert find_seed(page) == "seed 1"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.uncheck("#use-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    assert find_seed(page) != "seed n"
    before = find_seed(page)
    page.keyboard.press("n")
    assert find_seed(page) == before
    wait_until_drawn(page)


@pytest.mark.parametrize(("device", "scheme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "dark")])
def test_axe_finds_nothing_serious(visit, tmp_path, device, scheme):
    axe = find_axe(tmp_path)
    page = visit(color_scheme=scheme, **device)
    page.evaluate(axe)  # as a script of the page itself it would be refused
    for view in ("picture", "screens", "endless") if device is DESK else ():
        choose_view(page, view)
        check_with_axe(page, view)
    for panel in ("adjust", "gallery", "save"):
        page.click(f"#open-{panel}")
        check_with_axe(page, panel)
    page.click("#help")
    check_with_axe(page, "help")


def check_with_axe(page, where):
    page.wait_for_timeout(350)  # what fades in has its contrast only then
    found = page.evaluate("axe.run()")["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not grave, (
        f"{where}: {[(one['id'], [node['html'] for node in one['nodes']]) for one in grave]}"
    )


def test_on_a_phone_all_controls_are_in_reach(visit):
    page = visit(**PHONE)
    assert read_size(find_picture(page)) == [585, 1266]
    for view in ("picture", "screens", "motion", "endless"):
        page.locator("label", has=page.locator(f"input[value={view}]")).tap()
        for control in page.locator(".chrome button:visible, .chrome select:visible").all():
            box = control.bounding_box()
            assert box["width"] >= 40 and box["height"] >= 40
            assert box["x"] >= 0 and box["x"] + box["width"] <= 390
            assert box["y"] >= 0 and box["y"] + box["height"] <= 844
    for panel in ("adjust", "gallery", "save"):
        page.locator(f"#open-{panel}").tap()
        box = page.locator(f"#{panel}").bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_bars_never_lie_upon_one_another(visit):
    page = visit(BEGIN + "2345678901234567890")
    page.evaluate("for (const one of document.querySelectorAll('.chrome [hidden]')) one.hidden = 0")
    for width in (360, 700, 900, 1100, 1350):
        page.set_viewport_size({"width": width, "height": 300})
        boxes = [bar.bounding_box() for bar in page.locator(".chrome .bar:visible").all()]
        assert len(boxes) >= 4
        for at, box in enumerate(boxes):
            assert box["x"] >= 0 and box["x"] + box["width"] <= width
            assert not any(is_over(box, other) for other in boxes[:at])
    wait_until_drawn(page)


def is_over(box, other):
    """Whether two boxes have a point in common."""
    sides = (("x", "width"), ("y", "height"))
    return all(gap(box, other, *side) < 0 for side in sides)


def gap(box, other, start, length):
    """The distance of two boxes along an axis, below 0 where they overlap."""
    first, last = sorted((box, other), key=lambda one: one[start])
    return last[start] - first[start] - first[length]


def test_what_cannot_be_drawn_is_said(browser):
    with serve(DATA / "detail_bundle", "--max-pixels", "1000") as served:
        refused = Visit(browser, served.url, **DESK)
        refused.page.goto(f"{served.url}/{BEGIN}")
        refused.page.wait_for_selector("#notice:has-text('limit of 1000')")
        refused.context.close()
    assert not refused.outside


def test_a_photo_becomes_a_model_that_is_shown(browser, tmp_path):
    pytest.importorskip("onnxscript")
    shutil.copytree(DATA / "tiny_bundle", tmp_path / "models" / "tiny_bundle")
    quick = ("--train", "--train-preset", "draft", "--train-iterations", "1")
    with serve(tmp_path / "models", *quick, log=subprocess.DEVNULL) as served:
        made = Visit(browser, served.url, **DESK)
        page = made.page
        page.goto(served.url)
        page.click("#open-training")
        page.set_input_files("#training-photo", DATA / "tiny_bundle" / "preview.png")
        page.fill("#training-name", "fresh")
        page.click("#training-begin button")
        page.wait_for_selector("#notice:has-text('fresh is trained')", timeout=200_000)
        assert page.locator("#model").input_value() == "fresh"
        page.wait_for_selector("#view-picture img.exact[alt*='scene of fresh']")
        made.close()


JOB = {"id": "1", "name": "marked_bundle", "state": "training", "share": 0.25,
       "seconds_left": 80, "detail": "scale 1 of 3", "model": None}  # fmt: skip


class FakeTrainer:
    """Stands for the trainings of a service: says on every question what comes next."""

    def __init__(self, page, states):
        self.states, self.asked = list(states), []
        page.route("**/v1/training**", self.answer)

    def answer(self, route):
        method = route.request.method
        self.asked.append(method)
        if method == "DELETE":
            self.states = [{"state": "cancelled"}]
            route.fulfill(status=204)
        elif method == "POST":
            self.sent = route.request.post_data_buffer
            route.fulfill(status=202, json=JOB)
        elif route.request.url.endswith("/training"):
            route.fulfill(json={"job": None})
        else:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            route.fulfill(json={**JOB, **state})


def open_training(browser, url, states):
    made = Visit(browser, url, **DESK)

    def switch_on(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"off"', '"on"', 1))

    made.page.route(f"{url}/", switch_on)
    trainer = FakeTrainer(made.page, states)
    made.page.goto(f"{url}/{BEGIN}")
    made.page.click("#open-training")
    made.page.set_input_files("#training-photo", DATA / "tiny_bundle" / "preview.png")
    return made, trainer


def test_a_photo_is_trained_and_its_model_shown(browser, service):
    done = {"state": "done", "share": 1, "model": "/v1/models/marked_bundle"}
    states = [{}, {"state": "exporting", "share": 0.9, "detail": "exporting"}, done]
    made, trainer = open_training(browser, service.url, states)
    page = made.page
    assert page.locator("#training-name").input_value() == "preview"
    page.click("#training-begin button")
    page.wait_for_selector("#training-job-detail:has-text('scale 1 of 3')")
    assert page.locator("#training-job-left").inner_text() == "about 80 seconds left"
    assert page.locator("#training-job-share").evaluate("bar => bar.value") == 0.25
    page.wait_for_selector("#notice:has-text('is trained')")
    assert b'name="photo"; filename="preview.png"' in trainer.sent
    assert page.locator("#model").input_value() == "marked_bundle"
    wait_until_drawn(page)
    made.close()


def test_a_training_is_cancelled(browser, service):
    made, trainer = open_training(browser, service.url, [{}])
    made.page.click("#training-begin button")
    made.page.click("#training-cancel")
    made.page.wait_for_selector("#said:has-text('cancelled')", state="attached")
    assert "DELETE" in trainer.asked
    assert made.page.locator("#training-begin").is_visible()
    made.close()


def test_a_training_that_fails_says_why(browser, service):
    failed = {"state": "failed", "detail": "the photo has one colour only"}
    made, _ = open_training(browser, service.url, [failed])
    made.page.click("#training-begin button")
    made.page.wait_for_selector("#notice:has-text('one colour only')")
    assert made.page.locator("#training-begin").is_visible()
    made.close()

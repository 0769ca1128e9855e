"""Training on the page in a browser: from a photo to the first picture of its model."""

import shutil
import subprocess

import pytest
from browser import BEGIN, DATA, DESK, Visit, wait_until_drawn
from served import serve

pytestmark = pytest.mark.slow


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

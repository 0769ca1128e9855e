"""The page in a browser is for everyone: keys, colours, screen readers, phones."""

import pytest
from browser import (
    BEGIN,
    DESK,
    PHONE,
    choose_view,
    find_axe,
    find_picture,
    find_seed,
    read_size,
    wait_until_drawn,
)

pytestmark = pytest.mark.slow


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

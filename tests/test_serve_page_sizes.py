"""The page in a browser where the service limits what it draws."""

import pytest
from browser import BEGIN, DATA, DESK, Visit, choose_view, find_picture, read_size, wait_until_drawn
from served import serve

pytestmark = pytest.mark.slow


def open_page(browser, served):
    made = Visit(browser, served.url, reduced_motion="reduce", **DESK)
    made.page.goto(f"{served.url}/{BEGIN}")
    wait_until_drawn(made.page)
    return made


def list_views(page):
    return [one.get_attribute("value") for one in page.locator("input[name=view]").all()
            if one.locator("xpath=..").is_visible()]  # fmt: skip


def test_what_cannot_be_drawn_is_said(browser):
    with serve(DATA / "detail_bundle", "--max-pixels", "1000") as served:
        refused = Visit(browser, served.url, **DESK)
        refused.page.goto(f"{served.url}/{BEGIN}")
        refused.page.wait_for_selector("#notice:has-text('limit of 1000')")
        refused.context.close()
    assert not refused.outside


def test_only_listed_sizes_are_offered(browser):
    """A window of 900x500 gets the listed size of the nearest shape; the log has no refusal."""
    with serve(DATA / "detail_bundle", "--sizes", "320x180,300x300,1500x500") as served:
        made = open_page(browser, served)
        page = made.page
        assert read_size(find_picture(page)) == [320, 180]
        assert "320" in page.locator("#size").text_content()
        assert list_views(page) == ["picture", "screens", "motion"]

        choose_view(page, "screens")
        assert page.locator(".device .size").all_inner_texts() == [
            "1500 \N{MULTIPLICATION SIGN} 500"
        ]
        assert read_size(page.locator(".device img.exact")) == [1500, 500]
        choose_view(page, "motion")
        page.click("#open-gallery")
        page.wait_for_selector("#history .thumb img.exact")
        made.close()


def test_where_no_screen_is_listed_that_view_is_not_offered(browser):
    with serve(DATA / "detail_bundle", "--sizes", "320x180") as served:
        made = open_page(browser, served)
        assert list_views(made.page) == ["picture", "motion"]
        made.close()


def test_sides_are_rounded_up_where_they_must_be(browser):
    with serve(DATA / "detail_bundle", "--sizes", "64") as served:
        made = open_page(browser, served)
        assert read_size(find_picture(made.page)) == [960, 512]
        assert list_views(made.page) == ["picture", "screens", "motion"]
        choose_view(made.page, "screens")
        sizes = made.page.locator(".device .size").all_inner_texts()
        assert "1088 \N{MULTIPLICATION SIGN} 2432" in sizes
        made.close()

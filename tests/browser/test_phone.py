"""A phone: 360 by 640, touch, no keyboard but the soft one, no hover."""

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_notebook_is_written_and_run_with_thumbs(visits: Visits, server: CarnetServer) -> None:
    server.write("thumbs.ipynb", ["", "print('second')"])
    notebook = visits.notebook("thumbs.ipynb", profile=visits.profile(is_phone=True))
    page = notebook.page
    bar = page.get_by_role("toolbar", name="Keys")
    expect(bar).to_be_in_viewport()

    notebook.source(1).tap()
    page.keyboard.insert_text("print")
    bar.get_by_role("button", name="Parenthesis").tap()
    expect(notebook.source(1)).to_be_focused()
    page.keyboard.insert_text("'thumb'")
    bar.get_by_role("button", name="Run", exact=True).tap()
    notebook.says(1, "thumb")
    # Run went on to the next cell.
    bar.get_by_role("button", name="Run", exact=True).tap()
    notebook.says(2, "second")

    # What is true now has room in the bar: the link, and nothing that is cut off.
    expect(page.locator(".states .state:visible")).to_have_text(["Live"])

    # Nothing sticks out at the side, and what is pressed is as large as a thumb.
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in bar.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, button
        assert box["width"] >= 30, button
    expect(page.get_by_role("button", name="Menu")).to_be_visible()
    page.get_by_role("button", name="Menu").tap()
    expect(page.get_by_role("menuitem", name="Restart the kernel…")).to_be_visible()


def test_the_dashboard_fits(visits: Visits, server: CarnetServer) -> None:
    server.write("a name that is far too long for the narrow screen of a phone.ipynb", ["1"])
    page = visits.page(profile=visits.profile(is_phone=True))
    expect(page.get_by_role("button", name="New")).to_be_in_viewport()

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="a name that is").tap()
    expect(page.locator(".cm-content").first).to_be_visible()

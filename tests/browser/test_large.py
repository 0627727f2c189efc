"""Long notebooks: only what is near the screen is in the page, and everything can be reached and edited."""

import pytest
from playwright.sync_api import expect

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_thousand_cells_scroll_and_edit(visits: Visits, server: CarnetServer) -> None:
    file = server.write("thousand.ipynb", [f"value = {number}" for number in range(1, 1001)])
    notebook = visits.notebook("thousand.ipynb")
    assert notebook.cells.count() < 100

    notebook.keys("Control+a", "ArrowDown")
    expect(notebook.cell(1000)).to_be_focused()
    notebook.keys("Enter", "Control+End")
    notebook.page.keyboard.type("  # the end")
    notebook.has_source(1000, "value = 1000  # the end")
    assert notebook.cells.count() < 100

    notebook.page.evaluate("scrollTo(0, document.documentElement.scrollHeight / 2)")
    # Somewhere in the middle: how high the cells above are is known when they were drawn.
    notebook.page.wait_for_function(
        """() => [...document.querySelectorAll("section.cell")].some(cell => {
            const { top } = cell.getBoundingClientRect();
            const number = Number(/cell (\\d+) of/.exec(cell.ariaLabel)?.[1]);
            return top > 0 && top < innerHeight && number > 250 && number < 750;
        })"""
    )
    notebook.page.evaluate("scrollTo(0, 0)")
    notebook.run(1, "print('the beginning')")
    notebook.says(1, "the beginning")
    notebook.is_saved()
    text = file.read_text()
    assert "value = 1000  # the end" in text
    assert "the beginning" in text


def test_xs18_a_long_stream_scrolls_in_its_box_and_shows_its_end(
    visits: Visits, server: CarnetServer
) -> None:
    server.write("flood.ipynb", ["for line in range(20_000): print('line', line)"])
    notebook = visits.notebook("flood.ipynb")
    notebook.run(1)

    expect(notebook.cell(1)).to_have_attribute("data-outcome", "done")
    notebook.says(1, "line 0")
    notebook.says(1, "line 19999")
    assert notebook.output(1).evaluate("element => element.offsetHeight") < 1000
    scroller = notebook.output(1).locator("[data-scrolls]")
    at_end = "element => element.scrollHeight - element.clientHeight - element.scrollTop < 2"
    assert scroller.evaluate(at_end)

    # Until somebody scrolls up: then it stays where that is.
    notebook.run(
        1,
        "for line in range(300): print('first', line)\ninput('on? ')\nfor line in range(300): print('then', line)",
    )
    answer = notebook.cell(1).get_by_label("on?")
    expect(answer).to_be_focused()
    notebook.says(1, "first 299")
    notebook.page.wait_for_function("element => (" + at_end + ")(element)", arg=scroller.element_handle())
    scroller.evaluate("element => { element.scrollTop = 40; }")
    notebook.page.wait_for_function("element => element.scrollTop === 40", arg=scroller.element_handle())
    notebook.page.keyboard.type("yes\n")
    notebook.says(1, "then 299")
    assert scroller.evaluate("element => element.scrollTop") == 40

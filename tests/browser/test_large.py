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


def test_a_long_stream_scrolls_in_its_box_and_shows_its_end(visits: Visits, server: CarnetServer) -> None:
    server.write("flood.ipynb", ["for line in range(20_000): print('line', line)"])
    notebook = visits.notebook("flood.ipynb")
    notebook.run(1)

    expect(notebook.cell(1)).to_have_attribute("data-outcome", "done")
    notebook.says(1, "line 0")
    notebook.says(1, "line 19999")
    assert notebook.output(1).evaluate("element => element.offsetHeight") < 1000

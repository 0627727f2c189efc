"""The outline: a notebook's headings beside its cells."""

import json

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 800}


@pytest.fixture
def page(visits: Visits, server: CarnetServer, request: pytest.FixtureRequest) -> Page:
    """A notebook of three sections, each long enough to fill the screen."""
    name = f"{request.node.name}.ipynb"
    filler = "\n".join(f"line_{number} = {number}" for number in range(60))
    cells = [
        ("markdown", "# Data"),
        ("code", filler),
        ("markdown", "## Cleaning\n\ntext\n\n### Holes"),
        ("code", filler),
        ("markdown", "# Results"),
        ("code", "1 / 0"),
    ]
    write(server, name, cells)
    page = visits.notebook(name).page
    page.set_viewport_size(WIDE)
    return page


def write(server: CarnetServer, name: str, sources: list[tuple[str, str]]) -> None:
    cells: list[dict[str, object]] = []
    for number, (kind, source) in enumerate(sources):
        own: dict[str, object] = {"outputs": [], "execution_count": None} if kind == "code" else {}
        cells.append({"cell_type": kind, "id": f"c{number}", "metadata": {}, "source": source, **own})
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    (server.notebooks / name).write_text(json.dumps(content))


def outline(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Outline")


def test_the_outline_leads_to_a_heading_and_says_where_one_is(page: Page) -> None:
    page.keyboard.press("Control+Shift+K")
    items = outline(page).get_by_role("listitem")
    expect(items).to_have_text(["Data", "Cleaning", "Holes", "Results"])
    expect(outline(page).locator("[aria-current]")).to_have_text("Data")
    expect(outline(page).locator("[aria-current]")).to_be_focused()

    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(outline(page).locator("[aria-current]")).to_have_text("Results")
    cell = page.locator("section.cell[data-active]")
    expect(cell).to_contain_text("Results")
    # The cell is in sight, and the next key is for it.
    expect(cell).to_be_in_viewport()
    expect(cell).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("section.cell[data-active]")).to_contain_text("1 / 0")
    expect(outline(page).locator("[aria-current]")).to_have_text("Results")

    outline(page).get_by_role("button", name="Holes").click()
    expect(page.get_by_role("heading", name="Holes")).to_be_in_viewport()


def test_the_outline_says_where_something_failed_and_stays_for_the_next_visit(page: Page) -> None:
    page.get_by_role("menubar").get_by_role("menuitem", name="View").click()
    page.get_by_role("menu").get_by_role("menuitem", name="Outline").click()
    outline(page).get_by_role("button", name="Results").click()
    page.keyboard.press("j")
    page.keyboard.press("Control+Enter")
    expect(outline(page).get_by_role("button", name="Results failed")).to_be_visible()

    page.reload()
    expect(outline(page).get_by_role("button", name="Results failed")).to_be_visible()
    # It was there already: the cells have the keyboard.
    expect(page.locator("section.cell[data-active]")).to_be_focused()
    # Beside the cells, not over them.
    beside = outline(page).bounding_box()
    cells = page.locator("section.cell").first.bounding_box()
    assert beside is not None
    assert cells is not None
    assert beside["x"] + beside["width"] <= cells["x"]


def test_on_a_phone_the_outline_lies_over_the_cells_and_goes_when_it_was_used(page: Page) -> None:
    page.set_viewport_size(NARROW)
    page.keyboard.press("Control+Shift+K")
    outline(page).get_by_role("button", name="Results").click()

    expect(outline(page)).to_have_count(0)
    expect(page.get_by_role("heading", name="Results")).to_be_in_viewport()
    page.keyboard.press("Control+Shift+K")
    expect(outline(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(outline(page)).to_have_count(0)

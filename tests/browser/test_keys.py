"""Command mode and edit mode by keyboard alone, with the keys that Jupyter's users know."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def abc(visits: Visits, server: CarnetServer, request: pytest.FixtureRequest) -> NotebookPage:
    """Three cells, `a`, `b` and `c`; the first is selected, in command mode."""
    name = f"{request.node.name}.ipynb"
    server.write(name, ["a = 1", "b = 2", "c = 3"])
    notebook = visits.notebook(name)
    expect(notebook.cell(1)).to_have_attribute("data-active", "")
    return notebook


def order(notebook: NotebookPage) -> str:
    """Return the first letters of all sources, in order."""
    return "".join(cell["source"][:1] or "_" for cell in notebook.drawn())


def test_cells_are_made_moved_and_deleted(abc: NotebookPage) -> None:
    abc.keys("b")
    abc.has_cells(4)
    abc.keys("Enter")
    abc.page.keyboard.type("x = 0")
    abc.keys("Escape", "Control+Shift+ArrowUp")
    expect(abc.source(1)).to_have_text("x = 0")
    assert order(abc) == "xabc"
    abc.keys("a")
    abc.has_cells(5)
    assert order(abc) == "_xabc"
    abc.keys("d", "d")
    abc.has_cells(4)
    assert order(abc) == "xabc"
    abc.keys("z")
    abc.has_cells(5)
    abc.keys("Shift+Z")
    abc.has_cells(4)


def test_cells_are_cut_copied_pasted_and_merged(abc: NotebookPage) -> None:
    abc.keys("j", "Shift+J", "x")
    abc.has_cells(1)
    abc.keys("v")
    abc.has_cells(3)
    assert order(abc) == "abc"
    abc.keys("Control+a", "Shift+M")
    abc.has_cells(1)
    abc.has_source(1, "a = 1\nb = 2\nc = 3")
    abc.keys("z")
    abc.has_cells(3)
    assert order(abc) == "abc"
    abc.keys("Control+a", "c", "Shift+V")
    abc.has_cells(6)
    assert order(abc) == "abcabc"


def test_a_cell_is_split_at_the_cursor(abc: NotebookPage) -> None:
    abc.keys("Enter", "Control+Home", "ArrowRight", "Control+Shift+-")

    abc.has_cells(4)
    abc.has_source(1, "a")
    abc.has_source(2, " = 1")


def test_arrows_leave_a_cell_at_its_edges(abc: NotebookPage) -> None:
    abc.keys("Enter", "ArrowDown")
    expect(abc.source(2)).to_be_focused()
    abc.keys("ArrowUp")
    expect(abc.source(1)).to_be_focused()
    abc.keys("Escape")
    expect(abc.cell(1)).to_be_focused()
    abc.keys("ArrowDown", "k", "j", "j")
    expect(abc.cell(3)).to_be_focused()


def test_kinds_headings_and_outputs(abc: NotebookPage) -> None:
    abc.keys("m")
    expect(abc.cell(1)).to_have_attribute("data-kind", "markdown")
    abc.keys("2")
    abc.has_source(1, "## a = 1")
    abc.keys("y")
    expect(abc.cell(1)).to_have_attribute("data-kind", "code")
    abc.keys("r")
    expect(abc.cell(1)).to_have_attribute("data-kind", "raw")
    abc.keys("j")
    abc.run(2, "print('seen')")
    abc.says(2, "seen")
    abc.keys("o")
    expect(abc.cell(2).get_by_text("1 output hidden")).to_be_visible()
    abc.keys("o", "l")
    abc.says(2, "seen")
    expect(abc.cell(2).locator(".cm-lineNumbers")).to_be_visible()


def test_running_with_the_three_enters(abc: NotebookPage) -> None:
    abc.keys("Shift+Enter")
    expect(abc.cell(2)).to_be_focused()
    abc.keys("Control+Enter")
    expect(abc.cell(2)).to_be_focused()
    abc.has_run(2, 2)
    abc.keys("Alt+Enter")
    abc.has_cells(4)
    expect(abc.source(3)).to_be_focused()
    abc.has_run(1, 1)
    abc.has_run(2, 3)


def test_keys_come_as_quickly_as_one_can_press(abc: NotebookPage) -> None:
    abc.keys("b", "Enter")
    abc.page.keyboard.type("m = 13")
    abc.keys("Escape", "b", "m", "Enter")
    abc.page.keyboard.type("text")
    abc.keys("Escape", "k")

    abc.has_source(2, "m = 13")
    abc.has_source(3, "text")
    expect(abc.cell(3)).to_have_attribute("data-kind", "markdown")


def test_palette_help_find_and_save(abc: NotebookPage) -> None:
    abc.keys("p")
    palette = abc.page.get_by_role("combobox")
    expect(palette).to_be_focused()
    abc.page.keyboard.type("insert cell ab")
    abc.keys("Enter")
    abc.has_cells(4)
    # Escape and H in one breath: the second is for the cell that has the focus back.
    abc.keys("p", "Escape", "h")
    expect(abc.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    abc.keys("Escape")
    expect(abc.page.get_by_role("dialog")).to_have_count(0)
    expect(abc.cell(1)).to_be_focused()
    abc.keys("Control+f")
    abc.page.keyboard.type("c = 3")
    abc.keys("Enter")
    expect(abc.page.get_by_role("search")).to_contain_text(re.compile("1 of 1|1"))
    abc.keys("Escape")
    abc.keys("Control+s")
    abc.is_saved()


def test_a_menu_gives_the_focus_back(abc: NotebookPage) -> None:
    abc.source(2).click()
    abc.menu("Edit", "Insert cell below")

    abc.has_cells(4)
    expect(abc.cell(3)).to_be_focused()
    abc.keys("d", "d")
    abc.has_cells(3)


def test_completion_and_documentation(abc: NotebookPage) -> None:
    abc.run(1, "import json")
    abc.has_run(1, 1)
    abc.write(2, "json.du")
    abc.keys("Tab")
    options = abc.page.locator(".cm-tooltip-autocomplete")
    expect(options).to_contain_text("dumps")
    abc.keys("ArrowDown", "Enter")
    abc.has_source(2, "json.dumps")
    abc.page.keyboard.type("(")
    abc.keys("Shift+Tab")
    expect(abc.page.locator(".cm-tooltip").filter(has_text="Serialize")).to_be_visible()
    abc.keys("Escape")
    expect(abc.source(2)).to_be_focused()


def test_the_pager_shows_what_was_asked_with_a_question_mark(abc: NotebookPage) -> None:
    abc.run(1, "len?")

    pager = abc.page.locator(".pager")
    expect(pager).to_contain_text("Return the number of items")
    abc.keys("q")
    expect(pager).to_have_count(0)


def test_keys_right_after_a_press_go_to_what_it_opened(notebook: NotebookPage) -> None:
    page = notebook.page
    notebook.write(1, "kept = 1")
    notebook.keys("Escape")
    page.get_by_role("button", name="All commands").click()
    page.keyboard.type("raw")
    expect(page.get_by_role("combobox")).to_have_value("raw")
    notebook.keys("Escape")

    page.get_by_role("heading", level=1).get_by_role("button").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("pressed.ipynb")
    notebook.keys("Enter")
    expect(page).to_have_url(re.compile("/notebooks/pressed.ipynb$"))
    expect(notebook.cell(1)).to_have_attribute("data-kind", "code")
    notebook.has_source(1, "kept = 1")

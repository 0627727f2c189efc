"""The first day with Carnet: from the dashboard to a notebook that holds text, a plot, a table, an error and answers."""

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EDITOR = re.compile(r"/assets/editor-[^/]*\.js$")
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9]);"
TABLE = "import pandas as pd\npd.DataFrame({'rho': [14.0, 24.7], 'mean': [6.928, -0.214]})"


def test_a_new_notebook_is_ready_to_type_in(visits: Visits, server: CarnetServer) -> None:
    dashboard = visits.page()

    dashboard.get_by_role("button", name="New").click()
    with dashboard.context.expect_page() as opened:
        dashboard.get_by_role("menuitem", name="Python 3").click()
    notebook = NotebookPage(opened.value).ready()
    # No click: the cursor is in the only cell.
    expect(notebook.source(1)).to_be_focused()
    notebook.page.keyboard.type("6 * 7")
    notebook.keys("Shift+Enter")

    notebook.says(1, "42")
    # At the end, Shift-Enter makes the next cell and goes into it.
    notebook.has_cells(2)
    expect(notebook.source(2)).to_be_focused()
    notebook.is_saved()
    [file] = server.notebooks.glob("Untitled*.ipynb")
    assert json.loads(file.read_text())["cells"][0]["source"] == ["6 * 7"]


def test_all_is_there_after_everything_was_closed(visits: Visits, server: CarnetServer) -> None:
    server.write("day.ipynb", [""] * 6)
    notebook = visits.notebook("day.ipynb")
    notebook.run(1, "print('first line')\nprint('second line')")
    notebook.says(1, "second line")
    notebook.run(2, PLOT)
    expect(notebook.output(2).locator("img")).to_be_visible()
    notebook.run(3, TABLE)
    expect(notebook.output(3).locator("td").first).to_have_text("14.0")
    notebook.run(4, "{'a': 1}['long']")
    notebook.says(4, "KeyError")
    notebook.run(5, "'Hello ' + input('Your name? ')")
    field = notebook.cell(5).get_by_label("Your name?")
    expect(field).to_be_focused()
    notebook.page.keyboard.type("Ada")
    notebook.keys("Enter")
    notebook.says(5, "Hello Ada")
    notebook.run(6, "import getpass\nlen(getpass.getpass('Secret: '))")
    secret = notebook.cell(6).get_by_label("Secret:")
    expect(secret).to_have_attribute("type", "password")
    expect(secret).to_be_focused()
    notebook.page.keyboard.type("hunter2")
    notebook.keys("Enter")
    notebook.says(6, "7")
    notebook.has_run(6, 6)
    notebook.is_saved()
    before = notebook.drawn()

    notebook.page.reload()
    notebook.ready()
    assert notebook.drawn() == before

    notebook.page.get_by_role("button", name="day", exact=True).click()
    name = notebook.page.get_by_label("New name of this notebook")
    name.fill("evening.ipynb")
    name.press("Enter")
    expect(notebook.page).to_have_url(re.compile("/notebooks/evening.ipynb$"))
    visits.close()
    assert not (server.notebooks / "day.ipynb").exists()

    again = visits.notebook("evening.ipynb")

    assert again.drawn() == before
    text = (server.notebooks / "evening.ipynb").read_text()
    assert "hunter2" not in text
    assert [cell["execution_count"] for cell in json.loads(text)["cells"]] == [1, 2, 3, 4, 5, 6]


def test_the_field_of_input_gets_the_focus_from_the_next_cell(visits: Visits, server: CarnetServer) -> None:
    server.write("asking.ipynb", ["name = input('Who? ')", "name"])
    notebook = visits.notebook("asking.ipynb")
    notebook.source(1).click()

    notebook.keys("Shift+Enter")

    expect(notebook.cell(1).get_by_label("Who?")).to_be_focused()
    notebook.page.keyboard.type("Grace")
    notebook.keys("Enter")
    expect(notebook.cell(1).get_by_label("Who?")).to_have_count(0)
    notebook.run(2)
    notebook.says(2, "Grace")


def test_an_empty_notebook_begins_with_enter(visits: Visits, server: CarnetServer) -> None:
    server.write("nothing.ipynb", [])
    page = visits.page("notebooks/nothing.ipynb")
    expect(page.get_by_role("button", name="Write code")).to_be_visible()

    page.keyboard.type("ph")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.type("1 + 1")
    page.keyboard.press("Control+Enter")

    NotebookPage(page).says(1, "2")


def test_what_is_typed_before_the_editor_is_there_is_typed(visits: Visits, server: CarnetServer) -> None:
    server.write("slow.ipynb", [])
    profile = visits.profile()
    held: list[Route] = []
    profile.route(EDITOR, lambda route: held.append(route))  # noqa: PLW0108  Playwright wants a function
    page = visits.page("notebooks/slow.ipynb", profile=profile)
    expect(page.get_by_role("button", name="Write code")).to_be_visible()

    page.keyboard.press("Enter")
    page.keyboard.type("1 + (2")
    page.keyboard.press("Backspace")
    page.keyboard.type("4)")
    page.keyboard.press("Control+Enter")
    for route in held:
        route.continue_()

    NotebookPage(page).says(1, "5")
    NotebookPage(page).has_source(1, "1 + (4)")


def test_text_is_written_in_markdown(visits: Visits, notebook: NotebookPage) -> None:
    notebook.cell(1).locator(".mark").click()
    notebook.keys("m", "Enter")
    notebook.page.keyboard.insert_text(
        "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$\\int_0^1 x\\,dx$$\n\n*slanted* and `code`"
    )
    notebook.keys("Control+Enter")

    text = notebook.cell(1).locator(".text")
    expect(text.get_by_role("heading", name="Title")).to_be_visible()
    expect(text.locator("td").first).to_have_text("1")
    expect(text.locator("mjx-container")).to_be_visible()
    expect(text.locator("em")).to_have_text("slanted")

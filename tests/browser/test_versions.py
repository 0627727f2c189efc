"""Saved versions of a notebook: several are kept, and the File menu leads back to any of them (ST21, CO14)."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.test_accessibility import is_accessible
from tests.browser.visits import Scheme, Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TITLE = "Go back to a saved version?"


def save_version(notebook: NotebookPage, text: str) -> None:
    """Write this into the only cell, and press Ctrl-S."""
    notebook.write(1, text)
    with notebook.page.expect_response("**/checkpoints") as answered:
        notebook.keys("Control+s")
    assert answered.value.status == 201


def offered(page: Page) -> list[str]:
    """Return what the dialog offers, as it is spoken."""
    dialog = page.get_by_role("dialog", name=TITLE)
    expect(dialog).to_be_visible()
    return [label.inner_text() for label in dialog.get_by_role("group").locator("label").all()]


def open_dialog(page: Page) -> list[str]:
    page.get_by_role("menubar").get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_role("menuitem", name="Go back to a saved version").click()
    return offered(page)


def test_any_of_several_versions_is_offered_newest_first(notebook: NotebookPage) -> None:
    page = notebook.page
    for text in ("one", "two", "three"):
        save_version(notebook, text)
    notebook.write(1, "four")
    notebook.is_saved()

    labels = open_dialog(page)
    assert len(labels) == 3
    # When in full, and how long ago.
    assert all(
        re.search(r"\d{4}.*\d:\d\d:\d\d.*(just now|\d+ s ago|\d+ min ago)$", one, re.DOTALL) for one in labels
    )
    expect(page.get_by_role("radio").first).to_be_focused()
    expect(page.get_by_role("radio").first).to_be_checked()
    page.get_by_role("radio").nth(1).click()
    page.get_by_role("button", name="Go back", exact=True).click()

    expect(page.get_by_role("dialog")).to_have_count(0)
    notebook.has_source(1, "two")
    expect(page.locator(".spoken")).to_contain_text("is back")
    # The others are still there, and nothing new.
    assert len(open_dialog(page)) == 3
    page.get_by_role("radio").first.click()
    page.get_by_role("button", name="Go back", exact=True).click()
    notebook.has_source(1, "three")


def test_keys_alone_will_do(notebook: NotebookPage) -> None:
    page = notebook.page
    for text in ("one", "two", "three"):
        save_version(notebook, text)
    notebook.keys("Escape")
    page.get_by_role("button", name="All commands").focus()
    notebook.keys("Enter")
    page.keyboard.type("go back to a")
    notebook.keys("Enter")
    expect(page.get_by_role("radio").first).to_be_focused()

    notebook.keys("ArrowDown", "ArrowDown")
    expect(page.get_by_role("radio").nth(2)).to_be_checked()
    notebook.keys("Enter")

    notebook.has_source(1, "one")


def test_to_leave_changes_nothing(notebook: NotebookPage, server: CarnetServer) -> None:
    page = notebook.page
    save_version(notebook, "one")
    notebook.write(1, "two")
    notebook.is_saved()

    for leave in ("Escape", "Cancel", "Close"):
        assert len(open_dialog(page)) == 1
        if leave == "Escape":
            notebook.keys(leave)
        else:
            page.get_by_role("dialog").get_by_role("button", name=leave).click()
        expect(page.get_by_role("dialog")).to_have_count(0)

    notebook.has_source(1, "two")


def test_every_open_page_shows_the_version(visits: Visits, server: CarnetServer) -> None:
    server.write("both.ipynb", [""])
    here, there = visits.notebook("both.ipynb"), visits.notebook("both.ipynb")
    save_version(here, "one")
    there.has_source(1, "one")
    save_version(here, "two")
    there.has_source(1, "two")

    open_dialog(there.page)
    there.page.get_by_role("radio").nth(1).click()
    there.page.get_by_role("button", name="Go back", exact=True).click()

    here.has_source(1, "one")
    here.is_saved()
    assert json.loads((server.notebooks / "both.ipynb").read_text())["cells"][0]["source"] == ["one"]


def test_without_a_version_the_page_says_so(notebook: NotebookPage) -> None:
    notebook.menu("File", "Go back to a saved version")
    expect(notebook.lines).to_contain_text("No version was saved of this notebook. Save now keeps one.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dialog_is_accessible(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    name = f"dialog-{scheme}.ipynb"
    server.write(name, [""])
    notebook = visits.notebook(name, profile=visits.profile(scheme=scheme))
    for text in ("one", "two"):
        save_version(notebook, text)
    open_dialog(notebook.page)
    is_accessible(notebook.page)

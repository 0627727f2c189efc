"""A notebook manager of 2014 in the page: what it cannot do is said before it is too late (S28, S31, ST17)."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.test_dashboard import choose, row
from tests.browser.visits import Visits
from tests.server.serving import ROOT
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """One whose notebooks are on the shelf of tests/compat."""
    settings = {"notebook_manager_class": "tests.compat.shelf.ShelfNotebookManager", "compat": "ipython2"}
    env = {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    with CarnetServer(tmp_path_factory.mktemp("carnet"), settings=settings, env=env) as started:
        yield started


def test_st17_without_a_trash_the_page_says_so_before_it_deletes(
    visits: Visits, server: CarnetServer
) -> None:
    server.request("PUT", "/api/contents/n.ipynb", {"type": "notebook"})
    page = visits.page("tree")

    choose(page, "n.ipynb", "Delete…")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It cannot be brought back: this place has no trash.")
    dialog.get_by_role("button", name="Delete for ever").click()

    expect(row(page, "n.ipynb")).to_have_count(0)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_s28_what_is_no_notebook_is_refused_in_words(visits: Visits) -> None:
    visits.announce("status 400|400 \\(Bad Request\\)")
    page = visits.page("tree")

    page.get_by_role("button", name="New").click()
    page.get_by_role("menuitem", name="Text file").click()

    expect(
        page.get_by_role("paragraph").filter(
            has_text="untitled.txt: this store keeps only notebooks, whose names end with .ipynb."
        )
    ).to_be_visible()


def test_s31_a_notebook_is_made_and_run_and_named(visits: Visits, server: CarnetServer) -> None:
    server.request("PUT", "/api/contents/first.ipynb", {"type": "notebook"})
    notebook = visits.notebook("first.ipynb")
    notebook.page.keyboard.insert_text("6 * 7")
    notebook.page.keyboard.press("Shift+Enter")
    expect(notebook.page.get_by_text("42", exact=True)).to_be_visible()

    notebook.page.get_by_role("menubar").get_by_role("menuitem", name="File", exact=True).click()
    with notebook.page.expect_response("**/checkpoints") as answered:
        notebook.page.get_by_role("menuitem", name="Save a version").click()
    assert answered.value.json()["id"] == "checkpoint-0"

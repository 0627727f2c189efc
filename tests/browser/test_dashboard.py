"""The dashboard: what can be done with files, and with what runs."""

import re
from zipfile import ZipFile

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("list", name="Files").get_by_role("listitem").filter(has_text=name)


def choose(page: Page, name: str, item: str) -> None:
    row(page, name).click(button="right", position={"x": 300, "y": 10})
    page.get_by_role("menuitem", name=item).click()


def folder(server: CarnetServer, name: str) -> str:
    (server.notebooks / name).mkdir()
    return name


def test_rename_duplicate_and_trash(visits: Visits, server: CarnetServer) -> None:
    where = folder(server, "actions")
    server.write(f"{where}/plan.ipynb", ["1"])
    page = visits.page(f"tree/{where}")

    choose(page, "plan.ipynb", "Rename")
    field = page.get_by_label("New name of plan.ipynb")
    expect(field).to_be_focused()
    # The stem is selected: typing replaces it.
    page.keyboard.type("report")
    page.keyboard.press("Enter")
    expect(row(page, "report.ipynb")).to_be_visible()

    choose(page, "report.ipynb", "Duplicate")
    expect(row(page, "report-Copy1.ipynb")).to_be_visible()

    choose(page, "report-Copy1.ipynb", "Move to trash")
    page.get_by_role("dialog").get_by_role("button", name="Move to trash").click()
    expect(row(page, "report-Copy1.ipynb")).to_have_count(0)
    assert sorted(path.name for path in (server.notebooks / where).iterdir()) == ["report.ipynb"]
    status, trash = server.request("GET", "/api/trash")
    assert status == 200
    assert b"report-Copy1.ipynb" in trash


def test_files_are_uploaded_by_dropping_them(visits: Visits, server: CarnetServer) -> None:
    where = folder(server, "dropped")
    page = visits.page(f"tree/{where}")
    expect(page.get_by_text("This folder is empty.")).to_be_visible()

    data = page.evaluate_handle(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["a,b\\n1,2\\n"], "table.csv", { type: "text/csv" }));
            data.items.add(new File(["words"], "notes.txt", { type: "text/plain" }));
            return data;
        }"""
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": data})
    expect(page.get_by_text(f"Drop to upload into {where}")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": data})

    expect(row(page, "table.csv")).to_be_visible()
    expect(row(page, "notes.txt")).to_be_visible()
    assert (server.notebooks / where / "table.csv").read_text() == "a,b\n1,2\n"


def test_what_runs_is_shown_and_shut_down(visits: Visits, server: CarnetServer) -> None:
    server.write("busy.ipynb", ["1 + 1"])
    notebook = visits.notebook("busy.ipynb")
    notebook.run(1)
    notebook.says(1, "2")
    page = visits.page()

    running = page.get_by_role("region", name="Running")
    expect(running).to_contain_text("busy")
    expect(running).to_contain_text(re.compile(r"\d+(\.\d)? MB"))
    running.get_by_role("button", name="Shut down busy").click()

    expect(running).to_have_count(0)
    expect(notebook.page.get_by_role("button", name=re.compile("not started|No kernel"))).to_be_visible()


def test_a_folder_is_searched_and_sorted(visits: Visits, server: CarnetServer) -> None:
    where = folder(server, "many")
    for name, size in (("alpha", 30), ("beta", 10), ("gamma", 20)):
        (server.notebooks / where / f"{name}.txt").write_text("x" * size)
    page = visits.page(f"tree/{where}")
    names = page.get_by_role("list", name="Files").locator(".row-name")
    expect(names).to_have_text(["alpha.txt", "beta.txt", "gamma.txt"])

    page.get_by_label("Find in this folder").fill("am")
    expect(names).to_have_text(["gamma.txt"])
    page.get_by_label("Find in this folder").fill("nothing")
    expect(page.get_by_text("Nothing here is called “nothing”.")).to_be_visible()
    page.get_by_label("Find in this folder").fill("")
    page.get_by_role("button", name="Size").click()
    expect(names).to_have_text(["alpha.txt", "gamma.txt", "beta.txt"])
    page.get_by_role("button", name="Size").click()
    expect(names).to_have_text(["beta.txt", "gamma.txt", "alpha.txt"])


def test_a_keyboard_is_enough(visits: Visits, server: CarnetServer) -> None:
    where = folder(server, "keys")
    for name in ("one.txt", "two.txt"):
        (server.notebooks / where / name).write_text(name)
    page = visits.page(f"tree/{where}")

    page.locator("a[data-path]").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("a[data-path]").nth(1)).to_be_focused()
    page.keyboard.press("F2")
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    expect(row(page, "second.txt")).to_be_visible()
    expect(page.locator('a[data-path$="second.txt"]')).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, "second.txt")).to_be_visible()


def test_a_missing_folder_says_so_and_leads_up(visits: Visits) -> None:
    visits.announce("404")
    page = visits.page("tree/nowhere/at/all")

    expect(page.get_by_role("link", name="Go up one folder")).to_be_visible()
    expect(page.locator(".empty")).to_contain_text("nowhere")


def test_a_folder_is_downloaded_as_one_archive(visits: Visits, server: CarnetServer) -> None:
    where = folder(server, "taken-along")
    folder(server, f"{where}/inner")
    (server.notebooks / where / "inner" / "data.csv").write_text("a,b\n")
    page = visits.page(f"tree/{where}")

    with page.expect_download() as download:
        choose(page, "inner", "Download as ZIP")

    assert download.value.suggested_filename == "inner.zip"
    with ZipFile(download.value.path()) as archive:
        assert archive.read("inner/data.csv") == b"a,b\n"

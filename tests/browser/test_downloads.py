"""A notebook in other formats, from the page's menu; and what an exported page can do when it is opened here (NC1, NC5)."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVIL = """<script>
const said = document.createElement("p");
said.id = "said";
document.body.append(said);
const tried = async (what, act) => {
  try { said.append(`${what}: ${await act()} `); } catch { said.append(`${what}: no `); }
};
(async () => {
  said.append(`origin: ${window.origin} `);
  await tried("cookie", () => document.cookie.length);
  await tried("storage", () => localStorage.length);
  await tried("api", async () => (await fetch("/api/contents")).status);
  await tried("opener", () => window.opener.document.title);
  said.append("end");
})();
</script>"""


def test_nc1_a_notebook_is_downloaded_as_a_web_page(notebook: NotebookPage, tmp_path: Path) -> None:
    notebook.run(1, "6 * 7")
    notebook.says(1, "42")

    with notebook.page.expect_download() as download:
        notebook.menu("File", "Download as HTML")
        expect(notebook.lines).to_contain_text("Making the html file")

    assert download.value.suggested_filename == "nc1_a_notebook_is_do.html"
    download.value.save_as(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "42" in page
    expect(notebook.lines).not_to_contain_text("Making")


def test_nc1_a_script_and_the_notebook(notebook: NotebookPage) -> None:
    notebook.write(1, "print('all of it')")

    with notebook.page.expect_download() as download:
        notebook.menu("File", "Download as a script")
    assert download.value.suggested_filename.endswith(".py")
    assert "print('all of it')" in download.value.path().read_text()

    with notebook.page.expect_download() as download:
        notebook.menu("File", "Download as .ipynb")
    assert download.value.suggested_filename.endswith(".ipynb")


def test_nc7_what_is_missing_is_said_in_the_page(
    visits: Visits, notebook: NotebookPage, server: CarnetServer
) -> None:
    visits.announce("status 422")
    visits.announce("status of 422")
    notebook.is_saved()
    notebook.page.route(
        "**/nbconvert/**",
        lambda route: route.fulfill(
            status=422,
            body=json.dumps({"message": "LaTeX could not set this notebook: Undefined control sequence."}),
        ),
    )

    notebook.menu("File", "Download as PDF")

    expect(notebook.lines).to_contain_text("LaTeX could not set this notebook")


def test_nc5_an_exported_page_is_nobody(visits: Visits, server: CarnetServer) -> None:
    # What nbconvert's page wants from other hosts is stopped by the policy, which Chromium tells after the request's event.
    visits.announce("request to another host: https://cdnjs.cloudflare.com")
    visits.announce("Content Security Policy|Failed to load|sandboxed|Access to|request failed|violates")
    cell = {"cell_type": "markdown", "id": "m", "metadata": {}, "source": EVIL}
    (server.notebooks / "evil.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )

    stopped = []
    profile = visits.profile()
    profile.on("requestfailed", lambda request: stopped.append((request.url[:28], request.failure)))
    page = visits.page("nbconvert/html/evil.ipynb", profile=profile)

    said = page.locator("#said")
    expect(said).to_contain_text("end")
    assert said.inner_text().split(" end")[0].strip() == (
        "origin: null cookie: no storage: no api: no opener: no"
    )
    assert ("https://cdnjs.cloudflare.com", "csp") in stopped

"""Somebody in JupyterLab's shared document and somebody in the page write in one notebook: each sees the other's letters (CB5, CB6, CB11)."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.api.installed import agent_clients
from tests.api.yjs_client import YjsClient
from tests.browser.conftest import PATIENCE_MS
from tests.browser.lab_page import LabPage, kernels_of
from tests.browser.visits import Visits
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def test_letters_outputs_and_cells_go_both_ways(visits: Visits, server: CarnetServer) -> None:
    server.write("shared.ipynb", ["print('from the page')", "b = 2"])
    notebook = visits.notebook("shared.ipynb")
    with YjsClient(server.url, TOKEN, "shared.ipynb") as lab:
        # Both type in one cell at once, a letter at a time, each at an end of its own.
        notebook.source(2).click()
        notebook.keys("Control+End")
        for letter in "😀äcarnet":
            notebook.page.keyboard.insert_text(letter)
            lab.do("type", cell=1, at=0, text=letter)
        assert lab.do("source", cell=1, has="b = 2😀äcarnet") == "tenracä😀b = 2😀äcarnet"
        expect(notebook.source(2)).to_have_text("tenracä😀b = 2😀äcarnet")

        # A run from the page is seen there as it goes on.
        notebook.run(1)
        assert lab.do("printed", cell=0, has="from the page")
        expect(notebook.mark(1)).to_have_text("1")
        lab.do("executed", cell=0, count=1)

        # Cells and outputs of the other one are seen in the page.
        lab.do("insert", at=1, source="new = 'cell'", id="new")
        expect(notebook.source(2)).to_have_text("new = 'cell'")
        lab.do(
            "outputs",
            cell=1,
            outputs=[{"output_type": "stream", "name": "stdout", "text": "by lab"}],
            count=7,
        )
        expect(notebook.output(2)).to_contain_text("by lab")
        expect(notebook.mark(2)).to_have_text("7")
        lab.do("move", cell=1, to=2)
        expect(notebook.source(3)).to_have_text("new = 'cell'")
        lab.do("delete", cell=0)
        expect(notebook.cells).to_have_count(2)

        # And the page's own moves and deletions there.
        notebook.cell(1).locator(".mark").click()
        notebook.keys("Escape", "d", "d")
        lab.do("length", count=1)
        assert lab.sources() == ["new = 'cell'"]


def test_jupyterlab_and_the_page_write_in_one_notebook(browser: Browser, tmp_path: Path) -> None:
    """JupyterLab's own front end with jupyter-collaboration's extensions, from /lab (CB5, CB12, CB13)."""
    extensions = agent_clients().parent.parent / "share" / "jupyter" / "labextensions" / "@jupyter"
    ours = tmp_path / "share" / "labextensions"
    ours.mkdir(parents=True)
    (ours / "@jupyter").symlink_to(extensions)
    with CarnetServer(tmp_path, env={"JUPYTER_PATH": str(ours.parent)}) as server:
        server.write("shared.ipynb", ["print('from lab')", "b = 2"])
        visits = Visits(browser, server, PATIENCE_MS)
        notebook = visits.notebook("shared.ipynb")
        profile = visits.profile()
        kernels = kernels_of(profile)
        lab = LabPage(visits.page("lab/workspaces/shared/tree/shared.ipynb", profile=profile)).ready()
        lab.page.locator(".jp-Dialog button.jp-mod-accept").click()  # which kernel
        kernels.wait(lab.page)
        expect(lab.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

        lab.cell(2).locator(".cm-content").click()
        lab.page.keyboard.press("Control+End")
        lab.page.keyboard.insert_text(" # lab 😀")
        expect(notebook.source(2)).to_have_text("b = 2 # lab 😀")
        notebook.source(2).click()
        notebook.keys("Control+Home")
        notebook.page.keyboard.insert_text("page = ")
        expect(lab.cell(2).locator(".cm-content")).to_have_text("page = b = 2 # lab 😀")

        lab.run(1)
        lab.says(1, "from lab")
        expect(notebook.output(1)).to_have_text("from lab")
        notebook.run(2)
        expect(notebook.mark(2)).to_have_text("2")
        expect(lab.cell(2).locator(".jp-InputPrompt").first).to_have_text("[2]:")

        # Nothing is unsaved there when the file is written; and after the server was killed both go on.
        expect(lab.tab).not_to_have_class(re.compile("jp-mod-dirty"))
        server.restart()
        lab.cell(1).locator(".cm-content").click()
        lab.page.keyboard.press("Control+End")
        lab.page.keyboard.insert_text(" # again")
        expect(notebook.source(1)).to_have_text("print('from lab') # again")
        expect(lab.cell(1).locator(".cm-content")).to_have_text("print('from lab') # again")
        expect(notebook.cells).to_have_count(2)
        visits.close()

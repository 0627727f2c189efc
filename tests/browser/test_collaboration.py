"""Somebody in JupyterLab's shared document and somebody in the page write in one notebook: each sees the other's letters (CB5, CB6, CB11)."""

import pytest
from playwright.sync_api import expect

from tests.api.yjs_client import YjsClient
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

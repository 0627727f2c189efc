"""Somebody in JupyterLab's shared document and somebody in the page write in one notebook: each sees the other's letters (CB5, CB6, CB11)."""

import re
import time
from collections.abc import Callable
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


def with_collaboration(tmp_path: Path) -> CarnetServer:
    """Return a server whose /lab has jupyter-collaboration's extensions."""
    extensions = agent_clients().parent.parent / "share" / "jupyter" / "labextensions" / "@jupyter"
    ours = tmp_path / "share" / "labextensions"
    ours.mkdir(parents=True)
    (ours / "@jupyter").symlink_to(extensions)
    return CarnetServer(tmp_path, env={"JUPYTER_PATH": str(ours.parent)})


def test_jupyterlab_and_the_page_write_in_one_notebook(browser: Browser, tmp_path: Path) -> None:
    """JupyterLab's own front end with jupyter-collaboration's extensions, from /lab (CB5, CB12, CB13)."""
    with with_collaboration(tmp_path) as server:
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


def test_lb19_saving_in_jupyterlab_never_asks_about_what_carnet_wrote(
    browser: Browser, tmp_path: Path
) -> None:
    with with_collaboration(tmp_path) as server:
        server.write("saved.ipynb", ["a = 1", "b = 2"])
        visits = Visits(browser, server, PATIENCE_MS)
        notebook = visits.notebook("saved.ipynb")
        profile = visits.profile()
        kernels = kernels_of(profile)
        lab = LabPage(visits.page("lab/workspaces/saved/tree/saved.ipynb", profile=profile)).ready()
        lab.page.locator(".jp-Dialog button.jp-mod-accept").click()  # which kernel
        kernels.wait(lab.page)
        lab.cell(1).locator(".cm-content").click()
        lab.page.keyboard.press("Control+End")
        for number in range(8):
            # Ours writes the file by itself between the one letter and the other, at whatever moment.
            lab.page.keyboard.insert_text(f" {number}")
            lab.page.keyboard.press("Control+s")
            notebook.source(2).click()
            notebook.keys("Control+End")
            notebook.page.keyboard.insert_text(f" {number}")
            lab.page.keyboard.press("Control+s")

        expect(notebook.source(1)).to_have_text("a = 1 0 1 2 3 4 5 6 7")
        expect(lab.cell(2).locator(".cm-content")).to_have_text("b = 2 0 1 2 3 4 5 6 7")
        notebook.is_saved()
        lab.save()
        expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
        assert not [fault for fault in visits.faults() if "Different hash" in fault]
        visits.close()


def test_cb24_two_pages_of_jupyterlab_write_in_one_text_file(browser: Browser, tmp_path: Path) -> None:
    with with_collaboration(tmp_path) as server:
        file = server.notebooks / "module.py"
        file.write_bytes(b"a = 1\r\n")
        (server.notebooks / "picture.txt").write_bytes(b"\xff\xfe")
        visits = Visits(browser, server, PATIENCE_MS)
        ann, bob = (
            LabPage(visits.page(f"lab/workspaces/{name}/tree/module.py")).ready() for name in ("ann", "bob")
        )
        expect(ann.editor).to_contain_text("a = 1")
        expect(bob.editor).to_contain_text("a = 1")

        ann.editor.click()
        ann.page.keyboard.press("Control+End")
        ann.page.keyboard.insert_text("b = '😀'\n")
        expect(bob.editor).to_contain_text("b = '😀'")
        ann.page.keyboard.press("Control+s")
        bob.editor.click()
        bob.page.keyboard.press("Control+Home")
        bob.page.keyboard.insert_text("# bob\n")
        bob.page.keyboard.press("Control+s")
        expect(ann.editor).to_contain_text("# bob")
        wait_for(ann, lambda: file.read_bytes().decode() == "# bob\r\na = 1\r\nb = '😀'\r\n")

        expect(ann.page.locator(".jp-Dialog")).to_have_count(0)
        expect(bob.page.locator(".jp-Dialog")).to_have_count(0)

        # What another program writes is there at once, and the server may be killed in between.
        file.write_bytes(file.read_bytes() + b"outside = 1\r\n")
        expect(bob.editor).to_contain_text("outside = 1")
        server.restart()
        bob.page.keyboard.insert_text("# again\n")
        expect(ann.editor).to_contain_text("# again")
        wait_for(ann, lambda: b"# again\r\n" in file.read_bytes())
        bob.save()
        assert file.read_bytes().count(b"outside = 1") == 1
        # (Of the restart JupyterLab may say that the server was away, and ask about the file: its tab is a new one to the server.)

        # What is no text says so, and not that it takes some time.
        other = LabPage(visits.page("lab/workspaces/other/tree/picture.txt")).ready()
        expect(other.page.locator(".jp-Dialog")).to_contain_text("it is not UTF-8 text")
        visits.close()


def wait_for(lab: LabPage, true: Callable[[], bool]) -> None:
    """Wait until something is true on the disk."""
    until_s = time.monotonic() + PATIENCE_MS / 1000
    while not true():
        assert time.monotonic() < until_s
        lab.page.wait_for_timeout(20)

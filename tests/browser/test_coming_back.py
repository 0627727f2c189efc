"""Whoever comes back finds what was left: after a reload, in another tab, after the server died, after a tab was closed."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: A cell that draws a progress bar as tqdm does, and then waits for a file to go on.
PROGRESS = """\
import pathlib, sys, time
for step in range(5):
    print(f"\\r{step * 20:3d} %|{'#' * step:5s}|", end="", file=sys.stderr, flush=True)
print("half a line", end="", flush=True)
while not pathlib.Path({go!r}).exists():
    time.sleep(0.02)
print(", and the rest")
"""


def progress(server: CarnetServer, name: str) -> tuple[str, "Gate"]:
    gate = Gate(server, name)
    return PROGRESS.replace("{go!r}", repr(str(gate.path))), gate


#: What a browser logs of its own accord when nobody answers.
CUT = "WebSocket connection to .* failed|net::ERR_(CONNECTION_REFUSED|INTERNET_DISCONNECTED)"


class Gate:
    """Holds a running cell until it is opened."""

    def __init__(self, server: CarnetServer, name: str) -> None:
        self.path = server.state / f"{name}.go"

    def open(self) -> None:
        self.path.touch()


def test_a_reload_in_the_middle_of_a_run_changes_nothing(visits: Visits, server: CarnetServer) -> None:
    source, gate = progress(server, "reload")
    server.write("running.ipynb", [source, "print('after')", "name = input('Name? ')"])
    notebook = visits.notebook("running.ipynb")
    notebook.source(1).click()
    notebook.menu("Run", "Run all cells")
    notebook.says(1, "half a line")
    notebook.says(1, re.compile(r" 80 %\|####"))
    expect(notebook.cell(3)).to_have_attribute("data-status", "queued")
    before = notebook.drawn()

    notebook.page.reload()
    notebook.ready()

    assert notebook.drawn() == before
    expect(notebook.cell(1)).to_have_attribute("aria-label", re.compile("running$"))
    expect(notebook.cell(2).locator(".side")).to_have_text("next")
    expect(notebook.cell(3).locator(".side")).to_have_text("2nd in queue")
    gate.open()
    notebook.says(1, "half a line, and the rest")
    notebook.says(2, "after")
    # The question too survives a reload.
    expect(notebook.cell(3).get_by_label("Name?")).to_be_visible()
    notebook.page.reload()
    notebook.ready()
    notebook.cell(3).get_by_label("Name?").fill("Ada")
    notebook.keys("Enter")
    expect(notebook.cell(3)).to_have_attribute("data-outcome", "done")


def test_two_tabs_follow_each_other(visits: Visits, server: CarnetServer) -> None:
    server.write("shared.ipynb", ["one = 1", ""])
    left, right = visits.notebook("shared.ipynb"), visits.notebook("shared.ipynb")

    left.source(1).click()
    left.keys("Control+End")
    left.page.keyboard.type("  # left")
    right.source(2).click()
    right.page.keyboard.type("one + 1")
    left.has_source(2, "one + 1")
    right.has_source(1, "one = 1  # left")

    # Both in the same cell, at its two ends.
    right.source(1).click()
    right.keys("Control+Home")
    for letter in "abcdef":
        left.page.keyboard.type(letter)
        right.page.keyboard.type(letter.upper())
    left.has_source(1, "ABCDEFone = 1  # leftabcdef")
    right.has_source(1, "ABCDEFone = 1  # leftabcdef")

    left.run(1, "one = 1")
    left.run(2)
    right.says(2, "2")
    right.cell(2).locator(".mark").click()
    right.keys("d", "d")
    left.has_cells(1)
    assert left.drawn() == right.drawn()


def test_a_killed_server_that_starts_again_has_lost_nothing(visits: Visits, server: CarnetServer) -> None:
    visits.announce(CUT)
    source, gate = progress(server, "killed")
    server.write("survivor.ipynb", ["import os\npid = os.getpid()\npid", source, "os.getpid() == pid"])
    notebook = visits.notebook("survivor.ipynb")
    notebook.run(1)
    notebook.has_run(1, 1)
    notebook.run(2)
    notebook.says(2, "half a line")

    server.kill()
    expect(notebook.link).to_have_text(re.compile("^(Reconnecting|Offline)"))
    # Work goes on meanwhile, here and in the kernel.
    notebook.source(3).click()
    notebook.keys("Control+End")
    notebook.page.keyboard.type("  # typed while the server was dead")
    gate.open()
    server.start()

    notebook.is_live()
    notebook.says(2, "half a line, and the rest")
    expect(notebook.cell(2)).to_have_attribute("data-outcome", "done")
    notebook.run(3)
    notebook.says(3, "True")
    notebook.is_saved()
    cells = json.loads((server.notebooks / "survivor.ipynb").read_text())["cells"]
    assert "".join(cells[2]["source"]).endswith("# typed while the server was dead")


def test_what_was_typed_offline_comes_home_after_the_tab_was_closed(
    visits: Visits, server: CarnetServer
) -> None:
    visits.announce(CUT)
    server.write("offline.ipynb", ["start = 1"])
    profile = visits.profile()
    notebook = visits.notebook("offline.ipynb", profile=profile)

    # A browser that is told to be offline keeps its sockets: end this one at its other end.
    profile.set_offline(True)
    server.kill()
    notebook.source(1).click()
    notebook.keys("Control+End")
    notebook.page.keyboard.type("  # typed on a train")
    expect(notebook.link).to_have_text(re.compile("^Offline, .*waiting"))
    is_kept(notebook)
    notebook.page.close()
    profile.set_offline(False)
    server.start()

    again = visits.notebook("offline.ipynb", profile=profile)

    again.has_source(1, "start = 1  # typed on a train")
    again.is_saved()
    assert "typed on a train" in (server.notebooks / "offline.ipynb").read_text()
    assert (server.notebooks / "offline.ipynb").read_text().count("typed on a train") == 1


def is_kept(notebook: NotebookPage) -> None:
    """Wait until the browser's own storage holds the whole text, whatever the form."""
    notebook.page.wait_for_function(
        """async () => {
            for (const { name } of await indexedDB.databases()) {
                const base = await new Promise(done => {
                    const asked = indexedDB.open(name);
                    asked.onsuccess = () => done(asked.result);
                });
                for (const store of base.objectStoreNames) {
                    const all = await new Promise(done => {
                        const asked = base.transaction(store).objectStore(store).getAll();
                        asked.onsuccess = () => done(asked.result);
                    });
                    const text = JSON.stringify(all).replace(/[^a-z]+/g, "");
                    if (text.includes("train")) { base.close(); return true; }
                }
                base.close();
            }
            return false;
        }"""
    )

"""Kernels as the page shows them: interrupted, dead, missing."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_interrupt_stops_the_cell_and_keeps_the_variables(notebook: NotebookPage) -> None:
    notebook.run(1, "kept = 42\nprint('begun')\nimport time\ntime.sleep(600)")
    notebook.says(1, "begun")
    expect(notebook.cell(1).locator(".side")).to_have_text(re.compile("^running"))

    notebook.page.get_by_role("button", name="Interrupt", exact=True).first.click()

    notebook.says(1, "KeyboardInterrupt")
    notebook.run(1, "kept")
    notebook.says(1, "42")


def test_an_error_drops_the_rest_of_the_queue(visits: Visits, server: CarnetServer) -> None:
    server.write("stops.ipynb", ["1 / 0", "print('never')"])
    notebook = visits.notebook("stops.ipynb")
    notebook.menu("Run", "Run all cells")

    notebook.says(1, "ZeroDivisionError")
    expect(notebook.cell(1)).to_have_attribute("aria-label", re.compile("failed$"))
    expect(notebook.cell(2)).to_have_attribute("data-status", "idle")
    expect(notebook.output(2)).to_be_empty()


def test_a_kernel_that_dies_gets_an_obituary_and_a_restart(visits: Visits, server: CarnetServer) -> None:
    server.write("dies.ipynb", ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "print('alive')"])
    notebook = visits.notebook("dies.ipynb")
    notebook.run(1)

    expect(notebook.lines).to_contain_text(re.compile("kernel died.*SIGKILL.*cell 1", re.IGNORECASE))
    expect(notebook.lines).to_contain_text("variables are gone")
    expect(notebook.cell(1)).to_have_attribute("data-status", "idle")
    notebook.lines.get_by_role("button", name="Restart").click()

    expect(notebook.lines).not_to_contain_text("died")
    notebook.run(2)
    notebook.says(2, "alive")


def test_restart_asks_and_forgets(notebook: NotebookPage) -> None:
    notebook.run(1, "thing = 1")
    notebook.has_run(1, 1)

    notebook.keys("0", "0")
    dialog = notebook.page.get_by_role("dialog")
    expect(dialog).to_contain_text("All variables are lost.")
    dialog.get_by_role("button", name="Restart").click()

    expect(dialog).to_have_count(0)
    notebook.run(1, "thing")
    notebook.says(1, "NameError")


def test_a_kernelspec_that_is_not_there_is_said(visits: Visits, server: CarnetServer) -> None:
    path = server.write("foreign.ipynb", ["1"])
    content = json.loads(path.read_text())
    content["metadata"]["kernelspec"] = {"name": "no-such-kernel", "display_name": "No Such"}
    path.write_text(json.dumps(content))
    notebook = visits.notebook("foreign.ipynb")
    notebook.run(1)

    expect(notebook.lines).to_contain_text("no-such-kernel")
    expect(notebook.lines.get_by_role("button", name="Choose a kernel").first).to_be_visible()

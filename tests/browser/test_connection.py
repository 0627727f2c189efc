"""The page says how it is linked, and why it is not: in the header, in a dialog, and by itself when nothing comes."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.test_accessibility import is_accessible
from tests.browser.test_bad_proxies import BROKEN, through
from tests.browser.visits import Visits
from tests.support.bad_proxy import NO_END, BadProxy, Faults
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_lw7_the_header_leads_to_the_dialog_and_the_focus_comes_back(
    notebook: NotebookPage, tmp_path: Path
) -> None:
    button = notebook.link.get_by_role("button")
    expect(button).to_have_attribute("title", re.compile("WebSocket"))
    button.focus()
    notebook.keys("Enter")
    dialog = notebook.page.get_by_role("dialog", name="Connection")
    expect(dialog).to_contain_text("This page is linked by WebSocket")
    expect(dialog).to_contain_text(re.compile(r"An answer takes\s*\d+ ms"))
    notebook.page.screenshot(path=tmp_path / "connection.png")
    notebook.keys("Escape")
    expect(dialog).to_have_count(0)


def test_a_command_leads_there_too(notebook: NotebookPage) -> None:
    notebook.menu("Help", "Connection…")
    expect(notebook.page.get_by_role("dialog", name="Connection")).to_be_visible()


def test_where_no_websocket_gets_through_it_says_what_mends_it(
    visits: Visits, server: CarnetServer, tmp_path: Path
) -> None:
    server.write("advice.ipynb", [""])
    with BadProxy(server.port, Faults(upgrade="stripped", held_bytes=NO_END)) as proxy:
        notebook = through(visits, proxy, "advice.ipynb")
        expect(notebook.link.get_by_role("button")).to_have_attribute("title", re.compile("a little later"))
        notebook.link.get_by_role("button").click()
        dialog = notebook.page.get_by_role("dialog", name="Connection")
        expect(dialog).to_contain_text("Repeated requests")
        expect(dialog).to_contain_text("proxy_set_header Upgrade $http_upgrade;")
        expect(dialog).to_contain_text("proxy_buffering off;")
        is_accessible(notebook.page)
        notebook.page.screenshot(path=tmp_path / "advice.png")
        dialog.get_by_label("These lines mend it in").select_option(label="Apache")
        expect(dialog).to_contain_text("upgrade=websocket")


def test_s32_lw7_where_nothing_gets_through_a_dialog_says_so_with_cause_and_fix(
    visits: Visits, server: CarnetServer, tmp_path: Path
) -> None:
    visits.announce(BROKEN)
    visits.announce("status 403")
    server.write("blocked.ipynb", [""])
    with BadProxy(server.port, Faults(upgrade="stripped", refused="/link")) as proxy:
        page = visits.profile().new_page()
        page.goto(f"{proxy.url}notebooks/blocked.ipynb")
        dialog = page.get_by_role("dialog", name="No connection to the server")
        expect(dialog).to_be_visible()
        expect(dialog).to_contain_text("something in between stops what this page sends")
        expect(dialog).to_contain_text("The answer to a request was 403.")
        expect(dialog).to_contain_text("It must let GET, POST and DELETE through")
        expect(dialog).to_contain_text("proxy_set_header Upgrade $http_upgrade;")
        expect(dialog).to_contain_text(f"carnet doctor {proxy.url}")
        page.screenshot(path=tmp_path / "blocked.png")
        # As soon as something gets through, the notebook is there, and the dialog is not.
        proxy.faults = Faults()
        expect(page.get_by_role("dialog")).to_have_count(0)
        NotebookPage(page).ready()

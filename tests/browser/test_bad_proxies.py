"""Whatever stands between a browser and the server: the notebook opens, takes what is typed, and shows every line once."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.notebook_page import NotebookPage
from tests.browser.terminal_page import PLAIN, TerminalPage
from tests.browser.visits import Visits
from tests.support.bad_proxy import NO_END, BadProxy, Faults
from tests.support.seeds import figure
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: What a browser logs where something in between is broken.
BROKEN = r"WebSocket connection to .* failed|net::ERR_|status (400|404|413)|Failed to load resource"

LINES = 150

#: Long enough for every time limit below to strike while it runs.
NUMBERED = f"import time\nfor line in range({LINES}):\n    print(f'line {{line}}')\n    time.sleep(0.03)"

PROXIES = {
    "upgrade stripped": (Faults(upgrade="stripped"), "stream"),
    "upgrade swallowed": (Faults(upgrade="swallowed"), "stream"),
    "64 kB held back": (Faults(upgrade="stripped", held_bytes=64 << 10), "poll"),
    "answers held back": (Faults(upgrade="stripped", held_bytes=NO_END), "poll"),
    "swallowed and held back": (Faults(upgrade="swallowed", held_bytes=NO_END), "poll"),
    "cut when idle": (Faults(idle_s=2.0), "websocket"),
    "stream cut when idle": (Faults(upgrade="stripped", idle_s=2.0), "stream"),
    "HTTP/1.0": (Faults(is_http_1_0=True), "stream"),
    "1 MB at most": (Faults(upgrade="stripped", body_bytes=1 << 20), "stream"),
    "2 s at most": (Faults(total_s=2.0), "websocket"),
    "stream of 2 s at most": (Faults(upgrade="stripped", total_s=2.0), "stream"),
    "poll of 2 s at most": (Faults(upgrade="stripped", held_bytes=NO_END, total_s=2.0), "poll"),
    "all at once": (
        Faults(
            upgrade="swallowed",
            held_bytes=NO_END,
            total_s=3.0,
            idle_s=3.0,
            is_http_1_0=True,
            body_bytes=1 << 20,
        ),
        "poll",
    ),
}


def through(visits: Visits, proxy: BadProxy, path: str) -> NotebookPage:
    """Open a notebook by way of a proxy."""
    visits.announce(BROKEN)
    page = visits.profile().new_page()
    began_s = time.monotonic()
    page.goto(f"{proxy.url}notebooks/{path}")
    notebook = NotebookPage(page).ready()
    figure(f"usable after {time.monotonic() - began_s:.1f} s: {proxy.faults}")
    return notebook


@pytest.mark.parametrize("name", PROXIES)
def test_everything_goes_through_a_bad_proxy(name: str, visits: Visits, server: CarnetServer) -> None:
    faults, way = PROXIES[name]
    path = f"{name.replace(' ', '-').replace('/', '-')}.ipynb"
    server.write(path, [""])
    with BadProxy(server.port, faults) as proxy:
        notebook = through(visits, proxy, path)
        notebook.run(1, NUMBERED)
        expect(notebook.cell(1)).to_have_attribute("data-outcome", "done")
        notebook.says(1, "".join(f"line {line}\n" for line in range(LINES)))
        notebook.is_saved()
        remembered = notebook.page.evaluate("localStorage.getItem('carnet link /')")
    assert f"line {LINES - 1}\\n" in (server.notebooks / path).read_text()
    assert remembered == way


def test_hl2_more_than_a_body_may_have_goes_in_pieces(visits: Visits, server: CarnetServer) -> None:
    server.write("large.ipynb", [""])
    text = "0123456789" * 120_000
    with BadProxy(server.port, Faults(upgrade="stripped", body_bytes=1 << 20)) as proxy:
        notebook = through(visits, proxy, "large.ipynb")
        notebook.write(1, f"# {text}")
        notebook.is_saved()
        assert text in (server.notebooks / "large.ipynb").read_text()


def test_lw6_many_tabs_do_not_use_up_the_connections_of_a_browser(
    visits: Visits, server: CarnetServer
) -> None:
    visits.announce(BROKEN)
    server.write("tabs.ipynb", [""])
    with BadProxy(server.port, Faults(upgrade="stripped")) as proxy:
        profile = visits.profile()
        tabs = []
        for _ in range(8):
            page = profile.new_page()
            page.goto(f"{proxy.url}notebooks/tabs.ipynb")
            tabs.append(NotebookPage(page).ready())

        tabs[-1].run(1, "print('to', 'all')")

        for tab in tabs:
            tab.says(1, "to all")


def test_pg7_below_a_path_that_the_proxy_takes_off_everything_works(
    visits: Visits, server: CarnetServer
) -> None:
    visits.announce(BROKEN)
    (server.notebooks / "a folder").mkdir(exist_ok=True)
    server.write("a folder/prefixed.ipynb", [""])
    with BadProxy(server.port, Faults(), prefix="/x/y") as proxy:
        page = visits.profile(is_signed_in=False).new_page()
        # The form, a wrong address, the dashboard, a folder, a notebook: each leads to the next.
        page.goto(f"{proxy.url}tree/a%20folder")
        expect(page).to_have_url(re.compile(r"/x/y/login\?next="))
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(f"{proxy.url}tree/a%20folder")
        page.get_by_role("link", name="prefixed").click()
        notebook = NotebookPage(page).ready()
        assert notebook.page.url == f"{proxy.url}notebooks/a%20folder/prefixed.ipynb"
        notebook.run(1, "1 + 1")
        notebook.says(1, "2")
        notebook.is_saved()
        notebook.page.reload()
        notebook.ready()
        assert all(line.split(" ")[1].startswith("/x/y/") for line in proxy.requests if "favicon" not in line)


@pytest.mark.parametrize("held_bytes", [0, NO_END])
def test_a_terminal_goes_through_too(visits: Visits, server: CarnetServer, held_bytes: int) -> None:
    visits.announce(BROKEN)
    name = json.loads(server.request("POST", "/api/terminals")[1])["name"]
    with BadProxy(server.port, Faults(upgrade="stripped", held_bytes=held_bytes)) as proxy:
        page = visits.profile().new_page()
        page.goto(f"{proxy.url}terminals/{name}")
        terminal = TerminalPage(page, name).ready()
        terminal.type(PLAIN)
        terminal.shows("begun")
        terminal.type("expr 6 '*' 7\n")
        terminal.shows("42")

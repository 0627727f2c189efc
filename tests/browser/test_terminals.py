"""Terminals in the page (TE1 to TE14): they go on, whatever happens between the shell and the screen."""

import math
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lines import line_to
from tests.browser.terminal_page import PLAIN, TerminalPage
from tests.browser.test_accessibility import is_accessible
from tests.browser.visits import Scheme, Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

#: What a browser logs of its own accord when nobody answers, or stops in the middle.
CUT = (
    "WebSocket connection to .* failed|"
    "net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|SOCKET_NOT_CONNECTED|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)"
)

LINES = [f"line {n}" for n in range(1, 5001)]

#: Says each line at its own time, so that a cut comes in the middle.
COUNT = "for i in $(seq 1 5000); do echo line $i; done; echo all'' of it\n"

#: A full-screen program that draws itself when it begins, and when its window changes.
FULL_SCREEN = """\
import curses
def main(window):
    while True:
        rows, columns = window.getmaxyx()
        window.erase()
        window.border()
        window.addstr(2, 4, f"full screen {rows} x {columns}")
        window.addstr(rows - 2, columns - 8, "corner")
        window.refresh()
        if window.getch() == ord("q"):
            return
curses.wrapper(main)
print("left")
"""


#: The frame of the program is drawn once, all of it, for the size that the program believes to have; and that is this
#: size, or any. All at one moment: it draws in between, when it is asked to.
IS_WHOLE = """wanted => {
    const rows = [...document.querySelectorAll(".xterm-rows > div")]
        .map(row => row.textContent.replaceAll("\\u00a0", " ").trimEnd());
    const columns = rows[0].length;
    const size = `${rows.length} x ${columns}`;
    const edge = "─".repeat(Math.max(0, columns - 2));
    return (wanted === null || wanted === size)
        && rows.some(row => row.includes(`full screen ${size} `))
        && rows[0] === `┌${edge}┐` && rows.at(-1) === `└${edge}┘`
        && rows.slice(1, -1).every(row => row.length === columns && row.startsWith("│") && row.endsWith("│"))
        && rows.filter(row => row.includes("corner")).length === 1
        && size;
}"""


def shows_whole(page: Page, size: str | None = None) -> str:
    """Wait until the program's frame is there, and return its size."""
    found: str = page.wait_for_function(IS_WHOLE, arg=size).json_value()
    return found


#: Of a character in the terminal, as wide as xterm.js takes it.
WIDTH_OF_A_CELL = """() => {
    const context = new OffscreenCanvas(1, 1).getContext("2d");
    const style = getComputedStyle(document.querySelector(".xterm-rows"));
    context.font = `${style.fontSize} ${style.fontFamily}`;
    return context.measureText("W").width;
}"""

OTHER_ROWS = """rows => document.querySelectorAll(".xterm-rows > div").length !== rows"""

#: How far the end of the last column, and of the last row, is from the edge of the window.
ROOM_LEFT = """() => {
    const window = document.querySelector(".terminal-screen").getBoundingClientRect();
    const screen = document.querySelector(".xterm-screen").getBoundingClientRect();
    return [window.right - screen.right, window.bottom - screen.bottom];
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """A server whose shells read nobody's profile, which may wait for who knows what."""
    root = tmp_path_factory.mktemp("carnet")
    with CarnetServer(root, env={"HOME": str(root), "SHELL": "/bin/sh"}) as started:
        yield started


def test_te1_a_terminal_from_the_dashboard_to_its_end(visits: Visits, server: CarnetServer) -> None:
    (server.notebooks / "shells").mkdir(exist_ok=True)
    dashboard = visits.page("tree/shells")
    with dashboard.context.expect_page() as opened:
        dashboard.get_by_role("button", name="New").click()
        dashboard.get_by_role("menuitem", name="Terminal").click()
    page = opened.value
    page.wait_for_url("**/terminals/*")
    terminal = TerminalPage(page, page.url.rpartition("/")[2]).ready()
    expect(page).to_have_title(re.compile("Carnet$"))

    terminal.type(PLAIN + "pwd; printf '\\033]0;my title\\007'\n")
    terminal.shows("/shells")
    expect(page).to_have_title("my title — Carnet")

    dashboard.reload()
    running = dashboard.get_by_role("region", name="Running")
    expect(running.get_by_role("link", name=f"Terminal {terminal.name}")).to_be_visible()
    terminal.type("exit 3\n")
    expect(terminal.line).to_contain_text("The shell has ended with exit code 3.")
    terminal.line.get_by_role("button", name="New terminal").click()
    again = TerminalPage(page, "").ready()
    again.name = page.url.rpartition("/")[2]
    dashboard.reload()
    dashboard.get_by_role("button", name=f"End terminal {again.name}").click()
    dashboard.get_by_role("dialog").get_by_role("button", name="End").click()
    expect(again.line).to_contain_text(re.compile("The shell was (hung up|killed)"))
    expect(dashboard.get_by_role("link", name=f"Terminal {again.name}")).to_have_count(0)


def test_te2_a_cut_line_loses_nothing_and_doubles_nothing(visits: Visits, server: CarnetServer) -> None:
    visits.announce(CUT)
    first = TerminalPage.open(visits, server)
    with line_to(server.port) as line:
        profile = visits.profile()
        profile.grant_permissions(["clipboard-read", "clipboard-write"])
        page = profile.new_page()
        page.goto(f"{line.url}terminals/{first.name}")
        terminal = TerminalPage(page, first.name).ready()
        terminal.type(COUNT)
        for seen in ("line 500", "line 1500", "line 2500"):
            terminal.shows(re.compile(f"line ({seen[5:]}|[3-5]...)"))
            line.cut()
        terminal.shows("all of it")
        terminal.ready()
        found = [one for one in terminal.everything() if one]
        assert found == ["begun", *LINES, "all of it"]


def test_te5_what_is_typed_while_the_line_is_away_is_typed_once(visits: Visits, server: CarnetServer) -> None:
    visits.announce(CUT)
    first = TerminalPage.open(visits, server)
    with line_to(server.port) as line:
        profile = visits.profile()
        page = profile.new_page()
        page.goto(f"{line.url}terminals/{first.name}")
        terminal = TerminalPage(page, first.name).ready()
        line.down(True)
        expect(terminal.line).to_contain_text("The shell goes on.")
        terminal.type("echo typed'' away\n")
        expect(terminal.line).to_contain_text("18 bytes typed and kept")
        line.down(False)
        terminal.shows("typed away")
        expect(terminal.line).to_have_count(0)
        terminal.type("echo then'' this\n")
        terminal.shows("then this")
    assert [row for row in first.rows() if row] == ["begun", "typed away", "then this"]


def test_te2_a_reload_and_a_killed_server_change_nothing(visits: Visits, server: CarnetServer) -> None:
    visits.announce(CUT)
    terminal = TerminalPage.open(visits, server)
    terminal.type("kept=of_before; for i in 1 2 3; do echo é 漢字 😀 $i; done\n")
    terminal.shows("😀 3")
    before = terminal.rows()

    terminal.page.reload()
    terminal.ready()
    terminal.shows("😀 3")
    assert terminal.rows() == before

    terminal.type("sleep 2; echo aft''er\n")
    server.restart()
    terminal.shows("after")
    terminal.ready()
    terminal.type("echo $kept\n")
    terminal.shows("of_before")

    other = TerminalPage.show(visits, terminal.name)
    other.shows("of_before")
    assert other.rows() == terminal.rows()


#: A WebSocket that never opens, as a proxy makes it.
NO_WEBSOCKET = """window.WebSocket = class {
    static OPEN = 1;
    constructor() { setTimeout(() => this.onclose?.({ wasClean: false })); }
    send() {}
    close() {}
}"""


def test_te2_it_needs_no_websocket(visits: Visits, server: CarnetServer) -> None:
    profile = visits.profile()
    profile.add_init_script(NO_WEBSOCKET)
    terminal = TerminalPage.open(visits, server, profile=profile)
    terminal.type(COUNT)
    terminal.shows("all of it")
    assert [one for one in terminal.everything() if one] == ["begun", *LINES, "all of it"]
    terminal.keyboard.focus()
    # Only what runs can be interrupted.
    terminal.type("sh -c \"echo sle''eps; exec sleep 600\"\n")
    terminal.shows("sleeps")
    terminal.keys("Control+c")
    terminal.type("echo interrupt''ed\n")
    terminal.shows("interrupted")


def test_te3_a_full_screen_program_is_drawn_again(visits: Visits, server: CarnetServer) -> None:
    program = server.notebooks / "full.py"
    program.write_text(FULL_SCREEN)
    terminal = TerminalPage.open(visits, server)
    terminal.type("python3 full.py\n")
    before = shows_whole(terminal.page)

    # The same window has room for as much as before.
    terminal.page.reload()
    terminal.ready()
    shows_whole(terminal.page, before)

    # On another screen it has that screen's size, and nothing of the old one is left.
    profile = visits.profile(is_phone=True)
    phone = TerminalPage(visits.page(f"terminals/{terminal.name}", profile=profile), terminal.name)
    assert shows_whole(phone.page) != before
    phone.page.locator(".xterm-screen").tap()
    phone.type("q")
    phone.shows("left")
    assert not any("corner" in row for row in phone.rows())


def test_te4_a_flood_is_stopped_at_once(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    terminal.type("yes 'a line of a flood that does not end'\n")
    terminal.shows("a line of a flood")
    terminal.keys("Control+c")
    terminal.type("echo sto''pped\n")
    terminal.shows("stopped")
    # Ten megabytes come whole: the last lines are the last.
    terminal.type("seq 1 1300000; echo do''ne\n")
    terminal.shows("done")
    assert [row for row in terminal.rows() if row][-3:] == ["1299999", "1300000", "done"]


def test_te10_what_was_asked_before_is_not_answered_again(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    ask = "stty raw; printf '\\033[6n'; dd bs=1 count=6 2>/dev/null | od -c | head -1; stty -raw -echo; echo asked''\n"
    terminal.type(ask)
    terminal.shows("asked")
    terminal.shows(re.compile(r"033\s+\["))
    again = TerminalPage.show(visits, terminal.name)
    again.shows("asked")
    # Both are asked now; one answers, and the old question none.
    again.type(ask.replace("asked", "twice"))
    again.shows("twice")
    again.type("echo th''en\n")
    again.shows("then")
    assert [row for row in again.rows() if row][-1] == "then"


def test_te11_only_web_addresses_are_links(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    here = f"{server.url}api"
    terminal.type(f"clear; echo {here}; printf '\\033]8;;javascript:alert(1)\\007harm\\033]8;;\\007\\n'\n")
    terminal.shows("harm")
    terminal.press_at("harm", is_link=False)
    assert len(terminal.page.context.pages) == 1
    with terminal.page.context.expect_page() as opened:
        terminal.press_at(here, is_link=True)
    page = opened.value
    page.wait_for_load_state()
    assert page.url == here
    assert page.evaluate("window.opener") is None


def test_te11_a_link_that_says_another_address_shows_its_own(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    terminal.type(
        "clear; printf '\\033]8;;https://other.invalid/\\007https://bank.invalid\\033]8;;\\007\\n'\n"
    )
    terminal.shows("bank.invalid")
    row = terminal.page.locator(".xterm-rows > div").filter(has_text="bank.invalid").first.bounding_box()
    assert row is not None
    terminal.page.mouse.move(row["x"] + 20, row["y"] + row["height"] / 2)
    expect(terminal.page.locator(".terminal-screen")).to_have_attribute("title", "https://other.invalid/")


def test_te13_the_size_is_that_of_the_window_and_nothing_of_it_is_cut_off(
    visits: Visits, server: CarnetServer
) -> None:
    terminal = TerminalPage.open(visits, server)
    page = terminal.page
    cell_px: float = page.evaluate(WIDTH_OF_A_CELL)
    # Just enough for one column more, but for less than can be seen: there, what is rounded tells.
    widths = [math.ceil(columns * cell_px) + 16 + 14 - less for columns in (150, 151) for less in (0, 1)]
    for width_px in widths:
        page.set_viewport_size({"width": width_px, "height": 801})
        page.reload()
        terminal.ready()
        columns = int((width_px - 16 - 14) / cell_px)
        for height_px in (860, 801):
            rows = len(terminal.rows())
            page.set_viewport_size({"width": width_px, "height": height_px})
            page.wait_for_function(OTHER_ROWS, arg=rows)
            terminal.type(f"clear; echo {width_px} $(stty size) {height_px}\n")
            terminal.shows(f"{width_px} {len(terminal.rows())} {columns} {height_px}")
            right_px, below_px = page.evaluate(ROOM_LEFT)
            # xterm.js rounds the whole screen to a pixel; its scroll bar has 14.
            assert right_px >= 14 - 0.5
            assert below_px >= 0


def test_te14_a_file_that_is_shown_cannot_stop_the_page(visits: Visits, server: CarnetServer) -> None:
    times = 2**31 - 1
    floods = "".join(f"a\x1b[{times}{final}" for final in "ILMSTZb@PXEFJK")
    title = "\x1b]0;" + "t\u202eu" * 100_000 + "\x07"
    blob = "\x1bP$q" + "x" * 100_000 + "\x1b\\\x1b]52;c;aGFybQ==\x07\x1b]8;id=" + "y" * 100_000 + ";\x07"
    (server.notebooks / "hostile.txt").write_text(floods + title + blob + "\x1bc")
    terminal = TerminalPage.open(visits, server)
    terminal.page.evaluate("navigator.clipboard.writeText('before')")
    terminal.type("cat hostile.txt; echo th''en\n")
    terminal.shows("then")
    found = terminal.page.title()
    assert (found.startswith("t u"), "\u202e" in found, len(found) < 220) == (True, False, True)
    assert terminal.page.evaluate("navigator.clipboard.readText()") == "before"
    # Who comes later is shown it again, and lives.
    TerminalPage.show(visits, terminal.name).shows("then")


def test_te12_keys_and_the_way_out(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    page = terminal.page
    terminal.type("for i in 1 2 3; do echo needle $i; done\n")
    terminal.shows("needle 3")
    terminal.keys("Control+Shift+f")
    expect(page.get_by_role("textbox", name="Find in the terminal")).to_be_focused()
    page.keyboard.type("needle")
    expect(page.locator(".find-count")).to_have_text("3 of 3")
    terminal.keys("Enter")
    expect(page.locator(".find-count")).to_have_text("2 of 3")
    terminal.keys("Escape")
    expect(terminal.keyboard).to_be_focused()

    # Tab and Escape are the shell's; Ctrl-F6 leads out, Escape back.
    terminal.type("cat -v\n")
    terminal.keys("Tab", "Escape", "Enter")
    terminal.shows("^[")
    expect(terminal.keyboard).to_be_focused()
    terminal.keys("Control+F6")
    expect(page.get_by_role("menuitem", name="Terminal", exact=True)).to_be_focused()
    terminal.keys("Tab")
    expect(page.get_by_role("button", name="Find")).to_be_focused()
    terminal.keys("Escape")
    expect(terminal.keyboard).to_be_focused()

    # Ctrl-C copies what is selected, and interrupts where nothing is.
    terminal.menu("Edit", "Select all")
    terminal.keyboard.focus()
    terminal.keys("Control+c")
    expect(page.locator(".spoken[role=status]")).to_contain_text("Copied.")
    terminal.keys("Control+c")
    terminal.type("stty -echo; echo interrupt''ed\n")
    terminal.shows("interrupted")
    page.evaluate("navigator.clipboard.writeText(\"echo pas''ted\")")
    terminal.keys("Control+v", "Enter")
    terminal.shows("pasted")

    terminal.keys("Control+Shift+p")
    page.keyboard.type("screen reader")
    terminal.keys("Enter")
    expect(page.locator(".xterm-accessibility")).to_be_attached()
    page.reload()
    expect(page.locator(".xterm-accessibility")).to_be_attached()


def test_te5_the_row_of_keys_on_a_phone(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server, profile=visits.profile(is_phone=True))
    row = terminal.page.get_by_role("toolbar", name="Keys")
    for key in row.get_by_role("button").all():
        box = key.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    terminal.type("cat -v\n")
    row.get_by_role("button", name="Esc").tap()
    row.get_by_role("button", name="Up").tap()
    terminal.keys("Enter")
    terminal.shows("^[^[[A")
    row.get_by_role("button", name="Ctrl").tap()
    terminal.type("c")
    terminal.type("stty -echo; echo ba''ck\n")
    terminal.shows("back")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    terminal = TerminalPage.open(visits, server, profile=visits.profile(scheme=scheme))
    terminal.type("printf '\\033[31mred \\033[32mgreen \\033[33myellow \\033[34mblue\\033[0m\\n'\n")
    terminal.shows("blue")
    is_accessible(terminal.page)
    terminal.menu("View", "For a screen reader")
    terminal.keys("Control+Shift+f")
    is_accessible(terminal.page)
    terminal.keys("Escape")
    terminal.menu("Help", "Keyboard")
    expect(terminal.page.get_by_role("dialog")).to_be_visible()
    is_accessible(terminal.page)
    terminal.keys("Escape")
    terminal.keyboard.focus()
    terminal.type("exit\n")
    expect(terminal.line).to_be_visible()
    is_accessible(terminal.page)


def test_a_missing_terminal(visits: Visits, server: CarnetServer) -> None:
    page: Page = visits.page("terminals/99")
    line = page.locator(".terminal-line")
    expect(line).to_contain_text("There is no terminal 99; it may have ended.")
    line.get_by_role("button", name="New terminal").click()
    TerminalPage(page, "").ready()


def test_a_notebook_opens_a_terminal_in_its_folder(visits: Visits, server: CarnetServer) -> None:
    (server.notebooks / "deep").mkdir(exist_ok=True)
    server.write("deep/one.ipynb", [""])
    notebook = visits.notebook("deep/one.ipynb")
    with notebook.page.context.expect_page() as opened:
        notebook.menu("File", "New terminal")
    terminal = TerminalPage(opened.value, "").ready()
    terminal.type(PLAIN + "pwd\n")
    terminal.shows("/deep")

"""A login that ends under an open page is renewed in place: edits, focus and requests go on as if nothing had been."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from carnet.lib import passwd
from carnet.security.totp import STEP_S, code_at, new_secret
from tests.browser.notebook_page import NotebookPage
from tests.browser.terminal_page import TerminalPage
from tests.browser.test_accessibility import is_accessible
from tests.browser.test_bad_proxies import through
from tests.browser.visits import Scheme, Visits
from tests.support.bad_proxy import NO_END, BadProxy, Faults
from tests.support.server import CarnetServer
from tests.support.signing_in import end_logins, set_up_codes

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "a long enough one"

#: What a browser logs of its own accord when a request is refused, or nobody answers.
REFUSED = "40[13]|429|WebSocket connection to .* failed|net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INTERNET_DISCONNECTED)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """One with a password, and the token by which tests come in."""
    settings = {"password": passwd(PASSWORD)}
    with CarnetServer(tmp_path_factory.mktemp("carnet"), settings=settings) as started:
        yield started


@pytest.fixture(autouse=True)
def signed_in(server: CarnetServer, visits: Visits) -> None:
    """Each test begins with a login of its own."""
    visits.announce(REFUSED)
    server.forget_login()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Sign in again")


def sign_in(page: Page, password: str = PASSWORD, code: str = "") -> None:
    """With the keyboard alone: the dialog has the focus."""
    expect(dialog(page).get_by_label("Password")).to_be_focused()
    page.keyboard.insert_text(password)
    if code:
        page.keyboard.press("Tab")
        page.keyboard.insert_text(code)
    page.keyboard.press("Enter")


def saved_sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


def type_at_end(notebook: NotebookPage, text: str) -> None:
    notebook.source(1).click()
    notebook.keys("Control+End")
    notebook.page.keyboard.type(text)


def test_ac39_signed_out_elsewhere_a_notebook_asks_in_place_and_goes_on(
    visits: Visits, server: CarnetServer
) -> None:
    file = server.write("elsewhere.ipynb", ["start = 1"])
    notebook = visits.notebook("elsewhere.ipynb")
    page = notebook.page
    type_at_end(notebook, "  # before")
    notebook.is_saved()

    end_logins(server.state, "elsewhere")
    expect(dialog(page)).to_contain_text("This device was signed out from another one.")
    is_accessible(page)
    # Put off: the page can be used, and says how things stand.
    notebook.keys("Escape")
    expect(notebook.link).to_have_text("Signed out")
    expect(page.get_by_role("status").filter(has_text="nothing reaches the server")).to_be_visible()
    expect(notebook.source(1)).to_be_focused()
    page.keyboard.type(", typed while signed out")
    expect(notebook.source(1)).to_have_text("start = 1  # before, typed while signed out")
    is_accessible(page)
    page.get_by_role("button", name="Sign in").click()
    sign_in(page)

    expect(dialog(page)).to_have_count(0)
    notebook.is_live()
    notebook.is_saved()
    assert saved_sources(file) == ["start = 1  # before, typed while signed out"]
    notebook.run(1)
    notebook.has_run(1, 1)


def test_ac39_the_focus_comes_back_and_the_edits_are_saved_once(visits: Visits, server: CarnetServer) -> None:
    file = server.write("focus.ipynb", ["start = 1"])
    profile = visits.profile()
    notebook = visits.notebook("focus.ipynb", profile=profile)
    server.kill()
    type_at_end(notebook, "  # typed offline")
    end_logins(server.state, "password")
    server.start()

    expect(dialog(notebook.page)).to_contain_text("The password was changed")
    sign_in(notebook.page)

    notebook.is_live()
    expect(notebook.source(1)).to_be_focused()
    notebook.page.keyboard.type(", and on")
    notebook.is_saved()
    assert saved_sources(file) == ["start = 1  # typed offline, and on"]
    # Each edit was sent once: another tab sees the same.
    visits.notebook("focus.ipynb", profile=profile).has_source(1, "start = 1  # typed offline, and on")


def test_ac39_typing_is_not_taken_for_a_password(visits: Visits, server: CarnetServer) -> None:
    server.write("typing.ipynb", [""])
    notebook = visits.notebook("typing.ipynb")
    notebook.source(1).click()
    end_logins(server.state, "elsewhere")
    text = "word " * 40
    notebook.page.keyboard.type(text, delay=40)

    expect(dialog(notebook.page)).to_be_visible()
    expect(dialog(notebook.page).get_by_label("Password")).to_have_value("")
    expect(notebook.source(1)).to_have_text(text)


def test_ac39_a_wrong_password_says_so_and_too_many_have_to_wait(
    visits: Visits, server: CarnetServer
) -> None:
    server.write("wrong.ipynb", [""])
    notebook = visits.notebook("wrong.ipynb")
    page = notebook.page
    end_logins(server.state, "elsewhere")
    button, alert = dialog(page).get_by_role("button", name="Sign in"), dialog(page).get_by_role("alert")
    sign_in(page, "wrong")
    expect(alert).to_have_text("That is not the password or token.")
    # A slow machine gives tries back meanwhile.
    for _ in range(20):
        sign_in(page, "wrong")
        expect(button).to_have_text("Sign in")
        expect(alert).not_to_be_empty()
        if "Too many" in alert.inner_text():
            break
    expect(alert).to_have_text(re.compile(r"Too many wrong tries. Wait \d+ s"))
    expect(button).to_be_disabled()
    # By the clock of the server: a try comes back each twelve seconds.
    expect(button).to_be_enabled()
    sign_in(page)
    expect(dialog(page)).to_have_count(0)
    notebook.is_live()


def test_ac39_with_a_one_time_code(visits: Visits, server: CarnetServer) -> None:
    secret = new_secret()
    with set_up_codes(server.state, secret):
        server.write("code.ipynb", [""])
        notebook = visits.notebook("code.ipynb")
        type_at_end(notebook, "x = 1")
        end_logins(server.state, "too-old")
        expect(dialog(notebook.page).get_by_label("One-time code")).to_be_visible()
        is_accessible(notebook.page)
        sign_in(notebook.page, code=code_at(secret, int(time.time()) // STEP_S))

        notebook.is_live()
        notebook.is_saved()


def test_ac39_signing_in_in_one_tab_is_enough_for_all(visits: Visits, server: CarnetServer) -> None:
    server.write("one.ipynb", ["1"])
    profile = visits.profile()
    left, right = (visits.notebook("one.ipynb", profile=profile) for _ in range(2))
    out = visits.page("logout", profile=profile)
    out.get_by_role("button", name="Sign out").click()
    expect(out.get_by_role("heading", name="Signed out")).to_be_visible()

    for one in (left, right):
        expect(dialog(one.page)).to_contain_text("You signed out in this browser.")
    sign_in(left.page)
    for one in (left, right):
        expect(dialog(one.page)).to_have_count(0)
        one.is_live()


def test_ac39_the_dashboard_goes_on_with_what_was_asked_for(visits: Visits, server: CarnetServer) -> None:
    profile = visits.profile()
    # It does not look by itself, so that it is the request that finds out.
    profile.add_init_script(
        "const every = setInterval; window.setInterval = (work, ms) => every(work, ms === 10_000 ? 2 ** 30 : ms)"
    )
    page = visits.page(profile=profile)
    page.get_by_role("button", name="New").click()
    page.wait_for_load_state("networkidle")
    end_logins(server.state, "elsewhere")
    page.get_by_role("menuitem", name="Folder").click()
    sign_in(page)

    expect(page.get_by_label("New name")).to_be_visible()
    assert [one.name for one in server.notebooks.iterdir() if one.is_dir()] == ["Untitled Folder"]


@pytest.mark.parametrize("size", [10, 300_000])
def test_ac39_a_text_file_is_saved_with_the_request_that_was_refused(
    visits: Visits, server: CarnetServer, size: int
) -> None:
    file = server.notebooks / "words.txt"
    file.write_text("a" * size)
    page = visits.page("edit/words.txt")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("first ")
    end_logins(server.state, "elsewhere")
    page.keyboard.press("Control+s")
    # Not now: nothing is lost, and nothing is saved.
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Not saved")).to_be_visible()
    page.keyboard.press("Control+s")
    sign_in(page)

    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    expect(page.locator(".cm-content")).to_be_focused()
    assert file.read_text() == "first " + "a" * size


def test_ac39_somebody_else_gets_a_page_of_their_own(visits: Visits, server: CarnetServer) -> None:
    file = server.write("hers.ipynb", ["hers = 1"])
    notebook = visits.notebook("hers.ipynb")
    page = notebook.page
    # A server is one person's: the answer of another's is played.
    page.route(
        "**/login",
        lambda route: (
            route.fulfill(json={"user": "eve", "xsrf": ""})
            if route.request.method == "POST"
            else route.continue_()
        ),
    )
    end_logins(server.state, "elsewhere")
    sign_in(page)

    expect(page.get_by_role("dialog", name="Somebody else signed in")).to_contain_text("eve is signed in")
    is_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Somebody else signed in")).to_be_visible()
    assert saved_sources(file) == ["hers = 1"]
    page.get_by_role("button", name="Load the page again").click()
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize(
    "faults",
    [Faults(upgrade="stripped"), Faults(upgrade="stripped", held_bytes=NO_END)],
    ids=["stream", "poll"],
)
def test_ac39_where_no_websocket_gets_through(visits: Visits, server: CarnetServer, faults: Faults) -> None:
    file = server.write("through.ipynb", ["start = 1"])
    with BadProxy(server.port, faults) as proxy:
        notebook = through(visits, proxy, "through.ipynb")
        end_logins(server.state, "elsewhere")
        expect(dialog(notebook.page)).to_contain_text("This device was signed out from another one.")
        notebook.keys("Escape")
        expect(notebook.link).to_have_text("Signed out")
        type_at_end(notebook, "  # typed")
        notebook.page.get_by_role("button", name="Sign in").click()
        sign_in(notebook.page)
        expect(dialog(notebook.page)).to_have_count(0)
        notebook.is_live()
        notebook.is_saved()
    assert saved_sources(file) == ["start = 1  # typed"]


def test_ac39_a_terminal_goes_on_where_it_was(visits: Visits, server: CarnetServer) -> None:
    terminal = TerminalPage.open(visits, server)
    terminal.type("word=kept; echo before\n")
    terminal.shows("before")
    end_logins(server.state, "elsewhere")
    sign_in(terminal.page)
    expect(dialog(terminal.page)).to_have_count(0)
    terminal.ready()
    terminal.type("echo $word after\n")
    terminal.shows("kept after")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ac39_on_a_phone(visits: Visits, server: CarnetServer, scheme: Scheme) -> None:
    server.write("small.ipynb", ["1"])
    notebook = visits.notebook("small.ipynb", profile=visits.profile(is_phone=True, scheme=scheme))
    end_logins(server.state, "elsewhere")
    expect(dialog(notebook.page)).to_be_visible()
    is_accessible(notebook.page)
    width: int = notebook.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360

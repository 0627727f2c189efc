"""What the original document says of a browser: sign in with the password, see the dashboard, run, sign out (S4, S13, S16, S22, S23)."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from carnet.lib import passwd
from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "a long enough one"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """One as the document's profile makes it: a hash of 2014, and plotting always."""
    folder = tmp_path_factory.mktemp("carnet")
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_notebook_config.py").write_text(
        f"c = get_config()\nc.IPKernelApp.pylab = 'inline'\nc.NotebookApp.password = u'{passwd(PASSWORD, 'sha1')}'\n"
    )
    with CarnetServer(folder, env={"IPYTHONDIR": str(folder / "ipython")}) as started:
        yield started


def test_s4_s22_sign_in_look_around_and_sign_out(visits: Visits) -> None:
    page = visits.page("", profile=visits.profile(is_signed_in=False))

    # One field, and the focus is in it.
    expect(page.get_by_label("Password")).to_be_focused()
    assert page.locator("input:not([type=hidden])").count() == 1
    page.keyboard.insert_text(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="New")).to_be_visible()
    expect(page.get_by_role("button", name="Upload")).to_be_visible()

    page.get_by_role("button", name="Account").click()
    page.get_by_role("menuitem", name="Account and devices").click()
    page.get_by_role("listitem").filter(has_text="this device").get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.goto(f"{visits.server.url}tree")
    expect(page).to_have_url(re.compile(r"/login\?next="))


def test_s4_a_notebook_leads_to_the_account_too(visits: Visits, server: CarnetServer) -> None:
    server.write("n.ipynb", [""])
    notebook = visits.notebook("n.ipynb")

    notebook.page.get_by_role("menuitem", name="Help").click()
    with notebook.page.expect_popup() as opened:
        notebook.page.get_by_role("menuitem", name="Account and devices").click()
    expect(opened.value.get_by_role("heading", name="Signed in")).to_be_visible()


def test_s16_s23_a_plot_from_a_new_notebook_of_the_dashboard(visits: Visits) -> None:
    page = visits.page("tree")
    page.get_by_role("button", name="New").click()
    with page.expect_popup() as opened:
        page.get_by_role("menuitem", name="Python 3").click()
    notebook = NotebookPage(opened.value).ready()
    notebook.page.keyboard.insert_text("plot([1, 3, 2]);")
    notebook.page.keyboard.press("Shift+Enter")

    expect(notebook.page.locator("img[src^='data:image/png'], img[src*='blob']")).to_be_visible(
        timeout=60_000
    )
    # While a cell runs, the dashboard would ask first.
    expect(notebook.page.get_by_role("button", name=re.compile("idle"))).to_be_visible()
    page.reload()
    running = page.get_by_role("region", name="Running")
    expect(running).to_contain_text("idle")
    running.get_by_role("button", name="Shut down Untitled").click()
    expect(running).to_have_count(0)

"""A real browser on a real server: one of each for a module, a fresh profile for each test.

Every page that a test opens is watched. A test fails when a page logs an error
or a warning, throws, asks another host for anything, or gets an answer of 400
or more, unless the test announced it:

    def test_a_missing_notebook(visits: Visits) -> None:
        visits.announce("404")
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, chromium_path
from tests.browser.notebook_page import NotebookPage
from tests.browser.visits import Visits
from tests.support.server import CarnetServer

#: Nothing but this machine has an address: what asks for another host fails, here and in CI alike.
NO_OTHER_HOST = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"

#: A fault, not a measure: what has not come by then does not come.
PATIENCE_MS = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of this module's own: Playwright's loop must not outlive it, since other tests have loops too."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium_path(), args=[*ARGUMENTS, NO_OTHER_HOST]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """A server of this module's own, with real kernels."""
    with CarnetServer(tmp_path_factory.mktemp("carnet")) as started:
        yield started


@pytest.fixture
def visits(browser: Browser, server: CarnetServer) -> Iterator[Visits]:
    """Open pages, signed in; they are watched, and closed with the test."""
    made = Visits(browser, server, PATIENCE_MS)
    yield made
    made.close()
    faults = made.faults()
    if faults:
        pytest.fail("The pages were not quiet:\n" + "\n".join(faults), pytrace=False)


@pytest.fixture
def notebook(visits: Visits, server: CarnetServer, request: pytest.FixtureRequest) -> NotebookPage:
    """A notebook with one empty cell, open, named after the test."""
    name = f"{request.node.name.removeprefix('test_')[:20]}.ipynb"
    server.write(name, [""])
    return visits.notebook(name)

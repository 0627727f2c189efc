"""A page of another origin in a real browser, with JupyterLab's services library: thebe, jupyter-ui, a local runtime (AC40 to AC43)."""

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error

from tests.api.installed import CLIENTS, node_clients, node_path
from tests.server.serving import ROOT
from tests.support.server import TOKEN, CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROLLDOWN = ROOT / "ui" / "node_modules" / "rolldown" / "bin" / "cli.mjs"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, and nothing on standard error."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of another site, with the library in its page: for the browser `localhost` is not `127.0.0.1`."""
    folder, libraries = tmp_path_factory.mktemp("elsewhere"), node_clients()
    shutil.copy(CLIENTS / "elsewhere.mjs", libraries)
    subprocess.run(
        [
            node_path(),
            ROLLDOWN,
            "elsewhere.mjs",
            "--format=iife",
            "--platform=browser",
            "-o",
            folder / "work.js",
        ],
        cwd=libraries,
        check=True,
        capture_output=True,
    )
    (folder / "index.html").write_text("<!doctype html><script src='work.js'></script>")
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://localhost:{site.server_port}"
        site.shutdown()
        thread.join()


def work(browser: Browser, elsewhere: str, server: CarnetServer, credentials: str) -> Any:
    """Have the page do its work, with the token."""
    page = browser.new_page()
    try:
        page.goto(elsewhere)
        return page.evaluate("(given) => work(...given)", [server.url, TOKEN, credentials])
    finally:
        page.close()


@pytest.mark.parametrize("credentials", ["same-origin", "include"])
def test_ac41_a_page_of_an_allowed_origin_works_with_a_token(
    browser: Browser, elsewhere: str, tmp_path: Path, credentials: str
) -> None:
    allowed = {"allow_origin": elsewhere, "allow_credentials": str(credentials == "include")}
    with CarnetServer(tmp_path, settings=allowed) as server:
        seen = work(browser, elsewhere, server, credentials)

    assert seen == {
        "specs": ["python3"],
        "read": "hello",
        "ran": ["ok", "42\n"],
        "again": ["ok", "again\n"],
        "left": 0,
    }


def test_ac43_a_page_of_any_other_origin_gets_nothing_with_it(
    browser: Browser, elsewhere: str, tmp_path: Path
) -> None:
    with (
        CarnetServer(tmp_path, settings={"allow_origin": "https://lab.example.org"}) as server,
        pytest.raises(Error, match="Failed to fetch"),
    ):
        work(browser, elsewhere, server, "same-origin")

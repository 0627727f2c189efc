"""What a page costs: bytes over the wire and requests, from an empty cache to the first editable cell, and again."""

import math
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import CDPSession, Page

from tests.browser.visits import Visits
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COLD_BYTES = 180_000
COLD_REQUESTS = 6
WARM_BYTES = 1_000


#: Notes when the first cell can be edited.
WATCH = """new MutationObserver((_changes, observer) => {
    if (document.querySelector(".cell .cm-content") === null) return;
    window.editableMs = Date.now();
    observer.disconnect();
}).observe(document, { childList: true, subtree: true })"""


class Meter:
    """Counts what comes over the wire for one page, the link included."""

    def __init__(self, page: Page) -> None:
        self.names: dict[str, str] = {}
        self.wire: dict[str, int] = {}
        self.cached: set[str] = set()
        self.session: CDPSession = page.context.new_cdp_session(page)
        self.asked_ms: dict[str, float] = {}
        self.session.send("Network.enable")
        self.session.on("Network.requestWillBeSent", self._asked)
        self.session.on("Network.webSocketWillSendHandshakeRequest", self._asked)
        self.session.on("Network.loadingFinished", self._finished)
        self.session.on("Network.requestServedFromCache", lambda event: self.cached.add(event["requestId"]))

    def _asked(self, event: dict[str, object]) -> None:
        request, wall_s = event["request"], event["wallTime"]
        assert isinstance(request, dict)
        assert isinstance(wall_s, float | int)
        url = str(request.get("url", "the link"))
        if urlsplit(url).scheme not in {"data", "blob"}:
            self.names[str(event["requestId"])] = url
            self.asked_ms[str(event["requestId"])] = wall_s * 1000

    def _finished(self, event: dict[str, object]) -> None:
        length = event["encodedDataLength"]
        assert isinstance(length, int | float)
        self.wire[str(event["requestId"])] = int(length)

    def requests(self, until_ms: float = math.inf) -> dict[str, int]:
        """Return bytes by address for what was asked for until then and did not come from the cache."""
        return {
            name: self.wire.get(key, 0)
            for key, name in self.names.items()
            if key not in self.cached and self.wire.get(key, 1) > 0 and self.asked_ms[key] <= until_ms
        }


def until_editable(page: Page, address: str) -> float:
    """Open a notebook; return when its first cell could be edited, milliseconds since the epoch."""
    page.add_init_script(WATCH)
    page.goto(address)
    page.locator(".cell .cm-content").first.wait_for()
    at_ms: float = page.evaluate("window.editableMs")
    return at_ms


def test_a_notebook_is_editable_within_the_budget(visits: Visits, server: CarnetServer) -> None:
    server.write("light.ipynb", ["1 + 1", "print('two')"])
    address = f"{server.url}notebooks/light.ipynb"
    profile = visits.profile()
    page = profile.new_page()
    meter = Meter(page)
    cold = meter.requests(until_editable(page, address))

    assert len(cold) <= COLD_REQUESTS, "\n".join(cold)
    assert sum(cold.values()) <= COLD_BYTES, cold

    page.wait_for_load_state("networkidle")
    again = profile.new_page()
    meter = Meter(again)
    warm = meter.requests(until_editable(again, address))

    assert sum(warm.values()) <= WARM_BYTES, warm


def test_the_dashboard_loads_no_editor(visits: Visits, server: CarnetServer) -> None:
    page = visits.profile().new_page()
    meter = Meter(page)
    page.goto(server.url)
    page.get_by_role("button", name="New").wait_for()

    loaded = meter.requests()
    assert sum(loaded.values()) <= 60_000, loaded
    assert not any("editor" in name or "notebook-" in name for name in loaded), loaded

"""Visits to a server by a signed-in browser, and everything that the pages said which they should not have."""

import re
from typing import Literal
from urllib.parse import quote, urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    StorageState,
    ViewportSize,
    WebError,
)

from tests.browser.notebook_page import NotebookPage
from tests.support.server import CarnetServer

WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 360, "height": 640}

#: A page that is left gives up what it was asking for.
_LEFT = "net::ERR_ABORTED"

#: A name that no machine has; a browser can be told that it is this one.
NAME = "carnet.test"

#: This machine. Browsers have passkeys at a name only.
OURS = {"127.0.0.1", "localhost", NAME}

Scheme = Literal["dark", "light"]


class Visits:
    """Opens profiles and pages on one server, and remembers what was wrong with them."""

    def __init__(self, browser: Browser, server: CarnetServer, patience_ms: float) -> None:
        self.browser = browser
        self.server = server
        self.contexts: list[BrowserContext] = []
        self._patience_ms = patience_ms
        self._announced: list[re.Pattern[str]] = []
        self._said: list[str] = []

    def announce(self, pattern: str) -> None:
        """Say that pages will complain of this, and that it is right."""
        self._announced.append(re.compile(pattern))

    def faults(self) -> list[str]:
        """Return one line for each thing that was said and not announced."""
        return [line for line in self._said if not any(one.search(line) for one in self._announced)]

    def profile(
        self,
        *,
        is_signed_in: bool = True,
        is_phone: bool = False,
        scheme: Scheme = "light",
        storage: StorageState | None = None,
    ) -> BrowserContext:
        """Return a fresh profile: no cache, no storage but what is given."""
        context = self.browser.new_context(
            viewport=PHONE if is_phone else WIDE,
            has_touch=is_phone,
            is_mobile=is_phone,
            color_scheme=scheme,
            reduced_motion="reduce",
            storage_state=storage,
        )
        context.set_default_timeout(self._patience_ms)
        if is_signed_in:
            name, _, value = self.server.headers()["Cookie"].partition("; ")[0].partition("=")
            context.add_cookies([{"name": name, "value": value, "url": self.server.url}])
        context.on("console", self._hear_console)
        context.on("weberror", self._hear_error)
        context.on("request", self._hear_request)
        context.on("requestfailed", self._hear_failure)
        context.on("response", self._hear_response)
        self.contexts.append(context)
        return context

    def page(self, path: str = "", *, profile: BrowserContext | None = None) -> Page:
        """Open a page of the server, by default in a profile of its own."""
        page = (profile or self.profile()).new_page()
        page.goto(self.server.url + quote(path, safe="/?=&#"))
        return page

    def notebook(self, path: str, *, profile: BrowserContext | None = None) -> NotebookPage:
        """Open a notebook and wait until it can be edited."""
        return NotebookPage(self.page(f"notebooks/{path}", profile=profile)).ready()

    def close(self) -> None:
        """Close every profile that is open."""
        for context in self.contexts:
            context.close()
        self.contexts.clear()

    def _hear_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._said.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _hear_error(self, error: WebError) -> None:
        self._said.append(f"thrown: {error.error}")

    def _hear_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in OURS:
            self._said.append(f"request to another host: {request.url}")

    def _hear_failure(self, request: Request) -> None:
        if request.failure != _LEFT:
            self._said.append(f"request failed: {request.url} {request.failure}")

    def _hear_response(self, response: Response) -> None:
        if response.status >= 400:
            self._said.append(f"status {response.status}: {response.url}")

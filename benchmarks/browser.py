"""A Chromium that tells when a cell can be edited, what was loaded until then, and how long a key takes to the screen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from benchmarks.servers import TOKEN, Server
from tests.browser.chromium import ARGUMENTS, chromium_path

PATIENCE_S = 120

#: What a person can type into, in each column.
EDITABLE = {
    "carnet": '.cell .cm-content[contenteditable="true"]',
    "floor": "#cell",
    "jupyter": '.jp-Cell .cm-content[contenteditable="true"]',
}

#: Looks at each frame whether the notebook's own text can be edited, and notes when, and what had come until then.
_PROBE = """
window.whenEditable = new Promise(done => {
  const selector = SELECTOR, text = TEXT;
  const look = () => {
    const found = [...document.querySelectorAll(selector)].find(one => (one.value ?? one.textContent).includes(text));
    if (!found) return requestAnimationFrame(look);
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    done({
      ms: performance.now(),
      paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      requests: loaded.length,
      bytes: loaded.reduce((sum, one) => sum + one.transferSize, 0),
      names: loaded.map(one => one.name + " " + one.transferSize),
    });
  };
  look();
});
"""


@dataclass(frozen=True)
class Loaded:
    """One page load, up to the first cell that can be edited."""

    editable_s: float
    paint_s: float
    requests: int
    """HTTP requests, and one for the link where there is one."""
    kilobytes: float
    """Of HTTP, as it went over the wire: compressed, with headers."""
    link_kilobytes: float
    """Frames of WebSockets, before compression."""
    names: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A network: bits a second each way, and the delay of a round trip."""

    bits_per_s: float
    round_trip_ms: float


SLOW = Line(bits_per_s=400_000, round_trip_ms=400)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Lend a Chromium without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def signed_in(browser: Browser, server: Server) -> AsyncIterator[BrowserContext]:
    """Lend a browser profile with an empty cache that is signed in to the server."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_S * 1000)
    try:
        # Not a page of the browser's: it would fill the cache.
        await context.request.get(f"{server.url}?token={TOKEN}", max_redirects=0)
        yield context
    finally:
        await context.close()


async def load(
    context: BrowserContext, server: Server, path: str, text: str, line: Line | None = None
) -> Loaded:
    """Open a page in a tab of its own and wait until a cell with this text can be edited; close the tab."""
    page = await context.new_page()
    try:
        return await open_page(page, server, path, text, line)
    finally:
        await page.close()


async def open_page(page: Page, server: Server, path: str, text: str, line: Line | None = None) -> Loaded:
    """The same, in this tab, which stays."""
    session = await page.context.new_cdp_session(page)
    frames: list[int] = []
    links: list[str] = []
    session.on("Network.webSocketCreated", lambda event: links.append(event["url"]))
    session.on("Network.webSocketFrameReceived", lambda event: frames.append(_length(event["response"])))
    await session.send("Network.enable")
    if line is not None:
        await _emulate(session, line)
    probe = _PROBE.replace("SELECTOR", repr(EDITABLE[server.column])).replace("TEXT", repr(text))
    await page.add_init_script(probe)
    await page.goto(f"{server.url}{path}", wait_until="commit")
    async with asyncio.timeout(PATIENCE_S):
        found = await page.evaluate("window.whenEditable")
    return Loaded(
        editable_s=found["ms"] / 1e3,
        paint_s=found["paint_ms"] / 1e3,
        requests=found["requests"] + len(links),
        kilobytes=found["bytes"] / 1e3,
        link_kilobytes=sum(frames) / 1e3,
        names=tuple(found["names"]),
    )


async def _emulate(session: CDPSession, line: Line) -> None:
    per_s = line.bits_per_s / 8
    await session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": line.round_trip_ms,
            "downloadThroughput": per_s,
            "uploadThroughput": per_s,
        },
    )


def _length(response: dict[str, str | int]) -> int:
    """Return the bytes of a frame; binary ones come as base64."""
    size = len(str(response["payloadData"]))
    return size * 3 // 4 if response["opcode"] == 2 else size

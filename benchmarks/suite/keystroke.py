"""From the key to the screen, in Chromium: keydown to the frame after the character is in the document.

The floor is a bare textarea. Keys come at a typist's pace; 10 cells, and 5,000.
"""

from statistics import quantiles

from playwright.async_api import Browser, Page

from benchmarks.bench import Bench
from benchmarks.browser import EDITABLE, chromium, open_page, signed_in
from benchmarks.notebooks import cells_of, encoded
from benchmarks.report import CARNET, Goal
from benchmarks.servers import Server

KEYS = 60
EACH_MS = 60.0
FRAME_MS = 1000 / 60
SIZES = {"10 cells": 10, "5,000 cells": 5000}

GOALS = (
    Goal("10 cells: p50", "floor + 3 ms", lambda medians: medians["10 cells: p50", "floor"] + 3),
    *(
        Goal(f"{name}: p95", "floor + a frame", lambda medians: medians["10 cells: p95", "floor"] + FRAME_MS)
        for name in SIZES
    ),
    Goal(
        "5,000 cells: p50",
        "10 cells + 3 ms",
        lambda medians: medians["10 cells: p50", CARNET] + 3,
    ),
)

#: Notes, for each key, the time from its event to the frame after the one that draws it.
_WATCH = """() => {
  window.keyTimes = [];
  addEventListener("keydown", event => {
    const pressed = event.timeStamp;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => window.keyTimes.push(performance.now() - pressed);
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}"""


async def measure(bench: Bench) -> None:
    """Sixty keys a round in each notebook, on each server in turn."""
    async with chromium() as browser:
        with bench.folder() as folder:
            servers = bench.servers(folder)
            for server in servers:
                server.start()
                for name, count in SIZES.items():
                    (server.notebooks / _file(name)).write_bytes(encoded(cells_of(count)))
            try:
                for _ in range(bench.rounds):
                    for server in servers:
                        for name in SIZES:
                            await _type(bench, browser, server, name)
            finally:
                for server in servers:
                    server.stop()


def _file(name: str) -> str:
    return f"{name.replace(' ', '-').replace(',', '')}.ipynb"


async def _type(bench: Bench, browser: Browser, server: Server, name: str) -> None:
    is_floor = server.column == "floor"
    if is_floor and name != "10 cells":
        return
    async with signed_in(browser, server) as context:
        page = await context.new_page()
        path, text = ("", "floor") if is_floor else (f"notebooks/{_file(name)}", "value = 0 * 2")
        await open_page(page, server, path, text)
        times_ms = await _keys(page, EDITABLE[server.column])
    cuts = quantiles(times_ms, n=20)
    bench.note(f"{name}: p50", "ms", server.column, cuts[9])
    bench.note(f"{name}: p95", "ms", server.column, cuts[18])


async def _keys(page: Page, selector: str) -> list[float]:
    await page.locator(selector).first.click()
    await page.wait_for_timeout(1000)
    await page.evaluate(_WATCH)
    await page.keyboard.press("End")
    for number in range(KEYS):
        await page.keyboard.press("abcdefghij"[number % 10])
        await page.wait_for_timeout(EACH_MS)
    typed = await page.evaluate(
        "selector => { const one = document.querySelector(selector); return one.value ?? one.textContent }",
        selector,
    )
    assert "abcdefghij" * 3 in typed, f"the keys did not arrive: {typed!r}"
    times: list[float] = await page.evaluate("window.keyTimes")
    return times

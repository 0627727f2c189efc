"""Until a cell can be edited, in Chromium: notebooks of 10, 1,000 and 5,000 cells and of 50 MB, cold and warm.

The floor is one editable cell in a page of 200 bytes. A slow line (400 kbit/s,
400 ms) is emulated by the browser itself, for HTTP. Each round opens notebooks
that no session has open yet.
"""

from pathlib import Path

from playwright.async_api import Browser

from benchmarks.bench import Bench
from benchmarks.browser import SLOW, Line, Loaded, chromium, load, signed_in
from benchmarks.notebooks import cells_of, encoded, of_size
from benchmarks.report import CARNET, Goal
from benchmarks.servers import Server

BIG_BYTES = 50_000_000
SMALL = "10 cells"

GOALS = (
    Goal(f"{SMALL} cold: transferred", "180 kB", lambda _: 180.0),
    Goal(f"{SMALL} cold: requests", "6", lambda _: 6.0),
    Goal(f"{SMALL} warm: transferred", "1 kB", lambda _: 1.0),
    *(
        Goal(
            f"{name} cold: editable",
            "1.2 x 10 cells",
            lambda medians: 1.2 * medians[f"{SMALL} cold: editable", CARNET],
        )
        for name in ("1,000 cells", "5,000 cells", "50 MB")
    ),
)


async def measure(bench: Bench) -> None:
    """Each notebook once a round on each server, in turn."""
    notebooks = {
        SMALL: encoded(cells_of(10)),
        "1,000 cells": encoded(cells_of(1000)),
        "5,000 cells": encoded(cells_of(5000)),
        "50 MB": of_size(BIG_BYTES),
    }
    async with chromium() as browser:
        for number in range(bench.rounds):
            with bench.folder() as folder:
                for server in bench.servers(folder):
                    with server:
                        await _visit(bench, browser, server, notebooks, is_last=number == bench.rounds - 1)


async def _visit(
    bench: Bench, browser: Browser, server: Server, notebooks: dict[str, bytes], *, is_last: bool
) -> None:
    if server.column == "floor":
        notebooks = {SMALL: b""}
    for name, data in notebooks.items():
        path = _page(server, name, data)
        text = "floor" if server.column == "floor" else "value = 0 * 2"
        async with signed_in(browser, server) as context:
            for state in ("cold", "warm"):
                loaded = await load(context, server, path, text)
                _note(bench, server.column, f"{name} {state}", loaded)
                if is_last and server.column == CARNET and name == SMALL:
                    bench.said.append(f"- {state}: " + ", ".join(_short(one) for one in loaded.names))
        if name == SMALL:
            await _visit_slowly(bench, browser, server, path, text, SLOW)


async def _visit_slowly(
    bench: Bench, browser: Browser, server: Server, path: str, text: str, line: Line
) -> None:
    async with signed_in(browser, server) as context:
        for state in ("cold", "warm"):
            loaded = await load(context, server, path, text, line)
            bench.note(f"{SMALL} slow line {state}: editable", "s", server.column, loaded.editable_s)
            bench.note(f"{SMALL} slow line {state}: first paint", "s", server.column, loaded.paint_s)


def _page(server: Server, name: str, data: bytes) -> str:
    if not data:
        return ""
    file = Path(f"{name.replace(' ', '-').replace(',', '')}.ipynb")
    (server.notebooks / file).write_bytes(data)
    return f"notebooks/{file}"


def _note(bench: Bench, column: str, what: str, loaded: Loaded) -> None:
    bench.note(f"{what}: editable", "s", column, loaded.editable_s)
    bench.note(f"{what}: transferred", "kB", column, loaded.kilobytes)
    bench.note(f"{what}: requests", "", column, loaded.requests)
    if column == CARNET:
        bench.note(f"{what}: over the link", "kB", column, loaded.link_kilobytes)


def _short(name: str) -> str:
    address, _, size = name.rpartition(" ")
    return f"{address.rpartition('/')[2] or '/'} {size}"

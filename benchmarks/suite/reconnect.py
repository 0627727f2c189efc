"""What is lost when links and servers end while a cell prints: 600 lines in 3 s. Nothing should be.

Tabs here keep a replica and come back as the page does (tests/support/link_client.py).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet
from tests.support.link_client import LinkClient

LINES = 600
CODE = f"import time\nfor i in range({LINES}): print('line', i, flush=True); time.sleep(0.005)"

Event = Callable[[Carnet, LinkClient], Awaitable[None]]


async def _cut(_server: Carnet, tab: LinkClient) -> None:
    tab.cut()


async def _nothing(_server: Carnet, _tab: LinkClient) -> None:
    return


async def _kill(server: Carnet, _tab: LinkClient) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.start)


EVENTS: dict[str, Event] = {"link cut": _cut, "page reloaded": _nothing, "server killed": _kill}

GOALS = tuple(Goal(f"{name}: lines lost", "none", lambda _: 0) for name in EVENTS)


async def measure(bench: Bench) -> None:
    """Each once a round, on a server of its own."""
    for _ in range(bench.rounds):
        for name, event in EVENTS.items():
            with bench.folder() as folder:
                server = Carnet(folder)
                (server.notebooks / "a.ipynb").write_bytes(encoded([]))
                with server:
                    await _measure_one(bench, server, name, event)


async def _measure_one(bench: Bench, server: Carnet, name: str, event: Event) -> None:
    url = f"ws://127.0.0.1:{server.port}/link"
    async with LinkClient(url, HEADERS, "a.ipynb") as tab:
        cell = await tab.add_cell(CODE)
        await tab.run(cell)
        await tab.wait(lambda: tab.text(0).count("\n") > LINES // 6)
        seen = tab.text(0).count("\n")
        before_s = time.perf_counter()
        await event(server, tab)
        if name == "page reloaded":
            tab = await LinkClient(url, HEADERS, "a.ipynb").__aenter__()
        await tab.wait(lambda: tab.text(0).count("\n") > seen)
        bench.note(f"{name}: goes on after", "s", CARNET, time.perf_counter() - before_s)
        await tab.wait_done(0)
        shown = tab.text(0).splitlines()
        lost = LINES - len({line for line in shown if line.startswith("line ")})
        bench.note(f"{name}: lines lost", "", CARNET, lost + max(0, len(shown) - LINES))
        if name == "page reloaded":
            await tab.__aexit__()

"""The first cell of a new notebook: from pressing Run to its end, with a warm spare kernel and without.

The limit of a cold start is the kernel's own: jupyter_client spawns it and runs one cell.
"""

import asyncio

from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.raw_kernel import RawKernel
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet
from benchmarks.tab import Tab

WARM = "a spare is warm"
COLD = "no spare yet"
SPARE_S = 60.0

GOALS = (
    Goal(WARM, "50 ms", lambda _: 50.0),
    Goal(COLD, "1.05 x raw + host", lambda medians: 1.05 * medians[COLD, "raw"] + 150),
)


async def measure(bench: Bench) -> None:
    """A server a round: its first notebook finds no spare, the next one does."""
    for _ in range(bench.rounds):
        with RawKernel() as raw:
            bench.note(COLD, "ms", "raw", (raw.start_s + raw.run(["1"])) * 1e3)
            bench.note(WARM, "ms", "raw", raw.run(["1"]) * 1e3)
        with bench.folder() as folder:
            server = Carnet(folder)
            for name in ("cold.ipynb", "warm.ipynb"):
                (server.notebooks / name).write_bytes(encoded([]))
            with server:
                await _first_run(bench, server, "cold.ipynb", COLD)
                await _spare_is_warm(server)
                await _first_run(bench, server, "warm.ipynb", WARM)


async def _first_run(bench: Bench, server: Carnet, name: str, what: str) -> None:
    async with Tab(server.port, HEADERS, name) as tab:
        cells = await tab.insert(["1"])
        bench.note(what, "ms", CARNET, await tab.run(cells) * 1e3)


async def _spare_is_warm(server: Carnet) -> None:
    log = server.state / "host" / "host.log"
    async with asyncio.timeout(SPARE_S):
        while "is warm" not in log.read_text(encoding="utf-8"):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)

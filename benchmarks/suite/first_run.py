"""The first cell of a new notebook: from pressing Run to its end, with a warm spare kernel, and right after the start.

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
COLD = "server just started"
HOST_MS = 150.0
"""What starting the kernel host may add to the first cold start: an interpreter and its imports."""
SPARE_S = 60.0

GOALS = (
    Goal(WARM, "50 ms", lambda _: 50.0),
    Goal(COLD, "1.05 x raw + host", lambda medians: 1.05 * medians[COLD, "raw"] + HOST_MS),
)


async def measure(bench: Bench) -> None:
    """A server a round: its first notebook finds no spare, the next one does. "raw" for warm: the kernel is up already."""
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
    """Wait until a spare is there that nobody has taken."""
    log = server.state / "host" / "host.log"
    async with asyncio.timeout(SPARE_S):
        said = log.read_text(encoding="utf-8")
        while said.rfind("is warm") < said.rfind("is ready"):
            await asyncio.sleep(0.05)
            said = log.read_text(encoding="utf-8")
    await asyncio.sleep(0.5)

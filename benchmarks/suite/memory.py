"""Memory, idle: proportional set size of the server, of the kernel host, and of each kernel."""

import asyncio
from contextlib import AsyncExitStack

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet, Floor, Jupyter
from benchmarks.tab import Tab

KERNELS = 4
QUIET_S = 3.0
"""Long enough for what is done in idle time after a start."""

SERVER = "server without a kernel"
EACH = "server for each kernel"

GOALS = (
    Goal(SERVER, "30 MB", lambda _: 30.0),
    Goal(EACH, "0.3 MB", lambda _: 0.3),
)


async def measure(bench: Bench) -> None:
    """Once: memory hardly differs from round to round."""
    with bench.folder() as folder:
        await _carnet(bench, Carnet(folder / "carnet"))
        with Floor(folder / "floor") as floor:
            await asyncio.sleep(QUIET_S)
            bench.note(SERVER, "MB", floor.column, machine.pss_mb(floor.pid))
        if bench.peers_python is not None:
            with Jupyter(folder / "jupyter", bench.peers_python) as jupyter:
                await asyncio.sleep(QUIET_S)
                bench.note(SERVER, "MB", jupyter.column, machine.pss_mb(jupyter.pid))


async def _carnet(bench: Bench, server: Carnet) -> None:
    names = [f"{number}.ipynb" for number in range(KERNELS)]
    for name in names:
        (server.notebooks / name).write_bytes(encoded([]))
    with server:
        await asyncio.sleep(QUIET_S)
        bench.note(SERVER, "MB", CARNET, machine.pss_mb(server.pid))
        async with AsyncExitStack() as stack:
            tabs = [await stack.enter_async_context(Tab(server.port, HEADERS, name)) for name in names]
            await _run(tabs[0])
            await asyncio.sleep(QUIET_S)
            first_mb = machine.pss_mb(server.pid)
            bench.note("server with one kernel", "MB", CARNET, first_mb)
            for tab in tabs[1:]:
                await _run(tab)
            await asyncio.sleep(QUIET_S)
            bench.note(EACH, "MB", CARNET, (machine.pss_mb(server.pid) - first_mb) / (KERNELS - 1))
            host = server.host()
            assert host is not None
            bench.note("kernel host", "MB", CARNET, machine.pss_mb(host))
            kernels = [
                pid for pid in machine.descendants(host) if "ipykernel_launcher" in machine.command_line(pid)
            ]
            bench.note(
                "each kernel", "MB", CARNET, sum(machine.pss_mb(pid) for pid in kernels) / len(kernels)
            )


async def _run(tab: Tab) -> None:
    await tab.run(await tab.insert(["1"]))

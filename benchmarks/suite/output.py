"""Much output: until the end is on the tab, what is lost (nothing), and the server's CPU time a message."""

import asyncio
import time

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.raw_kernel import RawKernel
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet
from benchmarks.tab import Tab

PRINTS = 200_000
FLUSHED = 20_000

#: Name to code, lines that it prints, and messages that it sends, about.
OUTPUTS = {
    "200k prints": (f"for i in range({PRINTS}): print(i)", PRINTS, 0),
    "20k flushed lines": (f"for i in range({FLUSHED}): print(i, flush=True)", FLUSHED, FLUSHED),
    "50 MB display": (
        "from IPython.display import display; display({'text/html': 'x' * 50_000_000}, raw=True)",
        0,
        0,
    ),
}
LOST = "lines lost"

GOALS = (
    Goal("20k flushed lines", "1.05 x raw", lambda medians: 1.05 * medians["20k flushed lines", "raw"]),
    Goal(f"20k flushed lines: {LOST}", "none", lambda _: 0),
    Goal("20k flushed lines: server CPU a message", "25 us", lambda _: 25.0),
    Goal(f"200k prints: {LOST}", "none", lambda _: 0),
    Goal("50 MB display", "1.1 x raw", lambda medians: 1.1 * medians["50 MB display", "raw"]),
)


async def measure(bench: Bench) -> None:
    """Each once a round, in turn, on kernels that stay."""
    with bench.folder() as folder, RawKernel() as raw:
        server = Carnet(folder)
        (server.notebooks / "a.ipynb").write_bytes(encoded([]))
        with server:
            async with Tab(server.port, HEADERS, "a.ipynb") as tab:
                cells = dict(
                    zip(OUTPUTS, await tab.insert([code for code, _, _ in OUTPUTS.values()]), strict=True)
                )
                await tab.run(await tab.insert(["pass"]))
                for _ in range(bench.rounds):
                    for name, (code, lines, messages) in OUTPUTS.items():
                        raw.lines = tab.lines = 0
                        bench.note(name, "s", "raw", raw.listen(code))
                        await _quiet(server)
                        before_s, host_before_s = machine.cpu_s(server.pid), _host_cpu_s(server)
                        bench.note(name, "s", CARNET, await tab.run([cells[name]]))
                        used_s = machine.cpu_s(server.pid) - before_s
                        bench.note(f"{name}: server CPU", "s", CARNET, used_s)
                        bench.note(f"{name}: host CPU", "s", CARNET, _host_cpu_s(server) - host_before_s)
                        if lines:
                            bench.note(f"{name}: {LOST}", "", "raw", lines - raw.lines)
                            bench.note(f"{name}: {LOST}", "", CARNET, lines - tab.lines)
                        if messages:
                            bench.note(f"{name}: server CPU a message", "us", CARNET, used_s * 1e6 / messages)


async def _quiet(server: Carnet) -> None:
    """Wait until the save that belongs to the last output is over."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        before_s = machine.cpu_s(server.pid)
        await asyncio.sleep(1.2)
        if machine.cpu_s(server.pid) - before_s < 0.05:
            return


def _host_cpu_s(server: Carnet) -> float:
    host = server.host()
    assert host is not None
    return machine.cpu_s(host)

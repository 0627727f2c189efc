"""Startup: from the command to the first page, beside a bare Tornado; and the CPU time of it."""

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.report import Goal

FIRST_PAGE = "first page"
CPU = "CPU to the first page"

GOALS = (Goal(FIRST_PAGE, "1.3 x floor", lambda medians: 1.3 * medians[FIRST_PAGE, "floor"]),)


async def measure(bench: Bench) -> None:
    """Start each server once a round, in turn. The first round only warms the page cache and the bytecode."""
    with bench.folder() as folder:
        servers = bench.servers(folder)
        for number in range(bench.rounds + 1):
            for server in servers:
                try:
                    took_s = server.start(server.first_page)
                    used_s = machine.cpu_s(server.pid)
                finally:
                    server.stop()
                if number:
                    bench.note(FIRST_PAGE, "ms", server.column, took_s * 1e3)
                    bench.note(CPU, "ms", server.column, used_s * 1e3)

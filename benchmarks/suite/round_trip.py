"""One cell after another: `pass`, from pressing Run until its end is on the tab, beside jupyter_client."""

from statistics import quantiles

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.raw_kernel import RawKernel
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet
from benchmarks.tab import Tab

RUNS = 100
P50 = "p50"
P95 = "p95"

GOALS = (
    Goal(P50, "raw + 0.5 ms", lambda medians: medians[P50, "raw"] + 0.5),
    Goal(P95, "raw + 2 ms", lambda medians: medians[P95, "raw"] + 2.0),
)


async def measure(bench: Bench) -> None:
    """A hundred of each a round, in turn, on kernels that stay."""
    with bench.folder() as folder, RawKernel() as raw:
        server = Carnet(folder)
        (server.notebooks / "a.ipynb").write_bytes(encoded([]))
        with server:
            async with Tab(server.port, HEADERS, "a.ipynb") as tab:
                cells = await tab.insert(["pass"])
                await tab.run(cells)
                raw.run(["pass"])
                for _ in range(bench.rounds):
                    _note(bench, "raw", [raw.run(["pass"]) for _ in range(RUNS)])
                    before_s = machine.cpu_s(server.pid)
                    _note(bench, CARNET, [await tab.run(cells) for _ in range(RUNS)])
                    used_s = machine.cpu_s(server.pid) - before_s
                    bench.note("server CPU for each", "ms", CARNET, used_s * 1e3 / RUNS)


def _note(bench: Bench, column: str, times_s: list[float]) -> None:
    cuts = quantiles(times_s, n=20)
    bench.note(P50, "ms", column, cuts[9] * 1e3)
    bench.note(P95, "ms", column, cuts[18] * 1e3)

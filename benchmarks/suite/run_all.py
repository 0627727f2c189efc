"""Run all: 200 cells with one press, beside jupyter_client sending all at once, and one after another."""

from benchmarks.bench import Bench
from benchmarks.notebooks import encoded
from benchmarks.raw_kernel import RawKernel
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, Carnet
from benchmarks.tab import Tab

CELLS = 200
ALL = "200 cells"

GOALS = (Goal(ALL, "1.05 x raw in turn", lambda medians: 1.05 * medians[ALL, "raw in turn"]),)


async def measure(bench: Bench) -> None:
    """Once each a round, in turn, on kernels that stay."""
    sources = [f"value_{number} = {number}" for number in range(CELLS)]
    with bench.folder() as folder, RawKernel() as raw:
        server = Carnet(folder)
        (server.notebooks / "a.ipynb").write_bytes(encoded([]))
        with server:
            async with Tab(server.port, HEADERS, "a.ipynb") as tab:
                cells = await tab.insert(sources)
                await tab.run(cells[:1])
                for _ in range(bench.rounds):
                    bench.note(ALL, "s", "raw in turn", sum(raw.run([source]) for source in sources))
                    bench.note(ALL, "s", CARNET, await tab.run(cells))
                    bench.note(ALL, "s", "raw at once", raw.run(sources))

"""A cell that would use up the memory is interrupted; its kernel and its variables stay."""

from collections.abc import Iterator

import pytest

from carnet.core.notebook.model import ErrorOutput
from carnet.core.session.intents import Interrupt, RestartKernel
from tests.support.seeds import figure, rounds
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault]

LIMIT_BYTES = 500 << 20

FILL = """hoard = []
while True:
    hoard.append(b"x" * (4 << 20))"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CarnetServer]:
    """Return a server whose kernels may have 500 MiB each."""
    folder = tmp_path_factory.mktemp("guarded")
    with CarnetServer(folder, settings={"memory_guard": str(LIMIT_BYTES)}) as server:
        yield server


async def test_mg1_mg3_a_cell_that_fills_the_memory_is_interrupted_and_variables_stay(
    guarded: CarnetServer, path: str
) -> None:
    guarded.write(
        path,
        [
            "kept = 'alive'",
            FILL,
            "print(kept, len(hoard) > 50)",
            "del hoard\nprint('freed')",
            "print('behind')",
        ],
    )
    times = rounds(3)
    async with guarded.tab(path) as tab:
        order = tab.now.order
        await tab.run(order[0])
        await tab.wait_done(0)
        lineage = tab.now.kernel.lineage
        for _ in range(times):
            await tab.run(order[1], order[4])
            await tab.wait(lambda: not tab.now.runs)
            [error] = [output for output in tab.cell(1).cell.outputs if isinstance(output, ErrorOutput)]
            # Python says MemoryError where it was the allocation itself that was interrupted.
            assert error.ename in {"KeyboardInterrupt", "MemoryError"}
            behind = tab.cell(4).last
            assert behind is not None
            assert behind.outcome == "aborted"
            [notice] = [notice for notice in tab.now.notices if notice.id == "memory-guard"]
            assert "a kernel may have 500 MiB" in notice.text
            # A run beside the old, large variables is left alone, and so is one that frees them.
            await tab.run(order[2])
            await tab.wait_done(2)
            assert tab.text(2) == "alive True\n"
            await tab.run(order[3])
            await tab.wait_done(3)
            assert tab.text(3) == "freed\n"
        assert tab.now.kernel.lineage == lineage
    figure(f"memory guard: {times} of {times} cells interrupted, variables alive: {notice.text!r}")


async def test_lv20_a_kernel_that_ignores_an_interrupt_is_said_to(guarded: CarnetServer, path: str) -> None:
    guarded.write(
        path,
        [
            """import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('deaf')
while True:
    time.sleep(0.05)"""
        ],
    )
    async with guarded.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait(lambda: tab.text(0) == "deaf\n")
        await tab.intend(Interrupt())
        await tab.wait(lambda: any(notice.id == "interrupt" for notice in tab.now.notices))
        [notice] = [notice for notice in tab.now.notices if notice.id == "interrupt"]
        assert "Restart" in notice.text
        assert "Kill" in notice.text
        await tab.intend(RestartKernel())
        await tab.wait(lambda: not tab.now.runs and tab.now.kernel.status == "idle")
        await tab.wait(lambda: not any(notice.id == "interrupt" for notice in tab.now.notices))

"""Cut lines: a tab that was cut off at any byte holds exactly the state of never having left. And runs happen once."""

import random

import pytest

from carnet.core.notebook.model import DisplayData
from carnet.testing.bad_network import BadNetwork
from tests.faults.numbered_lines import LINES, missing_and_doubled, text_of
from tests.support.link_client import visible
from tests.support.seeds import figure, rounds
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(1800)]

PRINT = f"""
from IPython.display import display
a, b, c = (display({{"text/plain": "0"}}, raw=True, display_id=True) for _ in range(3))
for number in range({LINES}):
    print(f"line {{number:06d}}")
    if number % 100 == 99:
        for one in (a, b, c):
            one.update({{"text/plain": str(number)}}, raw=True)
        time.sleep(PAUSE_S)
"""


async def test_lv3_lk_resume_after_cuts_at_random_bytes_is_the_state_of_never_having_left(
    server: CarnetServer, path: str, seed: int
) -> None:
    random_ = random.Random(seed)
    wanted_cuts = rounds(60)
    server.write(path, ["import time\nPAUSE_S = 0.012", PRINT.strip()])
    cuts = lost = doubled = snapshots = 0
    async with BadNetwork(server.port) as net, server.tab(path) as steady:
        while cuts < wanted_cuts:
            # Short lives and long ones: before the first frame is whole, in mid-frame, far behind a snapshot.
            net.next_cut = lambda: int(10 ** random_.uniform(1.5, 5.3))
            before = net.cuts
            async with server.tab(path, port=net.port) as tab:
                runs = await tab.run(*tab.now.order)
                await tab.wait(lambda runs=runs: not set(runs) & {run.id for run in tab.now.runs})  # type: ignore[misc]  # bound at once
                net.next_cut = lambda: None
                net.cut_all()
                await steady.wait(lambda: not steady.now.runs)
                end = steady.now.seq
                await tab.wait(lambda end=end: tab.now.seq >= end)  # type: ignore[misc]  # bound at once
                async with server.tab(path) as fresh:
                    await tab.wait(lambda: tab.now.seq == fresh.now.seq)
                    await steady.wait(lambda: steady.now.seq == fresh.now.seq)
                    assert visible(tab.now) == visible(fresh.now)
                    assert visible(steady.now) == visible(fresh.now)
                one_lost, one_doubled = missing_and_doubled(text_of(server, tab.now, 1))
                lost, doubled = lost + one_lost, doubled + one_doubled
                shown = [output for output in tab.cell(1).cell.outputs if isinstance(output, DisplayData)]
                assert [output.data for output in shown] == [{"text/plain": str(LINES - 1)}] * 3
                snapshots += tab.snapshots
            cuts += net.cuts - before
    figure(f"{cuts} cuts, {snapshots} snapshots: {lost} lines lost, {doubled} doubled")
    assert (lost, doubled) == (0, 0)


async def test_lv3_runs_pressed_under_cuts_happen_exactly_as_often_as_acknowledged(
    server: CarnetServer, path: str, seed: int
) -> None:
    random_ = random.Random(seed)
    server.write(path, ["n = 0", *["n += 1\nprint(n)"] * 12])
    presses = rounds(80)
    async with BadNetwork(server.port) as net, server.tab(path) as steady:
        net.next_cut = lambda: int(10 ** random_.uniform(2.3, 4))
        async with server.tab(path, port=net.port) as tab:
            cells = tab.now.order[1:]
            await tab.run(tab.now.order[0])
            for number in range(presses):
                await tab.press_run(random_.choice(cells))
                match random_.randrange(5):
                    case 0:
                        tab.cut()
                    case 1:
                        net.cut_all()
                    case 2:
                        pass
                    case _:
                        await tab.wait(lambda: tab.pending == 0)
                if number % 8 == 7:
                    await tab.wait(lambda: tab.pending == 0 and not tab.now.runs)
            # Offline, then home: what was pressed meanwhile goes once.
            net.down = True
            net.cut_all()
            await tab.press_run(cells[0])
            await tab.press_run(cells[1])
            net.next_cut = lambda: None
            net.down = False
            await tab.wait(lambda: tab.pending == 0 and not tab.now.runs)
            await steady.wait(lambda: steady.now.seq == tab.now.seq)
            assert steady.snapshots == 1  # it was never cut, so it saw every entry
            # Each press was decided once, in order.
            mine = [number for client, number in steady.decided if client == tab.client_id]
            assert mine == list(range(1, presses + 4))
            # A press while the cell is queued already changes nothing; the journal says which did.
            asked = len(steady.queued)
            assert len(set(steady.queued)) == asked
            assert max(state.cell.execution_count or 0 for state in steady.now.cells.values()) == asked
            printed = [steady.text(index) for index in range(1, 13)]
            assert f"{asked - 1}\n" in printed
            assert visible(tab.now) == visible(steady.now)
    figure(f"{presses + 3} presses under {net.cuts} cuts: {asked} runs acknowledged, {asked} executed")

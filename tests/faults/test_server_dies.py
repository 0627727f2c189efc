"""The server is killed, again and again, in the middle of runs: nothing is lost, nothing happens twice."""

import asyncio
import contextlib
import random
import re
import signal
import time
from pathlib import Path

import pytest

from carnet.core.notebook.model import Stream
from carnet.core.session.intents import DismissNotice
from tests.faults.numbered_lines import missing_and_doubled, printing, text_of
from tests.support.link_client import LinkClient, visible
from tests.support.seeds import ROUNDS, figure, rounds
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(1800)]


async def restart(server: CarnetServer, number: signal.Signals) -> None:
    """End the server and start it on the same port, while tabs go on trying."""
    await asyncio.to_thread(server.restart, number=number)


def lines_seen(tab: LinkClient) -> int:
    """Return how many lines of the second cell this tab has got."""
    return sum(
        output.head.count("\n") + sum(part.lines for part in output.spilled) + output.text.count("\n")
        for output in tab.cell(1).cell.outputs
        if isinstance(output, Stream)
    )


async def test_lv5_lv13_lv15_a_server_killed_in_mid_run_loses_and_doubles_nothing(
    server: CarnetServer, path: str, seed: int
) -> None:
    random_ = random.Random(seed)
    wanted = rounds(20)
    server.write(path, ["x = 'alive'", printing(pause_s=0.03), "print('queued', x)"])
    kills = terminations = lost = doubled = 0
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait_done(0)
        kernel_id, count = tab.now.kernel.id, 1
        while kills < wanted:
            await tab.press_run(*tab.now.order[1:])
            if random_.random() < 0.5:
                await tab.wait(lambda: tab.pending == 0)
            while kills < wanted:
                number = signal.SIGTERM if random_.random() < 0.25 else signal.SIGKILL
                await restart(server, number)
                kills += number is signal.SIGKILL
                terminations += number is signal.SIGTERM
                # The next one comes at a random line, wherever the kernel is by then.
                target = lines_seen(tab) + random_.randrange(1500)
                await tab.wait(lambda target=target: lines_seen(tab) >= target or not tab.now.runs)  # type: ignore[misc]  # bound at once
                if tab.pending == 0 and not tab.now.runs:
                    break
            await tab.wait(lambda: tab.pending == 0 and not tab.now.runs)
            count += 2
            assert tab.text(2) == "queued alive\n"
            assert tab.now.kernel.id == kernel_id
            assert tab.cell(2).cell.execution_count == count
            one_lost, one_doubled = missing_and_doubled(text_of(server, tab.now, 1))
            lost, doubled = lost + one_lost, doubled + one_doubled
            async with server.tab(path) as fresh:
                await tab.wait(lambda: tab.now.seq == fresh.now.seq)
                assert visible(tab.now) == visible(fresh.now)
    figure(f"{kills} SIGKILL and {terminations} SIGTERM in mid-run: {lost} lines lost, {doubled} doubled")
    assert (lost, doubled) == (0, 0)
    assert "Traceback" not in server.log()


async def test_lv15_a_host_killed_in_mid_run_leaves_kernels_that_are_adopted_and_says_what_may_be_missing(
    server: CarnetServer, path: str
) -> None:
    server.write(path, ["x = 'alive'", printing(pause_s=0.01), "print('queued', x)"])
    async with server.tab(path) as tab:
        await tab.run(*tab.now.order[:2])
        await tab.wait(lambda: lines_seen(tab) > 100)
        kernel_id = tab.now.kernel.id
        before = {process.pid for process in server.kernel_processes()}
        host = server.host()
        assert host is not None
        host.kill()
        await tab.wait(lambda: any(notice.id == "kernel-gap" for notice in tab.now.notices))
        [notice] = [notice for notice in tab.now.notices if notice.id == "kernel-gap"]
        figure(f"host SIGKILL: {notice.text!r}")
        assert re.search(r"may be missing: for \d+ s, the kernel host was not there", notice.text)
        await tab.wait(lambda: not tab.now.runs)
        await tab.run(tab.now.order[2])
        await tab.wait_done(2)
        assert tab.text(2) == "queued alive\n"
        assert tab.now.kernel.id == kernel_id
        assert before & {process.pid for process in server.kernel_processes()}


async def test_lv19_twenty_open_notebooks_come_back_after_a_kill(tmp_path: Path) -> None:
    kernels = 20 if ROUNDS else 3
    with CarnetServer(tmp_path) as server:
        async with contextlib.AsyncExitStack() as stack:
            tabs = []
            for number in range(20):
                name = f"n{number}.ipynb"
                server.write(name, [f"x = {number}", "print(x)", *[f"# {line}\n" * 20 for line in range(50)]])
                tabs.append(await stack.enter_async_context(server.tab(name)))
            for tab in tabs[:kernels]:
                await tab.run(tab.now.order[0])
            for tab in tabs[:kernels]:
                await tab.wait_done(0)
            await asyncio.to_thread(server.kill)
            begun_s = time.monotonic()
            await asyncio.to_thread(server.start)
            listens_s = time.monotonic() - begun_s
            for tab in tabs:
                await tab.acknowledged(await tab.intend(DismissNotice(id="none")))
            all_s = time.monotonic() - begun_s
            for number, tab in enumerate(tabs[:kernels]):
                await tab.run(tab.now.order[1])
                await tab.wait_done(1)
                assert tab.text(1) == f"{number}\n"
            assert all(tab.reconnects == 2 for tab in tabs)
    figure(
        f"recovery of 20 open notebooks, {kernels} with kernels: the server listens after {listens_s:.2f} s, "
        f"every tab is answered after {all_s:.2f} s"
    )

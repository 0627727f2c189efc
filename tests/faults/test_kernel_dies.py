"""The kernel dies, each time of something else: the notebook says of what, in which cell, and goes back to idle."""

import re
from dataclasses import dataclass

import pytest

from carnet.core.session.intents import RunCells, RunRequest
from carnet.core.session.state import SessionState
from carnet.core.wire.host import Obituary
from carnet.ids import BatchId, RunId, new_id
from tests.support.link_client import LinkClient
from tests.support.seeds import figure
from tests.support.server import CarnetServer

pytestmark = [pytest.mark.slow, pytest.mark.fault]


@dataclass(frozen=True)
class Death:
    """What kills it, and what the notebook must say."""

    code: str
    sentence: str
    signal: int | None = None
    exit_code: int | None = None
    last_words: str = ""


DEATHS = [
    Death("os.kill(os.getpid(), 9)", r"something outside it killed it \(SIGKILL\)", signal=9),
    Death(
        "os.abort()",
        r"aborted itself \(SIGABRT\)",
        signal=6,
        last_words="Fatal Python error: Aborted",
    ),
    Death(
        "import ctypes; ctypes.string_at(0)",
        r"memory that is not its own \(SIGSEGV, a segmentation fault\)",
        signal=11,
        last_words="Fatal Python error: Segmentation fault",
    ),
    Death("os._exit(3)", r"exit code 3", exit_code=3),
    Death("sys.stderr.flush(); os.write(2, b'the end'); os._exit(70)", r"exit code 70", exit_code=70),
]


def died(state: SessionState) -> Obituary | None:
    """Return the obituary of a kernel that is dead."""
    return state.kernel.obituary if state.kernel.status == "dead" else None


async def test_km_five_deaths_have_five_obituaries_and_the_queue_returns_to_idle(
    server: CarnetServer, path: str
) -> None:
    sources = [
        "import os, sys\nx = 1",
        "print('before')",
        *[death.code for death in DEATHS],
        "print('never')",
    ]
    server.write(path, sources)
    said = set()
    async with server.tab(path) as tab:
        order = tab.now.order
        for index, death in enumerate(DEATHS, 2):
            runs = await tab.run(order[0], order[1], order[index], order[-1])
            await tab.wait(lambda: died(tab.now) is not None)
            obituary = died(tab.now)
            assert obituary is not None
            assert (obituary.signal, obituary.exit_code) == (death.signal, death.exit_code)
            assert obituary.run_id == runs[2]
            assert not obituary.out_of_memory
            assert not obituary.asked
            assert death.last_words in obituary.stderr_tail
            [notice] = [notice for notice in tab.now.notices if notice.id == "kernel-died"]
            assert re.search(death.sentence, notice.text)
            assert "variables are gone" in notice.text
            assert death.last_words in notice.text
            said.add(notice.text)
            assert tab.now.runs == ()
            assert tab.text(1) == "before\n"
            victim, behind = tab.cell(index).last, tab.cell(len(order) - 1).last
            assert victim is not None
            assert behind is not None
            assert (victim.outcome, behind.outcome) == ("lost", "aborted")
    assert len(said) == len(DEATHS)
    for text in sorted(said):
        figure(text)


async def test_km_sys_exit_ends_no_kernel_and_is_an_error_in_the_cell(
    server: CarnetServer, path: str
) -> None:
    server.write(path, ["import sys; sys.exit(3)", "print('alive')"])
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait_done(0)
        await tab.run(tab.now.order[1])
        await tab.wait_done(1)
        assert tab.now.kernel.lineage == 1
        assert tab.text(1) == "alive\n"


async def test_km_a_run_after_a_death_starts_a_new_kernel(server: CarnetServer, path: str) -> None:
    server.write(path, ["import os; os._exit(3)", "print('new', 'x' in globals())"])
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait(lambda: died(tab.now) is not None)
        first = tab.now.kernel.id
        await tab.run(tab.now.order[1])
        await tab.wait_done(1)
        assert tab.text(1) == "new False\n"
        assert tab.now.kernel.id != first
        assert tab.now.kernel.obituary is None


async def test_km_a_kernel_that_was_killed_while_no_server_was_there_is_told_of(
    server: CarnetServer, path: str
) -> None:
    server.write(path, ["import os, time\nprint(os.getpid(), flush=True)\nwhile True:\n    time.sleep(0.05)"])
    async with server.tab(path) as tab:
        await tab.run(tab.now.order[0])
        await tab.wait(lambda: tab.text(0).endswith("\n"))
        pid = int(tab.text(0))
        [victim] = [process for process in server.kernel_processes() if process.pid == pid]
        server.kill()
        victim.kill()
        server.start()
        await tab.wait(lambda: died(tab.now) is not None)
        obituary = died(tab.now)
        assert obituary is not None
        assert obituary.signal == 9
        assert tab.now.runs == ()
        assert any(notice.id == "kernel-died" for notice in tab.now.notices)


async def test_km_a_cell_asked_to_run_twice_by_one_id_runs_once(server: CarnetServer, path: str) -> None:
    server.write(path, ["n = globals().get('n', 0) + 1\nprint(n)"])
    async with server.tab(path) as tab:
        run_id = RunId(new_id())
        body = RunCells(BatchId(new_id()), (RunRequest(run_id, tab.now.order[0]),))
        await tab.acknowledged(await tab.intend(body))
        await _idle(tab)
        await tab.acknowledged(await tab.intend(body))
        await _idle(tab)
        assert tab.text(0) == "1\n"


async def _idle(tab: LinkClient) -> None:
    await tab.wait(lambda: not tab.now.runs)

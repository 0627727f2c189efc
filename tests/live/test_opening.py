"""Rules LV13 to LV19: docs/specs/live.md."""

import asyncio
import json
from collections.abc import Sequence

import msgspec
import pytest

from carnet.core.notebook.model import Stream
from carnet.core.session.operations import Entry
from carnet.core.wire.host import RunSent
from carnet.errors import InvalidNotebook, NotFound
from carnet.ids import CellId, KernelId, NotebookPath
from carnet.kernels.client import RunSubmission
from carnet.testing.kernel_host import FakeKernelHost
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until, write_notebook
from tests.live.test_saving import sources


async def test_lv13_killed_and_started_again_the_state_is_the_same(world: World) -> None:
    write_notebook(world.notebooks, "one")
    first = world.start()
    session = await first.open(PATH)
    session.saver.hold = True
    tab = Tab(session)
    await tab.insert("n1", "two", after="c1")
    await tab.insert("n2", "three", after="n1")
    before = session.state
    await world.kill(first)

    again = await world.start().open(PATH)

    assert [again.state.cells[cell_id].cell.source for cell_id in again.state.order] == [
        "one",
        "two",
        "three",
    ]
    assert again.state.clients == before.clients
    await until(again, lambda: not again.saver.unsaved)
    assert sources(world.notebooks) == ["one", "two", "three"]


async def test_lv13_what_changed_outside_meanwhile_is_merged(world: World) -> None:
    write_notebook(world.notebooks, "one", "two")
    first = world.start()
    session = await first.open(PATH)
    session.saver.hold = True
    await Tab(session).insert("n1", "ours", after="c2")
    await world.kill(first)
    write_notebook(world.notebooks, "one of theirs", "two")

    again = await world.start().open(PATH)

    texts = [again.state.cells[cell_id].cell.source for cell_id in again.state.order]
    assert texts == ["one of theirs", "two", "ours"]
    await until(again, lambda: not again.saver.unsaved)
    assert sources(world.notebooks) == texts


async def test_lv14_a_journal_that_cannot_be_read_is_set_aside(world: World, expect_log: ExpectLog) -> None:
    expect_log("set aside", logger="carnet.live")
    write_notebook(world.notebooks, "one")
    first = world.start()
    session = await first.open(PATH)
    journal_id, seq = session.state.journal_id, session.state.seq
    session.around.journal.append(journal_id, [(seq + 1, b"\xc1 not an entry")], cursor=None)
    await world.kill(first)

    again = await world.start().open(PATH)

    assert again.state.journal_id != journal_id
    assert again.state.cells[CellId("c1")].cell.source == "one"
    assert list(again.around.journal.read(journal_id, 0)), "the old journal is kept"


async def test_lv15_outputs_said_while_no_server_lived_are_applied_once(world: World) -> None:
    write_notebook(world.notebooks, "print")
    first = world.start()
    session = await first.open(PATH)
    await Tab(session).run("c1")
    await until(session, lambda: bool(world.host.fakes) and any(f.runs for f in world.host.fakes.values()))
    (fake,) = world.host.fakes.values()
    run = fake.runs[0]
    fake.event(RunSent(run_id=run.run_id))
    fake.say("iopub", "stream", {"name": "stdout", "text": "before\n"}, parent_id=run.run_id)
    await until(session, lambda: bool(session.state.cells[CellId("c1")].cell.outputs))
    await world.kill(first)
    fake.say("iopub", "stream", {"name": "stdout", "text": "after\n"}, parent_id=run.run_id)
    fake.say("shell", "execute_reply", {"status": "ok", "execution_count": 1}, parent_id=run.run_id)
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id=run.run_id)

    again = await world.start().open(PATH)
    await until(again, lambda: not again.state.runs)

    assert again.state.cells[CellId("c1")].cell.outputs == (Stream(name="stdout", text="before\nafter\n"),)
    assert len(fake.runs) == 1, "the run was not submitted a second time"


async def test_lv15_a_kernel_that_is_gone_is_said_to_be(world: World) -> None:
    write_notebook(world.notebooks, "print")
    first = world.start()
    session = await first.open(PATH)
    await Tab(session).run("c1")
    await until(session, lambda: bool(world.host.fakes) and any(f.runs for f in world.host.fakes.values()))
    await world.kill(first)
    world.host.fakes.clear()

    again = await world.start().open(PATH)

    assert again.state.runs == ()
    assert again.state.kernel.status == "dead"
    assert "Variables are lost" in again.state.kernel.problem


class DeafHost(FakeKernelHost):
    """A host that takes runs only when it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.hears = asyncio.Event()
        self.asked = asyncio.Event()

    async def submit(self, kernel_id: KernelId, runs: Sequence[RunSubmission]) -> None:
        self.asked.set()
        await self.hears.wait()
        await super().submit(kernel_id, runs)


async def test_lv16_a_run_that_was_decided_and_not_yet_submitted_is_submitted_after_a_kill(
    world: World,
) -> None:
    host = world.host = DeafHost()
    write_notebook(world.notebooks, "print")
    first = world.start()
    session = await first.open(PATH)
    await Tab(session).run("c1")
    await host.asked.wait()
    await world.kill(first)
    (fake,) = host.fakes.values()
    assert fake.runs == []
    host.hears.set()

    again = await world.start().open(PATH)
    [run] = again.state.runs
    async with asyncio.timeout(60):
        while not fake.runs:
            await host.changed.wait()
            host.changed.clear()
    assert [one.run_id for one in fake.runs] == [run.id]


async def test_lv19_what_was_open_is_opened_again(world: World) -> None:
    write_notebook(world.notebooks, "one")
    first = world.start()
    await first.open(PATH)
    await world.kill(first)

    second = world.start()
    assert await second.recover() == 1
    assert [session.state.path for session in second.sessions()] == [PATH]


async def test_a_notebook_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFound):
        await world.start().open(NotebookPath("missing.ipynb"))


async def test_a_file_that_is_no_notebook_is_refused_and_left_alone(world: World) -> None:
    (world.notebooks / "a.ipynb").write_text("{}x")
    registry = world.start()
    with pytest.raises(InvalidNotebook):
        await registry.open(PATH)
    assert (world.notebooks / "a.ipynb").read_text() == "{}x"
    write_notebook(world.notebooks, "mended")
    assert (await registry.open(PATH)).state.cells[CellId("c1")].cell.source == "mended"


async def test_entries_are_what_the_journal_holds(world: World) -> None:
    write_notebook(world.notebooks, "one")
    session = await world.start().open(PATH)
    await Tab(session).insert("n1", "two")
    stored = list(session.around.journal.read(session.state.journal_id, 0))
    assert [msgspec.msgpack.decode(data, type=Entry).seq for _, data in stored] == list(
        range(1, session.state.seq + 1)
    )


async def test_nb17_numbers_of_any_length_are_opened_and_the_file_stays_whole(world: World) -> None:
    path = world.notebooks / PATH
    cell = {
        "cell_type": "code",
        "id": "c1",
        "source": "1",
        "execution_count": 10**30,
        "metadata": {"seed": 2**64, "wei": 10**21, "digits": 10**400, "fits": 2**64 - 1},
        "outputs": [{"output_type": "execute_result", "data": {}, "metadata": {}, "execution_count": 10**30}],
    }
    around = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"n": [-(2**70)]}, "extra": 2**80}
    path.write_text(json.dumps({"cells": [cell], **around}))
    before = path.read_bytes()
    session = await world.start().open(PATH)

    opened = session.state.cells[CellId("c1")].cell
    assert opened.metadata == {"seed": 2.0**64, "wei": 1e21, "digits": "1" + "0" * 400, "fits": 2**64 - 1}
    assert opened.execution_count is None
    assert session.state.metadata == {"n": [-(2.0**70)]}
    assert path.read_bytes() == before
    await Tab(session).insert("n1", "2")
    await until(session, lambda: not session.saver.unsaved)
    written = json.loads(path.read_text())
    assert written["extra"] == 2**80
    assert sources(world.notebooks) == ["2", "1"]


async def test_nb17_what_comes_from_outside_is_read_so_too(world: World) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start().open(PATH)
    path = world.notebooks / PATH
    theirs = json.loads(path.read_text())
    theirs["metadata"]["n"] = 10**30
    path.write_text(json.dumps(theirs))

    await until(session, lambda: "n" in session.state.metadata)

    assert session.state.metadata["n"] == 1e30

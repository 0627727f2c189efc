"""Rules LV1 to LV10: docs/specs/live.md."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from carnet.core.notebook.model import DisplayData, Json, Stream
from carnet.core.session.intents import Edit, Intent, SaveNow, SendComm
from carnet.core.session.operations import Entry, InsertCells
from carnet.core.wire.host import RunSent
from carnet.core.wire.link import Complete
from carnet.errors import JournalFull, KernelError
from carnet.ids import CellId, ClientId, CommId, KernelId, SendId
from carnet.journal.store import Append, JournalStore
from carnet.live.rate import RateGate
from carnet.live.session import Session
from carnet.testing.kernel_host import FakeKernel
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until, write_notebook


async def a_session(world: World, *sources: str) -> Session:
    write_notebook(world.notebooks, *sources)
    return await world.start().open(PATH)


async def a_run(world: World, session: Session, *cell_ids: str) -> KernelId:
    await Tab(session).run(*cell_ids)
    await until(session, lambda: bool(world.host.fakes) and any(f.runs for f in world.host.fakes.values()))
    assert session.state.kernel.id is not None
    return session.state.kernel.id


async def test_lv1_two_opens_give_one_session(world: World) -> None:
    write_notebook(world.notebooks, "1")
    registry = world.start()

    first, second = await asyncio.gather(registry.open(PATH), registry.open(PATH))

    assert first is second
    assert registry.sessions() == [first]


async def test_lv2_an_entry_is_in_the_journal_before_a_follower_hears_of_it(world: World) -> None:
    session = await a_session(world, "1")
    seen: list[tuple[int, int]] = []

    def notify() -> None:
        stored = list(session.around.journal.read(session.state.journal_id, 0))
        seen.append((session.state.seq, stored[-1][0]))

    session.follow(notify)
    await Tab(session).insert("n1", "2")
    session.leave(notify)

    assert seen
    assert all(told == stored for told, stored in seen)


async def test_lv3_an_intent_that_comes_again_changes_nothing(world: World) -> None:
    session = await a_session(world, "1")
    tab = Tab(session)
    await tab.insert("n1", "2")
    before = session.state

    cell = before.cells[CellId("n1")].cell
    again = Intent(tab.client_id, tab.number, "ann", Edit(edits=(InsertCells(after=None, cells=(cell,)),)))
    await session.receive(again)

    assert session.state.order == before.order
    assert session.state.seq == before.seq


async def test_lv4_an_effect_that_fails_is_said_and_the_next_goes_on(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("SubmitRuns: There is no kernel", logger="carnet.live")
    session = await a_session(world, "1", "2")
    kernel_id = await a_run(world, session, "c1")
    del world.host.fakes[kernel_id]

    await Tab(session, "tab2").run("c2")
    await until(session, lambda: session.state.kernel.status == "dead")

    assert session.state.runs == ()
    assert "There is no kernel" in session.state.kernel.problem
    await Tab(session, "tab3").intend(SaveNow())
    await until(session, lambda: session.state.saved.seq >= session.state.changed_seq)


async def test_lv5_outputs_and_cursor_are_committed_together(world: World) -> None:
    session = await a_session(world, "print(1)")
    kernel_id = await a_run(world, session, "c1")
    fake = world.host.fakes[kernel_id]

    fake.play(fake.runs[0], [("stream", {"name": "stdout", "text": "1\n"})])
    await until(session, lambda: not session.state.runs)

    assert session.state.cells[CellId("c1")].cell.outputs == (Stream(name="stdout", text="1\n"),)
    number = session.state.kernel.cursor
    assert number == len(fake.records)
    assert session.around.journal.cursors(session.state.journal_id) == {kernel_id: number}
    assert fake.acknowledged == number


async def test_lv6_a_flood_is_put_together_and_nothing_is_dropped(world: World) -> None:
    session = await a_session(world, "flood")
    kernel_id = await a_run(world, session, "c1")
    fake = world.host.fakes[kernel_id]
    before = session.state.seq

    lines = [("stream", {"name": "stdout", "text": f"{number}\n"}) for number in range(3000)]
    fake.play(fake.runs[0], lines)
    await until(session, lambda: not session.state.runs)

    (output,) = session.state.cells[CellId("c1")].cell.outputs
    assert isinstance(output, Stream)
    assert output.text == "".join(f"{number}\n" for number in range(3000))
    assert session.state.seq - before < 200


async def test_lv6_the_end_of_the_last_run_is_never_delayed(world: World) -> None:
    session = await a_session(world, "pass")
    kernel_id = await a_run(world, session, "c1")
    fake = world.host.fakes[kernel_id]
    an_hour_s = 3600.0
    session._gate = RateGate(burst=1, interval_s=an_hour_s)
    session._gate.acted(session.around.clock.monotonic_s())

    fake.play(fake.runs[0], [("stream", {"name": "stdout", "text": "x"})])
    await until(session, lambda: not session.state.runs)

    (output,) = session.state.cells[CellId("c1")].cell.outputs
    assert isinstance(output, Stream)
    assert output.text == "x"


async def test_lv7_a_large_value_becomes_a_blob_and_order_is_kept(world: World) -> None:
    session = await a_session(world, "big")
    kernel_id = await a_run(world, session, "c1")
    fake = world.host.fakes[kernel_id]
    text = "x" * 200_000

    fake.play(
        fake.runs[0],
        [
            ("display_data", {"data": {"text/plain": text}, "metadata": {}}),
            ("stream", {"name": "stdout", "text": "after\n"}),
        ],
    )
    await until(session, lambda: not session.state.runs)

    first, second = session.state.cells[CellId("c1")].cell.outputs
    assert isinstance(first, DisplayData)
    assert first.data == {}
    ref = first.blobs["text/plain"]
    assert session.around.blobs.get(ref.sha256).decode() == text
    assert second == Stream(name="stdout", text="after\n")


class FullJournal(JournalStore):
    """A journal whose disk can be full."""

    full = False

    def append_many(self, appends: Sequence[Append]) -> None:
        if self.full:
            raise JournalFull("No room to record: the disk is full. Free some space.")
        super().append_many(appends)


async def a_comm(world: World, session: Session) -> FakeKernel:
    """Have a run make a comm; it goes on."""
    fake = world.host.fakes[await a_run(world, session, "c1")]
    run_id = fake.runs[0].run_id
    fake.event(RunSent(run_id=run_id))
    data: dict[str, Json] = {"state": {"value": 1}}
    fake.say(
        "iopub",
        "comm_open",
        {"comm_id": "w", "target_name": "jupyter.widget", "data": data},
        parent_id=run_id,
    )
    await until(session, lambda: "w" in session.state.comms)
    return fake


async def test_lv24_a_message_to_a_comm_goes_past_the_queue_and_again_after_a_kill(world: World) -> None:
    session = await a_session(world, "1")
    fake = await a_comm(world, session)
    update: dict[str, Json] = {"method": "custom", "content": "press"}
    intent = SendComm(SendId("press1"), CommId("w"), update)
    assert (await session.receive(Intent(ClientId("tab2"), 1, "ann", intent))).refusal is None

    async def sent(times: int) -> None:
        async with asyncio.timeout(60):
            while len(fake.sent) < times:
                await world.host.changed.wait()
                world.host.changed.clear()

    await sent(1)
    assert [run.id for run in session.state.runs] == [fake.runs[0].run_id], "it runs still"
    await world.kill(world.registries[0])
    await world.start().open(PATH)
    await sent(2)

    # The host sends one of an id once (HO84).
    assert [one[:3] for one in fake.sent] == [("shell", "comm_msg", "press1")] * 2
    assert msgspec.json.decode(fake.sent[0][3])["data"]["content"] == "press"


async def test_sv16_a_widget_that_changes_is_written_with_the_next_save_and_not_for_itself(
    world: World,
) -> None:
    session = await a_session(world, "1")
    fake = await a_comm(world, session)
    run_id = fake.runs[0].run_id
    view: dict[str, Json] = {"application/vnd.jupyter.widget-view+json": {"model_id": "w"}}
    fake.say("iopub", "display_data", {"data": view, "metadata": {}}, parent_id=run_id)
    await until(session, lambda: bool(session.state.cells[CellId("c1")].cell.outputs))

    def value_in_file() -> object:
        states = json.loads((world.notebooks / PATH).read_bytes())["metadata"].get("widgets", {})
        [widget] = states["application/vnd.jupyter.widget-state+json"]["state"].values()
        return widget["state"]["value"]

    async def becomes(value: int) -> None:
        update: dict[str, Json] = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        fake.say("iopub", "comm_msg", {"comm_id": "w", "data": update}, parent_id=run_id)
        await until(session, lambda: session.state.comms[CommId("w")].data["value"] == value)

    await session.saver.save()
    await becomes(2)
    assert not session.saver.unsaved
    assert value_in_file() == 1
    await Tab(session, "tab3").insert("n1", "2")
    await until(session, lambda: not session.saver.unsaved)
    assert value_in_file() == 2
    await becomes(3)
    await session.saver.save()
    assert value_in_file() == 3
    await becomes(4)
    await world.stop(world.registries[0])
    assert value_in_file() == 4


async def test_lv26_what_was_only_told_leaves_its_number_in_the_journal(world: World) -> None:
    session = await a_session(world, "1")
    fake = await a_comm(world, session)
    before = session.state.seq
    told: dict[str, Json] = {"method": "custom", "content": "a secret of the moment"}
    fake.say("iopub", "comm_msg", {"comm_id": "w", "data": told}, parent_id=fake.runs[0].run_id)
    await until(session, lambda: session.state.seq > before)

    heard = session.entries_after(before, 1 << 20)
    assert heard is not None
    assert b"a secret of the moment" in b"".join(stored.data for stored in heard)
    kept = list(session.around.journal.read(session.state.journal_id, before))
    assert [number for number, _ in kept] == list(range(before + 1, session.state.seq + 1))
    assert not any(b"a secret of the moment" in data for _, data in kept)


async def test_lv8_a_full_journal_holds_everything_back_in_order(world: World, expect_log: ExpectLog) -> None:
    write_notebook(world.notebooks, "1")
    registry = world.start(FullJournal)
    session = await registry.open(PATH)
    journal = session.around.journal
    assert isinstance(journal, FullJournal)
    await until_quiet(session)

    expect_log("disk is full", logger="carnet.live")
    journal.full = True
    tab = Tab(session)
    first = asyncio.create_task(tab.insert("n1", "one"))
    second = asyncio.create_task(tab.insert("n2", "two", after="n1"))
    await asyncio.wait([first, second], timeout=0.05)
    assert not first.done()
    assert "disk is full" in str(session.stalled)
    assert CellId("n1") not in session.state.cells

    journal.full = False
    await asyncio.gather(first, second)
    assert session.stalled is None
    assert session.state.order[:2] == (CellId("n1"), CellId("n2"))


async def until_quiet(session: Session) -> None:
    await until(session, lambda: session.state.saved.revision is not None and not session.saver.unsaved)


async def test_lv9_a_session_with_work_is_not_idle(world: World) -> None:
    session = await a_session(world, "1")
    assert session.idle

    await a_run(world, session, "c1")
    assert not session.idle


async def test_lv10_a_question_is_answered_by_the_kernel(world: World) -> None:
    session = await a_session(world, "1")
    kernel_id = await a_run(world, session, "c1")
    fake = world.host.fakes[kernel_id]
    fake.play(fake.runs[0])
    await until(session, lambda: not session.state.runs)

    asking = asyncio.create_task(session.ask(Complete(code="pri", cursor=3)))
    while not fake.sent:
        world.host.changed.clear()
        await world.host.changed.wait()
    channel, msg_type, msg_id, content = fake.sent[-1]
    assert (channel, msg_type) == ("shell", "complete_request")
    assert msgspec.json.decode(content) == {"code": "pri", "cursor_pos": 3}
    fake.say("shell", "complete_reply", {"status": "ok", "matches": ["print"]}, parent_id=msg_id)

    assert msgspec.json.decode(await asking) == {"status": "ok", "matches": ["print"]}


async def test_lv10_without_a_kernel_a_question_is_refused_in_words(world: World) -> None:
    session = await a_session(world, "1")

    with pytest.raises(KernelError, match="Run a cell to start one"):
        await session.ask(Complete(code="pri", cursor=3))


async def test_entries_after_gives_what_a_follower_lacks(world: World) -> None:
    session = await a_session(world, "1")
    start = session.state.seq
    tab = Tab(session, "tab1")
    for number in range(5):
        await tab.insert(f"n{number}", "x")

    stored = session.entries_after(start + 2, 1 << 20)
    assert stored is not None
    assert next(one.entry.seq for one in stored) == start + 3
    assert all(msgspec.msgpack.decode(one.data, type=Entry) == one.entry for one in stored)
    assert session.entries_after(session.state.seq, 1) == []
    assert session.entries_after(session.state.seq + 7, 1) is None


async def test_the_journal_is_a_real_one(world: World, tmp_path: Path) -> None:
    session = await a_session(world, "1")
    await Tab(session).insert("n1", "secret of the test")
    with sqlite3.connect(world.state / "carnet.sqlite3") as connection:
        rows = connection.execute("SELECT bytes FROM entries").fetchall()
    connection.close()
    assert any(b"secret of the test" in row[0] for row in rows)
    assert ClientId("tab1") in session.state.clients

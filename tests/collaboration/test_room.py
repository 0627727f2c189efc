"""A room shows what its session is and asks of it what clients do, whatever order things come in (CB1 to CB15, CB23)."""

import asyncio
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carnet.collaboration import members, plan, protocol, room
from carnet.collaboration import rooms as rooms_module
from carnet.collaboration.plan import PORTION, DropCells, PutCells, PutOutputs, Step, in_portions
from carnet.collaboration.rooms import Rooms
from carnet.collaboration.shape import alike, shaped
from carnet.collaboration.updates import NESTING_LIMIT
from carnet.core.notebook.model import DisplayData, Stream
from carnet.core.session.intents import ChangeSourceFrom, Edit
from carnet.core.session.operations import (
    AddOutput,
    AppendStream,
    DeleteCells,
    MoveCells,
    SetCellMetadata,
    SetKind,
    SetMetadata,
)
from carnet.core.text.changes import diff
from carnet.errors import JournalFull, NotFound, PeerError
from carnet.ids import CellId
from carnet.live.registry import Registry
from carnet.live.session import Session
from carnet.live.settings import LiveSettings
from tests.collaboration.opening import rooms_of
from tests.collaboration.peers import Peer, settle
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until, write_notebook
from tests.live.test_session import FullJournal


async def opened(world: World, *sources: str) -> tuple[Session, room.Room, Rooms]:
    if not (world.notebooks / "a.ipynb").exists():
        write_notebook(world.notebooks, *sources)
    registry = world.start()
    rooms = rooms_of(registry)
    session = await registry.open(PATH)
    return session, (await rooms.of_path(PATH))[0], rooms


def shows(peer: Peer, session: Session) -> None:
    """Assert that a client sees exactly what the session is."""
    state = session.state
    want = [shaped(state.cells[cell_id], running=False, inline=lambda *_: None) for cell_id in state.order]
    for shape in want:
        shape.pop("execution_state", None)
    have = peer.cells()
    assert alike(have, want), (have, want)  # type: ignore[arg-type]  # plain values


def text(session: Session) -> str:
    return "\n".join(session.state.cells[cell_id].cell.source for cell_id in session.state.order)


async def page_types(session: Session, cell_id: str, added: str, tab: Tab) -> None:
    cell = session.state.cells[CellId(cell_id)]
    change = diff(cell.cell.source, cell.cell.source + added)
    await tab.intend(Edit((ChangeSourceFrom(CellId(cell_id), cell.version, change.to_json()),)))


async def test_cb5_a_client_sees_the_notebook_and_the_page_sees_its_letters(world: World) -> None:
    session, one, _ = await opened(world, "a = 1", "b = 2")
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)
    assert ann.sources() == ["a = 1", "b = 2"]

    ann.type("c1", "0", at=4)
    ann.insert("new", "# t", 1, kind="markdown")
    bob.type("c2", "!")
    await settle(ann, bob)
    await page_types(session, "c1", " # page", Tab(session))
    await settle(ann, bob)

    assert text(session) == "a = 01 # page\n# t\nb = 2!"
    assert session.state.cells[CellId("new")].cell.kind == "markdown"
    for peer in (ann, bob):
        shows(peer, session)


async def test_cb6_letters_are_counted_alike_where_units_bytes_and_characters_differ(world: World) -> None:
    session, one, _ = await opened(world, "😀é中b")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.type("c1", "𝄞", at=1)
    await settle(ann)
    assert text(session) == "😀𝄞é中b"
    await page_types(session, "c1", "😀x", Tab(session))
    await settle(ann)
    ann.erase("c1", 0, 1)
    await settle(ann)

    assert text(session) == "𝄞é中b😀x"
    shows(ann, session)


async def test_cb6_a_change_of_a_client_reaches_the_session_as_it_was_made(world: World) -> None:
    session, one, _ = await opened(world, "aaa")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.type("c1", "a", at=1)
    await settle(ann)

    assert session.state.changes[CellId("c1")] == ([1, [0, "a"], 2],)


async def test_cb7_moving_and_deleting(world: World) -> None:
    session, one, _ = await opened(world, "1", "2", "3")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.move("c1", 2)
    await settle(ann)
    assert list(session.state.order) == ["c2", "c3", "c1"]
    ann.delete("c3")
    await settle(ann)
    assert list(session.state.order) == ["c2", "c1"]
    tab = Tab(session)
    await tab.intend(Edit((MoveCells((CellId("c1"),), None),)))
    await settle(ann)

    assert ann.ids() == ["c1", "c2"]
    shows(ann, session)


async def test_cb8_two_who_move_one_cell_do_not_double_it(world: World) -> None:
    session, one, _ = await opened(world, "1", "2", "3")
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)

    ann.move("c1", 2)
    bob.move("c1", 1)
    await settle(ann, bob)

    assert sorted(session.state.order) == ["c1", "c2", "c3"]
    for peer in (ann, bob):
        shows(peer, session)


async def test_cb8_a_copy_that_lacks_what_others_wrote_meanwhile_is_no_second_cell(world: World) -> None:
    session, one, _ = await opened(world, "1", "2")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.move("c1", 1)
    tab = Tab(session)
    await page_types(session, "c1", " and more", tab)
    await tab.intend(Edit((MoveCells((CellId("c1"),), CellId("c2")),)))
    await settle(ann)

    assert text(session) == "2\n1 and more"
    shows(ann, session)


async def test_cb8_a_second_cell_of_one_id_that_says_something_else_is_a_cell(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.insert("c1", "other", 0)
    ann.insert("", "no id", 0)
    await settle(ann)

    assert sorted(text(session).splitlines()) == ["1", "no id", "other"]
    assert len(set(session.state.order)) == 3
    shows(ann, session)


async def test_cb9_what_is_refused_is_put_right_and_takes_nothing_with_it(world: World) -> None:
    session, one, _ = await opened(world, "1", "2")
    await Tab(session).intend(Edit((SetCellMetadata(CellId("c1"), {"deletable": False, "editable": False}),)))
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    with ann.notebook.ydoc.transaction():
        ann.type("c1", "no")
        ann.type("c2", "yes")
    ann.delete("c1")
    await settle(ann)

    assert text(session) == "1\n2yes"
    shows(ann, session)


async def test_cb9_what_is_no_cell_is_put_right(world: World) -> None:
    session, one, _ = await opened(world, "1", "2")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.at("c1")["source"] = "plain"
    ann.at("c2")["outputs"] = "none"
    ann.at("c2")["cell_type"] = "what"
    ann.notebook.ycells.append(17)
    await settle(ann)

    assert text(session) == "plain\n2"
    shows(ann, session)


async def test_cb10_metadata_both_ways(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.set_metadata("c1", "tags", ["x", {"n": 2}])
    ann.set_metadata("c1", "trusted", True)
    ann.notebook._ymeta["metadata"]["authors"] = [{"name": "Ann"}]
    await settle(ann)
    assert session.state.cells[CellId("c1")].cell.metadata == {"tags": ["x", {"n": 2}]}
    assert session.state.metadata == {"authors": [{"name": "Ann"}]}
    tab = Tab(session)
    await tab.intend(Edit((SetMetadata({"k": 2**60}, ("authors",)), SetKind(CellId("c1"), "markdown"))))
    await settle(ann)

    assert ann.notebook.get()["metadata"] == {"k": 2**60}
    assert ann.cells()[0]["cell_type"] == "markdown"


async def test_cb11_outputs_of_a_run_of_the_session_appear_as_they_come(world: World) -> None:
    session, one, _ = await opened(world, "print(1)")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    cell_id = CellId("c1")

    for ops in (
        [AppendStream(cell_id, "stdout", "one\n")],
        [AppendStream(cell_id, "stdout", "two 😀\n")],
        [AddOutput(cell_id, DisplayData({"text/plain": "x"}))],
    ):
        session.commit(ops)
        await asyncio.sleep(0)
        await settle(ann)

    assert [dict(one) for one in ann.cells()[0]["outputs"]] == [
        {"output_type": "stream", "name": "stdout", "text": "one\ntwo 😀\n"},
        {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {}},
    ]


async def test_cb11_a_grown_stream_is_not_sent_again(world: World) -> None:
    session, one, _ = await opened(world, "print(1)")
    session.commit([AppendStream(CellId("c1"), "stdout", "x" * 50_000)])
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    session.commit([AppendStream(CellId("c1"), "stdout", "y")])
    await asyncio.sleep(0)

    # The hash of the file may be told meanwhile; it is not the stream's.
    assert sum(len(said) for said in ann._in if b"\x04hash" not in said) < 100


async def test_cb12_outputs_of_a_client_that_runs_cells_itself_are_kept(world: World) -> None:
    session, one, _ = await opened(world, "print(1)")
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)

    big = "i" * 50_000
    ann.run_alone(
        "c1",
        3,
        {"output_type": "stream", "name": "stdout", "text": "hi"},
        {"output_type": "display_data", "data": {"text/plain": big}, "metadata": {}},
    )
    await settle(ann, bob)

    cell = session.state.cells[CellId("c1")].cell
    assert cell.execution_count == 3
    assert cell.outputs[0] == Stream("stdout", "hi")
    assert isinstance(cell.outputs[1], DisplayData)
    assert cell.outputs[1].blobs["text/plain"].size_bytes == 50_000
    await until_shown(bob, lambda: bob.cells()[0]["outputs"][1]["data"]["text/plain"] == big)
    assert alike(ann.cells(), bob.cells())  # type: ignore[arg-type]

    del ann.outputs("c1")[:]
    ann.at("c1")["execution_count"] = None
    await settle(ann, bob)
    assert session.state.cells[CellId("c1")].cell.outputs == ()


async def until_shown(peer: Peer, true: Any) -> None:
    async with asyncio.timeout(30):
        while True:
            await settle(peer)
            if true():
                return
            await asyncio.sleep(0.01)


async def test_cb12_outputs_that_a_run_of_the_session_writes_are_not_a_clients(world: World) -> None:
    session, one, _ = await opened(world, "print(1)")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    await Tab(session).run("c1")
    await settle(ann)
    assert ann.at("c1")["execution_state"] == "running"

    ann.outputs("c1").append({"output_type": "stream", "name": "stdout", "text": "mine"})
    await settle(ann)

    assert session.state.cells[CellId("c1")].cell.outputs == ()
    shows(ann, session)


async def test_cb13_a_laptop_that_slept_brings_its_letters_home_once(world: World) -> None:
    session, one, rooms = await opened(world, "one ", "two ")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.go()
    rooms.left(one)
    one.end(members.GONE, "nobody was here for a while")

    ann.type("c1", "offline-1")
    ann.insert("new", "offline-2", 2)
    await page_types(session, "c1", "page-1", Tab(session))
    again, is_new = await rooms.of_path(PATH)
    assert not is_new
    assert again is not one
    assert again.history == one.history
    await ann.come(again)
    await settle(ann)

    for token in ("one ", "two ", "offline-1", "offline-2", "page-1"):
        assert text(session).count(token) == 1
    assert len(session.state.order) == 3
    shows(ann, session)


async def test_cb13_a_killed_server_neither_doubles_nor_loses(world: World) -> None:
    session, one, _ = await opened(world, "one ")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.type("c1", "before ")
    await ann.say()  # the server has it; whether ann was answered, nobody knows
    ann.go()
    await world.kill(session_registry(world))

    ann.type("c1", "while-dead ")
    ann.insert("new", "new-cell", 0)
    session, again, _ = await opened(world)
    assert again.history == one.history
    await ann.come(again)
    await settle(ann)

    for token in ("one ", "before ", "while-dead ", "new-cell"):
        assert text(session).count(token) == 1
    assert len(session.state.order) == 2
    shows(ann, session)


def session_registry(world: World) -> Registry:
    return world.registries[-1]


async def test_cb14_another_history_begins_where_the_kept_one_is_damaged(
    world: World, expect_log: ExpectLog
) -> None:
    expect_log("its history begins anew")
    session, one, rooms = await opened(world, "one")
    one.end(members.GONE, "")
    assert world.journal is not None
    world.journal.append_to_room(session.state.journal_id, b"\xff\xff")

    again, is_new = await rooms.of_path(PATH)

    assert is_new
    assert again.history != one.history
    ann = Peer()
    await ann.come(again)
    await settle(ann)
    shows(ann, session)


async def test_cb15_kept_updates_are_put_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "APART", 20)
    session, one, _ = await opened(world, "")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    for number in range(100):
        ann.type("c1", f"{number} ")
        await settle(ann)

    assert world.journal is not None
    record = world.journal.room(session.state.journal_id)
    assert record is not None
    assert record.history == one.history
    assert 20 <= len(record.updates) <= 45
    shows(ann, session)


LARGE = ["x = 1", *[f"# {number}\n" + "y" * 100_000 for number in range(12)], "z = 3"]


async def test_cb23_a_large_notebook_comes_in_portions(world: World) -> None:
    session, one, _ = await opened(world, *LARGE)
    ann = Peer()
    await ann.come(one)
    await ann.say()

    frames = [protocol.decode(frame) for frame in ann._in]
    updates = [frame.update for frame in frames if isinstance(frame, protocol.Changed)]
    assert len(updates) >= 4
    assert max(map(len, updates)) < 2 * PORTION
    assert isinstance(frames[-1], protocol.WhatYouMiss)
    assert len(frames[-1].update) < PORTION, "it had all of it already"
    await settle(ann)
    shows(ann, session)
    ann.type("c1", "0")
    await settle(ann)
    assert text(session).startswith("x = 10\n")


async def test_cb23_what_happens_while_it_comes_is_not_missed(world: World) -> None:
    session, one, _ = await opened(world, *LARGE)
    ann, tab = Peer(), Tab(session)
    await ann.come(one)
    coming = asyncio.create_task(ann.say())
    while not ann._in or not isinstance(protocol.decode(ann._in[-1]), protocol.Changed):
        assert not coming.done()
        await asyncio.sleep(0)
    await page_types(session, "c1", "0", tab)
    await coming
    await settle(ann)
    shows(ann, session)
    assert ann.sources()[0] == "x = 10"


async def test_cb23_who_leaves_while_it_comes_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SENT_AHEAD_WAIT_S", 0)
    session, one, _ = await opened(world, *LARGE)
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    ann.buffered = room.SENT_AHEAD_BYTES + 1
    coming = asyncio.create_task(ann.say())
    await bob.come(one)
    await settle(bob)
    shows(bob, session)
    assert not coming.done()
    ann.go()
    await coming


async def test_cb23_a_history_that_broke_off_is_completed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(world.notebooks, *LARGE)
    registry = world.start()
    session = await registry.open(PATH)
    assert world.journal is not None
    count = 0
    keep = world.journal.append_to_room

    def full(*given: Any) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise JournalFull("no room today")
        keep(*given)

    with monkeypatch.context() as patch:
        patch.setattr(world.journal, "append_to_room", full)
        with pytest.raises(JournalFull):
            await rooms_of(registry).of_path(PATH)
    begun = world.journal.room(session.state.journal_id)
    assert begun is not None

    again, is_new = await rooms_of(registry).of_path(PATH)

    assert (again.history, is_new) == (begun.history, False)
    ann = Peer()
    await ann.come(again)
    await settle(ann)
    shows(ann, session)


CELLS = st.lists(
    st.fixed_dictionaries({"id": st.text(max_size=3), "source": st.sampled_from(("", "x" * 80))}), min_size=1
).map(tuple)
STEPS = st.one_of(
    st.builds(PutCells, st.integers(0, 5), CELLS),
    st.builds(DropCells, st.integers(0, 5), st.integers(0, 5)),
    st.builds(PutOutputs, st.just(1), st.just(2), st.just(3), CELLS),
)


@given(st.lists(STEPS, max_size=8))
def test_cb23_portions_do_the_same(steps: list[PutCells | DropCells | PutOutputs]) -> None:
    limit = 200

    def done(parts: list[Step]) -> list[object]:
        cells: list[object] = [*range(50)]
        others: list[Step] = []
        for part in parts:
            match part:
                case PutCells(at=at, cells=new):
                    cells[at:at] = new
                case DropCells(at=at, count=count):
                    del cells[at : at + count]
                case _:
                    others.append(part)
        return [*cells, *others]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "PORTION", limit)
        portions = list(in_portions(steps))
    assert all(portions)
    assert done([part for portion in portions for part in portion]) == done([*steps])
    for portion in portions:
        texts = [str(cell["source"]) for part in portion if isinstance(part, PutCells) for cell in part.cells]
        assert sum(map(len, texts)) <= limit


async def test_cb17_presences_are_relayed_and_end_with_their_connection(world: World) -> None:
    _, one, _ = await opened(world, "")
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    ann._out.append(protocol.presences([protocol.Presence(7, 1, '{"user":"ann"}')]))
    await settle(ann)
    await bob.come(one)
    await settle(ann, bob)
    assert bob.presences == [protocol.Presence(7, 1, '{"user":"ann"}')]

    ann.go()
    bob.hear()

    assert bob.presences[-1] == protocol.Presence(7, 2, "null")


async def test_cb5_clients_know_when_nothing_is_unsaved_and_ask_for_no_other_version(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    known = ann.notebook.hash
    ann.type("c1", "2")
    ann.notebook.dirty = True
    await settle(ann)

    await until_shown(ann, lambda: not session.saver.unsaved and ann.notebook.dirty is False)
    assert known == ann.notebook.hash == protocol.ROOM_HASH


async def test_cb17_presences_come_back_to_who_said_them(world: World) -> None:
    _, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    ann._out.append(protocol.presences([protocol.Presence(7, 1, "{}")]))
    await settle(ann)

    assert ann.presences == [protocol.Presence(7, 1, "{}")]


async def test_cb18_who_may_look_only_sees_and_changes_nothing(world: World) -> None:
    session, one, _ = await opened(world, "1")
    eve, ann = Peer("eve", may_edit=False), Peer()
    await eve.come(one)
    await ann.come(one)
    await settle(eve, ann)
    ann.type("c1", "2")
    await settle(ann, eve)
    shows(eve, session)

    eve.type("c1", "evil")
    await settle(eve, ann)

    assert eve.ended == (members.FORBIDDEN, "this token may look, but not change")
    assert text(session) == "12"
    shows(ann, session)


async def test_cb19_a_slow_client_is_sent_away(world: World) -> None:
    _, one, _ = await opened(world, "1")
    ann, bob = Peer(), Peer()
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)

    bob.buffered = members.BUFFER_LIMIT_BYTES + 1
    ann.type("c1", "2")
    await settle(ann)

    assert bob.ended is not None
    assert bob.ended[0] == members.TOO_SLOW


async def test_jupyters_request_to_save_is_answered(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.type("c1", "2")
    ann._out.append(bytes([protocol.RAW, 4]) + b"save" + bytes([9]))
    await settle(ann)

    assert ann.raw == [protocol.saved(9, ok=True)]
    await until(session, lambda: not session.saver.unsaved)


async def test_a_room_of_a_notebook_that_is_gone(world: World) -> None:
    session, one, rooms = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    registry = session_registry(world)
    (world.notebooks / "a.ipynb").unlink()
    await registry.deleted(PATH)

    ann.type("c1", "2")
    await settle(ann)

    assert ann.ended is not None
    assert ann.ended[0] == members.GONE
    with pytest.raises(NotFound):
        await rooms.of_file(session.state.journal_id)


async def test_cb19_while_nothing_can_be_recorded_letters_wait(world: World, expect_log: ExpectLog) -> None:
    write_notebook(world.notebooks, "1")
    session = await world.start(FullJournal).open(PATH)
    journal = session.around.journal
    assert isinstance(journal, FullJournal)
    one, _ = await room.open_room(session)
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)
    await until(session, lambda: session.state.saved.revision is not None and not session.saver.unsaved)

    expect_log("disk is full", logger="carnet.live")
    journal.full = True
    ann.type("c1", "2")
    bob.type("c1", "3", at=0)
    saying = [asyncio.create_task(one.say()) for one in (ann, bob)]
    await asyncio.wait(saying, timeout=0.05)
    assert session.stalled is not None
    assert not bob._in

    journal.full = False
    await asyncio.gather(*saying)
    await settle(ann, bob)
    assert text(session) == "312"
    for peer in (ann, bob):
        shows(peer, session)


async def test_cb19_a_room_that_cannot_keep_what_the_session_did_ends(
    world: World, expect_log: ExpectLog
) -> None:
    session, one, rooms = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    journal = session.around.journal

    def full(*_: object) -> None:
        raise JournalFull("No room.")

    expect_log("No room", logger="carnet.collaboration")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "append_to_room", full)
        await page_types(session, "c1", "2", Tab(session))
        await settle(ann)
        assert ann.ended == (members.TRY_AGAIN, "nothing can be recorded now; come back")
        assert ann.sources() == ["1"]

    await ann.come((await rooms.of_path(PATH))[0])
    await settle(ann)
    assert ann.sources() == ["12"]


async def test_cb11_a_room_that_opens_again_changes_nothing_about_blobs(world: World) -> None:
    session, one, rooms = await opened(world, "plot()")
    ref = session.around.blobs.put(b"\x89PNG" * 20_000, "image/png")
    huge = session.around.blobs.put(b"x" * (room.INLINE_LIMIT_BYTES + 1), "image/gif")
    session.commit([AddOutput(CellId("c1"), DisplayData(blobs={"image/png": ref, "image/gif": huge}))])
    ann = Peer()
    await ann.come(one)
    await until_shown(ann, lambda: "image/png" in ann.cells()[0]["outputs"][0]["data"])
    assert "4194305 bytes" in ann.cells()[0]["outputs"][0]["data"]["text/plain"]
    assert world.journal is not None
    before = world.journal.room(session.state.journal_id)
    ann.go()
    one.end(members.GONE, "")

    again, _ = await rooms.of_path(PATH)

    assert world.journal.room(session.state.journal_id) == before
    await ann.come(again)
    await settle(ann)
    assert len(ann.cells()[0]["outputs"][0]["data"]["image/png"]) == len(b64encode(b"\x89PNG" * 20_000))


async def test_cb12_a_client_that_died_while_it_ran_a_cell_leaves_it_idle(world: World) -> None:
    _, one, rooms = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.at("c1")["execution_state"] = "running"
    await settle(ann)
    assert ann.at("c1")["execution_state"] == "running"
    ann.go()
    one.end(members.GONE, "")

    await ann.come((await rooms.of_path(PATH))[0])
    await settle(ann)

    assert ann.at("c1")["execution_state"] == "idle"


async def test_cb21_updates_that_wait_for_what_never_comes_are_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WAITING_LIMIT_BYTES", 1000)
    _, one, _ = await opened(world, "1")
    eve = Peer("eve")
    await eve.come(one)
    await settle(eve)
    assert eve.member is not None
    other = Peer()
    other.notebook.ycells.append("first")
    vector = other.notebook.ydoc.get_state()
    other.notebook.ycells.append("x" * 300)
    waiting = protocol.changed(other.notebook.ydoc.get_update(vector))

    async def again_and_again() -> None:
        assert eve.member is not None
        for _ in range(10):
            await one.receive(eve.member, waiting)

    with pytest.raises(PeerError, match="wait for what does not come"):
        await again_and_again()
    await one.receive(eve.member, waiting)  # what waited is let go: it does not count against who comes next


async def test_cb21_what_is_known_already_is_nothing_that_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WAITING_LIMIT_BYTES", 0)
    monkeypatch.setattr(room, "WAITING_TYPES_LIMIT", 0)
    session, one, _ = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    assert ann.member is not None

    for _ in range(3):
        await one.receive(ann.member, protocol.changed(ann.notebook.ydoc.get_update()))
    ann.insert("new", "2", at=1)
    await settle(ann)

    shows(ann, session)


async def test_cb4_a_room_is_put_away_when_nobody_is_in_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, one, rooms = await opened(world, "1")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.type("c1", "2")
    await settle(ann)
    ann.go()

    ended = asyncio.Event()
    forget = one.on_end

    def on_end() -> None:
        forget()
        ended.set()

    one.on_end = on_end
    rooms._closing.pop(session.state.journal_id).cancel()
    monkeypatch.setattr(rooms_module, "LINGER_S", 0.0)
    rooms.left(one)
    await asyncio.wait_for(ended.wait(), 30)

    again, _ = await rooms.of_path(PATH)
    assert again is not one
    await ann.come(again)
    await settle(ann)
    assert ann.sources() == ["12"]


@pytest.mark.parametrize("how", ["moved", "deleted", "moved by both", "made another kind"])
async def test_cb13_letters_written_away_in_a_cell_that_is_another_one_now_come_home(
    world: World, how: str
) -> None:
    session, one, _ = await opened(world, "one", "two", "three")
    ann = Peer()
    await ann.come(one)
    await settle(ann)
    ann.type("c1", " before")
    await settle(ann)
    ann.go()

    ann.type("c1", " away 😀")
    tab = Tab(session)
    await page_types(session, "c1", " page", tab)
    if how == "deleted":
        await tab.intend(Edit((DeleteCells((CellId("c1"),)),)))
    elif how == "made another kind":
        await tab.intend(Edit((SetKind(CellId("c1"), "markdown"),)))
    else:
        await tab.intend(Edit((MoveCells((CellId("c1"),), CellId("c2")),)))
    if how == "moved by both":
        ann.move("c1", 2)
        ann.type("c1", " again")
    await asyncio.sleep(0)
    await ann.come(one)
    await settle(ann)

    everything = text(session)
    for token in ("one", " before", " away 😀", " page", "two", "three"):
        assert everything.count(token) == 1, (token, everything)
    assert ("again" in everything) is (how == "moved by both")
    assert len(session.state.order) == 3
    shows(ann, session)


async def test_cb13_letters_that_are_on_their_way_when_a_cell_moves_arrive(world: World) -> None:
    session, one, _ = await opened(world, "one", "two", "three")
    ann, bob = Peer("ann"), Peer("bob")
    await ann.come(one)
    await bob.come(one)
    await settle(ann, bob)

    ann.type("c1", " a")
    ann.type("c1", " b")
    await Tab(session).intend(Edit((MoveCells((CellId("c1"),), CellId("c3")),)))
    bob.type("c2", " c")
    ann.type("c1", " d")
    await bob.say()
    await settle(ann, bob)
    ann.type("c2", " e")
    bob.move("c2", 0)
    await bob.say()
    await settle(ann, bob)

    everything = text(session)
    for token in ("one", "two", "three", " a", " b", " c", " d", " e"):
        assert everything.count(token) == 1, (token, everything)
    assert len(session.state.order) == 3
    for peer in (ann, bob):
        shows(peer, session)


async def test_cb13_letters_for_a_cell_that_was_deleted_just_now_are_late(world: World) -> None:
    session, one, _ = await opened(world, "one", "two")
    ann = Peer()
    await ann.come(one)
    await settle(ann)

    ann.type("c1", " a")
    await Tab(session).intend(Edit((DeleteCells((CellId("c1"),)),)))
    await settle(ann)

    assert text(session) == "two"
    shows(ann, session)


# ---- whatever happens

ACTIONS = st.one_of(
    st.tuples(st.just("page types"), st.integers(0, 9)),
    st.tuples(st.just("page inserts"), st.integers(0, 9)),
    st.tuples(st.just("page prints"), st.integers(0, 9)),
    st.tuples(st.sampled_from(["types", "types", "inserts", "erases"]), st.integers(0, 9), st.integers(0, 1)),
    st.tuples(st.sampled_from(["goes", "comes", "sleeps", "tells"]), st.integers(0, 9), st.integers(0, 1)),
    st.tuples(st.just("killed"), st.just(0)),
)
MOVES = st.one_of(ACTIONS, st.tuples(st.just("page moves"), st.integers(0, 9)))
ROUGH = st.one_of(
    ACTIONS,
    st.tuples(st.sampled_from(["page deletes", "page moves"]), st.integers(0, 9)),
    st.tuples(st.sampled_from(["deletes", "moves", "kinds"]), st.integers(0, 9), st.integers(0, 1)),
)


class Script:
    """Two clients, a page, a server that is killed now and then; each text that is typed is another one."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        # No file is written meanwhile: a thread of a killed process does not go on writing, one of this process would.
        self.world.settings = LiveSettings(autosave_delay_s=1000.0, watch_interval_s=0.0)
        self.peers = [Peer("ann"), Peer("bob")]
        self.count = 0
        self.lives = 0
        self.tokens: list[str] = []

    def token(self) -> str:
        self.count += 1
        self.tokens.append(f"<{self.count}😀>")
        return self.tokens[-1]

    async def play(self, actions: list[Any]) -> None:
        self.session, self.room, self.rooms = await opened(self.world, "first", "second")
        self.tab = Tab(self.session)
        for peer in self.peers:
            await peer.come(self.room)
        await settle(*self.peers)
        for action in actions:
            await self.act(*action)
        for peer in self.peers:
            if peer.room is None:
                await peer.come(self.room)
        await settle(*self.peers)
        for peer in self.peers:
            shows(peer, self.session)
        await self.world.stop_all()

    async def act(self, what: str, number: int, who: int = 0) -> None:
        if what.startswith("page"):
            await self.page(what, number)
        elif what == "killed":
            await self.world.kill(session_registry(self.world))
            for peer in self.peers:
                peer.go()
            self.session, self.room, self.rooms = await opened(self.world)
            self.lives += 1
            self.tab = Tab(self.session, f"tab-of-life-{self.lives}")
        else:
            await self.client(self.peers[who], what, number)

    async def page(self, what: str, number: int) -> None:
        state = self.session.state
        if not state.order:
            return
        cell_id = state.order[number % len(state.order)]
        if what == "page types":
            await page_types(self.session, cell_id, self.token(), self.tab)
        elif what == "page inserts":
            await self.tab.insert(f"p{self.count}", self.token(), cell_id)
        elif what == "page prints":
            self.session.commit([AppendStream(cell_id, "stdout", f"{self.count}\n")])
        elif what == "page deletes":
            await self.tab.intend(Edit((DeleteCells((cell_id,)),)))
        else:
            await self.tab.intend(Edit((MoveCells((cell_id,), None),)))

    async def client(self, peer: Peer, what: str, number: int) -> None:
        if what == "goes":
            peer.go()
        elif what == "comes":
            if peer.room is None:
                await peer.come(self.room)
                await settle(peer)
        elif what == "tells":
            await settle(peer)
        elif what == "sleeps":
            for one in self.peers:
                one.go()
            await self.room.compact()
            self.room.end(members.GONE, "")
            self.room, _ = await self.rooms.of_path(PATH)
        elif ids := peer.ids():
            cell_id = ids[number % len(ids)]
            if what == "types":
                peer.type(cell_id, self.token(), at=0 if number % 2 else None)
            elif what == "inserts":
                peer.insert(f"n{self.count}", self.token(), number % (len(ids) + 1))
            elif what == "erases":
                source = peer.sources()[ids.index(cell_id)]
                if source.startswith("fi"):
                    peer.erase(cell_id, 0, 1)
            elif what == "deletes":
                peer.delete(cell_id)
            elif what == "moves":
                peer.move(cell_id, number % len(ids))
            else:
                peer.insert(f"m{self.count}", self.token(), 0, kind="markdown")


def played(actions: list[Any]) -> Script:
    with tempfile.TemporaryDirectory() as folder:
        script = Script(Path(folder))
        asyncio.run(script.play(actions))
    return script


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(MOVES, max_size=25))
def test_cb13_each_text_is_there_once_whatever_happens(actions: list[Any]) -> None:
    script = played(actions)

    everything = text(script.session)
    assert {token: everything.count(token) for token in script.tokens} == dict.fromkeys(script.tokens, 1)
    assert everything.count("econd") == 1


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ROUGH, max_size=25))
def test_cb13_nothing_is_doubled_and_all_see_the_same_when_cells_go_and_move_too(actions: list[Any]) -> None:
    script = played(actions)

    everything = text(script.session)
    assert max(map(everything.count, script.tokens), default=1) <= 1
    assert len(set(script.session.state.order)) == len(script.session.state.order)


async def test_cb20_an_update_that_breaks_off_in_the_middle_leaves_no_half(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)
    assert eve.member is not None
    # Two items: a root's key, and one whose parent is that plain value.
    broken = (
        bytes([1, 2, 5, 0, 0x28, 1])
        + b"\x04meta"
        + b"\x01k\x01\x7e"
        + bytes([0x28, 0, 5, 0, 1])
        + b"x\x01\x7e\x00"
    )

    with pytest.raises(PeerError, match="does not fit together"):
        await one.receive(eve.member, protocol.changed(broken))
    ann.type("c1", "2")
    await settle(ann)

    assert text(session) == "12"
    shows(ann, session)


@pytest.mark.parametrize("levels", [1_000, 5_000, 100_000])
@pytest.mark.parametrize("place", ["meta", "state", "cells"])
async def test_cb20_shared_types_nested_without_end_hurt_nobody(
    world: World, levels: int, place: str
) -> None:
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)
    assert eve.member is not None

    with pytest.raises(PeerError, match=r"nested too deep|shared types"):
        await one.receive(eve.member, protocol.changed(maps_in_maps(levels, place)))
    ann.type("c1", "2")
    await settle(ann)

    assert not one.closed
    assert text(session) == "12"
    shows(ann, session)


@pytest.mark.parametrize("place", ["meta", "state", "cells"])
async def test_cb21_shared_types_that_nobody_sees_are_not_nested_piece_by_piece(
    world: World, place: str
) -> None:
    """What stands in a text, or in a list that a map has, is among no values. 40,000 in each other ended the process."""
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)
    name = bytes([len(place)]) + place.encode()
    # A text in the root, a map in that text, and maps in it.
    root = b"\x07\x01" + name + b"\x02" if place == "cells" else b"\x27\x01" + name + b"\x01x\x02"
    structs = [root, b"\x07\x00\x4d\x00\x01", *(map_at(at) for at in range(1, 300))]

    with pytest.raises(PeerError, match="nested too deep"):
        await one_by_one(one, eve, structs, 50)
    ann.type("c1", "2")
    await settle(ann)

    assert not one.closed
    assert text(session) == "12"
    shows(ann, session)


async def test_cb21_shared_types_that_wait_do_not_hold_others_together(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)
    assert eve.member is not None
    levels = NESTING_LIMIT + 1
    letters = [b"\x04\x00\x4d" + varint(level) + b"\x01x" for level in range(levels - 1)]
    await one.receive(eve.member, protocol.changed(structs_of(78, letters, 0)))
    # Each after the letter that waits in the one before.
    maps = [b"\x27\x01\x04meta\x01x\x01", *(b"\x87\x4e" + varint(at) + b"\x01" for at in range(levels - 1))]

    with pytest.raises(PeerError, match="wait for what does not come"):
        await one.receive(eve.member, protocol.changed(structs_of(77, maps, 0)))
    ann.type("c1", "2")
    await settle(ann)

    assert text(session) == "12"
    shows(ann, session)


async def test_cb21_shared_types_that_wait_are_bounded_together(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)

    structs = [map_at(at) for at in range(3 * room.WAITING_TYPES_LIMIT)]
    with pytest.raises(PeerError, match="wait for what does not come"):
        await one_by_one(one, eve, structs, NESTING_LIMIT // 2, start=1)
    ann.type("c1", "2")
    await settle(ann)

    assert text(session) == "12"
    shows(ann, session)


async def test_cb22_a_history_that_grows_without_end_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    monkeypatch.setattr(room, "COMPACT_BYTES", 1000)
    monkeypatch.setattr(room, "ROOM_LIMIT_BYTES", 10_000)
    monkeypatch.setattr(room, "HISTORY_LIMIT_BYTES", 10_000)
    monkeypatch.setattr(room, "APART", 2)
    session, one, rooms = await opened(world, "1")
    eve = Peer("eve")
    await eve.come(one)
    await settle(eve)
    expect_log("begins anew")
    ended = asyncio.Event()
    forget = one.on_end

    def on_end() -> None:
        forget()
        ended.set()

    one.on_end = on_end
    count = 0
    while not ended.is_set():
        # Nobody sees it, and no file has it.
        eve.notebook.ydoc["state"][f"hidden-{count}"] = "x" * 500
        count += 1
        await eve.say()
        await asyncio.sleep(0)

    assert eve.ended is not None
    assert eve.ended[0] == members.ANOTHER_HISTORY
    assert text(session) == "1"
    again, is_new = await rooms.of_path(PATH)
    assert is_new
    assert again.history != one.history


def map_at(clock: int) -> bytes:
    """A shared map that is a key of the one that client 77 made at that clock."""
    return bytes([0x27, 0, 77]) + varint(clock) + b"\x01k\x01"


async def one_by_one(one: room.Room, eve: Peer, structs: list[bytes], step: int, *, start: int = 0) -> None:
    """Send structs of client 77 in updates of so many each."""
    assert eve.member is not None
    for at in range(0, len(structs), step):
        await one.receive(eve.member, protocol.changed(structs_of(77, structs[at : at + step], start + at)))


def structs_of(client: int, structs: list[bytes], start: int) -> bytes:
    """An update of these structs, each one clock long."""
    return b"\x01" + varint(len(structs)) + bytes([client]) + varint(start) + b"".join(structs) + b"\x00"


def maps_in_maps(levels: int, place: str) -> bytes:
    """An update of that many items: maps, each in the one before. The first stands in a root."""
    name = bytes([len(place)]) + place.encode()
    in_root = b"\x07\x01" + name + b"\x01" if place == "cells" else b"\x27\x01" + name + b"\x01x\x01"
    items = [in_root, *(bytes([0x27, 0, 77]) + varint(at) + b"\x01k\x01" for at in range(levels - 1))]
    return b"\x01" + varint(levels) + bytes([77, 0]) + b"".join(items) + b"\x00"


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


async def test_cb20_what_is_malformed_hurts_nobody(world: World) -> None:
    session, one, _ = await opened(world, "1")
    ann, eve = Peer(), Peer("eve")
    await ann.come(one)
    await eve.come(one)
    await settle(ann, eve)
    assert eve.member is not None

    for frame in (b"", b"\x00", b"\x00\x02\x05\x01", b"\x00\x02\x03\x01\x01\xff", b"\x01\x02\x01\x05"):
        with pytest.raises(PeerError):
            await one.receive(eve.member, frame)
    ann.type("c1", "2")
    await settle(ann)

    assert text(session) == "12"

"""Messages to comms reach the kernel once, with all their parts; what is only told is not kept."""

import asyncio
import json

from carnet.core.notebook.model import BlobRef, Json
from carnet.core.session.intents import SendComm
from carnet.core.session.operations import Entry, TellComm
from carnet.core.session.state import Comm, CommBuffer, CommSend
from carnet.core.wire.link import Entries, MoreCells, Snapshot
from carnet.ids import ClientId, CommId, SendId
from carnet.live.comms import kept, kernel_message
from carnet.live.follower import Follower
from carnet.live.rate import RateGate
from carnet.live.session import Session
from carnet.testing.kernel_host import FakeKernel
from tests.conftest import ExpectLog
from tests.live.conftest import PATH, Tab, World, until
from tests.live.test_follower import AN_HOUR_S, Line
from tests.live.test_session import a_run, a_session

M1 = CommId("m1")


async def a_widget(world: World, state: dict[str, Json] | None = None) -> tuple[Session, FakeKernel]:
    """Return a session with a widget, and the kernel that has it."""
    session = await a_session(world, "w")
    fake = world.host.fakes[await a_run(world, session, "c1")]
    data: Json = {"state": state or {"value": 1}, "buffer_paths": []}
    fake.say("iopub", "comm_open", {"comm_id": "m1", "target_name": "jupyter.widget", "data": data})
    await until(session, lambda: M1 in session.state.comms)
    return session, fake


def an_update(send_id: str, *buffers: CommBuffer, **state: Json) -> SendComm:
    return SendComm(SendId(send_id), M1, {"method": "update", "state": state}, buffers)


async def sent(world: World, fake: FakeKernel, send_id: str) -> None:
    """Return when the kernel was sent this message."""
    async with asyncio.timeout(60):
        while not any(msg_id == send_id for _, _, msg_id, _ in fake.sent):
            world.host.changed.clear()
            await world.host.changed.wait()


def content_of(fake: FakeKernel, send_id: str) -> object:
    [content] = [content for _, _, msg_id, content in fake.sent if msg_id == send_id]
    return json.loads(content)


async def test_lv24_a_message_goes_to_the_kernel_with_its_buffers(world: World) -> None:
    session, fake = await a_widget(world)
    blob = session.around.blobs.put(b"large", "application/octet-stream")
    text = session.around.blobs.put("groß".encode(), "text/plain")

    await Tab(session, "page").intend(
        an_update(
            "s1",
            CommBuffer(("image",), b"small"),
            CommBuffer(("deep", 0), text.sha256.encode(), blob=text, text=True),
            CommBuffer(("file",), blob=blob),
            value=2,
            deep=[None],
        )
    )
    await sent(world, fake, "s1")

    assert content_of(fake, "s1") == {
        "comm_id": "m1",
        "data": {
            "method": "update",
            "state": {"value": 2, "deep": ["groß"]},
            "buffer_paths": [["image"], ["file"]],
        },
    }
    assert fake.buffers["s1"] == (b"small", b"large")
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id="s1")
    await until(session, lambda: not session.state.sends)
    assert session.state.comms[M1].data == {"value": 2, "deep": [None]}


async def test_lv24_a_server_that_comes_back_sends_again_what_is_not_handled(world: World) -> None:
    session, fake = await a_widget(world)
    await Tab(session, "page").intend(an_update("s1", value=2))
    await Tab(session, "tab2").intend(an_update("s2", value=3))
    await sent(world, fake, "s2")
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id="s1")
    await until(session, lambda: list(session.state.sends) == ["s2"])
    await world.kill(world.registries[0])
    fake.sent.clear()

    session = await world.start().open(PATH)
    await sent(world, fake, "s2")

    assert [msg_id for _, _, msg_id, _ in fake.sent] == ["s2"]
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id="s2")
    await until(session, lambda: not session.state.sends)
    assert session.state.comms[M1].data == {"value": 3}


async def test_lv24_one_that_cannot_be_sent_is_over_and_said(world: World, expect_log: ExpectLog) -> None:
    session, _ = await a_widget(world)
    gone = BlobRef("0" * 64, 9, "application/octet-stream")
    expect_log("SendComm", logger="carnet.live")
    await Tab(session, "page").intend(an_update("s1", CommBuffer(("image",), blob=gone)))
    await until(session, lambda: bool(session.state.notices) and not session.state.sends)
    assert session.state.sends == {}
    assert session.state.notices[0].text.startswith("What was set in a widget did not reach the kernel: ")


def test_lv24_opening_a_comm_and_telling_what_a_widget_shows() -> None:
    send = CommSend(SendId("s1"), M1, "comm_open", {"a": 1}, (CommBuffer((), b"x"),), target="mine")
    content: Json = {"comm_id": "m1", "target_name": "mine", "data": {"a": 1}}
    assert kernel_message(send, None, no_blob) == (content, [b"x"])

    png = CommBuffer(("outputs", 0, "data", "image/png"), b"cG5n", text=True)
    outputs: list[Json] = [{"output_type": "display_data", "data": {"image/png": None}}]
    comm = Comm("jupyter.widget", data={"outputs": outputs, "x": 1}, buffers=(png, CommBuffer(("y",), b"y")))
    send = CommSend(SendId("s2"), M1, outputs=True)
    told: Json = {
        "method": "update",
        "state": {"outputs": [{"output_type": "display_data", "data": {"image/png": "cG5n"}}]},
        "buffer_paths": [],
    }
    assert kernel_message(send, comm, no_blob) == ({"comm_id": "m1", "data": told}, [])
    nothing: Json = {"method": "update", "state": {"outputs": []}, "buffer_paths": []}
    assert kernel_message(send, None, no_blob) == ({"comm_id": "m1", "data": nothing}, [])


def no_blob(ref: BlobRef) -> bytes:
    raise AssertionError(f"unexpected blob {ref.sha256}")


async def test_lv26_what_is_only_told_reaches_followers_and_is_not_kept(world: World) -> None:
    session, fake = await a_widget(world)
    line = Line()
    follower = Follower(
        session,
        follow=1,
        client_id=ClientId("tab"),
        journal_id=session.state.journal_id,
        have=session.state.seq,
        line=line,
    )

    fake.say("iopub", "comm_msg", {"comm_id": "m1", "data": {"method": "custom", "content": "secret"}})
    told = TellComm(M1, {"method": "custom", "content": "secret"})
    await until(session, lambda: told in all_told(line))
    fake.say("iopub", "comm_msg", {"comm_id": "m1", "data": {"method": "update", "state": {"value": 9}}})
    await until(session, lambda: session.state.comms[M1].data["value"] == 9)

    entries = list(session.around.journal.read(session.state.journal_id, 0))
    assert [number for number, _ in entries] == list(range(1, session.state.seq + 1))
    assert not any(b"secret" in data for _, data in entries)
    assert kept(Entry(1, 1)) == Entry(1, 1)
    follower.leave()


def all_told(line: Line) -> list[TellComm]:
    return [
        operation
        for frame in line.frames
        if isinstance(frame, Entries)
        for entry in frame.entries
        for operation in entry.ops
        if isinstance(operation, TellComm)
    ]


async def test_lk6_a_snapshot_has_the_comms_behind_the_cells(world: World) -> None:
    session, fake = await a_widget(world, {"text": "x" * 200_000})
    for name in ("m2", "m3"):
        data: Json = {"state": {"text": name * 100_000}, "buffer_paths": []}
        fake.say("iopub", "comm_open", {"comm_id": name, "target_name": "jupyter.widget", "data": data})
    await until(session, lambda: len(session.state.comms) == 3)
    line = Line()

    follower = Follower(session, follow=1, client_id=ClientId("tab"), journal_id=None, have=0, line=line)

    snapshot, *pieces = line.frames
    assert isinstance(snapshot, Snapshot)
    assert (snapshot.more, snapshot.session.comms) == (True, {})
    found: dict[CommId, Comm] = {}
    for piece in pieces:
        assert isinstance(piece, MoreCells)
        found |= piece.comms
    assert [piece.more for piece in pieces if isinstance(piece, MoreCells)][-1:] == [False]
    assert found == session.state.comms
    follower.leave()


async def test_lv6_the_end_of_a_message_is_not_delayed(world: World) -> None:
    session, fake = await a_widget(world)
    await Tab(session, "page").intend(an_update("s1", value=2))
    await sent(world, fake, "s1")
    session._gate = RateGate(burst=1, interval_s=AN_HOUR_S)
    session._gate.acted(session.around.clock.monotonic_s())

    fake.say("iopub", "status", {"execution_state": "busy"}, parent_id="s1")
    fake.say("iopub", "status", {"execution_state": "idle"}, parent_id="s1")

    await until(session, lambda: not session.state.sends)
    assert session.state.comms[M1].data == {"value": 2}

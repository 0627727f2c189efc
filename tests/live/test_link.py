"""One tab's end of the link, in the server, over a line that is a list (LK1 to LK18: docs/specs/link.md)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import pytest

from carnet.core.notebook.model import Cell
from carnet.core.session.intents import Edit, IntentBody
from carnet.core.session.operations import InsertCells
from carnet.core.wire.link import (
    PROTOCOL,
    Answer,
    Ask,
    Bye,
    Entries,
    Follow,
    Hello,
    Intend,
    IsComplete,
    Ping,
    Pong,
    Problem,
    Refused,
    Seen,
    Snapshot,
    ToBrowser,
    Welcome,
)
from carnet.errors import PeerError
from carnet.ids import CellId, ClientId, JournalId
from carnet.live.link import ASKS_LIMIT, LinkPeer
from carnet.live.registry import Registry
from carnet.live.session import Session
from tests.live.conftest import PATH, World, write_notebook
from tests.support.link_client import frame_of

_encode = msgspec.msgpack.Encoder().encode


class ATab:
    """A tab that says what a test says, and keeps what it hears."""

    def __init__(self, registry: Registry, name: str = "tab", *, writable: bool = True) -> None:
        self.client_id = ClientId(name)
        self.heard: list[ToBrowser] = []
        self._news = asyncio.Event()
        self.peer = LinkPeer(registry, user="ann", writable=writable, send=self._hear)

    def _hear(self, data: bytes) -> None:
        self.heard.append(frame_of(data))
        self._news.set()

    async def say(self, *frames: msgspec.Struct) -> None:
        for frame in frames:
            await self.peer.receive(_encode(frame))

    async def begin(self, *, journal_id: JournalId | None = None, have: int = 0) -> None:
        """Greet, and follow the notebook as number 1."""
        await self.say(Hello(PROTOCOL, self.client_id), Follow(1, PATH, journal_id, have))

    async def intend(self, number: int, cell_id: str, *, of: str = "") -> None:
        await self.say(Intend(1, ClientId(of) if of else self.client_id, number, a_new(cell_id)))

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def until_decided(self, name: str, number: int) -> None:
        """Wait until this is the intent that was decided last."""
        await self.until(lambda: self.decided()[-1:] == [(name, number)])

    async def until_more_than(self, count: int) -> None:
        """Wait until more entries than so many have come."""
        await self.until(lambda: len(self.entries()) > count)

    def entries(self) -> list[int]:
        """Numbers of the entries that came, in order."""
        return [entry.seq for frame in self.heard if isinstance(frame, Entries) for entry in frame.entries]

    def decided(self) -> list[tuple[str, int]]:
        """Whose intents were decided by entries that came."""
        return [
            (entry.client_id or "", entry.intent)
            for frame in self.heard
            if isinstance(frame, Entries)
            for entry in frame.entries
            if entry.intent is not None
        ]

    def snapshots(self) -> list[Snapshot]:
        return [frame for frame in self.heard if isinstance(frame, Snapshot)]


def a_new(cell_id: str, source: str = "") -> IntentBody:
    cell = Cell(id=CellId(cell_id), kind="code", source=source)
    return Edit(edits=(InsertCells(after=None, cells=(cell,)),))


def kinds(frames: Sequence[ToBrowser]) -> list[type]:
    return [type(frame) for frame in frames]


@pytest.fixture
async def registry(world: World) -> Registry:
    write_notebook(world.notebooks, "1")
    world.settings = replace(
        world.settings, autosave_delay_s=3600.0, watch_interval_s=3600.0, unseen_limit_bytes=40_000
    )
    return world.start()


@pytest.fixture
async def session(registry: Registry) -> Session:
    return await registry.open(PATH)


async def test_lk1_hello_comes_first_and_only_a_ping_before_it(registry: Registry) -> None:
    tab = ATab(registry)
    await tab.say(Ping(7))
    with pytest.raises(PeerError, match="first frame"):
        await tab.say(Follow(1, PATH))
    with pytest.raises(PeerError, match="not a link frame"):
        await tab.peer.receive(b"\xc1")

    await tab.say(Hello(PROTOCOL, tab.client_id))
    assert kinds(tab.heard) == [Pong, Welcome]
    with pytest.raises(PeerError, match="which is not followed"):
        await tab.intend(1, "n1")


async def test_lk1_another_protocol_is_told_not_to_come_back(registry: Registry) -> None:
    tab = ATab(registry)
    await tab.say(Hello(PROTOCOL + 1, tab.client_id))

    [bye] = tab.heard
    assert isinstance(bye, Bye)
    assert (bye.retry_ms, "Reload" in bye.reason) == (-1, True)


async def test_lk2_a_new_link_knows_nothing_and_needs_nothing(registry: Registry, session: Session) -> None:
    first = ATab(registry)
    await first.begin()
    await first.intend(1, "n1")
    await first.until(lambda: first.decided() == [("tab", 1)])
    first.peer.leave()

    again = ATab(registry)
    await again.begin(journal_id=session.state.journal_id, have=session.state.seq)
    await again.intend(1, "n1")
    await again.intend(2, "n2")
    await again.until(lambda: again.decided() == [("tab", 2)])
    assert session.state.clients[ClientId("tab")] == 2


async def test_lk3_a_pong_comes_behind_all_that_was_said_before_it(registry: Registry) -> None:
    tab = ATab(registry)
    await tab.begin()
    await tab.say(Ping(41), Ping(42))

    assert kinds(tab.heard) == [Welcome, Snapshot, Pong, Pong]
    assert tab.heard[2:] == [Pong(41), Pong(42)]


async def test_lk5_what_a_follow_brings(registry: Registry, session: Session) -> None:
    writer = ATab(registry, "writer")
    await writer.begin()
    for number in (1, 2, 3):
        await writer.intend(number, f"n{number}")
    await writer.until(lambda: len(writer.decided()) == 3)
    journal_id, seq = session.state.journal_id, session.state.seq

    async def follow(have: int, journal: JournalId | None = journal_id) -> ATab:
        tab = ATab(registry)
        await tab.begin(journal_id=journal, have=have)
        return tab

    assert kinds((await follow(seq)).heard) == [Welcome]
    late = await follow(seq - 2)
    assert (kinds(late.heard), late.entries()) == ([Welcome, Entries], [seq - 1, seq])
    assert kinds((await follow(seq + 1)).heard) == [Welcome, Snapshot]
    assert kinds((await follow(seq, JournalId("another"))).heard) == [Welcome, Snapshot]
    # The same number again: a snapshot from now on, and what comes then comes once.
    await late.say(Follow(1, PATH))
    await writer.intend(4, "n4")
    await late.until(lambda: late.entries() == [seq - 1, seq, seq + 1])
    assert kinds(late.heard) == [Welcome, Entries, Snapshot, Entries]

    nowhere = ATab(registry)
    await nowhere.say(Hello(PROTOCOL, nowhere.client_id), Follow(1, msgspec.convert("no.ipynb", type(PATH))))
    problem = nowhere.heard[-1]
    assert isinstance(problem, Problem)
    assert problem.status == 404


async def test_lk8_instead_of_entries_that_are_gone_a_snapshot_comes(
    registry: Registry, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = ATab(registry)
    await tab.begin()
    monkeypatch.setattr(session, "entries_after", lambda *_: None)
    writer = ATab(registry, "writer")
    await writer.begin()
    await writer.intend(1, "n1")

    await tab.until(lambda: len(tab.snapshots()) == 2)
    assert tab.snapshots()[-1].session.order[0] == "n1"
    assert tab.entries() == []


async def test_lk9_no_more_is_sent_than_was_seen(world: World, registry: Registry, session: Session) -> None:
    tab = ATab(registry)
    await tab.begin()
    seen = session.state.seq
    await tab.say(Seen(1, seen))
    text = "x" * 10_000
    writer = ATab(registry, "writer")
    await writer.begin()
    for number in range(1, 13):
        await writer.say(Intend(1, writer.client_id, number, a_new(f"n{number}", text)))
        # This one says what it has, and hears all.
        await writer.until_decided("writer", number)
        await writer.say(Seen(1, session.state.seq))

    held = len(tab.entries())
    assert 0 < held < 12
    while len(tab.entries()) < 12:
        before = len(tab.entries())
        await tab.say(Seen(1, tab.entries()[-1]))
        await tab.until_more_than(before)
    assert tab.entries() == list(range(seen + 1, seen + 13))


async def test_lk12_a_login_that_may_only_look_is_refused_and_nothing_is_decided(
    registry: Registry, session: Session
) -> None:
    before = session.state
    tab = ATab(registry, writable=False)
    await tab.begin()
    await tab.intend(1, "n1")

    refused = tab.heard[-1]
    assert isinstance(refused, Refused)
    assert (refused.number, refused.refusal) == (1, "read-only")
    assert session.state == before


async def test_lk13_a_snapshot_says_what_of_the_tab_is_decided_and_refused(
    registry: Registry, session: Session
) -> None:
    tab = ATab(registry)
    await tab.begin()
    await tab.intend(1, "n1")
    await tab.intend(2, "no id")
    await tab.intend(3, "n3")
    await tab.until(lambda: len(tab.decided()) == 3)

    for name, numbered, refused in (("tab", 3, (2,)), ("another", 0, ())):
        again = ATab(registry, name)
        await again.begin()
        [snapshot] = again.snapshots()
        assert (snapshot.numbered, snapshot.refused) == (numbered, refused)


async def test_lk11_lk16_another_tab_brings_home_what_a_dead_one_had_sent(
    registry: Registry, session: Session
) -> None:
    dead = ATab(registry, "dead")
    await dead.begin()
    await dead.intend(1, "n1")
    await dead.until(lambda: dead.decided() == [("dead", 1)])
    dead.peer.leave()

    living = ATab(registry, "living")
    await living.begin()
    await living.intend(1, "n1", of="dead")
    await living.intend(2, "n2", of="dead")
    await living.intend(1, "n3")
    await living.until(lambda: len(living.decided()) == 2)

    assert living.decided() == [("dead", 2), ("living", 1)]
    assert [cell for cell in session.state.order if cell == "n1"] == ["n1"]


class SlowToAnswer:
    """Questions wait until the test lets them go."""

    def __init__(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = asyncio.Event()
        monkeypatch.setattr(session, "ask", self.ask)

    async def ask(self, question: object) -> bytes:
        await self.go.wait()
        return b'{"status": "complete"}'


async def test_lk17_lk18_each_question_has_one_answer_and_only_so_many_are_open(
    registry: Registry, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowToAnswer(session, monkeypatch)
    tab = ATab(registry)
    await tab.begin()
    seq = session.state.seq
    await tab.say(*(Ask(1, number, IsComplete("1")) for number in range(ASKS_LIMIT + 1)))

    [refused] = [frame for frame in tab.heard if isinstance(frame, Answer)]
    assert (refused.ask, "Too many questions" in refused.error) == (ASKS_LIMIT, True)
    slow.go.set()
    await tab.until(lambda: len(kinds(tab.heard)) == 2 + ASKS_LIMIT + 1)
    answers = {frame.ask: frame.value for frame in tab.heard if isinstance(frame, Answer) and not frame.error}
    assert sorted(answers) == list(range(ASKS_LIMIT))
    assert msgspec.msgpack.decode(answers[0] or b"") == {"status": "complete"}
    assert session.state.seq == seq


async def test_lk17_after_a_cut_there_is_no_answer(
    registry: Registry, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowToAnswer(session, monkeypatch)
    tab = ATab(registry)
    await tab.begin()
    await tab.say(Ask(1, 1, IsComplete("1")))
    tab.peer.leave()
    slow.go.set()
    other = ATab(registry, "other")
    await other.begin()
    await other.say(Ask(1, 1, IsComplete("1")))
    await other.until(lambda: Answer in kinds(other.heard))

    assert Answer not in kinds(tab.heard)

"""One room: a Yjs document that always shows what one session is, and asks of it what clients do to the document.

The session is the only authority. Before an update of a client is taken, the
document shows the session's state, so that what the update changes is what the
client did. That becomes an intent, as a tab's would; when it is decided, the
document is made what the session is, whatever came of it. Every update is kept,
with the entry it caused in one transaction, before anybody is told of it: so
clients that come back, to this life of the server or the next, find the history
they know. Rules CB1 to CB15, CB23: docs/specs/collaboration.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from msgspec.structs import replace

from carnet.collaboration import protocol
from carnet.collaboration.document import NotebookDocument, Touched, change_of, written_away, written_on
from carnet.collaboration.members import ANOTHER_HISTORY, FAULT, FORBIDDEN, GONE, TRY_AGAIN, Member, Members
from carnet.collaboration.plan import (
    Deed,
    DropCells,
    PutMetadata,
    Step,
    Wish,
    busy_cells,
    metadata_edit,
    metadata_steps,
    steps_between,
    wish_of,
)
from carnet.collaboration.shape import Inline, Later
from carnet.collaboration.shared_document import Spoilt
from carnet.collaboration.updates import NESTING_LIMIT, Brought, check_update, clocks
from carnet.core.notebook.ipynb import extract_large_output, value_of_blob
from carnet.core.notebook.model import BlobRef, DisplayData, ExecuteResult, Json, Output
from carnet.core.session.intents import Edit, Intent, IntentBody, SaveNow
from carnet.core.session.operations import ReplaceOutputs
from carnet.core.session.state import Saved, SessionState
from carnet.core.text.changes import ChangeSet
from carnet.errors import CarnetError, JournalError, PeerError
from carnet.ids import CellId, ClientId, new_cell_id, new_id
from carnet.journal.blobs import BlobStore
from carnet.live.session import Session

log = logging.getLogger("carnet.collaboration")

CHECKED_ASIDE_BYTES: Final = 32 << 10
"""A longer update is looked through on a worker thread."""

INLINE_LIMIT_BYTES: Final = 4 << 20
"""A larger blob is not put into the document: a line of text says where it is."""

INLINE_TOTAL_BYTES: Final = 32 << 20
"""Of all blobs in one room."""

APART: Final = 1000
"""The newest so many updates are kept apart: of them it can be told what a client had when it left."""

COMPACT_BYTES: Final = 4 << 20
"""Older ones are put together when all are longer than this, and four times as long as they were when they were put together last."""

HISTORY_LIMIT_BYTES: Final = 64 << 20
"""A history that is longer when nobody is in the room is begun anew: clients reload."""

ROOM_LIMIT_BYTES: Final = 256 << 20
"""A history that is longer though it was put together ends its room, and is begun anew. Much of it nobody can see."""

WAITING_LIMIT_BYTES: Final = 16 << 20
"""Of updates in one room that wait for others: they are kept in memory, and come into the document at once."""

WAITING_TYPES_LIMIT: Final = 1_000
"""Of shared types in such updates, which may stand in each other. Who speaks over one line has none that wait."""

UNDER_WAY_S: Final = 10.0
"""So long after a cell was moved, letters for where it was are looked for."""

MOVES_LIMIT: Final = 8
"""The newest moves that are tried."""

UNDER_WAY_BYTES: Final = 1 << 20
"""Of the updates that are kept in mind for it."""

WHOLE_BYTES: Final = 1 << 20
"""Who has nothing gets a document of this size in one update."""

SENT_AHEAD_BYTES: Final = 2 << 20
"""Of a larger one, so much may wait for the line."""

SENT_AHEAD_WAIT_S: Final = 0.02


class Room:
    """The room of one open notebook. Made by `open_room`, kept by `collaboration.rooms`."""

    def __init__(self, session: Session, prepared: "Prepared") -> None:
        self.session = session
        self.history = prepared.history
        self.members = Members()
        self.closed = False
        self.on_end: Callable[[], None] = lambda: None
        self._document = prepared.document
        self._blobs = _Blobs(self, prepared.blobs)
        self._shown = prepared.shown
        """What the document shows."""
        self._stale: set[CellId] = set()
        """Cells whose shape became another one though nothing happened to them: a blob arrived."""
        self._turn = asyncio.Lock()
        """One client's message at a time; the document shows the session's state between two of them."""
        self._in_turn = False
        self._told = asyncio.Event()
        """Something happened in the session."""
        self._due: asyncio.Handle | None = None
        self._waiting = _Waiting()
        self._kept_bytes = prepared.kept_bytes
        self._kept = prepared.kept
        """How many updates are kept."""
        self._long_bytes = COMPACT_BYTES + 3 * prepared.kept_bytes
        self._compacting = False
        self._moves = _Moves()
        self._saved: Saved | None = None
        """The save that clients were told of."""
        session.follow(self._notify)

    # ---- members

    async def join(self, member: Member) -> None:
        """Let a client in."""
        async with self._turn:
            if member.may_edit:
                member.send(protocol.what_i_have(self._document.vector()))
            self.members.welcome(member)
            self._show()
            self._look_saved()

    def leave(self, member: Member) -> None:
        """A client is gone; it may come back."""
        self.members.leave(member)

    async def receive(self, member: Member, frame: bytes) -> None:
        """Handle one message of a client. To be called in order, one at a time.

        Raises:
            PeerError: it is malformed; the socket is to be closed.
        """
        message = protocol.decode(frame)
        match message:
            case protocol.WhatIHave(vector=vector):
                member.vector = vector
                if self._kept_bytes > WHOLE_BYTES and self._has_nothing(vector):
                    vector = await self._send_kept(member, vector)
                async with self._turn:
                    self._show()
                    member.send(protocol.what_you_miss(self._document.missing(vector)))
            case protocol.WhatYouMiss(update=update):
                if member.may_edit and update != protocol.NOTHING:
                    await self._change(member, update, member.vector)
                    member.vector = b""
            case protocol.Changed(update=update):
                if not member.may_edit:
                    member.socket.end(FORBIDDEN, "this token may look, but not change")
                elif update != protocol.NOTHING:
                    await self._change(member, update)
            case protocol.Presences(of=said):
                self.members.hear(member, said)
            case protocol.AskPresences():
                self.members.answer(member)
            case protocol.Save(number=number):
                if member.may_edit:
                    await self._intend(member, SaveNow())
                member.send(protocol.saved(number, ok=member.may_edit))
            case None:
                pass

    def _has_nothing(self, vector: bytes) -> bool:
        return not clocks(vector).keys() & clocks(self._document.vector()).keys()

    async def _send_kept(self, member: Member, had: bytes) -> bytes:
        """Send a client that has nothing all that is kept, one update after another; return the vector of what it has then.

        The update of all of it, which is the shorter one, would be made on the loop, in one go.
        """
        async with self._turn:
            vector = self._document.vector()
        journal, journal_id = self.session.around.journal, self.session.state.journal_id
        try:
            record = await self.session.in_thread(lambda: journal.room(journal_id))
        except JournalError as error:
            log.warning("room of %s: what is kept cannot be read: %s", journal_id, error)
            return had
        if record is None or record.history != self.history:
            return had
        for update in record.updates:
            while member.socket.waiting_bytes() > SENT_AHEAD_BYTES:
                if self.closed or member not in self.members:
                    return vector
                await asyncio.sleep(SENT_AHEAD_WAIT_S)
            member.send(protocol.changed(update))
            await asyncio.sleep(0)
        return vector

    def end(self, code: int, reason: str) -> None:
        """Send everybody away and close. What is kept stays."""
        if self.closed:
            return
        self.closed = True
        self._told.set()
        self.session.leave(self._notify)
        if self._due is not None:
            self._due.cancel()
        self.members.send_away(code, reason)
        self.on_end()

    async def compact(self) -> None:
        """Put the older ones of the kept updates together, if they are many."""
        if self._compacting or self.closed or not self._is_long:
            return
        self._compacting = True
        try:
            count = await self.session.in_thread(self._put_together)
        except (JournalError, PeerError) as error:
            log.warning("room of %s: not compacted: %s", self.session.state.journal_id, error)
            count = 0
        finally:
            self._compacting = False
        self._kept -= max(count - 1, 0)
        self._long_bytes = min(COMPACT_BYTES + 3 * self._kept_bytes, ROOM_LIMIT_BYTES)
        self._moves = _Moves()
        if self._kept_bytes > ROOM_LIMIT_BYTES:
            log.warning("room of %s: its history is too long, and begins anew", self.session.state.journal_id)
            self.end(ANOTHER_HISTORY, "this history is too long, and begins anew; reload")

    @property
    def _is_long(self) -> bool:
        return self._kept > 2 * APART or self._kept_bytes > self._long_bytes

    def _put_together(self) -> int:
        """Return how many were put together. Blocking."""
        journal, journal_id = self.session.around.journal, self.session.state.journal_id
        record = journal.room(journal_id)
        updates = record.updates if record is not None else ()
        count = len(updates) - APART
        if count < 2:
            return 0
        document = NotebookDocument()
        document.load(updates[:count])
        whole = document.whole()
        journal.compact_room(journal_id, whole, count)
        self._kept_bytes += len(whole) - sum(map(len, updates[:count]))
        return count

    # ---- what clients do

    async def _change(self, member: Member, update: bytes, vector: bytes = b"") -> None:
        """Take an update. `vector`: what the client had when it came, where this is what it brings home."""
        if len(update) > CHECKED_ASIDE_BYTES:
            brought = await self.session.in_thread(lambda: check_update(update))
        else:
            brought = check_update(update)
        async with self._turn:
            await self._until_recording()
            if self.closed or member not in self.members:
                return
            away = await self._written_away(vector, update) if vector and brought.structs else {}
            self._show()
            if self.closed:
                return
            self._in_turn = True
            try:
                await self._take(member, update, away, brought)
            except Spoilt:
                await self._begin_again()
                raise
            except PeerError:
                raise
            except JournalError as error:
                log.warning("room of %s: %s", self.session.state.journal_id, error)
                self.end(TRY_AGAIN, "nothing can be recorded now; come back")
            except Exception:
                # One update that we do not understand must not leave a document that shows what is not so.
                log.exception("room of %s: an update could not be taken", self.session.state.journal_id)
                self.end(FAULT, "something went wrong; come back")
            finally:
                self._in_turn = False

    async def _begin_again(self) -> None:
        """Make the document anew from what is kept, which is all that anybody was told."""
        state = self.session.state
        prepared = await self.session.in_thread(lambda: _prepare(self.session, state))
        if prepared.is_new:
            self.end(ANOTHER_HISTORY, "what was kept cannot be read; reload")
            return
        self._document, self._shown, self._waiting = prepared.document, prepared.shown, _Waiting()
        self._kept, self._kept_bytes = prepared.kept, prepared.kept_bytes
        for update in prepared.updates:
            self.members.tell(protocol.changed(update))

    async def _until_recording(self) -> None:
        """Wait while the journal cannot be written: nothing is taken that could not be kept."""
        while self.session.stalled is not None and not self.closed:
            self._told.clear()
            await self._told.wait()

    async def _written_away(self, vector: bytes, update: bytes) -> dict[CellId, tuple[str, str]]:
        journal, journal_id = self.session.around.journal, self.session.state.journal_id

        def look() -> dict[CellId, tuple[str, str]]:
            record = journal.room(journal_id)
            return written_away(record.updates if record is not None else (), vector, update)

        return await self.session.in_thread(look)

    async def _written_under_way(self, member: Member, update: bytes) -> dict[CellId, tuple[str, str]]:
        """Return what was written into cells that were moved while the letters were on their way.

        Cells that were deleted are left alone: the writer sees them go, and to come late is normal (IN3).
        """
        since = self._moves.since(member)
        if not since:
            return {}
        journal, journal_id = self.session.around.journal, self.session.state.journal_id

        def look() -> dict[CellId, tuple[str, str]]:
            record = journal.room(journal_id)
            updates = record.updates if record is not None else ()
            tried = (written_on([*updates[:kept], *mine], update) for kept, mine in since)
            return next(filter(None, tried), {})

        found = await self.session.in_thread(look)
        return {cell_id: texts for cell_id, texts in found.items() if cell_id in self._shown.cells}

    async def _take(
        self, member: Member, update: bytes, away: Mapping[CellId, tuple[str, str]], brought: Brought
    ) -> None:
        kept = self._kept
        self._waiting.check(brought)
        touched = self._document.take(update)
        self._waiting.note(update, brought, clocks(self._document.vector()))
        if touched.update and not touched.is_visible and not away:
            away = await self._written_under_way(member, update)
        if not touched.update:
            return
        state = self._shown  # what the client saw; the session may have come on while we looked
        deed = Deed(touched.slots, touched.ordered, _changes(state, touched), away)
        wish = wish_of(state, deed, inline_for=self._blobs.inline_for, fresh_id=new_cell_id)
        if (edit := metadata_edit(state, touched.metadata)) is not None:
            wish.edits.append(edit)
        await self._wish(member, wish, touched.update)
        if touched.ordered:
            self._moves.note_move(kept)
        self._moves.note(
            kept, member, update
        )  # as it came: of letters that nobody sees, what is kept has no text
        self.members.tell(protocol.changed(touched.update), but=member)
        if wish.named:
            self._keep_and_tell(self._document.name(wish.named))
        dirty = {slot.cell_id for slot in touched.slots if slot.raw is not None} | set(wish.named.values())
        self._correct(dirty, metadata=touched.metadata is not None)
        if self._is_long and not self._compacting:
            self.session.start(self.compact(), "compact a room")

    async def _wish(self, member: Member, wish: Wish, update: bytes) -> None:
        """Ask the session. The update is kept with the first entry that it causes."""
        outputs = await self._with_blobs(wish.outputs)
        if wish.edits:
            answer = await self._intend(member, Edit(tuple(wish.edits)), update)
            update = b""
            if answer is not None and len(wish.edits) > 1:
                # One of them may not be; the others are none the worse for it.
                for edit in wish.edits:
                    await self._intend(member, Edit((edit,)))
        busy = busy_cells(self.session.state)  # a run may have begun meanwhile
        outputs = [one for one in outputs if one.cell_id not in busy]
        if outputs:
            self.session.commit(outputs, room=update)
            self._count(update)
            update = b""
        if update:
            self._keep(update)

    async def _intend(self, member: Member, body: IntentBody, update: bytes = b"") -> str | None:
        """Ask the session; return why it refuses, or None."""
        client_id = ClientId(f"room-{self.history}")
        number = self.session.state.clients.get(client_id, 0) + 1
        intent = Intent(client_id, number, member.user, body)
        answer = await self.session.take(intent, room=update)
        self._count(update)
        return answer.refusal

    async def _with_blobs(self, outputs: Sequence[ReplaceOutputs]) -> list[ReplaceOutputs]:
        around = self.session.around
        limit = around.settings.blob_limit_bytes

        def small() -> list[ReplaceOutputs]:
            return [
                replace(
                    one,
                    outputs=tuple(
                        extract_large_output(output, limit_bytes=limit, new_blob=around.blobs.put)
                        for output in one.outputs
                    ),
                )
                for one in outputs
            ]

        if not outputs:
            return []
        made = await self.session.in_thread(small)
        for one, before in zip(made, outputs, strict=True):
            for output, values in zip(one.outputs, before.outputs, strict=True):
                self._blobs.know(output, values)
        return made

    # ---- what the session is

    def _notify(self) -> None:
        self._told.set()
        if self._due is None and not self._in_turn and not self.closed:
            self._due = asyncio.get_running_loop().call_soon(self._show_soon)

    def _show_soon(self) -> None:
        self._due = None
        if not self._in_turn:  # else it is shown at the end of the turn
            self._show()

    def _show(self) -> None:
        """Make the document show the session's state, which has come on since."""
        if self.closed:
            return
        if self.session.closed:
            self.end(GONE, "this notebook is closed")
            return
        state = self.session.state
        if state is self._shown and not self._stale:
            return
        self._perform(self._steps(self._shown, state, dirty=frozenset()), state)

    def _correct(self, dirty: "set[CellId]", *, metadata: bool) -> None:
        """Make the document show the session's state, after a client changed these cells of it."""
        state = self.session.state
        steps = self._steps(self._shown, state, dirty=dirty)
        if metadata:
            steps = [step for step in steps if not (isinstance(step, PutMetadata) and step.at is None)]
            steps += metadata_steps(self._document.metadata(), state.metadata)
        self._perform(steps, state)

    def _steps(self, old: SessionState, new: SessionState, *, dirty: Iterable[CellId]) -> list[Step]:
        """Return what the document needs to show `new`: it shows `old`, but for cells that are dirty."""
        return steps_between(
            self._document.ids,
            self._document.cell,
            old,
            new,
            dirty={*dirty, *self._stale},
            inline_for=self._blobs.inline_for,
        )

    def _perform(self, steps: Sequence[Step], state: SessionState) -> None:
        old, self._shown = self._shown, state
        self._stale.clear()
        if any(isinstance(step, DropCells) for step in steps):
            self._moves.note_move(self._kept)
        about = _about(state)
        update = self._document.perform(steps, {} if _about(old) == about else about)
        if update:
            self._keep_and_tell(update)
        self._look_saved()

    def _look_saved(self) -> None:
        saved = self._shown.saved
        if self.members and saved.revision is not None and saved is not self._saved:
            self._saved = saved
            if saved.seq >= self._shown.changed_seq:
                self._keep_and_tell(self._document.perform([], {"dirty": False}))

    def blob_arrived(self, cells: Iterable[CellId]) -> None:
        """These cells have another shape now."""
        self._stale.update(cells)
        self._notify()

    # ---- keeping and telling

    def _keep_and_tell(self, update: bytes) -> None:
        if update and self._keep(update):
            self.members.tell(protocol.changed(update))

    def _keep(self, update: bytes) -> bool:
        """Keep an update; where that cannot be, the room ends, and begins again from what is kept."""
        try:
            self.session.around.journal.append_to_room(self.session.state.journal_id, update)
        except JournalError as error:
            log.warning("room of %s: %s", self.session.state.journal_id, error)
            self.end(TRY_AGAIN, "nothing can be recorded now; come back")
            return False
        self._count(update)
        return True

    def _count(self, update: bytes) -> None:
        self._kept += bool(update)
        self._kept_bytes += len(update)


class _Waiting:
    """What clients sent that is not in the document yet, since other updates are missing."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}
        """Of each client, the clock behind its last struct."""
        self._bytes = 0
        self._types = 0

    def check(self, brought: Brought) -> None:
        """Look at what comes next.

        What waits may stand in what comes, and hold it together: an update alone does not tell how deep it is then.

        Raises:
            Spoilt: it must not come while something waits.
        """
        if self._ends and brought.types > NESTING_LIMIT:
            raise Spoilt("updates that wait for what does not come, and then much at once")

    def note(self, update: bytes, brought: Brought, have: Mapping[int, int]) -> None:
        """Note that the document, which has so much of each client now, was given an update.

        Raises:
            Spoilt: more waits than may.
        """
        if brought.waits(have):
            self._bytes += len(update)
            self._types += brought.types
            for client, end in brought.ends.items():
                self._ends[client] = max(end, self._ends.get(client, 0))
            if self._bytes > WAITING_LIMIT_BYTES or self._types > WAITING_TYPES_LIMIT:
                raise Spoilt("updates that wait for what does not come")
        elif self._ends and all(have.get(client, 0) >= end for client, end in self._ends.items()):
            self._ends.clear()
            self._bytes = self._types = 0


class _Moves:
    """When cells were moved lately: letters may be on their way to where they were."""

    def __init__(self) -> None:
        self._before: deque[tuple[int, float]] = deque(maxlen=MOVES_LIMIT)
        """How many updates were kept before each, and when it was; newest last."""
        self._came: deque[tuple[int, Member, bytes]] = deque()
        """What came since, from whom, and how many updates were kept before."""
        self._came_bytes = 0

    def note_move(self, kept: int) -> None:
        """A cell is another one from now on."""
        self._before.append((kept, asyncio.get_running_loop().time()))

    def note(self, kept: int, member: Member, update: bytes) -> None:
        """Note a client's update."""
        if self._before:
            self._came.append((kept, member, update))
            self._came_bytes += len(update)
        while self._came and (self._came_bytes > UNDER_WAY_BYTES or self._came[0][0] < self._before[0][0]):
            self._came_bytes -= len(self._came.popleft()[2])

    def since(self, member: Member) -> list[tuple[int, list[bytes]]]:
        """Return for each of them, newest first, how many updates were kept before, and those of this client since."""
        now_s = asyncio.get_running_loop().time()
        while self._before and now_s - self._before[0][1] > UNDER_WAY_S:
            self._before.popleft()
        return [
            (before, [update for kept, one, update in self._came if one is member and kept >= before])
            for before, _ in reversed(self._before)
        ]


BlobKey: TypeAlias = tuple[str, str, bool]


@dataclass
class BlobValues:
    """Values of blobs that are in a document. Bounded."""

    values: dict[BlobKey, Json] = field(default_factory=dict)
    total_bytes: int = 0

    def has_room_for(self, ref: BlobRef) -> bool:
        """Count this one in, if it may be."""
        total_bytes = self.total_bytes + ref.size_bytes
        if ref.size_bytes > INLINE_LIMIT_BYTES or total_bytes > INLINE_TOTAL_BYTES:
            return False
        self.total_bytes = total_bytes
        return True


def _key(media_type: str, ref: BlobRef) -> BlobKey:
    return (ref.sha256, media_type, ref.newline)


def _read_blob(blobs: BlobStore, media_type: str, ref: BlobRef) -> Json:
    """Return the value; None: it is gone. Blocking."""
    try:
        return value_of_blob(media_type, ref, blobs.get(ref.sha256))
    except CarnetError:
        return None


class _Blobs:
    """Large values of outputs, read when they are first wanted. Until then they are left out."""

    def __init__(self, room: Room, known: BlobValues) -> None:
        self._room = room
        self._known = known
        self._wanted: dict[BlobKey, set[CellId]] = {}

    def inline_for(self, cell_id: CellId) -> Inline:
        """Return what looks up blobs for a cell, which is told when they come."""
        return lambda media_type, ref: self._inline(cell_id, media_type, ref)

    def _inline(self, cell_id: CellId, media_type: str, ref: BlobRef) -> Json | Later:
        key = _key(media_type, ref)
        if key in self._known.values:
            return self._known.values[key]
        if key in self._wanted:
            self._wanted[key].add(cell_id)
        elif self._known.has_room_for(ref):
            self._wanted[key] = {cell_id}
            self._room.session.start(self._read(media_type, ref), "blob of a room")
        else:
            return None
        return Later.LATER

    def know(self, output: Output, before: Output) -> None:
        """Take the values of an output's blobs from what it was before they became blobs."""
        if isinstance(output, DisplayData | ExecuteResult) and isinstance(
            before, DisplayData | ExecuteResult
        ):
            for media_type, ref in output.blobs.items():
                key = _key(media_type, ref)
                if (
                    media_type in before.data
                    and key not in self._known.values
                    and self._known.has_room_for(ref)
                ):
                    self._known.values[key] = before.data[media_type]

    async def _read(self, media_type: str, ref: BlobRef) -> None:
        session = self._room.session
        value = await session.in_thread(lambda: _read_blob(session.around.blobs, media_type, ref))
        self._known.values[_key(media_type, ref)] = value
        self._room.blob_arrived(self._wanted.pop(_key(media_type, ref)))


@dataclass
class Prepared:
    """A document that shows a state, and is kept."""

    document: NotebookDocument
    shown: SessionState
    history: str
    is_new: bool
    """This history begins now."""
    blobs: BlobValues
    kept: int
    kept_bytes: int
    updates: tuple[bytes, ...] = ()
    """What had to be changed of what was kept."""


async def open_room(session: Session) -> tuple[Room, bool]:
    """Open the room of a session; also return whether its history begins now.

    Raises:
        JournalError: nothing can be kept.
    """
    state = session.state
    prepared = await session.in_thread(lambda: _prepare(session, state))
    return Room(session, prepared), prepared.is_new


def _prepare(session: Session, state: SessionState) -> Prepared:
    """Return the document with what is kept of it, showing this state. Blocking.

    Raises:
        JournalError: nothing can be kept.
    """
    journal, blobs = session.around.journal, BlobValues()

    def inline(media_type: str, ref: BlobRef) -> Json | Later:
        key = _key(media_type, ref)
        if key not in blobs.values and blobs.has_room_for(ref):
            blobs.values[key] = _read_blob(session.around.blobs, media_type, ref)
        return blobs.values.get(key)

    document, record = NotebookDocument(), None
    try:
        record = journal.room(state.journal_id)
        if record is not None and sum(map(len, record.updates)) <= HISTORY_LIMIT_BYTES:
            document.load(record.updates)
        else:
            record = None
    except (JournalError, PeerError) as error:
        log.warning("room of %s: its history begins anew: %s", state.journal_id, error)
        document, record = NotebookDocument(), None
    steps = steps_between(document.ids, document.cell, None, state, inline_for=lambda _: inline)
    steps += metadata_steps(document.metadata(), state.metadata)
    updates = document.complete(steps, _about(state), (state.nbformat, state.nbformat_minor))
    if record is None:
        history = new_id()
        # One after another, so that no commit waits long. A history that broke off is completed by who opens it next.
        journal.begin_room(state.journal_id, history, updates[0])
        for update in updates[1:]:
            journal.append_to_room(state.journal_id, update)
        return Prepared(document, state, history, True, blobs, len(updates), sum(map(len, updates)))
    for update in updates:
        journal.append_to_room(state.journal_id, update)
    every = [*record.updates, *updates]
    return Prepared(
        document, state, record.history, False, blobs, len(every), sum(map(len, every)), tuple(updates)
    )


def _about(state: SessionState) -> dict[str, Json]:
    return {
        "path": state.path,
        "document_id": f"json:notebook:{state.journal_id}",
        "hash": protocol.ROOM_HASH,
    }


def _changes(state: SessionState, touched: Touched) -> dict[CellId, ChangeSet]:
    found: dict[CellId, ChangeSet] = {}
    for cell_id, delta in touched.changes.items():
        cell = state.cells.get(cell_id)
        change = change_of(cell.cell.source, delta) if cell is not None else None
        if change is not None:
            found[cell_id] = change
    return found

"""All rooms of this server: one for each notebook or text file that somebody shares through Yjs. Rules CB1 to CB4: docs/specs/collaboration.md."""

import asyncio
from typing import Final

from carnet.collaboration import protocol
from carnet.collaboration.members import GONE, Member, Members
from carnet.collaboration.room import Room, open_room
from carnet.collaboration.text_room import TextRoom
from carnet.collaboration.text_rooms import TextRooms
from carnet.errors import NotFound, PeerError
from carnet.ids import JournalId, NotebookPath
from carnet.journal.texts import TextStore
from carnet.live.registry import Registry

LINGER_S: Final = 60.0
"""A room without clients stays open for so long: they come back after a cut."""

_EMPTY_VECTOR: Final = b"\x00"


class Rooms:
    """The open rooms. One for each server, made with its first."""

    def __init__(self, registry: Registry, texts: TextStore) -> None:
        self._registry = registry
        self._opening: dict[JournalId, asyncio.Task[tuple[Room, bool]]] = {}
        self._closing: dict[JournalId, asyncio.TimerHandle] = {}
        self.lobby = Lobby()
        self.texts = TextRooms(registry.around, texts)

    async def of_path(self, path: NotebookPath) -> tuple[Room, bool]:
        """Return the room of the notebook at a path, and whether it never had one.

        Raises:
            CarnetError: it cannot be opened.
        """
        session = await self._registry.open(path)
        room, is_new = await self._open(session.state.journal_id)
        return room, is_new

    async def of_file(self, file_id: str) -> Room:
        """Return the room of a notebook by the id that `of_path`'s session has.

        Raises:
            NotFound: there is no such notebook.
        """
        record = self._registry.around.journal.find_notebook(JournalId(file_id))
        if record is None or record.path is None:
            raise NotFound(
                f"There is no notebook {file_id}; it may have been deleted. Ask for a session of its path."
            )
        room, _ = await self._open(record.journal_id)
        return room

    def left(self, room: "Room | TextRoom | Lobby") -> None:
        """Somebody left; close it after a while if that was the last."""
        if isinstance(room, TextRoom):
            self.texts.left(room)
        elif isinstance(room, Room):
            self._left(room)

    def has_members(self, journal_id: JournalId) -> bool:
        """Return whether somebody shares this notebook now."""
        task = self._opening.get(journal_id)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return False
        return bool(task.result()[0].members)

    # ---- inside

    def _left(self, room: Room) -> None:
        journal_id = room.session.state.journal_id
        if not room.members and not room.closed and journal_id not in self._closing:
            loop = asyncio.get_running_loop()
            self._closing[journal_id] = loop.call_later(LINGER_S, self._close, journal_id, room)

    async def _open(self, journal_id: JournalId) -> tuple[Room, bool]:
        task = self._opening.get(journal_id)
        is_first = task is None
        if task is None:
            task = asyncio.create_task(self._begin(journal_id), name=f"room {journal_id}")
            self._opening[journal_id] = task
        try:
            room, is_new = await asyncio.shield(task)
        except asyncio.CancelledError:
            raise
        except Exception:
            self._forget(journal_id, task)
            raise
        return room, is_new and is_first

    async def _begin(self, journal_id: JournalId) -> tuple[Room, bool]:
        record = self._registry.around.journal.find_notebook(journal_id)
        if record is None or record.path is None:
            raise NotFound("This notebook was deleted.")
        session = await self._registry.open(record.path)
        if session.state.journal_id != journal_id:
            raise NotFound(f"{record.path} is another notebook now. Ask for a session of its path.")
        room, is_new = await open_room(session)
        room.on_end = lambda: self._ended(journal_id, room)
        self._left(room)
        return room, is_new

    def _forget(self, journal_id: JournalId, task: "asyncio.Task[tuple[Room, bool]]") -> None:
        if self._opening.get(journal_id) is task:
            del self._opening[journal_id]

    def _ended(self, journal_id: JournalId, room: Room) -> None:
        task = self._opening.get(journal_id)
        if task is not None and task.done() and task.result()[0] is room:
            del self._opening[journal_id]

    def _close(self, journal_id: JournalId, room: Room) -> None:
        del self._closing[journal_id]
        if not room.members and not room.closed:
            room.session.start(self._put_away(room), "close a room")

    async def _put_away(self, room: Room) -> None:
        await room.compact()
        if not room.members:
            room.end(GONE, "closed")


class Lobby:
    """Jupyter's room without a document: who is here at all (`JupyterLab:globalAwareness`)."""

    def __init__(self) -> None:
        self.members = Members()

    async def join(self, member: Member) -> None:
        """Let a client in."""
        member.send(protocol.what_i_have(_EMPTY_VECTOR))
        self.members.welcome(member)

    def leave(self, member: Member) -> None:
        """A client is gone."""
        self.members.leave(member)

    async def receive(self, member: Member, frame: bytes) -> None:
        """Handle one message.

        Raises:
            PeerError: it is malformed; the socket is to be closed.
        """
        message = protocol.decode(frame)
        match message:
            case protocol.WhatIHave():
                member.send(protocol.what_you_miss(protocol.NOTHING))
            case protocol.Presences(of=said):
                self.members.hear(member, said)
            case protocol.AskPresences():
                self.members.answer(member)
            case protocol.Changed(update=update) if update != protocol.NOTHING:
                raise PeerError("this room has no document")
            case _:
                pass

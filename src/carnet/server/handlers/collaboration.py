"""Rooms for clients that share notebooks and text files through Yjs, in Jupyter's protocol. Rules CB1 to CB4, CB18, CB19, CB24: docs/specs/collaboration.md."""

import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from carnet.errors import CarnetError, PeerError
from carnet.security.scopes import Scope
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.handlers.socket import Socket
from carnet.server.tabs import TAB_HEADER, tab_of
from carnet.server.workbench import Workbench

if TYPE_CHECKING:
    from carnet.collaboration.members import Member
    from carnet.collaboration.room import Room
    from carnet.collaboration.rooms import Lobby, Rooms
    from carnet.collaboration.text_room import TextRoom

log = logging.getLogger("carnet.collaboration")

FRAME_BYTES: Final = 64 << 20
"""The longest message taken: the whole document of a client that comes home."""

LOBBY: Final = "JupyterLab:globalAwareness"

MISSING: Final = (
    "Collaboration rooms need the package pycrdt, which is not installed here. "
    "Install Carnet with it: pip install 'carnet[collaboration]'."
)
NO_SUCH_ROOM: Final = (
    "Rooms are for notebooks (format json, type notebook) and text files (format text, type file). "
    "Read and write other files as /api/contents."
)

NOTEBOOK: Final = ("json", "notebook")
TEXT: Final = ("text", "file")


class RoomSession(Handler):
    """Where the room of a notebook or a text file is, and which history it has."""

    async def put(self, raw: str) -> None:
        """Answer with it; 201 when it begins now."""
        rooms = await _rooms(self, await self.workbench())
        if rooms is None:
            return
        body = self.json_body()
        kind = (body.get("format", "json"), body.get("type", "notebook"))
        path = path_of(raw)
        if kind == NOTEBOOK:
            room, is_new = await rooms.of_path(path)
            file_id, history = str(room.session.state.journal_id), room.history
        elif kind == TEXT:
            text_room, is_new = await rooms.texts.of_path(path)
            file_id, history = text_room.file_id, text_room.history
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", NO_SUCH_ROOM)
            return
        tab = tab_of(self.identity, self.request.headers.get(TAB_HEADER, ""))
        (await self.workbench()).tabs.shares(tab, path)
        self.answer(
            {"format": kind[0], "type": kind[1], "fileId": file_id, "sessionId": history},
            HTTPStatus.CREATED if is_new else HTTPStatus.OK,
        )


class RoomSocket(Socket):
    """One client's place in a room."""

    room: "Room | TextRoom | Lobby | None" = None
    rooms: "Rooms"
    member: "Member"

    async def ready(self) -> None:
        """Answer 404 where there is no such room; a socket that opens has one."""
        rooms = await _rooms(self, await self.workbench())
        if rooms is None:
            return
        self.rooms = rooms
        name = self.path_args[0]
        if name == LOBBY:
            self.room = rooms.lobby
            return
        kind, _, file_id = name.rpartition(":")
        if kind == ":".join(NOTEBOOK):
            self.room = await rooms.of_file(file_id)
        elif kind == ":".join(TEXT):
            self.room = await rooms.texts.of_file(file_id)
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", NO_SUCH_ROOM)

    @property
    def max_message_size(self) -> int:
        """Return the longest message taken, in bytes."""
        return FRAME_BYTES

    async def opened(self) -> None:
        """Come in, if the client knows this history."""
        from carnet.collaboration.members import ANOTHER_HISTORY, Member
        from carnet.collaboration.rooms import Lobby

        room = self.room
        assert room is not None
        may_edit = Scope.EDIT in self.identity.scopes
        self.member = Member(self, user=self.identity.user, may_edit=may_edit)
        if not isinstance(room, Lobby) and self.get_query_argument("sessionId", "") != room.history:
            reason = {"reason": "session_expired", "reloadable": True}
            self.end(ANOTHER_HISTORY, json.dumps(reason))
            return
        await room.join(self.member)

    async def receive(self, message: str | bytes) -> None:
        """Hand one message to the room."""
        from carnet.collaboration.members import MALFORMED

        if self.room is None:
            return
        try:
            if isinstance(message, str):
                raise PeerError("messages of a room are binary")
            await self.room.receive(self.member, message)
        except CarnetError as error:
            log.info("a client of a room is sent away: %s", error)
            self.end(MALFORMED, str(error)[:100])

    def left(self) -> None:
        """The client may come back."""
        room, self.room = self.room, None
        if room is None:
            return
        room.leave(self.member)
        self.rooms.left(room)

    # ---- what the room does with its socket

    def send_frame(self, frame: bytes) -> None:
        """Send one frame."""
        self.post(frame)

    def waiting_bytes(self) -> int:
        """Return how much was not written to the socket yet."""
        return self.buffered_bytes

    def end(self, code: int, reason: str) -> None:
        """Close the socket."""
        self.close(code, reason)


async def _rooms(handler: Handler, bench: Workbench) -> "Rooms | None":
    """Return the rooms; None: the extra is not installed, and the client was told so."""
    rooms = await bench.open_rooms()
    if rooms is None:
        handler.refuse(HTTPStatus.NOT_IMPLEMENTED, "collaboration", MISSING)
        return None
    return rooms

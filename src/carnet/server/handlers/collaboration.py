"""Rooms for clients that share a notebook through Yjs, in Jupyter's protocol. Rules CB1 to CB4, CB18, CB19: docs/specs/collaboration.md."""

import importlib.util
import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from carnet.errors import CarnetError, PeerError
from carnet.security.scopes import Scope
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.handlers.socket import Socket
from carnet.server.workbench import Workbench

if TYPE_CHECKING:
    from carnet.collaboration.room import Member, Room
    from carnet.collaboration.rooms import Lobby, Rooms

log = logging.getLogger("carnet.collaboration")

FRAME_BYTES: Final = 64 << 20
"""The longest message taken: the whole document of a client that comes home."""

LOBBY: Final = "JupyterLab:globalAwareness"

MISSING: Final = (
    "Collaboration rooms need the package pycrdt, which is not installed here. "
    "Install Carnet with it: pip install 'carnet[collaboration]'."
)
ONLY_NOTEBOOKS: Final = (
    "Rooms are for notebooks (format json, type notebook). Read and write other files as /api/contents."
)


class RoomSession(Handler):
    """Where a notebook's room is, and which history it has."""

    async def put(self, raw: str) -> None:
        """Answer with it; 201 when it begins now."""
        rooms = await _rooms(self, await self.workbench())
        if rooms is None:
            return
        body = self.json_body()
        if body.get("type", "notebook") != "notebook" or body.get("format", "json") != "json":
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", ONLY_NOTEBOOKS)
            return
        room, is_new = await rooms.of_path(path_of(raw))
        self.answer(
            {
                "format": "json",
                "type": "notebook",
                "fileId": room.session.state.journal_id,
                "sessionId": room.history,
            },
            HTTPStatus.CREATED if is_new else HTTPStatus.OK,
        )


class RoomSocket(Socket):
    """One client's place in a room."""

    room: "Room | Lobby | None" = None
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
        if kind != "json:notebook":
            self.refuse(HTTPStatus.NOT_FOUND, "NotFound", ONLY_NOTEBOOKS)
            return
        self.room = await rooms.of_file(file_id)

    @property
    def max_message_size(self) -> int:
        """Return the longest message taken, in bytes."""
        return FRAME_BYTES

    async def opened(self) -> None:
        """Come in, if the client knows this history."""
        from carnet.collaboration.room import ANOTHER_HISTORY, Member, Room

        room = self.room
        assert room is not None
        may_edit = Scope.EDIT in self.identity.scopes
        self.member = Member(self, user=self.identity.user, may_edit=may_edit)
        if isinstance(room, Room) and self.get_query_argument("sessionId", "") != room.history:
            reason = {"reason": "session_expired", "reloadable": True}
            self.end(ANOTHER_HISTORY, json.dumps(reason))
            return
        await room.join(self.member)

    async def receive(self, message: str | bytes) -> None:
        """Hand one message to the room."""
        from carnet.collaboration.room import MALFORMED

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
        if room is not self.rooms.lobby:
            self.rooms.left(room)  # type: ignore[arg-type]  # all others are rooms

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
    if importlib.util.find_spec("pycrdt") is None:
        handler.refuse(HTTPStatus.NOT_IMPLEMENTED, "collaboration", MISSING)
        return None
    if bench.rooms is None:
        # Not on the loop, which others wait for: it is a tenth of a second.
        await handler.blocking(importlib.import_module, "carnet.collaboration.rooms")
    if bench.rooms is None:
        from carnet.collaboration.rooms import Rooms

        bench.rooms = Rooms(bench.registry)
    return bench.rooms

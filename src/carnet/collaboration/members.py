"""Who is in a room: their lines, what is told to all of them, and where their cursors are.

Rules CB16, CB17: docs/specs/collaboration.md.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from carnet.collaboration import protocol
from carnet.collaboration.presence import PresenceTable

BUFFER_LIMIT_BYTES: Final = 32 << 20
"""Waiting for a slow client; above that it is sent away, and comes back for what it missed."""

# Close codes. The first is Jupyter's, after which JupyterLab asks to reload; 4000 and above are ours.
ANOTHER_HISTORY: Final = 1003
TRY_AGAIN: Final = 1013
FAULT: Final = 1011
MALFORMED: Final = 4400
FORBIDDEN: Final = 4403
GONE: Final = 4404
TOO_SLOW: Final = 4408


class Socket(Protocol):
    """A client's transport, as a room sees it."""

    def send_frame(self, frame: bytes) -> None:
        """Take one frame; it is sent when the line allows."""

    def waiting_bytes(self) -> int:
        """Return how much was taken and not yet sent."""

    def end(self, code: int, reason: str) -> None:
        """Close it."""


class Member:
    """One client in a room."""

    def __init__(self, socket: Socket, *, user: str, may_edit: bool) -> None:
        self.socket = socket
        self.user = user
        self.may_edit = may_edit
        self.vector = b""
        """What it said to have when it came; empty once it brought home what it did meanwhile."""

    def send(self, frame: bytes) -> None:
        """Send a frame, or send the client away when it is much too slow."""
        if self.socket.waiting_bytes() > BUFFER_LIMIT_BYTES:
            self.socket.end(TOO_SLOW, "too slow; come back for what you missed")
        else:
            self.socket.send_frame(frame)


class Members:
    """Everybody in one room."""

    def __init__(self) -> None:
        self._all: set[Member] = set()
        self._presences = PresenceTable()

    def __len__(self) -> int:
        return len(self._all)

    def __contains__(self, member: object) -> bool:
        return member in self._all

    def __iter__(self) -> Iterator[Member]:
        """Go through those that are there now; who is sent away meanwhile does not matter."""
        return iter(tuple(self._all))

    def welcome(self, member: Member) -> None:
        """Let one in, and say who else is there."""
        self._all.add(member)
        if everybody := self._presences.everybody():
            member.send(protocol.presences(everybody))

    def leave(self, member: Member) -> None:
        """One is gone; it may come back."""
        self._all.discard(member)
        self._show(self._presences.leave(member))

    def hear(self, member: Member, said: Sequence[protocol.Presence]) -> None:
        """Take what one says of who it is and where its cursor stands.

        It is told it, too: y-websocket comes again when it hears nothing for 30 s, not even itself.
        """
        self._show(self._presences.take(member, said))

    def answer(self, member: Member) -> None:
        """Say who is there, to one that asks."""
        member.send(protocol.presences(self._presences.everybody()))

    def tell(self, frame: bytes, *, but: Member | None = None) -> None:
        """Send all of them a frame."""
        for member in self:
            if member is not but:
                member.send(frame)

    def send_away(self, code: int, reason: str) -> None:
        """Close everybody's line."""
        for member in self:
            member.socket.end(code, reason)

    def _show(self, new: list[protocol.Presence]) -> None:
        if new:
            self.tell(protocol.presences(new))

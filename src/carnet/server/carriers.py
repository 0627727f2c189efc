"""Links that are carried by ordinary HTTP requests, for where something in between lets no WebSocket through.

A `Carrier` stands for the line: it puts what comes up in numbered requests into
one order, once each, and keeps what goes down until the page says that it has
it, so that a response that is cut loses nothing. It knows nothing of the frames
(invariant 10) and nothing of HTTP. Rules HL1 to HL14: docs/specs/link-http.md.
"""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from carnet.errors import CarnetError, PeerError, TooMuch
from carnet.live.link import LinkPeer
from carnet.server.link_watch import LEFT_S, SILENT_S
from carnet.server.shares import Holder, Lease, uncounted

log = logging.getLogger("carnet.link")

FRAME_LIMIT_BYTES: Final = 100 << 20
"""As over WebSocket (WS6)."""

KEPT_LIMIT_BYTES: Final = 8 << 20
"""Of frames that the page has not said it has. A page that reads nothing is let go: it comes back by number."""

HEARTBEAT: Final = bytes(4)
"""A frame without bytes is none: it says that the line lives."""

_DOWN: Final = struct.Struct(">I")
_UP: Final = struct.Struct(">BI")
_MORE: Final = 1


class CarrierGone(CarnetError):
    """There is no such carrier, or not for who asks. The page links anew."""

    status = 404


class OutOfOrder(CarnetError):
    """A request came before the one it follows."""

    status = 409


def packed(frames: Sequence[bytes]) -> bytes:
    """Return frames as they go down: each after its length."""
    return b"".join(part for frame in frames for part in (_DOWN.pack(len(frame)), frame))


class Reading:
    """One request that reads. A newer one takes its place."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.is_over = False

    def end(self) -> None:
        """Let who waits find out that it is over."""
        self.is_over = True
        self.news.set()


class Carrier:
    """One link's line."""

    peer: LinkPeer

    def __init__(
        self,
        carrier_id: str,
        holder: Holder,
        now_s: float,
        on_end: Callable[["Carrier"], None],
        *leases: Lease,
    ) -> None:
        """Args:
        leases: of the memory that it needs, and what else is held until it ends.
        """
        self._leases = leases
        self._memory = leases[0] if leases else uncounted()
        self.carrier_id = carrier_id
        self.holder = holder
        self.heard_s = now_s
        """When the page last began a request."""
        self.has_ended = False
        self._on_end = on_end
        self._taking = asyncio.Lock()
        self._next = 1
        self._handling: asyncio.Task[None] | None = None
        self._part = bytearray()
        """Of a frame whose other pieces are still to come."""
        self._kept: deque[bytes] = deque()
        self._handled_bytes = 0
        """Of the frames that are being handled."""
        self._kept_bytes = 0
        self._has = 0
        """The last frame that the page said it has. Those kept come after it."""
        self._reading = Reading()

    @property
    def login_id(self) -> str | None:
        """The login it was opened with."""
        return self.holder.login_id

    @property
    def token_id(self) -> str:
        """The named token it was opened with."""
        return self.holder.token_id

    # ---- up

    async def take(self, number: int, body: bytes) -> None:
        """Handle the frames of one request, unless it was here before. Waits until those before it are handled.

        Raises:
            OutOfOrder: the one before it is missing.
            PeerError: it is not what a page sends.
            TooMuch: its holder has no room for it.
        """
        async with self._taking:
            if number < self._next:
                return
            if number > self._next:
                raise OutOfOrder(f"Request {self._next} comes before {number}.")
            frames = self._frames_of(body)
            if self._handling is not None:
                await asyncio.wait([self._handling])
            self._next += 1
            self._handled_bytes = sum(map(len, frames))
            self._handling = asyncio.create_task(self._handle(frames))

    def _frames_of(self, body: bytes) -> Sequence[bytes]:
        frames: list[bytes] = []
        part, at = self._part, 0
        while at < len(body):
            if len(body) - at < _UP.size:
                raise PeerError("A request of the link ends within a length.")
            flags, size = _UP.unpack_from(body, at)
            at += _UP.size
            if flags > _MORE or size > len(body) - at:
                raise PeerError("A request of the link is not made of frames.")
            if len(part) + size > FRAME_LIMIT_BYTES:
                raise PeerError("A frame of the link is too large.")
            part += body[at : at + size]
            self._count()
            at += size
            if not flags:
                frames.append(bytes(part))
                part.clear()
        return frames

    async def _handle(self, frames: Sequence[bytes]) -> None:
        for frame in frames:
            if self.has_ended:
                return
            try:
                await self.peer.receive(frame)
            except PeerError as error:
                log.info("link closed: %s", error)
                self.end()
        self._handled_bytes = 0
        self._count()

    def _count(self) -> None:
        self._memory.hold(len(self._part) + self._handled_bytes + self._kept_bytes)

    # ---- down

    def give(self, frame: bytes) -> None:
        """Keep one frame until the page has it."""
        if self.has_ended:
            return
        if self._kept_bytes > KEPT_LIMIT_BYTES:
            log.info("link closed: its page does not read")
            self.end()
            return
        self._kept.append(frame)
        self._kept_bytes += len(frame)
        try:
            self._count()
        except TooMuch as error:
            log.info("link closed: %s", error)
            self.end()
            return
        self._reading.news.set()

    def kept_bytes(self) -> int:
        """Return how much the page has not said it has."""
        return self._kept_bytes

    def seen(self, number: int) -> None:
        """Forget what the page has.

        Raises:
            PeerError: it cannot have that.
        """
        if number > self._has + len(self._kept):
            raise PeerError("The page says that it has what was not sent.")
        while self._has < number:
            self._kept_bytes -= len(self._kept.popleft())
            self._has += 1
        self._count()

    def read(self, number: int) -> Reading:
        """Begin to read after a frame, in place of who reads now.

        Raises:
            CarrierGone: what comes after it is not kept any more.
            PeerError: as `seen`.
        """
        if number < self._has:
            raise CarrierGone("What this page lacks is not kept any more.")
        self.seen(number)
        self._reading.end()
        self._reading = Reading()
        if self.has_ended:
            self._reading.end()
        return self._reading

    def after(self, number: int, limit_bytes: int) -> Sequence[bytes]:
        """Return the frames after one, as many as fit into a limit, and at least one if there is one."""
        frames: list[bytes] = []
        size = 0
        # Below: somebody else reads now, and has told that it has more.
        for index in range(number - self._has, len(self._kept)) if number >= self._has else ():
            frame = self._kept[index]
            size += len(frame)
            if frames and size > limit_bytes:
                break
            frames.append(frame)
        return frames

    # ---- the end

    def left(self, now_s: float) -> None:
        """Note that who read has gone: the page reads on soon, or is gone itself."""
        self.heard_s = min(self.heard_s, now_s - (SILENT_S - LEFT_S))

    def say_goodbye(self, reason: str, *, retry_ms: int) -> None:
        """End the link on purpose, and say when to come back (-1: not)."""
        self.peer.bye(reason, retry_ms=retry_ms)
        self.end()

    def end(self) -> None:
        """Let it go. Who reads now still gets what is kept."""
        if self.has_ended:
            return
        self.has_ended = True
        self.peer.leave()
        for lease in self._leases:
            lease.release()
        self._reading.end()
        self._on_end(self)

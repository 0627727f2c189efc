"""What all WebSockets share: whom they are of, how they end, and that nobody holds too much by them.

A socket counts from its handshake to its close; what comes in counts from its
first byte until it is handled, what goes out until it is written. Rules AC60 to
AC64: docs/specs/access.md.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from tornado.iostream import StreamClosedError
from tornado.websocket import (
    WebSocketClosedError,
    WebSocketHandler,
    WebSocketProtocol,
    WebSocketProtocol13,
)

from carnet.errors import CarnetError, TooMuch
from carnet.server.handlers.base import Handler
from carnet.server.shares import Lease, Thing

if TYPE_CHECKING:
    from carnet.server.front import Admission

log = logging.getLogger("carnet.server")

TOO_MUCH: Final = 4429
"""As a status of HTTP, above where close codes of applications begin."""

HANDSHAKE_DONE: Final = 101
REASON_BYTES: Final = 123
"""Of the reason of a close, in WebSocket."""

DROPPED_BYTES: Final = 64 << 10
"""At a time, of what nobody will look at."""


class Socket(Handler, WebSocketHandler):
    """One WebSocket. Sub-classes have `ready`, `opened`, `receive` and `left` in place of Tornado's hooks."""

    buffered_bytes = 0
    """Given to Tornado and not yet written to the socket."""
    is_compressed = False

    def initialize(self, admission: "Admission") -> None:
        """Take what the front door found out."""
        super().initialize(admission)
        self._place = self._lease(Thing.SOCKETS)
        self._in = self._lease(Thing.MEMORY)
        self._out = self._lease(Thing.MEMORY)

    @property
    def login_id(self) -> str | None:
        """The login it was opened with."""
        return self.identity.login.login_id if self.identity.login else None

    @property
    def token_id(self) -> str:
        """The named token it was opened with."""
        return self.identity.token_id

    # ---- what sub-classes have

    async def ready(self) -> None:
        """Have at hand what the socket is for; an error answers the handshake."""

    async def opened(self) -> None:
        """Begin."""

    async def receive(self, message: str | bytes) -> None:
        """Handle one message. No more is read until that is done: that is the back-pressure."""

    def left(self) -> None:
        """It is closed."""

    # ---- what they use

    def post(self, frame: str | bytes) -> None:
        """Send one frame; `str` as text. What cannot be sent any more is dropped: `left` follows."""
        size = len(frame)
        try:
            self._out.hold(self.buffered_bytes + size)
        except TooMuch as error:
            self.end_for(error)
            return
        try:
            written = asyncio.ensure_future(self.write_message(frame, binary=isinstance(frame, bytes)))
        except (WebSocketClosedError, StreamClosedError):
            self._out.hold(self.buffered_bytes)
            return
        self.buffered_bytes += size
        written.add_done_callback(lambda done: self._written(done, size))

    def say_goodbye(self, reason: str, *, retry_ms: int) -> None:  # noqa: ARG002  as links have it
        """End the socket on purpose."""
        self.close(1001, reason)

    def end_for(self, error: CarnetError) -> None:
        """End the socket, since its holder has too much; and say so."""
        log.info("a socket of %s was ended: %s", self.request.remote_ip, error)
        self.close(TOO_MUCH, reason_of(error))

    # ---- Tornado's hooks

    async def prepare(self) -> None:
        """Count it, and have everything open before the socket is."""
        self._place.hold(1)
        await self.ready()

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002  Tornado's signature
        """Yes: the gate has looked at it (rule AC4)."""
        return True

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Return Tornado's protocol, counted."""
        protocol = super().get_websocket_protocol()
        if not isinstance(protocol, WebSocketProtocol13):
            return protocol
        return _Counted(self, mask_outgoing=protocol.mask_outgoing, params=protocol.params)

    async def open(self, *_arguments: str) -> None:
        """Begin: no waiting for more to send."""
        self.set_nodelay(True)
        self.services.links.add(self)
        try:
            await self.opened()
        except BaseException:
            self.on_close()  # Tornado does not call it for a socket that never opened
            raise

    async def on_message(self, message: str | bytes) -> None:
        """Count what comes out of a compressed message, and hand it on."""
        self.services.last_activity_ms = self.services.clock.now_ms()
        if self.is_compressed:
            try:
                self._in.hold(self._in.amount + len(message))
            except TooMuch as error:
                self.end_for(error)
                return
        await self.receive(message)

    def on_close(self) -> None:
        """It may be opened again."""
        self._let_go()
        self.left()

    def on_finish(self) -> None:
        """The handshake is over: give back what it held, and all if there is no socket."""
        super().on_finish()
        if self.get_status() != HANDSHAKE_DONE:
            self._let_go()

    # ---- inside

    def comes_in(self, size: int) -> None:
        """Count bytes that are to be read.

        Raises:
            TooMuch: its holder has no room for them.
        """
        self._in.hold(self._in.amount + size)

    def is_through(self, rest: int) -> None:
        """A frame is handled; of its message so many bytes are kept."""
        self._in.hold(rest)

    def _lease(self, thing: Thing) -> Lease:
        return self.services.shares.lease(self.identity, self.request.remote_ip or "", thing)

    def _let_go(self) -> None:
        self.services.links.discard(self)
        for lease in (self._place, self._in, self._out):
            lease.release()

    def _written(self, done: "asyncio.Future[None]", size: int) -> None:
        self.buffered_bytes -= size
        self._out.hold(self.buffered_bytes)
        if not done.cancelled():
            done.exception()  # a closed line; `on_close` says the rest


class _Counted(WebSocketProtocol13):
    """Tornado's protocol, which says what it is about to read. It has no hook for that, so two of its own methods are used."""

    handler: Socket

    async def _read_bytes(self, n: int) -> bytes:
        try:
            self.handler.comes_in(n)
        except TooMuch as error:
            self.handler.end_for(error)
            while True:  # until the other side closes, or Tornado does: what we said arrives only if we read
                await self.stream.read_bytes(DROPPED_BYTES, partial=True)
        return await super()._read_bytes(n)

    async def _receive_frame(self) -> None:
        await super()._receive_frame()
        self.handler.is_through(len(self._fragmented_message_buffer or b""))


def reason_of(error: CarnetError) -> str:
    """Return a reason to close a socket with: as many bytes of the sentence as WebSocket takes."""
    return str(error).encode("ascii", "replace")[:REASON_BYTES].decode()

"""One connection from a server: frames in, answers and records out.

It carries and keeps count of what the other side has not acknowledged; what a
frame means is decided in `host.py`. Rules HO2, HO6, HO70 to HO74:
docs/specs/host.md.
"""

import asyncio
import logging
import os
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

import msgspec

from carnet.core.wire.framing import LENGTH_BYTES, FrameBuffer, framed
from carnet.core.wire.host import (
    PROTOCOL,
    Failed,
    Hello,
    Returned,
    Said,
    TerminalEnded,
    TerminalSaid,
    ToHost,
)
from carnet.errors import CarnetError, PeerError
from carnet.ids import KernelId
from carnet.kernelhost.kernel import HostedKernel

if TYPE_CHECKING:
    from carnet.core.notebook.model import Json

log = logging.getLogger("carnet.kernelhost")

WINDOW_BYTES = 8 << 20
"""At most about so much of one kernel is on its way to one reader, unacknowledged (HO72)."""

LARGE_BYTES = 4 << 20
"""From this size on, what is sent is not put together first: that would copy it."""

CHUNK_BYTES = 1 << 20
"""Read from the journal at a time, for a reader that is behind."""

REQUEST_LIMIT_BYTES = 256 << 20
"""No frame from a server is longer."""

_decode = msgspec.msgpack.Decoder(ToHost).decode
_encode = msgspec.msgpack.Encoder().encode
_NIL = msgspec.Raw(_encode(None))


class Owner(Protocol):
    """Who acts on frames."""

    def joined(self, connection: "Connection") -> None:
        """A connection is there."""

    def left(self, connection: "Connection") -> None:
        """It is gone."""

    def handle(self, connection: "Connection", frame: ToHost) -> None:
        """Act on a frame; answer through the connection.

        Raises:
            CarnetError: the call is answered with it.
        """


class Connection(asyncio.Protocol):
    """One server."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.readers: dict[KernelId, JournalReader] = {}
        self.greeted = False
        self._frames = FrameBuffer(REQUEST_LIMIT_BYTES)
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []

    # ---- asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases
        user = _peer_user(transport.get_extra_info("socket"))
        if user is not None and user != os.getuid():
            log.warning("refused a connection from user %d", user)
            self._transport.abort()
            return
        self.owner.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # why does not matter: the other side comes back, or not
        self._transport = None
        for reader in self.readers.values():
            reader.stop()
        self.readers.clear()
        self.owner.left(self)

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                self._handle(_decode(payload))
        except (PeerError, msgspec.MsgspecError) as error:
            log.warning("a connection is closed: %s", error)
            self.close()

    # ---- out

    def answer(self, call: int, value: object = None) -> None:
        """Answer a call with a value, or nil."""
        raw = _NIL if value is None else msgspec.Raw(_encode(value))
        self.write(framed(_encode(Returned(call, raw))))

    def fail(self, call: int, error: Exception, details: "dict[str, Json] | None" = None) -> None:
        """Answer a call with an error."""
        self.write(framed(_encode(Failed(call, type(error).__name__, str(error), details or {}))))

    def write(self, data: bytes) -> None:
        """Send bytes, or nothing when it is gone.

        What is written in one turn of the loop goes together, after whatever else
        the turn does: a call into the system costs more than most frames, and a
        kernel waiting for its request should not wait for our answers.
        """
        if self._transport is not None:
            if not self._unsent:
                asyncio.get_running_loop().call_soon(self._send_unsent)
            self._unsent.append(data)

    def close(self) -> None:
        """Close after what was written is sent."""
        self._send_unsent()
        if self._transport is not None:
            self._transport.close()

    def _send_unsent(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is None:
            return
        if sum(map(len, unsent)) < LARGE_BYTES:
            self._transport.write(b"".join(unsent))
            return
        for data in unsent:
            self._transport.write(data)

    def terminal_said(self, name: str, offset: int, data: bytes) -> None:
        """Pass on what a terminal shows."""
        self.write(framed(_encode(TerminalSaid(name, offset, data))))

    def terminal_ended(self, name: str, exit_code: int) -> None:
        """Tell the end of a terminal."""
        self.write(framed(_encode(TerminalEnded(name, exit_code))))

    # ---- in

    def _handle(self, frame: ToHost) -> None:
        if not self.greeted:
            if not isinstance(frame, Hello):
                raise PeerError("the first frame of a connection must be hello")
            if frame.protocol != PROTOCOL:
                self.fail(
                    frame.call,
                    PeerError(
                        f"this kernel host speaks protocol {PROTOCOL}, Carnet {frame.version} speaks "
                        f"{frame.protocol}: end the host with `carnet stop`, and start again"
                    ),
                )
                self.close()
                return
            self.greeted = True
        try:
            self.owner.handle(self, frame)
        except CarnetError as error:
            self.fail(frame.call, error)


class JournalReader:
    """What one connection reads of one kernel: live while it keeps up, from the files when it does not."""

    def __init__(self, connection: Connection, kernel: HostedKernel, after: int, *, name: str = "") -> None:
        self.connection = connection
        self.kernel = kernel
        self.name = name
        self.acknowledged = after
        self._sent = after
        self._unacknowledged: deque[tuple[int, int]] = deque()
        self._window_bytes = 0
        self._pumping = False
        self._stopped = False
        self._said = _encode(Said(kernel.record.kernel_id, []))[:-1]
        kernel.readers.add(self)
        self._pump_soon()

    def offer(self, first: int, payloads: list[bytes], size_bytes: int) -> None:
        """Send new records at once if all before them are sent and there is room; else the files have them."""
        if self._sent == first - 1 and self._window_bytes < WINDOW_BYTES:
            self._send(payloads, size_bytes)
        else:
            self._pump_soon()

    def acknowledge(self, number: int) -> None:
        """The other side has committed up to this number."""
        self.acknowledged = max(self.acknowledged, min(number, self._sent))
        if self.name:
            self.kernel.remember_reader(self.name, self.acknowledged)
        waiting = self._unacknowledged
        while waiting and waiting[0][0] <= number:
            self._window_bytes -= waiting.popleft()[1]
        self.kernel.acknowledged()
        self._pump_soon()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped = True
        self.kernel.readers.discard(self)

    def finish(self) -> None:
        """The kernel is being forgotten: send what is left now, whatever the window says."""
        journal = self.kernel.journal
        while not self._stopped and self._sent < journal.last_number:
            self._sent = max(self._sent, journal.first_number - 1)
            payloads = journal.read(self._sent, limit_bytes=CHUNK_BYTES)
            if not payloads:
                break
            self._send(payloads, sum(map(len, payloads)))
        self.stop()

    def _pump_soon(self) -> None:
        if not self._pumping and not self._stopped:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Send one chunk from the journal, and come back for the next: others have their turn in between."""
        self._pumping = False
        journal = self.kernel.journal
        if self._stopped or self._window_bytes >= WINDOW_BYTES or self._sent >= journal.last_number:
            return
        self._sent = max(self._sent, journal.first_number - 1)
        payloads = journal.read(self._sent, limit_bytes=CHUNK_BYTES)
        if payloads:
            self._send(payloads, sum(map(len, payloads)))
            self._pump_soon()

    def _send(self, payloads: list[bytes], size_bytes: int) -> None:
        self._sent += len(payloads)
        self._unacknowledged.append((self._sent, size_bytes))
        self._window_bytes += size_bytes
        # A Said frame, put together from records that are encoded already.
        count = len(payloads)
        head = self._said + (bytes((0x90 + count,)) if count < 16 else b"\xdd" + count.to_bytes(4, "big"))
        length = (len(head) + size_bytes).to_bytes(LENGTH_BYTES, "big")
        if size_bytes < LARGE_BYTES:
            self.connection.write(b"".join((length, head, *payloads)))
            return
        self.connection.write(length + head)
        for payload in payloads:
            self.connection.write(payload)


def _peer_user(peer: "socket.socket") -> int | None:
    """Return the user at the other end of a Unix socket, where the system tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", credentials)[1]
    return user

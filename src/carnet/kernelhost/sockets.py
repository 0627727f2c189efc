"""The ZeroMQ sockets of one kernel: everything that comes is taken at once.

All kernels' sockets live on the host's main loop, which does nothing slow:
starting processes and looking for kernelspecs happens on another thread
(`launch.py`). libzmq's own thread takes messages off the wire meanwhile, with
no high-water mark, so that a kernel never has to drop one (HO16).

It decides nothing: each message is handed over, in order, iopub first.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import zmq
from msgspec import Struct

from carnet.errors import PeerError
from carnet.kernelhost.signing import Message, Signer

log = logging.getLogger("carnet.kernelhost")

KernelChannel: TypeAlias = Literal["iopub", "stdin", "control", "shell"]
Sendable: TypeAlias = Literal["stdin", "control", "shell"]
RawSocket: TypeAlias = "zmq.Socket[bytes]"

FLOOD_GAP_S = 0.001
FLOOD_WAKES = 16
"""So many wakes, each this close to the one before, are a flood."""

REST_S = 0.004
FLOOD_BATCH = 4
"""Under a flood we look at iopub after each rest, until a rest brings fewer than this."""

TURN_MESSAGES = 500
"""At most so many of one socket before others have their turn."""


class ConnectionInfo(Struct, frozen=True):
    """A Jupyter connection file."""

    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    key: str
    ip: str = "127.0.0.1"
    transport: str = "tcp"
    signature_scheme: str = "hmac-sha256"
    curve_publickey: str | None = None

    def address(self, port: int) -> str:
        """Return the endpoint of one of the ports."""
        separator = "-" if self.transport == "ipc" else ":"
        return f"{self.transport}://{self.ip}{separator}{port}"


def read_connection_file(path: Path) -> ConnectionInfo:
    """Read a connection file.

    Raises:
        PeerError: it is not one.
        OSError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=ConnectionInfo)
    except msgspec.MsgspecError as error:
        raise PeerError(f"{path} is not a connection file: {error}") from None


class KernelSockets:
    """SUB for iopub, DEALER for shell, control and stdin."""

    def __init__(
        self,
        context: "zmq.Context[RawSocket]",
        info: ConnectionInfo,
        *,
        identity: str,
        received: Callable[[KernelChannel, Message], None],
        drained: Callable[[], None],
    ) -> None:
        """Connect. `received` gets each message; `drained` comes after each batch of them.

        The identity is the same after a host restart, so that replies that are
        still under way find us; and the same on shell and stdin, as input() wants.
        """
        self.signer = Signer(info.key.encode(), info.signature_scheme)
        self._received = received
        self._drained = drained
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[KernelChannel, RawSocket] = {}
        self._closed = False
        self._resting = False
        self._woken_s = 0.0
        self._close_wakes = 0
        ports: tuple[tuple[KernelChannel, int], ...] = (
            ("iopub", info.iopub_port),
            ("stdin", info.stdin_port),
            ("control", info.control_port),
            ("shell", info.shell_port),
        )
        for channel, port in ports:
            socket = context.socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
            socket.linger = 0
            socket.rcvhwm = 0
            socket.sndhwm = 0
            # A kernel that is starting is not there yet: look again soon, not each 100 ms.
            socket.reconnect_ivl = 10
            socket.reconnect_ivl_max = 500
            if info.curve_publickey:
                public, secret = zmq.curve_keypair()
                socket.curve_publickey, socket.curve_secretkey = public, secret
                socket.curve_serverkey = info.curve_publickey.encode()
            if channel == "iopub":
                socket.subscribe(b"")
            else:
                socket.routing_id = identity.encode()
            socket.connect(info.address(port))
            self._sockets[channel] = socket
            self._loop.add_reader(socket.FD, self._wake, channel)

    def send(
        self,
        channel: Sendable,
        header: bytes,
        content: bytes,
        *,
        parent_header: bytes = b"{}",
        metadata: bytes = b"{}",
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send one message; it waits in memory until the kernel takes it."""
        socket = self._sockets[channel]
        socket.send_multipart(
            self.signer.frames(header, parent_header, metadata, content, buffers), flags=zmq.NOBLOCK
        )
        # Sending may swallow the signal that something came.
        self._loop.call_soon(self._wake, channel)

    def close(self) -> None:
        """Close at once; what was not sent is not sent."""
        if self._closed:
            return
        self._closed = True
        for socket in self._sockets.values():
            self._loop.remove_reader(socket.FD)
            socket.close()

    def drain(self) -> None:
        """Take what is there now, of every socket."""
        if not self._closed:
            for channel in self._sockets:
                self._take(channel)
            self._drained()

    def _wake(self, channel: KernelChannel) -> None:
        if self._closed:
            return
        # What a run printed comes before its reply, in the journal as on the screen.
        taken = self._take("iopub")
        if channel != "iopub":
            taken += self._take(channel)
        if taken:
            self._drained()
            if channel == "iopub" and not self._resting:
                self._pace()

    def _pace(self) -> None:
        """Under a flood of small messages, look each few milliseconds instead of being woken for each one.

        Being woken costs more than taking a message. Replies on shell still
        wake us at once, and take iopub with them.
        """
        now_s = self._loop.time()
        self._close_wakes = self._close_wakes + 1 if now_s - self._woken_s < FLOOD_GAP_S else 0
        self._woken_s = now_s
        if self._close_wakes >= FLOOD_WAKES and not self._closed:
            self._resting = True
            self._loop.remove_reader(self._sockets["iopub"].FD)
            self._loop.call_later(REST_S, self._rested)

    def _rested(self) -> None:
        if self._closed:
            return
        taken = self._take("iopub")
        if taken:
            self._drained()
        if taken >= FLOOD_BATCH:
            self._loop.call_later(REST_S, self._rested)
        elif not self._closed:
            self._resting = False
            self._close_wakes = 0
            self._loop.add_reader(self._sockets["iopub"].FD, self._wake, "iopub")
            # What came before the reader was there woke nobody.
            self._loop.call_soon(self._wake, "iopub")

    def _take(self, channel: KernelChannel) -> int:
        socket = self._sockets[channel]
        for taken in range(TURN_MESSAGES):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return taken
            try:
                message = self.signer.verify(frames)
            except PeerError as error:
                log.warning("%s: %s", channel, error)
                continue
            self._received(channel, message)
            if self._closed:
                return taken
        self._loop.call_soon(self._wake, channel)
        return TURN_MESSAGES

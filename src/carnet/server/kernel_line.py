"""One client's line to one kernel: what the kernel said in order, what the client sends as it is.

Between a WebSocket of Jupyter's and a connection of its own to the kernel host,
so that each client has its own place in the kernel journal and its own flow
control. It knows nothing of Tornado. Rules KW4 to KW10: docs/specs/kernel-socket.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec

from carnet.core.notebook.model import Json
from carnet.core.wire.host import FROM_NOW, KernelDied, KernelRestarting, KernelStarted, Record
from carnet.core.wire.kernel_socket import FromClient, decode, encode, encode_parts, peek
from carnet.errors import CarnetError, HostUnavailable, KernelError, PeerError
from carnet.ids import KernelId, new_id
from carnet.kernels.client import HostClient
from carnet.kernels.messages import host_event

log = logging.getLogger("carnet.kernels")

PING_EVERY_BYTES: Final = 4 << 10
"""A ping goes out after so many bytes even while the one before is not answered: what a line has taken is known.

So little, because a line that is cut again and again must get on by what came through before each cut.
"""

FEW_RECORDS: Final = 8
"""With fewer waiting, each is followed by a ping: who closes its socket and comes again gets each once."""

FIRST_WINDOW_BYTES: Final = 4 << 10
"""So much is on the way, unanswered, when a line is new; later half of what the line has answered, until the host's own limit.

What is on the way when a line is cut comes twice, so a line that has shown little yet gets little.
"""

LAST_WINDOW_BYTES: Final = 16 << 20

_PING: Final = b"carnet "
"""Begins our pings; the number of the last record sent is after it."""


class Socket(Protocol):
    """The client's end. Nothing of it waits."""

    def send_frame(self, frame: str | bytes) -> None:
        """Send one frame; `str` as text."""

    def send_ping(self, data: bytes) -> None:
        """Send a ping, which the other side answers with the same bytes after all that was sent before."""

    def together(self) -> AbstractContextManager[None]:
        """Let what is sent inside go out together: who gets a message then has the ping behind it, too."""

    def end(self, code: int, reason: str) -> None:
        """Close it after what was sent."""


class Told(Protocol):
    """Whoever must know what clients run: the notebook that the kernel belongs to. Nothing of it waits."""

    def came(self) -> None:
        """The line is open."""

    def left(self) -> None:
        """The line is closed."""

    def asks(self, message: FromClient) -> bool:
        """Return whether this message, which goes to the kernel next, is a run of a cell now."""

    def sent(self, message: FromClient) -> None:
        """It is with the kernel host."""

    def not_sent(self, message: FromClient, *, for_sure: bool) -> None:
        """It is not, or nobody knows."""

    def answered(self) -> None:
        """The client has answered a question of the kernel."""


class KernelLine:
    """The line. `open`, then frames either way, then `close`."""

    def __init__(
        self,
        host_folder: Path,
        kernel_id: KernelId,
        session_id: str,
        *,
        v1: bool,
        socket: Socket,
        told: Told | None = None,
    ) -> None:
        self.kernel_id = kernel_id
        self.session_id = session_id
        """What the client calls itself; empty: it does not, and is another one each time."""
        self.last_activity_ms = 0
        self._v1 = v1
        self._socket = socket
        self._told = told
        self._host = HostClient(host_folder, spawn=False)
        self._sessions = {session_id or new_id()}
        self._sent_number = 0
        self._pinged_number = 0
        self._answered_number = 0
        self._unpinged_bytes = 0
        self._waiting: deque[Record] = deque()
        """Heard, and not sent yet."""
        self._window_bytes = FIRST_WINDOW_BYTES
        self._sent_bytes = self._answered_bytes = 0
        self._pings: deque[tuple[int, int]] = deque()
        """Number, and bytes sent before it, of each ping that is not answered."""
        self._asking: asyncio.Task[None] | None = None
        self._closed: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin where this client was, or now.

        Raises:
            KernelError: the host or the kernel is not there.
        """
        await self._host.connect()
        name = f"socket {self.session_id}" if self.session_id else ""
        await self._host.read(self.kernel_id, FROM_NOW, self._on_records, gone=self._on_gone, reader=name)
        if self._told is not None:
            self._told.came()

    @property
    def is_closed(self) -> bool:
        """True: it is over, or was before it was opened."""
        return self._closed is not None

    async def receive(self, frame: str | bytes) -> None:
        """Pass one message on to the kernel.

        Raises:
            PeerError: it is not a message.
        """
        message = decode(frame, v1=self._v1)
        if message.session:
            self._sessions.add(message.session)
        told = self._told
        if told is not None and message.msg_type == "input_reply":
            told.answered()
        # Before the kernel can say a word of it (KW8).
        asker = told if told is not None and told.asks(message) else None
        try:
            await self._host.send_raw(
                self.kernel_id,
                message.channel,
                message.msg_type,
                message.msg_id,
                header=message.header,
                parent_header=message.parent_header,
                metadata=message.metadata,
                content=message.content,
                buffers=message.buffers,
            )
        except HostUnavailable as error:
            if asker is not None:
                asker.not_sent(message, for_sure=False)
            # Nobody knows whether the kernel got it: the client must learn that, not wait for an answer.
            self._socket.end(1011, str(error)[:100])
        except KernelError as error:
            if asker is not None:
                asker.not_sent(message, for_sure=True)
            log.info("kernel %s: %s", self.kernel_id, error)
            self._say_status("dead")
        else:
            if asker is not None:
                asker.sent(message)

    def pong(self, data: bytes) -> None:
        """The client has answered a ping."""
        number = data.removeprefix(_PING)
        if data.startswith(_PING) and number.isdigit():
            self._answered(min(int(number), self._sent_number))
            self._pump()

    async def close(self) -> None:
        """End it. Once; then waits for the first.

        A goodbye says nothing of what the client has: browsers give nothing to a page that has closed its socket (KW6).
        """
        if self._closed is None:
            self._closed = asyncio.create_task(self._close(), name=f"close line to {self.kernel_id}")
        await asyncio.shield(self._closed)

    # ---- inside

    async def _close(self) -> None:
        if self._told is not None:
            self._told.left()
        try:
            # With it go the last acknowledgements: whoever opens the next line finds them.
            await self._host.stop_reading(self.kernel_id)
        except CarnetError:
            pass  # the host or the kernel is gone, and with it what it knew of us
        await self._host.close()

    def _answered(self, number: int) -> None:
        while self._pings and self._pings[0][0] <= number:
            self._answered_bytes = self._pings.popleft()[1]
            self._window_bytes = min(max(self._window_bytes, self._answered_bytes // 2), LAST_WINDOW_BYTES)
        if number > self._answered_number:
            self._answered_number = number
            self._host.acknowledge(self.kernel_id, number)

    def _on_records(self, records: list[Record]) -> None:
        if self._closed is not None:
            return
        self.last_activity_ms = records[-1].at_ms
        self._waiting += records
        self._pump()

    def _pump(self) -> None:
        """Send what may be on the way."""
        if not self._waiting and not self._unpinged_bytes:
            return
        with self._socket.together():
            self._send_what_may_go()

    def _send_what_may_go(self) -> None:
        while self._waiting and self._sent_bytes - self._answered_bytes < self._window_bytes:
            record = self._waiting.popleft()
            if record.channel == "host":
                self._on_event(record)
            elif record.channel == "iopub" or peek(record.parent_header).session in self._sessions:
                self._send(encode(record, v1=self._v1))
            self._sent_number = record.number
            if self._unpinged_bytes >= PING_EVERY_BYTES or len(self._waiting) < FEW_RECORDS:
                self._ping()
        if self._unpinged_bytes:
            self._ping()

    def _send(self, frame: str | bytes) -> None:
        self._unpinged_bytes += len(frame)
        self._sent_bytes += len(frame)
        self._socket.send_frame(frame)

    def _ping(self) -> None:
        if not self._unpinged_bytes and self._pings:
            return  # nothing that the client could have; the next ping tells of it too
        self._pinged_number = self._sent_number
        self._unpinged_bytes = 0
        self._pings.append((self._sent_number, self._sent_bytes))
        self._socket.send_ping(_PING + str(self._sent_number).encode())

    def _on_event(self, record: Record) -> None:
        match host_event(record):
            case KernelRestarting():
                # Not `restarting`: for Jupyter's clients that is a kernel that died and was started again by itself.
                self._say_status("starting")
            case KernelDied(obituary=obituary) if not obituary.asked:
                self._say_status("dead")
            case KernelDied():
                self._asking = asyncio.create_task(self._ask_whether_dead(), name="was it a restart")
            case KernelStarted(lineage=lineage) if lineage > 1:
                self._say_status("idle")
            case _:
                pass  # runs and gaps are told to our own page

    async def _ask_whether_dead(self) -> None:
        """Find out whether an end that was asked for is the end, or that of a restart."""
        try:
            infos = await self._host.kernels()
        except CarnetError:
            return  # the line to the host is gone; `_on_gone` says more when there is one again
        now = next((one for one in infos if one.kernel_id == self.kernel_id), None)
        if now is None or now.status == "dead":
            self._say_status("dead")

    def _on_gone(self) -> None:
        self._window_bytes = self._sent_bytes + (1 << 40)  # all that is left
        self._pump()
        self._say_status("dead")
        self._socket.end(1000, "the kernel is gone")

    def _say_status(self, state: str) -> None:
        header: dict[str, Json] = {
            "msg_id": f"carnet-{new_id()}",
            "msg_type": "status",
            "session": self.kernel_id,
            "username": "carnet",
            "date": datetime.now(UTC).isoformat(),
            "version": "5.4",
        }
        content: dict[str, Json] = {"execution_state": state}
        encode_json = msgspec.json.encode
        parts = (encode_json(header), b"{}", b"{}", encode_json(content))
        self._send(encode_parts("iopub", parts, v1=self._v1))


class KernelLines:
    """All open lines of this server: how many a kernel has, when it was used last, and one for each client."""

    def __init__(self) -> None:
        self._ends: dict[KernelLine, Callable[[], None]] = {}
        self._activity_ms: dict[KernelId, int] = {}

    async def take(self, line: KernelLine, end: Callable[[], None]) -> None:
        """Add a line, and open it. One that the same client has still open is ended first (KW5).

        Raises:
            KernelError: it cannot be opened.
        """
        for other, end_other in tuple(self._ends.items()):
            same = (other.kernel_id, other.session_id) == (line.kernel_id, line.session_id)
            if same and line.session_id:
                end_other()
                await other.close()
                self.drop(other)
        self._ends[line] = end
        try:
            if line.is_closed:
                raise KernelError("the client has left again")
            await line.open()
        except BaseException:
            del self._ends[line]
            raise

    def drop(self, line: KernelLine) -> None:
        """It is closed."""
        if self._ends.pop(line, None) is not None:
            known_ms = self._activity_ms.get(line.kernel_id, 0)
            self._activity_ms[line.kernel_id] = max(known_ms, line.last_activity_ms)

    def count(self, kernel_id: KernelId) -> int:
        """Return how many lines a kernel has."""
        return sum(line.kernel_id == kernel_id for line in self._ends)

    def last_activity_ms(self, kernel_id: KernelId) -> int:
        """Return when something came of this kernel for a line; 0: never."""
        times = [line.last_activity_ms for line in self._ends if line.kernel_id == kernel_id]
        return max([self._activity_ms.get(kernel_id, 0), *times])


def malformed(error: PeerError) -> str:
    """Return the reason to close a socket with: at most 123 bytes, as WebSocket has it."""
    return str(error).encode("ascii", "replace")[:120].decode()

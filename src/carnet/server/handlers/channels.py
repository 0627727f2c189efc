"""`/api/kernels/ID/channels`: Jupyter's WebSocket to one kernel. Rules KW1 to KW7: docs/specs/kernel-socket.md."""

import asyncio
import logging

from tornado.iostream import StreamClosedError
from tornado.websocket import (
    WebSocketClosedError,
    WebSocketHandler,
)

from carnet.core.wire.kernel_socket import V1
from carnet.errors import PeerError
from carnet.ids import new_id
from carnet.server.cell_runs import CellRuns
from carnet.server.handlers.base import Handler
from carnet.server.handlers.kernels import find_kernel
from carnet.server.kernel_line import KernelLine, KernelLines, malformed

log = logging.getLogger("carnet.kernels")

FRAME_BYTES = 256 << 20
"""As much as the kernel host takes."""


class Channels(Handler, WebSocketHandler):
    """A client's socket to a kernel, in both of Jupyter's protocols."""

    line: KernelLine | None = None
    lines: KernelLines
    login_id: str | None = None
    token_id: str = ""
    _leaving: "asyncio.Future[None] | None" = None

    async def prepare(self) -> None:
        """Answer 404 where there is no such kernel; a socket that opens has one."""
        self.login_id = self.identity.login.login_id if self.identity.login else None
        self.token_id = self.identity.token_id
        bench = await self.workbench()
        kernel = await find_kernel(bench, self.path_args[0])
        self.lines = bench.lines
        session_id = self.get_query_argument("session_id", "")
        self.line = KernelLine(
            bench.host_folder,
            kernel.kernel_id,
            session_id,
            v1=V1 in self._offered(),
            socket=self,
            told=CellRuns(bench, kernel.kernel_id, session_id or new_id(), by=self.identity.user),
        )

    def check_origin(self, origin: str) -> bool:  # noqa: ARG002  Tornado's signature
        """Yes: the gate has looked at it (rule AC4)."""
        return True

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Take Jupyter's newer protocol where it is offered."""
        return V1 if V1 in subprotocols else None

    @property
    def max_message_size(self) -> int:
        """Return the longest message taken, in bytes: buffers of widgets are large."""
        return FRAME_BYTES

    async def open(self, *_arguments: str) -> None:
        """Begin."""
        assert self.line is not None
        self.set_nodelay(True)
        self.services.links.add(self)
        await self.lines.take(self.line, lambda: self.end(1000, "opened again elsewhere"))

    async def on_message(self, message: str | bytes) -> None:
        """Pass one message on. Tornado reads no more until it is done: that is the back-pressure."""
        if self.line is None:
            return
        self.services.last_activity_ms = self.services.clock.now_ms()
        try:
            await self.line.receive(message)
        except PeerError as error:
            log.info("a kernel socket is closed: %s", error)
            self.end(1002, malformed(error))

    def on_pong(self, data: bytes) -> None:
        """Count what has arrived."""
        if self.line is not None:
            self.line.pong(data)

    def on_close(self) -> None:
        """The client may come back."""
        self.services.links.discard(self)
        self._leaving = asyncio.ensure_future(self._leave())

    def say_goodbye(self, reason: str, *, retry_ms: int) -> None:  # noqa: ARG002  as links have it
        """End the socket on purpose."""
        self.end(1001, reason)

    # ---- what the line does with its socket

    def send_frame(self, frame: str | bytes) -> None:
        """Send one frame."""
        try:
            # Kept by Tornado until it is written; a line that breaks says so in `on_close`.
            self.write_message(frame, binary=isinstance(frame, bytes)).add_done_callback(_seen)
        except (WebSocketClosedError, StreamClosedError):
            pass  # `on_close` follows; what was not answered comes again

    def send_ping(self, data: bytes) -> None:
        """Send a ping."""
        try:
            self.ping(data)
        except (WebSocketClosedError, StreamClosedError):
            pass  # as above

    def end(self, code: int, reason: str) -> None:
        """Close the socket."""
        self.close(code, reason)

    def _offered(self) -> list[str]:
        return [one.strip() for one in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]

    async def _leave(self) -> None:
        if self.line is not None:
            await self.line.close()
            self.lines.drop(self.line)


def _seen(done: "asyncio.Future[None]") -> None:
    if not done.cancelled():
        done.exception()

"""`/api/kernels/ID/channels`: Jupyter's WebSocket to one kernel. Rules KW1 to KW7: docs/specs/kernel-socket.md."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from carnet.core.wire.kernel_socket import V1
from carnet.errors import PeerError
from carnet.ids import new_id
from carnet.server.cell_runs import CellRuns
from carnet.server.handlers.kernels import find_kernel
from carnet.server.handlers.socket import Socket
from carnet.server.kernel_line import KernelLine, KernelLines, malformed

log = logging.getLogger("carnet.kernels")

TCP_CORK: int | None = getattr(socket, "TCP_CORK", None)

FRAME_BYTES = 256 << 20
"""As much as the kernel host takes."""


class Channels(Socket):
    """A client's socket to a kernel, in both of Jupyter's protocols."""

    line: KernelLine | None = None
    lines: KernelLines
    _leaving: "asyncio.Future[None] | None" = None

    async def ready(self) -> None:
        """Answer 404 where there is no such kernel; a socket that opens has one."""
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

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Take Jupyter's newer protocol where it is offered."""
        return V1 if V1 in subprotocols else None

    @property
    def max_message_size(self) -> int:
        """Return the longest message taken, in bytes: buffers of widgets are large."""
        return FRAME_BYTES

    async def opened(self) -> None:
        """Begin."""
        assert self.line is not None
        await self.lines.take(self.line, lambda: self.end(1000, "opened again elsewhere"))

    async def receive(self, message: str | bytes) -> None:
        """Pass one message on."""
        if self.line is None:
            return
        try:
            await self.line.receive(message)
        except PeerError as error:
            log.info("a kernel socket is closed: %s", error)
            self.end(1002, malformed(error))

    def on_pong(self, data: bytes) -> None:
        """Count what has arrived."""
        if self.line is not None:
            self.line.pong(data)

    def left(self) -> None:
        """The client may come back."""
        self._leaving = asyncio.ensure_future(self._leave())

    # ---- what the line does with its socket

    def send_frame(self, frame: str | bytes) -> None:
        """Send one frame. Kept until it is written; what was not answered comes again."""
        self.post(frame)

    def send_ping(self, data: bytes) -> None:
        """Send a ping."""
        try:
            self.ping(data)
        except (WebSocketClosedError, StreamClosedError):
            pass  # `left` follows

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let what is sent inside go out in one segment, where the system can (Linux). The option off sends it at once."""
        stream = getattr(self.ws_connection, "stream", None)
        tcp = None if stream is None or stream.closed() else stream.socket
        if TCP_CORK is None or tcp is None or tcp.family not in {socket.AF_INET, socket.AF_INET6}:
            yield
            return
        with suppress(OSError):  # the line is gone; `left` follows
            tcp.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 1)
        try:
            yield
        finally:
            with suppress(OSError):
                tcp.setsockopt(socket.IPPROTO_TCP, TCP_CORK, 0)

    def end(self, code: int, reason: str) -> None:
        """Close the socket."""
        self.close(code, reason)

    def _offered(self) -> list[str]:
        return [one.strip() for one in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]

    async def _leave(self) -> None:
        if self.line is not None:
            await self.line.close()
            self.lines.drop(self.line)

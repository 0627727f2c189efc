"""A client of a kernel's WebSocket for tests, in either protocol, as Jupyter's own code writes and reads them."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Self
from urllib.parse import urlencode

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.core.wire.kernel_socket import V1
from carnet.ids import new_id
from tests.server.serving import Server

PATIENCE_S = 40.0
"""A fault, not a measure."""

Message = dict[str, Any]


class KernelSocket:
    """One socket to one kernel; all that came is kept."""

    def __init__(self, server: Server, kernel_id: str, *, session_id: str = "", v1: bool = False) -> None:
        self.server = server
        self.kernel_id = kernel_id
        self.session_id = session_id or new_id()
        self.v1 = v1
        self.messages: list[Message] = []
        self._socket: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._hears = True
        self._arrived = 0
        self._hears_until: int | None = None

    @property
    def socket(self) -> WebSocketClientConnection:
        assert self._socket is not None
        return self._socket

    async def open(self, headers: Mapping[str, str] | None = None, **query: str) -> Self:
        """Connect."""
        path = f"api/kernels/{self.kernel_id}/channels?{urlencode({'session_id': self.session_id, **query})}"
        request = HTTPRequest(
            self.server.url.replace("http", "ws") + path,
            headers={"Authorization": f"token {self.server.token}"} if headers is None else dict(headers),
        )
        self._socket = await websocket_connect(
            request, subprotocols=[V1] if self.v1 else None, max_message_size=512 << 20
        )
        self._arrived, self._hears_until = 0, None
        hear = self.socket.on_message

        def count(message: str | bytes) -> Any:
            self._arrived += 1
            return hear(message)

        self.socket.on_message = count  # type: ignore[method-assign]  # Tornado calls it for each frame
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Say goodbye, hear no more (as browsers do), and wait until the server has closed."""
        self._hears = False
        self.socket.close()
        if self._reader is not None:
            await asyncio.wait_for(self._reader, PATIENCE_S)

    async def close_all_answered(self) -> None:
        """Say goodbye with the next ping: just then, all that was heard has been answered, and none of it comes again."""
        answer = self.socket.on_ping

        def leave(data: bytes) -> None:
            answer(data)
            if self._hears_until is None:  # Tornado has sent the answer
                self._hears_until = self._arrived
                self.socket.close()

        self.socket.on_ping = leave  # type: ignore[method-assign]  # Tornado calls it for each ping
        assert self._reader is not None
        await asyncio.wait_for(self._reader, PATIENCE_S)

    async def cut(self) -> None:
        """End the line without a word, as a network does."""
        connection = self.socket.protocol
        assert connection is not None
        assert connection.stream is not None
        assert self._reader is not None
        connection.stream.close()
        await self._reader

    async def send(
        self,
        msg_type: str,
        content: Mapping[str, object],
        *,
        channel: str = "shell",
        parent: Mapping[str, object] | None = None,
        metadata: Mapping[str, object] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> str:
        """Send one message; return its id."""
        msg_id = new_id()
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "session": self.session_id,
            "username": "u",
            "version": "5.3",
        }
        parts = [header, dict(parent or {}), dict(metadata or {}), dict(content)]
        frame: str | bytes
        if self.v1:
            blobs = [channel.encode(), *(json.dumps(part).encode() for part in parts), *buffers]
            frame = _frame(blobs, 8, "little", end=True)
        else:
            names = ("header", "parent_header", "metadata", "content")
            wrapped = {"channel": channel, **dict(zip(names, parts, strict=True))}
            text = json.dumps(wrapped)
            frame = _frame([text.encode(), *buffers], 4, "big", end=False) if buffers else text
        await self.socket.write_message(frame, binary=isinstance(frame, bytes))
        return msg_id

    async def execute(self, code: str, *, cell_id: str = "", **content: object) -> str:
        """Send an execute_request; with the cell that it runs, as JupyterLab says it."""
        whole = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": True,
            "stop_on_error": True,
            **content,
        }
        metadata = {"trusted": True, "deletedCells": [], "cellId": cell_id} if cell_id else {}
        return await self.send("execute_request", whole, metadata=metadata)

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Return the first message that is wanted."""
        seen = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.messages[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.messages)
                self._news.clear()
                await self._news.wait()

    async def over(self, msg_id: str) -> Message:
        """Wait for reply and idle; return the reply."""
        reply = await self.until(
            lambda one: one["channel"] == "shell" and one["parent_header"].get("msg_id") == msg_id
        )
        await self.until(
            lambda one: (
                one["parent_header"].get("msg_id") == msg_id
                and one["content"].get("execution_state") == "idle"
            )
        )
        return reply

    async def run(self, code: str) -> Message:
        """Execute, and return the reply when it is over."""
        return await self.over(await self.execute(code))

    def text(self, msg_id: str = "") -> str:
        """Return all that requests printed, or what one printed; debugpy's greeting at a kernel's start has no parent."""
        asked = {one["parent_header"].get("msg_id") for one in self.messages} - {None}
        return "".join(
            one["content"]["text"]
            for one in self.messages
            if one["header"]["msg_type"] == "stream"
            and one["parent_header"].get("msg_id") in ({msg_id} if msg_id else asked)
        )

    async def _read(self) -> None:
        socket = self.socket
        self._hears = True
        heard = 0
        while (frame := await socket.read_message()) is not None:
            heard += 1
            if not self._hears or (self._hears_until is not None and heard > self._hears_until):
                continue
            self.messages.append(_message(frame, v1=self.v1))
            self._news.set()
        socket.close()


def _frame(parts: Sequence[bytes], width: int, order: Any, *, end: bool) -> bytes:
    at = width * (1 + len(parts) + end)
    offsets = []
    for part in parts:
        offsets.append(at)
        at += len(part)
    if end:
        offsets.append(at)
    return b"".join(number.to_bytes(width, order) for number in (len(offsets), *offsets)) + b"".join(parts)


def _message(frame: str | bytes, *, v1: bool) -> Message:
    if isinstance(frame, str):
        found: Message = json.loads(frame)
        return found
    width, order = (8, "little") if v1 else (4, "big")
    count = int.from_bytes(frame[:width], order)  # type: ignore[arg-type]  # it is one of the two words
    offsets = [
        int.from_bytes(frame[at : at + width], order)  # type: ignore[arg-type]  # as above
        for at in range(width, width * (count + 1), width)
    ]
    if not v1:
        parts = [frame[start:stop] for start, stop in pairwise([*offsets, len(frame)])]
        return {**json.loads(parts[0]), "buffers": parts[1:]}
    channel, header, parent, metadata, content, *buffers = [
        frame[start:stop] for start, stop in pairwise(offsets)
    ]
    return {
        "channel": channel.decode(),
        "header": json.loads(header),
        "parent_header": json.loads(parent),
        "metadata": json.loads(metadata),
        "content": json.loads(content),
        "buffers": buffers,
    }

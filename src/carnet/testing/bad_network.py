"""A TCP proxy on loopback that behaves as badly as it is told: cuts, stalls, trickles.

For tests of whatever must survive a bad line. It forwards bytes to one target
and breaks connections at byte offsets that the test chooses (with a seed that
the test prints), never by the clock.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Self

CHUNK_BYTES = 16 << 10


class BadNetwork:
    """Listens on 127.0.0.1 and forwards to one port there."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.connections = 0
        """Accepted so far."""
        self.cuts = 0
        """Broken so far, by us."""
        self.down = False
        """True: new connections are closed at once."""
        self.next_cut: Callable[[], int | None] = lambda: None
        """Asked at each new connection: cut after so many bytes from the target; None: never."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut_all()
        self._flowing.set()
        if self._server is not None:
            self._server.close()
        if self._serving:
            await asyncio.wait(self._serving)

    def cut_all(self) -> None:
        """Break every connection now, without a goodbye (RST)."""
        for writer in tuple(self._writers):
            self._cut(writer)

    def pause(self) -> None:
        """Let nothing through in either direction, and keep connections open (a dead line)."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let bytes through again."""
        self._flowing.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.down:
            self._cut(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            self._cut(writer)
            return
        self._writers |= {writer, far_writer}
        limit = self.next_cut()
        try:
            await asyncio.gather(
                self._forward(reader, far_writer, None), self._forward(far_reader, writer, limit)
            )
        finally:
            for one in (writer, far_writer):
                self._writers.discard(one)
                one.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None
    ) -> None:
        left = limit
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                if left is not None and len(data) >= left:
                    writer.write(data[:left])
                    with suppress(ConnectionError):
                        await writer.drain()
                    self.cuts += 1
                    self._cut(writer)
                    return
                if left is not None:
                    left -= len(data)
                writer.write(data)
                await writer.drain()
        writer.close()

    def _cut(self, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

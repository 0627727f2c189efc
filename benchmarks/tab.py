"""A browser tab that only listens: it follows one notebook over the link, and knows what became of its runs.

It decodes frames and applies nothing, so that what it costs itself is small
against what is measured. Tabs that keep a replica: tests/support/link_client.py.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self

import msgspec
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from carnet.core.notebook.model import Cell
from carnet.core.session.intents import Edit, IntentBody, RunCells, RunRequest, SaveNow
from carnet.core.session.operations import AddOutput, AppendStream, DropRuns, FinishRun, InsertCells
from carnet.core.wire.link import (
    PROTOCOL,
    Entries,
    Follow,
    Hello,
    Intend,
    MoreCells,
    Ping,
    Pong,
    Problem,
    Seen,
    Snapshot,
    ToBrowser,
)
from carnet.ids import BatchId, CellId, ClientId, NotebookPath, RunId, new_cell_id, new_id

WAIT_S = 300.0
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ToBrowser)


class Tab:
    """One tab on one notebook."""

    def __init__(self, port: int, headers: dict[str, str], path: str) -> None:
        self.order: list[CellId] = []
        self.lines = 0
        """Lines of stream text that have come."""
        self.outputs = 0
        """Outputs other than streams that have come."""
        self.received_bytes = 0
        self.pongs_ms: list[float] = []
        """How long each ping took."""
        self._request = HTTPRequest(f"ws://127.0.0.1:{port}/link", headers=headers)
        self._path = NotebookPath(path)
        self._client_id = ClientId(new_id())
        self._number = 0
        self._seq = 0
        self._decided = 0
        self._whole = False
        self._finished: set[RunId] = set()
        self._news = asyncio.Event()
        self._socket: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._socket = await websocket_connect(self._request, max_message_size=1 << 30)
        stream = self._socket.protocol.stream if self._socket.protocol is not None else None
        assert stream is not None
        # As browsers do; else each intent waits for a delayed ACK.
        stream.set_nodelay(True)
        self._send(Hello(protocol=PROTOCOL, client_id=self._client_id))
        self._send(Follow(follow=1, path=self._path))
        self._reader = asyncio.create_task(self._read(self._socket))
        await self.until(lambda: self._whole)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            self._socket.close()

    # ---- what a benchmark does

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when it is true; it is asked after each frame."""
        assert self._reader is not None
        async with asyncio.timeout(WAIT_S):
            while not true():
                if self._reader.done():
                    self._reader.result()
                    raise ConnectionError("the link was closed")
                self._news.clear()
                await self._news.wait()

    async def insert(self, sources: Sequence[str]) -> list[CellId]:
        """Append code cells, and return their ids when they are there."""
        ids = [new_cell_id() for _ in sources]
        cells = tuple(
            msgspec.convert({"id": cell_id, "kind": "code", "source": source}, Cell)
            for cell_id, source in zip(ids, sources, strict=True)
        )
        self._intend(Edit(edits=(InsertCells(after=self.order[-1] if self.order else None, cells=cells),)))
        self.order += ids
        number = self._number
        await self.until(lambda: self._decided >= number)
        return ids

    async def save(self) -> None:
        """Ask for a save, and return when it was decided."""
        self._intend(SaveNow())
        number = self._number
        await self.until(lambda: self._decided >= number)

    async def run(self, cell_ids: Sequence[CellId]) -> float:
        """Run cells, and return the seconds until the last one's end (reply and idle) was here."""
        runs = tuple(RunRequest(run_id=RunId(new_id()), cell_id=cell_id) for cell_id in cell_ids)
        wanted = {one.run_id for one in runs}
        started_s = time.perf_counter()
        self._intend(RunCells(batch_id=BatchId(new_id()), runs=runs))
        await self.until(lambda: wanted <= self._finished)
        return time.perf_counter() - started_s

    def ping(self) -> None:
        """Send one; its time is added to `pongs_ms`."""
        self._send(Ping(sent_ms=time.perf_counter_ns()))

    # ---- inside

    def _send(self, frame: msgspec.Struct) -> None:
        assert self._socket is not None
        self._socket.write_message(_encoder.encode(frame), binary=True)

    def _intend(self, body: IntentBody) -> None:
        self._number += 1
        self._send(Intend(follow=1, client_id=self._client_id, number=self._number, body=body))

    async def _read(self, socket: WebSocketClientConnection) -> None:
        while (data := await socket.read_message()) is not None:
            assert isinstance(data, bytes)
            self.received_bytes += len(data)
            self._take(_decoder.decode(data))
            self._news.set()
        self._news.set()

    def _take(self, frame: ToBrowser) -> None:
        match frame:
            case Snapshot(session=session, more=more):
                self.order = list(session.order)
                self._whole = not more
                self._send(Seen(follow=1, seq=session.seq))
                self._seq = session.seq
            case MoreCells(more=more):
                self._whole = not more
                self._send(Seen(follow=1, seq=self._seq))
            case Entries(entries=entries):
                for entry in entries:
                    if entry.client_id == self._client_id and entry.intent is not None:
                        self._decided = max(self._decided, entry.intent)
                    for op in entry.ops:
                        match op:
                            case FinishRun(run_id=run_id):
                                self._finished.add(run_id)
                            case DropRuns(run_ids=run_ids):
                                raise ConnectionError(f"runs were dropped: {run_ids}")
                            case AppendStream(text=text):
                                self.lines += text.count("\n")
                            case AddOutput():
                                self.outputs += 1
                            case _:
                                pass
                self._seq = entries[-1].seq
                self._send(Seen(follow=1, seq=self._seq))
            case Pong(sent_ms=sent_ns):
                self.pongs_ms.append((time.perf_counter_ns() - sent_ns) / 1e6)
            case Problem(message=message):
                raise ConnectionError(message)
            case _:
                pass

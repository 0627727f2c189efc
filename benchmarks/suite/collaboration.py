"""A notebook as a shared Yjs document: from one client's key to another's document, and opening a large one.

Clients are pycrdt's over WebSocket. A key goes to the session as an intent, into
the journal, and out to the other client, one after another.
"""

import asyncio
import json
import time
from statistics import quantiles
from typing import Any, Self
from urllib.parse import urlencode

from pycrdt import Array, Doc, create_sync_message, create_update_message, handle_sync_message
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.bench import Bench
from benchmarks.notebooks import cells_of, encoded
from benchmarks.report import CARNET, Goal
from benchmarks.servers import TOKEN, Carnet, Server

KEYS = 500
CELLS = 1000
PAUSE_S = 0.005

GOALS = (
    Goal(f"{KEYS} keys to another client: p50", "10 ms", lambda _: 10.0),
    Goal(f"{KEYS} keys to another client: p95", "50 ms", lambda _: 50.0),
    Goal(f"open {CELLS} cells: again", "300 ms", lambda _: 300.0),
)


class Client:
    """One client of one room."""

    def __init__(self) -> None:
        self.document: Doc[Any] = Doc()
        self.cells: Array[Any] = self.document.get("cells", type=Array)
        self.changed = asyncio.Event()
        self._receiving = False
        self._subscription = self.document.observe(self._send)
        self._socket: WebSocketClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    async def enter(self, server: Server, path: str) -> Self:
        """Ask for the room, and come in; return when the cells are there."""
        body = json.dumps({"format": "json", "type": "notebook"}).encode()
        asked = asyncio.to_thread(server.ask, "PUT", f"/api/collaboration/session/{path}", body)
        session = json.loads(await asked)
        name = f"{session['format']}:{session['type']}:{session['fileId']}"
        query = urlencode({"sessionId": session["sessionId"], "token": TOKEN})
        url = f"{server.url.replace('http', 'ws')}api/collaboration/room/{name}?{query}"
        self._socket = await websocket_connect(url, max_message_size=1 << 30)
        self._reader = asyncio.create_task(self._read(self._socket))
        await self._socket.write_message(create_sync_message(self.document), binary=True)
        await self.until(lambda: len(self.cells) > 0)
        return self

    async def until(self, true: Any) -> None:
        """Return when this is true of the document."""
        while not true():
            self.changed.clear()
            await self.changed.wait()

    async def leave(self) -> None:
        """Close the socket, if there is one."""
        if self._socket is not None and self._reader is not None:
            self._socket.close()
            await self._reader

    def _send(self, event: Any) -> None:
        if not self._receiving and self._socket is not None:
            self._socket.write_message(create_update_message(event.update), binary=True)

    async def _read(self, socket: WebSocketClientConnection) -> None:
        while (message := await socket.read_message()) is not None:
            assert isinstance(message, bytes)
            if message[0] == 0:
                self._receiving = True
                reply = handle_sync_message(message[1:], self.document)
                self._receiving = False
                if reply is not None:
                    await socket.write_message(reply, binary=True)
            self.changed.set()


async def measure(bench: Bench) -> None:
    """Keys between two clients, then a large notebook for the first time and again."""
    with bench.folder() as folder, Carnet(folder / "carnet") as server:
        for number in range(bench.rounds):
            (server.notebooks / f"keys-{number}.ipynb").write_bytes(encoded(cells_of(10)))
            (server.notebooks / f"large-{number}.ipynb").write_bytes(encoded(cells_of(CELLS)))
            await _keys(bench, server, f"keys-{number}.ipynb")
            for what in ("first time", "again"):
                began = time.perf_counter()
                client = await Client().enter(server, f"large-{number}.ipynb")
                bench.note(f"open {CELLS} cells: {what}", "ms", CARNET, 1000 * (time.perf_counter() - began))
                assert len(client.cells) == CELLS
                await client.leave()


async def _keys(bench: Bench, server: Server, path: str) -> None:
    ann, bob = await Client().enter(server, path), await Client().enter(server, path)
    times_ms: list[float] = []
    source, seen = ann.cells[0]["source"], bob.cells[0]["source"]
    length = len(source)
    for number in range(KEYS):
        began = time.perf_counter()
        source.insert(length + number, "abcdefghij"[number % 10])
        await bob.until(lambda number=number: len(seen) > length + number)
        times_ms.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(PAUSE_S)
    await ann.leave()
    await bob.leave()
    cuts = quantiles(times_ms, n=20)
    bench.note(f"{KEYS} keys to another client: p50", "ms", CARNET, cuts[9])
    bench.note(f"{KEYS} keys to another client: p95", "ms", CARNET, cuts[18])

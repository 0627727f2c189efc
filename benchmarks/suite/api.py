"""A kernel through Jupyter's own API: sockets as JupyterLab opens them, beside jupyter_server where that is measured too.

The same client asks both; `raw` is jupyter_client with no server between. "cut" is a
line that breaks in the middle of a cell's output; the client comes again a moment later under
the same session id, as JupyterLab does.
"""

import asyncio
import json
import time
from statistics import quantiles
from typing import Any, Self

from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.raw_kernel import RawKernel
from benchmarks.report import Goal
from benchmarks.servers import HEADERS, Server
from carnet.ids import new_id

RUNS = 100
FLUSHED = 20_000
FLOOD = f"for i in range({FLUSHED}): print(i, flush=True)"
LINES = 600
SLOW = f"import time\nfor i in range({LINES}): print('line', i, flush=True); time.sleep(0.005)"
AWAY_S = 0.3
PATIENCE_S = 15.0
"""Without a word from the kernel: what was waited for was lost."""

GOALS = (
    Goal("round trip, p50", "raw + 1 ms", lambda medians: medians["round trip, p50", "raw"] + 1.0),
    Goal("round trip, p95", "raw + 3 ms", lambda medians: medians["round trip, p95", "raw"] + 3.0),
    Goal("20k flushed lines", "1.2 x raw", lambda medians: 1.2 * medians["20k flushed lines", "raw"]),
    Goal("20k flushed lines: lines lost", "none", lambda _: 0),
    Goal("cut: lines lost", "none", lambda _: 0),
)


async def measure(bench: Bench) -> None:
    """A hundred round trips, one flood and one cut a round, on each server in turn."""
    with bench.folder() as folder, RawKernel() as raw:
        servers = bench.servers(folder, floor=False)
        try:
            for server in servers:
                server.start()
            raw.run(["pass"])
            for _ in range(bench.rounds):
                _note(bench, "raw", [raw.run(["pass"]) for _ in range(RUNS)])
                raw.lines = 0
                bench.note("20k flushed lines", "s", "raw", raw.listen(FLOOD))
                bench.note("20k flushed lines: lines lost", "", "raw", FLUSHED - raw.lines)
                for server in servers:
                    # A new one each round: nobody reads from it, and answers its pings, while others are measured.
                    socket = await Socket.open(server)
                    _note(bench, server.column, [await socket.run("pass") for _ in range(RUNS)])
                    before_s, socket.lines = machine.cpu_s(server.pid), 0
                    took_s = await socket.run(FLOOD)
                    bench.note("20k flushed lines", "s", server.column, took_s)
                    used_s = machine.cpu_s(server.pid) - before_s
                    bench.note("20k flushed lines: server CPU", "s", server.column, used_s)
                    bench.note("20k flushed lines: lines lost", "", server.column, FLUSHED - socket.lines)
                    goes_on_s, seen = await socket.run_cut(SLOW)
                    bench.note("cut: goes on after", "ms", server.column, goes_on_s * 1e3)
                    bench.note("cut: lines lost", "", server.column, LINES - seen)
                    socket.close()
        finally:
            for server in servers:
                server.stop()


def _note(bench: Bench, column: str, times_s: list[float]) -> None:
    cuts = quantiles(times_s, n=20)
    bench.note("round trip, p50", "ms", column, cuts[9] * 1e3)
    bench.note("round trip, p95", "ms", column, cuts[18] * 1e3)


class Socket:
    """A client of one kernel's socket, in the default protocol."""

    def __init__(self, url: str, connection: WebSocketClientConnection) -> None:
        self.lines = 0
        self._url = url
        self._connection = connection
        self._session = new_id()
        self._texts: dict[str, str] = {}
        """What streams said, by the id of the message: after a cut, one may come again."""
        self._heard_s = 0.0

    @classmethod
    async def open(cls, server: Server) -> Self:
        """Start a kernel, and wait until it answers."""
        made = await asyncio.to_thread(server.ask, "POST", "/api/kernels", b'{"name": "python3"}')
        url = f"ws://127.0.0.1:{server.port}/api/kernels/{json.loads(made)['id']}/channels?session_id={new_id()}"
        socket = cls(url, await _connected(url))
        await socket.run("pass")
        return socket

    async def run(self, code: str) -> float:
        """Return the seconds until reply and idle are here, or until the last that came."""
        started_s = self._heard_s = time.perf_counter()
        await self._read(await self._send(code), {"execute_reply", "idle"})
        return self._heard_s - started_s

    async def run_cut(self, code: str) -> tuple[float, int]:
        """Have the line cut in the middle; return the seconds from coming back to the first line, and how many came in all."""
        msg_id = await self._send(code)
        self._texts.clear()
        while len(self._texts) < LINES // 3 and await self._read(msg_id, {"stream"}):
            pass
        stream = self._connection.protocol.stream if self._connection.protocol is not None else None
        assert stream is not None
        stream.close()
        while frame := await self._connection.read_message():  # what has come already
            self._take(frame, msg_id)
        await asyncio.sleep(AWAY_S)
        started_s = time.perf_counter()
        self._connection = await _connected(self._url)
        went_on = await self._read(msg_id, {"stream"})
        goes_on_s = self._heard_s - started_s if went_on else PATIENCE_S
        await self._read(msg_id, {"execute_reply", "idle"})
        seen = {line for line in "".join(self._texts.values()).splitlines() if line.startswith("line ")}
        return goes_on_s, len(seen)

    async def _send(self, code: str) -> str:
        msg_id = new_id()
        message = {
            "channel": "shell",
            "header": {
                "msg_id": msg_id,
                "msg_type": "execute_request",
                "session": self._session,
                "username": "",
                "version": "5.3",
            },
            "parent_header": {},
            "metadata": {},
            "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
        }
        await self._connection.write_message(json.dumps(message))
        return msg_id

    async def _read(self, msg_id: str, wanted: set[str]) -> bool:
        """Read until all that is wanted of this message has come: types of messages, states of the kernel; False: it does not come."""
        while wanted:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    frame = await self._connection.read_message()
            except TimeoutError:
                return False
            assert frame is not None, "the socket was closed"
            wanted = wanted - self._take(frame, msg_id)
        return True

    def _take(self, frame: str | bytes, msg_id: str) -> set[str]:
        """Count the lines in a frame; return what it says of this message."""
        assert isinstance(frame, str), "it is in another protocol"
        one: dict[str, Any] = json.loads(frame)
        if one["parent_header"].get("msg_id") != msg_id:
            return set()
        self._heard_s = time.perf_counter()
        kind, content = one["header"]["msg_type"], one["content"]
        if kind == "stream":
            self.lines += content["text"].count("\n")
            self._texts[one["header"]["msg_id"]] = content["text"]
        return {kind, str(content.get("execution_state"))}

    def close(self) -> None:
        """End the line."""
        self._connection.close()


async def _connected(url: str) -> WebSocketClientConnection:
    connection = await websocket_connect(HTTPRequest(url, headers=HEADERS), max_message_size=1 << 30)
    assert connection.protocol is not None
    assert connection.protocol.stream is not None
    connection.protocol.stream.set_nodelay(True)
    return connection

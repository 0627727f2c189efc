"""Large notebooks over HTTP, read and written through the contents API, and what others feel meanwhile.

"stall" is the longest answer to a light request that somebody else sends each 10 ms.
The floor reads and writes the same bytes and understands nothing of them.
"""

import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.notebooks import of_size
from benchmarks.report import Goal
from benchmarks.servers import HEADERS, PATIENCE_S, Floor, Server

SIZES = {"100 kB": 100_000, "5 MB": 5_000_000, "50 MB": 50_000_000}
PING_EACH_S = 0.01


def _ten_floors(row: str) -> Goal:
    return Goal(row, "10 x floor", lambda medians: 10 * medians[row, "floor"])


GOALS = (
    *(Goal(f"{verb} 50 MB: stall", "50 ms", lambda _: 50.0) for verb in ("GET", "PUT")),
    *(_ten_floors(f"{verb} {size}") for verb in ("GET", "PUT") for size in SIZES),
)


async def measure(bench: Bench) -> None:
    """Each size once a round on each server, in turn."""
    with bench.folder() as folder:
        servers = bench.servers(folder)
        for server in servers:
            server.start()
        try:
            for _ in range(bench.rounds):
                for name, size_bytes in SIZES.items():
                    data = of_size(size_bytes)
                    for server in servers:
                        _measure_one(bench, server, name, data)
        finally:
            for server in servers:
                server.stop()


def _measure_one(bench: Bench, server: Server, name: str, data: bytes) -> None:
    file = Path(f"n{name.replace(' ', '').lower()}.ipynb")
    (server.notebooks / file).write_bytes(data)
    is_floor = isinstance(server, Floor)
    path = f"/content/{file}" if is_floor else f"/api/contents/{file}"
    # The whitespace of the file is fine in JSON.
    body = data if is_floor else b'{"type":"notebook","format":"json","content":' + data + b"}"
    for verb, sent in (("GET", None), ("PUT", body)):
        what = f"{verb} {name}"
        time.sleep(0.2)
        before_s = machine.cpu_s(server.pid)
        with Pinger(server) as pinger:
            started_s = time.perf_counter()
            server.ask(verb, path, sent)
            took_s = time.perf_counter() - started_s
        bench.note(what, "ms", server.column, took_s * 1e3)
        bench.note(f"{what}: server CPU", "ms", server.column, (machine.cpu_s(server.pid) - before_s) * 1e3)
        bench.note(f"{what}: stall", "ms", server.column, pinger.worst_ms)


class Pinger:
    """Somebody else, who asks the server for little and notes the longest wait."""

    def __init__(self, server: Server) -> None:
        self.worst_ms = 0.0
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ping, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _ping(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE_S)
        while not self._over.is_set():
            started_s = time.perf_counter()
            connection.request("GET", self._server.light_page, headers=HEADERS)
            connection.getresponse().read()
            self.worst_ms = max(self.worst_ms, (time.perf_counter() - started_s) * 1e3)
            self._over.wait(PING_EACH_S)
        connection.close()

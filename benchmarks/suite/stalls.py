"""What everybody else feels while one person handles a notebook of 50 MB: the longest answer to a light request.

Somebody else asks each 10 ms, from a process of its own. "nobody" is the same
where nothing happens: what this machine does to a server by itself.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from benchmarks.bench import Bench
from benchmarks.notebooks import of_size, talking
from benchmarks.report import Goal
from benchmarks.servers import HEADERS, PATIENCE_S, ROOT, TOKEN, Carnet, Floor, Server
from benchmarks.tab import Tab

SIZE_BYTES = 50_000_000
KINDS: dict[str, Callable[[int], bytes]] = {"pictures": of_size, "text": talking}
WHATS = ("read", "saved", "saved again", "opened", "edited, saved", "listed")
LIMIT_MS = 50.0

GOALS = tuple(Goal(f"{kind} {what}", "50 ms", lambda _: LIMIT_MS) for kind in KINDS for what in WHATS)


async def measure(bench: Bench) -> None:
    """Each once a round; the floor and the peer only read and save."""
    with bench.folder() as folder:
        for server in bench.servers(folder):
            with server:
                for _ in range(bench.rounds):
                    with Watch(server) as watch:
                        await asyncio.sleep(1.0)
                    bench.note("nobody", "ms", server.column, watch.worst_ms)
                    for kind, make in KINDS.items():
                        await _handle(bench, server, kind, make(SIZE_BYTES))


async def _handle(bench: Bench, server: Server, kind: str, data: bytes) -> None:
    name = f"{kind}-{time.time_ns()}.ipynb"
    (server.notebooks / name).write_bytes(data)
    if isinstance(server, Floor):
        path, body, again = f"/content/{name}", data, data
    else:
        path = f"/api/contents/{name}"
        notebook = json.loads(data)
        for cell in notebook["cells"]:
            cell["metadata"] = {"trusted": True}
        # As JupyterLab sends it: dense, and trusted, for it ran there.
        body = _dense({"type": "notebook", "format": "json", "content": notebook})
        notebook["cells"][0]["source"] = "changed"
        again = _dense({"type": "notebook", "format": "json", "content": notebook})

    def note(what: str, watch: "Watch", started_s: float) -> None:
        bench.note(f"{kind} {what}", "ms", server.column, watch.worst_ms)
        bench.note(f"{kind} {what}: took", "ms", server.column, (time.perf_counter() - started_s) * 1e3)

    async def ask(what: str, method: str, sent: bytes | None) -> None:
        with Watch(server) as watch:
            started_s = time.perf_counter()
            await asyncio.to_thread(server.ask, method, path, sent)
        note(what, watch, started_s)

    await ask("read", "GET", None)
    await ask("saved", "PUT", body)
    await ask("saved again", "PUT", again)
    if not isinstance(server, Carnet):
        return
    with Watch(server) as watch:
        started_s = time.perf_counter()
        await asyncio.to_thread(server.get, "/api/contents/")
    note("listed", watch, started_s)
    with Watch(server) as watch:
        started_s = time.perf_counter()
        tab = Tab(server.port, HEADERS, name)
        await tab.__aenter__()
    note("opened", watch, started_s)
    file = server.notebooks / name
    with Watch(server) as watch:
        started_s, before = time.perf_counter(), file.stat().st_mtime_ns
        await tab.insert([f"# {time.time_ns()}"])
        while file.stat().st_mtime_ns == before:
            assert time.perf_counter() - started_s < PATIENCE_S, "it was not saved"
            await asyncio.sleep(0.05)
    note("edited, saved", watch, started_s)
    await tab.__aexit__(None, None, None)
    file.unlink()
    await asyncio.sleep(0.5)


class Watch:
    """A process that asks the server for little each 10 ms, and notes its longest wait."""

    def __init__(self, server: Server) -> None:
        self.worst_ms = 0.0
        self._command = [
            sys.executable,
            str(ROOT / "benchmarks" / "watching.py"),
            str(server.port),
            server.light_page,
            TOKEN,
        ]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        process = self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        said, _ = self._process.communicate("end\n")
        self.worst_ms = float(said)


def _dense(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

"""What everybody else feels while one person handles a notebook of 50 MB.

The longest answer to a light request, which somebody else sends each 10 ms from a
process of its own: what is felt, on this machine, with all that it does besides ("nobody" is
the same where nothing happens). "server worked": for how long the server's threads worked, at
most, while such an answer was waited for: what it would be on a machine that does nothing
besides. And, from a second server that watches itself (`benchmarks/inside.py`), the longest
step of the event loop and the longest time that somebody kept the interpreter's lock, in CPU time.

Rounds are begun for eight minutes; whatever fails or takes more than a minute is said, and the rest goes on.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.bench import Bench
from benchmarks.notebooks import of_size, talking
from benchmarks.report import CARNET, Goal
from benchmarks.servers import HEADERS, ROOT, TOKEN, Carnet, Floor, Server
from benchmarks.suite.collaboration import Client
from benchmarks.tab import Tab

SIZE_BYTES = 50_000_000
KINDS: dict[str, Callable[[int], bytes]] = {"pictures": of_size, "text": talking}
LIMIT_MS = 50.0
BUDGET_S = 480.0
ONE_S = 60.0
SETTLE_S = 0.5

WHATS = (
    "read",
    "hashed",
    "saved",
    "saved again",
    "listed",
    "downloaded",
    "archived",
    "copied",
    "checkpointed",
    "made a script",
    "opened",
    "edited, saved",
    "read while open",
    "saved elsewhere, merged",
    "opened again",
    "shared through Yjs",
)
WORKED, STEP, HOLD = "server worked", "longest step", "lock kept"

GOALS = tuple(
    Goal(row, "50 ms", lambda _: LIMIT_MS)
    for kind in KINDS
    for what in WHATS
    for row in (f"{kind} {what}", *(f"{kind} {what}: {measure}" for measure in (WORKED, STEP, HOLD)))
)


class Watched(Carnet):
    """One that notes what holds it up (`benchmarks/inside.py`)."""

    def command(self) -> list[str]:
        _, _, _, *arguments = super().command()
        return [sys.executable, str(ROOT / "benchmarks" / "inside.py"), str(self._told), *arguments]

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}

    @property
    def _told(self) -> str:
        return str(self.folder / "told")

    def told(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was noted since it was asked last."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(self._told)
            data = b"".join(iter(lambda: line.recv(1 << 20), b""))
        found: dict[str, list[dict[str, Any]]] = json.loads(data)
        return found


class Watch:
    """A process that asks the server for little each 10 ms, and notes its longest wait."""

    def __init__(self, server: Server) -> None:
        self.worst_ms = 0.0
        self.worked_ms = 0.0
        """For how long the server's threads worked while an answer was waited for, at most."""
        self._command = [
            sys.executable,
            str(ROOT / "benchmarks" / "watching.py"),
            str(server.port),
            server.light_page,
            TOKEN,
            str(server.pid),
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
        self.worst_ms, self.worked_ms = map(float, said.split())


async def measure(bench: Bench) -> None:
    """Each once a round; the floor and the peer only read and save."""
    begun_s = time.perf_counter()
    with bench.folder() as folder:
        servers = [*bench.servers(folder), Watched(folder / "watched")]
        for server in servers:
            server.start()
        try:
            for number in range(bench.rounds):
                for server in servers:
                    await _Round(bench, server, number + 1).nobody()
                    for kind, make in KINDS.items():
                        await _Round(bench, server, number + 1).handle(kind, make(SIZE_BYTES))
                if time.perf_counter() - begun_s > BUDGET_S and number + 1 < bench.rounds:
                    bench.said.append(
                        f"{number + 1} rounds, not {bench.rounds}: {BUDGET_S / 60:.0f} minutes were over."
                    )
                    break
        finally:
            for server in servers:
                server.stop()


class _Round:
    """One notebook on one server."""

    def __init__(self, bench: Bench, server: Server, number: int) -> None:
        self._bench = bench
        self._server = server
        self._number = number
        self._kind = ""

    async def nobody(self) -> None:
        """What a server feels by itself."""
        if isinstance(self._server, Watched):
            return
        with Watch(self._server) as watch:
            await asyncio.sleep(1.0)
        self._bench.note("nobody", "ms", self._server.column, watch.worst_ms)
        self._bench.note(f"nobody: {WORKED}", "ms", self._server.column, watch.worked_ms)

    async def handle(self, kind: str, data: bytes) -> None:
        """All that can be done with it."""
        self._kind, server = kind, self._server
        name = f"{kind}-{self._number}.ipynb"
        file = server.notebooks / name
        file.write_bytes(data)
        if isinstance(server, Floor):
            path, sent = f"/content/{name}", [data] * 3
        else:
            path, sent = f"/api/contents/{name}", _as_sent(data)
        await self._ask("read", "GET", path)
        await self._ask("saved", "PUT", path, sent[0])
        await self._ask("saved again", "PUT", path, sent[1])
        if isinstance(server, Carnet):
            await self._ask("hashed", "GET", f"{path}?content=0&hash=1")
            await self._ask("listed", "GET", "/api/contents/")
            await self._ask("downloaded", "GET", f"/files/{name}?download=1")
            await self._ask("archived", "GET", "/files/?archive=zip")
            await self._ask("copied", "POST", "/api/contents/", json.dumps({"copy_from": name}).encode())
            await self._ask("checkpointed", "POST", f"{path}/checkpoints", b"")
            if kind == "pictures":  # nbconvert takes minutes for twenty thousand cells
                await self._ask("made a script", "GET", f"/nbconvert/script/{name}")
            await self._open(server, name, path, sent[2])
        for made in server.notebooks.glob(f"{kind}*"):
            made.unlink()

    async def _open(self, server: Carnet, name: str, path: str, sent: bytes) -> None:
        file = server.notebooks / name
        tab, again, client = Tab(server.port, HEADERS, name), Tab(server.port, HEADERS, name), Client()

        async def edit() -> None:
            before = file.stat().st_mtime_ns
            await tab.insert([f"# {time.time_ns()}"])
            await tab.save()
            await asyncio.to_thread(_wait_until_written, file, before)

        async def merge() -> None:
            await asyncio.to_thread(server.ask, "PUT", path, sent)

        await self._do("opened", tab.__aenter__())
        await self._do("edited, saved", edit())
        await self._ask("read while open", "GET", path)
        await self._do("saved elsewhere, merged", merge())
        await self._do("opened again", again.__aenter__())
        await self._do("shared through Yjs", client.enter(server, name))
        await client.leave()
        for one in (tab, again):
            await one.__aexit__(None, None, None)
        await asyncio.to_thread(server.ask, "DELETE", path)

    async def _ask(self, what: str, method: str, path: str, sent: bytes | None = None) -> None:
        await self._do(what, asyncio.to_thread(self._server.ask, method, path, sent))

    async def _do(self, what: str, doing: Awaitable[object]) -> None:
        """Do one thing, and note what others felt."""
        row, server = f"{self._kind} {what}", self._server
        try:
            async with self._watched(row), asyncio.timeout(ONE_S):
                await doing
        except Exception as error:  # noqa: BLE001  one that fails must not cost the figures of the others
            said = f"{row} on {server.column} failed: {type(error).__name__} {error}"[:300]
            self._bench.said.append(said)
            print(f"  {said}", file=sys.stderr, flush=True)

    @asynccontextmanager
    async def _watched(self, row: str) -> AsyncIterator[None]:
        server, note = self._server, self._bench.note
        if isinstance(server, Watched):
            server.told()
            yield
            await asyncio.sleep(SETTLE_S)
            told = server.told()
            step, hold = _longest(told["steps"]), _longest(told["holds"])
            note(f"{row}: {STEP}", "ms of CPU", CARNET, step[0])
            note(f"{row}: {HOLD}", "ms of CPU", CARNET, hold[0])
            said = f"longest step {step[0]:.0f} ms, lock kept {hold[0]:.0f} ms of CPU time"
            for one in (step, hold):
                if one[0] > LIMIT_MS:
                    self._bench.said.append(f"{row}: {one[0]:.0f} ms: {one[1]}")
        else:
            began_s = time.perf_counter()
            with Watch(server) as watch:
                yield
                took_s = time.perf_counter() - began_s
                await asyncio.sleep(SETTLE_S)
            note(row, "ms", server.column, watch.worst_ms)
            note(f"{row}: {WORKED}", "ms", server.column, watch.worked_ms)
            note(f"{row}: took", "ms", server.column, took_s * 1e3)
            said = f"others waited {watch.worst_ms:.0f} ms ({watch.worked_ms:.0f} ms of it the server worked); it took {took_s:.1f} s"
        print(f"  round {self._number}, {server.column}: {row}: {said}", file=sys.stderr, flush=True)


def _wait_until_written(file: Path, before_ns: int) -> None:
    until_s = time.perf_counter() + ONE_S
    while file.stat().st_mtime_ns == before_ns and time.perf_counter() < until_s:
        time.sleep(0.05)


def _longest(noted: list[dict[str, Any]]) -> tuple[float, str]:
    if not noted:
        return 0.0, ""
    return noted[0]["cpu_ms"], " | ".join([noted[0]["what"], *noted[0]["where"]])[:600]


def _as_sent(data: bytes) -> list[bytes]:
    """Return a notebook as JupyterLab sends it: dense, and trusted, for it ran there; then changed a little, twice."""
    notebook = json.loads(data)
    for cell in notebook["cells"]:
        cell["metadata"] = {"trusted": True}
    sent = [_dense(notebook)]
    notebook["cells"][0]["source"] = "changed"
    sent.append(_dense(notebook))
    notebook["cells"][1]["source"] = "changed, too"
    notebook["cells"][5]["outputs"] = []
    return [*sent, _dense(notebook)]


def _dense(notebook: Any) -> bytes:
    model = {"type": "notebook", "format": "json", "content": notebook}
    return json.dumps(model, ensure_ascii=False, separators=(",", ":")).encode()

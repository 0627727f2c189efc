"""Runs over plain HTTP: submitted once for their id, and followed by number, for as long as the kernel is known.

Nothing of a run is kept here but where its kernel's journal stood when it was
asked for: what became of it is read from that journal, so it does not matter
whether this server, or another life of it, took the request. Rules JR1 to JR7:
docs/specs/jupyter-api.md.
"""

import asyncio
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

import msgspec

from carnet.core.session.intents import AnswerInput, Intent, RunCells, RunRequest
from carnet.core.wire.host import KernelDied, KernelInfo, Record, RunDropped, RunEnded
from carnet.errors import KernelError, NotFound, PeerError, TooMuch
from carnet.ids import BatchId, CellId, ClientId, KernelId, RunId, new_id
from carnet.kernels.client import HostClient, RunSubmission
from carnet.kernels.messages import host_event
from carnet.server.workbench import Workbench

KNOWN_RUNS: Final = 1000
"""Of each kernel, the newest so many can be asked for."""

WAITING_RUNS: Final = 10_000
"""So many runs may wait for a kernel."""

Status = Literal["ok", "error", "aborted"]


class Progress:
    """What became of one run so far, in the form of a notebook's cell."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.outputs: list[dict[str, Any]] = []
        self.execution_count: int | None = None
        self.status: Status | None = None
        """How it ended; None: it has not."""
        self.input_request: Record | None = None
        """It waits for a line."""
        self._replied: Status | None = None
        self._idle = False
        self._clear = False

    def take(self, record: Record) -> bool:
        """Read one record; return whether it is of this run."""
        if record.channel == "host":
            return self._event(record)
        if record.parent_id != self.run_id:
            return False
        content = msgspec.json.decode(record.content, type=dict[str, Any])
        if record.msg_type == "input_request":
            self.input_request = record
            return True
        self.input_request = None
        match record.msg_type:
            case "status":
                self._idle = content.get("execution_state") == "idle"
            case "execute_input":
                self.execution_count = content.get("execution_count")
            case "execute_reply":
                status = content.get("status")
                self._replied = "ok" if status == "ok" else "error" if status == "error" else "aborted"
                self.execution_count = content.get("execution_count", self.execution_count)
            case "clear_output":
                self._clear = True
                if not content.get("wait"):
                    self._make_room()
            case "stream" | "display_data" | "execute_result" | "error":
                self._make_room()
                self._output(record.msg_type, content)
            case _:
                pass
        if self._replied is not None and self._idle:
            self.status = self._replied
        return True

    def _event(self, record: Record) -> bool:
        match host_event(record):
            case RunDropped(run_id=run_id) if run_id == self.run_id:
                self.status = "aborted"
            case RunEnded(run_id=run_id) if run_id == self.run_id:
                self.status = self._replied or "aborted"
            case KernelDied(obituary=obituary) if obituary.run_id == self.run_id:
                self.status = "error"
                text = f"The kernel died: {obituary.signal_name or obituary.exit_code}"
                self._output("error", {"ename": "KernelDied", "evalue": text, "traceback": []})
            case _:
                return False
        return True

    def _make_room(self) -> None:
        if self._clear:
            self._clear = False
            self.outputs.clear()

    def _output(self, kind: str, content: dict[str, Any]) -> None:
        last = self.outputs[-1] if self.outputs else None
        if kind == "stream":
            if last is not None and last["output_type"] == "stream" and last["name"] == content.get("name"):
                last["text"] += content.get("text", "")
            else:
                self.outputs.append(
                    {"output_type": kind, "name": content.get("name"), "text": content.get("text", "")}
                )
            return
        keys = {
            "error": ("ename", "evalue", "traceback"),
            "display_data": ("data", "metadata"),
            "execute_result": ("data", "metadata", "execution_count"),
        }[kind]
        self.outputs.append({"output_type": kind, **{key: content.get(key) for key in keys}})


class SourceDiffers(Exception):
    """A cell's source is not what its client took it for."""

    def __init__(self, cell_id: str) -> None:
        super().__init__(cell_id)
        self.cell_id = cell_id


def murmur2(data: bytes) -> str:
    """Return MurmurHash2 of bytes with seed 0, in digits: what jupyter_server_documents calls a `source_hash`."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = len(data) & mask
    whole = len(data) & ~3
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = h * m & mask ^ k
    if rest := data[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return str(h ^ h >> 15)


class PlainRuns:
    """The runs of one kernel."""

    def __init__(self, bench: Workbench, kernel: KernelInfo) -> None:
        self._bench = bench
        self._kernel = kernel

    async def submit(self, code: str | None, cell_id: str, request_id: str, *, by: str) -> str:
        """Submit code, or a cell of the kernel's notebook; return the run's id. A known id is that run (JR1).

        Raises:
            PeerError: there is neither code nor such a cell.
            TooMuch: so many wait for this kernel already.
            KernelError: it was refused.
        """
        run_id = RunId(request_id or new_id())
        known = self._known()
        if run_id in known:
            return run_id
        self._check_room(1)
        session = self._bench.registry.bound_to(self._kernel.kernel_id)
        cell = session.state.cells.get(CellId(cell_id)) if session is not None and cell_id else None
        if code is None and cell is None:
            raise PeerError("code, or the cell_id of a cell of this kernel's notebook, is wanted.")
        self._remember({**known, run_id: self._kernel.last_number})
        if session is not None and cell is not None and code in {None, cell.cell.source}:
            runs = (RunRequest(run_id=run_id, cell_id=CellId(cell_id)),)
            body = RunCells(batch_id=BatchId(run_id), runs=runs)
            intent = Intent(client_id=ClientId(f"api-{new_id()}"), number=1, by=by, body=body)
            answer = await session.receive(intent)
            if answer.refusal is not None:
                raise KernelError(answer.message)
        else:
            run = RunSubmission(run_id, BatchId(run_id), code or "", cell_id)
            await (await self._bench.connected_host()).submit(self._kernel.kernel_id, [run])
        return run_id

    async def submit_cells(
        self, document_id: str, cells: Sequence[tuple[str, str]], request_id: str, after: str, *, by: str
    ) -> None:
        """Submit cells of this kernel's notebook as one batch, each with the hash of the source that the client has.

        All of them or none. `after` is another request that must be in the queue before this one (JR7).

        Raises:
            PeerError: it is not this kernel's notebook, or has no such cell.
            SourceDiffers: a cell's source is another one by now.
            TimeoutError: `after` did not come.
            TooMuch: so many wait for this kernel already.
            KernelError: it was refused.
        """
        if after:
            await self._bench.batches.wait(after)
        session = self._bench.registry.bound_to(self._kernel.kernel_id)
        if session is None or document_id.rpartition(":")[2] != session.state.journal_id:
            raise PeerError(f"document_id: kernel {self._kernel.kernel_id} does not run {document_id}.")
        name = request_id or new_id()
        runs: list[RunRequest] = []
        for number, (cell_id, source_hash) in enumerate(cells):
            cell = session.state.cells.get(CellId(cell_id))
            if cell is None or cell.cell.kind != "code":
                raise PeerError(f"cells: the notebook has no code cell {cell_id}.")
            if murmur2(cell.cell.source.encode("utf-8", "surrogatepass")) != source_hash:
                raise SourceDiffers(cell_id)
            runs.append(RunRequest(run_id=RunId(f"{name}-{number}"), cell_id=CellId(cell_id)))
        known = self._known()
        if runs[0].run_id not in known:
            self._check_room(len(runs))
            self._remember({**known, **{run.run_id: self._kernel.last_number for run in runs}})
            body = RunCells(batch_id=BatchId(name), runs=tuple(runs))
            intent = Intent(client_id=ClientId(f"api-{new_id()}"), number=1, by=by, body=body)
            answer = await session.receive(intent)
            if answer.refusal is not None:
                raise KernelError(answer.message)
        self._bench.batches.came(name)

    async def progress(self, run_id: str) -> Progress:
        """Return what became of a run until now.

        Raises:
            NotFound: this kernel knows no such run.
        """
        progress, began = Progress(run_id), self._began(run_id)
        if began >= self._kernel.last_number:
            return progress  # nothing was said since
        async with self._records(began) as batches:
            async for batch in batches:
                for record in batch:
                    progress.take(record)
                if progress.status is not None or batch[-1].number >= self._kernel.last_number:
                    break
        return progress

    async def follow(self, run_id: str, after: int) -> AsyncGenerator[bytes, None]:
        """Give each thing that is said of a run after a number, as a line of JSON, until it is over.

        Raises:
            NotFound: this kernel knows no such run.
        """
        progress = Progress(run_id)
        async with self._records(self._began(run_id)) as batches:
            async for batch in batches:
                lines = [_line(record) for record in batch if progress.take(record) and record.number > after]
                if lines:
                    yield b"".join(lines)
                if progress.status is not None:
                    end = {"number": batch[-1].number, "type": "end", "content": {"status": progress.status}}
                    yield msgspec.json.encode(end) + b"\n"
                    return

    async def answer(self, value: str) -> None:
        """Give the running run the line it waits for.

        Raises:
            KernelError: nothing waits for one.
        """
        running = self._kernel.running
        if running is None:
            raise KernelError("No run of this kernel waits for a line.")
        session = self._bench.registry.bound_to(self._kernel.kernel_id)
        if session is not None and any(run.id == running for run in session.state.runs):
            body = AnswerInput(run_id=running, value=value)
            intent = Intent(client_id=ClientId(f"api-{new_id()}"), number=1, by="", body=body)
            given = await session.receive(intent)
            if given.refusal is not None:
                raise KernelError(given.message)
            return
        request = (await self.progress(running)).input_request
        if request is None:
            raise KernelError("No run of this kernel waits for a line.")
        content = msgspec.json.encode({"value": value, "status": "ok"})
        host = await self._bench.connected_host()
        await host.send(
            self._kernel.kernel_id, "stdin", "input_reply", new_id(), content, parent_header=request.header
        )

    async def cancel(self, run_id: str) -> None:
        """Take a run back: dropped while it waits, interrupted when it runs.

        Raises:
            NotFound: this kernel knows no such run.
        """
        self._began(run_id)
        host = await self._bench.connected_host()
        if self._kernel.running == run_id:
            await host.interrupt(self._kernel.kernel_id)
        else:
            await host.cancel(self._kernel.kernel_id, [RunId(run_id)])

    # ---- inside

    def _check_room(self, more: int) -> None:
        if len(self._kernel.queued) + more > WAITING_RUNS:
            raise TooMuch(
                f"{len(self._kernel.queued)} runs wait for kernel {self._kernel.kernel_id}; at most {WAITING_RUNS} may. "
                "Wait for some, or take some back."
            )

    @asynccontextmanager
    async def _records(self, after: int) -> AsyncIterator[AsyncIterator[list[Record]]]:
        """Give the kernel's records after a number, on a connection of their own: as slowly as they are taken."""
        client = HostClient(self._bench.host_folder, spawn=False)
        queue: asyncio.Queue[list[Record]] = asyncio.Queue()

        async def batches() -> AsyncIterator[list[Record]]:
            while True:
                batch = await queue.get()
                yield batch
                client.acknowledge(self._kernel.kernel_id, batch[-1].number)

        try:
            await client.connect()
            await client.read(self._kernel.kernel_id, after, queue.put_nowait)
            yield batches()
        finally:
            await client.close()

    def _began(self, run_id: str) -> int:
        known = self._known()
        if run_id not in known:
            raise NotFound(f"Kernel {self._kernel.kernel_id} knows no request {run_id}.")
        return known[run_id]

    def _known(self) -> dict[str, int]:
        stored = self._bench.journal.get_value(_key(self._kernel.kernel_id))
        return {} if stored is None else msgspec.json.decode(stored, type=dict[str, int])

    def _remember(self, runs: dict[str, int]) -> None:
        newest = dict(list(runs.items())[-KNOWN_RUNS:])
        self._bench.journal.put_value(_key(self._kernel.kernel_id), msgspec.json.encode(newest))


def _line(record: Record) -> bytes:
    said = {"number": record.number, "type": record.msg_type, "content": msgspec.Raw(record.content)}
    return msgspec.json.encode(said) + b"\n"


def _key(kernel_id: KernelId) -> str:
    return f"api.runs.{kernel_id}"

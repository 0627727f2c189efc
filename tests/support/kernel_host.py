"""Real kernel hosts and kernels for tests: start, run, watch what is said."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from carnet.core.wire.host import HostEvent, Record
from carnet.ids import BatchId, KernelId, RunId, new_id
from carnet.kernels.client import HostClient, RunSubmission
from carnet.kernels.messages import host_event

PATIENCE_S = 40.0
"""A fault, not a measure: nothing here takes so long on any machine."""


class HostProcess:
    """`python -m carnet.kernelhost`, as a child of the test."""

    def __init__(self, folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        listens, ready = os.pipe()
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "carnet.kernelhost",
                "--folder",
                str(folder),
                "--ready-fd",
                str(ready),
                *arguments,
            ],
            pass_fds=(ready,),
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(Path("src").absolute()), **(env or {})},
            start_new_session=True,
        )
        os.close(ready)
        self.said_ready = os.read(listens, 1) == b"1"
        os.close(listens)

    def __enter__(self) -> "HostProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def end(self) -> int:
        """SIGTERM, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


class Watch:
    """Reads one kernel and lets a test wait for what is said."""

    def __init__(self, client: HostClient, kernel_id: KernelId, *, acknowledges: bool = True) -> None:
        self.client = client
        self.kernel_id = kernel_id
        self.records: list[Record] = []
        self.batches = 0
        self.acknowledges = acknowledges
        self._news = asyncio.Event()

    async def begin(self, after: int = 0) -> "Watch":
        """Read from here on."""
        await self.client.read(self.kernel_id, after, self.receive)
        return self

    def receive(self, records: list[Record]) -> None:
        self.records += records
        self.batches += 1
        if self.acknowledges:
            self.client.acknowledge(self.kernel_id, records[-1].number)
        self._news.set()

    async def until(self, wanted: Callable[[Record], bool]) -> Record:
        """Return the first record that is wanted, of those that came and that will come."""
        seen = 0
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for record in self.records[seen:]:
                        if wanted(record):
                            return record
                    seen = len(self.records)
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"it never came; what came last:\n{self.told()}") from None

    def told(self) -> str:
        """Return the last records, a line each, for people."""
        return "\n".join(
            f"{one.number} {one.channel} {one.msg_type} of {one.parent_id!r}: {one.content[:200]!r}"
            for one in self.records[-40:]
        )

    async def event(self, kind: type[HostEvent], run_id: str = "") -> HostEvent:
        """Return the first event of this kind (and of this run)."""

        def wanted(record: Record) -> bool:
            return (
                record.channel == "host"
                and isinstance(host_event(record), kind)
                and (not run_id or record.parent_id == run_id)
            )

        return host_event(await self.until(wanted))

    async def line(self, run_id: str) -> str:
        """Return what a run has printed, as soon as that ends with a line; a kernel may send a line in pieces."""

        def printed() -> str:
            return text_of([record for record in self.records if record.parent_id == run_id])

        await self.until(lambda record: record.parent_id == run_id and printed().endswith("\n"))
        return printed()

    async def over(self, run_id: str) -> list[Record]:
        """Wait for reply and idle of a run; return all that is its."""
        await self.until(lambda r: r.msg_type == "execute_reply" and r.parent_id == run_id)
        await self.until(lambda r: is_idle(r, run_id))
        return [record for record in self.records if record.parent_id == run_id]

    async def run(self, code: str) -> list[Record]:
        """Submit a run of its own batch; return all that is its when it is over."""
        run_id = new_id()
        await self.client.submit(self.kernel_id, [a_run(run_id, code)])
        return await self.over(run_id)

    def events(self) -> list[HostEvent]:
        """All host events so far."""
        return [host_event(record) for record in self.records if record.channel == "host"]


def a_run(run_id: str, code: str, batch: str = "", *, stop_on_error: bool = True) -> RunSubmission:
    """Return a run; its batch is its own if none is given."""
    return RunSubmission(RunId(run_id), BatchId(batch or run_id), code, "cell", stop_on_error=stop_on_error)


def is_idle(record: Record, run_id: str) -> bool:
    """Is this the idle status of this run?"""
    return record.msg_type == "status" and record.parent_id == run_id and b'"idle"' in record.content


def text_of(records: Sequence[Record]) -> str:
    """Return all stream text and the plain text of results."""
    found = ""
    for record in records:
        if record.channel == "iopub" and record.msg_type == "stream":
            found += msgspec.json.decode(record.content)["text"]
        elif record.channel == "iopub" and record.msg_type == "execute_result":
            found += msgspec.json.decode(record.content)["data"]["text/plain"]
    return found


def exists(pid: int) -> bool:
    """Is there such a process, other than a zombie?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False

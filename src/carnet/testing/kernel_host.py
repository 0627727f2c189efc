"""A kernel host without processes: a script says what its kernels say.

For tests of whoever uses a host. It keeps the contract that matters there: exactly
once by run id, records numbered without a gap, reading from any number.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from carnet.core.notebook.model import Json
from carnet.core.wire.host import (
    Channel,
    HostEvent,
    KernelInfo,
    Kernelspecs,
    KernelStarted,
    Record,
    RunSent,
)
from carnet.errors import NoSuchKernel
from carnet.ids import KernelId, RunId
from carnet.kernels.client import RunSubmission


class FakeKernel:
    """One kernel's journal, and what it was asked."""

    def __init__(self, kernel_id: KernelId, kernelspec: str) -> None:
        self.kernel_id = kernel_id
        self.kernelspec = kernelspec
        self.records: list[Record] = []
        self.runs: list[RunSubmission] = []
        self.sent: list[tuple[str, str, str, bytes]] = []
        self.buffers: dict[str, tuple[bytes, ...]] = {}
        """Of each message in `sent`, by its id."""
        self.readers: list[Callable[[list[Record]], None]] = []
        self.gone: Callable[[], None] | None = None
        self.acknowledged = 0
        self.elsewhere: list[RunId] = []
        """Requests of other programs that have no reply yet."""

    def say(
        self, channel: Channel, msg_type: str, content: Mapping[str, Json], *, parent_id: str = ""
    ) -> None:
        """Append one record and tell the readers."""
        self.say_raw(channel, msg_type, msgspec.json.encode(content), parent_id=parent_id)

    def say_raw(self, channel: Channel, msg_type: str, content: bytes, *, parent_id: str = "") -> None:
        """Append one record with content as bytes."""
        record = Record(
            number=len(self.records) + 1,
            at_ms=1_000 + len(self.records),
            channel=channel,
            msg_type=msg_type,
            parent_id=parent_id,
            header=msgspec.json.encode({"msg_id": f"m{len(self.records) + 1}", "msg_type": msg_type}),
            parent_header=b"{}",
            metadata=b"{}",
            content=content,
        )
        self.records.append(record)
        for receive in tuple(self.readers):
            receive([record])

    def event(self, event: HostEvent) -> None:
        """Append what the host says of this kernel."""
        self.say_raw("host", "host", msgspec.json.encode(event))

    def play(
        self, run: RunSubmission, outputs: Sequence[tuple[str, Mapping[str, Json]]] = (), *, count: int = 1
    ) -> None:
        """Say everything a kernel says of a run that ends well."""
        self.event(RunSent(run_id=run.run_id))
        self.say("iopub", "status", {"execution_state": "busy"}, parent_id=run.run_id)
        self.say("iopub", "execute_input", {"code": run.code, "execution_count": count}, parent_id=run.run_id)
        for msg_type, content in outputs:
            self.say("iopub", msg_type, content, parent_id=run.run_id)
        self.say("shell", "execute_reply", {"status": "ok", "execution_count": count}, parent_id=run.run_id)
        self.say("iopub", "status", {"execution_state": "idle"}, parent_id=run.run_id)


class FakeKernelHost:
    """A host whose kernels say what the test says."""

    def __init__(self) -> None:
        self.fakes: dict[KernelId, FakeKernel] = {}
        self.changed = asyncio.Event()
        """Set whenever something was asked; tests wait on it."""
        self.calls: list[tuple[object, ...]] = []
        """What was asked, in order: the method's name and its arguments."""

    def _called(self, *call: object) -> None:
        self.calls.append(call)
        self.changed.set()

    async def connect(self) -> None:
        """Always connected."""

    async def kernelspecs(self) -> Kernelspecs:
        return Kernelspecs(default="python3", kernelspecs={})

    async def kernels(self) -> list[KernelInfo]:
        return [_info(fake) for fake in self.fakes.values()]

    async def start(
        self,
        kernel_id: KernelId,
        *,
        kernelspec: str,
        cwd: str,
        env: dict[str, str] | None = None,
        label: str = "",
    ) -> KernelInfo:
        fake = self.fakes.get(kernel_id)
        if fake is None:
            fake = self.fakes[kernel_id] = FakeKernel(kernel_id, kernelspec or "python3")
            fake.event(KernelStarted(lineage=1, info={"language_info": {"name": "python"}}))
        self._called("start", kernel_id, kernelspec, cwd, dict(env or {}), label)
        return _info(fake)

    async def submit(self, kernel_id: KernelId, runs: Sequence[RunSubmission]) -> None:
        fake = self._fake(kernel_id)
        known = {run.run_id for run in fake.runs}
        fake.runs += [run for run in runs if run.run_id not in known]
        self._called("submit", kernel_id, tuple(run.run_id for run in runs))

    async def cancel(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        self._fake(kernel_id)
        self._called("cancel", kernel_id, tuple(run_ids))

    async def reorder(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        self._fake(kernel_id)
        self._called("reorder", kernel_id, tuple(run_ids))

    async def send(  # noqa: PLR0913 - as many as a message has parts
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control", "stdin"],
        msg_type: str,
        msg_id: str,
        content: bytes,
        *,
        parent_header: bytes = b"",
        buffers: Sequence[bytes] = (),
    ) -> None:
        fake = self._fake(kernel_id)
        fake.sent.append((channel, msg_type, msg_id, content))
        fake.buffers[msg_id] = tuple(buffers)
        self._called("send", kernel_id, channel, msg_type, msg_id, parent_header)

    async def send_raw(  # noqa: PLR0913 - as many as a message has parts
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control", "stdin"],
        msg_type: str,
        msg_id: str,
        *,
        header: bytes,
        parent_header: bytes,
        metadata: bytes,
        content: bytes,
    ) -> None:
        self._fake(kernel_id).sent.append((channel, msg_type, msg_id, content))
        self._called("send_raw", kernel_id, channel, msg_type, msg_id, header, parent_header, metadata)

    async def interrupt(self, kernel_id: KernelId) -> None:
        self._fake(kernel_id)
        self._called("interrupt", kernel_id)

    async def restart(self, kernel_id: KernelId, *, lineage: int = 0) -> None:
        self._fake(kernel_id)
        self._called("restart", kernel_id, lineage)

    async def shutdown(self, kernel_id: KernelId, *, now: bool = False) -> None:
        self._fake(kernel_id)
        del self.fakes[kernel_id]
        self._called("shutdown", kernel_id, now)

    async def read(
        self,
        kernel_id: KernelId,
        after: int,
        receive: Callable[[list[Record]], None],
        *,
        gone: Callable[[], None] | None = None,
    ) -> None:
        fake = self._fake(kernel_id)
        fake.gone = gone
        fake.readers.append(receive)
        if fake.records[after:]:
            receive(fake.records[after:])

    async def stop_reading(self, kernel_id: KernelId) -> None:
        fake = self.fakes.get(kernel_id)
        if fake is not None:
            fake.readers.clear()

    def acknowledge(self, kernel_id: KernelId, number: int) -> None:
        self._fake(kernel_id).acknowledged = number

    def _fake(self, kernel_id: KernelId) -> FakeKernel:
        try:
            return self.fakes[kernel_id]
        except KeyError:
            raise NoSuchKernel(f"There is no kernel {kernel_id}.") from None


def _info(fake: FakeKernel) -> KernelInfo:
    return KernelInfo(
        kernel_id=fake.kernel_id,
        kernelspec=fake.kernelspec,
        status="idle",
        pid=None,
        started_ms=0,
        label="",
        last_number=len(fake.records),
        elsewhere=tuple(fake.elsewhere),
    )

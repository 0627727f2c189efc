"""Talk to the kernel host: calls with typed answers, records by callback, over any number of reconnections.

A lost connection is normal (either side may be killed): the client connects
again by itself, starts a host where none lives, asks again what may be asked
twice, and reads on from the last record it delivered. It never touches ZeroMQ,
and runs no code. Rules HO70 to HO76: docs/specs/host.md.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from carnet import __version__, errors
from carnet.core.notebook.model import Json
from carnet.core.wire.framing import FrameBuffer, framed
from carnet.core.wire.host import (
    FROM_NOW,
    PROTOCOL,
    Acknowledge,
    AcknowledgeTerminal,
    CancelRuns,
    EndHost,
    EndTerminal,
    Failed,
    FromHost,
    Hello,
    HostInfo,
    InterruptKernel,
    KernelInfo,
    Kernelspecs,
    ListKernels,
    ListKernelspecs,
    ListTerminals,
    ReadKernel,
    ReadTerminal,
    Record,
    RedrawTerminal,
    ReorderRuns,
    ResizeTerminal,
    RestartKernel,
    Returned,
    SendMessage,
    ShutdownKernel,
    StartKernel,
    StartTerminal,
    StopReading,
    SubmitRun,
    TerminalEnded,
    TerminalInfo,
    TerminalReading,
    TerminalSaid,
    ToHost,
    WarmUp,
    WriteTerminal,
)
from carnet.errors import CarnetError, HostUnavailable, KernelError, NoSuchKernel, PeerError
from carnet.ids import BatchId, KernelId, RunId, new_id
from carnet.kernels.spawn import HostOptions, find, spawn

log = logging.getLogger("carnet.kernels")

HostState = Literal["connected", "lost"]

RECONNECT_FIRST_S = 0.02
RECONNECT_LONGEST_S = 1.0
START_TIMEOUT_S = 30.0

ACKNOWLEDGE_DELAY_S = 0.02
"""Acknowledgements of so long go together: each alone would cost two processes a wake."""
TAKEN_S = 0.1

#: May be asked twice with the same outcome, so a call that was under way when the connection was lost goes again.
REPEATABLE = (
    ListKernelspecs,
    ListKernels,
    StartKernel,
    WarmUp,
    SubmitRun,
    CancelRuns,
    ReorderRuns,
    ReadKernel,
    StopReading,
    ListTerminals,
    ResizeTerminal,
    WriteTerminal,
)

_decode = msgspec.msgpack.Decoder(FromHost).decode
_encode = msgspec.msgpack.Encoder().encode

T = TypeVar("T")


class RunSubmission(Struct, frozen=True):
    """One run to submit."""

    run_id: RunId
    batch_id: BatchId
    code: str
    cell_id: str
    stop_on_error: bool = True
    allow_stdin: bool = True


class _Call(Struct):
    """A call under way."""

    frame: ToHost
    answer: "asyncio.Future[msgspec.Raw]"


class _Reading(Struct):
    """One kernel we read."""

    delivered: int
    receive: Callable[[list[Record]], None]
    gone: Callable[[], None] | None
    reader: str = ""


class HostClient:
    """The host of one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        spawn: bool = True,
        on_state: Callable[[HostState], None] | None = None,
        idle_exit_s: float | None = None,
        spare: bool = True,
    ) -> None:
        """`spawn`: start a host where none runs. `on_state` hears of each connection that is made or lost.

        `idle_exit_s`: after how long without use a host that we start ends itself (None: its own default);
        `spare`: whether such a host keeps a warm kernel ready.
        """
        self.folder = folder.absolute()
        self.on_state = on_state
        self.on_terminal: Callable[[TerminalSaid | TerminalEnded], None] | None = None
        """Hears what terminals show that were asked for with `read_terminal`."""
        self.info: HostInfo | None = None
        """Who the host is; None while there is no connection."""
        self._spawns = spawn
        self._options = HostOptions(idle_exit_s, spare)
        self._calls: dict[int, _Call] = {}
        self._readings: dict[KernelId, _Reading] = {}
        self._unacknowledged: dict[KernelId, int] = {}
        """Acknowledgements that are not sent yet."""
        self._last_call = 0
        self._writer = new_id()
        """Whose numbers ours are, when we type into terminals."""
        self._wire: _Wire | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._one_connects = asyncio.Lock()
        self._closed = False

    # ---- life

    async def connect(self) -> None:
        """Connect to the host, starting one if need be.

        Raises:
            HostUnavailable: none can be reached or started.
            PeerError: it speaks another protocol; the sentence says what to do.
        """
        if self._wire is None:
            await self._connect()

    async def close(self) -> None:
        """Close the connection; the host and its kernels go on."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, CarnetError):
                await self._connecting
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._fail_calls(everything=True)

    # ---- calls, one per frame

    async def kernelspecs(self) -> Kernelspecs:
        """Return all installed kernelspecs."""
        return await self._value(ListKernelspecs(self._next()), Kernelspecs)

    async def kernels(self) -> list[KernelInfo]:
        """Return all kernels of the host, dead ones that were not shut down included."""
        return await self._value(ListKernels(self._next()), list[KernelInfo])

    async def start(
        self,
        kernel_id: KernelId,
        *,
        kernelspec: str = "",
        cwd: str,
        env: dict[str, str] | None = None,
        label: str = "",
        extra_arguments: tuple[str, ...] = (),
    ) -> KernelInfo:
        """Start a kernel, or return the one that has this id. KernelStarted or KernelDied is in its journal.

        Raises:
            NoSuchKernelspec: the sentence names those that exist.
        """
        frame = StartKernel(
            self._next(),
            kernel_id,
            kernelspec,
            cwd,
            env=env or {},
            extra_arguments=extra_arguments,
            label=label,
        )
        return await self._value(frame, KernelInfo)

    async def warm_up(self, kernelspec: str = "") -> None:
        """Have a spare kernel started, so that the next start is quick."""
        await self._call(WarmUp(self._next(), kernelspec))

    async def submit(self, kernel_id: KernelId, runs: Sequence[RunSubmission]) -> None:
        """Put runs at the end of the queue, in this order; known ids are ignored."""
        frames = [
            SubmitRun(
                self._next(),
                kernel_id,
                run.run_id,
                run.batch_id,
                run.code,
                run.cell_id,
                run.stop_on_error,
                run.allow_stdin,
            )
            for run in runs
        ]
        await self._calls_together(frames)

    async def cancel(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        """Drop runs that still wait."""
        await self._call(CancelRuns(self._next(), kernel_id, tuple(run_ids)))

    async def reorder(self, kernel_id: KernelId, run_ids: Sequence[RunId]) -> None:
        """Give the queued runs this order."""
        await self._call(ReorderRuns(self._next(), kernel_id, tuple(run_ids)))

    async def send(  # noqa: PLR0913 - as many as a message has parts
        self,
        kernel_id: KernelId,
        channel: Literal["shell", "control", "stdin"],
        msg_type: str,
        msg_id: str,
        content: bytes,
        *,
        parent_header: bytes = b"",
        metadata: dict[str, Json] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send one message outside the queue; what comes back is in the journal, with msg_id as parent_id."""
        frame = SendMessage(
            self._next(),
            kernel_id,
            channel,
            msg_type,
            msg_id,
            content,
            parent_header=parent_header,
            metadata=metadata or {},
            buffers=list(buffers),
        )
        await self._call(frame)

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
        buffers: Sequence[bytes] = (),
    ) -> None:
        """Send another program's message with its own header, as it is. An execute_request is sent once for its id.

        Raises:
            KernelError: the kernel is dead, or starts and too many wait for it already.
        """
        frame = SendMessage(
            self._next(),
            kernel_id,
            channel,
            msg_type,
            msg_id,
            content,
            parent_header=parent_header,
            buffers=list(buffers),
            raw_header=header,
            raw_metadata=metadata,
        )
        await self._call(frame)

    async def interrupt(self, kernel_id: KernelId) -> None:
        """Interrupt what runs, drop what waits."""
        await self._call(InterruptKernel(self._next(), kernel_id))

    async def restart(self, kernel_id: KernelId, *, lineage: int = 0) -> None:
        """Restart. Returns at once: KernelRestarting, KernelDied and KernelStarted follow in the journal.

        With a lineage: only while the kernel has it, so that asking twice restarts once.
        """
        await self._call(RestartKernel(self._next(), kernel_id, lineage))

    async def shutdown(self, kernel_id: KernelId, *, now: bool = False) -> None:
        """End the kernel and forget it. Returns when it is gone; its last record was delivered before."""
        await self._call(ShutdownKernel(self._next(), kernel_id, now))

    async def end(self) -> None:
        """Shut all kernels down and end the host. Returns when its connection is closed; no new host is started."""
        self._closed = True
        wire = self._wire
        await self._call(EndHost(self._next()))
        if wire is not None:
            await wire.lost

    # ---- terminals

    async def start_terminal(self, *, cwd: str, name: str = "") -> TerminalInfo:
        """Start a shell in a folder; one of this name that there is, is returned."""
        return await self._value(StartTerminal(self._next(), name, cwd), TerminalInfo)

    async def terminals(self) -> list[TerminalInfo]:
        """Return all terminals."""
        return await self._value(ListTerminals(self._next()), list[TerminalInfo])

    async def write_terminal(
        self,
        name: str,
        data: bytes,
        *,
        writer: str = "",
        number: int = 0,
        life: str = "",
        answer: bool = False,
    ) -> None:
        """Type, once, whatever happens to the connection. `writer` and `number`: as they came from somebody else.

        Raises:
            KernelError: there is no such terminal, or not of this life.
        """
        call = self._next()
        await self._call(
            WriteTerminal(call, name, data, writer or self._writer, number or call, life, answer)
        )

    async def resize_terminal(self, name: str, rows: int, columns: int) -> None:
        """Give it another size, in characters."""
        await self._call(ResizeTerminal(self._next(), name, rows, columns))

    async def redraw_terminal(self, name: str) -> None:
        """Have a full-screen program in it draw itself again."""
        await self._call(RedrawTerminal(self._next(), name))

    async def read_terminal(
        self, name: str, after: int = 0, *, life: str = "", window_bytes: int = 0
    ) -> TerminalReading:
        """Have `on_terminal` hear what it shows, from this offset where that is kept; return where it begins.

        `on_terminal` may hear of it before this returns. It must be acknowledged:
        only so much is sent ahead of that (half a MiB, if nothing else is said),
        then the shell waits. Not resumed by itself when the connection is lost.
        """
        return await self._value(ReadTerminal(self._next(), name, after, life, window_bytes), TerminalReading)

    def acknowledge_terminal(self, name: str, offset: int) -> None:
        """Say that all before this offset is here."""
        if self._wire is not None:
            self._wire.write(framed(_encode(AcknowledgeTerminal(0, name, offset))))

    async def end_terminal(self, name: str) -> None:
        """End it; returns when it is gone."""
        await self._call(EndTerminal(self._next(), name))

    # ---- reading

    async def read(
        self,
        kernel_id: KernelId,
        after: int,
        receive: Callable[[list[Record]], None],
        *,
        gone: Callable[[], None] | None = None,
        reader: str = "",
    ) -> None:
        """Deliver every record with number > after, in order, and go on as they come.

        With `after=FROM_NOW`: from where the `reader` of this name had acknowledged, if the host knows it; else
        what comes from now on.

        `receive` is called on the event loop with whole batches; it must not
        block. It must be answered by `acknowledge` sooner or later: about
        8 MiB are sent ahead of that, no more. One reading per kernel: another
        call replaces it. `gone` is called if, after a reconnection, the host
        does not know the kernel any more.

        Raises:
            NoSuchKernel: the host does not know it.
        """
        before = self._readings.get(kernel_id)
        reading = self._readings[kernel_id] = _Reading(after, receive, gone, reader)
        try:
            raw = await self._call(ReadKernel(self._next(), kernel_id, after, reader))
            if after == FROM_NOW:
                # Records may have come before this task had its turn.
                reading.delivered = max(reading.delivered, msgspec.msgpack.decode(raw, type=int))
        except CarnetError:
            if before is None:
                self._readings.pop(kernel_id, None)
            else:
                self._readings[kernel_id] = before
            raise

    def acknowledge(self, kernel_id: KernelId, number: int) -> None:
        """Say that all up to this number is safe with us; soon, since only the host's housekeeping waits for it.

        Of a reader with a name, at once: it begins there again, and should this process be killed, what
        was not said yet comes to it twice.
        """
        waiting = bool(self._unacknowledged)
        self._unacknowledged[kernel_id] = number
        reading = self._readings.get(kernel_id)
        if reading is not None and reading.reader:
            self._send_acknowledgements()
        elif not waiting:
            asyncio.get_running_loop().call_later(ACKNOWLEDGE_DELAY_S, self._send_acknowledgements)

    async def stop_reading(self, kernel_id: KernelId) -> None:
        """No more records of this kernel."""
        self._readings.pop(kernel_id, None)
        self._send_acknowledgements()  # the host must know how far this reader was before it stops
        await self._call(StopReading(self._next(), kernel_id))

    def _send_acknowledgements(self) -> None:
        frames = [Acknowledge(0, kernel_id, number) for kernel_id, number in self._unacknowledged.items()]
        self._unacknowledged.clear()
        if self._wire is not None and frames:
            self._wire.write(b"".join(framed(_encode(frame)) for frame in frames))

    # ---- inside: calls

    def _next(self) -> int:
        self._last_call += 1
        return self._last_call

    async def _value(self, frame: ToHost, kind: type[T]) -> T:
        raw = await self._call(frame)
        try:
            return msgspec.msgpack.decode(raw, type=kind)
        except msgspec.MsgspecError as error:
            raise PeerError(
                f"the kernel host answered {type(frame).__name__} with something else: {error}"
            ) from None

    async def _call(self, frame: ToHost) -> msgspec.Raw:
        return (await self._calls_together([frame]))[0]

    async def _calls_together(self, frames: Sequence[ToHost]) -> list[msgspec.Raw]:
        """Send frames in one write; return their answers, or raise the first error."""
        if not frames:
            return []
        wire = self._wire
        loop = asyncio.get_running_loop()
        if wire is None and (self._connecting is None or not all(isinstance(f, REPEATABLE) for f in frames)):
            raise HostUnavailable("there is no connection to the kernel host now; it is being looked for")
        answers = []
        for frame in frames:
            answer: asyncio.Future[msgspec.Raw] = loop.create_future()
            self._calls[frame.call] = _Call(frame, answer)
            answers.append(answer)
        if wire is not None:
            wire.write(b"".join(framed(_encode(frame)) for frame in frames))
        try:
            if len(answers) == 1:
                return [await answers[0]]
            await asyncio.wait(answers)
            return [answer.result() for answer in answers]
        finally:
            for frame in frames:
                self._calls.pop(frame.call, None)

    def _fail_calls(self, *, everything: bool) -> None:
        for call in list(self._calls.values()):
            if (everything or not isinstance(call.frame, REPEATABLE)) and not call.answer.done():
                call.answer.set_exception(
                    HostUnavailable(
                        "the connection to the kernel host was lost before it answered: look at the kernel, and try again"
                    )
                )

    # ---- inside: frames

    def _arrived(self, payload: bytes) -> None:
        match _decode(payload):
            case Returned(call=number, value=value):
                call = self._calls.get(number)
                if call is not None and not call.answer.done():
                    call.answer.set_result(value)
            case Failed(call=number) as failed:
                call = self._calls.get(number)
                if call is not None and not call.answer.done():
                    call.answer.set_exception(_error(failed))
            case TerminalSaid() | TerminalEnded() as terminal:
                if self.on_terminal is not None:
                    self.on_terminal(terminal)
            case said:
                reading = self._readings.get(said.kernel_id)
                if reading is not None and said.records:
                    self._deliver(said.kernel_id, reading, said.records)

    def _deliver(self, kernel_id: KernelId, reading: _Reading, records: list[Record]) -> None:
        if records[0].number <= reading.delivered:
            # Of a reading before this one, still on its way.
            records = [record for record in records if record.number > reading.delivered]
            if not records:
                return
        reading.delivered = records[-1].number
        try:
            reading.receive(records)
        except Exception:  # one kernel's fault must not stop the others' records
            log.exception("what kernel %s said could not be received", kernel_id)

    # ---- inside: connection

    async def _connect(self) -> None:
        """Try the host that stands in host.json; if there is none, start one, and try that.

        Who comes while somebody else is at it waits for that one's connection.
        """
        try:
            async with asyncio.timeout(START_TIMEOUT_S), self._one_connects:
                while self._wire is None and not await self._try():
                    pass
        except TimeoutError:
            raise HostUnavailable(
                f"the kernel host in {self.folder} cannot be reached: see {self.folder}/host.log"
            ) from None

    async def _try(self) -> bool:
        record = await asyncio.to_thread(find, self.folder)
        if record is not None:
            try:
                await self._open(record.socket)
            except OSError:
                pass  # what host.json names has ended
            else:
                return True
        if not self._spawns:
            raise HostUnavailable(f"no kernel host runs in {self.folder}")
        if not await spawn(self.folder, self._options, timeout_s=START_TIMEOUT_S):
            # Another host holds the folder, but did not listen yet, or is just ending.
            await asyncio.sleep(TAKEN_S)
        return False

    async def _open(self, path: str) -> None:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_unix_connection(lambda: _Wire(self._arrived, self._lost), path)
        hello = Hello(self._next(), PROTOCOL, __version__)
        answer: asyncio.Future[msgspec.Raw] = loop.create_future()
        self._calls[hello.call] = _Call(hello, answer)
        wire.write(framed(_encode(hello)))
        try:
            either: list[asyncio.Future[Any]] = [answer, wire.lost]  # Any: only whether one is done
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionResetError("the kernel host closed the connection")
            self.info = msgspec.msgpack.decode(answer.result(), type=HostInfo)
        except BaseException:
            wire.close()
            raise
        finally:
            self._calls.pop(hello.call, None)
        self._wire = wire
        self._resume(wire)
        self._tell("connected")

    def _resume(self, wire: "_Wire") -> None:
        """Ask again what was under way, and read on."""
        frames: list[ToHost] = [
            call.frame for call in self._calls.values() if not isinstance(call.frame, ReadKernel)
        ]
        asked = {call.frame.kernel_id for call in self._calls.values() if isinstance(call.frame, ReadKernel)}
        frames += [call.frame for call in self._calls.values() if isinstance(call.frame, ReadKernel)]
        loop = asyncio.get_running_loop()
        for kernel_id, reading in self._readings.items():
            if kernel_id not in asked:
                frame = ReadKernel(self._next(), kernel_id, reading.delivered, reading.reader)
                answer: asyncio.Future[msgspec.Raw] = loop.create_future()
                answer.add_done_callback(lambda done, k=kernel_id, n=frame.call: self._reread(done, k, n))  # type: ignore[misc]  # mypy knows no type of a lambda's default
                self._calls[frame.call] = _Call(frame, answer)
                frames.append(frame)
        if frames:
            wire.write(b"".join(framed(_encode(frame)) for frame in frames))

    def _reread(self, answer: "asyncio.Future[msgspec.Raw]", kernel_id: KernelId, call: int) -> None:
        self._calls.pop(call, None)
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, NoSuchKernel):
            reading = self._readings.pop(kernel_id, None)
            if reading is not None and reading.gone is not None:
                reading.gone()

    def _lost(self, wire: "_Wire") -> None:
        if wire is not self._wire:
            return
        self._wire = None
        self.info = None
        self._fail_calls(everything=self._closed)
        self._tell("lost")
        if not self._closed:
            log.info("the connection to the kernel host in %s was lost", self.folder)
            self._connecting = asyncio.get_running_loop().create_task(self._reconnect())

    async def _reconnect(self) -> None:
        delay_s = RECONNECT_FIRST_S
        while not self._closed:
            try:
                await self._connect()
            except (CarnetError, OSError) as error:
                log.warning("%s", error)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RECONNECT_LONGEST_S)
            else:
                self._connecting = None
                return

    def _tell(self, state: HostState) -> None:
        if self.on_state is not None:
            self.on_state(state)


class _Wire(asyncio.Protocol):
    """One connection: frames in, bytes out."""

    def __init__(self, arrived: Callable[[bytes], None], lost: Callable[["_Wire"], None]) -> None:
        self._arrived = arrived
        self._told = lost
        self._frames = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases

    def data_received(self, data: bytes) -> None:
        try:
            for payload in self._frames.feed(data):
                self._arrived(payload)
        except (PeerError, msgspec.MsgspecError) as error:
            log.warning("the kernel host broke the protocol: %s", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # why does not matter: we connect again
        self._transport = None
        if not self.lost.done():
            self.lost.set_result(None)
        self._told(self)

    def write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _error(failed: Failed) -> CarnetError:
    """Return the error that the host named; one we cannot make is a KernelError with its sentence."""
    kind = getattr(errors, failed.error, None)
    if isinstance(kind, type) and issubclass(kind, CarnetError) and kind.__init__ is CarnetError.__init__:
        return kind(failed.message)
    return KernelError(failed.message)

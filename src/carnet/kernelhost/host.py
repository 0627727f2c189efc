"""The kernel host: its kernels, its connections, its spare, and when it ends.

Frames come from `connection.py`; each is acted on here or by one kernel. Rules:
docs/specs/host.md.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import assert_never

import msgspec
import zmq

from carnet import __version__
from carnet.clock import Clock
from carnet.core.wire.host import (
    FROM_NOW,
    PROTOCOL,
    Acknowledge,
    AcknowledgeTerminal,
    CancelRuns,
    EndHost,
    EndTerminal,
    Hello,
    HostInfo,
    HostRecord,
    InterruptKernel,
    KernelspecModel,
    ListKernels,
    ListKernelspecs,
    ListTerminals,
    ReadKernel,
    ReadTerminal,
    RedrawTerminal,
    ReorderRuns,
    ResizeTerminal,
    RestartKernel,
    SendMessage,
    ShutdownKernel,
    StartKernel,
    StartTerminal,
    StopReading,
    SubmitRun,
    TerminalCall,
    ToHost,
    WarmUp,
    WriteTerminal,
)
from carnet.errors import CarnetError, KernelStartFailed, NoSuchKernel, NoSuchKernelspec
from carnet.ids import KernelId
from carnet.kernelhost import process
from carnet.kernelhost.connection import Connection, JournalReader
from carnet.kernelhost.folder import FolderLock, private_folder, run_folder, write_host_record, write_private
from carnet.kernelhost.incarnation import Incarnation, Services, Timing
from carnet.kernelhost.kernel import HostedKernel, KernelRecord, check_kernel_id, existing_folder, load_record
from carnet.kernelhost.launch import Launcher
from carnet.kernelhost.process import ProcessMark
from carnet.kernelhost.queue import Run
from carnet.kernelhost.spare import can_be_spare, can_take_spare
from carnet.kernelhost.terminals import Terminals

log = logging.getLogger("carnet.kernelhost")


class KernelHost:
    """One host, in one folder."""

    def __init__(self, folder: Path, *, clock: Clock, timing: Timing, spare: bool = True) -> None:
        """Take the folder. `spare`: keep a warm kernel ready.

        Raises:
            HostIsRunning: another host has it.
            HostUnavailable: it is not ours alone.
        """
        self.folder = private_folder(folder.absolute())
        self.timing = timing
        self.clock = clock
        self.ended = asyncio.get_running_loop().create_future()
        """Set when the host has nothing more to do."""
        self._lock = FolderLock(self.folder)
        self._started_ms = clock.now_ms()
        self._launcher = Launcher()
        self._services = Services(
            launcher=self._launcher,
            context=zmq.Context(),
            clock=clock,
            folder=self.folder,
            run_folder=run_folder(self.folder),
            timing=timing,
        )
        private_folder(self.folder / "kernels")
        self._kernels: dict[KernelId, HostedKernel] = {}
        self._starting: dict[KernelId, asyncio.Future[None]] = {}
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._terminals = Terminals(clock, self._consider_idle)
        self._wants_spare = spare
        self._spare: Incarnation | None = None
        self._spare_spec: KernelspecModel | None = None
        self._spare_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._ending = False

    # ---- life

    async def begin(self) -> None:
        """Adopt what still lives, then listen."""
        self._end_old_spare()
        await self._adopt()
        path = self._services.run_folder / "host.sock"
        path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: Connection(self), path=str(path), backlog=64)
        path.chmod(0o600)
        write_host_record(
            self.folder, HostRecord(os.getpid(), __version__, PROTOCOL, str(path), self._started_ms)
        )
        log.info(
            "kernel host %d listens in %s, %d kernels adopted", os.getpid(), self.folder, len(self._kernels)
        )
        self._consider_idle()

    async def end(self) -> None:
        """Shut all kernels down, close everything."""
        if self._ending:
            return
        self._ending = True
        if self._spare_timer is not None:
            self._spare_timer.cancel()
        stopping = [kernel.shut_down(now=False) for kernel in self._kernels.values()]
        stopping.append(self._terminals.stop())
        if self._spare is not None:
            self._spare.kill()
            stopping.append(self._wait_for(self._spare))
        await asyncio.gather(*stopping)
        for connection in self._connections:
            for reader in connection.readers.values():
                reader.finish()
            connection.readers.clear()
        for kernel in self._kernels.values():
            kernel.forget()
        self._kernels.clear()
        for connection in tuple(self._connections):
            connection.close()
        if self._server is not None:
            self._server.close()
        self._launcher.stop()
        for name in ("host.json", "spare.json"):
            (self.folder / name).unlink(missing_ok=True)
        (self._services.run_folder / "host.sock").unlink(missing_ok=True)
        if self._services.run_folder.parent != self.folder:
            with contextlib.suppress(OSError):
                self._services.run_folder.rmdir()
        self._services.context.term()
        self._lock.release()
        log.info("kernel host %d ends", os.getpid())
        if not self.ended.done():
            self.ended.set_result(None)

    # ---- connections

    def joined(self, connection: Connection) -> None:
        self._connections.add(connection)
        self._consider_idle()

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._terminals.left(connection)
        self._consider_idle()

    def handle(self, connection: Connection, frame: ToHost) -> None:
        """Act on a frame; every call is answered once."""
        match frame:
            case Hello():
                connection.answer(frame.call, HostInfo(PROTOCOL, __version__, os.getpid(), self._started_ms))
            case ListKernelspecs():
                self._later(connection, frame.call, self._launcher.kernelspecs())
            case ListKernels():
                connection.answer(frame.call, [kernel.info() for kernel in self._kernels.values()])
            case StartKernel():
                self._start(connection, frame)
            case WarmUp():
                self._later(connection, frame.call, self._warm_up(frame.kernelspec))
            case SubmitRun():
                run = Run(
                    frame.run_id,
                    frame.batch_id,
                    frame.code,
                    frame.cell_id,
                    frame.stop_on_error,
                    frame.allow_stdin,
                )
                self._with_kernel(connection, frame, lambda kernel: kernel.submit(run))
            case CancelRuns():
                run_ids = frame.run_ids
                self._with_kernel(connection, frame, lambda kernel: kernel.cancel(run_ids))
            case ReorderRuns():
                order = frame.run_ids
                self._with_kernel(connection, frame, lambda kernel: kernel.reorder(order))
            case SendMessage():
                message = frame
                self._with_kernel(connection, frame, lambda kernel: kernel.send_message(message))
            case InterruptKernel():
                self._later(connection, frame.call, self._kernel(frame.kernel_id).interrupt())
            case RestartKernel():
                self._later(
                    connection, frame.call, self._restart(self._kernel(frame.kernel_id), frame.lineage)
                )
            case ShutdownKernel():
                self._later(
                    connection, frame.call, self._shut_down(self._kernel(frame.kernel_id), now=frame.now)
                )
            case ReadKernel():
                reading = frame
                self._with_kernel(connection, frame, lambda kernel: self._read(connection, kernel, reading))
            case StopReading():
                reader = connection.readers.pop(frame.kernel_id, None)
                if reader is not None:
                    reader.stop()
                connection.answer(frame.call)
            case Acknowledge():
                reader = connection.readers.get(frame.kernel_id)
                if reader is not None:
                    reader.acknowledge(frame.number)
            case (
                StartTerminal()
                | ListTerminals()
                | WriteTerminal()
                | ResizeTerminal()
                | RedrawTerminal()
                | ReadTerminal()
                | AcknowledgeTerminal()
                | EndTerminal()
            ):
                self._handle_terminal(connection, frame)
            case EndHost():
                self._later(connection, frame.call, self.end(), answer_first=True)
            case _:
                assert_never(frame)

    def _handle_terminal(self, connection: Connection, frame: TerminalCall) -> None:
        match frame:
            case StartTerminal():
                connection.answer(frame.call, self._terminals.start(frame))
            case ListTerminals():
                connection.answer(frame.call, self._terminals.infos())
            case WriteTerminal():
                self._terminals.find_to_write(frame.name, frame.life).write(frame)
                connection.answer(frame.call)
            case ResizeTerminal():
                self._terminals.find(frame.name).resize(frame.rows, frame.columns)
                connection.answer(frame.call)
            case RedrawTerminal():
                self._terminals.find(frame.name).redraw()
                connection.answer(frame.call)
            case ReadTerminal():
                self._terminals.read(connection, frame)
            case AcknowledgeTerminal():
                self._terminals.acknowledge(connection, frame)
            case EndTerminal():
                self._later(connection, frame.call, self._terminals.find(frame.name).stop())
            case _:
                assert_never(frame)

    # ---- calls

    def _start(self, connection: Connection, frame: StartKernel) -> None:
        check_kernel_id(frame.kernel_id)
        known = self._kernels.get(frame.kernel_id)
        if known is not None:
            connection.answer(frame.call, known.info())
            return
        pending = self._starting.get(frame.kernel_id)
        if pending is None:
            pending = self._starting[frame.kernel_id] = asyncio.get_running_loop().create_future()
            pending.add_done_callback(_seen)
            self._spawn(self._begin_kernel(frame, pending))
        self._spawn(self._answer_start(connection, frame, pending))

    async def _begin_kernel(self, frame: StartKernel, pending: "asyncio.Future[None]") -> None:
        try:
            spec = await self._launcher.kernelspec(frame.kernelspec)
            record = KernelRecord(
                kernel_id=frame.kernel_id,
                kernelspec=spec.name,
                cwd=existing_folder(frame.cwd),
                env=frame.env,
                extra_arguments=frame.extra_arguments,
                label=frame.label,
                started_ms=self.clock.now_ms(),
                language=spec.language,
                display_name=spec.display_name,
            )
            kernel = HostedKernel(self._services, self, record)
            self._kernels[frame.kernel_id] = kernel
            kernel.start(spec)
            self._consider_idle()
            pending.set_result(None)
        except (CarnetError, OSError) as error:
            pending.set_exception(error)
        finally:
            del self._starting[frame.kernel_id]

    async def _answer_start(
        self, connection: Connection, frame: StartKernel, pending: "asyncio.Future[None]"
    ) -> None:
        try:
            await asyncio.shield(pending)
        except (CarnetError, OSError) as error:
            connection.fail(frame.call, error)
        else:
            connection.answer(frame.call, self._kernel(frame.kernel_id).info())

    async def _restart(self, kernel: HostedKernel, lineage: int) -> None:
        kernel.restart(await self._launcher.kernelspec(kernel.record.kernelspec), lineage)

    async def _shut_down(self, kernel: HostedKernel, *, now: bool) -> None:
        await kernel.shut_down(now=now)
        if self._kernels.pop(kernel.record.kernel_id, None) is not None:
            for connection in self._connections:
                reader = connection.readers.pop(kernel.record.kernel_id, None)
                if reader is not None:
                    reader.finish()
            kernel.forget()
        self._consider_idle()

    def _read(self, connection: Connection, kernel: HostedKernel, frame: ReadKernel) -> int:
        before = connection.readers.get(frame.kernel_id)
        if before is not None:
            before.stop()
        after = kernel.begin_reader(frame.reader) if frame.after == FROM_NOW else frame.after
        connection.readers[frame.kernel_id] = JournalReader(connection, kernel, after, name=frame.reader)
        return after

    def _kernel(self, kernel_id: KernelId) -> HostedKernel:
        try:
            return self._kernels[kernel_id]
        except KeyError:
            raise NoSuchKernel(
                f"kernel {kernel_id} is not known here: it was ended, or never started"
            ) from None

    def _with_kernel(
        self,
        connection: Connection,
        frame: SubmitRun | CancelRuns | ReorderRuns | SendMessage | ReadKernel,
        act: Callable[[HostedKernel], int | None],
    ) -> None:
        """Act on a kernel and answer with what comes of it; wait for a start that is under way (in the order the frames came)."""
        pending = self._starting.get(frame.kernel_id)
        if pending is None:
            connection.answer(frame.call, act(self._kernel(frame.kernel_id)))
        else:
            self._later(connection, frame.call, self._after_start(frame.kernel_id, pending, act))

    async def _after_start(
        self,
        kernel_id: KernelId,
        pending: "asyncio.Future[None]",
        act: Callable[[HostedKernel], int | None],
    ) -> int | None:
        with contextlib.suppress(CarnetError, OSError):
            await asyncio.shield(pending)
        return act(self._kernel(kernel_id))

    def _later(
        self,
        connection: Connection,
        call: int,
        work: Coroutine[object, object, object],
        *,
        answer_first: bool = False,
    ) -> None:
        async def answered() -> None:
            if answer_first:
                connection.answer(call)
            try:
                value = await work
            except (CarnetError, OSError) as error:
                connection.fail(call, error)
            else:
                if not answer_first:
                    connection.answer(call, value)

        self._spawn(answered())

    # ---- the spare

    def take_spare(
        self, spec: KernelspecModel, env: dict[str, str], extra_arguments: tuple[str, ...]
    ) -> Incarnation | None:
        spare = self._spare
        if (
            spare is None
            or spec != self._spare_spec
            or spare.ended.done()
            or not can_take_spare(env, extra_arguments)
        ):
            return None
        self._spare = None
        (self.folder / "spare.json").unlink(missing_ok=True)
        return spare

    def kernel_ready(self, spec: KernelspecModel) -> None:
        wanted = self._wants_spare and not self._ending and can_be_spare(spec)
        if wanted and self._spare is None and self._spare_timer is None:
            loop = asyncio.get_running_loop()
            self._spare_timer = loop.call_later(
                self.timing.spare_delay_s, lambda: self._spawn(self._start_spare(spec))
            )

    def kernel_ended(self) -> None:
        self._consider_idle()

    async def _warm_up(self, name: str) -> None:
        spec = await self._launcher.kernelspec(name)
        if self._wants_spare and can_be_spare(spec) and (self._spare is None or self._spare_spec != spec):
            self._spawn(self._start_spare(spec))

    async def _start_spare(self, spec: KernelspecModel) -> None:
        self._spare_timer = None
        if self._ending or (self._spare is not None and self._spare_spec == spec):
            return
        if self._spare is not None:
            self._spare.kill()
        spare = self._spare = Incarnation(self._services)
        self._spare_spec = spec
        try:
            await spare.start(spec, cwd=str(self._services.run_folder), env={})
            if spare.mark is not None and self._spare is spare:
                write_private(self.folder / "spare.json", msgspec.json.encode(spare.mark))
            await spare.ready
        except KernelStartFailed as error:
            log.warning("no spare kernel of %s: %s", spec.name, error)
        else:
            log.info("a spare kernel of %s is warm", spec.name)
        if not spare.ended.done():
            await asyncio.wait({spare.ended})
        if self._spare is spare:
            self._spare = None

    def _end_old_spare(self) -> None:
        """A spare of a host before us belongs to nobody."""
        path = self.folder / "spare.json"
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            mark = msgspec.json.decode(path.read_bytes(), type=ProcessMark)
            if process.is_alive(mark):
                process.kill_left_behind(mark.pid, "")
            path.unlink()

    # ---- inside

    async def _adopt(self) -> None:
        for folder in sorted((self.folder / "kernels").glob("*")):
            record = load_record(folder)
            if record is None:
                continue
            spec = None
            if record.token:
                with contextlib.suppress(NoSuchKernelspec):
                    spec = await self._launcher.kernelspec(record.kernelspec)
            kernel = HostedKernel(self._services, self, record)
            self._kernels[record.kernel_id] = kernel
            kernel.adopt(spec)

    def _consider_idle(self) -> None:
        """End after a while without kernels that live and without connections (HO8)."""
        living = self._terminals.any or any(kernel.status != "dead" for kernel in self._kernels.values())
        idle = not living and not self._connections and not self._starting and not self._ending
        if not idle and self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        elif idle and self._idle_timer is None:
            loop = asyncio.get_running_loop()
            self._idle_timer = loop.call_later(self.timing.idle_exit_s, lambda: self._spawn(self.end()))

    async def _wait_for(self, spare: Incarnation) -> None:
        await asyncio.wait({spare.ended})

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _seen(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()

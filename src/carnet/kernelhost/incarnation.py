"""One kernel process from start to end: launched, spare, or adopted from a host before us.

It knows when the process is ready, how it ended, and hands on what it says. Of
runs, journals and readers it knows nothing: `kernel.py` does. Rules HO30 to
HO46: docs/specs/host.md.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import zmq
from msgspec import Struct

from carnet.clock import Clock
from carnet.core.notebook.model import Json
from carnet.core.wire.host import KernelspecModel
from carnet.errors import KernelStartFailed
from carnet.ids import new_id
from carnet.kernelhost import process
from carnet.kernelhost.launch import Launched, Launcher, LaunchOrder
from carnet.kernelhost.output import OutputTail
from carnet.kernelhost.process import MemoryLimits, ProcessMark
from carnet.kernelhost.signing import Message, header
from carnet.kernelhost.sockets import KernelChannel, KernelSockets, RawSocket, Sendable, read_connection_file
from carnet.kernelhost.waiting import first_of

log = logging.getLogger("carnet.kernelhost")

NUDGE_INTERVAL_S = 0.5
"""How often a kernel that has not yet shown itself on iopub is asked again."""

SILENT_IOPUB_S = 10.0
"""A kernel that answers, but has said nothing on iopub for so long, is taken as it is."""

EXIT_POLL_S = 0.25
"""Where the system cannot tell that a process ended."""

#: ipykernel's PUB socket drops messages when 1,000 wait, and the receiving end cannot prevent it: a busy machine is
#: enough. Without a limit they wait in the kernel's memory (HO17). The socket belongs to the iopub thread, so it is
#: changed there. An expression that binds no name; run silently, once, before any user code.
NEVER_DROP = (
    "(lambda thread: thread.schedule(lambda: setattr(thread.socket, 'sndhwm', 0)))"
    "(get_ipython().kernel.iopub_thread)"
)

LAST_WORDS_S = 0.05
"""After the end of a process: so long must nothing come before we believe that all has come."""


@dataclass(frozen=True)
class Timing:
    """How patient the host is, in seconds; tests are less so."""

    start_s: float = 60.0
    polite_s: float = 2.5
    """Between shutdown_request and SIGTERM."""
    term_s: float = 2.0
    """Between SIGTERM and SIGKILL."""
    half_done_s: float = 2.0
    """How long one of reply and idle may be missing before the kernel is asked (HO27)."""
    spare_delay_s: float = 1.0
    """After a kernel is ready, before its spare is started."""
    idle_exit_s: float = 300.0
    """A host with no kernel and no connection ends itself after this."""


@dataclass(frozen=True)
class Services:
    """What every kernel of a host shares."""

    launcher: Launcher
    context: "zmq.Context[RawSocket]"
    clock: Clock
    folder: Path
    run_folder: Path
    timing: Timing = field(default_factory=Timing)


class Ending(Struct, frozen=True):
    """How a process ended, as far as the system tells."""

    exit_code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    peak_bytes: int | None = None
    limit_bytes: int | None = None
    output_tail: str = ""


class Incarnation:
    """One process of a kernel."""

    def __init__(self, services: Services, *, token: str | None = None) -> None:
        self.services = services
        self.token = token or new_id()
        self.connection_file = services.run_folder / f"{self.token}.json"
        self.mark: ProcessMark | None = None
        self.launched: Launched | None = None
        self.sockets: KernelSockets | None = None
        self.interrupt_by_message = False
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[dict[str, Json]] = loop.create_future()
        """The kernel_info_reply; or KernelStartFailed."""
        self.ended: asyncio.Future[Ending] = loop.create_future()
        self.received: Callable[[KernelChannel, Message], None] = _ignore
        self.drained: Callable[[], None] = _nothing
        self._output: OutputTail | None = None
        self._limits: MemoryLimits | None = None
        self._pidfd = -1
        self._answers: dict[str, asyncio.Future[Message]] = {}
        self._idles: dict[str, asyncio.Future[None]] = {}
        self._iopub_seen = False
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending = False
        self._unwanted = False
        # Nobody may be waiting for these; that is no fault.
        self.ready.add_done_callback(_seen)

    # ---- beginnings

    async def start(
        self, spec: KernelspecModel, *, cwd: str, env: dict[str, str], extra_arguments: tuple[str, ...] = ()
    ) -> None:
        """Launch the process and connect; `ready` and `ended` tell how it goes on.

        Raises:
            KernelStartFailed: there is no process; `ended` is set too.
        """
        self.interrupt_by_message = spec.spec.get("interrupt_mode") == "message"
        self._output = OutputTail(self.services.run_folder / f"{self.token}.out")
        output = self._output.for_the_kernel()
        order = LaunchOrder(spec.name, self.token, self.connection_file, cwd, env, extra_arguments, output)
        try:
            self.launched = await self.services.launcher.launch(order)
        except KernelStartFailed as error:
            self._fail(error)
            self.ended.set_result(Ending(output_tail=error.output_tail))
            self._output.close()
            raise
        finally:
            os.close(output)
        if self.launched.popen is not None:
            self.mark = process.mark_of(self.launched.popen.pid)
            self._limits = MemoryLimits(self.mark.pid)
        self._watch()
        if self._unwanted:
            self.kill()
        self._connect()
        self._spawn(self._become_ready())

    def adopt(self, mark: ProcessMark | None, *, interrupt_by_message: bool) -> None:
        """Connect to a process that a host before us started (HO60).

        Raises:
            PeerError, OSError: its connection file is gone or not one.
        """
        self.mark = mark
        self.interrupt_by_message = interrupt_by_message
        read_connection_file(self.connection_file)
        self._output = OutputTail(self.services.run_folder / f"{self.token}.out")
        if mark is not None:
            self._limits = MemoryLimits(mark.pid)
        self._watch()
        self._connect()
        self._spawn(self._become_ready())

    def _connect(self) -> None:
        self.sockets = KernelSockets(
            self.services.context,
            read_connection_file(self.connection_file),
            identity=self.token,
            received=self._received,
            drained=self._drained,
        )

    async def _become_ready(self) -> None:
        """Wait until the kernel answers and its iopub reaches us; only then may a run be sent (HO30)."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        answer = self.ask("shell", "kernel_info_request", {})
        while not (answer.done() and self._iopub_seen):
            if self._ending:
                return
            waited_s = loop.time() - since
            if waited_s > self.services.timing.start_s:
                self._fail(
                    KernelStartFailed(
                        f"the kernel said nothing for {waited_s:.0f} s after its start; it was ended",
                        exit_code=None,
                        output_tail=self.output_tail(),
                    )
                )
                self.kill()
                return
            if answer.done():
                if waited_s > SILENT_IOPUB_S:
                    break
                # It answers, but our subscription is not there yet, and there is no iopub_welcome: ask again.
                again = self.ask("shell", "kernel_info_request", {})
                await asyncio.wait({again}, timeout=NUDGE_INTERVAL_S)
                await asyncio.sleep(0.02)
            else:
                await asyncio.wait({answer}, timeout=NUDGE_INTERVAL_S)
        try:
            info = msgspec.json.decode(answer.result().content, type=dict[str, Json])
        except msgspec.MsgspecError:
            info = {}
        if info.get("implementation") == "ipython":
            # Not waited for: shell is first come, first served.
            self.ask("shell", "execute_request", silent_execution(NEVER_DROP))
        if self._output is not None:
            self._output.clear()
        if not self.ready.done():
            self.ready.set_result(info)

    # ---- talk

    def ask(self, channel: Sendable, msg_type: str, content: dict[str, Json]) -> "asyncio.Future[Message]":
        """Send a message of the host's own; what comes back is not handed on. Returns the reply to come."""
        self._count += 1
        msg_id = f"{self.token}-{self._count}"
        loop = asyncio.get_running_loop()
        self._answers[msg_id] = answer = loop.create_future()
        self._idles[msg_id] = loop.create_future()
        self.send(channel, msg_type, msg_id, msgspec.json.encode(content))
        return answer

    async def past(self, *, grace_s: float = 1.0) -> None:
        """Return when the kernel has worked off all that was sent on shell before this."""
        answer = self.ask("shell", "kernel_info_request", {})
        idle = self._idles[f"{self.token}-{self._count}"]
        await first_of(answer, self.ended)
        if not self.ended.done():
            # Its idle comes after the idle of what was before it, on the same socket.
            await first_of(idle, self.ended, timeout_s=grace_s)

    def send(  # noqa: PLR0913 - as many as a message has parts
        self,
        channel: Sendable,
        msg_type: str,
        msg_id: str,
        content: bytes,
        *,
        parent_header: bytes = b"{}",
        metadata: bytes = b"{}",
        buffers: tuple[bytes, ...] | list[bytes] = (),
    ) -> None:
        """Send one message to the kernel; to one that ended nothing is sent."""
        date = datetime.fromtimestamp(self.services.clock.now_ms() / 1000, UTC).isoformat()
        self.send_raw(
            channel,
            header(msg_id, msg_type, session=self.token, date=date),
            content,
            parent_header=parent_header,
            metadata=metadata,
            buffers=buffers,
        )

    def send_raw(
        self,
        channel: Sendable,
        header_bytes: bytes,
        content: bytes,
        *,
        parent_header: bytes = b"{}",
        metadata: bytes = b"{}",
        buffers: tuple[bytes, ...] | list[bytes] = (),
    ) -> None:
        """Send one message with the header that somebody else made; to a kernel that ended nothing is sent."""
        if self.sockets is None or self._ending:
            return
        self.sockets.send(
            channel,
            header_bytes,
            content,
            parent_header=parent_header or b"{}",
            metadata=metadata or b"{}",
            buffers=buffers,
        )

    def output_tail(self) -> str:
        """Return the last of its real stdout and stderr."""
        return self._output.text() if self._output is not None else ""

    # ---- endings

    async def interrupt(self) -> None:
        """Interrupt what runs: a message or SIGINT, as the kernelspec says."""
        if self.interrupt_by_message:
            self.ask("control", "interrupt_request", {})
        else:
            await self._signal(signal.SIGINT)

    async def stop(self) -> Ending:
        """End the process: ask, then SIGTERM, then SIGKILL to its group (HO44)."""
        timing = self.services.timing
        self._unwanted = True
        if not self.ended.done() and self.sockets is not None:
            if self.ready.done():
                self.ask("control", "shutdown_request", {"restart": False})
                await asyncio.wait({self.ended}, timeout=timing.polite_s)
            if not self.ended.done():
                await self._signal(signal.SIGTERM)
                await asyncio.wait({self.ended}, timeout=timing.term_s)
            if not self.ended.done():
                self.kill()
        return await asyncio.shield(self.ended)

    def kill(self) -> None:
        """SIGKILL to its group, at once; or as soon as there is a process."""
        self._unwanted = True
        if self.mark is not None and not self.ended.done():
            process.kill_group(self.mark.pid, signal.SIGKILL)
        elif self.launched is not None:
            self._spawn(self.services.launcher.signal(self.launched, signal.SIGKILL))

    async def _signal(self, signum: signal.Signals) -> None:
        if self.ended.done():
            return
        if self.launched is not None:
            await self.services.launcher.signal(self.launched, signum)
        elif self.mark is not None:
            process.kill_group(self.mark.pid, signum)

    def _watch(self) -> None:
        """Learn of the end of the process: at once where the system can tell, else by looking."""
        loop = asyncio.get_running_loop()
        if self.mark is not None and hasattr(os, "pidfd_open"):
            try:
                self._pidfd = os.pidfd_open(self.mark.pid)
            except OSError:
                pass  # gone already, or an old system: look instead
            else:
                loop.add_reader(self._pidfd, self._exited)
                return
        self._spawn(self._poll())

    async def _poll(self) -> None:
        while not self._ending:
            if self.mark is not None:
                if self.launched is None and not process.is_alive(self.mark):
                    self._finish(Ending())
                    return
                if self.launched is not None and self._reap():
                    return
            elif self.launched is not None:
                code = await self.services.launcher.poll(self.launched)
                if code is not None:
                    self._finish(
                        Ending(exit_code=code if code >= 0 else None, signal=-code if code < 0 else None)
                    )
                    return
            await asyncio.sleep(EXIT_POLL_S)

    def _exited(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        if self.launched is None:
            # Not our child: the system tells its end, but not the cause.
            self._finish(Ending())
        elif not self._reap():
            self._spawn(self._poll())

    def _reap(self) -> bool:
        """Collect the exit status of our child; False: it still runs."""
        assert self.mark is not None
        assert self.launched is not None
        assert self.launched.popen is not None
        popen = self.launched.popen
        peak: int | None = None
        if popen.returncode is None:
            try:
                pid, status, usage = os.wait4(self.mark.pid, os.WNOHANG)
            except ChildProcessError:
                popen.poll()  # jupyter_client was faster
            else:
                if pid == 0:
                    return False
                popen.returncode = os.waitstatus_to_exitcode(status)
                peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        code = popen.returncode if popen.returncode is not None else 0
        self._finish(
            Ending(exit_code=code if code >= 0 else None, signal=-code if code < 0 else None, peak_bytes=peak)
        )
        return True

    def _finish(self, ending: Ending) -> None:
        if not self._ending:
            self._ending = True
            self._spawn(self._bury(ending))

    async def _bury(self, ending: Ending) -> None:
        """Take its last words, end what it left behind, and tell."""
        if self.sockets is not None:
            # What it wrote last is still on its way through libzmq.
            self._iopub_seen = True
            while self._iopub_seen:
                self._iopub_seen = False
                await asyncio.sleep(LAST_WORDS_S)
                self.sockets.drain()
            self.sockets.close()
        for answer in self._answers.values():
            answer.cancel()
        for idle in self._idles.values():
            idle.cancel()
        pid = self.mark.pid if self.mark is not None else None
        await asyncio.to_thread(process.kill_left_behind, pid, self.token)
        tail = self.output_tail()
        out_of_memory = (
            ending.signal == signal.SIGKILL and self._limits is not None and self._limits.killed_since()
        )
        full = msgspec.structs.replace(
            ending,
            out_of_memory=out_of_memory,
            limit_bytes=self._limits.limit_bytes() if self._limits is not None else None,
            output_tail=tail,
        )
        if self._output is not None:
            self._output.close()
        if self.launched is not None:
            await self.services.launcher.clean_up(self.launched)
        for path in self.services.run_folder.glob(f"{self.token}*"):
            with contextlib.suppress(OSError):
                path.unlink()
        self._fail(
            KernelStartFailed(
                "the kernel process ended before it was ready", exit_code=full.exit_code, output_tail=tail
            )
        )
        self.ended.set_result(full)

    # ---- inside

    def _received(self, channel: KernelChannel, message: Message) -> None:
        if channel == "iopub":
            self._iopub_seen = True
            if message.msg_type == "iopub_welcome":
                return
        if message.parent_id.startswith(self.token):
            self._own(channel, message)
        else:
            self.received(channel, message)

    def _own(self, channel: KernelChannel, message: Message) -> None:
        if channel in {"shell", "control"}:
            answer = self._answers.pop(message.parent_id, None)
            if answer is not None and not answer.done():
                answer.set_result(message)
        elif message.msg_type == "status" and b'"idle"' in message.content:
            idle = self._idles.pop(message.parent_id, None)
            if idle is not None and not idle.done():
                idle.set_result(None)

    def _drained(self) -> None:
        self.drained()

    def _fail(self, error: KernelStartFailed) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def silent_execution(code: str) -> dict[str, Json]:
    """Return the content of an execute_request that leaves no trace in history, In, Out or the count."""
    return {
        "code": code,
        "silent": True,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def _ignore(channel: KernelChannel, message: Message) -> None:
    """A spare's words are nobody's."""


def _nothing() -> None:
    """Nobody waits for the end of a batch."""


def _seen(future: "asyncio.Future[dict[str, Json]]") -> None:
    if not future.cancelled():
        future.exception()

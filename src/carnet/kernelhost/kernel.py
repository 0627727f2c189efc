"""One kernel as the server knows it: its journal, its run queue, its process of the moment.

The journal and the queue go on over restarts and over the end of the host; the
process (`incarnation.py`) does not. Everything here happens on the main loop,
so there is one writer of each journal. Rules: docs/specs/host.md.
"""

import asyncio
import logging
import re
import shutil
import signal
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Protocol, assert_never

import msgspec
from msgspec import Struct

from carnet.core.notebook.model import Json
from carnet.core.wire.host import (
    Channel,
    HostEvent,
    JournalGap,
    KernelDied,
    KernelInfo,
    KernelRestarting,
    KernelspecModel,
    KernelStarted,
    KernelStatus,
    Obituary,
    Record,
    RunDropped,
    RunEnded,
    RunSent,
    SendMessage,
)
from carnet.errors import KernelError, KernelStartFailed, PeerError
from carnet.ids import KernelId, RunId
from carnet.kernelhost import process, runlog
from carnet.kernelhost.folder import private_folder, write_private
from carnet.kernelhost.incarnation import Ending, Incarnation, Services, silent_execution
from carnet.kernelhost.journal import KernelJournal
from carnet.kernelhost.process import ProcessMark
from carnet.kernelhost.queue import Action, Drop, Finish, Run, RunQueue, Send
from carnet.kernelhost.runlog import RunLog
from carnet.kernelhost.signing import Message
from carnet.kernelhost.sockets import KernelChannel
from carnet.kernelhost.spare import claim_code
from carnet.kernelhost.waiting import first_of

log = logging.getLogger("carnet.kernelhost")

FLUSH_INTERVAL_S = 0.004
"""Under a flood, records are written and sent on so often; replies and status never wait."""

KEPT_SEGMENTS = 4
"""So many journal files stay, even when everything in them is acknowledged."""

COMM_MESSAGES = frozenset({"comm_msg", "comm_open", "comm_close"})

FOREIGN_KNOWN = 4096
"""Ids of so many execute_requests of other programs, and of messages to comms, are known, so that none is sent twice (HO80, HO84)."""

HELD_MESSAGES = 1000
"""So many messages of other programs wait for a kernel that starts (HO81)."""

NAMED_READERS = 256
"""Of so many named readers the host knows how far they are (HO77)."""

_KERNEL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BEGUN = {"busy": True, "idle": False}


class KernelRecord(Struct, frozen=True):
    """`kernel.json` (0600): what a host that is started again must know of a kernel."""

    kernel_id: KernelId
    kernelspec: str
    cwd: str
    env: dict[str, str]
    extra_arguments: tuple[str, ...]
    label: str
    started_ms: int
    language: str = ""
    display_name: str = ""
    lineage: int = 1
    token: str = ""
    """Of the process: names its connection file. Empty: there is none."""
    mark: ProcessMark | None = None
    interrupt_by_message: bool = False
    told_ready: bool = False
    """KernelStarted of this lineage stands in the journal."""
    written_ms: int = 0


class StatusPeek(Struct, frozen=True):
    """What the host reads of an iopub `status`."""

    execution_state: str = ""


class ReplyPeek(Struct, frozen=True):
    """What the host reads of an execute_reply."""

    status: str = "error"


class Reader(Protocol):
    """One connection that reads this kernel."""

    acknowledged: int

    def offer(self, first: int, payloads: list[bytes], size_bytes: int) -> None:
        """New records, from this number on. Must not block."""


class Supply(Protocol):
    """Where a kernel gets a process from."""

    def take_spare(
        self, spec: KernelspecModel, env: dict[str, str], extra_arguments: tuple[str, ...]
    ) -> Incarnation | None:
        """Return the warm spare if it can become this kernel; it is the caller's from then on."""

    def kernel_ready(self, spec: KernelspecModel) -> None:
        """A kernel is up: time to think of the next spare."""

    def kernel_ended(self) -> None:
        """A process ended."""


_status = msgspec.json.Decoder(StatusPeek).decode
_reply = msgspec.json.Decoder(ReplyPeek).decode
_encode = msgspec.msgpack.Encoder().encode
_json = msgspec.json.Encoder().encode


def check_kernel_id(kernel_id: str) -> None:
    """Raises PeerError: it could not name a folder."""
    if not _KERNEL_ID.fullmatch(kernel_id):
        raise PeerError(f"{kernel_id!r} is no kernel id: 1 to 64 of A-Z a-z 0-9 _ -")


def existing_folder(cwd: str) -> str:
    """Return the folder, or the nearest parent that exists: it may be moved away before a restart, which must not fail for it."""
    path = Path(cwd)
    if not path.is_absolute():
        raise PeerError(f"a kernel's folder must be absolute, not {cwd!r}")
    while not path.is_dir() and path != path.parent:
        path = path.parent
    return str(path)


class HostedKernel:
    """One kernel of this host."""

    def __init__(self, services: Services, supply: Supply, record: KernelRecord) -> None:
        self.services = services
        self.supply = supply
        self.record = record
        self.folder = private_folder(services.folder / "kernels" / record.kernel_id)
        self.journal = KernelJournal(self.folder / "journal")
        self.queue: RunQueue = runlog.restore(self.folder / "runs.log")
        self.runlog = RunLog(self.folder / "runs.log")
        self.readers: set[Reader] = set()
        self.status: KernelStatus = "starting"
        self.incarnation: Incarnation | None = None
        self._pending: list[bytes] = []
        self._number = self.journal.last_number
        self._urgent = False
        self._flushed_s = 0.0
        self._flush_timer: asyncio.TimerHandle | None = None
        self._probe: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._life: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked = False
        self._forgotten = False
        self._held: list[SendMessage] = []
        self._comm_ids: dict[str, None] = {}
        """Messages to comms that were sent, the newest last (HO84)."""
        self._foreign: dict[str, None] = {}
        self._unanswered: dict[RunId, None] = {}
        """Of those, the ones without a reply."""
        self._positions: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()

    # ---- what the server asks

    def start(self, spec: KernelspecModel) -> None:
        """Begin the first life; how it goes is said in the journal."""
        self._keep_record(written_ms=self.services.clock.now_ms())
        self._life = self._spawn(self._live(spec))

    def submit(self, run: Run) -> None:
        """Queue a run; send it if it is its turn."""
        if run.run_id in self.queue.known:
            return
        self.runlog.write(runlog.Submitted(run))
        self._perform(self.queue.submit(run))
        if self.status == "dead":
            self._perform(self.queue.closed("kernel-died"))
        if self.runlog.is_long:
            self.runlog.rewrite(self.queue)

    def cancel(self, run_ids: Iterable[RunId]) -> None:
        """Drop queued runs."""
        self._perform(self.queue.cancel(run_ids))

    def reorder(self, run_ids: tuple[RunId, ...]) -> None:
        """Give the queued runs another order."""
        self.queue.reorder(run_ids)
        self.runlog.write(runlog.Reordered([run.run_id for run in self.queue.queued]))

    def send_message(self, frame: SendMessage) -> None:
        """Send one message outside the queue; one of another program waits for a kernel that starts.

        Raises:
            KernelError: there is no process to send it to.
        """
        if frame.raw_header:
            self._send_foreign(frame)
            return
        is_comm = frame.msg_type in COMM_MESSAGES
        if is_comm and frame.msg_id in self._comm_ids:
            return
        if self.incarnation is None or self.incarnation.sockets is None or self.status == "dead":
            raise KernelError(f"kernel {self.record.kernel_id} is not running: restart it first")
        self.incarnation.send(
            frame.channel,
            frame.msg_type,
            frame.msg_id,
            frame.content,
            parent_header=frame.parent_header,
            metadata=_json(frame.metadata),
            buffers=frame.buffers,
        )
        if is_comm:
            self._comm_ids[frame.msg_id] = None
            if len(self._comm_ids) > FOREIGN_KNOWN:
                del self._comm_ids[next(iter(self._comm_ids))]

    def _send_foreign(self, frame: SendMessage) -> None:
        """Pass on another program's message as it is, in the order they came (HO80, HO81)."""
        if frame.msg_type == "execute_request":
            if frame.msg_id in self._foreign or RunId(frame.msg_id) in self.queue.known:
                return
            self._foreign[frame.msg_id] = None
            self._unanswered[RunId(frame.msg_id)] = None
            if len(self._foreign) > FOREIGN_KNOWN:
                oldest = next(iter(self._foreign))
                del self._foreign[oldest]
                self._unanswered.pop(RunId(oldest), None)
        if self.status in {"starting", "restarting"}:
            if len(self._held) >= HELD_MESSAGES:
                raise KernelError(f"kernel {self.record.kernel_id} is still starting: wait for it")
            self._held.append(frame)
        elif self.incarnation is None or self.status == "dead":
            raise KernelError(f"kernel {self.record.kernel_id} is not running: restart it first")
        else:
            self._pass_on(frame)

    def _pass_on(self, frame: SendMessage) -> None:
        assert self.incarnation is not None
        self.incarnation.send_raw(
            frame.channel,
            frame.raw_header,
            frame.content,
            parent_header=frame.parent_header,
            metadata=frame.raw_metadata,
            buffers=frame.buffers,
        )

    def begin_reader(self, name: str) -> int:
        """Return the number that a reader begins after: where it was, or now."""
        return self._positions.get(name, self._number) if name else self._number

    def remember_reader(self, name: str, number: int) -> None:
        """A named reader has acknowledged this number."""
        self._positions.pop(name, None)
        self._positions[name] = number
        if len(self._positions) > NAMED_READERS:
            del self._positions[next(iter(self._positions))]

    async def interrupt(self) -> None:
        """Drop what waits, interrupt what runs (HO26)."""
        self._perform(self.queue.cancel_all())
        if self.incarnation is not None and self.incarnation.ready.done():
            # One that still starts runs nothing, and would die of it.
            await self.incarnation.interrupt()

    def restart(self, spec: KernelspecModel, lineage: int = 0) -> None:
        """End this process and start another with the same id.

        Asked while a restart goes on, or for a lineage that is over, it does nothing.
        """
        if self.status == "restarting" or lineage not in {0, self.record.lineage}:
            return
        self.status = "restarting"
        self._life = self._spawn(self._restart(spec, self._life))

    async def shut_down(self, *, now: bool) -> None:
        """End it, and tell its readers; `forget` is next."""
        self._asked = True
        if self.incarnation is not None:
            if now:
                self.incarnation.kill()
            await self.incarnation.stop()
        if self._life is not None:
            await asyncio.wait({self._life})

    def forget(self) -> None:
        """Remove all that is known of it. Its readers have been told before."""
        self.close()
        self._forgotten = True
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Close the files."""
        self.flush()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self.journal.close()
        self.runlog.close()

    def info(self) -> KernelInfo:
        """Return it as it is now."""
        mark = self.incarnation.mark if self.incarnation is not None and self.status != "dead" else None
        return KernelInfo(
            kernel_id=self.record.kernel_id,
            kernelspec=self.record.kernelspec,
            status=self.status,
            pid=mark.pid if mark is not None else None,
            started_ms=self.record.started_ms,
            label=self.record.label,
            last_number=self._number,
            queued=tuple(run.run_id for run in self.queue.queued),
            running=self.queue.running.run_id if self.queue.running is not None else None,
            resident_bytes=process.resident_bytes(mark.pid) if mark is not None else None,
            cwd=self.record.cwd,
            language=self.record.language,
            display_name=self.record.display_name,
            elsewhere=tuple(self._unanswered),
        )

    def acknowledged(self) -> None:
        """A reader got further: old files may go."""
        if len(self.journal.segments) > KEPT_SEGMENTS and self.readers:
            read = min(reader.acknowledged for reader in self.readers)
            self.journal.drop_through(min(read, self.journal.segments[-KEPT_SEGMENTS].first - 1))

    # ---- lives

    async def _live(self, spec: KernelspecModel) -> None:
        """One process: start, ready, end."""
        record = self.record
        self._asked = False
        life = self.supply.take_spare(spec, record.env, record.extra_arguments)
        claimed = life is not None
        if life is None:
            life = Incarnation(self.services)
        self.incarnation = life
        if not claimed:
            try:
                await life.start(
                    spec,
                    cwd=existing_folder(record.cwd),
                    env=record.env,
                    extra_arguments=record.extra_arguments,
                )
            except KernelStartFailed as error:
                log.warning("kernel %s: %s", record.kernel_id, error)
        self._keep_record(
            token=life.token, mark=life.mark, interrupt_by_message=life.interrupt_by_message, told_ready=False
        )
        await self._follow(life, spec, claim=claimed)

    async def _follow(self, life: Incarnation, spec: KernelspecModel, *, claim: bool) -> None:
        """Go with a process until it ends."""
        if not claim:
            self._listen(life)
        try:
            info = await life.ready
            if claim:
                code = claim_code(existing_folder(self.record.cwd), self.record.env)
                reply = life.ask("shell", "execute_request", silent_execution(code))
                await first_of(reply, life.ended)
                self._listen(life)
                if reply.done() and not reply.cancelled() and _reply(reply.result().content).status != "ok":
                    log.warning("kernel %s: the spare could not be moved into place", self.record.kernel_id)
                    life.kill()
        except KernelStartFailed as error:
            log.warning("kernel %s: %s", self.record.kernel_id, error)
        else:
            if not life.ended.done():
                self._is_ready(info, spec)
        self._has_ended(await asyncio.shield(life.ended))

    def _is_ready(self, info: dict[str, Json], spec: KernelspecModel) -> None:
        if self.status in {"starting", "restarting"}:
            self.status = "idle"
        if not self.record.told_ready:
            self._tell(KernelStarted(self.record.lineage, info))
            self._keep_record(told_ready=True, language=_language(info) or spec.language)
        log.info("kernel %s is ready, lineage %d", self.record.kernel_id, self.record.lineage)
        held, self._held = self._held, []
        for frame in held:
            self._pass_on(frame)
        self._perform(self.queue.opened())
        self.supply.kernel_ready(spec)

    def _has_ended(self, ending: Ending) -> None:
        running = self.queue.running.run_id if self.queue.running is not None else None
        restarting = self.status == "restarting"
        self._stop_probe()
        if restarting:
            self.queue.ended()
        else:
            self._perform(self.queue.closed("kernel-died"))
        if running is not None:
            self.runlog.write(runlog.Over(running))
        self.status = "restarting" if restarting else "dead"
        if not restarting:
            self._held.clear()
        waiting = {frame.msg_id for frame in self._held}
        self._unanswered = {run_id: None for run_id in self._unanswered if run_id in waiting}
        self._tell(
            KernelDied(self.record.lineage, _obituary(ending, running, asked=self._asked or restarting))
        )
        self._keep_record(token="", mark=None)
        self.incarnation = None
        level = logging.INFO if self._asked or restarting else logging.WARNING
        log.log(level, "kernel %s ended: %s", self.record.kernel_id, _cause(ending))
        self.supply.kernel_ended()

    async def _restart(self, spec: KernelspecModel, before: asyncio.Task[None] | None) -> None:
        self._perform(self.queue.closing("restarted"))
        self._tell(KernelRestarting(self.record.lineage))
        if self.incarnation is not None:
            await self.incarnation.stop()
        if before is not None:
            await asyncio.wait({before})
        self._keep_record(
            lineage=self.record.lineage + 1, told_ready=False, started_ms=self.services.clock.now_ms()
        )
        if not self._asked:
            self.status = "starting"  # from here on an end is that of the new process
            await self._live(spec)

    # ---- adoption

    def adopt(self, spec: KernelspecModel | None) -> None:
        """Take up what a host before us left: go on with its process, or tell that it ended (HO60)."""
        record = self.record
        now_ms = self.services.clock.now_ms()
        if not record.token:
            self.status = "dead"
            return
        since_ms = self._last_sign_ms()
        alive = record.mark is not None and process.is_alive(record.mark)
        self._tell(JournalGap(since_ms, "the kernel host was not there to listen"))
        life = Incarnation(self.services, token=record.token)
        if alive:
            try:
                life.adopt(record.mark, interrupt_by_message=record.interrupt_by_message)
            except (PeerError, OSError) as error:
                log.warning("kernel %s cannot be adopted: %s", record.kernel_id, error)
                alive = False
        self.incarnation = life
        if not alive:
            if record.mark is not None and process.is_alive(record.mark):
                process.kill_group(record.mark.pid, signal.SIGKILL)
            self._has_ended(Ending())
            return
        log.info("kernel %s adopted after %d ms", record.kernel_id, now_ms - since_ms)
        self.status = (
            "busy" if self.queue.running is not None else "idle" if record.told_ready else "starting"
        )
        fallback = KernelspecModel(record.kernelspec, record.kernelspec, record.language, "", {})
        self._life = self._spawn(self._follow(life, spec or fallback, claim=False))
        if self.queue.running is not None:
            # Its reply may have gone by while nobody listened: ask at once, not after a time.
            self._begin_probe(life, self.queue.running.run_id)

    def _last_sign_ms(self) -> int:
        last = self.journal.read(self.journal.last_number - 1, limit_bytes=1)
        return msgspec.msgpack.decode(last[-1], type=Record).at_ms if last else self.record.written_ms

    # ---- what the kernel says

    def _listen(self, life: Incarnation) -> None:
        life.received = self._received
        life.drained = self._drained

    def _received(self, channel: KernelChannel, message: Message) -> None:
        self._say(channel, message)
        if channel == "iopub":
            if message.msg_type == "status":
                self._urgent = True
                self._said_status(message)
        else:
            self._urgent = True
            if message.msg_type == "execute_reply" and channel == "shell":
                self._said_reply(message)

    def _said_status(self, message: Message) -> None:
        try:
            state = _status(message.content).execution_state
        except msgspec.MsgspecError:
            return
        if state not in _BEGUN or self.status in {"restarting", "dead", "starting"}:
            return
        self.status = "busy" if _BEGUN[state] else "idle"
        run_id = RunId(message.parent_id)
        if _BEGUN[state]:
            self.queue.busy(run_id)
        else:
            self._perform(self.queue.idle(run_id))
            self._watch_half_done()

    def _said_reply(self, message: Message) -> None:
        try:
            status = _reply(message.content).status
        except msgspec.MsgspecError:
            status = "error"
        self._unanswered.pop(RunId(message.parent_id), None)
        self._perform(self.queue.replied(RunId(message.parent_id), status))
        self._watch_half_done()

    def _watch_half_done(self) -> None:
        if not self.queue.half_done:
            self._stop_probe()
        elif self._probe is None and self.queue.running is not None and self.incarnation is not None:
            # Asked only when one of the two really stays away.
            delay_s = self.services.timing.half_done_s
            run_id = self.queue.running.run_id
            self._probe = self._loop.call_later(delay_s, self._begin_probe, self.incarnation, run_id)

    def _begin_probe(self, life: Incarnation, run_id: RunId) -> None:
        self._probe = self._spawn(self._ask_whether_past(life, run_id))

    async def _ask_whether_past(self, life: Incarnation, run_id: RunId) -> None:
        """Find out whether the kernel is past this run, and if so stop waiting for it (HO27)."""
        await first_of(life.ready, life.ended)
        await life.past()
        self._probe = None
        if not life.ended.done() and self.queue.running is not None and self.queue.running.run_id == run_id:
            self._perform(self.queue.give_up())
            self.flush()

    def _stop_probe(self) -> None:
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    # ---- queue

    def _perform(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(run=run):
                    self.runlog.write(runlog.Sent(run.run_id))
                    self._tell(RunSent(run.run_id))
                    self._send_run(run)
                case Drop(run_id=run_id, reason=reason):
                    self.runlog.write(runlog.Over(run_id))
                    self._tell(RunDropped(run_id, reason))
                case Finish(run_id=run_id, missing=missing):
                    self.runlog.write(runlog.Over(run_id))
                    if missing:
                        log.warning(
                            "kernel %s never sent %s of run %s",
                            self.record.kernel_id,
                            " and ".join(missing),
                            run_id,
                        )
                        self._tell(RunEnded(run_id, missing))
                case _:
                    assert_never(action)

    def _send_run(self, run: Run) -> None:
        assert self.incarnation is not None
        content = {
            "code": run.code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": run.allow_stdin,
            # The queue stops; a kernel that stops too would abort the first run of another batch (HO23).
            "stop_on_error": False,
        }
        self.incarnation.send(
            "shell", "execute_request", run.run_id, _json(content), metadata=_json({"cellId": run.cell_id})
        )

    # ---- journal

    def _tell(self, event: HostEvent) -> None:
        """Say something of the host's own, written before this returns."""
        run_id = event.run_id if isinstance(event, RunSent | RunDropped | RunEnded) else ""
        tag = event.__struct_config__.tag
        self._say("host", Message(str(tag), run_id, b"{}", b"{}", b"{}", _json(event), []))
        self.flush()

    def _say(self, channel: Channel, message: Message) -> None:
        self._number += 1
        record = Record(self._number, self.services.clock.now_ms(), channel, *message)
        self._pending.append(_encode(record))

    def _drained(self) -> None:
        if not self._pending:
            return
        if self._urgent or self._loop.time() - self._flushed_s > FLUSH_INTERVAL_S:
            self.flush()
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(FLUSH_INTERVAL_S, self.flush)

    def flush(self) -> None:
        """Write what is pending to the journal, then give it to the readers (in this order: HO11)."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._urgent = False
        if not self._pending or self._forgotten:
            return
        payloads, self._pending = self._pending, []
        first = self._number - len(payloads) + 1
        self._flushed_s = self._loop.time()
        self.journal.append(payloads)
        if self.readers:
            size_bytes = sum(map(len, payloads))
            for reader in tuple(self.readers):
                reader.offer(first, payloads, size_bytes)

    # ---- inside

    def _keep_record(self, **changes: object) -> None:
        self.record = msgspec.structs.replace(self.record, **changes)
        try:
            write_private(self.folder / "kernel.json", _json(self.record))
        except OSError as error:
            # A full disk, or a kernel that is just being forgotten: it goes on, but another host may not know it.
            log.error("kernel %s: its record cannot be written (%s)", self.record.kernel_id, error)

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def load_record(folder: Path) -> KernelRecord | None:
    """Return the record in a kernel's folder; None where there is none that can be read."""
    try:
        return msgspec.json.decode((folder / "kernel.json").read_bytes(), type=KernelRecord)
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("%s is not a kernel's folder: %s", folder, error)
        return None


def _obituary(ending: Ending, run_id: RunId | None, *, asked: bool) -> Obituary:
    name = None
    if ending.signal is not None:
        try:
            name = signal.Signals(ending.signal).name
        except ValueError:
            name = f"signal {ending.signal}"
    return Obituary(
        exit_code=ending.exit_code,
        signal=ending.signal,
        signal_name=name,
        out_of_memory=ending.out_of_memory,
        peak_bytes=ending.peak_bytes,
        limit_bytes=ending.limit_bytes,
        stderr_tail=ending.output_tail,
        run_id=run_id,
        asked=asked,
    )


def _cause(ending: Ending) -> str:
    if ending.signal is not None:
        return f"killed by signal {ending.signal}" + (" (out of memory)" if ending.out_of_memory else "")
    if ending.exit_code is not None:
        return f"exit code {ending.exit_code}"
    return "cause unknown"


def _language(info: dict[str, Json]) -> str:
    language = info.get("language_info")
    name = language.get("name") if isinstance(language, dict) else None
    return name if isinstance(name, str) else ""

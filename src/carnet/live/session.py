"""One open notebook: decides intents, journals entries, performs effects, tells followers.

The only writer of its journal (invariant 2). Everything here runs on the event
loop; what blocks (storage, blobs, encoding a file) goes to worker threads. What
happens is decided in `core/session`; this module only makes it true, in this
order: apply, commit, tell, perform.

Rules LV1 to LV10, LV20, LV23: docs/specs/live.md.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar, assert_never

import msgspec

from carnet.core.notebook.model import BlobRef
from carnet.core.session import effects as fx
from carnet.core.session.apply import apply_entry
from carnet.core.session.decide import Fresh, decide, entry_of
from carnet.core.session.intents import Intent
from carnet.core.session.interpret import Interpretation, externalise, interpret, kernel_gone, settle
from carnet.core.session.operations import (
    AddNotice,
    CommHandled,
    DropNotice,
    Entry,
    KernelCursor,
    Operation,
    SetKernel,
)
from carnet.core.session.outputs import spill_operation
from carnet.core.session.state import Notice, Refusal, SessionState
from carnet.core.wire.host import Record
from carnet.core.wire.link import Question
from carnet.errors import CarnetError, HostUnavailable, JournalError, KernelError, NoSuchKernel
from carnet.ids import KernelId, new_id, new_kernel_id
from carnet.journal.store import KernelCursor as JournalCursor
from carnet.kernels.client import RunSubmission
from carnet.live.asking import Asker
from carnet.live.comms import kept, send_comm
from carnet.live.elsewhere import Elsewhere
from carnet.live.rate import RateGate
from carnet.live.saving import Saver
from carnet.live.snapshots import pieces_of
from carnet.live.surroundings import Surroundings

log = logging.getLogger("carnet.live")

T = TypeVar("T")

_encoder = msgspec.msgpack.Encoder()

KERNEL_LOST = "The kernel is gone: its host was ended, or the machine was restarted. Variables are lost; outputs are kept."

SETTLE_TRIES = 50
SETTLE_WAIT_S = 0.2
"""A session that came back looks this often whether it has read all that its kernel said."""

HOST_TRIES = 3
"""How often an effect is tried when the host's connection breaks under it."""

INTERRUPT_IGNORED = (
    "The cell was interrupted {seconds:.0f} s ago and still runs. It may stop yet. Restart asks the kernel to end and "
    "then ends it: its variables are lost, outputs so far are kept. Kill ends it at once, whatever it is doing."
)

_WITHOUT_HOST = (fx.ScheduleSave, fx.SaveNow, fx.TrustFile, fx.SpillStream)


@dataclass(frozen=True)
class Stored:
    """An entry, with the bytes that went into the journal."""

    entry: Entry
    data: bytes


@dataclass(frozen=True)
class IntentAnswer:
    """What became of an intent. Followers learn it from the entry, unless it never reached the journal."""

    refusal: Refusal | None = None
    message: str = ""
    unreached: bool = False
    """No entry: the session may not be written."""


@dataclass
class _Waiting:
    """Work that could not be journaled, or must not be now, kept in order until it can."""

    intents: "deque[tuple[Intent, bytes, asyncio.Future[IntentAnswer]]]" = field(default_factory=deque)
    records: deque[list[Record]] = field(default_factory=deque)


class Session:
    """One open notebook. Made by `live.opening`, kept by `live.registry`."""

    def __init__(self, state: SessionState, around: Surroundings, *, writable: bool) -> None:
        self.state = state
        self.around = around
        self.writable = writable
        self.closed = False
        self.stalled: JournalError | None = None
        """Why nothing can be journaled now; None: all is well."""
        self.last_active_s = around.clock.monotonic_s()
        self._followers: set[Callable[[], None]] = set()
        self._recent: deque[Stored] = deque()
        self._recent_bytes = 0
        self._since_snapshot_bytes = 0
        self._snapshot_seq = -1
        self._effects: asyncio.Queue[fx.Effect] = asyncio.Queue()
        self._reading: KernelId | None = None
        self._read_number = 0
        self._waiting = _Waiting()
        self._let_go = asyncio.Event()
        self._let_go.set()
        self._gate = RateGate()
        self._records_due: asyncio.TimerHandle | None = None
        self._records_task: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.saver = Saver(self)
        self.elsewhere = Elsewhere(self)
        self._asker = Asker(self)
        self._performer = self.start(self._perform_forever(), "effects")

    # ---- what others ask

    async def receive(self, intent: Intent) -> IntentAnswer:
        """Decide one intent and make it true as far as the journal; effects follow by themselves."""
        return await self.take(intent)

    def take(self, intent: Intent, *, room: bytes = b"") -> "asyncio.Future[IntentAnswer]":
        """Decide one intent now, or, while nothing can be journaled, in its turn: then the answer comes later.

        Args:
            room: the update of the notebook's collaboration room that asked for it, kept in the same transaction.
        """
        future: asyncio.Future[IntentAnswer] = asyncio.get_running_loop().create_future()
        answer = self._decide_or_hold(intent, room, future)
        if answer is not None:
            future.set_result(answer)
        return future

    def _decide_or_hold(
        self, intent: Intent, room: bytes, future: "asyncio.Future[IntentAnswer]"
    ) -> IntentAnswer | None:
        self.last_active_s = self.around.clock.monotonic_s()
        if not self.writable:
            return IntentAnswer("read-only", "This notebook can be read, but not changed.", unreached=True)
        if self.stalled is None and self._let_go.is_set():
            try:
                return self._decide(intent, room)
            except JournalError as error:
                self.stall(error)
        self._waiting.intents.append((intent, room, future))
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let intents and what the kernel says wait, in order, while the block makes a long change in several entries (LV27)."""
        self._let_go.clear()
        try:
            yield
        finally:
            self._let_go.set()
            self._go_on()

    def follow(self, notify: Callable[[], None]) -> None:
        """Call `notify` after each commit, until `leave`."""
        self._followers.add(notify)

    def leave(self, notify: Callable[[], None]) -> None:
        """Stop calling it."""
        self._followers.discard(notify)
        self.last_active_s = self.around.clock.monotonic_s()

    @property
    def followed(self) -> bool:
        """Whether a browser follows this notebook now."""
        return bool(self._followers)

    @property
    def idle(self) -> bool:
        """Whether nothing would be missed if the session were closed now."""
        return (
            not self._followers
            and not self.state.runs
            and self.state.kernel.status in ("none", "dead")
            and not self.saver.unsaved
            and self._effects.empty()
        )

    def entries_after(self, seq: int, limit_bytes: int) -> list[Stored] | None:
        """Return entries after a number, up to about that many bytes; None: a snapshot is shorter.

        Small gaps come from memory; a gap that begins before what memory holds is
        answered by a snapshot, which is then the shorter of the two (LK: resume).
        """
        if seq == self.state.seq:
            return []
        if not self._recent or seq < self._recent[0].entry.seq - 1 or seq > self.state.seq:
            return None
        found: list[Stored] = []
        size = 0
        for stored in self._iter_recent(seq):
            found.append(stored)
            size += len(stored.data)
            if size >= limit_bytes:
                break
        return found

    async def ask(self, question: Question) -> msgspec.Raw:
        """Put a question to the kernel and return its reply's content, as JSON.

        Raises:
            KernelError: there is no kernel, it is busy and has no subshell, or it did not answer in time.
        """
        return await self._asker.ask(question)

    # ---- commit

    def commit(
        self, ops: Sequence[Operation], *, cursor: KernelCursor | None = None, room: bytes = b""
    ) -> None:
        """Make one entry of these operations: journal, state, followers, effects.

        Raises:
            JournalError: it could not be appended; nothing happened.
        """
        self._commit(
            Entry(seq=self.state.seq + 1, at_ms=self.around.clock.now_ms(), ops=tuple(ops), cursor=cursor),
            room=room,
        )

    def _commit(self, entry: Entry, effects: Iterable[fx.Effect] = (), *, room: bytes = b"") -> None:
        state, caused = apply_entry(self.state, entry)
        data = _encoder.encode(entry)
        cursor, in_journal = entry.cursor, kept(entry)
        self.around.journal.append(
            state.journal_id,
            [(entry.seq, data if in_journal is entry else _encoder.encode(in_journal))],
            cursor=None
            if cursor is None
            else JournalCursor(kernel_id=cursor.kernel_id, number=cursor.number),
            room=room,
        )
        self.state = state
        self._remember(Stored(entry, data))
        self.perform(effects)
        self.perform(caused)
        self._tell()

    def _tell(self) -> None:
        for notify in tuple(self._followers):
            notify()

    def commit_or_stall(self, ops: Sequence[Operation]) -> bool:
        """Commit operations that come from us; when the journal is full, stall and return False."""
        try:
            self.commit(ops)
        except JournalError as error:
            self.stall(error)
            return False
        return True

    def notice(self, notice_id: str, kind: str, text: str) -> None:
        """Show a line in the page until it is dismissed or replaced."""
        at_ms = self.around.clock.now_ms()
        if kind == "error":
            notice = Notice(id=notice_id, kind="error", text=text, at_ms=at_ms)
        elif kind == "warning":
            notice = Notice(id=notice_id, kind="warning", text=text, at_ms=at_ms)
        else:
            notice = Notice(id=notice_id, kind="info", text=text, at_ms=at_ms)
        self.commit_or_stall([AddNotice(notice=notice)])

    def drop_notice(self, notice_id: str) -> None:
        """Take a line away that is no longer true."""
        if any(notice.id == notice_id for notice in self.state.notices):
            self.commit_or_stall([DropNotice(id=notice_id)])

    def perform(self, effects: Iterable[fx.Effect]) -> None:
        """Queue effects, in order (after a restart: what must be done again)."""
        for effect in effects:
            self._effects.put_nowait(effect)

    # ---- kernel

    async def read_kernel(self) -> None:
        """Read the bound kernel's journal from where the committed cursor stands."""
        kernel = self.state.kernel
        if kernel.id is None or kernel.id == self._reading:
            return
        if self._reading is not None:
            await self.around.host.stop_reading(self._reading)
        self._reading = kernel.id
        await self.around.host.read(kernel.id, kernel.cursor, self._on_records, gone=self._kernel_gone)

    async def settle_runs(self) -> None:
        """End runs that the host no longer has: their reply was lost in a gap (KM13).

        Called after a restart, when what the host has said since is being read.
        """
        kernel_id = self.state.kernel.id
        for _ in range(SETTLE_TRIES):
            if not any(run.started_ms is not None or run.elsewhere for run in self.state.runs):
                return
            sent = self.elsewhere.settled()
            infos = await self.around.host.kernels()
            info = next((info for info in infos if info.kernel_id == kernel_id), None)
            if info is None or kernel_id != self.state.kernel.id:
                return
            if max(self._read_number, self.state.kernel.cursor) >= info.last_number and self._effects.empty():
                newer = tuple(run.id for run in self.state.runs if run.elsewhere and run.id not in sent)
                ops = settle(
                    self.state,
                    running=info.running,
                    queued=info.queued,
                    elsewhere=(*info.elsewhere, *newer),
                    at_ms=self.around.clock.now_ms(),
                )
                if ops:
                    self.commit_or_stall(ops)
                return
            await asyncio.sleep(SETTLE_WAIT_S)

    # ---- end

    async def close(self) -> None:
        """Save, write a snapshot, and stop. The journal keeps everything; kernels go on."""
        if self.closed:
            return
        self.closed = True
        self._performer.cancel()
        self.elsewhere.close()
        if self._records_due is not None:
            self._records_due.cancel()
        if self._records_task is not None:
            await asyncio.wait([self._records_task])
        if self._reading is not None:
            try:
                await self.around.host.stop_reading(self._reading)
            except KernelError:
                pass  # the host is gone; there is nothing to stop
            self._reading = None
        await self.saver.close()
        await self.snapshot()
        for task in tuple(self._tasks):
            task.cancel()

    async def end(self) -> None:
        """End the session of a notebook that was deleted: say so, end its kernel, save nothing."""
        self.notice("deleted", "warning", "This notebook was deleted. What you see is not saved any more.")
        kernel_id = self.state.kernel.id
        self.saver.abandon()
        if kernel_id is not None and self.state.kernel.status != "dead":
            await self._shut_down(kernel_id, now=False)
        await self.close()

    def abandon(self) -> None:
        """Stop without saving anything, as if the process had died. For tests of what comes after that."""
        self.closed = True
        self.elsewhere.close()
        self.saver.abandon()
        if self._records_due is not None:
            self._records_due.cancel()
        for task in tuple(self._tasks):
            task.cancel()

    async def snapshot(self) -> None:
        """Store a state as the journal's snapshot: the present one, or while the file lacks some of it, what that holds."""
        # From the snapshot on the base of a merge is found again, after a crash (LV29).
        state = self.saver.held if self.saver.unsaved else self.state
        if state is None or state.seq <= self._snapshot_seq:
            return
        self._snapshot_seq = state.seq
        try:
            await self.in_thread(lambda: self._put_snapshot(state))
        except JournalError as error:
            log.warning("journal %s: no snapshot: %s", state.journal_id, error)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Run blocking work on a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self.around.workers, work)

    # ---- inside: intents and the journal

    def _decide(self, intent: Intent, room: bytes = b"") -> IntentAnswer:
        now_ms = self.around.clock.now_ms()
        known = self.around.kernelspecs
        fresh = Fresh(
            kernel_id=new_kernel_id(),
            kernelspecs=known.for_intent(intent.body),
            default_kernelspec=self.around.settings.default_kernelspec or known.default,
        )
        decision = decide(self.state, intent, now_ms=now_ms, fresh=fresh)
        entry = entry_of(decision, intent, seq=self.state.seq + 1, at_ms=now_ms)
        if entry is not None:
            self._commit(entry, decision.effects, room=room)
        return IntentAnswer(decision.refusal, decision.message)

    def stall(self, error: JournalError) -> None:
        """Hold everything until the journal takes entries again; nothing is dropped."""
        if self.stalled is None:
            log.error("journal %s: %s", self.state.journal_id, error)
            self.stalled = error
            self.start(self._retry_journal(), "journal retry")
            self._tell()

    async def _retry_journal(self) -> None:
        while self.stalled is not None:
            await asyncio.sleep(self.around.settings.journal_retry_s)
            try:
                self.commit([])
            except JournalError:
                continue
            self.stalled = None
            self._tell()
            log.info("journal %s: recording again", self.state.journal_id)
        self._go_on()

    def _go_on(self) -> None:
        """Do what waits, unless it must go on waiting."""
        while self._waiting.intents and self.stalled is None and self._let_go.is_set():
            intent, room, future = self._waiting.intents[0]
            try:
                answer = self._decide(intent, room)
            except JournalError as error:
                self.stall(error)
                return
            self._waiting.intents.popleft()
            if not future.done():
                future.set_result(answer)
        self._schedule_records()

    def _remember(self, stored: Stored) -> None:
        self._recent.append(stored)
        self._recent_bytes += len(stored.data)
        self._since_snapshot_bytes += len(stored.data)
        limit = self.around.settings.recent_limit_bytes
        while self._recent_bytes > limit and len(self._recent) > 1:
            self._recent_bytes -= len(self._recent.popleft().data)
        if self._since_snapshot_bytes > self.around.settings.snapshot_every_bytes:
            self._since_snapshot_bytes = 0
            self.start(self.snapshot(), "snapshot")

    def _iter_recent(self, seq: int) -> Iterable[Stored]:
        start = seq + 1 - self._recent[0].entry.seq
        return islice(self._recent, start, None)

    def _put_snapshot(self, state: SessionState) -> None:
        self.around.journal.put_snapshot(state.journal_id, state.seq, pieces_of(state))

    # ---- inside: what the kernel says

    def _on_records(self, records: list[Record]) -> None:
        self._waiting.records.append(records)
        self._schedule_records()

    def _kernel_gone(self) -> None:
        self._reading = None
        self.commit_or_stall(kernel_gone(self.state, problem=KERNEL_LOST, at_ms=self.around.clock.now_ms()))

    def _schedule_records(self) -> None:
        if not self._waiting.records or self.stalled is not None or not self._let_go.is_set():
            return
        if self._records_task is not None and not self._records_task.done():
            return
        if self._is_waited_for(self._waiting.records[-1]):
            if self._records_due is not None:
                self._records_due.cancel()
                self._records_due = None
            self._take_records()
            return
        if self._records_due is not None:
            return
        now_s = self.around.clock.monotonic_s()
        delay_s = self._gate.delay_s(now_s)
        if delay_s == 0.0:
            self._take_records()
        else:
            self._records_due = asyncio.get_running_loop().call_later(delay_s, self._records_are_due)

    def _is_waited_for(self, records: list[Record]) -> bool:
        """Return whether the end of the last run, or of a message to a comm, is among them: somebody waits for it (LV6)."""
        runs, sends = self.state.runs, self.state.sends
        if sends and any(
            record.parent_id in sends and record.msg_type == "status" and b'"idle"' in record.content
            for record in records
        ):
            return True
        return bool(runs) and any(
            record.parent_id == runs[-1].id
            and (
                record.msg_type == "execute_reply"
                or (record.msg_type == "status" and b'"idle"' in record.content)
            )
            for record in records
        )

    def _records_are_due(self) -> None:
        self._records_due = None
        if self._let_go.is_set():
            self._take_records()

    def _take_records(self) -> None:
        self._gate.acted(self.around.clock.monotonic_s())
        records = [record for batch in self._waiting.records for record in batch]
        self._waiting.records.clear()
        limit = self.around.settings.blob_limit_bytes
        if any(
            len(record.content) > limit or any(len(buffer) > limit for buffer in record.buffers)
            for record in records
        ):
            # Large values go to blobs on a worker thread; what comes after waits its turn.
            self._records_task = self.start(self._apply_large_records(records), "large output")
        else:
            self._apply_records(records)

    def _apply_records(self, records: list[Record]) -> None:
        kernel_id = self._reading
        if kernel_id is None or kernel_id != self.state.kernel.id:
            return
        meaning = interpret(self.state, records, now_ms=self.around.clock.now_ms())
        self._apply_meaning(kernel_id, records, meaning)

    async def _apply_large_records(self, records: list[Record]) -> None:
        kernel_id = self._reading
        state, now_ms = self.state, self.around.clock.now_ms()
        if kernel_id is None or kernel_id != state.kernel.id:
            return
        blobs, limit = self.around.blobs, self.around.settings.blob_limit_bytes

        def prepare() -> Interpretation:
            meaning = interpret(state, records, now_ms=now_ms)
            ops = externalise(meaning.ops, limit_bytes=limit, new_blob=blobs.put)
            return msgspec.structs.replace(meaning, ops=ops)

        try:
            meaning = await self.in_thread(prepare)
            await self._let_go.wait()
        except JournalError as error:  # no room for the blob
            self._waiting.records.appendleft(records)
            self.stall(error)
        else:
            self._apply_meaning(kernel_id, records, meaning)
        self._records_task = None
        self._schedule_records()

    def _apply_meaning(self, kernel_id: KernelId, records: list[Record], meaning: Interpretation) -> None:
        for record in meaning.answers:
            self._asker.heard(record)
        if meaning.cursor is None:
            return
        try:
            # Answers to questions alone make no entry: read again after a restart, they give nothing.
            if meaning.ops:
                self.commit(meaning.ops, cursor=meaning.cursor)
        except JournalError as error:
            self._waiting.records.appendleft(records)
            self.stall(error)
            return
        self.around.host.acknowledge(kernel_id, meaning.cursor.number)
        self._read_number = meaning.cursor.number

    # ---- inside: effects

    async def _perform_forever(self) -> None:
        while True:
            effect = await self._effects.get()
            try:
                await self._perform_once(effect)
            except asyncio.CancelledError:
                raise
            except CarnetError as error:
                log.warning("notebook %s: %s: %s", self.state.journal_id, type(effect).__name__, error)
                self._effect_failed(effect, error)
            except Exception:
                # One effect that fails must not end the session of everyone who follows it.
                log.exception("notebook %s: %s failed", self.state.journal_id, type(effect).__name__)
                self.notice("effect", "error", "Something went wrong inside Carnet; the log says what.")

    async def _perform_once(self, effect: fx.Effect) -> None:
        """Perform it; when the host's connection breaks meanwhile, again: the host knows what it has done."""
        for attempt in range(HOST_TRIES):
            try:
                if not isinstance(effect, _WITHOUT_HOST):
                    await self.around.host.connect()
                await self._perform(effect)
            except HostUnavailable:
                if attempt == HOST_TRIES - 1:
                    raise
            else:
                return

    async def _perform(self, effect: fx.Effect) -> None:
        host = self.around.host
        match effect:
            case fx.StartKernel(kernel_id=kernel_id, kernelspec=kernelspec):
                info = await host.start(
                    kernel_id,
                    kernelspec=kernelspec or self.around.settings.default_kernelspec,
                    cwd=self.around.kernel_folder(self.state.path),
                    label=self.state.path,
                )
                kernel = self.state.kernel
                if kernel.id == kernel_id:
                    self.commit_or_stall(
                        [
                            SetKernel(
                                kernel=msgspec.structs.replace(
                                    kernel,
                                    kernelspec=info.kernelspec,
                                    display_name=info.display_name or info.kernelspec,
                                    language=info.language or kernel.language,
                                )
                            )
                        ]
                    )
                    await self.read_kernel()
            case fx.SubmitRuns(kernel_id=kernel_id, runs=runs):
                await host.submit(
                    kernel_id,
                    [
                        RunSubmission(
                            run_id=run.id,
                            batch_id=run.batch_id,
                            code=run.source,
                            cell_id=run.cell_id,
                            stop_on_error=run.stop_on_error,
                        )
                        for run in runs
                    ],
                )
            case fx.CancelRuns(kernel_id=kernel_id, run_ids=run_ids):
                await host.cancel(kernel_id, run_ids)
            case fx.ReorderRuns(kernel_id=kernel_id, run_ids=run_ids):
                await host.reorder(kernel_id, run_ids)
            case fx.InterruptKernel(kernel_id=kernel_id):
                await host.interrupt(kernel_id)
                self.start(self._watch_interrupt(), "interrupt watch")
            case fx.RestartKernel(kernel_id=kernel_id, lineage=lineage):
                await host.restart(kernel_id, lineage=lineage)
            case fx.ShutdownKernel(kernel_id=kernel_id, now=now):
                # It takes as long as the kernel takes to end; nothing that follows depends on it.
                self.start(self._shut_down(kernel_id, now=now), "shutdown")
            case fx.AnswerInput(kernel_id=kernel_id, header=header, value=value):
                await host.send(
                    kernel_id,
                    "stdin",
                    "input_reply",
                    new_id(),
                    msgspec.json.encode({"value": value, "status": "ok"}),
                    parent_header=header.encode(),
                )
            case fx.SendComm(kernel_id=kernel_id):
                if kernel_id == self.state.kernel.id and effect.send.id in self.state.sends:
                    await send_comm(self, effect)
            case fx.ScheduleSave():
                self.saver.schedule()
            case fx.SaveNow():
                self.saver.save_soon()
            case fx.TrustFile():
                await self.in_thread(self.saver.trust_file)
            case fx.SpillStream(text=text):
                ref: BlobRef = await self.in_thread(
                    lambda: self.around.blobs.put(text.encode(errors="surrogatepass"), "text/plain")
                )
                operation = spill_operation(self.state, effect, ref)
                if operation is not None:
                    self.commit_or_stall([operation])
            case _:
                assert_never(effect)

    async def _watch_interrupt(self) -> None:
        """Say when a run ignores an interrupt, and take it back when the run is over (LV20)."""
        patience_s = self.around.settings.interrupt_patience_s
        asked = {run.id for run in self.state.runs if run.started_ms is not None}
        await asyncio.sleep(patience_s)
        if asked.isdisjoint(run.id for run in self.state.runs):
            return
        self.notice("interrupt", "warning", INTERRUPT_IGNORED.format(seconds=patience_s))
        while True:
            await asyncio.sleep(patience_s / 10)
            if asked.isdisjoint(run.id for run in self.state.runs):
                self.drop_notice("interrupt")
                return

    async def _shut_down(self, kernel_id: KernelId, *, now: bool) -> None:
        try:
            await self.around.host.shutdown(kernel_id, now=now)
        except NoSuchKernel:
            return  # it has ended by itself
        except KernelError as error:
            self.notice("effect", "warning", f"The kernel may still run: {error}")

    def _effect_failed(self, effect: fx.Effect, error: CarnetError) -> None:
        match effect:
            case fx.StartKernel(kernel_id=kernel_id) | fx.SubmitRuns(kernel_id=kernel_id) if (
                kernel_id == self.state.kernel.id
            ):
                self.commit_or_stall(
                    kernel_gone(self.state, problem=str(error), at_ms=self.around.clock.now_ms())
                )
            case fx.SendComm(send=send):
                self.notice(
                    "effect", "warning", f"What was set in a widget did not reach the kernel: {error}"
                )
                self.commit_or_stall([CommHandled(send.id)])
            case _:
                self.notice("effect", "warning", str(error))

    def start(self, work: Coroutine[object, object, T], what: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=f"{what} {self.state.journal_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

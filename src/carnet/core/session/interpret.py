"""Turn what a kernel said into operations, a batch at a time. Purely.

The batch is read whole before anything is written, so that a thousand prints
become one operation, and an animation only its last frame. Records up to the
cursor are ignored, so each is applied once (KM1). A record that cannot be read
becomes a notice, never an exception.

Rules KM1 to KM20: docs/specs/session.md.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Literal, TypeVar, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from carnet.core.notebook.ipynb import check_depth, extract_large_output, is_json_type
from carnet.core.notebook.model import (
    BlobRef,
    Cell,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    Output,
    Stream,
)
from carnet.core.notebook.numbers import are_carried, carried
from carnet.core.notebook.terminal_text import shortened
from carnet.core.session import kernel_comms
from carnet.core.session import operations as ops
from carnet.core.session.comms import process_changed
from carnet.core.session.kernel_comms import COMMS_LIMIT_BYTES, CommReader, size_of
from carnet.core.session.obituary import sentence
from carnet.core.session.operations import KernelCursor, Operation
from carnet.core.session.state import (
    InputRequest,
    KernelState,
    Notice,
    NoticeKind,
    Run,
    RunOutcome,
    SessionState,
)
from carnet.core.text.changes import diff
from carnet.core.wire import host
from carnet.core.wire import kernel as km
from carnet.core.wire.host import Record
from carnet.errors import InvalidNotebook
from carnet.ids import CellId, CommId, RunId

T = TypeVar("T")

DIED = "kernel-died"
GAP = "kernel-gap"
MALFORMED = "kernel-malformed"
INPUT_LOST = "kernel-input"
TOO_DEEP = "kernel-too-deep"
COMMS_FULL = "kernel-comms"
"""Ids of notices. There is one of each kind: a newer one takes the place of the older."""

LEVELS = 200
"""Of lists and objects in what a kernel shows. nbformat and nbconvert recurse two or three times for each, and Python up to 1000."""

_OUTCOMES: Mapping[str, RunOutcome] = {"ok": "done", "error": "failed"}


Place = tuple[Literal["cell"], CellId] | tuple[Literal["comm"], CommId]
"""Where an output goes: a cell, or an Output widget."""


class Interpretation(Struct, frozen=True):
    """What a batch of records means."""

    ops: tuple[Operation, ...]
    cursor: KernelCursor | None
    """None: there was nothing new. Set: belongs into the entry, even when there are no operations."""
    answers: tuple[Record, ...] = ()
    """Replies to what is no run: completions and the like. Who asked knows their parent_id."""


def interpret(state: SessionState, records: Sequence[Record], *, now_ms: int) -> Interpretation:
    """Return what these records of the session's kernel (`state.kernel.id`) mean, in this state.

    `now_ms` dates what the records do not. Records of any other kernel must not come here.
    """
    kernel_id = state.kernel.id
    new = [record for record in records if record.number > state.kernel.cursor]
    if kernel_id is None or not new:
        return Interpretation((), None)
    reader = _Reader(state, now_ms)
    for record in new:
        reader.read(record)
    cursor = KernelCursor(kernel_id, new[-1].number)
    return Interpretation(reader.operations(), cursor, tuple(reader.answers))


def kernel_gone(state: SessionState, *, problem: str, at_ms: int) -> tuple[Operation, ...]:
    """Return the operations for a kernel that the host cannot start, or no longer knows; `problem` says why."""
    reader = _Reader(state, at_ms)
    reader.end_runs(at_ms)
    reader.drop_queued(at_ms)
    reader.set_kernel(at_ms, status="dead", problem=problem)
    return reader.operations()


def settle(
    state: SessionState,
    *,
    running: RunId | None,
    queued: Sequence[RunId],
    elsewhere: Sequence[RunId] = (),
    at_ms: int,
) -> tuple[Operation, ...]:
    """Return the operations that end what the host no longer has (KM13).

    To be called with the host's view of the kernel when its journal has been
    read to the end, after a gap or a lost connection; queued runs must have
    been submitted again before; `elsewhere` are those that other programs sent and that are not
    over for the host. Reply or idle of a run may be lost in a gap:
    it would stay `[*]` for ever.
    """
    reader = _Reader(state, at_ms)
    there = {*queued, *elsewhere, *([running] if running is not None else [])}
    for run in state.runs:
        if run.id not in there and (run.started_ms is not None or run.cancelled or run.elsewhere):
            if run.started_ms is not None:
                reader.finish(run, run.reply or "lost", at_ms)
                reader.said = "idle"  # which was lost with the rest
            else:
                reader.drop(run.id, at_ms)
    return reader.operations()


def externalise(
    operations: Sequence[Operation], *, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> tuple[Operation, ...]:
    """Return the operations with every output value larger than `limit_bytes` in a blob.

    `new_blob(bytes, media_type)` names the bytes, and stores them.
    """

    def small(output: Output) -> Output:
        return extract_large_output(output, limit_bytes=limit_bytes, new_blob=new_blob)

    return tuple(
        _externalised(operation, small, limit_bytes=limit_bytes, new_blob=new_blob)
        for operation in operations
    )


def _externalised(
    operation: Operation,
    small: Callable[[Output], Output],
    *,
    limit_bytes: int,
    new_blob: Callable[[bytes, str], BlobRef],
) -> Operation:
    match operation:
        case ops.AddOutput(output=output):
            return replace(operation, output=small(output))
        case ops.UpdateDisplay():
            shown = small(DisplayData(operation.data, operation.metadata, operation.blobs))
            assert isinstance(shown, DisplayData)
            return replace(operation, data=shown.data, blobs=shown.blobs)
        case ops.ReplaceOutputs(outputs=outputs):
            return replace(operation, outputs=tuple(small(output) for output in outputs))
        case ops.InsertCells(cells=cells):
            return replace(
                operation,
                cells=tuple(replace(cell, outputs=tuple(map(small, cell.outputs))) for cell in cells),
            )
        case _:
            return kernel_comms.externalised(operation, limit_bytes=limit_bytes, new_blob=new_blob)


# ---- decoding


class _Malformed(Exception):
    """The kernel sent what does not follow the protocol."""


_STATUS = msgspec.json.Decoder(km.StatusContent)
_STREAM = msgspec.json.Decoder(km.StreamContent)
_DISPLAY = msgspec.json.Decoder(km.DisplayContent)
_ERROR = msgspec.json.Decoder(km.ErrorContent)
_CLEAR = msgspec.json.Decoder(km.ClearOutputContent)
_INPUT = msgspec.json.Decoder(km.ExecuteInputContent)
_REPLY = msgspec.json.Decoder(km.ExecuteReplyContent)
_REQUEST = msgspec.json.Decoder(km.InputRequestContent)
_COMM_OPEN = msgspec.json.Decoder(km.CommOpenContent)
_COMM = msgspec.json.Decoder(km.CommContent)
_EVENT = msgspec.json.Decoder(host.HostEvent)


def _decoded(decoder: msgspec.json.Decoder[T], content: bytes) -> T:
    try:
        decoded = decoder.decode(content)
        if are_carried(decoded):
            return decoded
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    # Some kernels write NaN, or half a surrogate pair: not quite JSON, but what is meant is clear.
    try:
        tree = json.loads(content.decode("utf-8", "replace"), parse_constant=lambda _: None)
        return msgspec.convert(carried(_healed(tree)), decoder.type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _Malformed(str(error)) from None


def _healed(value: Json) -> Json:
    """Return the value with what files and wires can carry: U+FFFD for half a surrogate pair, null for 1e999."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_healed(item) for item in value]
        case dict():
            return {str(_healed(key)): _healed(item) for key, item in value.items()}
        case float() if not isfinite(value):
            return None
        case _:
            return value


def _shallow(values: dict[str, Json]) -> dict[str, Json]:
    """Return those of the values that are not nested too deep to be kept: all, nearly always (KM15)."""
    try:
        check_depth([values], LEVELS)
    except InvalidNotebook:
        return {name: value for name, value in values.items() if _is_shallow(value)}
    return values


def _is_shallow(value: Json) -> bool:
    try:
        check_depth([[value]], LEVELS)
    except InvalidNotebook:
        return False
    return True


def _bundle(data: dict[str, Json]) -> dict[str, Json]:
    """Return the bundle with text as one string: some kernels send lists of lines, as files have them."""
    for media_type, value in data.items():
        if isinstance(value, list) and not is_json_type(media_type):
            lines = [line for line in value if isinstance(line, str)]
            if len(lines) == len(value):
                data[media_type] = "".join(lines)
    return data


# ---- reading


class _Reader:
    """Reads a batch. It keeps what it has to know of the state up to date, and no more than that."""

    def __init__(self, state: SessionState, now_ms: int) -> None:
        self.answers: list[Record] = []
        self._state = state
        self._now_ms = now_ms
        self._kernel = state.kernel
        self.said: str | None = None
        """The newest status: `busy` or `idle`."""
        self._runs: dict[RunId, Run] = {run.id: run for run in state.runs}
        self._started = {run.id for run in state.runs if run.started_ms is not None}
        #: Runs of which more became known in this batch, as an ordered set.
        self._marked: dict[RunId, None] = {}
        self._counts: dict[CellId, int] = {}
        #: A run that the kernel answered with `aborted`, and when: the host may send it again (KM8).
        self._aborted: tuple[RunId, int] | None = None
        #: The newest run of each cell whose run ended in this batch; before that, of all cells, once that is asked.
        self._finished: dict[CellId, RunId] = {}
        self._cell_of_finished: dict[RunId, CellId] = {}
        self._cells_of_last: dict[RunId, CellId] | None = None
        #: Source and version of cells that this batch changed.
        self._sources: dict[CellId, tuple[str, int]] = {}
        self._draft = _Draft()
        self._told_kernel = state.kernel
        """As the operations so far have it."""
        self._comms = CommReader(state, self._draft, self._comms_are_full)

    # -- what comes out

    def operations(self) -> tuple[Operation, ...]:
        self._end_aborted()
        for run_id in self._marked:
            run = self._runs.get(run_id)
            if run is not None and (run.reply is not None or run.idle):
                self._draft.add(ops.MarkRun(run.id, reply=run.reply, idle=run.idle))
        self._comms.finish()
        self._settle_status()
        if self._kernel != self._told_kernel:
            self._draft.add(ops.SetKernel(self._kernel))
        return self._draft.operations()

    def _settle_status(self) -> None:
        """A running cell makes the kernel busy, whatever a completion on another channel says of idle (KM9)."""
        if self._kernel.status not in {"idle", "busy"}:
            return
        if any(not self._runs[run_id].idle for run_id in self._started) or self.said == "busy":
            self.set_kernel(self._now_ms, status="busy")
        elif self.said == "idle":
            self.set_kernel(self._now_ms, status="idle")

    def set_kernel(self, at_ms: int, **changes: object) -> None:
        kernel: KernelState = replace(self._kernel, **changes)
        if kernel.status != self._kernel.status:
            kernel = replace(kernel, since_ms=at_ms)
        self._kernel = kernel

    def _notice(self, notice_id: str, kind: NoticeKind, text: str) -> None:
        self._draft.add(ops.AddNotice(Notice(notice_id, kind, text, self._now_ms)))

    # -- records

    def read(self, record: Record) -> None:
        try:
            event = _decoded(_EVENT, record.content) if record.channel == "host" else None
            if not (isinstance(event, host.RunSent) and self._starts_over(event.run_id, record.at_ms)):
                self._end_aborted()
            match record.channel:
                case "host":
                    if event is not None:
                        self._read_event(event, record.at_ms)
                case "iopub":
                    self._read_iopub(record)
                case "stdin":
                    self._read_stdin(record)
                case "shell" | "control":
                    self._read_reply(record)
                case _:
                    assert_never(record.channel)
        except _Malformed:
            self._notice(
                MALFORMED,
                "warning",
                f"The kernel sent a message that cannot be read ({record.msg_type}); it was left out. "
                "The kernel's own program may be at fault.",
            )

    def _read_iopub(self, record: Record) -> None:
        match record.msg_type:
            case "status":
                self._read_status(record)
            case "execute_input":
                count = _decoded(_INPUT, record.content).execution_count
                if record.parent_id in self._runs and count is not None:
                    self._count(self._running(RunId(record.parent_id), record.at_ms), count)
            case "stream":
                stream = _decoded(_STREAM, record.content)
                place = self._place_of(record)
                if place is not None and stream.text:
                    self._draft.write(place, stream.name, stream.text)
            case "display_data":
                shown = self._display(record)
                output = DisplayData(
                    _bundle(shown.data), shown.metadata, display_id=shown.transient.display_id
                )
                self._output(record, output)
            case "execute_result":
                shown = self._display(record)
                result = ExecuteResult(
                    _bundle(shown.data),
                    shown.metadata,
                    execution_count=shown.execution_count,
                    display_id=shown.transient.display_id,
                )
                self._output(record, result)
            case "update_display_data":
                shown = self._display(record)
                if shown.transient.display_id is not None:
                    self._draft.update(shown.transient.display_id, _bundle(shown.data), shown.metadata)
            case "error":
                error = _decoded(_ERROR, record.content)
                self._output(record, ErrorOutput(error.ename, error.evalue, tuple(error.traceback)))
            case "clear_output":
                wait = _decoded(_CLEAR, record.content).wait
                place = self._place_of(record)
                if place is not None:
                    self._draft.clear(place, wait=wait)
            case "comm_open" | "comm_msg" | "comm_close":
                self._read_comm(record)
            case _:
                pass  # Debug events, welcome: no part of the document.

    def _read_comm(self, record: Record) -> None:
        if record.msg_type == "comm_open":
            opened = _decoded(_COMM_OPEN, record.content)
            if process_changed(self._told_kernel, self._kernel):
                # It is one of the new process: that has to be known before, or it would end with the old one (SE23).
                self._draft.add(ops.SetKernel(self._kernel))
                self._told_kernel = self._kernel
            opened = replace(opened, data=self._comm_data(opened.data))
            self._comms.open(opened, record.buffers, size_bytes=size_of(record))
            return
        content = _decoded(_COMM, record.content)
        if record.msg_type == "comm_close":
            self._comms.close(CommId(content.comm_id))
        else:
            self._comms.message(replace(content, data=self._comm_data(content.data)), record)

    def _comm_data(self, data: dict[str, Json]) -> dict[str, Json]:
        """Return what is said to a comm, as far as a file can hold it (KM15)."""
        if _shallow(data) is data:
            return data
        state = data.get("state")
        if isinstance(state, dict) and _is_shallow({**data, "state": None}):
            kept: dict[str, Json] = {**data, "state": _shallow(state)}
            lost = state.keys() - _shallow(state).keys()
        else:
            kept = _shallow(data)
            lost = data.keys() - kept.keys()
        self._notice(
            TOO_DEEP,
            "warning",
            f"Something that the kernel said of a widget was left out. {', '.join(sorted(lost))[:200]}: "
            f"lists and objects are nested more than {LEVELS} levels deep.",
        )
        return kept

    def _comms_are_full(self) -> None:
        self._notice(
            COMMS_FULL,
            "warning",
            f"What the kernel said of a widget was left out: widgets have more than {COMMS_LIMIT_BYTES // 10**6} MB "
            "here, or there are too many. Close those that are not needed, or restart the kernel.",
        )

    def _display(self, record: Record) -> km.DisplayContent:
        """Return what is shown, as far as a file can hold it (KM15)."""
        shown = _decoded(_DISPLAY, record.content)
        data, metadata = _shallow(shown.data), _shallow(shown.metadata)
        if data is shown.data and metadata is shown.metadata:
            return shown
        lost = sorted({*shown.data, *shown.metadata} - {*data, *metadata})
        what = f"{', '.join(lost)[:200]}: lists and objects are nested more than {LEVELS} levels deep"
        self._notice(TOO_DEEP, "warning", f"Something that the kernel showed was left out. {what}.")
        if data is not shown.data:
            data.setdefault("text/plain", f"[Left out: {what}]")
        return replace(shown, data=data, metadata=metadata)

    def _output(self, record: Record, output: Output) -> None:
        place = self._place_of(record)
        if place is None:
            return
        if place[0] == "cell":
            self._draft.output(place, ops.AddOutput(place[1], output))
        else:
            self._draft.output(place, ops.ShowInComm(place[1], _as_json(output)))

    def _read_status(self, record: Record) -> None:
        status = _decoded(_STATUS, record.content).execution_state
        if status in {"busy", "idle"}:
            self.said = status
        if status == "idle":
            self._comms.handled(record.parent_id, record.number)
        run_id = RunId(record.parent_id)
        if run_id not in self._runs:
            return
        if status == "busy":
            self._running(run_id, record.at_ms)
        elif status == "idle":
            self._mark(replace(self._running(run_id, record.at_ms), idle=True), record.at_ms)

    def _read_reply(self, record: Record) -> None:
        run_id = RunId(record.parent_id)
        if record.msg_type != "execute_reply" or run_id not in self._runs:
            self.answers.append(record)
            return
        run = self._running(run_id, record.at_ms)
        try:
            reply = _decoded(_REPLY, record.content)
        except _Malformed:
            self._mark(replace(run, reply="failed"), record.at_ms)
            raise
        if reply.execution_count is not None and reply.status != "aborted":
            self._count(run, reply.execution_count)
        if not run.elsewhere:  # the program that ran it does what they say
            for payload in reply.payload:
                self._read_payload(run, payload)
        self._mark(replace(run, reply=_OUTCOMES.get(reply.status, "aborted")), record.at_ms)

    def _read_payload(self, run: Run, payload: dict[str, Json]) -> None:
        match payload:
            case {"source": "page", "data": dict(data)}:
                self._draft.add(ops.ShowPage(run.id, _bundle(_shallow(data))))
            case {"source": "set_next_input", "text": str(text), "replace": True}:
                self._replace_source(run.cell_id, text)
            case {"source": "set_next_input", "text": str(text)}:
                if run.cell_id in self._state.cells:
                    # The id has to come from somewhere, and a run has one such cell at most.
                    cell = Cell(CellId(f"next-{run.id}"[:64]), "code", text)
                    self._draft.add(ops.InsertCells(run.cell_id, (cell,)))
            case _:
                pass

    def _replace_source(self, cell_id: CellId, text: str) -> None:
        cell = self._state.cells.get(cell_id)
        if cell is None:
            return
        source, version = self._sources.get(cell_id, (cell.cell.source, cell.version))
        change = diff(source, text)
        if not change.is_empty:
            self._sources[cell_id] = (text, version + 1)
            self._draft.add(ops.ChangeSource(cell_id, version + 1, change.to_json()))

    def _read_stdin(self, record: Record) -> None:
        run_id = RunId(record.parent_id)
        if record.msg_type != "input_request" or run_id not in self._runs:
            return
        request = _decoded(_REQUEST, record.content)
        run = self._running(run_id, record.at_ms)
        if run.cell_id in self._state.cells:
            header = record.header.decode("utf-8", "replace")
            asked = InputRequest(run_id, request.prompt, request.password, header)
            self._draft.add(ops.RequestInput(run.cell_id, asked))
        else:
            self._notice(
                INPUT_LOST,
                "warning",
                "A cell that was deleted waits for input. Restore the cell and run it again, "
                "or interrupt the kernel.",
            )

    # -- what the host says

    def _read_event(self, event: host.HostEvent, at_ms: int) -> None:
        match event:
            case host.KernelStarted():
                self._kernel_started(event, at_ms)
            case host.KernelDied():
                self._kernel_died(event, at_ms)
            case host.KernelRestarting():
                self.set_kernel(at_ms, status="restarting")
            case host.RunSent(run_id=run_id):
                if run_id in self._runs:
                    self._running(run_id, at_ms)  # Does nothing for one that starts over.
            case host.RunDropped(run_id=run_id):
                if run_id in self._started:
                    self.finish(self._runs[run_id], "aborted", at_ms)
                elif run_id in self._runs:
                    self.drop(run_id, at_ms)
            case host.RunEnded(run_id=run_id):
                if run_id in self._runs:
                    # Without a reply nobody knows how it went.
                    run = self._running(run_id, at_ms)
                    self.finish(run, run.reply or "lost", at_ms)
            case host.JournalGap(since_ms=since_ms, reason=reason):
                self._comms.give_up()
                seconds = max(1, round((at_ms - since_ms) / 1000))
                self._notice(
                    GAP, "warning", f"Some output of this kernel may be missing: for {seconds} s, {reason}."
                )
            case _:
                assert_never(event)

    def _kernel_started(self, event: host.KernelStarted, at_ms: int) -> None:
        if event.lineage != self._kernel.lineage:
            self.end_runs(at_ms)  # Those of the process before, if nobody saw how it ended.
            self._comms.process_ended()
            self._comms.forget_unshown()
        info = event.info.get("language_info")
        language = info.get("name") if isinstance(info, dict) else None
        self.set_kernel(
            at_ms,
            status="idle",
            lineage=event.lineage,
            language=language if isinstance(language, str) else self._kernel.language,
            obituary=None,
            problem="",
            replaces=None,
        )
        self.said = "idle"
        metadata: dict[str, Json] = {}
        if isinstance(info, dict) and _is_shallow(info):
            metadata["language_info"] = info
        kernel = self._kernel
        if kernel.kernelspec and "kernelspec" not in self._state.metadata:
            metadata["kernelspec"] = {
                "display_name": kernel.display_name or kernel.kernelspec,
                "language": kernel.language,
                "name": kernel.kernelspec,
            }
        if any(self._state.metadata.get(key) != value for key, value in metadata.items()):
            self._draft.add(ops.SetMetadata(metadata))

    def _kernel_died(self, event: host.KernelDied, at_ms: int) -> None:
        obituary = event.obituary
        if obituary.run_id in self._runs:
            self._running(obituary.run_id, at_ms)
        self.end_runs(at_ms)
        self._comms.process_ended()
        if self._kernel.status == "restarting" and obituary.asked:
            return  # What is queued now was queued for the process that comes.
        self.drop_queued(at_ms)
        started = self._kernel.lineage > 0
        text = sentence(obituary, started=started)
        self.set_kernel(at_ms, status="dead", obituary=obituary, problem="" if started else text)
        if not obituary.asked:
            self._notice(DIED, "error", text)

    # -- runs

    def _running(self, run_id: RunId, at_ms: int) -> Run:
        """Return the run, which was sent: whoever speaks of it says so, if `RunSent` is missing."""
        run = self._runs[run_id]
        if run.started_ms is None:
            run = replace(run, started_ms=at_ms)
            self._runs[run_id] = run
            self._started.add(run_id)
            self._draft.part(run.cell_id)
            self._draft.add(ops.StartRun(run_id, at_ms))
        return run

    def _count(self, run: Run, count: int) -> None:
        if self._counts.get(run.cell_id) != count:
            self._counts[run.cell_id] = count
            self._draft.add(ops.CountRun(run.id, count))

    def _mark(self, run: Run, at_ms: int) -> None:
        """Keep what is known now; the run is over when reply and idle are both in (SE7)."""
        if run.reply == "aborted" and run.idle:
            self._aborted = (run.id, at_ms)
        elif run.reply is not None and run.idle:
            self.finish(run, run.reply, at_ms)
            return
        self._runs[run.id] = run
        self._marked[run.id] = None

    def _starts_over(self, run_id: RunId, at_ms: int) -> bool:
        """Return whether this run was sent before; then forget what the kernel said of that time."""
        run = self._runs.get(run_id)
        if run is None or run.started_ms is None:
            return False
        self._aborted = None
        self._runs[run_id] = replace(run, started_ms=at_ms, reply=None, idle=False)
        self._draft.part(run.cell_id)
        self._draft.add(ops.StartRun(run_id, at_ms))
        return True

    def _end_aborted(self) -> None:
        if self._aborted is not None:
            run_id, at_ms = self._aborted
            self._aborted = None
            self.finish(self._runs[run_id], "aborted", at_ms)

    def finish(self, run: Run, outcome: RunOutcome, at_ms: int) -> None:
        self._leave(run)
        self._draft.add(ops.FinishRun(run.id, outcome, at_ms))

    def drop(self, run_id: RunId, at_ms: int) -> None:
        self._leave(self._runs[run_id])
        self._draft.drop(run_id, at_ms)

    def _leave(self, run: Run) -> None:
        del self._runs[run.id]
        self._started.discard(run.id)
        self._draft.part(run.cell_id)
        self._cell_of_finished.pop(self._finished.get(run.cell_id, run.id), None)
        self._finished[run.cell_id] = run.id
        self._cell_of_finished[run.id] = run.cell_id

    def end_runs(self, at_ms: int) -> None:
        for run_id in sorted(self._started):
            run = self._runs[run_id]
            self.finish(run, run.reply or "lost", at_ms)

    def drop_queued(self, at_ms: int) -> None:
        for run_id in [run_id for run_id in self._runs if run_id not in self._started]:
            self.drop(run_id, at_ms)

    def _place_of(self, record: Record) -> Place | None:
        """Return where this output belongs: an Output widget that takes it, a cell, or nowhere."""
        comm_id = self._comms.capture(record.parent_id)
        if comm_id is not None:
            self._comms.shows(comm_id)
            return ("comm", comm_id)
        cell_id = self._comms.cell_of_send(record.parent_id)
        if cell_id is None:
            cell_id = self._cell_of(record)
        cell = self._state.cells.get(cell_id) if cell_id is not None else None
        return ("cell", cell.cell.id) if cell is not None and cell.cell.kind == "code" else None

    def _cell_of(self, record: Record) -> CellId | None:
        """Return the cell that this output belongs to, if it is still there and wants it."""
        run_id = RunId(record.parent_id)
        if run_id in self._runs:
            cell_id = self._running(run_id, record.at_ms).cell_id
        else:
            return self._late_cell(run_id)
        return cell_id

    def _late_cell(self, run_id: RunId) -> CellId | None:
        """Return the cell whose last run this was: a thread of it may still print (KM5)."""
        cell_id = self._cell_of_finished.get(run_id)
        if cell_id is None:
            if self._cells_of_last is None:
                cells = self._state.cells.items()
                self._cells_of_last = {cell.last.run_id: key for key, cell in cells if cell.last is not None}
            cell_id = self._cells_of_last.get(run_id)
            if cell_id is None or cell_id in self._finished:
                return None
        if any(self._runs[other].cell_id == cell_id for other in self._started):
            return None
        return cell_id


def _as_json(output: Output) -> dict[str, Json]:
    """Return the output as nbformat writes it, with text in one string."""
    match output:
        case DisplayData(data=data, metadata=metadata):
            return {"output_type": "display_data", "data": data, "metadata": metadata}
        case ExecuteResult(data=data, metadata=metadata, execution_count=count):
            return {
                "output_type": "execute_result",
                "data": data,
                "metadata": metadata,
                "execution_count": count,
            }
        case ErrorOutput(ename=ename, evalue=evalue, traceback=traceback):
            return {
                "output_type": "error",
                "ename": ename,
                "evalue": evalue,
                "traceback": list(traceback),
            }
        case Stream():
            raise AssertionError("streams are written, not appended")
        case _:
            assert_never(output)


def _text(place: Place, name: str, text: str) -> Operation:
    if place[0] == "cell":
        return ops.AppendStream(place[1], name, text)
    return ops.WriteComm(place[1], name, text)


def _cleared(place: Place, *, wait: bool) -> Operation:
    if place[0] == "cell":
        return ops.ClearOutput(place[1], wait)
    return ops.ClearComm(place[1], wait)


class _Draft:
    """The operations so far. What later ones make pointless is taken out again (None)."""

    def __init__(self) -> None:
        self._ops: list[Operation | None] = []
        #: For each place: where its output operations stand.
        self._outputs: dict[Place, list[int]] = {}
        #: For each place whose last output is a stream: where it stands, and its text in pieces.
        self._streams: dict[Place, tuple[int, str, list[str]]] = {}
        self._updates: dict[str, int] = {}
        self._waiting: set[Place] = set()

    def operations(self) -> tuple[Operation, ...]:
        for place in list(self._streams):
            self._close_stream(place)
        return tuple(operation for operation in self._ops if operation is not None)

    def add(self, operation: Operation) -> int:
        self._ops.append(operation)
        return len(self._ops) - 1

    def take_back(self, index: int) -> Operation | None:
        operation, self._ops[index] = self._ops[index], None
        return operation

    def part(self, cell_id: CellId) -> None:
        """A run begins or ends: what it does to old outputs is up to `apply`, so nothing is put together across it."""
        self._close_stream(("cell", cell_id))
        self._waiting.discard(("cell", cell_id))

    def part_comm(self, comm_id: CommId) -> None:
        self._close_stream(("comm", comm_id))
        self._waiting.discard(("comm", comm_id))

    def drop(self, run_id: RunId, at_ms: int) -> None:
        last = self._ops[-1] if self._ops else None
        if isinstance(last, ops.DropRuns):
            self._ops[-1] = ops.DropRuns((*last.run_ids, run_id), "aborted", at_ms)
        else:
            self.add(ops.DropRuns((run_id,), "aborted", at_ms))

    def write(self, place: Place, name: str, text: str) -> None:
        self._open(place)
        stream = self._streams.get(place)
        if stream is not None and stream[1] == name:
            stream[2].append(text)
            return
        self.output(place, _text(place, name, ""))
        self._streams[place] = (len(self._ops) - 1, name, [text])

    def output(self, place: Place, operation: Operation) -> None:
        self._open(place)
        self._close_stream(place)
        self._outputs.setdefault(place, []).append(len(self._ops))
        self.add(operation)

    def update(self, display_id: str, data: dict[str, Json], metadata: dict[str, Json]) -> None:
        before = self._updates.get(display_id)
        if before is not None:
            self._ops[before] = None
        self._updates[display_id] = len(self._ops)
        self.add(ops.UpdateDisplay(display_id, data, metadata))

    def clear(self, place: Place, *, wait: bool) -> None:
        if wait:
            if place not in self._waiting:
                self._waiting.add(place)
                self._close_stream(place)
                self._outputs.setdefault(place, []).append(len(self._ops))
                self.add(_cleared(place, wait=True))
            return
        self._waiting.discard(place)
        self._streams.pop(place, None)
        for index in self._outputs.get(place, ()):
            self._ops[index] = None
        self._outputs[place] = [len(self._ops)]
        self.add(_cleared(place, wait=False))

    def _open(self, place: Place) -> None:
        """An output comes: what waited to be cleared is cleared, and what this batch wrote before is gone."""
        if place in self._waiting:
            self.clear(place, wait=False)

    def _close_stream(self, place: Place) -> None:
        stream = self._streams.pop(place, None)
        if stream is not None:
            index, name, pieces = stream
            self._ops[index] = _text(place, name, shortened("".join(pieces)))

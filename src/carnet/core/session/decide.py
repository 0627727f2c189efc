"""Decide what becomes of an intent: operations, or a refusal in words. Purely.

Nothing here waits, reads a clock or makes ids: `now_ms` and `Fresh` are given.
An intent whose number was decided before gives `again`: nothing is done twice
(IN1). One that comes too late gives no operations, which is no refusal (IN3).

Rules IN1 to IN14: docs/specs/session.md.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from carnet.core.notebook.ipynb import MAX_DEPTH, check_depth
from carnet.core.notebook.model import Cell, DisplayData, ExecuteResult, Json
from carnet.core.session import effects as fx
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.apply import apply
from carnet.core.session.effects import Effect
from carnet.core.session.intents import CellEdit, ChangeSourceFrom, Intent, RunRequest
from carnet.core.session.operations import Entry, Operation
from carnet.core.session.runs import find_run, queued_ids
from carnet.core.session.state import (
    CellState,
    Comm,
    CommSend,
    KernelState,
    Refusal,
    Run,
    SessionState,
)
from carnet.core.text.changes import ChangeSet
from carnet.errors import InvalidChange, InvalidNotebook
from carnet.ids import BatchId, CellId, KernelId, RunId

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Kernelspec(Struct, frozen=True):
    """What is known of an installed kernelspec."""

    display_name: str
    language: str


class Fresh(Struct, frozen=True):
    """What a decision may need from outside."""

    kernel_id: KernelId
    """A new one, in case a kernel has to be started."""
    kernelspecs: Mapping[str, Kernelspec] = {}
    """The installed ones. Empty: not known, any name is taken for good."""
    default_kernelspec: str = ""


class Decision(Struct, frozen=True):
    """What becomes of an intent."""

    ops: tuple[Operation, ...] = ()
    effects: tuple[Effect, ...] = ()
    """To be performed after the commit and before the effects of the operations."""
    refusal: Refusal | None = None
    message: str = ""
    """Why it was refused, for people."""
    again: bool = False
    """The number was decided before: there is no new entry. `refusal` says if it was refused then."""


class _Refused(Exception):
    """Ends a decision: nothing of the intent happens."""

    def __init__(self, refusal: Refusal, message: str) -> None:
        super().__init__(message)
        self.refusal: Refusal = refusal


def decide(state: SessionState, intent: Intent, *, now_ms: int, fresh: Fresh) -> Decision:
    """Return what becomes of this intent in this state. Raises nothing: a bad intent is refused."""
    if intent.number <= state.clients.get(intent.client_id, 0):
        if intent.number in state.refused.get(intent.client_id, ()):
            return Decision(refusal="invalid", message="It was refused before.", again=True)
        return Decision(again=True)
    draft = _Draft(state, now_ms=now_ms, fresh=fresh, by=intent.by)
    try:
        draft.decide(intent.body)
    except _Refused as error:
        return Decision(refusal=error.refusal, message=str(error))
    return Decision(tuple(draft.ops), tuple(draft.effects))


def entry_of(decision: Decision, intent: Intent, *, seq: int, at_ms: int) -> Entry | None:
    """Return the entry that journals and acknowledges a decision; None for one made before."""
    if decision.again:
        return None
    return Entry(
        seq=seq,
        at_ms=at_ms,
        ops=decision.ops,
        client_id=intent.client_id,
        intent=intent.number,
        refusal=decision.refusal,
        message=decision.message,
    )


@dataclass
class _Draft:
    """A decision in the making: `state` has the operations so far."""

    state: SessionState
    now_ms: int
    fresh: Fresh
    by: str
    ops: list[Operation] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def add(self, operation: Operation) -> None:
        """Add the operation, unless it is too late or changes nothing."""
        state, effects = apply(self.state, operation, seq=self.state.seq + 1)
        if state != self.state or effects:
            self.ops.append(operation)
            self.state = state

    def decide(self, body: intents.IntentBody) -> None:
        match body:
            case intents.Edit(edits=edits):
                for edit in edits:
                    self._edit(edit)
            case intents.RunCells(batch_id=batch_id, runs=runs):
                self._run(batch_id, runs)
            case intents.CancelRuns(run_ids=run_ids):
                self._cancel(run_ids)
            case intents.ReorderQueue(run_ids=run_ids):
                queued = set(queued_ids(self.state))
                self.add(ops.ReorderRuns(tuple(run_id for run_id in run_ids if run_id in queued)))
            case intents.Interrupt():
                self.effects.append(fx.InterruptKernel(self._kernel_id()))
            case intents.StartKernel(kernelspec=name):
                self._start_kernel(name)
            case intents.RestartKernel():
                self._restart_kernel(body)
            case intents.ShutdownKernel(now=now):
                self._end_kernel(now=now)
            case intents.AnswerInput():
                self._answer(body)
            case intents.SendComm():
                self._send_comm(body)
            case intents.SaveNow():
                self.effects.append(fx.SaveNow())
            case intents.TrustNotebook():
                self.add(ops.TrustOutputs())
            case intents.DismissNotice(id=notice_id):
                self.add(ops.DropNotice(notice_id))
            case _:
                assert_never(body)

    # ---- edits

    def _edit(self, edit: CellEdit) -> None:
        _look_into(edit)
        match edit:
            case ops.InsertCells():
                self.add(replace(edit, cells=tuple(_checked(cell) for cell in edit.cells)))
            case ops.DeleteCells(cell_ids=cell_ids):
                for cell_id in cell_ids:
                    self._guard(cell_id, "deletable", "deleted")
                self.add(edit)
            case ChangeSourceFrom():
                self._change_source(edit)
            case ops.SetKind(cell_id=cell_id) | ops.SetAttachments(cell_id=cell_id):
                self._guard(cell_id, "editable", "edited")
                self.add(edit)
            case (
                ops.RestoreCells()
                | ops.MoveCells()
                | ops.SetCellMetadata()
                | ops.SetMetadata()
                | ops.ClearOutputs()
            ):
                self.add(edit)
            case _:
                assert_never(edit)

    def _guard(self, cell_id: CellId, key: str, what: str) -> None:
        """Refuse when the cell's metadata says so (`deletable` and `editable`, as nbformat defines them)."""
        cell = self.state.cells.get(cell_id)
        if cell is not None and cell.cell.metadata.get(key) is False:
            raise _Refused(
                "protected",
                f'Cell {cell_id} cannot be {what}: its metadata says "{key}": false. '
                "Change its metadata to allow it.",
            )

    def _change_source(self, edit: ChangeSourceFrom) -> None:
        cell = self.state.cells.get(edit.cell_id)
        if cell is None:
            return
        self._guard(edit.cell_id, "editable", "edited")
        try:
            changes = self._mapped(cell, edit)
            source = changes.apply(cell.cell.source)
        except InvalidChange as error:
            raise _Refused("invalid", f"The change to cell {edit.cell_id} does not fit: {error}.") from None
        if source != cell.cell.source:
            self.add(ops.ChangeSource(edit.cell_id, cell.version + 1, changes.to_json()))

    def _mapped(self, cell: CellState, edit: ChangeSourceFrom) -> ChangeSet:
        """Return the change as it applies to the present version (IN5)."""
        known = self.state.changes.get(edit.cell_id, ())
        behind = cell.version - edit.base
        if behind < 0:
            raise _Refused(
                "invalid", f"Cell {edit.cell_id} has version {cell.version}, the change is for {edit.base}."
            )
        if behind > len(known):
            raise _Refused(
                "too-old",
                f"Cell {edit.cell_id} has changed {behind} times since, more than is kept: "
                "read it again and send what is different.",
            )
        changes = ChangeSet.from_json(edit.changes)
        for other in known[len(known) - behind :]:
            changes = changes.map(ChangeSet.from_json(other))
        return changes

    # ---- runs

    def _run(self, batch_id: BatchId, requests: Sequence[RunRequest]) -> None:
        runs: dict[RunId, Run] = {}
        blank: list[CellId] = []
        waiting = {
            run.cell_id
            for run in self.state.runs
            if run.started_ms is None and not run.cancelled and not run.elsewhere
        }
        known = {run.id for run in self.state.runs}
        for request in requests:
            cell = self.state.cells.get(request.cell_id)
            if not _ID.fullmatch(request.run_id) or not _ID.fullmatch(batch_id):
                raise _Refused(
                    "invalid", f"{request.run_id!r} of {batch_id!r} is not a run id and a batch id."
                )
            if cell is None or cell.cell.kind != "code" or request.cell_id in waiting:
                continue
            if request.run_id in known or (cell.last is not None and cell.last.run_id == request.run_id):
                continue
            if not cell.cell.source.strip():
                blank.append(request.cell_id)
                continue
            waiting.add(request.cell_id)
            known.add(request.run_id)
            runs[request.run_id] = self._frozen(request, batch_id, cell)
        if blank:
            self.add(ops.ClearOutputs(tuple(blank)))
        if runs:
            if self.state.kernel.id is None or self.state.kernel.status in {"none", "dead"}:
                self._bind(self._kernelspec_to_run_with())
            self.add(ops.QueueRuns(tuple(runs.values())))

    def _frozen(self, request: RunRequest, batch_id: BatchId, cell: CellState) -> Run:
        """Return the run with the source as it stands now, whatever is typed until it is sent (IN6)."""
        tags = cell.cell.metadata.get("tags")
        return Run(
            id=request.run_id,
            cell_id=request.cell_id,
            batch_id=batch_id,
            source=cell.cell.source,
            version=cell.version,
            stop_on_error=not (isinstance(tags, list) and "raises-exception" in tags),
            by=self.by,
            queued_ms=self.now_ms,
        )

    def _cancel(self, run_ids: Sequence[RunId]) -> None:
        """Mark them; they leave the queue when the host says that it did not send them (IN8)."""
        for run_id in run_ids:
            run = find_run(self.state, run_id)
            if run is not None and run.started_ms is None and not run.elsewhere:
                self.add(ops.MarkRun(run_id, cancelled=True))

    def _answer(self, answer: intents.AnswerInput) -> None:
        for cell_id, cell in self.state.cells.items():
            request = cell.input
            if request is not None and request.run_id == answer.run_id:
                self.effects.append(
                    fx.AnswerInput(self._kernel_id(), answer.run_id, request.header, answer.value)
                )
                self.add(ops.CloseInput(cell_id))
                return

    def _send_comm(self, intent: intents.SendComm) -> None:
        """Send a message to a comm; too late for one that is gone, or whose kernel process has ended (IN14)."""
        _look_into_comm(intent)
        comm = self.state.comms.get(intent.comm_id)
        opens = intent.message == "comm_open"
        if opens:
            self._kernel_id()
        if (comm is not None) if opens else (comm is None or not comm.live):
            return
        if opens:
            self.add(
                ops.OpenComm(intent.comm_id, Comm(intent.target, data=intent.data, buffers=intent.buffers))
            )
        self.add(
            ops.CommSent(
                CommSend(
                    intent.send_id,
                    intent.comm_id,
                    intent.message,
                    intent.data,
                    intent.buffers,
                    intent.target,
                    intent.cell_id,
                )
            )
        )
        if intent.message == "comm_close":
            self.add(ops.CloseComms((intent.comm_id,)))

    # ---- the kernel

    def _kernel_id(self) -> KernelId:
        kernel = self.state.kernel
        if kernel.id is None or kernel.status in {"none", "dead"}:
            raise _Refused("no-kernel", "No kernel is running for this notebook. Run a cell to start one.")
        return kernel.id

    def _start_kernel(self, name: str) -> None:
        name = name or self._own_kernelspec() or self.fresh.default_kernelspec
        if self.fresh.kernelspecs and name and name not in self.fresh.kernelspecs:
            raise _Refused("no-kernel", f"No kernelspec is called {name!r} here. {self._installed()}")
        self._end_kernel(now=False)
        self._bind(name)
        self._write_kernelspec(name)

    def _restart_kernel(self, intent: intents.RestartKernel) -> None:
        kernel = self.state.kernel
        if kernel.id is None or kernel.status in {"none", "dead"}:
            self._bind(self._kernelspec_to_run_with())
        elif kernel.status not in {"starting", "restarting"}:
            # The host drops what is queued too; done here first, so that it can be queued again below.
            self._drop_queued()
            self.effects.append(fx.RestartKernel(kernel.id, kernel.lineage))
            self.add(ops.SetKernel(replace(kernel, status="restarting", since_ms=self.now_ms)))
        if intent.clear:
            code = [cell_id for cell_id in self.state.order if self.state.cells[cell_id].cell.kind == "code"]
            self.add(ops.ClearOutputs(tuple(code)))
        if intent.runs:
            self._run(intent.batch_id, intent.runs)

    def _end_kernel(self, *, now: bool) -> None:
        """Let the present kernel go: its runs are over, whatever it still says."""
        kernel = self.state.kernel
        if kernel.id is None:
            return
        for run in self.state.runs:
            if run.started_ms is not None:
                self.add(ops.FinishRun(run.id, run.reply or "lost", self.now_ms))
        self._drop_queued()
        self.effects.append(fx.ShutdownKernel(kernel.id, now))
        unbound = KernelState(
            kernelspec=kernel.kernelspec,
            display_name=kernel.display_name,
            language=kernel.language,
            since_ms=self.now_ms,
            replaces=kernel.id,
        )
        self.add(ops.SetKernel(unbound))

    def _drop_queued(self) -> None:
        queued = queued_ids(self.state)
        if queued:
            self.add(ops.DropRuns(queued, "aborted", self.now_ms))

    def _bind(self, name: str) -> None:
        """Begin a new kernel. A dead one that is still bound makes room."""
        replaces = self.state.kernel.replaces
        if self.state.kernel.id is not None:
            replaces = self.state.kernel.id
            self.effects.append(fx.ShutdownKernel(replaces, now=False))
        spec = self.fresh.kernelspecs.get(name)
        kernel = KernelState(
            id=self.fresh.kernel_id,
            kernelspec=name,
            display_name=spec.display_name if spec is not None else name,
            language=spec.language if spec is not None else "",
            status="starting",
            since_ms=self.now_ms,
            replaces=replaces,
        )
        self.add(ops.SetKernel(kernel))
        if self._own_kernelspec() == "":
            self._write_kernelspec(name)

    def _write_kernelspec(self, name: str) -> None:
        """Write into the notebook which kernelspec it is for, as other Jupyter programs do."""
        spec = self.fresh.kernelspecs.get(name)
        if spec is not None:
            value: dict[str, Json] = {
                "display_name": spec.display_name,
                "language": spec.language,
                "name": name,
            }
            self.add(ops.SetMetadata({"kernelspec": value}))

    def _own_kernelspec(self) -> str:
        spec = self.state.metadata.get("kernelspec")
        name = spec.get("name") if isinstance(spec, dict) else None
        return name if isinstance(name, str) else ""

    def _kernelspec_to_run_with(self) -> str:
        """Return the kernelspec for a run: the one used last, the notebook's, one of its language, the default."""
        specs, own = self.fresh.kernelspecs, self._own_kernelspec()
        for name in (self.state.kernel.kernelspec, own):
            if name and (not specs or name in specs):
                return name
        if not own:
            return self.fresh.default_kernelspec
        language = self._own_language()
        for name, spec in specs.items():
            if language and spec.language.lower() == language:
                return name
        raise _Refused(
            "no-kernel",
            f"This notebook is for the kernelspec {own!r}, which is not installed here. "
            f"{self._installed()} Choose one of them.",
        )

    def _own_language(self) -> str:
        spec, info = self.state.metadata.get("kernelspec"), self.state.metadata.get("language_info")
        names = [
            spec.get("language") if isinstance(spec, dict) else None,
            info.get("name") if isinstance(info, dict) else None,
        ]
        return next((name.lower() for name in names if isinstance(name, str) and name), "")

    def _installed(self) -> str:
        return f"Installed: {', '.join(sorted(self.fresh.kernelspecs))}."


LEVELS = MAX_DEPTH - 10
"""Of lists and objects in what is inserted or set: with what stands around it, the file can be read again (IN13)."""


def _look_into(edit: CellEdit) -> None:
    """Refuse what is nested so deep that it could be journaled, and never be read from the file again."""
    values: list[Json]
    match edit:
        case ops.InsertCells(cells=cells):
            values = [value for cell in cells for value in _json_in(cell)]
        case ops.SetCellMetadata(set=new) | ops.SetMetadata(set=new):
            values = [new]
        case ops.SetAttachments(attachments=attachments):
            values = [attachments]
        case _:
            return
    try:
        check_depth(values, LEVELS)
    except InvalidNotebook as error:
        raise _Refused("invalid", f"This cannot be kept in a notebook: {error}.") from None


SEND_LEVELS = 200
"""Of lists and objects in a message to a comm: what a kernel may say of itself (KM15)."""

SEND_BYTES = 256 << 10
"""Of all buffers of a message to a comm that do not stand in blobs: a frame of the link over HTTP has 1 MiB."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def _look_into_comm(intent: intents.SendComm) -> None:
    """Refuse what could not be sent, or would make the journal large."""
    if not _ID.fullmatch(intent.send_id) or not intent.comm_id or len(intent.comm_id) > COMM_ID_LENGTH:
        raise _Refused(
            "invalid", f"{intent.send_id[:80]!r} to {intent.comm_id[:80]!r} is not a message to a comm."
        )
    size_bytes = sum(len(buffer.data) for buffer in intent.buffers)
    if size_bytes > SEND_BYTES:
        raise _Refused(
            "invalid",
            f"Buffers of {size_bytes} bytes are too large for a message: "
            f"more than {SEND_BYTES} are put into blobs first.",
        )
    for buffer in intent.buffers:
        if buffer.blob is not None and not _SHA256.fullmatch(buffer.blob.sha256):
            raise _Refused("invalid", f"{buffer.blob.sha256[:80]!r} is not the name of a blob.")
    try:
        check_depth([intent.data], SEND_LEVELS)
    except InvalidNotebook as error:
        raise _Refused("invalid", f"This cannot be sent to the kernel: {error}.") from None


COMM_ID_LENGTH = 256
"""Characters of a comm's id; ipywidgets uses 32."""


def _json_in(cell: Cell) -> Iterator[Json]:
    yield from (cell.metadata, cell.extra, cell.attachments)
    for output in cell.outputs:
        yield output.extra
        if isinstance(output, DisplayData | ExecuteResult):
            yield from (output.data, output.metadata)


def _checked(cell: Cell) -> Cell:
    if not _ID.fullmatch(cell.id):
        raise _Refused(
            "invalid", f"{cell.id!r} is not a cell id: 1 to 64 letters, digits, hyphens and underscores."
        )
    if "\r" in cell.source:
        # Line feeds are the only line ends of a source; so it is in the page's editor.
        return replace(cell, source=cell.source.replace("\r\n", "\n").replace("\r", "\n"))
    return cell

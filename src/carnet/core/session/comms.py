"""What operations do to comms: widgets' models and what they are told, and Output widgets' outputs.

A widget's state is what the kernel opened it with and all that it changed since.
An Output widget (ipywidgets' `Output`, and so `interact`) takes outputs in the
place of a cell; they are written here, so that it works with no browser.

Rules SE20 to SE24: docs/specs/session.md.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import DisplayData, ExecuteResult, Json
from carnet.core.notebook.terminal_text import AT_END, write
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.state import Comm, CommBuffer, KernelState, SessionState
from carnet.core.session.step import Step, without
from carnet.ids import CommId

WIDGET_TARGET = "jupyter.widget"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MODEL_PREFIX = "IPY_MODEL_"
"""Before the comm's id, where one model's state names another."""

_OUTPUTS = "outputs"
_encoder = msgspec.msgpack.Encoder()


def is_output_widget(comm: Comm) -> bool:
    """Return whether the comm is an Output widget, which takes outputs."""
    data = comm.data
    return (
        comm.target == WIDGET_TARGET
        and data.get("_model_name") == "OutputModel"
        and data.get("_model_module") == "@jupyter-widgets/output"
    )


def captured_id(comm: Comm) -> str:
    """Return the `msg_id` whose outputs this Output widget takes now; empty: none."""
    msg_id = comm.data.get("msg_id") if is_output_widget(comm) else None
    return msg_id if isinstance(msg_id, str) else ""


CommState = ops.OpenComm | ops.ChangeComm | ops.WriteComm | ops.ShowInComm | ops.ClearComm | ops.CloseComms
"""What changes the state of comms, and nothing else."""


def change_comms(state: SessionState, operations: Iterable[CommState]) -> SessionState:
    """Return the state after these, in order. There may be thousands of comms: what holds them is copied once."""
    change = _Change(state)
    for operation in operations:
        change.do(operation)
    return change.state()


class _Change:
    """Comms that are being changed."""

    def __init__(self, state: SessionState) -> None:
        self._before = state
        self._comms = dict(state.comms)
        self._capturing = state.capturing
        self._size = state.comm_bytes
        self._is_changed = False

    def state(self) -> SessionState:
        if not self._is_changed:
            return self._before
        return replace(self._before, comms=self._comms, capturing=self._capturing, comm_bytes=self._size)

    def do(self, operation: CommState) -> None:
        match operation:
            case ops.OpenComm(comm_id=comm_id, comm=comm):
                self._close(comm_id)
                self._comms[comm_id] = comm
                self._size += comm_size(comm)
                self._is_changed = True
                self._note_capture(comm_id, comm)
            case ops.CloseComms(comm_ids=comm_ids):
                for comm_id in comm_ids:
                    self._close(comm_id)
            case _:
                before = self._comms.get(operation.comm_id)
                if before is None or not before.live:
                    return
                changed = _changed(before, operation)
                if changed is None:
                    return
                after, size = changed
                self._comms[operation.comm_id] = after
                self._size += size
                self._is_changed = True
                if isinstance(operation, ops.ChangeComm) and "msg_id" in operation.data:
                    self._note_capture(operation.comm_id, after)

    def _close(self, comm_id: CommId) -> None:
        before = self._comms.pop(comm_id, None)
        if before is not None:
            self._size -= comm_size(before)
            self._capturing = without(self._capturing, comm_id)
            self._is_changed = True

    def _note_capture(self, comm_id: CommId, comm: Comm) -> None:
        """Know whose outputs the comm takes now, the newest last (SE22)."""
        msg_id = captured_id(comm)
        self._capturing = without(self._capturing, comm_id)
        if msg_id:
            self._capturing = {**self._capturing, comm_id: msg_id}


def _changed(
    comm: Comm, operation: ops.ChangeComm | ops.WriteComm | ops.ShowInComm | ops.ClearComm
) -> tuple[Comm, int] | None:
    """Return the comm after it, and about how many bytes more it takes; None: nothing is different."""
    match operation:
        case ops.ChangeComm():
            return _with_data(comm, operation)
        case ops.WriteComm():
            return _written(comm, operation) if operation.text else None
        case ops.ShowInComm():
            return _shown(comm, operation)
        case ops.ClearComm(wait=True):
            return replace(comm, clear_pending=True), 0
        case ops.ClearComm():
            emptied = _emptied(comm)
            return emptied, comm_size(emptied) - comm_size(comm)
        case _:
            assert_never(operation)


def _with_data(comm: Comm, operation: ops.ChangeComm) -> tuple[Comm, int]:
    new = operation.data.keys() | {buffer.path[0] for buffer in operation.buffers if buffer.path}
    old: dict[str, Json] = {key: comm.data[key] for key in operation.data if key in comm.data}
    kept = tuple(buffer for buffer in comm.buffers if not buffer.path or buffer.path[0] not in new)
    gone = (buffer for buffer in comm.buffers if buffer.path and buffer.path[0] in new)
    size = (
        _json_size(operation.data) - _json_size(old) + _buffers_size(operation.buffers) - _buffers_size(gone)
    )
    changed = replace(comm, data={**comm.data, **operation.data}, buffers=(*kept, *operation.buffers))
    if _OUTPUTS in new:
        changed = replace(changed, clear_pending=False, column=AT_END)
    return changed, size


def process_changed(before: KernelState, kernel: KernelState) -> bool:
    """Return whether the process that had the comms is no more, or about to end."""
    same = kernel.id == before.id and kernel.lineage == before.lineage
    return not same or kernel.status in {"none", "dead", "restarting"}


def end_process(state: SessionState, before: KernelState) -> SessionState:
    """Return the state after `SetKernel`: when the process that had the comms is no more, none of them is live (SE23)."""
    if not process_changed(before, state.kernel):
        return state
    comms = state.comms
    if any(comm.live for comm in comms.values()):
        comms = {comm_id: replace(comm, live=False) if comm.live else comm for comm_id, comm in comms.items()}
    elif not state.sends and not state.capturing:
        return state
    return replace(state, comms=comms, sends={}, capturing={})


# ---- messages to the kernel


def comm_sent(state: SessionState, operation: ops.CommSent) -> Step:
    send = operation.send
    if state.kernel.id is None or send.id in state.sends:
        return Step(state)
    state = replace(state, sends={**state.sends, send.id: send})
    return Step(state, effects=sends_under_way(state)[-1:])


def sends_under_way(state: SessionState) -> tuple[fx.Effect, ...]:
    """Return the effects of what was sent and is not handled."""
    kernel_id = state.kernel.id
    if kernel_id is None:
        return ()
    return tuple(fx.SendComm(kernel_id, send) for send in state.sends.values())


def mark_send(state: SessionState, operation: ops.MarkSend) -> Step:
    send = state.sends.get(operation.send_id)
    if send is None:
        return Step(state)
    send = replace(send, answered=tuple(dict.fromkeys((*send.answered, *operation.answered))))
    return Step(replace(state, sends={**state.sends, send.id: send}))


def comm_handled(state: SessionState, operation: ops.CommHandled) -> Step:
    sends = without(state.sends, operation.send_id)
    return Step(replace(state, sends=sends) if sends is not state.sends else state)


# ---- Output widgets


def _written(comm: Comm, operation: ops.WriteComm) -> tuple[Comm, int]:
    opened = _opened(comm)
    outputs = _outputs_of(opened)
    last = outputs[-1] if outputs else None
    if isinstance(last, dict) and last.get("output_type") == "stream" and last.get("name") == operation.name:
        before = last.get("text")
        # A text that is large enough to stand in a buffer is as it came from the kernel; what follows it begins anew.
        text, column = write(before if isinstance(before, str) else "", opened.column, operation.text)
        outputs[-1] = {**last, "text": text}
    else:
        text, column = write("", AT_END, operation.text)
        outputs.append({"output_type": "stream", "name": operation.name, "text": text})
    return _with_outputs(comm, opened, outputs, column)


def _shown(comm: Comm, operation: ops.ShowInComm) -> tuple[Comm, int]:
    opened = _opened(comm)
    outputs = _outputs_of(opened)
    buffers = tuple(
        replace(buffer, path=(_OUTPUTS, len(outputs), *buffer.path)) for buffer in operation.buffers
    )
    outputs.append(operation.output)
    opened = replace(opened, buffers=(*opened.buffers, *buffers))
    return _with_outputs(comm, opened, outputs, AT_END)


def _opened(comm: Comm) -> Comm:
    return _emptied(comm) if comm.clear_pending else comm


def _emptied(comm: Comm) -> Comm:
    buffers = tuple(buffer for buffer in comm.buffers if buffer.path[:1] != (_OUTPUTS,))
    return replace(
        comm, data={**comm.data, _OUTPUTS: []}, buffers=buffers, clear_pending=False, column=AT_END
    )


def _outputs_of(comm: Comm) -> list[Json]:
    outputs = comm.data.get(_OUTPUTS)
    return [*outputs] if isinstance(outputs, list) else []


def _with_outputs(before: Comm, opened: Comm, outputs: list[Json], column: int) -> tuple[Comm, int]:
    comm = replace(opened, data={**opened.data, _OUTPUTS: outputs}, column=column)
    old = _outputs_of(before)
    # All but the last of those that stay are as they were.
    gone = old if before.clear_pending else old[len(outputs) - 1 :]
    size = _json_size(outputs[-1:]) - _json_size(gone)
    return comm, size + _buffers_size(comm.buffers) - _buffers_size(before.buffers)


# ---- what is shown


def shown_comms(state: SessionState, *, also: Mapping[CommId, Json] | None = None) -> set[CommId]:
    """Return the models that outputs of cells show, and those that these name.

    `also`: what else is known of models, of a file for example.
    """
    known = also or {}
    found: set[CommId] = set()
    todo: list[Json] = [
        output.data[WIDGET_VIEW]
        for cell in state.cells.values()
        for output in cell.cell.outputs
        if isinstance(output, DisplayData | ExecuteResult) and WIDGET_VIEW in output.data
    ]
    names = list(_named_in({WIDGET_VIEW: view} for view in todo))
    while names:
        comm_id = names.pop()
        if comm_id not in found:
            found.add(comm_id)
            comm = state.comms.get(comm_id)
            names += _named_in([comm.data if comm is not None else known.get(comm_id)])
    return found


def shows_comms(state: SessionState) -> bool:
    """Return whether an output of a cell is a widget's view."""
    return any(
        isinstance(output, DisplayData | ExecuteResult) and WIDGET_VIEW in output.data
        for cell in state.cells.values()
        for output in cell.cell.outputs
    )


def _named_in(values: Iterable[Json]) -> Iterable[CommId]:
    """Give the models that are named in these values, however deep (at most `interpret.LEVELS`)."""
    stack = list(values)
    while stack:
        match stack.pop():
            case str() as text if text.startswith(MODEL_PREFIX):
                yield CommId(text.removeprefix(MODEL_PREFIX))
            case list() as items:
                stack += items
            case dict() as fields:
                view = fields.get(WIDGET_VIEW)
                if isinstance(view, dict) and isinstance(view.get("model_id"), str):
                    yield CommId(str(view["model_id"]))
                stack += fields.values()
            case _:
                pass


# ---- inside


def comm_size(comm: Comm) -> int:
    """Return about how many bytes it takes, without blobs."""
    return _json_size(comm.data) + _buffers_size(comm.buffers)


def _json_size(value: Json) -> int:
    return len(_encoder.encode(value))


def _buffers_size(buffers: Iterable[CommBuffer]) -> int:
    return sum(len(buffer.data) for buffer in buffers)

"""What operations do to comms: widgets' models and what they are told, and Output widgets' outputs.

A widget's state is what the kernel opened it with and all that it changed since.
An Output widget (ipywidgets' `Output`, and so `interact`) takes outputs in the
place of a cell; they are written here, so that it works with no browser.

Rules SE20 to SE24: docs/specs/session.md.
"""

from collections.abc import Iterable, Mapping

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


def open_comm(state: SessionState, operation: ops.OpenComm) -> Step:
    comms = {**without(state.comms, operation.comm_id), operation.comm_id: operation.comm}
    before = state.comms.get(operation.comm_id)
    size = comm_size(operation.comm) - (comm_size(before) if before is not None else 0)
    state = replace(state, comms=comms, comm_bytes=state.comm_bytes + size)
    return Step(_capturing(state, operation.comm_id, operation.comm))


def change_comm(state: SessionState, operation: ops.ChangeComm) -> Step:
    comm = state.comms.get(operation.comm_id)
    if comm is None or not comm.live:
        return Step(state)
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
    state = _with_comm(state, operation.comm_id, changed, size)
    return Step(_capturing(state, operation.comm_id, changed) if "msg_id" in new else state)


def close_comms(state: SessionState, operation: ops.CloseComms) -> Step:
    gone = [comm_id for comm_id in dict.fromkeys(operation.comm_ids) if comm_id in state.comms]
    if not gone:
        return Step(state)
    size = sum(comm_size(state.comms[comm_id]) for comm_id in gone)
    return Step(
        replace(
            state,
            comms=without(state.comms, *gone),
            capturing=without(state.capturing, *gone),
            comm_bytes=state.comm_bytes - size,
        )
    )


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


def write_comm(state: SessionState, operation: ops.WriteComm) -> Step:
    comm = state.comms.get(operation.comm_id)
    if comm is None or not comm.live or not operation.text:
        return Step(state)
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
    return Step(_with_outputs(state, operation.comm_id, comm, opened, outputs, column))


def show_in_comm(state: SessionState, operation: ops.ShowInComm) -> Step:
    comm = state.comms.get(operation.comm_id)
    if comm is None or not comm.live:
        return Step(state)
    opened = _opened(comm)
    outputs = _outputs_of(opened)
    buffers = tuple(
        replace(buffer, path=(_OUTPUTS, len(outputs), *buffer.path)) for buffer in operation.buffers
    )
    outputs.append(operation.output)
    opened = replace(opened, buffers=(*opened.buffers, *buffers))
    return Step(_with_outputs(state, operation.comm_id, comm, opened, outputs, AT_END))


def clear_comm(state: SessionState, operation: ops.ClearComm) -> Step:
    comm = state.comms.get(operation.comm_id)
    if comm is None or not comm.live:
        return Step(state)
    if operation.wait:
        return Step(_with_comm(state, operation.comm_id, replace(comm, clear_pending=True), 0))
    emptied = _emptied(comm)
    return Step(_with_comm(state, operation.comm_id, emptied, comm_size(emptied) - comm_size(comm)))


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


def _with_outputs(
    state: SessionState, comm_id: CommId, before: Comm, opened: Comm, outputs: list[Json], column: int
) -> SessionState:
    comm = replace(opened, data={**opened.data, _OUTPUTS: outputs}, column=column)
    old = _outputs_of(before)
    # All but the last of those that stay are as they were.
    gone = old if before.clear_pending else old[len(outputs) - 1 :]
    size = _json_size(outputs[-1:]) - _json_size(gone)
    return _with_comm(
        state, comm_id, comm, size + _buffers_size(comm.buffers) - _buffers_size(before.buffers)
    )


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


def _with_comm(state: SessionState, comm_id: CommId, comm: Comm, size: int) -> SessionState:
    return replace(state, comms={**state.comms, comm_id: comm}, comm_bytes=state.comm_bytes + size)


def _capturing(state: SessionState, comm_id: CommId, comm: Comm) -> SessionState:
    """Return the state that knows whose outputs the comm takes now, the newest last (SE22)."""
    msg_id = captured_id(comm)
    capturing = without(state.capturing, comm_id)
    if msg_id:
        capturing = {**capturing, comm_id: msg_id}
    return state if capturing is state.capturing else replace(state, capturing=capturing)


def comm_size(comm: Comm) -> int:
    """Return about how many bytes it takes, without blobs."""
    return _json_size(comm.data) + _buffers_size(comm.buffers)


def _json_size(value: Json) -> int:
    return len(_encoder.encode(value))


def _buffers_size(buffers: Iterable[CommBuffer]) -> int:
    return sum(len(buffer.data) for buffer in buffers)

"""What a batch of kernel records says of comms: opened, changed, told, closed, and messages that are handled. Purely.

Of several changes of one comm the last one stays, with all keys, in the last
one's place: a model may name another one only once that is open. Something
that is told stands between changes: what came before it stays before it.

Rules KM16 to KM20: docs/specs/session.md.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, Json
from carnet.core.session import operations as ops
from carnet.core.session.comms import WIDGET_TARGET, captured_id, comm_size, is_output_widget, shown_comms
from carnet.core.session.operations import Operation
from carnet.core.session.state import Comm, CommBuffer, CommSend, SessionState
from carnet.core.wire import kernel as km
from carnet.core.wire.host import Record
from carnet.ids import CellId, CommId, SendId

COMMS_LIMIT_BYTES = 100_000_000
"""Of all comms' data together, without blobs. What would be more is left out (KM20)."""

COMMS_LIMIT = 20_000
"""Comms at a time. Beyond it the oldest that no output shows go."""

TOLD_LIMIT_BYTES = 1 << 20
"""Larger buffers of what is only told go to blobs; smaller ones would fill a disk there."""

TEXT_LIMIT = 1 << 20
"""Characters of an Output widget's stream, above which its middle goes."""

_TEXT_HEAD, _TEXT_TAIL = 16 << 10, 512 << 10


class Draft(Protocol):
    """The operations of a batch so far."""

    def add(self, operation: Operation) -> int:
        """Put it at the end; returns where it stands."""

    def take_back(self, index: int) -> Operation | None:
        """Take an operation out again."""

    def part_comm(self, comm_id: CommId) -> None:
        """What an Output widget shows changes otherwise than by outputs: none is put together across it."""


class CommReader:
    """Reads what one batch says of comms. It keeps what it has to know of the state up to date, and no more."""

    def __init__(self, state: SessionState, draft: Draft, too_much: Callable[[], None]) -> None:
        self._state = state
        self._draft = draft
        self._too_much = too_much
        """Says that something was left out."""
        self._comms: dict[CommId, Comm | None] = {}
        """Those that this batch opened or closed (None)."""
        self._count = len(state.comms)
        self._is_full = False
        """Nothing can be closed to make room."""
        self._ended = False
        """The process that had the comms of the state is no more."""
        self._capturing = dict(state.capturing)
        self._shown_in: set[CommId] = set()
        self._sends = dict(state.sends)
        self._answered: dict[SendId, dict[str, None]] = {}
        self._changes: dict[CommId, int] = {}
        """Where the newest change of each stands, as long as a newer one may take its place."""

    # ---- what the kernel says

    def open(self, content: km.CommOpenContent, buffers: Sequence[bytes], *, size_bytes: int) -> None:
        """A comm was opened; the kernel's word holds, also for an id that is known."""
        if not self._has_room(size_bytes):
            return
        data, attached = _state_of(content.data, buffers, content.target_name)
        comm = Comm(content.target_name, content.target_module or "", data, attached)
        comm_id = CommId(content.comm_id)
        self._count += self._comm(comm_id) is None
        self._comms[comm_id] = comm
        self._changes.pop(comm_id, None)
        self._draft.part_comm(comm_id)
        self._draft.add(ops.OpenComm(comm_id, comm))
        self._note_capture(comm_id, captured_id(comm), 0)

    def message(self, content: km.CommContent, record: Record) -> None:
        """Something was said to a comm: for widgets, of its state, or custom."""
        buffers = record.buffers
        comm_id = CommId(content.comm_id)
        comm = self._comm(comm_id)
        if comm is None:
            return  # None of ours: a client's own, or one that was left out.
        method = content.data.get("method") if comm.target == WIDGET_TARGET else None
        if method not in {"update", "echo_update"}:
            self._changes.clear()
            attached = tuple(CommBuffer((), data) for data in buffers)
            self._draft.add(ops.TellComm(comm_id, content.data, attached))
            return
        data, attached = _state_of(content.data, buffers, comm.target)
        if method == "echo_update" and is_output_widget(comm):
            # What it has is written here: an echo of what some page has of it would be older (KM18).
            data = {key: value for key, value in data.items() if key != "outputs"}
            attached = tuple(buffer for buffer in attached if buffer.path[:1] != ("outputs",))
        send = self._sends.get(SendId(record.parent_id))
        if send is not None and send.comm_id == comm_id:
            self._answered.setdefault(send.id, {}).update(_keys(data, attached))
        if (data or attached) and self._has_room(size_of(record)):
            if "outputs" in data:
                self._draft.part_comm(comm_id)
            self._change(comm_id, data, attached)
            if "msg_id" in data and is_output_widget(comm):
                msg_id = data["msg_id"]
                self._note_capture(comm_id, msg_id if isinstance(msg_id, str) else "", record.number)

    def close(self, comm_id: CommId) -> None:
        """The kernel closed a comm."""
        if self._comm(comm_id) is None:
            return
        self._count -= 1
        self._comms[comm_id] = None
        self._capturing.pop(comm_id, None)
        self._changes.pop(comm_id, None)
        self._draft.add(ops.CloseComms((comm_id,)))

    def handled(self, parent_id: str, number: int) -> None:
        """The kernel is idle after this message; if it was one to a comm, that is over (KM17)."""
        send = self._sends.pop(SendId(parent_id), None)
        if send is None:
            return
        answered = {*send.answered, *self._answered.pop(send.id, ())}
        if send.outputs:
            self._draft.add(ops.CommHandled(send.id))
            if answered and self._comm(send.comm_id) is not None:
                self._send_outputs(send.comm_id, number)
            return
        state = send.data.get("state") if send.data.get("method") == "update" else None
        comm = self._comm(send.comm_id)
        if isinstance(state, dict) and comm is not None and comm.target == WIDGET_TARGET:
            # A kernel that does not echo, or not this key, has taken what it was given.
            data = {key: value for key, value in state.items() if key not in answered}
            attached = tuple(
                buffer for buffer in send.buffers if buffer.path and buffer.path[0] not in answered
            )
            if data or attached:
                self._change(send.comm_id, data, attached)
        self._draft.add(ops.CommHandled(send.id))

    def give_up(self) -> None:
        """The kernel may have been idle after any message while nobody listened: none is waited for (KM17)."""
        for send_id in self._sends:
            self._draft.add(ops.CommHandled(send_id))
        self._sends.clear()
        self._answered.clear()

    def process_ended(self) -> None:
        """The kernel process is no more, and its comms with it."""
        self._ended = True
        for known in (self._comms, self._capturing, self._sends, self._answered, self._changes):
            known.clear()

    def forget_unshown(self) -> None:
        """A new process has begun: what the one before left and no output shows goes."""
        shown = shown_comms(self._state)
        gone = tuple(comm_id for comm_id in self._state.comms if comm_id not in shown)
        if gone:
            self._draft.add(ops.CloseComms(gone))

    # ---- where outputs go

    def capture(self, parent_id: str) -> CommId | None:
        """Return the Output widget that takes the outputs of this parent, if one does (KM18)."""
        if not parent_id:
            return None
        return next(
            (comm_id for comm_id in reversed(self._capturing) if self._capturing[comm_id] == parent_id), None
        )

    def cell_of_send(self, parent_id: str) -> CellId | None:
        """Return the cell that shows what the kernel prints because of this message (KM19)."""
        send = self._sends.get(SendId(parent_id))
        return send.cell_id if send is not None else None

    def shows(self, comm_id: CommId) -> None:
        """An Output widget gets an output, or is cleared, in this batch."""
        # Changes of it must not move behind that.
        self._changes.pop(comm_id, None)
        if comm_id not in self._shown_in:
            self._shown_in.add(comm_id)
            self._cut_text(comm_id)

    def finish(self) -> None:
        """The batch is over: keep what is known of messages that are not handled yet."""
        for send_id, keys in self._answered.items():
            if keys.keys() - set(self._sends[send_id].answered):
                self._draft.add(ops.MarkSend(send_id, tuple(keys)))

    # ---- inside

    def _comm(self, comm_id: CommId) -> Comm | None:
        """Return the comm while it is live."""
        if comm_id in self._comms:
            return self._comms[comm_id]
        comm = self._state.comms.get(comm_id)
        return comm if comm is not None and comm.live and not self._ended else None

    def _change(self, comm_id: CommId, data: dict[str, Json], buffers: tuple[CommBuffer, ...]) -> None:
        index = self._changes.get(comm_id)
        if index is not None:
            before = self._draft.take_back(index)
            assert isinstance(before, ops.ChangeComm), "it was put there"
            new = _keys(data, buffers)
            kept = tuple(buffer for buffer in before.buffers if buffer.path[0] not in new)
            data, buffers = {**before.data, **data}, (*kept, *buffers)
        self._changes[comm_id] = self._draft.add(ops.ChangeComm(comm_id, data, buffers))

    def _note_capture(self, comm_id: CommId, msg_id: str, number: int) -> None:
        before = self._capturing.pop(comm_id, "")
        if msg_id:
            self._capturing[comm_id] = msg_id
        elif before and self._has_outputs(comm_id):
            self._send_outputs(comm_id, number)

    def _send_outputs(self, comm_id: CommId, number: int) -> None:
        """Tell the kernel what its Output widget shows, as other front ends do; one such message at a time."""
        for send in self._sends.values():
            if send.outputs and send.comm_id == comm_id:
                self._answered.setdefault(send.id, {})["outputs"] = None  # once more when that is handled
                return
        send = CommSend(SendId(f"outputs-{number}"), comm_id, outputs=True)
        self._sends[send.id] = send
        self._draft.add(ops.CommSent(send))

    def _has_outputs(self, comm_id: CommId) -> bool:
        comm = self._state.comms.get(comm_id)
        return comm_id in self._shown_in or (comm is not None and bool(comm.data.get("outputs")))

    def _has_room(self, needed: int) -> bool:
        """Return whether so many bytes more can be kept; make room where that is possible."""
        if self._count < COMMS_LIMIT and self._state.comm_bytes + needed <= COMMS_LIMIT_BYTES:
            return True
        # To find out what is shown takes its time: not for each message of a batch.
        if not self._is_full and needed <= COMMS_LIMIT_BYTES and self._make_room(needed):
            return True
        self._is_full = True
        self._too_much()
        return False

    def _make_room(self, needed: int) -> bool:
        """Close what no output shows, the ended ones first, the oldest first, until a quarter is free."""
        shown = shown_comms(self._state)
        left, count = self._state.comm_bytes + needed, self._count
        gone: list[CommId] = []
        unshown = [
            comm_id
            for comm_id in self._state.comms
            if comm_id not in shown and comm_id not in self._comms and comm_id not in self._capturing
        ]
        for comm_id in sorted(unshown, key=lambda comm_id: self._state.comms[comm_id].live):
            if left <= COMMS_LIMIT_BYTES * 3 // 4 and count <= COMMS_LIMIT * 3 // 4:
                break
            gone.append(comm_id)
            left -= comm_size(self._state.comms[comm_id])
            count -= 1
        if left > COMMS_LIMIT_BYTES or count >= COMMS_LIMIT:
            return False
        self._count = count
        self._comms.update(dict.fromkeys(gone))
        for comm_id in gone:
            self._changes.pop(comm_id, None)
        self._draft.add(ops.CloseComms(tuple(gone)))
        return True

    def _cut_text(self, comm_id: CommId) -> None:
        """Take the middle out of a stream that has become too long."""
        comm = self._state.comms.get(comm_id) if comm_id not in self._comms else None
        outputs = comm.data.get("outputs") if comm is not None else None
        if not isinstance(outputs, list) or not outputs or not isinstance(outputs[-1], dict):
            return
        text = outputs[-1].get("text")
        if not isinstance(text, str) or len(text) <= TEXT_LIMIT:
            return
        head = text[: text.rfind("\n", 0, _TEXT_HEAD) + 1 or _TEXT_HEAD]
        tail = text[text.find("\n", len(text) - _TEXT_TAIL) + 1 :]
        if len(head) + len(tail) >= len(text) or len(tail) > 2 * _TEXT_TAIL:
            tail = text[-_TEXT_TAIL:]
        left_out = len(text) - len(head) - len(tail)
        cut: dict[str, Json] = {**outputs[-1], "text": f"{head}[{left_out} characters are left out]\n{tail}"}
        self._draft.add(ops.ChangeComm(comm_id, {"outputs": [*outputs[:-1], cut]}))


def size_of(record: Record) -> int:
    """Return about how many bytes its content takes in a state."""
    return len(record.content) + sum(
        len(buffer) for buffer in record.buffers if len(buffer) <= TOLD_LIMIT_BYTES
    )


def _state_of(
    data: dict[str, Json], buffers: Sequence[bytes], target: str
) -> tuple[dict[str, Json], tuple[CommBuffer, ...]]:
    """Return a widget's state out of what was said, and its buffers at their paths; of other targets what was said."""
    if target != WIDGET_TARGET:
        return data, tuple(CommBuffer((), buffer) for buffer in buffers)
    state, paths = data.get("state"), data.get("buffer_paths")
    attached = (
        CommBuffer(tuple(_steps(path)), buffer)
        for path, buffer in zip(paths if isinstance(paths, list) else [], buffers, strict=False)
        if isinstance(path, list) and path
    )
    return state if isinstance(state, dict) else {}, tuple(attached)


def _steps(path: Iterable[Json]) -> Iterable[str | int]:
    return (step if isinstance(step, int) and not isinstance(step, bool) else str(step) for step in path)


def _keys(data: dict[str, Json], buffers: Iterable[CommBuffer]) -> dict[str, None]:
    """Return the keys of the state that these set, as an ordered set."""
    return dict.fromkeys([*data, *(str(buffer.path[0]) for buffer in buffers if buffer.path)])


# ---- blobs


def externalised(
    operation: Operation, *, limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> Operation:
    """Return the operation with large strings and buffers in blobs. Of what is only told, only what is very large."""
    match operation:
        case ops.OpenComm(comm=comm):
            data, texts = _without_texts(comm.data, limit_bytes, new_blob)
            buffers = (*_in_blobs(comm.buffers, limit_bytes, new_blob), *texts)
            return replace(operation, comm=replace(comm, data=data, buffers=buffers))
        case ops.ChangeComm(data=before, buffers=attached):
            data, texts = _without_texts(before, limit_bytes, new_blob)
            return replace(
                operation, data=data, buffers=(*_in_blobs(attached, limit_bytes, new_blob), *texts)
            )
        case ops.ShowInComm(output=output):
            data, texts = _without_texts(output, limit_bytes, new_blob)
            return replace(operation, output=data, buffers=texts)
        case ops.TellComm(buffers=attached):
            return replace(operation, buffers=_in_blobs(attached, TOLD_LIMIT_BYTES, new_blob))
        case _:
            return operation


def _in_blobs(
    buffers: tuple[CommBuffer, ...], limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> tuple[CommBuffer, ...]:
    return tuple(
        replace(buffer, data=b"", blob=new_blob(buffer.data, "application/octet-stream"))
        if len(buffer.data) > limit_bytes
        else buffer
        for buffer in buffers
    )


def _without_texts(
    data: dict[str, Json], limit_bytes: int, new_blob: Callable[[bytes, str], BlobRef]
) -> tuple[dict[str, Json], tuple[CommBuffer, ...]]:
    """Return the data with null for each large string, and those strings as buffers."""
    found: list[CommBuffer] = []

    def small(value: Json, path: tuple[str | int, ...]) -> Json:
        match value:
            case str() if len(value) > limit_bytes:
                blob = new_blob(value.encode("utf-8", "replace"), "text/plain")
                found.append(CommBuffer(path, blob=blob, text=True))
                return None
            case list():
                return [small(item, (*path, index)) for index, item in enumerate(value)]
            case dict():
                return {key: small(item, (*path, key)) for key, item in value.items()}
            case _:
                return value

    kept = {key: small(value, (key,)) for key, value in data.items()}
    return (kept, tuple(found)) if found else (data, ())

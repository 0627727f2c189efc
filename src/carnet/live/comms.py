"""Send messages to comms in the kernel, with their buffers, and keep out of the journal what is only told.

Rules LV24 to LV26: docs/specs/live.md.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, Json
from carnet.core.session import effects as fx
from carnet.core.session.operations import Entry, TellComm
from carnet.core.session.state import Comm, CommBuffer, CommSend

if TYPE_CHECKING:
    from carnet.live.session import Session

GetBlob = Callable[[BlobRef], bytes]


def kept(entry: Entry) -> Entry:
    """Return what the journal keeps of the entry: not what was only told to whoever listens (LV26)."""
    if not any(isinstance(operation, TellComm) for operation in entry.ops):
        return entry
    return replace(
        entry, ops=tuple(operation for operation in entry.ops if not isinstance(operation, TellComm))
    )


async def send_comm(session: "Session", effect: fx.SendComm) -> None:
    """Send one message to a comm.

    Raises:
        CarnetError: a buffer's blob is not there, or the kernel does not run.
    """
    send, comm = effect.send, session.state.comms.get(effect.send.comm_id)
    blobs = session.around.blobs
    content, buffers = await session.in_thread(
        lambda: kernel_message(send, comm, lambda ref: blobs.get(ref.sha256))
    )
    await session.around.host.send(
        effect.kernel_id, "shell", send.message, send.id, msgspec.json.encode(content), buffers=buffers
    )


def kernel_message(send: CommSend, comm: Comm | None, get_blob: GetBlob) -> tuple[Json, list[bytes]]:
    """Return content and buffers, as the protocol has them. `comm`: as it is now."""
    data, attached = send.data, send.buffers
    if send.outputs:
        outputs = comm.data.get("outputs", []) if comm is not None else []
        data = {"method": "update", "state": {"outputs": outputs}}
        attached = tuple(buffer for buffer in comm.buffers if buffer.path[:1] == ("outputs",)) if comm else ()
    content: dict[str, Json] = {"comm_id": send.comm_id, "data": data}
    if send.message == "comm_open":
        content["target_name"] = send.target
    state = data.get("state")
    if not isinstance(state, dict):
        return content, [_bytes_of(buffer, get_blob) for buffer in attached]
    texts = [buffer for buffer in attached if buffer.text]
    binary = [buffer for buffer in attached if not buffer.text]
    state = with_texts(state, texts, get_blob)
    paths: list[Json] = [list(buffer.path) for buffer in binary]
    content["data"] = {**data, "state": state, "buffer_paths": paths}
    return content, [_bytes_of(buffer, get_blob) for buffer in binary]


def with_texts(state: dict[str, Json], texts: Sequence[CommBuffer], get_blob: GetBlob) -> dict[str, Json]:
    """Return a widget's state with its large strings in their places."""
    if not texts:
        return state
    whole: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(state))  # a copy that may be changed
    for buffer in texts:
        put_at(whole, buffer.path, _bytes_of(buffer, get_blob).decode("utf-8", "replace"))
    return whole


def put_at(value: Json, path: Sequence[str | int], new: Json) -> None:
    """Put `new` where the path leads; nothing happens where it leads nowhere."""
    for step in path[:-1]:
        value = _item(value, step)
    match value, path[-1]:
        case dict(), str() as key:
            value[key] = new
        case list(), int() as index if 0 <= index < len(value):
            value[index] = new
        case _:
            pass


def _item(value: Json, step: str | int) -> Json:
    match value, step:
        case dict(), str():
            return value.get(step)
        case list(), int() if 0 <= step < len(value):
            return value[step]
        case _:
            return None


def _bytes_of(buffer: CommBuffer, get_blob: GetBlob) -> bytes:
    return buffer.data if buffer.blob is None else get_blob(buffer.blob)

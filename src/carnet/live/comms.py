"""Send messages to comms in the kernel, with their buffers, and keep out of the journal what is only told.

Rules LV24 to LV26: docs/specs/live.md.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import Json
from carnet.core.session import effects as fx
from carnet.core.session.operations import Entry, TellComm
from carnet.core.session.saved_widgets import GetBlob, bytes_of, with_texts
from carnet.core.session.state import Comm, CommSend

if TYPE_CHECKING:
    from carnet.live.session import Session


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
        return content, [bytes_of(buffer, get_blob) for buffer in attached]
    texts = [buffer for buffer in attached if buffer.text]
    binary = [buffer for buffer in attached if not buffer.text]
    state = with_texts(state, texts, get_blob)
    paths: list[Json] = [list(buffer.path) for buffer in binary]
    content["data"] = {**data, "state": state, "buffer_paths": paths}
    return content, [bytes_of(buffer, get_blob) for buffer in binary]

"""Widgets in the file: the states of the models that outputs show, as JupyterLab and nbclient write them. Pure.

https://ipywidgets.readthedocs.io/en/stable/embedding.html: `metadata.widgets` with
`application/vnd.jupyter.widget-state+json`, version 2.0, buffers in base64.

Rule SE25: docs/specs/session.md.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence

import msgspec

from carnet.core.notebook.model import BlobRef, Json, JsonObject
from carnet.core.session.comms import WIDGET_TARGET, shown_comms, shows_comms
from carnet.core.session.state import Comm, CommBuffer, SessionState
from carnet.ids import CommId

KEY = "widgets"
"""In the notebook's metadata."""

STATES = "application/vnd.jupyter.widget-state+json"

FILE_BUFFERS_BYTES = 10_000_000
"""Of one model: with more, its buffers are not written."""

GetBlob = Callable[[BlobRef], bytes]


def with_widgets(metadata: JsonObject, state: SessionState, get_blob: GetBlob) -> JsonObject:
    """Return the notebook's metadata with the states of the widgets that its outputs show.

    What the file had of others that are shown is kept. Without comms, or when
    nothing is shown, the metadata is as it is.
    """
    if not state.comms or not shows_comms(state):
        return metadata
    shown = shown_comms(state, also=_named_in_file(metadata))
    found = metadata.get(KEY)
    widgets: JsonObject = {**found} if isinstance(found, dict) else {}
    states: JsonObject = {
        comm_id: value for comm_id, value in _states_in(metadata).items() if CommId(comm_id) in shown
    }
    for comm_id, comm in state.comms.items():
        if comm_id in shown and comm.target == WIDGET_TARGET:
            states[comm_id] = _saved(comm, get_blob)
    if not states:
        return metadata
    widgets[STATES] = {"version_major": 2, "version_minor": 0, "state": states}
    return {**metadata, KEY: widgets}


def _states_in(metadata: JsonObject) -> JsonObject:
    """Return the models that the file has, by their ids."""
    match metadata.get(KEY):
        case {"application/vnd.jupyter.widget-state+json": {"state": dict(states)}}:
            return states
        case _:
            return {}


def _named_in_file(metadata: JsonObject) -> dict[CommId, Json]:
    return {CommId(comm_id): value for comm_id, value in _states_in(metadata).items()}


def _saved(comm: Comm, get_blob: GetBlob) -> JsonObject:
    state = with_texts(comm.data, [buffer for buffer in comm.buffers if buffer.text], get_blob)
    saved: JsonObject = {
        "model_name": state.get("_model_name"),
        "model_module": state.get("_model_module"),
        "model_module_version": state.get("_model_module_version"),
        "state": state,
    }
    binary = [buffer for buffer in comm.buffers if not buffer.text]
    sizes = (len(buffer.data) if buffer.blob is None else buffer.blob.size_bytes for buffer in binary)
    if binary and sum(sizes) <= FILE_BUFFERS_BYTES:
        saved["buffers"] = [
            {
                "data": b64encode(bytes_of(buffer, get_blob)).decode("ascii"),
                "encoding": "base64",
                "path": list(buffer.path),
            }
            for buffer in binary
        ]
    return saved


# ---- values that stand apart from a state


def bytes_of(buffer: CommBuffer, get_blob: GetBlob) -> bytes:
    """Return the bytes, from its blob where they stand in one."""
    return buffer.data if buffer.blob is None else get_blob(buffer.blob)


def with_texts(state: JsonObject, texts: Sequence[CommBuffer], get_blob: GetBlob) -> JsonObject:
    """Return a widget's state with its large strings in their places."""
    if not texts:
        return state
    whole: JsonObject = msgspec.json.decode(msgspec.json.encode(state))  # a copy that may be changed
    for buffer in texts:
        _put_at(whole, buffer.path, bytes_of(buffer, get_blob).decode("utf-8", "replace"))
    return whole


def _put_at(value: Json, path: Sequence[str | int], new: Json) -> None:
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

"""Kernel messages we act on, typed (Jupyter messaging protocol 5.x).

Decoded from `Record.content` at the edge: a kernel may say anything, so each
decode either gives a valid value or a `PeerError` that the session shows as a
line, never an exception further in. Fields we do not use are left out; unknown
ones are ignored, as the protocol asks.
https://jupyter-client.readthedocs.io/en/stable/messaging.html
"""

from msgspec import Struct

from carnet.core.notebook.model import Json


class StatusContent(Struct, frozen=True):
    """iopub `status`: execution_state is `busy`, `idle` or `starting`."""

    execution_state: str


class StreamContent(Struct, frozen=True):
    """iopub `stream`."""

    name: str
    text: str


class TransientData(Struct, frozen=True):
    """`transient` of display messages; not to be stored."""

    display_id: str | None = None


class DisplayContent(Struct, frozen=True):
    """iopub `display_data`, `update_display_data` and, with a count, `execute_result`."""

    data: dict[str, Json] = {}
    metadata: dict[str, Json] = {}
    transient: TransientData = TransientData()
    execution_count: int | None = None


class CommOpenContent(Struct, frozen=True):
    """iopub `comm_open`. For widgets `data` has `state` and `buffer_paths`."""

    comm_id: str
    target_name: str
    data: dict[str, Json] = {}
    target_module: str | None = None


class CommContent(Struct, frozen=True):
    """iopub `comm_msg` and `comm_close`."""

    comm_id: str
    data: dict[str, Json] = {}


class ErrorContent(Struct, frozen=True):
    """iopub `error`."""

    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []


class ClearOutputContent(Struct, frozen=True):
    """iopub `clear_output`."""

    wait: bool = False


class ExecuteInputContent(Struct, frozen=True):
    """iopub `execute_input`."""

    code: str = ""
    execution_count: int | None = None


class ExecuteReplyContent(Struct, frozen=True):
    """shell `execute_reply`: status is `ok`, `error` or `aborted`. Payloads: `page`, `set_next_input`."""

    status: str
    execution_count: int | None = None
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []
    payload: list[dict[str, Json]] = []


class InputRequestContent(Struct, frozen=True):
    """stdin `input_request`."""

    prompt: str = ""
    password: bool = False


class CompleteReplyContent(Struct, frozen=True):
    """shell `complete_reply`. Cursor positions are Unicode code points (protocol 5.2)."""

    status: str = "ok"
    matches: list[str] = []
    cursor_start: int = 0
    cursor_end: int = 0
    metadata: dict[str, Json] = {}


class InspectReplyContent(Struct, frozen=True):
    """shell `inspect_reply`."""

    status: str = "ok"
    found: bool = False
    data: dict[str, Json] = {}


class IsCompleteReplyContent(Struct, frozen=True):
    """shell `is_complete_reply`: status is `complete`, `incomplete`, `invalid` or `unknown`."""

    status: str = "unknown"
    indent: str = ""

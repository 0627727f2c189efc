"""What a client asks of a session. The session turns it into operations, or refuses it in words.

A client numbers its intents 1, 2, 3 ... and keeps each until an entry (or a
refusal) carries its number; it sends them again after a cut. The session
decides each number once (`SessionState.clients`). Rules IN1 onwards:
docs/specs/session.md.
"""

from msgspec import Struct

from carnet.core.notebook.model import Json
from carnet.core.session.operations import (
    ClearOutputs,
    DeleteCells,
    InsertCells,
    MoveCells,
    RestoreCells,
    SetAttachments,
    SetCellMetadata,
    SetKind,
    SetMetadata,
)
from carnet.core.session.state import CommBuffer, CommMessage
from carnet.core.text.changes import ChangeJson
from carnet.ids import BatchId, CellId, ClientId, CommId, RunId, SendId


class ChangeSourceFrom(Struct, frozen=True, tag_field="op", tag="change-source-from"):
    """A source change made on version `base`; the session maps it over what came since.

    A client has at most one of these unacknowledged for each cell, and composes
    what is typed meanwhile (IN4).
    """

    cell_id: CellId
    base: int
    changes: ChangeJson


CellEdit = (
    InsertCells
    | DeleteCells
    | RestoreCells
    | MoveCells
    | ChangeSourceFrom
    | SetKind
    | SetCellMetadata
    | SetMetadata
    | SetAttachments
    | ClearOutputs
)


class Edit(Struct, frozen=True, tag_field="intent", tag="edit"):
    """Edits that happen together, in order: typing, split, merge, paste, undo."""

    edits: tuple[CellEdit, ...]


class RunRequest(Struct, frozen=True):
    """One cell to run, with an id made by the client."""

    run_id: RunId
    cell_id: CellId


class RunCells(Struct, frozen=True, tag_field="intent", tag="run-cells"):
    """Run these cells, in order, with the sources as they stand; starts a kernel if there is none.

    Markdown and raw cells in it, gone cells, and cells already queued are left out.
    """

    batch_id: BatchId
    runs: tuple[RunRequest, ...]


class CancelRuns(Struct, frozen=True, tag_field="intent", tag="cancel-runs"):
    """Take queued runs out of the queue. A running one needs Interrupt."""

    run_ids: tuple[RunId, ...]


class ReorderQueue(Struct, frozen=True, tag_field="intent", tag="reorder-queue"):
    """Run the queued ones in this order."""

    run_ids: tuple[RunId, ...]


class Interrupt(Struct, frozen=True, tag_field="intent", tag="interrupt"):
    """Interrupt the running cell; the queued ones return to idle."""


class StartKernel(Struct, frozen=True, tag_field="intent", tag="start-kernel"):
    """Bind a kernel of this kernelspec, ending the present one; empty: the notebook's, or the default."""

    kernelspec: str = ""


class RestartKernel(Struct, frozen=True, tag_field="intent", tag="restart-kernel"):
    """Restart; variables are gone. Then clear all outputs, and run the given cells."""

    clear: bool = False
    batch_id: BatchId = BatchId("")
    runs: tuple[RunRequest, ...] = ()


class ShutdownKernel(Struct, frozen=True, tag_field="intent", tag="shutdown-kernel"):
    """End the kernel. `now`: by SIGKILL."""

    now: bool = False


class AnswerInput(Struct, frozen=True, tag_field="intent", tag="answer-input"):
    """The line for an open input request. It goes to the kernel and nowhere else."""

    run_id: RunId
    value: str


class SendComm(Struct, frozen=True, tag_field="intent", tag="send-comm"):
    """A message to a comm in the kernel; the comm changes when the kernel says so.

    A comm that is gone, or whose kernel process has ended, gets none: that is no refusal.
    """

    send_id: SendId
    """Made by the client."""
    comm_id: CommId
    data: dict[str, Json] = {}
    """As the protocol has it: for widgets `{"method": "update", "state": ...}` without `buffer_paths`, or `custom`."""
    buffers: tuple[CommBuffer, ...] = ()
    """In an update, paths are within `state`. Up to 256 KiB in all stand here; what is larger is put into a blob before (`POST blobs`)."""
    message: CommMessage = "comm_msg"
    target: str = ""
    """Of `comm_open`: a target that the kernel has registered."""
    cell_id: CellId | None = None
    """The cell where it is shown: what the kernel prints because of it is shown there too."""


class SaveNow(Struct, frozen=True, tag_field="intent", tag="save-now"):
    """Write the file now, without waiting for the autosave."""


class TrustNotebook(Struct, frozen=True, tag_field="intent", tag="trust-notebook"):
    """Let scripts run in the outputs that came with the file, each in a frame that reaches nothing."""


class DismissNotice(Struct, frozen=True, tag_field="intent", tag="dismiss-notice"):
    """Take a notice away, for everyone."""

    id: str


IntentBody = (
    Edit
    | RunCells
    | CancelRuns
    | ReorderQueue
    | Interrupt
    | StartKernel
    | RestartKernel
    | ShutdownKernel
    | AnswerInput
    | SendComm
    | SaveNow
    | TrustNotebook
    | DismissNotice
)


class Intent(Struct, frozen=True):
    """One numbered wish of one client."""

    client_id: ClientId
    number: int
    by: str
    """Who, for people."""
    body: IntentBody

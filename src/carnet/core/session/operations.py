"""What a session decided: numbered entries of operations, applied by every replica alike.

An operation names what *is* now, never a wish; whoever applies it in order has
the same state. One that comes too late (its cell is gone) changes nothing
(invariant 11). Rules OP1 onwards: docs/specs/session.md.
"""

from msgspec import Struct

from carnet.core.notebook.model import BlobRef, Cell, CellKind, Json, Output, Spill
from carnet.core.session.state import (
    Comm,
    CommBuffer,
    CommSend,
    InputRequest,
    KernelState,
    Notice,
    Refusal,
    Run,
    RunOutcome,
)
from carnet.core.text.changes import ChangeJson
from carnet.ids import CellId, ClientId, CommId, KernelId, NotebookPath, Revision, RunId, SendId


class BaseOperation(Struct, frozen=True, tag_field="op"):
    """Common shape: a tagged, frozen struct."""


# ---- the document


class InsertCells(BaseOperation, frozen=True, tag="insert-cells"):
    """Put these cells, in order, behind `after` (None: at the top; a gone one: at the end)."""

    after: CellId | None
    cells: tuple[Cell, ...]


class DeleteCells(BaseOperation, frozen=True, tag="delete-cells"):
    """Move these cells to the bin. Queued runs of theirs go when the host has dropped them (a `DropRuns`)."""

    cell_ids: tuple[CellId, ...]


class RestoreCells(BaseOperation, frozen=True, tag="restore-cells"):
    """Bring cells back from the bin, each behind the cell it stood behind.

    Where that one is in the bin too, behind the one before it, and so on; gone: at the end.
    """

    cell_ids: tuple[CellId, ...]


class MoveCells(BaseOperation, frozen=True, tag="move-cells"):
    """Take these cells out and put them, in the given order, behind `after` (None: at the top).

    Nothing moves when `after` is gone, or one of them.
    """

    cell_ids: tuple[CellId, ...]
    after: CellId | None


class ChangeSource(BaseOperation, frozen=True, tag="change-source"):
    """Change one source; `version` is the cell's version afterwards."""

    cell_id: CellId
    version: int
    changes: ChangeJson


class SetKind(BaseOperation, frozen=True, tag="set-kind"):
    """Make it a code, Markdown or raw cell. Outputs, count and attachments that no longer fit go."""

    cell_id: CellId
    kind: CellKind


class SetCellMetadata(BaseOperation, frozen=True, tag="set-cell-metadata"):
    """Set and remove top-level keys of a cell's metadata."""

    cell_id: CellId
    set: dict[str, Json] = {}
    remove: tuple[str, ...] = ()


class SetMetadata(BaseOperation, frozen=True, tag="set-metadata"):
    """Set and remove top-level keys of the notebook's metadata."""

    set: dict[str, Json] = {}
    remove: tuple[str, ...] = ()


class SetAttachments(BaseOperation, frozen=True, tag="set-attachments"):
    """Replace a Markdown or raw cell's attachments; None: it has none."""

    cell_id: CellId
    attachments: dict[str, Json] | None


class SetExtra(BaseOperation, frozen=True, tag="set-extra"):
    """Replace the unknown fields of a cell, or of the notebook (None): they changed in the file."""

    cell_id: CellId | None
    extra: dict[str, Json]


class ClearOutputs(BaseOperation, frozen=True, tag="clear-outputs"):
    """Remove outputs and counts of these cells."""

    cell_ids: tuple[CellId, ...]


class ReplaceOutputs(BaseOperation, frozen=True, tag="replace-outputs"):
    """Outputs that came from outside (the file changed on disk)."""

    cell_id: CellId
    outputs: tuple[Output, ...]
    execution_count: int | None


class TrustOutputs(BaseOperation, frozen=True, tag="trust-outputs"):
    """The outputs that these cells have now are trusted; None: all that there are (SE16)."""

    cell_ids: tuple[CellId, ...] | None = None


# ---- runs


class QueueRuns(BaseOperation, frozen=True, tag="queue-runs"):
    """Put runs at the end of the queue: ours to submit, or another program's, which sends them itself (SE17)."""

    runs: tuple[Run, ...]


class ReorderRuns(BaseOperation, frozen=True, tag="reorder-runs"):
    """New order of queued runs; unknown ids are ignored, unnamed ones follow in their old order."""

    run_ids: tuple[RunId, ...]


class DropRuns(BaseOperation, frozen=True, tag="drop-runs"):
    """These runs will not happen; their cells return to idle with outcome `aborted` (no number) or `lost`."""

    run_ids: tuple[RunId, ...]
    outcome: RunOutcome
    at_ms: int


class StartRun(BaseOperation, frozen=True, tag="start-run"):
    """The run was sent to the kernel. Once more for one that runs: it starts over (the kernel had refused it)."""

    run_id: RunId
    at_ms: int


class CountRun(BaseOperation, frozen=True, tag="count-run"):
    """The kernel gave the run its number (execute_input)."""

    run_id: RunId
    execution_count: int


class MarkRun(BaseOperation, frozen=True, tag="mark-run"):
    """What became known of a run that is not over; what is not set here stays as it is."""

    run_id: RunId
    reply: RunOutcome | None = None
    idle: bool = False
    cancelled: bool = False


class FinishRun(BaseOperation, frozen=True, tag="finish-run"):
    """Reply and idle are both in (SE7)."""

    run_id: RunId
    outcome: RunOutcome
    at_ms: int
    execution_count: int | None = None


class AppendStream(BaseOperation, frozen=True, tag="append-stream"):
    """Write text to the cell's last stream of that name as a terminal would, or begin one."""

    cell_id: CellId
    name: str
    text: str


class AddOutput(BaseOperation, frozen=True, tag="add-output"):
    """Append one output."""

    cell_id: CellId
    output: Output


class UpdateDisplay(BaseOperation, frozen=True, tag="update-display"):
    """Replace the content of every output with this display_id, wherever it is."""

    display_id: str
    data: dict[str, Json]
    metadata: dict[str, Json]
    blobs: dict[str, BlobRef] = {}


class ClearOutput(BaseOperation, frozen=True, tag="clear-output"):
    """The kernel cleared a cell's outputs; `wait`: when the next one comes."""

    cell_id: CellId
    wait: bool


class SpillStream(BaseOperation, frozen=True, tag="spill-stream"):
    """The first `length` characters (code points, after `head`) of a stream now live in a blob.

    0: nothing was moved, since the stream changed meanwhile.
    """

    cell_id: CellId
    index: int
    """Of the output in the cell."""
    length: int
    head: str
    """The stream's head from now on (only the first spill sets it)."""
    spill: Spill


class RequestInput(BaseOperation, frozen=True, tag="request-input"):
    """The running cell asks for a line."""

    cell_id: CellId
    input: InputRequest


class CloseInput(BaseOperation, frozen=True, tag="close-input"):
    """It was answered, or the run ended. What was answered is nowhere recorded."""

    cell_id: CellId


class ShowPage(BaseOperation, frozen=True, tag="show-page"):
    """A pager's text (`obj?`) for the page to show now; it is not part of the state."""

    run_id: RunId
    data: dict[str, Json]


# ---- comms


class OpenComm(BaseOperation, frozen=True, tag="open-comm"):
    """There is this comm now. Same id: it takes the place of the one before."""

    comm_id: CommId
    comm: Comm


class ChangeComm(BaseOperation, frozen=True, tag="change-comm"):
    """Set keys of a widget's state; what buffers stood below these keys goes."""

    comm_id: CommId
    data: dict[str, Json]
    buffers: tuple[CommBuffer, ...] = ()


class TellComm(BaseOperation, frozen=True, tag="tell-comm"):
    """The kernel said this to whoever shows the comm now. It changes nothing, and only those hear it who listen (SE21)."""

    comm_id: CommId
    data: dict[str, Json]
    buffers: tuple[CommBuffer, ...] = ()


class WriteComm(BaseOperation, frozen=True, tag="write-comm"):
    """Write text to an Output widget's last stream of that name as a terminal would, or begin one."""

    comm_id: CommId
    name: str
    text: str


class ShowInComm(BaseOperation, frozen=True, tag="show-in-comm"):
    """Append one output, as nbformat writes it, to an Output widget."""

    comm_id: CommId
    output: dict[str, Json]
    buffers: tuple[CommBuffer, ...] = ()
    """Paths within the output."""


class ClearComm(BaseOperation, frozen=True, tag="clear-comm"):
    """Clear an Output widget; `wait`: when the next output comes."""

    comm_id: CommId
    wait: bool


class CloseComms(BaseOperation, frozen=True, tag="close-comms"):
    """These comms are gone."""

    comm_ids: tuple[CommId, ...]


class CommSent(BaseOperation, frozen=True, tag="comm-sent"):
    """A message goes to the kernel."""

    send: CommSend


class MarkSend(BaseOperation, frozen=True, tag="mark-send"):
    """The kernel has told us these keys because of a message that it is still busy with."""

    send_id: SendId
    answered: tuple[str, ...]


class CommHandled(BaseOperation, frozen=True, tag="comm-handled"):
    """The kernel is done with that message: the next one may be sent."""

    send_id: SendId


# ---- kernel, file, notices


class SetKernel(BaseOperation, frozen=True, tag="set-kernel"):
    """The kernel is now this."""

    kernel: KernelState


class MarkSaved(BaseOperation, frozen=True, tag="mark-saved"):
    """Entries up to `seq` are in the file, which has this revision."""

    revision: Revision
    seq: int
    at_ms: int


class MarkSaveFailed(BaseOperation, frozen=True, tag="mark-save-failed"):
    """Saving does not work now; the journal holds the work."""

    problem: str
    at_ms: int


class SetPath(BaseOperation, frozen=True, tag="set-path"):
    """The notebook was renamed or moved."""

    path: NotebookPath


class AddNotice(BaseOperation, frozen=True, tag="add-notice"):
    """Show a line until it is dismissed. Same id: replaces it."""

    notice: Notice


class DropNotice(BaseOperation, frozen=True, tag="drop-notice"):
    """Dismissed, or no longer true."""

    id: str


Operation = (
    InsertCells
    | DeleteCells
    | RestoreCells
    | MoveCells
    | ChangeSource
    | SetKind
    | SetCellMetadata
    | SetMetadata
    | SetAttachments
    | SetExtra
    | ClearOutputs
    | ReplaceOutputs
    | TrustOutputs
    | QueueRuns
    | ReorderRuns
    | DropRuns
    | StartRun
    | CountRun
    | MarkRun
    | FinishRun
    | AppendStream
    | AddOutput
    | UpdateDisplay
    | ClearOutput
    | SpillStream
    | RequestInput
    | CloseInput
    | ShowPage
    | OpenComm
    | ChangeComm
    | TellComm
    | WriteComm
    | ShowInComm
    | ClearComm
    | CloseComms
    | CommSent
    | MarkSend
    | CommHandled
    | SetKernel
    | MarkSaved
    | MarkSaveFailed
    | SetPath
    | AddNotice
    | DropNotice
)


class KernelCursor(Struct, frozen=True):
    """How far a kernel journal has been turned into entries."""

    kernel_id: KernelId
    number: int


class Entry(Struct, frozen=True, omit_defaults=True):
    """One number of a notebook journal: operations that happen together, and what they answer."""

    seq: int
    """1, 2, 3 ... without a gap."""
    at_ms: int
    ops: tuple[Operation, ...] = ()
    client_id: ClientId | None = None
    intent: int | None = None
    """This entry decides that client's intent of this number: done (ops may be none), or refused."""
    refusal: Refusal | None = None
    """Set: that intent will not happen, and there are no ops."""
    message: str = ""
    """Why it was refused, for people."""
    cursor: KernelCursor | None = None
    """Kernel records up to here are in; committed in the same transaction (exactly once)."""

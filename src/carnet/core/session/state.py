"""The whole state of one open notebook: content, runs, kernel, and what is saved.

Immutable; `apply` makes the next one. Python and TypeScript hold the same
state and apply the same operations (invariant 3): tests/vectors/session.json
tests both. Fields marked *server only* are not sent to browsers.

Rules SE1 onwards: docs/specs/session.md. Times are milliseconds since the epoch.
"""

from typing import Literal

from msgspec import Struct

from carnet.core.notebook.model import BlobRef, Cell, Json
from carnet.core.text.changes import ChangeJson
from carnet.core.wire.host import Obituary
from carnet.ids import (
    BatchId,
    CellId,
    ClientId,
    CommId,
    JournalId,
    KernelId,
    NotebookPath,
    Revision,
    RunId,
    SendId,
)

RunOutcome = Literal["done", "failed", "aborted", "lost"]
"""failed: it raised. aborted: never sent or cancelled. lost: the kernel died under it."""

KernelStatus = Literal["none", "starting", "idle", "busy", "restarting", "dead"]


Refusal = Literal["too-old", "read-only", "protected", "no-kernel", "invalid"]
"""too-old: the base version is no longer known, read the cell again and diff.

read-only: this login may not. protected: the cell's metadata forbids it.
"""


class InputRequest(Struct, frozen=True, gc=False):
    """An open `input()` or `getpass()` of a running cell."""

    run_id: RunId
    prompt: str
    password: bool
    header: str
    """The input_request's header, JSON: the reply names it as parent."""


class LastRun(Struct, frozen=True, gc=False):
    """How the newest finished run of a cell went."""

    run_id: RunId
    outcome: RunOutcome
    version: int
    """Source version it ran; another version now means the outputs are stale. -1: none of ours (`source`)."""
    started_ms: int | None
    finished_ms: int
    source: str | None = None
    """What another program ran (SE17), where that was not the source as it stood here then."""


class CellState(Struct, frozen=True, gc=False):
    """A cell and what is going on with it."""

    cell: Cell
    version: int = 0
    """Counts source changes in this journal; base of `ChangeSourceFrom`."""
    last: LastRun | None = None
    clear_pending: bool = False
    """Old outputs stay until the next output comes (a new run, or clear_output(wait=True))."""
    input: InputRequest | None = None
    old_outputs: bool = False
    """A run has started and nothing came yet: the outputs are those of an earlier run (SE4)."""
    foreign: bool = False
    """The outputs came with a file or a paste, and nobody has trusted them: scripts in them do not run (SE16)."""


Freshness = Literal["unknown", "fresh", "stale"]
"""unknown: never run here, or the last run did not come to its end."""


def freshness(cell: CellState) -> Freshness:
    """Return whether the outputs are those of the source as it stands (SE8)."""
    if cell.last is None or cell.last.outcome in {"aborted", "lost"}:
        return "unknown"
    same = cell.last.version == cell.version or cell.last.source == cell.cell.source
    return "fresh" if same else "stale"


class Run(Struct, frozen=True, gc=False):
    """A run that is queued or running. The order of `SessionState.runs` is the queue's."""

    id: RunId
    cell_id: CellId
    batch_id: BatchId
    source: str
    """As it stood when Run was pressed."""
    version: int
    stop_on_error: bool
    by: str
    """Who asked: a user's name for people."""
    queued_ms: int
    started_ms: int | None = None
    """None: queued. Set: running (sent to the kernel)."""
    reply: RunOutcome | None = None
    """How it went, once the reply is in; the run is over when `idle` is in too (SE7)."""
    idle: bool = False
    """The kernel's idle status for this run is in."""
    cancelled: bool = False
    """Someone took it back; it goes when the host says that it was not sent."""
    elsewhere: bool = False
    """Another program sends it to the kernel by itself (SE17): we never submit, order or cancel it."""


class KernelState(Struct, frozen=True):
    """The kernel this session is bound to."""

    id: KernelId | None = None
    kernelspec: str = ""
    display_name: str = ""
    language: str = ""
    status: KernelStatus = "none"
    since_ms: int = 0
    """When the status last changed."""
    lineage: int = 0
    """Starts of this kernel; another number means that variables are gone."""
    obituary: Obituary | None = None
    problem: str = ""
    """Why it could not start, for people."""
    cursor: int = 0
    """Last number of the kernel journal that is in this state."""
    replaces: KernelId | None = None
    """The kernel this session ended before: a server that was killed meanwhile ends it again."""


class Saved(Struct, frozen=True):
    """What is in the file."""

    revision: Revision | None = None
    """Of the file as last read or written; None: never written."""
    seq: int = 0
    """Entries up to here are in the file."""
    at_ms: int = 0
    problem: str = ""
    """Why saving does not work now, for people; empty: it does."""
    problem_since_ms: int = 0


NoticeKind = Literal["info", "warning", "error"]


class Notice(Struct, frozen=True):
    """A line in the page that stays until dismissed."""

    id: str
    kind: NoticeKind
    text: str
    at_ms: int


class Binned(Struct, frozen=True, gc=False):
    """A deleted cell, restorable."""

    state: CellState
    after: CellId | None
    """The cell it stood behind; None: it was first."""


class CommBuffer(Struct, frozen=True, gc=False):
    """A value of a comm's data that is not JSON, or large. Bytes stand in `data` or in `blob`, never in both."""

    path: tuple[str | int, ...] = ()
    """Where in the data it belongs; there stands nothing, or null. Empty: one of a message's buffers, in order."""
    data: bytes = b""
    blob: BlobRef | None = None
    text: bool = False
    """What belongs there is a string, and these are its UTF-8 bytes."""


class Comm(Struct, frozen=True, gc=False):
    """One open comm: for widgets, the model (SE20)."""

    target: str
    """`target_name`: `jupyter.widget`, or another one."""
    module: str = ""
    """`target_module`."""
    data: dict[str, Json] = {}
    """A widget's state as it is now; of other targets, what the comm was opened with."""
    buffers: tuple[CommBuffer, ...] = ()
    live: bool = True
    """False: its kernel process has ended. What it was is still shown, and is in the file."""
    clear_pending: bool = False
    """Of an Output widget: what is in `data.outputs` goes when the next output comes."""
    column: int = -1
    """Of an Output widget: as `Stream.column`, of the last of `data.outputs`."""


CommMessage = Literal["comm_msg", "comm_open", "comm_close"]


class CommSend(Struct, frozen=True, gc=False):
    """A message to a comm that the kernel has not handled yet."""

    id: SendId
    comm_id: CommId
    message: CommMessage = "comm_msg"
    data: dict[str, Json] = {}
    buffers: tuple[CommBuffer, ...] = ()
    target: str = ""
    """Of `comm_open`."""
    cell_id: CellId | None = None
    """Where what the kernel prints because of it is shown."""
    outputs: bool = False
    """Made here: it tells the kernel what its Output widget has (`data.outputs`) when it is sent (SE22)."""
    answered: tuple[str, ...] = ()
    """Keys of a widget's state that the kernel has told us because of it."""


BIN_LIMIT = 200
"""Deleted cells kept for undo in the session (the journal keeps all)."""

CHANGES_LIMIT = 500
"""Source changes kept per cell for mapping late ones."""


CLIENTS_LIMIT = 4_000
"""Clients whose last number is remembered; the one heard of longest ago goes first."""

REFUSED_LIMIT = 50
"""Refused numbers remembered for each client."""

STREAM_TAIL = 64 * 1024
"""Characters of a long stream that stay in the state, at its end, when a part is spilled."""

STREAM_HEAD = 16 * 1024
"""The same, at its beginning."""

STREAM_LIMIT = 2 * STREAM_TAIL
"""Characters of `Stream.text` above which a part is spilled: at least `STREAM_TAIL` at a time."""


class SessionState(Struct, frozen=True):
    """One open notebook at one number."""

    journal_id: JournalId
    path: NotebookPath
    seq: int = 0
    """Number of the last entry applied."""
    changed_seq: int = 0
    """Number of the last entry that changed what the file holds."""
    order: tuple[CellId, ...] = ()
    cells: dict[CellId, CellState] = {}
    metadata: dict[str, Json] = {}
    nbformat: int = 4
    nbformat_minor: int = 5
    extra: dict[str, Json] = {}
    runs: tuple[Run, ...] = ()
    kernel: KernelState = KernelState()
    saved: Saved = Saved()
    notices: tuple[Notice, ...] = ()
    bin: tuple[Binned, ...] = ()
    """Newest last."""
    clients: dict[ClientId, int] = {}
    """Number of the last intent that was decided, for each client, newest last. *Server only.*"""
    refused: dict[ClientId, tuple[int, ...]] = {}
    """The newest numbers that were decided by a refusal. *Server only.*"""
    changes: dict[CellId, tuple[ChangeJson, ...]] = {}
    """The newest source changes of each cell, up to `version`. *Server only.*"""
    displays: dict[str, tuple[CellId, ...]] = {}
    """display_id to the cells that show it. *Server only.*"""
    comms: dict[CommId, Comm] = {}
    """In the order in which they were opened."""
    sends: dict[SendId, CommSend] = {}
    """What was sent to comms and is not handled, in order. *Server only.*"""
    capturing: dict[CommId, str] = {}
    """Output widgets that take outputs now, and of which parent `msg_id`; the last one of an id takes them. *Server only.*"""
    comm_bytes: int = 0
    """About what `comms` takes, without blobs. *Server only.*"""
    comm_seq: int = 0
    """Number of the last entry that changed what the file says of widgets. *Server only.*"""
    spilling: dict[CellId, int] = {}
    """Cells with a stream on its way to a blob, and the index of that output. *Server only.*"""

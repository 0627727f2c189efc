"""Link frames: what one browser tab and the server say to each other, over any transport.

One tagged union each way, MessagePack, one frame a message; the frames know
nothing of WebSocket (invariant 10). TypeScript's types are generated from this
file into ui/src/core/wire.ts. Rules LK1 onwards: docs/specs/link.md.

A tab follows one or more notebooks, and shows one or more terminals. Its numbers
for them (`follow`, `attach`) are its own, and mean something only on that link.
"""

from msgspec import Raw, Struct

from carnet.core.notebook.model import Json
from carnet.core.session.intents import IntentBody
from carnet.core.session.operations import Entry
from carnet.core.session.state import Binned, CellState, Comm, KernelState, Notice, Refusal, Run, Saved
from carnet.ids import CellId, ClientId, CommId, JournalId, NotebookPath

PROTOCOL = 1

FIRST_CELLS = 60
"""Cells in a `Snapshot` frame; the rest follows in `MoreCells` frames."""

MORE_CELLS = 250
"""Cells in each `MoreCells` frame."""

MORE_COMMS_BYTES = 256 << 10
"""Comms in each `MoreCells` frame, about."""


class BaseToServer(Struct, frozen=True, tag_field="frame"):
    """Common shape."""


class Hello(BaseToServer, frozen=True, tag="hello"):
    """First frame of every link, also after a cut."""

    protocol: int
    client_id: ClientId


class Follow(BaseToServer, frozen=True, tag="follow"):
    """Open this notebook (or go on with it): answers `Snapshot`, or `Entries` after `have`."""

    follow: int
    path: NotebookPath
    journal_id: JournalId | None = None
    have: int = 0
    """Number of the last entry of that journal this tab has applied."""


class Unfollow(BaseToServer, frozen=True, tag="unfollow"):
    """No more of this notebook."""

    follow: int


class Intend(BaseToServer, frozen=True, tag="intend"):
    """An intent, in the order of its numbers."""

    follow: int
    client_id: ClientId
    """Whose number it is: the tab's own, or that of a dead tab whose journal it brings home."""
    number: int
    body: IntentBody


class Seen(BaseToServer, frozen=True, tag="seen"):
    """Everything up to this number is applied: lets the server send more (back-pressure)."""

    follow: int
    seq: int


class Complete(Struct, frozen=True, tag="complete", tag_field="question"):
    """Complete at the cursor (code points). Answer: the complete_reply's content."""

    code: str
    cursor: int


class Inspect(Struct, frozen=True, tag="inspect", tag_field="question"):
    """Describe what is at the cursor (code points); `detail` 0 or 1. Answer: the inspect_reply's content."""

    code: str
    cursor: int
    detail: int = 0


class IsComplete(Struct, frozen=True, tag="is-complete", tag_field="question"):
    """Is this code complete? Answer: the is_complete_reply's content."""

    code: str


Question = Complete | Inspect | IsComplete


class Ask(BaseToServer, frozen=True, tag="ask"):
    """A question to the kernel; not journaled. One `Answer` comes, or `Problem`-like `error` in it."""

    follow: int
    ask: int
    question: Question


class Ping(BaseToServer, frozen=True, tag="ping"):
    """Is the link alive? Answered at once by `Pong`."""

    sent_ms: int


class Attach(BaseToServer, frozen=True, tag="attach"):
    """Show this terminal (or go on with it): answers `Attached` or `NoTerminal`."""

    attach: int
    """The tab's own number for it, as `follow` is for notebooks."""
    name: str
    life: str = ""
    """The terminal that `have` counts in. Empty: this tab has nothing."""
    have: int = 0
    """All bytes before this offset are here."""
    rows: int = 0
    columns: int = 0
    """The size it is to have from now on; 0: as it is."""


class Detach(BaseToServer, frozen=True, tag="detach"):
    """No more of this terminal. It goes on."""

    attach: int


class Type(BaseToServer, frozen=True, tag="type"):
    """Type into it. Numbers rise; what has a number that was taken is not typed again."""

    attach: int
    number: int
    data: bytes
    answer: bool = False
    """A screen's answer to a program's question, which every screen gives: one of them is taken (HO96)."""


class Resize(BaseToServer, frozen=True, tag="resize"):
    """Give it another size, in characters."""

    attach: int
    rows: int
    columns: int


class Redraw(BaseToServer, frozen=True, tag="redraw"):
    """Have a full-screen program draw itself again: what this screen was shown is only the end of it."""

    attach: int


class Drawn(BaseToServer, frozen=True, tag="drawn"):
    """All bytes before this offset are on the screen: lets the server send more."""

    attach: int
    offset: int


ToServer = (
    Hello | Follow | Unfollow | Intend | Seen | Ask | Ping | Attach | Detach | Type | Resize | Redraw | Drawn
)


class BaseToBrowser(Struct, frozen=True, tag_field="frame"):
    """Common shape."""


class Welcome(BaseToBrowser, frozen=True, tag="welcome"):
    """The answer to Hello."""

    protocol: int
    version: str
    """Carnet's version: another one than the page's own means that the page offers to reload."""
    now_ms: int
    user: str


class SessionView(Struct, frozen=True):
    """`SessionState` as browsers hold it: without its server-only fields."""

    journal_id: JournalId
    path: NotebookPath
    seq: int
    changed_seq: int
    order: tuple[CellId, ...]
    cells: dict[CellId, CellState]
    metadata: dict[str, Json]
    nbformat: int
    nbformat_minor: int
    runs: tuple[Run, ...]
    kernel: KernelState
    saved: Saved
    notices: tuple[Notice, ...]
    bin: tuple[Binned, ...]
    comms: dict[CommId, Comm]


class Snapshot(BaseToBrowser, frozen=True, tag="snapshot"):
    """The state at a number. `session.cells` has the first cells only, and `session.comms` is empty; `order` has all."""

    follow: int
    session: SessionView
    more: bool
    """True: `MoreCells` frames of the same number follow before any `Entries`."""
    numbered: int
    """The last intent number decided for this client (0: none): what need not be sent again."""
    refused: tuple[int, ...]
    """Those of them that were refused."""
    writable: bool


class MoreCells(BaseToBrowser, frozen=True, tag="more-cells"):
    """More of the snapshot's cells, in order; then its comms."""

    follow: int
    cells: dict[CellId, CellState]
    more: bool
    comms: dict[CommId, Comm] = {}


class Entries(BaseToBrowser, frozen=True, tag="entries"):
    """Entries after what this tab has, in order, without a gap."""

    follow: int
    entries: tuple[Entry, ...]


class Refused(BaseToBrowser, frozen=True, tag="refused"):
    """That intent never reached the session (read-only): it will not happen. Its number is not decided.

    What the session itself refuses comes as an `Entry` with `refusal`.
    """

    follow: int
    client_id: ClientId
    number: int
    refusal: Refusal
    message: str


class Stalled(BaseToBrowser, frozen=True, tag="stalled"):
    """Nothing of this notebook can be recorded now, so nothing is decided; an empty reason: it can again.

    No part of the session: what is said of the journal cannot stand in it.
    """

    follow: int
    reason: str
    """For people; a sentence."""
    disk_full: bool = False


class Answer(BaseToBrowser, frozen=True, tag="answer"):
    """What the kernel answered; `error` says why there is nothing."""

    ask: int
    value: Raw | None = None
    """MessagePack of the reply's content."""
    error: str = ""


class Problem(BaseToBrowser, frozen=True, tag="problem"):
    """This notebook cannot be followed (not found, not a notebook, ...)."""

    follow: int
    status: int
    message: str


class Pong(BaseToBrowser, frozen=True, tag="pong"):
    """The answer to Ping."""

    sent_ms: int


class Attached(BaseToBrowser, frozen=True, tag="attached"):
    """What comes next of this terminal begins here."""

    attach: int
    life: str
    offset: int
    end: int
    """What is before this offset was shown to somebody before: a screen must not answer what it asks."""
    fresh: bool
    """The screen must be cleared: it continues nothing that this tab has."""
    modes: bytes = b""
    """Where what was before `offset` is not kept: what brings a fresh screen into the modes in force there."""


class Shown(BaseToBrowser, frozen=True, tag="shown"):
    """What it shows; the first byte is at `offset`. It continues what was before."""

    attach: int
    offset: int
    data: bytes


class Typed(BaseToBrowser, frozen=True, tag="typed"):
    """All up to this number was typed, or can never be."""

    attach: int
    number: int


class Ended(BaseToBrowser, frozen=True, tag="ended"):
    """Its shell is gone, and all it said was sent."""

    attach: int
    exit_code: int
    """Negative: the number of the signal that ended it."""


class NoTerminal(BaseToBrowser, frozen=True, tag="no-terminal"):
    """It cannot be shown: there is none (404), it may not be (403), or not now (503: ask again in a while)."""

    attach: int
    status: int
    message: str


class Bye(BaseToBrowser, frozen=True, tag="bye"):
    """The server ends the link on purpose; come back after `retry_ms` (-1: do not)."""

    reason: str
    retry_ms: int


ToBrowser = (
    Welcome
    | Snapshot
    | MoreCells
    | Entries
    | Refused
    | Stalled
    | Answer
    | Problem
    | Pong
    | Attached
    | Shown
    | Typed
    | Ended
    | NoTerminal
    | Bye
)

"""Frames between the server and the kernel host: one tagged union each way, MessagePack.

On the socket each frame is a 4-byte big-endian length and that many bytes of
MessagePack (Unix socket in a 0700 folder). Every `Call` gets exactly one
`Returned` or `Failed` with its `call` number; `Said` comes by itself for each
kernel the peer reads. Rules HO1 onwards: docs/specs/host.md.

The host keeps each kernel's run queue: it sends one execute_request at a time
and decides nothing but order and stop-on-error, so that runs go on while no
server lives.
"""

from typing import Literal

from msgspec import Raw, Struct

from carnet.core.notebook.model import Json
from carnet.ids import BatchId, KernelId, RunId

PROTOCOL = 1
"""Both sides refuse another number, with a sentence that says what to do."""

Channel = Literal["shell", "iopub", "stdin", "control", "host"]
"""`host`: what the host itself has to say; its `content` is a `HostEvent`."""

KernelStatus = Literal["starting", "idle", "busy", "restarting", "dead"]


class Record(Struct, frozen=True, array_like=True):
    """One thing a kernel said, in its kernel journal. Raw parts: nobody re-encodes them."""

    number: int
    """1, 2, 3 ... in this kernel's journal; a restart goes on counting."""
    at_ms: int
    channel: Channel
    msg_type: str
    parent_id: str
    """msg_id of the parent header, or empty."""
    header: bytes
    parent_header: bytes
    metadata: bytes
    content: bytes
    """JSON, as the kernel wrote it."""
    buffers: list[bytes] = []


# ---- what the host says of a kernel: `content` of a Record with channel "host"


class Obituary(Struct, frozen=True, omit_defaults=True):
    """Why a kernel process ended."""

    exit_code: int | None = None
    signal: int | None = None
    signal_name: str | None = None
    out_of_memory: bool = False
    peak_bytes: int | None = None
    """Peak resident size."""
    limit_bytes: int | None = None
    """The memory limit it lived under, where one is known."""
    stderr_tail: str = ""
    """Last of what the process wrote to its real stderr (faulthandler's traceback)."""
    run_id: RunId | None = None
    """The run that was going on."""
    asked: bool = False
    """True: a shutdown or restart was asked for, nothing is wrong."""


class KernelStarted(Struct, frozen=True, tag="kernel-started"):
    """The process is up and answered kernel_info_request. `lineage` counts (re)starts from 1."""

    lineage: int
    info: dict[str, Json]
    """The kernel_info_reply content: language_info, banner, ..."""


class KernelDied(Struct, frozen=True, tag="kernel-died"):
    """The process ended. Queued runs of this kernel are dropped, each with a RunDropped first."""

    lineage: int
    obituary: Obituary


class KernelRestarting(Struct, frozen=True, tag="kernel-restarting"):
    """Asked to restart; a KernelDied (asked) and a KernelStarted follow."""

    lineage: int


class RunSent(Struct, frozen=True, tag="run-sent"):
    """The execute_request of this run goes to the kernel now.

    A second one for the same run: the kernel had answered `aborted` although
    nothing of its batch failed, so the run starts over (HO24).
    """

    run_id: RunId


class RunDropped(Struct, frozen=True, tag="run-dropped"):
    """This run will never be sent: why."""

    run_id: RunId
    reason: Literal["batch-failed", "cancelled", "kernel-died", "restarted"]


class RunEnded(Struct, frozen=True, tag="run-ended"):
    """The kernel is done with this run, but the host never saw what is `missing`, and it will not come.

    After a host restart the reply may have gone by unseen; some kernels never
    send idle. Whoever waits for reply and idle stops waiting here (HO27).
    """

    run_id: RunId
    missing: tuple[Literal["reply", "idle"], ...]


class JournalGap(Struct, frozen=True, tag="journal-gap"):
    """Something may be missing here: the host was not there to listen."""

    since_ms: int
    reason: str


HostEvent = KernelStarted | KernelDied | KernelRestarting | RunSent | RunDropped | RunEnded | JournalGap


# ---- server to host


class Hello(Struct, frozen=True, tag="hello"):
    """First frame of a connection. The host answers `Returned` with `HostInfo`, or closes."""

    call: int
    protocol: int
    version: str
    """Carnet's version, for people."""


class ListKernelspecs(Struct, frozen=True, tag="list-kernelspecs"):
    """Answer: `dict[str, KernelspecModel]` and the default's name."""

    call: int


class ListKernels(Struct, frozen=True, tag="list-kernels"):
    """Answer: `list[KernelInfo]`."""

    call: int


class StartKernel(Struct, frozen=True, tag="start-kernel"):
    """Start (or take the warm spare). Answers at once with `KernelInfo` (status starting).

    Exactly-once by kernel_id: a second one with a known id answers with that kernel.
    How the start went arrives as KernelStarted or KernelDied.
    """

    call: int
    kernel_id: KernelId
    kernelspec: str
    """Empty: the default one."""
    cwd: str
    """Absolute folder; if it does not exist the host falls back to its parent, and so on."""
    env: dict[str, str] = {}
    extra_arguments: tuple[str, ...] = ()
    label: str = ""
    """For people: the notebook's path."""


class WarmUp(Struct, frozen=True, tag="warm-up"):
    """Have one spare kernel of this kernelspec started, where it can be one. Answers at once with nil."""

    call: int
    kernelspec: str = ""
    """Empty: the default one."""


class SubmitRun(Struct, frozen=True, tag="submit-run"):
    """Put a run at the end of the kernel's queue. A known run_id is ignored (exactly once)."""

    call: int
    kernel_id: KernelId
    run_id: RunId
    batch_id: BatchId
    code: str
    cell_id: str
    """Goes into the request's metadata as `cellId`, as JupyterLab does."""
    stop_on_error: bool = True
    """False for cells tagged raises-exception: their error does not drop the batch."""
    allow_stdin: bool = True


class CancelRuns(Struct, frozen=True, tag="cancel-runs"):
    """Drop these runs where they are still queued; each is journaled as RunDropped."""

    call: int
    kernel_id: KernelId
    run_ids: tuple[RunId, ...]


class ReorderRuns(Struct, frozen=True, tag="reorder-runs"):
    """New order of the queued runs; unknown ids are ignored, missing ones keep their place behind."""

    call: int
    kernel_id: KernelId
    run_ids: tuple[RunId, ...]


class SendMessage(Struct, frozen=True, tag="send-message"):
    """Send one message to a kernel outside the queue (completion, inspection, comm, stdin reply).

    What comes back is journaled like everything else, with `msg_id` as parent_id.
    """

    call: int
    kernel_id: KernelId
    channel: Literal["shell", "control", "stdin"]
    msg_type: str
    msg_id: str
    content: bytes
    """JSON, as it goes on the kernel's wire."""
    parent_header: bytes = b""
    """JSON; for input_reply: the header of the input_request."""
    metadata: dict[str, Json] = {}
    buffers: list[bytes] = []
    raw_header: bytes = b""
    """JSON. Set: another program's message, which goes to the kernel with its own header (HO80)."""
    raw_metadata: bytes = b""
    """JSON; with `raw_header` it stands in the place of `metadata`."""


class InterruptKernel(Struct, frozen=True, tag="interrupt-kernel"):
    """Interrupt the running run, and drop the queued ones (RunDropped: cancelled)."""

    call: int
    kernel_id: KernelId


class RestartKernel(Struct, frozen=True, tag="restart-kernel"):
    """End the process (politely, then not) and start another with the same id and settings."""

    call: int
    kernel_id: KernelId
    lineage: int = 0
    """Set: only while the kernel has this lineage, so that asking twice restarts once."""


class ShutdownKernel(Struct, frozen=True, tag="shutdown-kernel"):
    """End the kernel and its children: shutdown_request, then SIGTERM, then SIGKILL to its group."""

    call: int
    kernel_id: KernelId
    now: bool = False
    """True: SIGKILL at once."""


FROM_NOW = -1
"""As `ReadKernel.after`: begin with what comes next."""


class ReadKernel(Struct, frozen=True, tag="read-kernel"):
    """Send every Record of this kernel with number > after as `Said`, then go on as they come.

    Answer: the number it begins after.
    """

    call: int
    kernel_id: KernelId
    after: int
    reader: str = ""
    """A name: the host remembers how far it has acknowledged, and begins there when `after` is `FROM_NOW` (HO77)."""


class StopReading(Struct, frozen=True, tag="stop-reading"):
    """No more `Said` for this kernel on this connection."""

    call: int
    kernel_id: KernelId


class Acknowledge(Struct, frozen=True, tag="acknowledge"):
    """The reader has committed up to `number`: flow control, and the journal may drop older files.

    No answer; `call` is 0.
    """

    call: int
    kernel_id: KernelId
    number: int


class StartTerminal(Struct, frozen=True, tag="start-terminal"):
    """Start a shell on a pty. Answer: `TerminalInfo`; of the one there is, where the name is known."""

    call: int
    name: str = ""
    """Empty: the first free number."""
    cwd: str = "/"
    """Absolute; where it does not exist, the nearest parent that does."""
    rows: int = 24
    columns: int = 80
    command: tuple[str, ...] = ()
    """Empty: the user's login shell."""
    env: dict[str, str] = {}


class ListTerminals(Struct, frozen=True, tag="list-terminals"):
    """Answer: `list[TerminalInfo]`."""

    call: int


class WriteTerminal(Struct, frozen=True, tag="write-terminal"):
    """Type these bytes: once, however often they come with this number or a lower one of this writer."""

    call: int
    name: str
    data: bytes
    writer: str = ""
    """Whose number it is. Empty: it is typed whenever it comes."""
    number: int = 0
    life: str = ""
    """Only into this terminal of that name; empty: whichever has it."""
    answer: bool = False
    """A screen's answer to a program's question: only that of the writer who typed last is typed."""


class ResizeTerminal(Struct, frozen=True, tag="resize-terminal"):
    """Give it another size, in characters."""

    call: int
    name: str
    rows: int
    columns: int


class RedrawTerminal(Struct, frozen=True, tag="redraw-terminal"):
    """Have a full-screen program draw itself again: its window changes by a column, for a moment."""

    call: int
    name: str


class ReadTerminal(Struct, frozen=True, tag="read-terminal"):
    """Send its output after this offset as `TerminalSaid`, as far as it is kept, then go on as it comes.

    Answer: `TerminalReading`, before any of it. One that has ended can be read for a while, and says so at its end.
    """

    call: int
    name: str
    after: int
    life: str = ""
    """The terminal that `after` counts in; another one of that name is read from its start. Empty: whichever has it."""
    window_bytes: int = 0
    """So much may be on the way to this reader. 0: as the host thinks best."""


class AcknowledgeTerminal(Struct, frozen=True, tag="acknowledge-terminal"):
    """The reader has all before this offset. No answer; `call` is 0."""

    call: int
    name: str
    offset: int


class EndTerminal(Struct, frozen=True, tag="end-terminal"):
    """Hang up, and kill what is left. Answers when it is gone."""

    call: int
    name: str


TerminalCall = (
    StartTerminal
    | ListTerminals
    | WriteTerminal
    | ResizeTerminal
    | RedrawTerminal
    | ReadTerminal
    | AcknowledgeTerminal
    | EndTerminal
)


class EndHost(Struct, frozen=True, tag="end-host"):
    """Shut all kernels down and end the host process. Answers, then closes."""

    call: int


ToHost = (
    Hello
    | ListKernelspecs
    | ListKernels
    | StartKernel
    | WarmUp
    | SubmitRun
    | CancelRuns
    | ReorderRuns
    | SendMessage
    | InterruptKernel
    | RestartKernel
    | ShutdownKernel
    | ReadKernel
    | StopReading
    | Acknowledge
    | TerminalCall
    | EndHost
)


# ---- host to server


class HostRecord(Struct, frozen=True):
    """What stands in `host.json` (0600, in the host's folder): where to find the host that runs there."""

    pid: int
    version: str
    protocol: int
    socket: str
    """Path of the Unix socket; not always in the folder, since such paths must be short (HO4)."""
    started_ms: int


class HostInfo(Struct, frozen=True):
    """Who the host is."""

    protocol: int
    version: str
    pid: int
    started_ms: int


class KernelInfo(Struct, frozen=True):
    """One kernel, as the host sees it now."""

    kernel_id: KernelId
    kernelspec: str
    status: KernelStatus
    pid: int | None
    started_ms: int
    label: str
    last_number: int
    """Last number in its journal."""
    queued: tuple[RunId, ...] = ()
    running: RunId | None = None
    resident_bytes: int | None = None
    cwd: str = ""
    language: str = ""
    display_name: str = ""
    """The kernelspec's, for people."""
    elsewhere: tuple[RunId, ...] = ()
    """`execute_request`s of other programs (HO80) that have no reply yet, the oldest first."""


class KernelspecModel(Struct, frozen=True):
    """One installed kernelspec."""

    name: str
    display_name: str
    language: str
    resource_dir: str
    spec: dict[str, Json]
    """kernel.json as it stands (argv, env, metadata, ...)."""


class Kernelspecs(Struct, frozen=True):
    """All installed kernelspecs."""

    default: str
    kernelspecs: dict[str, KernelspecModel]


class Returned(Struct, frozen=True, tag="returned"):
    """The answer to a call. `value` is MessagePack of the type the call names, or nil."""

    call: int
    value: Raw


class Failed(Struct, frozen=True, tag="failed"):
    """The call did nothing. `error` is a class name of carnet.errors, `details` its fields."""

    call: int
    error: str
    message: str
    details: dict[str, Json] = {}


class Said(Struct, frozen=True, tag="said"):
    """New records of one kernel, in order, without a gap."""

    kernel_id: KernelId
    records: list[Record]


class TerminalInfo(Struct, frozen=True):
    """One terminal, as the host sees it now."""

    name: str
    pid: int
    started_ms: int
    last_activity_ms: int
    """When something was typed or shown."""
    offset: int
    """How many bytes it has shown."""
    life: str = ""
    """Which terminal of this name: names are given again."""


class TerminalReading(Struct, frozen=True):
    """Where reading a terminal begins."""

    life: str
    offset: int
    """Greater than was asked for: what was before is not kept any more."""
    end: int
    """All before this was said before it was asked for."""
    modes: bytes = b""
    """Then: what brings a fresh screen into the modes in force there."""


class TerminalSaid(Struct, frozen=True, tag="terminal-said"):
    """What a terminal shows; the first byte is at `offset`."""

    name: str
    offset: int
    data: bytes


class TerminalEnded(Struct, frozen=True, tag="terminal-ended"):
    """Its shell is gone."""

    name: str
    exit_code: int
    """Negative: the number of the signal that ended it."""


FromHost = Returned | Failed | Said | TerminalSaid | TerminalEnded

"""The I/O that a decision or an operation calls for. `live` performs effects in order, after the commit.

First those of the decision, then those of `apply_entry` (a restart comes before
the runs that follow it). What a server that was killed has to do again:
`apply.effects_after_restart`.
"""

from msgspec import Struct

from carnet.core.session.state import CommSend, Run
from carnet.ids import CellId, KernelId, RunId


class StartKernel(Struct, frozen=True):
    """Start a kernel of this kernelspec (empty: the default) under this id, in the notebook's folder."""

    kernel_id: KernelId
    kernelspec: str


class SubmitRuns(Struct, frozen=True):
    """Hand these runs to the host's queue, in order."""

    kernel_id: KernelId
    runs: tuple[Run, ...]


class CancelRuns(Struct, frozen=True):
    """Take runs out of the host's queue."""

    kernel_id: KernelId
    run_ids: tuple[RunId, ...]


class ReorderRuns(Struct, frozen=True):
    """Give the host's queue this order."""

    kernel_id: KernelId
    run_ids: tuple[RunId, ...]


class InterruptKernel(Struct, frozen=True):
    """Interrupt."""

    kernel_id: KernelId


class RestartKernel(Struct, frozen=True):
    """Restart, unless it has another lineage by now (exactly once)."""

    kernel_id: KernelId
    lineage: int


class ShutdownKernel(Struct, frozen=True):
    """End it."""

    kernel_id: KernelId
    now: bool


class AnswerInput(Struct, frozen=True):
    """Send an input_reply. `header` is the input_request's header, JSON. Never logged, never stored."""

    kernel_id: KernelId
    run_id: RunId
    header: str
    value: str


class SendComm(Struct, frozen=True):
    """Send a message to a comm. The host sends one of this id once."""

    kernel_id: KernelId
    send: CommSend


class ScheduleSave(Struct, frozen=True):
    """The document changed: save within `autosave_delay_s`."""


class SaveNow(Struct, frozen=True):
    """Save at once."""


class TrustFile(Struct, frozen=True):
    """Remember that the outputs in the file are trusted, if it holds what the session holds."""


class SpillStream(Struct, frozen=True):
    """A stream grew over the limit: store `text` as a blob, then apply what `spill_operation` gives."""

    cell_id: CellId
    index: int
    head: str
    """What stays in front of it; the first spill of a stream sets it."""
    text: str


Effect = (
    StartKernel
    | SubmitRuns
    | CancelRuns
    | ReorderRuns
    | InterruptKernel
    | RestartKernel
    | ShutdownKernel
    | AnswerInput
    | SendComm
    | ScheduleSave
    | SaveNow
    | TrustFile
    | SpillStream
)

"""Sessions, operations and kernel records in the making, for the tests of `core/session`."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, Cell, CellKind, Json, Notebook
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.apply import apply_entry
from carnet.core.session.decide import Decision, Fresh, Kernelspec, decide, entry_of
from carnet.core.session.effects import Effect
from carnet.core.session.intents import Intent, IntentBody
from carnet.core.session.interpret import Interpretation, interpret
from carnet.core.session.notebook_of import new_session
from carnet.core.session.operations import Entry, Operation
from carnet.core.session.state import CellState, KernelState, Run, SessionState
from carnet.core.wire.host import Channel, HostEvent, KernelStarted, Record, RunSent
from carnet.ids import BatchId, CellId, ClientId, JournalId, KernelId, NotebookPath, Revision, RunId

A, B, C = CellId("a"), CellId("b"), CellId("c")
K1, K2 = KernelId("k1"), KernelId("k2")
R1, R2, R3 = RunId("r1"), RunId("r2"), RunId("r3")
B1 = BatchId("b1")
TAB = ClientId("tab")
BLOB = BlobRef("0" * 64, 1, "text/plain")

PYTHON = Kernelspec("Python 3", "python")
FRESH = Fresh(K2, {"python3": PYTHON, "ir": Kernelspec("R", "R")}, "python3")

IDLE = KernelState(
    id=K1,
    kernelspec="python3",
    display_name="Python 3",
    language="python",
    status="idle",
    since_ms=50,
    lineage=1,
)


def a_cell(
    cell_id: str, source: str = "", kind: CellKind = "code", metadata: dict[str, Json] | None = None
) -> Cell:
    return Cell(CellId(cell_id), kind, source, metadata or {})


def a_session(*cells: Cell | str, kernel: KernelState | None = None) -> SessionState:
    """A session of these cells (a name: a code cell whose source is its name), saved, at number 0."""
    made = tuple(cell if isinstance(cell, Cell) else a_cell(cell, cell) for cell in cells)
    return new_session(
        JournalId("j"), NotebookPath("a.ipynb"), Notebook(made), Revision("r0"), at_ms=1, kernel=kernel
    )


def a_run(run_id: str, cell_id: str, version: int = 0) -> Run:
    return Run(RunId(run_id), CellId(cell_id), B1, cell_id, version, True, "ada", 100)


def do(state: SessionState, *operations: Operation) -> SessionState:
    return did(state, *operations)[0]


def did(state: SessionState, *operations: Operation) -> tuple[SessionState, tuple[Effect, ...]]:
    return apply_entry(state, Entry(state.seq + 1, 1_000, operations))


def running(*cells: str, run: str = "r1", cell: str = "a") -> SessionState:
    """A session with an idle kernel and a run of one of its cells on it."""
    state = a_session(*(cells or (cell,)), kernel=IDLE)
    return do(state, ops.QueueRuns((a_run(run, cell),)), ops.StartRun(RunId(run), 200))


def unchanged(state: SessionState, *operations: Operation) -> bool:
    """Whether the operations do nothing, and ask for nothing."""
    after, effects = did(state, *operations)
    return replace(after, seq=state.seq) == state and effects == ()


def outputs(state: SessionState, cell_id: CellId = A) -> tuple[object, ...]:
    return state.cells[cell_id].cell.outputs


def the_cell(state: SessionState, cell_id: CellId = A) -> CellState:
    return state.cells[cell_id]


class Client:
    """One tab, numbering its intents."""

    def __init__(self, state: SessionState, client_id: str = "tab", fresh: Fresh = FRESH) -> None:
        self.state = state
        self.client_id = ClientId(client_id)
        self.fresh = fresh
        self.number = 0
        self.effects: tuple[Effect, ...] = ()

    def send(self, body: IntentBody, number: int | None = None) -> Decision:
        """Decide it, and apply the entry; the effects of both stand in `effects`."""
        self.number = self.number + 1 if number is None else number
        intent = Intent(self.client_id, self.number, "ada", body)
        decision = decide(self.state, intent, now_ms=500, fresh=self.fresh)
        entry = entry_of(decision, intent, seq=self.state.seq + 1, at_ms=500)
        self.effects = ()
        if entry is not None:
            self.state, caused = apply_entry(self.state, entry)
            self.effects = (*decision.effects, *caused)
        return decision

    def edit(self, *edits: intents.CellEdit) -> Decision:
        return self.send(intents.Edit(edits))

    def run(self, *pairs: tuple[str, str], batch_id: str = "b1") -> Decision:
        requests = tuple(intents.RunRequest(RunId(run), CellId(cell)) for run, cell in pairs)
        return self.send(intents.RunCells(BatchId(batch_id), requests))


class Kernel:
    """Makes the records of one kernel journal."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def record(self, channel: Channel, msg_type: str, parent: str, content: bytes) -> Record:
        self.number += 1
        return Record(
            self.number,
            1_000 + self.number,
            channel,
            msg_type,
            parent,
            b'{"msg_id":"h"}',
            b"{}",
            b"{}",
            content,
        )

    def says(self, msg_type: str, parent: str = "r1", **content: object) -> Record:
        return self.record("iopub", msg_type, parent, msgspec.json.encode(content))

    def prints(self, text: str, parent: str = "r1", name: str = "stdout") -> Record:
        return self.says("stream", parent, name=name, text=text)

    def busy(self, parent: str = "r1") -> Record:
        return self.says("status", parent, execution_state="busy")

    def idle(self, parent: str = "r1") -> Record:
        return self.says("status", parent, execution_state="idle")

    def replies(self, parent: str = "r1", status: str = "ok", **content: object) -> Record:
        return self.record(
            "shell", "execute_reply", parent, msgspec.json.encode({"status": status, **content})
        )

    def asks(self, parent: str = "r1", **content: object) -> Record:
        return self.record("stdin", "input_request", parent, msgspec.json.encode(content))

    def host(self, event: HostEvent) -> Record:
        return self.record("host", "", "", msgspec.json.encode(event))

    def started(self, lineage: int = 1) -> Record:
        return self.host(KernelStarted(lineage, {"language_info": {"name": "python"}}))

    def sent(self, run: str = "r1") -> Record:
        return self.host(RunSent(RunId(run)))


def read(state: SessionState, *records: Record) -> tuple[SessionState, tuple[Operation, ...]]:
    """Interpret a batch and apply it; returns the operations too."""
    state, meaning = reading(state, records)
    return state, meaning.ops


def reading(state: SessionState, records: Sequence[Record]) -> tuple[SessionState, Interpretation]:
    meaning = interpret(state, records, now_ms=9_000)
    state, _ = apply_entry(state, Entry(state.seq + 1, 9_000, meaning.ops, cursor=meaning.cursor))
    return state, meaning


def numbered(names: str) -> Callable[[], CellId]:
    """Return a supply of cell ids: `x1`, `x2`, ..."""
    count = 0

    def new() -> CellId:
        nonlocal count
        count += 1
        return CellId(f"{names}{count}")

    return new

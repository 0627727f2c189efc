"""Laws: replicas are equal and nothing is lost; batches do not matter; what is indexed is there.

Three tabs with slow and broken links, a kernel, restarts.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carnet.core.notebook.model import DisplayData, ExecuteResult
from carnet.core.session import effects as fx
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.apply import apply_entry
from carnet.core.session.decide import decide, entry_of
from carnet.core.session.intents import ChangeSourceFrom, Intent, IntentBody
from carnet.core.session.interpret import interpret
from carnet.core.session.operations import Entry
from carnet.core.session.state import SessionState
from carnet.core.text.changes import ChangeJson
from carnet.core.wire.host import KernelDied, Obituary, Record, RunDropped
from carnet.ids import BatchId, CellId, ClientId, RunId
from tests.core.session.sessions import FRESH, IDLE, Kernel, a_cell, a_run, a_session, do, read
from tools.make_session_vectors import Dice, Scenario

TOKEN = re.compile(r"<\d+>")

_entries = msgspec.msgpack.Decoder(Entry)
_states = msgspec.msgpack.Decoder(SessionState)


def reloaded(state: SessionState) -> SessionState:
    return _states.decode(msgspec.msgpack.encode(state))


@dataclass
class Tab:
    """A page: what it has, and what it asked for and has no answer to."""

    client_id: ClientId
    state: SessionState
    number: int = 0
    #: Not decided, as far as the tab knows.
    pending: dict[int, IntentBody] = field(default_factory=dict)
    #: On the way to the server.
    sent: list[int] = field(default_factory=list)

    def wants(self, body: IntentBody) -> None:
        self.number += 1
        self.pending[self.number] = body
        self.sent.append(self.number)

    def receive(self, entry: Entry) -> None:
        self.state, _ = apply_entry(self.state, entry)
        if entry.client_id == self.client_id and entry.intent is not None:
            self.pending = {number: body for number, body in self.pending.items() if number > entry.intent}

    def changing(self, cell_id: CellId) -> bool:
        """Whether a change of this cell is not decided (IN4)."""
        edits = [
            edit for body in self.pending.values() if isinstance(body, intents.Edit) for edit in body.edits
        ]
        return any(isinstance(edit, ChangeSourceFrom) and edit.cell_id == cell_id for edit in edits)


class World:
    """The server, its journal, a kernel and three tabs."""

    def __init__(self) -> None:
        self.start = a_session("a", "b", "c")
        self.state = self.start
        self.journal: list[bytes] = []
        self.tabs = [Tab(ClientId(f"tab{n}"), self.start) for n in range(3)]
        self.kernel: Kernel | None = None
        self.submitted: list[RunId] = []
        self.made = 0
        self.inserted: set[str] = set()
        #: Tokens that someone deleted, or wrote into a cell that was gone.
        self.let_go: set[str] = set()

    # ---- the tabs

    def cell(self, tab: Tab, x: int) -> CellId | None:
        return tab.state.order[x % len(tab.state.order)] if tab.state.order else None

    def new(self) -> int:
        self.made += 1
        return self.made

    def insert_text(self, tab: Tab, x: int, y: int) -> None:
        cell_id = self.cell(tab, x)
        if cell_id is None or tab.changing(cell_id):
            return
        cell = tab.state.cells[cell_id]
        source = cell.cell.source
        places = [0, len(source), *(match.start() for match in TOKEN.finditer(source))]
        at = places[y % len(places)]
        token = f"<{self.new()}>"
        self.inserted.add(token)
        changes: ChangeJson = [at, [0, token], len(source) - at]
        tab.wants(intents.Edit((ChangeSourceFrom(cell_id, cell.version, changes),)))

    def delete_text(self, tab: Tab, x: int, y: int) -> None:
        cell_id = self.cell(tab, x)
        if cell_id is None or tab.changing(cell_id):
            return
        cell = tab.state.cells[cell_id]
        tokens = list(TOKEN.finditer(cell.cell.source))
        if tokens:
            token = tokens[y % len(tokens)]
            self.let_go.add(token[0])
            changes: ChangeJson = [token.start(), [len(token[0])], len(cell.cell.source) - token.end()]
            tab.wants(intents.Edit((ChangeSourceFrom(cell_id, cell.version, changes),)))

    def insert_cell(self, tab: Tab, x: int, _: int) -> None:
        token = f"<{self.new()}>"
        self.inserted.add(token)
        tab.wants(intents.Edit((ops.InsertCells(self.cell(tab, x), (a_cell(f"n{self.made}", token),)),)))

    def delete_cell(self, tab: Tab, x: int, _: int) -> None:
        if cell_id := self.cell(tab, x):
            tab.wants(intents.Edit((ops.DeleteCells((cell_id,)),)))

    def restore_cell(self, tab: Tab, x: int, _: int) -> None:
        if tab.state.bin:
            cell_id = tab.state.bin[x % len(tab.state.bin)].state.cell.id
            tab.wants(intents.Edit((ops.RestoreCells((cell_id,)),)))

    def move_cell(self, tab: Tab, x: int, y: int) -> None:
        if cell_id := self.cell(tab, x):
            tab.wants(intents.Edit((ops.MoveCells((cell_id,), self.cell(tab, y)),)))

    def run_cells(self, tab: Tab, x: int, y: int) -> None:
        cells = {self.cell(tab, x), self.cell(tab, y)} - {None}
        requests = tuple(
            intents.RunRequest(RunId(f"r{self.new()}"), cell) for cell in sorted(filter(None, cells))
        )
        tab.wants(intents.RunCells(BatchId(f"b{self.made}"), requests))

    def cancel_run(self, tab: Tab, x: int, _: int) -> None:
        if tab.state.runs:
            tab.wants(intents.CancelRuns((tab.state.runs[x % len(tab.state.runs)].id,)))

    # ---- links

    def take(self, tab: Tab, _: int, __: int) -> None:
        """The server gets the next intent of a tab."""
        if not tab.sent:
            return
        number = tab.sent.pop(0)
        if number not in tab.pending:
            return
        body = tab.pending[number]
        intent = Intent(tab.client_id, number, "ada", body)
        decision = decide(self.state, intent, now_ms=self.state.seq, fresh=FRESH)
        entry = entry_of(decision, intent, seq=self.state.seq + 1, at_ms=self.state.seq)
        if entry is None:
            assert decision == type(decision)(again=True)
            return
        assert decision.refusal is None, decision.message
        self.note_late(body)
        self.commit(entry)

    def note_late(self, body: IntentBody) -> None:
        for edit in body.edits if isinstance(body, intents.Edit) else ():
            if isinstance(edit, ChangeSourceFrom) and edit.cell_id not in self.state.cells:
                self.let_go.update(TOKEN.findall(str(edit.changes)))

    def deliver(self, tab: Tab, x: int, _: int) -> None:
        """The tab gets the next entries."""
        for data in self.journal[tab.state.seq : tab.state.seq + 1 + x % 5]:
            tab.receive(_entries.decode(data))

    def cut(self, tab: Tab, x: int, _: int) -> None:
        """What is under way is lost; the tab follows again, now and then by a snapshot, and sends again."""
        if x % 3 == 0:
            tab.state = reloaded(self.state)
            numbered = self.state.clients.get(tab.client_id, 0)
            tab.pending = {number: body for number, body in tab.pending.items() if number > numbered}
        tab.sent = list(tab.pending)

    # ---- the server and the kernel

    def commit(self, entry: Entry) -> None:
        self.state, effects = apply_entry(self.state, entry)
        self.journal.append(msgspec.msgpack.encode(entry))
        for effect in effects:
            if isinstance(effect, fx.StartKernel):
                self.kernel = Kernel()
                self.read(self.kernel.started())
            elif isinstance(effect, fx.SubmitRuns):
                self.submitted += [run.id for run in effect.runs]

    def read(self, *records: Record) -> None:
        meaning = interpret(self.state, records, now_ms=self.state.seq)
        self.commit(Entry(self.state.seq + 1, self.state.seq, meaning.ops, cursor=meaning.cursor))
        assert interpret(self.state, records, now_ms=0).cursor is None

    def kernel_works(self, _: Tab, x: int, y: int) -> None:
        if self.kernel is None or not self.submitted:
            return
        k, run_id = self.kernel, self.submitted.pop(0)
        run = next((run for run in self.state.runs if run.id == run_id), None)
        if run is not None and run.cancelled:
            self.read(k.host(RunDropped(run_id, "cancelled")))
            return
        records = [k.sent(run_id), k.busy(run_id), k.prints("x\r", run_id), k.prints("y\n", run_id)]
        records += [k.replies(run_id, execution_count=x), k.idle(run_id)]
        cut = y % len(records)
        self.read(*records[: cut + 1])
        self.state = reloaded(self.state)
        if records[cut + 1 :]:
            self.read(*records[cut:])

    # ---- the end

    def settle(self) -> None:
        for tab in self.tabs:
            self.cut(tab, 1, 0)
            while tab.sent:
                self.take(tab, 0, 0)
        while self.submitted:
            self.kernel_works(self.tabs[0], 1, 1)
        for tab in self.tabs:
            while tab.state.seq < self.state.seq:
                self.deliver(tab, 4, 0)

    def check(self) -> None:
        replayed = self.start
        for data in self.journal:
            replayed, _ = apply_entry(replayed, _entries.decode(data))
        assert replayed == self.state
        assert reloaded(self.state) == self.state
        for tab in self.tabs:
            assert tab.state == self.state
            assert tab.pending == {}

        state = self.state
        assert sorted(state.order) == sorted(state.cells)
        assert len(set(state.order)) == len(state.order)
        assert state.runs == ()
        cells = [*state.cells.values(), *(binned.state for binned in state.bin)]
        tokens = Counter(token for cell in cells for token in TOKEN.findall(cell.cell.source))
        assert set(tokens.values()) <= {1}
        assert self.inserted - set(tokens) <= self.let_go
        for cell in state.cells.values():
            known = state.changes.get(cell.cell.id, ())
            assert len(known) <= cell.version


ACTIONS = (
    World.insert_text, World.insert_text, World.insert_text, World.delete_text, World.insert_cell, World.delete_cell,
    World.restore_cell, World.move_cell, World.run_cells, World.cancel_run, World.take, World.take, World.take,
    World.deliver, World.deliver, World.deliver, World.cut, World.kernel_works,
)  # fmt: skip

small = st.integers(0, 30)
steps = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2), small, small), min_size=100, max_size=300
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_op1_replicas_are_equal_and_every_token_is_there_once_or_was_let_go(
    steps: list[tuple[object, int, int, int]],
) -> None:
    world = World()
    for action, tab, x, y in steps:
        action(world, world.tabs[tab], x, y)  # type: ignore[operator]  # one of ACTIONS
    world.settle()
    world.check()


# ---- batches


def said(k: Kernel, what: str, run: str, x: int) -> Record:
    """Return a record of a run; `x` varies it."""
    text = ("one\n", "50%\r", "two", "\x1b[2K\r")[x % 4]
    match what:
        case "print":
            return k.prints(text, run, name=("stdout", "stdout", "stderr")[x % 3])
        case "display":
            return k.says(
                "display_data", run, data={"text/plain": str(x)}, transient={"display_id": f"d{x % 2}"}
            )
        case "update":
            return k.says(
                "update_display_data",
                run,
                data={"text/plain": f"u{x}"},
                transient={"display_id": f"d{x % 2}"},
            )
        case "clear":
            return k.says("clear_output", run, wait=x % 2 == 0)
        case "error":
            return k.says("error", run, ename="E")
        case "count":
            return k.says("execute_input", run, execution_count=x)
        case "reply":
            return k.replies(run, ("ok", "error")[x % 2], execution_count=x)
        case "next":
            payload = [{"source": "set_next_input", "text": text.strip(), "replace": x % 2 == 0}]
            return k.replies(run, payload=payload)
        case "idle":
            return k.idle(run)
        case "input":
            return k.asks(run, prompt="? ")
        case "died":
            return k.host(KernelDied(1, Obituary(exit_code=x)))
        case _:
            return k.sent(run)


SAYINGS = (
    "print",
    "print",
    "print",
    "display",
    "update",
    "clear",
    "error",
    "count",
    "reply",
    "idle",
    "sent",
    "input",
)
sayings = st.lists(
    st.tuples(st.sampled_from([*SAYINGS, "next", "died"]), st.sampled_from(["r1", "r2", "r3"]), small),
    min_size=10,
    max_size=60,
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(sayings=sayings, cuts=st.lists(st.booleans(), min_size=60, max_size=60))
def test_op1_it_does_not_matter_how_records_come_in_batches(
    sayings: list[tuple[str, str, int]], cuts: list[bool]
) -> None:
    k = Kernel()
    records = [said(k, *saying) for saying in sayings]
    start = do(
        a_session("a", "b", kernel=IDLE),
        ops.AddOutput(CellId("b"), DisplayData(display_id="d0")),
        ops.QueueRuns((a_run("r1", "a"), a_run("r2", "b"), a_run("r3", "a"))),
    )

    whole, _ = read(start, *records)
    pieces = start
    batch: list[Record] = []
    for record, cut in zip(records, cuts, strict=False):
        batch.append(record)
        if cut:
            pieces, _ = read(pieces, *batch)
            batch = []
    pieces, _ = read(pieces, *batch)

    for state in (whole, pieces):
        assert sorted_cells(state.displays) == sorted_cells(shown_in(state))
    assert whole.cells == pieces.cells
    assert (whole.order, whole.runs, whole.metadata) == (pieces.order, pieces.runs, pieces.metadata)
    assert whole.kernel.status == pieces.kernel.status
    assert [notice.text for notice in whole.notices] == [notice.text for notice in pieces.notices]


# ---- what is indexed


def shown_in(state: SessionState) -> dict[str, tuple[CellId, ...]]:
    """Return what `displays` says, found the long way."""
    found: dict[str, tuple[CellId, ...]] = {}
    for cell_id, cell in state.cells.items():
        for output in cell.cell.outputs:
            if isinstance(output, DisplayData | ExecuteResult) and output.display_id is not None:
                cells = found.get(output.display_id, ())
                found[output.display_id] = cells if cell_id in cells else (*cells, cell_id)
    return found


def sorted_cells(displays: dict[str, tuple[CellId, ...]]) -> dict[str, list[CellId]]:
    return {display_id: sorted(cells) for display_id, cells in displays.items()}


@pytest.mark.parametrize("seed", range(100, 110))
def test_se14_every_display_that_is_shown_is_found(seed: int) -> None:
    told = Scenario("dice", (a_cell("a", "1"), a_cell("b", "2")))
    Dice(told, seed).roll(80)

    assert sorted_cells(told.state.displays) == sorted_cells(shown_in(told.state))
    assert sorted(told.state.order) == sorted(told.state.cells)

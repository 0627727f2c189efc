"""Write tests/vectors/session.json: entries and what they make of a state, for both implementations.

    python -m tools.make_session_vectors           writes the file
    python -m tools.make_session_vectors --check   exits with 1 when the file is not up to date

A scenario has a `start` (a `SessionView`) and steps. A step has an `entry` and
`after`: the top-level fields that are different now. In `after.cells` stand the
cells that are different; one that is gone is null. The same holds for comms.
"""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from carnet.core.notebook.model import (
    BlobRef,
    Cell,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Notebook,
    Output,
    Spill,
    Stream,
)
from carnet.core.session import operations as ops
from carnet.core.session.apply import apply_entry
from carnet.core.session.notebook_of import new_session, view_of
from carnet.core.session.operations import Entry, Operation
from carnet.core.session.state import (
    Comm,
    CommBuffer,
    CommSend,
    InputRequest,
    KernelState,
    Notice,
    NoticeKind,
    Run,
    RunOutcome,
    SessionState,
)
from carnet.core.text.changes import diff
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

TARGET = Path(__file__).resolve().parent.parent / "tests" / "vectors" / "session.json"

BLOB = BlobRef("5" * 64, 12, "text/plain")
WORDS = ("a", "bc", "def ", "x = 1", "\n", "π", "𝛑", "👩‍💻", "  ", "print(1)\n", "é")
TEXTS = (
    "one\n", "two\nthree", "\r50%", "\r100%\n", "\x1b[31mred\x1b[0m", "ab\b\bc", "\x1b[2K\rnew", "𝛑𝛑\n", "x",
    "\r\n", "\x1b[", "1mbold", "\ttab", "long line " * 3,
)  # fmt: skip
NO_MARKDOWN = CellId("m1")


class Scenario:
    """A story, told entry by entry."""

    def __init__(self, name: str, cells: tuple[Cell, ...]) -> None:
        self.name = name
        self.state = new_session(
            JournalId("j1"),
            NotebookPath("story.ipynb"),
            Notebook(cells, {"language_info": {"name": "python"}}),
            Revision("r0"),
            at_ms=1_000,
        )
        self._start = msgspec.to_builtins(view_of(self.state))
        self._steps: list[JsonObject] = []

    def do(self, *operations: Operation, **entry: object) -> None:
        before = msgspec.to_builtins(view_of(self.state))
        number = self.state.seq + 1
        new = replace(Entry(number, 1_000 + number, operations), **entry)
        self.state, _ = apply_entry(self.state, new)
        after = msgspec.to_builtins(view_of(self.state))
        self._steps.append({"entry": msgspec.to_builtins(new), "after": _difference(before, after)})

    def json(self) -> JsonObject:
        return {"name": self.name, "start": self._start, "steps": list(self._steps)}


def _difference(before: JsonObject, after: JsonObject) -> JsonObject:
    changed: JsonObject = {key: value for key, value in after.items() if value != before[key]}
    for name in ("cells", "comms"):
        old, new = before[name], after[name]
        assert isinstance(old, dict)
        assert isinstance(new, dict)
        if name in changed:
            different: JsonObject = {key: value for key, value in new.items() if old.get(key) != value}
            changed[name] = {**different, **{key: None for key in old if key not in new}}
    return changed


def a_cell(cell_id: str, source: str = "", **fields: object) -> Cell:
    return replace(Cell(CellId(cell_id), "code", source), **fields)


def a_run(run_id: str, cell_id: str, version: int = 0) -> Run:
    return Run(RunId(run_id), CellId(cell_id), BatchId("b1"), "1", version, True, "ada", 1_500)


def text(cell_id: str, text: str, name: str = "stdout") -> ops.AppendStream:
    return ops.AppendStream(CellId(cell_id), name, text)


def ids(*names: str) -> tuple[CellId, ...]:
    return tuple(map(CellId, names))


def run_ids(*names: str) -> tuple[RunId, ...]:
    return tuple(map(RunId, names))


def the_document() -> Scenario:
    told = Scenario(
        "the document",
        (a_cell("a", "1"), a_cell("b", "2"), a_cell("c", "3"), a_cell("m1", "# m", kind="markdown")),
    )
    do = told.do
    do(ops.InsertCells(None, (a_cell("top"),)))
    do(
        ops.InsertCells(
            CellId("a"), (a_cell("x", "x"), a_cell("y", "y"), a_cell("x", "again"), a_cell("b", "no"))
        )
    )
    do(ops.InsertCells(CellId("gone"), (a_cell("end"),)))
    do(
        ops.InsertCells(
            CellId("a"),
            (
                a_cell(
                    "mm",
                    "text",
                    kind="markdown",
                    execution_count=4,
                    attachments={"f.png": {"image/png": "eA=="}},
                ),
            ),
        )
    )
    do(ops.InsertCells(CellId("a"), (a_cell("aa", attachments={"f": {}}, execution_count=4),)))
    do(ops.InsertCells(CellId("a"), (a_cell("aa"),)))
    do(ops.DeleteCells(ids("b", "x", "gone")))
    do(ops.DeleteCells(ids("gone")))
    do(ops.RestoreCells(ids("b", "gone")))
    do(ops.DeleteCells(ids("x", "y", "b")))
    do(ops.RestoreCells(ids("b")))
    do(ops.RestoreCells(ids("y", "y", "a")))
    do(ops.DeleteCells(ids("top", "a")))
    do(ops.InsertCells(None, (a_cell("a", "another one"),)))
    do(ops.RestoreCells(ids("a", "top")))
    do(ops.MoveCells(ids("c", "a"), None))
    do(ops.MoveCells(ids("a", "c", "gone"), CellId("end")))
    do(ops.MoveCells(ids("a", "c"), CellId("c")))
    do(ops.MoveCells(ids("a"), CellId("gone")))
    do(ops.ChangeSource(CellId("c"), 1, [1, [0, "!", "and more"]]))
    do(ops.ChangeSource(CellId("c"), 2, [[11], [0, "𝛑"]]))
    do(ops.ChangeSource(CellId("c"), 3, [2, [0, "é"]]))
    do(ops.ChangeSource(CellId("c"), 3, [3, [0, "late"]]))
    do(ops.ChangeSource(CellId("gone"), 1, [[0, "late"]]))
    do(ops.SetKind(CellId("mm"), "raw"))
    do(ops.SetKind(CellId("mm"), "code"))
    do(ops.SetKind(CellId("mm"), "code"), ops.SetKind(CellId("gone"), "code"))
    do(ops.SetCellMetadata(CellId("c"), {"tags": ["one"], "x": 1}))
    do(ops.SetCellMetadata(CellId("c"), {"x": {"y": None}}, ("tags", "none")))
    do(ops.SetCellMetadata(CellId("c"), {"x": {"y": None}}), ops.SetCellMetadata(CellId("gone"), {"x": 1}))
    do(ops.SetMetadata({"title": "T"}, ("language_info",)))
    do(ops.SetMetadata({"title": "T"}))
    do(ops.SetAttachments(CellId("m1"), {"f.png": {"image/png": "eA=="}}))
    do(
        ops.SetAttachments(CellId("m1"), None),
        ops.SetAttachments(CellId("c"), {}),
        ops.SetAttachments(CellId("gone"), {}),
    )
    do(
        ops.SetExtra(CellId("c"), {"odd": 1}),
        ops.SetExtra(CellId("gone"), {"odd": 1}),
        ops.SetExtra(None, {"odd": 1}),
    )
    do(ops.SetPath(NotebookPath("elsewhere/story.ipynb")))
    return told


def runs_and_outputs() -> Scenario:
    told = Scenario(
        "runs and outputs", (a_cell("a", "1"), a_cell("b", "2"), a_cell("m1", "m", kind="markdown"))
    )
    do = told.do
    do(ops.SetKernel(KernelState(KernelId("k1"), "python3", "Python 3", "python", "starting", 1_000)))
    do(ops.QueueRuns((a_run("r1", "a"), a_run("r2", "b"), a_run("r1", "b"))))
    do(ops.ReorderRuns(run_ids("r2", "gone", "r2")))
    do(ops.ReorderRuns(run_ids("r1")))
    do(
        ops.StartRun(RunId("r1"), 2_000),
        ops.StartRun(RunId("gone"), 2_000),
        cursor=ops.KernelCursor(KernelId("k1"), 3),
    )
    do(ops.CountRun(RunId("r1"), 1))
    do(text("a", "50%"), text("a", "\r100%"), text("a", ""), text("gone", "x"), text("m1", "x"))
    do(text("a", "warn", "stderr"), text("a", "more"))
    do(ops.AddOutput(CellId("a"), DisplayData({"text/plain": "d"}, display_id="d1")))
    do(ops.AddOutput(CellId("m1"), DisplayData({"text/plain": "d"}, display_id="d1")))
    do(
        ops.UpdateDisplay("d1", {"text/html": "<b>d</b>"}, {"m": 1}, {"image/png": BLOB}),
        ops.UpdateDisplay("d0", {}, {}),
    )
    do(ops.MarkRun(RunId("r1"), reply="done"), ops.MarkRun(RunId("gone"), idle=True))
    do(ops.MarkRun(RunId("r1"), idle=True))
    do(ops.FinishRun(RunId("r1"), "done", 2_100, 1), ops.FinishRun(RunId("r1"), "failed", 2_101))
    do(
        ops.StartRun(RunId("r2"), 2_200),
        ops.AddOutput(CellId("b"), ErrorOutput("ValueError", "no", ("line",))),
    )
    do(ops.FinishRun(RunId("r2"), "failed", 2_300, 2))
    do(ops.QueueRuns((a_run("r3", "a", 1),)), ops.StartRun(RunId("r3"), 2_400))
    do(ops.AddOutput(CellId("a"), ExecuteResult({"text/plain": "3"}, execution_count=3, display_id="d1")))
    do(ops.ClearOutput(CellId("a"), wait=True))
    do(ops.ClearOutput(CellId("a"), wait=True), text("a", "after"))
    do(
        ops.ClearOutput(CellId("a"), wait=False),
        ops.ClearOutput(CellId("gone"), wait=False),
        ops.ClearOutput(CellId("m1"), wait=True),
    )
    do(text("a", "kept"), ops.ClearOutput(CellId("a"), wait=True), ops.FinishRun(RunId("r3"), "done", 2_500))
    do(ops.QueueRuns((a_run("r4", "a"),)), ops.StartRun(RunId("r4"), 2_600))
    do(ops.FinishRun(RunId("r4"), "done", 2_700, 4))
    do(text("a", "late"), ops.QueueRuns((a_run("r5", "a"), a_run("r6", "b"), a_run("r7", "gone"))))
    do(ops.StartRun(RunId("r5"), 2_800), ops.FinishRun(RunId("r5"), "lost", 2_900))
    do(ops.MarkRun(RunId("r6"), cancelled=True))
    do(ops.DropRuns(run_ids("r6", "r7", "gone"), "aborted", 3_000))
    do(
        ops.QueueRuns((a_run("r8", "a"), a_run("r9", "a"))),
        ops.StartRun(RunId("r8"), 3_100),
        ops.MarkRun(RunId("r8"), reply="aborted"),
    )
    do(ops.StartRun(RunId("r8"), 3_200))
    do(ops.RequestInput(CellId("a"), InputRequest(RunId("r8"), "name? ", False, "{}")))
    do(
        ops.RequestInput(CellId("b"), InputRequest(RunId("r8"), "name? ", True, "{}")),
        ops.RequestInput(CellId("b"), InputRequest(RunId("r0"), "", True, "{}")),
    )
    do(ops.CloseInput(CellId("b")), ops.CloseInput(CellId("b")), ops.CloseInput(CellId("gone")))
    do(ops.DeleteCells(ids("a")))
    do(ops.RestoreCells(ids("a")), text("a", "here again"))
    do(
        ops.RequestInput(CellId("a"), InputRequest(RunId("r8"), "name? ", False, "{}")),
        ops.FinishRun(RunId("r8"), "failed", 3_300),
    )
    do(ops.DropRuns(run_ids("r9"), "lost", 3_400))
    do(
        ops.ReplaceOutputs(CellId("a"), (Stream("stdout", "from outside"),), 9),
        ops.ReplaceOutputs(CellId("m1"), (), 9),
    )
    do(ops.TrustOutputs(ids("a", "gone", "m1")))
    do(ops.ReplaceOutputs(CellId("a"), (Stream("stdout", "from outside"),), 9))
    do(
        ops.DeleteCells(ids("a")),
        ops.InsertCells(None, (replace(a_cell("p"), outputs=(Stream("stdout", "pasted"),)),)),
    )
    do(ops.TrustOutputs())
    do(ops.TrustOutputs(), ops.RestoreCells(ids("a")), ops.DeleteCells(ids("p")))
    do(ops.ClearOutputs(ids("a", "a", "b", "m1", "gone")))
    do(ops.ClearOutputs(ids("a")))
    do(text("b", "x"), ops.SetKind(CellId("b"), "markdown"), ops.SetKind(CellId("b"), "code"))
    do(ops.ShowPage(RunId("r8"), {"text/plain": "help"}))
    elsewhere = replace(a_run("e1", "a", -1), source="2", elsewhere=True)
    do(ops.QueueRuns((elsewhere, elsewhere)), ops.StartRun(RunId("e1"), 3_500), text("a", "from afar"))
    do(ops.FinishRun(RunId("e1"), "done", 3_600))
    do(ops.QueueRuns((replace(elsewhere, id=RunId("e2"), source="1", version=0),)))
    do(ops.DropRuns(run_ids("e2"), "aborted", 3_700))
    return told


def spilling() -> Scenario:
    told = Scenario("spilling", (a_cell("a"), a_cell("b")))
    do = told.do
    do(text("a", "zero\none\ntwo 𝛑\nthree\nfour 𝛑\nfive"), text("b", "a long line that has no end"))
    do(ops.SpillStream(CellId("a"), 0, 4, "zero\n", Spill(BLOB, 1)))
    do(ops.SpillStream(CellId("a"), 0, 12, "zero\n", Spill(BLOB, 2)))
    do(ops.SpillStream(CellId("a"), 0, 0, "zero\n", Spill(BLOB, 2)))
    do(
        ops.SpillStream(CellId("a"), 7, 2, "", Spill(BLOB, 0)),
        ops.SpillStream(CellId("gone"), 0, 2, "", Spill(BLOB, 0)),
    )
    do(text("b", "\x1b[1m and more\r"), text("b", "A LONG LINE"))
    do(ops.SpillStream(CellId("b"), 0, 5, "A ", Spill(BLOB, 0)))
    do(text("b", "|"), ops.SpillStream(CellId("b"), 0, 3, "A ", Spill(BLOB, 0)))
    do(ops.AddOutput(CellId("b"), DisplayData()), ops.SpillStream(CellId("b"), 1, 1, "", Spill(BLOB, 0)))
    return told


def kernel_file_and_notices() -> Scenario:
    told = Scenario("kernel, file and notices", (a_cell("a"),))
    do = told.do
    k1 = KernelState(KernelId("k1"), "python3", "Python 3", "python", "idle", 1_000, lineage=1)
    do(ops.SetKernel(k1), cursor=ops.KernelCursor(KernelId("k1"), 7))
    do(cursor=ops.KernelCursor(KernelId("k0"), 99))
    do(ops.SetKernel(replace(k1, status="busy")))
    dead = Obituary(signal=9, signal_name="SIGKILL", run_id=RunId("r1"), stderr_tail="x")
    do(ops.SetKernel(replace(k1, status="dead", obituary=dead)))
    do(ops.SetKernel(KernelState(KernelId("k2"), status="starting", replaces=KernelId("k1"))))
    do(ops.MarkSaved(Revision("r1"), 4, 2_000))
    do(ops.MarkSaved(Revision("r2"), 2, 2_001))
    do(ops.MarkSaveFailed("The disk is full.", 2_002))
    do(ops.MarkSaveFailed("The disk is full still.", 2_003))
    do(ops.MarkSaved(Revision("r3"), 6, 2_004))
    do(ops.AddNotice(Notice("n1", "info", "one", 1)), ops.AddNotice(Notice("n2", "warning", "two", 2)))
    do(ops.AddNotice(Notice("n1", "error", "one again", 3)))
    do(ops.DropNotice("n1"), ops.DropNotice("gone"))
    do(client_id=ClientId("tab1"), intent=1)
    do(client_id=ClientId("tab1"), intent=2, refusal="too-old", message="Read it again.")
    do(ops.InsertCells(None, (a_cell("b"),)), client_id=ClientId("tab1"), intent=3)
    return told


def comms() -> Scenario:
    told = Scenario("comms", (a_cell("a"),))
    do = told.do
    k1 = KernelState(KernelId("k1"), "python3", "Python 3", "python", "idle", 1_000, lineage=1)
    slider, out, other = CommId("slider"), CommId("out"), CommId("other")
    do(ops.SetKernel(k1))
    model: dict[str, Json] = {"_model_name": "IntSliderModel", "value": 1, "layout": "IPY_MODEL_layout"}
    do(ops.OpenComm(slider, Comm("jupyter.widget", data=model)))
    do(ops.ChangeComm(slider, {"value": 2, "max": 9}), ops.ChangeComm(CommId("gone"), {"value": 2}))
    small, large = CommBuffer(("image",), b"png"), CommBuffer(("parts", 0, "x"), blob=BLOB)
    do(ops.ChangeComm(slider, {"parts": [{}]}, (small, large)))
    do(ops.ChangeComm(slider, {"parts": [{}], "max": 10}, (CommBuffer(("parts", 0, "y"), b"y", text=True),)))
    do(ops.ChangeComm(slider, {}, (CommBuffer(("image",), b"png 2"),)))
    do(ops.ChangeComm(slider, {"image": None}))
    do(ops.OpenComm(other, Comm("my.target", "my.module", {"a": 1}, (CommBuffer((), b"raw"),))))
    do(ops.TellComm(other, {"b": 2}, (CommBuffer((), b"more"),)), ops.TellComm(CommId("gone"), {}))
    send = CommSend(
        SendId("s1"), slider, data={"method": "update", "state": {"value": 3}}, cell_id=CellId("a")
    )
    do(ops.CommSent(send), client_id=ClientId("tab1"), intent=1)
    do(ops.MarkSend(SendId("s1"), ("value",)), ops.MarkSend(SendId("gone"), ("value",)))
    do(ops.ChangeComm(slider, {"value": 3}), ops.CommHandled(SendId("s1")), ops.CommHandled(SendId("gone")))
    output: dict[str, Json] = {"_model_name": "OutputModel", "_model_module": "@jupyter-widgets/output"}
    do(ops.OpenComm(out, Comm("jupyter.widget", data={**output, "outputs": [], "msg_id": "r1"})))
    do(ops.WriteComm(out, "stdout", "50%"), ops.WriteComm(out, "stdout", "\r100%\rdone"))
    do(
        ops.WriteComm(out, "stderr", "no"),
        ops.WriteComm(out, "stderr", ""),
        ops.WriteComm(CommId("gone"), "", "x"),
    )
    png = CommBuffer(("data", "image/png"), blob=BLOB, text=True)
    do(
        ops.ShowInComm(
            out, {"output_type": "display_data", "data": {"image/png": None}, "metadata": {}}, (png,)
        )
    )
    do(ops.WriteComm(out, "stderr", "after"), ops.ClearComm(out, wait=True))
    do(
        ops.ChangeComm(out, {"msg_id": ""}),
        ops.ShowInComm(CommId("gone"), {}),
        ops.ClearComm(CommId("gone"), wait=True),
    )
    do(ops.WriteComm(out, "stderr", "anew"))
    do(ops.ShowInComm(out, {"output_type": "display_data", "data": {}, "metadata": {}}, (png,)))
    do(
        ops.ClearComm(out, wait=True),
        ops.ChangeComm(out, {"outputs": [{"output_type": "stream", "name": "stdout", "text": "o"}]}),
    )
    do(ops.WriteComm(out, "stdout", "k"), ops.ClearComm(out, wait=True))
    do(ops.ShowInComm(out, {"output_type": "error", "ename": "E"}), ops.ClearComm(out, wait=False))
    do(ops.ChangeComm(out, {"outputs": "odd"}), ops.WriteComm(out, "stdout", "k"))
    do(ops.CloseComms((other, CommId("gone"))))
    do(ops.OpenComm(slider, Comm("jupyter.widget", data={"value": 7})))
    do(ops.SetKernel(replace(k1, status="busy")))
    do(ops.SetKernel(replace(k1, status="restarting")))
    do(
        ops.ChangeComm(slider, {"value": 8}),
        ops.WriteComm(out, "stdout", "late"),
        ops.ClearComm(out, wait=False),
    )
    do(ops.ShowInComm(out, {}), ops.OpenComm(other, Comm("my.target")))
    do(ops.SetKernel(replace(k1, lineage=2)))
    do(ops.CloseComms((slider,)), ops.OpenComm(slider, Comm("jupyter.widget", data={"value": 0})))
    do(ops.SetKernel(KernelState(KernelId("k2"), status="starting", replaces=KernelId("k1"))))
    return told


class Dice:
    """Rolls operations that may be late, but are never impossible."""

    def __init__(self, told: Scenario, seed: int) -> None:
        self.told = told
        self.random = random.Random(seed)
        self._made = 0

    @property
    def state(self) -> SessionState:
        return self.told.state

    def roll(self, steps: int) -> None:
        makers: tuple[Callable[[], Operation], ...] = (
            self.insert, self.insert, self.delete, self.restore, self.move, self.change, self.change, self.change,
            self.kind, self.cell_metadata, self.clear_outputs, self.queue, self.queue, self.reorder, self.drop,
            self.start, self.start, self.start, self.count, self.mark, self.finish, self.finish, self.stream, self.stream,
            self.stream, self.stream, self.output, self.output, self.update, self.clear, self.spill, self.ask,
            self.open_comm, self.change_comm, self.change_comm, self.write_comm, self.write_comm, self.show_in_comm,
            self.clear_comm, self.close_comms, self.end_comms,
        )  # fmt: skip
        for _ in range(steps):
            operations: list[Operation] = []
            self.told.do(self.random.choice(makers)())
            if self.random.random() < 0.2:
                # Two in one entry: the second is rolled for a state that the first may change, so it may be late.
                operations = [
                    self.stream(),
                    self.random.choice((self.delete, self.clear, self.finish, self.output))(),
                ]
                self.told.do(*operations)

    def new(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made}"

    def cell(self) -> CellId:
        known = [*self.state.order, *(binned.state.cell.id for binned in self.state.bin[-2:])]
        return self.random.choice([*known, CellId("gone")])

    def after(self) -> CellId | None:
        return self.random.choice([None, self.cell(), self.cell()])

    def run(self) -> RunId:
        return self.random.choice([*(run.id for run in self.state.runs), RunId("gone")])

    def words(self) -> str:
        return "".join(self.random.choices(WORDS, k=self.random.randint(0, 4)))

    def insert(self) -> Operation:
        kind = self.random.choice(("code", "code", "code", "markdown", "raw"))
        return ops.InsertCells(self.after(), (a_cell(self.new("c"), self.words(), kind=kind),))

    def delete(self) -> Operation:
        return ops.DeleteCells(
            tuple({self.cell(): None, self.cell(): None}) if self.random.random() < 0.3 else (self.cell(),)
        )

    def restore(self) -> Operation:
        return ops.RestoreCells((self.cell(), self.cell(), self.cell()))

    def move(self) -> Operation:
        return ops.MoveCells((self.cell(), self.cell()), self.after())

    def change(self) -> Operation:
        cell_id = self.random.choice(self.state.order or (CellId("gone"),))
        cell = self.state.cells.get(cell_id)
        if cell is None:
            return ops.ChangeSource(cell_id, 1, [[0, "late"]])
        source = cell.cell.source
        at = self.random.randint(0, len(source))
        until = self.random.randint(at, len(source))
        new = source[:at] + self.words() + source[until:]
        return ops.ChangeSource(cell_id, cell.version + 1, diff(source, new).to_json())

    def kind(self) -> Operation:
        return ops.SetKind(self.cell(), self.random.choice(("code", "code", "markdown", "raw")))

    def cell_metadata(self) -> Operation:
        return ops.SetCellMetadata(
            self.cell(), {"n": self.random.randint(0, 3)}, self.random.choice(((), ("n",), ("m",)))
        )

    def clear_outputs(self) -> Operation:
        return ops.ClearOutputs((self.cell(), self.cell()))

    def queue(self) -> Operation:
        return ops.QueueRuns(
            tuple(
                a_run(self.new("r"), self.cell(), self.random.randint(0, 3))
                for _ in range(self.random.randint(1, 3))
            )
        )

    def reorder(self) -> Operation:
        return ops.ReorderRuns((self.run(), self.run()))

    def outcome(self) -> RunOutcome:
        return self.random.choice(("done", "done", "failed", "aborted", "lost"))

    def drop(self) -> Operation:
        return ops.DropRuns((self.run(),), self.random.choice(("aborted", "lost")), self.state.seq)

    def start(self) -> Operation:
        waiting = [run.id for run in self.state.runs if run.started_ms is None]
        return ops.StartRun(self.random.choice(waiting or [self.run()]), self.state.seq)

    def count(self) -> Operation:
        return ops.CountRun(self.run(), self.random.randint(1, 9))

    def mark(self) -> Operation:
        reply = self.random.choice((None, self.outcome()))
        return ops.MarkRun(self.run(), reply, self.random.random() < 0.5, self.random.random() < 0.2)

    def finish(self) -> Operation:
        return ops.FinishRun(self.run(), self.outcome(), self.state.seq, self.random.choice((None, 5)))

    def stream(self) -> Operation:
        return text(
            self.cell(),
            "".join(self.random.choices(TEXTS, k=2)),
            self.random.choice(("stdout", "stdout", "stderr")),
        )

    def output(self) -> Operation:
        shown = self.random.choice(("d1", "d2", None))
        data: dict[str, Json] = {"text/plain": self.words()}
        outputs: tuple[Output, ...] = (
            DisplayData(data, display_id=shown),
            ExecuteResult(data, execution_count=3, display_id=shown),
            ErrorOutput("E", self.words(), (self.words(),)),
        )
        return ops.AddOutput(self.cell(), self.random.choice(outputs))

    def update(self) -> Operation:
        return ops.UpdateDisplay(self.random.choice(("d1", "d2", "d3")), {"text/plain": self.words()}, {})

    def clear(self) -> Operation:
        return ops.ClearOutput(self.cell(), wait=self.random.random() < 0.5)

    def spill(self) -> Operation:
        cell_id = self.cell()
        cell = self.state.cells.get(cell_id)
        for index, output in enumerate(cell.cell.outputs if cell is not None else ()):
            if isinstance(output, Stream) and len(output.text) > 4 and output.column == -1:
                head = "" if output.spilled else output.text[:2]
                return ops.SpillStream(
                    cell_id, index, len(output.text) // 2 - len(head), head, Spill(BLOB, 0)
                )
        return ops.SpillStream(cell_id, 9, 3, "", Spill(BLOB, 0))

    def ask(self) -> Operation:
        if self.random.random() < 0.5:
            return ops.RequestInput(self.cell(), InputRequest(self.run(), "? ", False, "{}"))
        kind: NoticeKind = self.random.choice(("info", "warning"))
        return ops.AddNotice(Notice(self.random.choice(("n1", "n2")), kind, self.words(), self.state.seq))

    def comm(self) -> CommId:
        return self.random.choice([*self.state.comms, CommId("gone"), CommId("w")])

    def open_comm(self) -> Operation:
        data: dict[str, Json] = {"value": self.state.seq}
        if self.random.random() < 0.7:
            data = {"_model_name": "OutputModel", "_model_module": "@jupyter-widgets/output", "outputs": []}
        return ops.OpenComm(self.comm(), Comm("jupyter.widget", data=data))

    def change_comm(self) -> Operation:
        key = self.random.choice(("value", "msg_id", "image", "outputs"))
        value: Json = [] if key == "outputs" else self.words()
        buffers = (
            (CommBuffer((self.random.choice((key, "image")), 0), b"x"),) if self.random.random() < 0.3 else ()
        )
        return ops.ChangeComm(self.comm(), {key: value}, buffers)

    def write_comm(self) -> Operation:
        return ops.WriteComm(
            self.comm(), self.random.choice(("stdout", "stderr")), "".join(self.random.choices(TEXTS, k=2))
        )

    def show_in_comm(self) -> Operation:
        buffers = (
            (CommBuffer(("data", "image/png"), blob=BLOB, text=True),) if self.random.random() < 0.5 else ()
        )
        return ops.ShowInComm(
            self.comm(), {"output_type": "display_data", "data": {}, "metadata": {}}, buffers
        )

    def clear_comm(self) -> Operation:
        return ops.ClearComm(self.comm(), wait=self.random.random() < 0.6)

    def close_comms(self) -> Operation:
        return ops.CloseComms((self.comm(), CommId("gone")))

    def end_comms(self) -> Operation:
        kernel = self.state.kernel
        if kernel.id is None or self.random.random() < 0.7:
            return ops.SetKernel(
                replace(kernel, id=KernelId("k1"), status="idle", lineage=kernel.lineage or 1)
            )
        return ops.SetKernel(replace(kernel, lineage=kernel.lineage + 1))


def dice() -> Iterator[Scenario]:
    for seed in range(6):
        told = Scenario(f"dice {seed}", tuple(a_cell(f"s{n}", "print(1)\n𝛑") for n in range(3)))
        Dice(told, seed).roll(50)
        yield told


def contents() -> str:
    stories = [the_document(), runs_and_outputs(), spilling(), kernel_file_and_notices(), comms(), *dice()]
    data = msgspec.json.encode(
        {"about": __doc__.strip().splitlines()[0], "scenarios": [told.json() for told in stories]}
    )
    # A line for each step: diffs stay readable, and the file small.
    return _lines(data.decode())


def _lines(dense: str) -> str:
    for mark in ('{"name":', '{"entry":'):
        dense = dense.replace(mark, "\n" + mark)
    return dense + "\n"


def main(arguments: list[str]) -> int:
    new = contents()
    if arguments == ["--check"]:
        if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == new:
            return 0
        print(f"{TARGET.name} is not up to date: run python -m tools.make_session_vectors")
        return 1
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

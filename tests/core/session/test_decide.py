"""Intents: what becomes of them."""

import pytest
from msgspec.structs import replace

from carnet.core.notebook.model import BlobRef, DisplayData, Json
from carnet.core.session import effects as fx
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.decide import SEND_BYTES, SEND_LEVELS, Decision, Fresh, Kernelspec, decide, entry_of
from carnet.core.session.intents import ChangeSourceFrom, Intent
from carnet.core.session.operations import Entry
from carnet.core.session.state import (
    CHANGES_LIMIT,
    Comm,
    CommBuffer,
    CommSend,
    InputRequest,
    KernelState,
    KernelStatus,
    Notice,
    Run,
    SessionState,
)
from carnet.core.text.changes import ChangeJson
from carnet.ids import BatchId, CellId, CommId, RunId, SendId
from tests.core.session.sessions import (
    B1,
    FRESH,
    IDLE,
    K1,
    K2,
    R1,
    R2,
    R3,
    TAB,
    A,
    B,
    C,
    Client,
    a_cell,
    a_run,
    a_session,
    do,
    running,
)

NOTHING = Decision()


def change(cell_id: CellId, base: int, *changes: int | list[int | str]) -> ChangeSourceFrom:
    json: ChangeJson = list(changes)
    return ChangeSourceFrom(cell_id, base, json)


# ---- numbers


def test_in1_a_number_is_decided_once() -> None:
    tab = Client(a_session("a"))
    tab.edit(change(A, 0, 1, [0, "x"]))
    state = tab.state

    again = tab.send(intents.Edit((change(A, 0, 1, [0, "x"]),)), number=1)
    assert again == Decision(again=True)
    assert tab.state == state
    assert tab.effects == ()
    assert tab.send(intents.SaveNow(), number=0) == Decision(again=True)


def test_in1_each_client_has_its_own_numbers() -> None:
    one = Client(a_session("a"), "one")
    one.edit(change(A, 0, 1, [0, "x"]))
    two = Client(one.state, "two")
    two.edit(change(A, 0, 1, [0, "y"]))

    assert two.state.cells[A].cell.source == "axy"
    assert two.state.clients == {"one": 1, "two": 1}


def test_in2_a_decision_makes_an_entry_also_of_nothing() -> None:
    intent = Intent(TAB, 3, "ada", intents.Edit(()))
    decision = decide(a_session(), intent, now_ms=5, fresh=FRESH)

    assert decision == NOTHING
    assert entry_of(decision, intent, seq=8, at_ms=5) == Entry(8, 5, (), TAB, 3)


def test_in2_a_refusal_is_an_entry_and_is_known_when_asked_again() -> None:
    tab = Client(a_session("a"))
    decision = tab.edit(change(A, 5, 1, [0, "x"]))
    assert decision == Decision(refusal="invalid", message="Cell a has version 0, the change is for 5.")
    assert tab.state.refused == {TAB: (1,)}
    assert tab.state.seq == 1

    again = tab.send(intents.Edit(()), number=1)
    assert (again.again, again.refusal) == (True, "invalid")
    assert entry_of(again, Intent(TAB, 1, "ada", intents.Edit(())), seq=2, at_ms=1) is None


# ---- edits


def test_in3_edits_that_come_too_late_are_no_refusal() -> None:
    gone = CellId("gone")
    tab = Client(a_session("a"))

    assert tab.edit(change(gone, 3, [0, "x"]), ops.DeleteCells((gone,)), ops.SetKind(gone, "raw")) == NOTHING
    assert (
        tab.edit(ops.InsertCells(None, (a_cell("a"),)), ops.SetCellMetadata(A, {}), ops.SetKind(A, "code"))
        == NOTHING
    )
    assert tab.state.changed_seq == 0


def test_in5_a_change_is_mapped_over_what_came_since() -> None:
    tab = Client(a_session(a_cell("a", "hello")))
    tab.edit(change(A, 0, [0, "1"], 5))
    tab.edit(change(A, 1, 6, [0, "2"]))

    decision = tab.edit(change(A, 0, 2, [1, "L"], 2))
    assert decision.ops == (ops.ChangeSource(A, 3, [3, [1, "L"], 3]),)
    assert tab.state.cells[A].cell.source == "1heLlo2"


def test_in5_of_two_insertions_at_one_place_the_decided_one_comes_first() -> None:
    tab = Client(a_session(a_cell("a", "")))
    tab.edit(change(A, 0, [0, "first"]))
    tab.edit(change(A, 0, [0, "second"]))

    assert tab.state.cells[A].cell.source == "firstsecond"


def test_in5_a_change_that_others_made_already_makes_no_operation() -> None:
    tab = Client(a_session(a_cell("a", "x")))
    tab.edit(change(A, 0, [1]))

    assert tab.edit(change(A, 0, [1])) == NOTHING
    assert tab.state.cells[A].version == 1


def test_in5_a_base_older_than_what_is_kept_is_too_old() -> None:
    tab = Client(a_session(a_cell("a", "")))
    for version in range(CHANGES_LIMIT + 1):
        tab.edit(change(A, version, version, [0, "x"]))

    assert tab.edit(change(A, 1, 1, [0, "y"])).refusal is None
    decision = tab.edit(change(A, 1, 1, [0, "z"]))
    assert decision.refusal == "too-old"
    assert "read it again" in decision.message


def test_in5_a_change_that_does_not_fit_is_invalid() -> None:
    tab = Client(a_session(a_cell("a", "xyz")))

    for changes in ([7], [[0, "a\nb"]], [-1], [[1, 2]]):
        decision = tab.edit(ChangeSourceFrom(A, 0, changes))  # type: ignore[arg-type]  # invariant lists
        assert decision.refusal == "invalid"
        assert decision.message.startswith("The change to cell a does not fit: ")
    tab.edit(change(A, 0, 3, [0, "!"]))
    assert tab.edit(change(A, 0, 5, [0, "?"])).refusal == "invalid"


def test_in11_an_edit_is_all_or_nothing_and_in_order() -> None:
    tab = Client(a_session(a_cell("a", "one two")))
    split = (change(A, 0, 3, [4]), ops.InsertCells(A, (a_cell("b", "two"),)))
    tab.edit(*split)
    assert [tab.state.cells[cell_id].cell.source for cell_id in tab.state.order] == ["one", "two"]
    assert tab.state.seq == 1

    state = tab.state
    decision = tab.edit(ops.DeleteCells((B,)), change(A, 9, [0, "x"]))
    assert (decision.refusal, decision.ops) == ("invalid", ())
    assert tab.state.order == state.order

    tab.edit(ops.InsertCells(None, (a_cell("n", ""),)), change(CellId("n"), 0, [0, "new"]))
    assert tab.state.cells[CellId("n")].cell.source == "new"


def test_in10_cells_protect_themselves() -> None:
    fixed = a_cell("a", "s", metadata={"deletable": False, "editable": False})
    tab = Client(a_session(fixed, "b"))

    for edit in (
        ops.DeleteCells((B, A)),
        change(A, 0, 1, [0, "x"]),
        ops.SetKind(A, "raw"),
        ops.SetAttachments(A, {}),
    ):
        decision = tab.edit(edit)
        assert decision.refusal == "protected"
        assert decision.message.startswith("Cell a cannot be ")
    assert tab.state.order == (A, B)

    tab.edit(ops.SetCellMetadata(A, {}, ("deletable", "editable")))
    assert tab.edit(ops.DeleteCells((A,))).refusal is None
    assert (
        tab.edit(ops.RestoreCells((A,)), ops.MoveCells((B,), None), ops.SetMetadata({"t": 1})).refusal is None
    )
    assert tab.state.order == (B, A)


@pytest.mark.parametrize("cell_id", ["", "a b", "ü", "x" * 65])
def test_cell_ids_are_checked(cell_id: str) -> None:
    decision = Client(a_session()).edit(ops.InsertCells(None, (a_cell(cell_id),)))

    assert decision.refusal == "invalid"
    assert repr(cell_id) in decision.message


def test_line_ends_of_new_cells_are_line_feeds() -> None:
    tab = Client(a_session())
    tab.edit(ops.InsertCells(None, (a_cell("a", "1\r\n2\r3\n"),)))

    assert tab.state.cells[A].cell.source == "1\n2\n3\n"


def test_outputs_can_be_cleared() -> None:
    tab = Client(do(a_session("a"), ops.AppendStream(A, "stdout", "x")))

    assert tab.edit(ops.ClearOutputs((A,))).ops == (ops.ClearOutputs((A,)),)


# ---- runs


def test_in6_runs_have_the_source_as_it_stands() -> None:
    tagged = a_cell("b", "2", metadata={"tags": ["x", "raises-exception"]})
    tab = Client(a_session("a", tagged, kernel=IDLE))
    tab.edit(change(A, 0, [1, "1"]))
    tab.run(("r1", "a"), ("r2", "b"))
    tab.edit(change(A, 1, [1, "later"]))

    runs = (
        Run(R1, A, B1, "1", 1, stop_on_error=True, by="ada", queued_ms=500),
        Run(R2, B, B1, "2", 0, stop_on_error=False, by="ada", queued_ms=500),
    )
    assert tab.state.runs == runs


def test_in6_runs_are_submitted() -> None:
    tab = Client(a_session("a", kernel=IDLE))
    tab.run(("r1", "a"))

    assert tab.effects == (fx.SubmitRuns(K1, tab.state.runs),)


def test_in6_what_cannot_or_need_not_run_is_left_out() -> None:
    text = a_cell("b", "b", kind="markdown")
    tab = Client(a_session("a", text, "c", kernel=IDLE))

    tab.run(("r1", "a"), ("r2", "b"), ("r3", "gone"), ("r4", "a"), ("r1", "c"), ("r5", "c"))
    assert [(run.id, run.cell_id) for run in tab.state.runs] == [("r1", "a"), ("r5", "c")]
    assert tab.run(("r6", "a")) == NOTHING

    # A running cell can be queued once more; a cancelled run does not hold its cell.
    tab.state = do(tab.state, ops.StartRun(R1, 1), ops.MarkRun(RunId("r5"), cancelled=True))
    tab.run(("r6", "a"), ("r7", "c"))
    assert [run.id for run in tab.state.runs] == ["r1", "r5", "r6", "r7"]


def test_in6_a_run_that_is_over_is_not_queued_again() -> None:
    tab = Client(do(running(), ops.FinishRun(R1, "done", 1)))

    assert tab.run(("r1", "a")) == NOTHING


def test_in6_blank_cells_are_not_run_but_cleared() -> None:
    tab = Client(do(a_session(a_cell("a", " \n\t"), "b"), ops.AppendStream(A, "stdout", "old")))

    assert tab.run(("r1", "a")).ops == (ops.ClearOutputs((A,)),)
    assert tab.state.kernel == KernelState()
    assert tab.run(("r2", "a")) == NOTHING


@pytest.mark.parametrize(("run_id", "batch_id"), [("", "b"), ("r", ""), ("r/1", "b"), ("x" * 65, "b")])
def test_ids_of_runs_are_checked(run_id: str, batch_id: str) -> None:
    decision = Client(a_session("a")).run((run_id, "a"), batch_id=batch_id)

    assert decision.refusal == "invalid"


def test_in7_the_first_run_starts_a_kernel_and_names_it_in_the_notebook() -> None:
    tab = Client(a_session("a"))
    tab.run(("r1", "a"))

    starting = KernelState(K2, "python3", "Python 3", "python", "starting", since_ms=500)
    assert tab.state.kernel == starting
    assert tab.state.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }
    assert tab.effects == (
        fx.StartKernel(K2, "python3"),
        fx.SubmitRuns(K2, tab.state.runs),
        fx.ScheduleSave(),
    )


def test_in7_a_dead_kernel_makes_room_for_another() -> None:
    tab = Client(a_session("a", kernel=replace(IDLE, status="dead")))
    tab.run(("r1", "a"))

    assert (tab.state.kernel.id, tab.state.kernel.status, tab.state.kernel.replaces) == (K2, "starting", K1)
    assert tab.effects[:2] == (fx.ShutdownKernel(K1, now=False), fx.StartKernel(K2, "python3"))


SPECS = {
    "python3": Kernelspec("Python 3", "python"),
    "conda": Kernelspec("Python (conda)", "Python"),
    "ir": Kernelspec("R", "R"),
}


@pytest.mark.parametrize(
    ("used", "metadata", "expected"),
    [
        ("", {}, "ir"),
        ("conda", {"kernelspec": {"name": "python3"}}, "conda"),
        ("gone", {"kernelspec": {"name": "python3"}}, "python3"),
        ("", {"kernelspec": {"name": "venv", "language": "python"}}, "python3"),
        ("", {"kernelspec": {"name": "venv"}, "language_info": {"name": "PYTHON"}}, "python3"),
        ("", {"kernelspec": "odd", "language_info": []}, "ir"),
        ("", {"kernelspec": {"name": 3}}, "ir"),
    ],
)
def test_in7_the_kernelspec_is_the_one_used_the_notebooks_one_of_its_language_or_the_default(
    used: str, metadata: dict[str, Json], expected: str
) -> None:
    state = replace(a_session("a", kernel=KernelState(kernelspec=used)), metadata=dict(metadata))
    tab = Client(state, fresh=Fresh(K2, SPECS, "ir"))
    tab.run(("r1", "a"))

    assert tab.state.kernel.kernelspec == expected
    own = metadata.get("kernelspec")
    if isinstance(own, dict) and isinstance(own["name"], str):
        assert tab.state.metadata == metadata


def test_in7_a_notebook_of_a_language_that_is_not_here_is_refused_in_words() -> None:
    state = replace(a_session("a"), metadata={"kernelspec": {"name": "julia-1.9", "language": "julia"}})
    decision = Client(state).run(("r1", "a"))

    assert decision == Decision(
        refusal="no-kernel",
        message="This notebook is for the kernelspec 'julia-1.9', which is not installed here. "
        "Installed: ir, python3. Choose one of them.",
    )
    unnamed = replace(a_session("a"), metadata={"kernelspec": {"name": "julia-1.9"}})
    assert Client(unnamed).run(("r1", "a")).refusal == "no-kernel"


def test_in7_without_knowledge_of_kernelspecs_any_name_is_taken() -> None:
    state = replace(a_session("a"), metadata={"kernelspec": {"name": "any"}})
    tab = Client(state, fresh=Fresh(K2))
    tab.run(("r1", "a"))
    assert tab.state.kernel.kernelspec == "any"
    assert tab.state.kernel.display_name == "any"

    bare = Client(a_session("a"), fresh=Fresh(K2))
    bare.run(("r1", "a"))
    assert (bare.state.kernel.kernelspec, bare.state.metadata) == ("", {})


def test_in8_cancelling_marks_queued_runs_only() -> None:
    state = do(running("a", "b"), ops.QueueRuns((a_run("r2", "b"),)))
    tab = Client(state)

    decision = tab.send(intents.CancelRuns((R1, R2, RunId("gone"))))
    assert decision.ops == (ops.MarkRun(R2, cancelled=True),)
    assert tab.effects == (fx.CancelRuns(K1, (R2,)),)
    assert tab.send(intents.CancelRuns((R2,))) == NOTHING


def test_the_queue_takes_another_order() -> None:
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))
    tab = Client(state)

    assert tab.send(intents.ReorderQueue((R3, R1, R2))).ops == (ops.ReorderRuns((R3, R2)),)
    assert tab.effects == (fx.ReorderRuns(K1, (R3, R2)),)
    assert tab.send(intents.ReorderQueue((R3,))) == NOTHING


# ---- the kernel


def test_interrupt_and_input_need_a_kernel() -> None:
    tab = Client(a_session("a", kernel=IDLE))
    assert tab.send(intents.Interrupt()) == Decision(effects=(fx.InterruptKernel(K1),))

    for kernel in (KernelState(), replace(IDLE, status="dead")):
        decision = Client(a_session("a", kernel=kernel)).send(intents.Interrupt())
        assert decision.refusal == "no-kernel"


def test_in12_an_answer_goes_to_the_kernel_and_nowhere_else() -> None:
    state = do(running(), ops.RequestInput(A, InputRequest(R1, "secret? ", True, '{"msg_id": "h"}')))
    tab = Client(state)

    decision = tab.send(intents.AnswerInput(R1, "hunter2"))
    assert decision == Decision((ops.CloseInput(A),), (fx.AnswerInput(K1, R1, '{"msg_id": "h"}', "hunter2"),))
    assert "hunter2" not in repr(tab.state)
    assert tab.send(intents.AnswerInput(R1, "late")) == NOTHING


def test_in9_another_kernel_ends_what_runs_on_the_present_one() -> None:
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))
    tab = Client(state)

    tab.send(intents.StartKernel("ir"))
    assert tab.state.runs == ()
    outcomes = {key: cell.last.outcome for key, cell in tab.state.cells.items() if cell.last is not None}
    assert outcomes == {A: "lost", B: "aborted", C: "aborted"}
    assert tab.state.kernel == KernelState(K2, "ir", "R", "R", "starting", since_ms=500, replaces=K1)
    assert tab.state.metadata["kernelspec"] == {"display_name": "R", "language": "R", "name": "ir"}
    assert tab.effects == (fx.ShutdownKernel(K1, now=False), fx.StartKernel(K2, "ir"), fx.ScheduleSave())


def test_in9_a_run_whose_reply_is_in_is_not_lost_with_its_kernel() -> None:
    tab = Client(do(running(), ops.MarkRun(R1, reply="failed")))
    tab.send(intents.ShutdownKernel(now=True))

    last = tab.state.cells[A].last
    assert last is not None
    assert last.outcome == "failed"
    assert tab.effects == (fx.ShutdownKernel(K1, now=True),)
    assert tab.state.kernel == KernelState(
        kernelspec="python3", display_name="Python 3", language="python", since_ms=500, replaces=K1
    )
    assert tab.send(intents.ShutdownKernel()) == NOTHING


def test_a_kernel_can_be_started_by_name_or_not() -> None:
    tab = Client(a_session("a"))
    tab.send(intents.StartKernel())
    assert tab.state.kernel.kernelspec == "python3"

    decision = tab.send(intents.StartKernel("gone"))
    assert decision == Decision(
        refusal="no-kernel", message="No kernelspec is called 'gone' here. Installed: ir, python3."
    )
    own = replace(a_session("a"), metadata={"kernelspec": {"name": "ir"}})
    tab = Client(own)
    tab.send(intents.StartKernel())
    assert tab.state.kernel.kernelspec == "ir"


def test_in9_a_restart_drops_clears_and_runs() -> None:
    state = do(running("a", "b"), ops.QueueRuns((a_run("r2", "b"),)), ops.AppendStream(A, "stdout", "x"))
    tab = Client(state)

    runs = (intents.RunRequest(R3, B), intents.RunRequest(RunId("r4"), A))
    tab.send(intents.RestartKernel(clear=True, batch_id=BatchId("b2"), runs=runs))
    assert [run.id for run in tab.state.runs] == [R1, R3, "r4"]
    assert tab.state.cells[A].cell.outputs == ()
    assert tab.state.kernel == replace(IDLE, status="restarting", since_ms=500)
    assert tab.effects == (fx.RestartKernel(K1, 1), fx.SubmitRuns(K1, tab.state.runs[1:]), fx.ScheduleSave())


@pytest.mark.parametrize("status", ["starting", "restarting"])
def test_in9_a_kernel_that_is_not_ready_is_not_restarted_again(status: KernelStatus) -> None:
    tab = Client(a_session("a", kernel=replace(IDLE, status=status)))

    assert tab.send(intents.RestartKernel()) == NOTHING


@pytest.mark.parametrize("kernel", [KernelState(), replace(IDLE, status="dead")])
def test_in9_to_restart_without_a_kernel_is_to_start_one(kernel: KernelState) -> None:
    tab = Client(a_session("a", kernel=kernel))
    tab.send(intents.RestartKernel())

    assert (tab.state.kernel.id, tab.state.kernel.status) == (K2, "starting")


# ---- the rest


def test_saving_and_notices() -> None:
    state = do(a_session(), ops.AddNotice(Notice("n", "info", "text", 1)))
    tab = Client(state)

    assert tab.send(intents.SaveNow()) == Decision(effects=(fx.SaveNow(),))
    assert tab.send(intents.DismissNotice("n")).ops == (ops.DropNotice("n"),)
    assert tab.send(intents.DismissNotice("n")) == NOTHING


def test_in13_what_no_file_could_be_read_from_again_is_refused() -> None:
    def nested(levels: int) -> Json:
        value: Json = 1
        for at in range(levels):
            value = [value] if at % 2 else {"a": value}
        return value

    tab = Client(a_session("a"))
    for levels, refusal in ((480, None), (600, "invalid"), (900, "invalid")):
        deep = nested(levels)
        for edit in (
            ops.SetCellMetadata(A, {"x": deep}),
            ops.SetMetadata({"x": deep}),
            ops.InsertCells(None, (replace(a_cell(f"n{levels}"), metadata={"x": deep}),)),
            ops.InsertCells(
                None,
                (replace(a_cell(f"o{levels}"), outputs=(DisplayData({"application/json": deep}, {}),)),),
            ),
        ):
            decision = tab.edit(edit)
            assert decision.refusal == refusal, (levels, edit)
    assert (
        tab.edit(ops.SetKind(A, "markdown"), ops.SetAttachments(A, {"x": nested(600)})).refusal == "invalid"
    )
    assert "levels deep" in tab.edit(ops.SetMetadata({"x": nested(600)})).message


def a_slider(*, live: bool = True) -> SessionState:
    return do(a_session("a", kernel=IDLE), ops.OpenComm(CommId("c1"), Comm("jupyter.widget", live=live)))


def test_in14_a_message_to_a_comm_is_on_its_way_once() -> None:
    client = Client(a_slider())
    body = intents.SendComm(SendId("s1"), CommId("c1"), {"method": "custom", "content": 1}, cell_id=A)

    decision = client.send(body)

    send = CommSend(body.send_id, body.comm_id, data=body.data, cell_id=A)
    assert decision == Decision((ops.CommSent(send),))
    assert client.effects == (fx.SendComm(K1, send),)
    assert client.send(body) == Decision()


def test_in14_one_to_a_comm_that_is_gone_or_not_live_is_too_late() -> None:
    for comm_id, state in (("gone", a_slider()), ("c1", a_slider(live=False))):
        assert Client(state).send(intents.SendComm(SendId("s1"), CommId(comm_id))) == Decision()


def test_in14_a_page_opens_and_closes_comms_in_the_kernel() -> None:
    client = Client(a_slider())
    opens = intents.SendComm(SendId("s1"), CommId("c2"), {"a": 1}, message="comm_open", target="mine")

    decision = client.send(opens)

    opened = ops.OpenComm(CommId("c2"), Comm("mine", data={"a": 1}))
    sent = CommSend(SendId("s1"), CommId("c2"), "comm_open", {"a": 1}, target="mine")
    assert decision == Decision((opened, ops.CommSent(sent)))
    assert client.send(replace(opens, send_id=SendId("s2"))) == Decision()

    closes = intents.SendComm(SendId("s3"), CommId("c2"), message="comm_close")
    assert client.send(closes) == Decision(
        (
            ops.CommSent(CommSend(SendId("s3"), CommId("c2"), "comm_close")),
            ops.CloseComms((CommId("c2"),)),
        )
    )
    assert Client(a_session()).send(opens).refusal == "no-kernel"


def test_in14_what_cannot_be_sent_is_refused() -> None:
    deep: Json = []
    for _ in range(SEND_LEVELS + 1):
        deep = [deep]
    odd = (
        intents.SendComm(SendId("not an id"), CommId("c1")),
        intents.SendComm(SendId("s1"), CommId("")),
        intents.SendComm(SendId("s1"), CommId("c" * 257)),
        intents.SendComm(SendId("s1"), CommId("c1"), {"deep": deep}),
        intents.SendComm(SendId("s1"), CommId("c1"), {}, (CommBuffer((), bytes(SEND_BYTES + 1)),)),
        intents.SendComm(
            SendId("s1"), CommId("c1"), {}, (CommBuffer((), blob=BlobRef("../x", 1, "text/plain")),)
        ),
    )
    for body in odd:
        client = Client(a_slider())
        decision = client.send(body)
        assert (decision.refusal, decision.ops) == ("invalid", ()), body
        assert decision.message.endswith(".")


def test_in14_a_large_buffer_stands_in_a_blob() -> None:
    body = intents.SendComm(
        SendId("s1"),
        CommId("c1"),
        {"method": "update", "state": {}},
        (CommBuffer(("value",), blob=BlobRef("ab" * 32, 50_000_000, "application/octet-stream")),),
    )
    assert Client(a_slider()).send(body).refusal is None

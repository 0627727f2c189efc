"""Kernel records, and what they mean."""

import itertools

import nbformat
import pytest
from msgspec.structs import replace

from carnet.core.notebook.ipynb import decode, encode
from carnet.core.notebook.model import BlobRef, Cell, DisplayData, ErrorOutput, ExecuteResult, Json, Stream
from carnet.core.session import operations as ops
from carnet.core.session.interpret import (
    DIED,
    GAP,
    INPUT_LOST,
    LEVELS,
    MALFORMED,
    TOO_DEEP,
    Interpretation,
    externalise,
    interpret,
    kernel_gone,
    settle,
)
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.operations import KernelCursor, Operation
from carnet.core.session.state import InputRequest, KernelState, LastRun, Notice, SessionState
from carnet.core.wire.host import (
    JournalGap,
    KernelDied,
    KernelRestarting,
    KernelStarted,
    Obituary,
    RunDropped,
    RunEnded,
)
from carnet.ids import CellId
from tests.core.session.sessions import (
    BLOB,
    IDLE,
    K1,
    R1,
    R2,
    R3,
    A,
    B,
    C,
    Kernel,
    a_cell,
    a_run,
    a_session,
    do,
    outputs,
    read,
    reading,
    running,
)

BUSY = replace(IDLE, status="busy", since_ms=9_000)


def queued(*cells: str) -> SessionState:
    """A session with an idle kernel and a queued run of each cell: r1, r2, ..."""
    runs = tuple(a_run(f"r{number}", cell) for number, cell in enumerate(cells, 1))
    return do(a_session(*cells, kernel=IDLE), ops.QueueRuns(runs))


def last(state: SessionState, cell_id: CellId = A) -> LastRun | None:
    return state.cells[cell_id].last


# ---- one run


def test_a_run_from_sent_to_done() -> None:
    k = Kernel()
    state, meant = read(
        queued("a"),
        k.sent(),
        k.busy(),
        k.says("execute_input", execution_count=3, code="a"),
        k.prints("hello\n"),
        k.says("execute_result", data={"text/plain": "3"}, metadata={"m": 1}, execution_count=3),
        k.replies(execution_count=3),
        k.idle(),
    )

    assert meant == (
        ops.StartRun(R1, 1_001),
        ops.CountRun(R1, 3),
        ops.AppendStream(A, "stdout", "hello\n"),
        ops.AddOutput(A, ExecuteResult({"text/plain": "3"}, {"m": 1}, execution_count=3)),
        ops.FinishRun(R1, "done", 1_007),
    )
    assert state.runs == ()
    assert state.kernel == replace(IDLE, cursor=7)


@pytest.mark.parametrize("idle_first", [False, True])
@pytest.mark.parametrize("batches", [1, 2])
def test_se7_a_run_waits_for_reply_and_idle(idle_first: bool, batches: int) -> None:
    k = Kernel()
    records = [k.idle(), k.replies(status="error")] if idle_first else [k.replies(status="error"), k.idle()]

    state = running()
    for batch in [records] if batches == 1 else [[record] for record in records]:
        assert [run.id for run in state.runs] == [R1]
        state, _ = read(state, *batch)
    assert last(state) == LastRun(R1, "failed", 0, 200, 1_002)
    assert state.runs == ()


def test_se7_what_came_first_is_marked() -> None:
    k = Kernel()
    state, meant = read(running(), k.busy(), k.replies())
    assert meant == (ops.MarkRun(R1, reply="done"), ops.SetKernel(BUSY))

    # Nothing new is known of it: nothing is said again.
    assert read(state, k.prints("x"))[1] == (ops.AppendStream(A, "stdout", "x"),)


def test_km1_records_up_to_the_cursor_are_ignored() -> None:
    k = Kernel()
    batch = [k.prints("one"), k.prints("two")]
    state, meaning = reading(running(), batch)
    assert meaning.cursor == KernelCursor(K1, 2)
    assert state.kernel.cursor == 2

    assert interpret(state, batch, now_ms=1) == Interpretation((), None)
    assert interpret(state, [*batch, k.prints("three")], now_ms=1).ops == (
        ops.AppendStream(A, "stdout", "three"),
    )
    assert interpret(a_session("a"), batch, now_ms=1) == Interpretation((), None)


def test_km1_a_batch_without_meaning_still_moves_the_cursor() -> None:
    k = Kernel()
    state, meaning = reading(
        a_session("a", kernel=IDLE),
        [k.says("comm_msg", "x", comm_id="c", data={}), k.says("iopub_welcome", "")],
    )

    assert meaning == Interpretation((), KernelCursor(K1, 2))
    assert state.kernel.cursor == 2


def test_km2_outputs_of_cells_that_are_gone_are_dropped() -> None:
    k = Kernel()
    state = do(running("a", "b"), ops.DeleteCells((A,)))
    state, meant = read(state, k.prints("x"), k.says("clear_output", wait=False), k.replies(), k.idle())
    assert meant == (ops.FinishRun(R1, "done", 1_004),)

    markdown = do(running(), ops.SetKind(A, "markdown"))
    assert read(markdown, Kernel().prints("x"))[1] == (ops.SetKernel(BUSY),)


# ---- many at once


def test_km3_text_of_one_stream_becomes_one_operation() -> None:
    k = Kernel()
    lines = [k.prints(f"{number}\n") for number in range(1_000)]
    state, meant = read(running(), *lines)

    assert meant == (
        ops.AppendStream(A, "stdout", "".join(f"{n}\n" for n in range(1_000))),
        ops.SetKernel(BUSY),
    )
    assert len(outputs(state)) == 1


def test_km3_another_name_or_output_ends_a_stream() -> None:
    k = Kernel()
    shown = k.says("display_data", data={"text/plain": "d"})
    _, meant = read(
        running(),
        k.prints("1"),
        k.prints("2", name="stderr"),
        k.prints("3"),
        shown,
        k.prints("4"),
        k.prints(""),
    )

    assert meant[:-1] == (
        ops.AppendStream(A, "stdout", "1"),
        ops.AppendStream(A, "stderr", "2"),
        ops.AppendStream(A, "stdout", "3"),
        ops.AddOutput(A, DisplayData({"text/plain": "d"})),
        ops.AppendStream(A, "stdout", "4"),
    )


def test_km3_the_streams_of_two_cells_do_not_end_each_other() -> None:
    k = Kernel()
    state = do(
        running("a", "b"),
        ops.FinishRun(R1, "done", 1),
        ops.QueueRuns((a_run("r2", "b"),)),
        ops.StartRun(R2, 2),
    )
    _, meant = read(state, k.prints("a1 "), k.prints("b1 ", "r2"), k.prints("a2"), k.prints("b2", "r2"))

    assert meant[:-1] == (ops.AppendStream(A, "stdout", "a1 a2"), ops.AppendStream(B, "stdout", "b1 b2"))


def test_km3_the_next_run_of_a_cell_begins_its_own_stream() -> None:
    k = Kernel()
    state = do(queued("a"), ops.QueueRuns((a_run("r2", "a"),)))
    state, _ = read(
        state, k.sent(), k.prints("one"), k.replies(), k.idle(), k.sent("r2"), k.prints("two", "r2")
    )

    assert outputs(state) == (Stream("stdout", "two"),)


def test_km3_of_several_updates_of_a_display_the_last_one_stays() -> None:
    k = Kernel()

    def update(display_id: str, text: str) -> Operation:
        return ops.UpdateDisplay(display_id, {"text/plain": text}, {})

    def updates(display_id: str, text: str) -> tuple[str, dict[str, object]]:
        return "update_display_data", {"data": {"text/plain": text}, "transient": {"display_id": display_id}}

    records = []
    for display_id, text in (("d", "1"), ("e", "1"), ("d", "2")):
        msg_type, content = updates(display_id, text)
        records.append(k.says(msg_type, "r1", **content))
    # The parent does not matter: what is shown is ours.
    msg_type, content = updates("d", "3")
    records.append(k.says(msg_type, "foreign", **content))
    records.append(k.says("update_display_data", data={"text/plain": "nobody's"}))

    _, meant = read(running(), *records)
    assert meant[:-1] == (update("e", "1"), update("d", "3"))


def test_km3_what_was_written_and_cleared_is_left_out() -> None:
    k = Kernel()
    frames = [
        record
        for number in range(50)
        for record in (
            k.says("clear_output", wait=True),
            k.prints("plot "),
            k.says("display_data", data={"text/plain": str(number)}),
        )
    ]
    state = do(running(), ops.AppendStream(A, "stdout", "before"))

    state, meant = read(state, *frames, k.says("clear_output", wait=True), k.says("clear_output", wait=True))
    assert meant[:-1] == (
        ops.ClearOutput(A, wait=False),
        ops.AppendStream(A, "stdout", "plot "),
        ops.AddOutput(A, DisplayData({"text/plain": "49"})),
        ops.ClearOutput(A, wait=True),
    )
    assert state.cells[A].clear_pending

    state, meant = read(
        state, k.prints("x"), k.says("clear_output", wait=False), k.says("clear_output", wait=False)
    )
    assert meant == (ops.ClearOutput(A, wait=False),)
    assert outputs(state) == ()


def test_km3_clearing_at_once_forgets_a_clear_that_waits() -> None:
    k = Kernel()
    _, meant = read(
        running(), k.says("clear_output", wait=True), k.says("clear_output"), k.prints("1"), k.prints("2")
    )

    assert meant[:-1] == (ops.ClearOutput(A, wait=False), ops.AppendStream(A, "stdout", "12"))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_op1_batches_of_any_size_give_the_same_state(size: int) -> None:
    k = Kernel()
    shown: dict[str, object] = {"data": {"text/plain": "1"}, "transient": {"display_id": "d"}}
    records = [
        k.sent(), k.busy(), k.says("execute_input", execution_count=1), k.prints("50%"), k.prints("\r100%"),
        k.says("display_data", "r1", **shown), k.says("update_display_data", data={"text/plain": "2"}, transient={"display_id": "d"}),
        k.prints("err", name="stderr"), k.replies(execution_count=1), k.idle(),
        k.sent("r2"), k.busy("r2"), k.prints("x", "r2"), k.says("clear_output", "r2", wait=True), k.prints("y", "r2"),
        k.says("error", "r2", ename="E", evalue="v", traceback=["t"]), k.replies("r2", "error", execution_count=2),
        k.host(RunDropped(R3, "batch-failed")), k.idle("r2"),
    ]  # fmt: skip
    state = queued("a", "b", "c")
    for start in range(0, len(records), size):
        state, _ = read(state, *records[start : start + size])

    content = {cell_id: cell.cell.outputs for cell_id, cell in state.cells.items()}
    assert content == {
        A: (
            Stream("stdout", "100%"),
            DisplayData({"text/plain": "2"}, display_id="d"),
            Stream("stderr", "err"),
        ),
        B: (Stream("stdout", "y"), ErrorOutput("E", "v", ("t",))),
        C: (),
    }
    assert [cell.cell.execution_count for cell in state.cells.values()] == [1, 2, None]
    assert state.runs == ()
    assert state.kernel.status == "idle"


# ---- whose output


def test_km4_a_run_of_which_the_kernel_speaks_was_sent() -> None:
    for record in (
        Kernel().prints("x"),
        Kernel().busy(),
        Kernel().idle(),
        Kernel().says("execute_input", execution_count=1),
        Kernel().replies(),
        Kernel().asks(prompt="?"),
        Kernel().host(RunEnded(R1, ("idle",))),
        Kernel().host(KernelDied(1, Obituary(run_id=R1))),
    ):
        assert read(queued("a"), record)[1][0] == ops.StartRun(R1, 1_001)


def test_km5_a_thread_of_the_last_run_still_prints() -> None:
    k = Kernel()
    state, _ = read(running(), k.replies(), k.idle(), k.prints("in the same batch "))
    state, _ = read(state, k.prints("and later"))

    assert outputs(state) == (Stream("stdout", "in the same batch and later"),)


def test_km5_an_older_run_does_not_print_into_a_newer_one() -> None:
    k = Kernel()
    state, _ = read(running(), k.replies(), k.idle())
    state = do(state, ops.QueueRuns((a_run("r2", "a"),)))
    assert read(state, Kernel(10).prints("while it waits"))[1] == (
        ops.AppendStream(A, "stdout", "while it waits"),
    )

    state, _ = read(state, k.sent("r2"))
    assert read(state, k.prints("late"))[1] == ()
    state, _ = read(state, k.replies("r2"), k.idle("r2"), k.prints("late"))
    assert outputs(state) == ()
    assert read(state, k.prints("late"))[1] == ()


def test_km5_output_of_other_clients_runs_is_not_ours_but_their_work_is_seen() -> None:
    k = Kernel()
    state, meant = read(
        a_session("a", kernel=IDLE),
        k.busy("theirs"),
        k.prints("x", "theirs"),
        k.says("error", "theirs"),
        k.asks("theirs"),
    )
    assert meant == (ops.SetKernel(BUSY),)

    state, meaning = reading(state, [k.replies("theirs"), k.idle("theirs")])
    assert meaning.ops == (ops.SetKernel(replace(IDLE, since_ms=9_000, cursor=4)),)
    assert [record.parent_id for record in meaning.answers] == ["theirs"]


# ---- replies


@pytest.mark.parametrize(
    ("status", "outcome"), [("ok", "done"), ("error", "failed"), ("aborted", "aborted"), ("abort", "aborted")]
)
def test_km7_outcomes(status: str, outcome: str) -> None:
    k = Kernel()
    state, _ = read(running(), k.replies(status=status, execution_count=4), k.idle())

    assert last(state) == LastRun(R1, outcome, 0, 200, 1_002)  # type: ignore[arg-type]  # one of its values
    assert state.cells[A].cell.execution_count == (None if outcome == "aborted" else 4)


def test_km8_an_aborted_run_that_is_sent_again_starts_over() -> None:
    k = Kernel()
    state, meant = read(
        running(), k.replies(status="aborted"), k.idle(), k.sent(), k.prints("x"), k.replies(), k.idle()
    )
    assert meant == (
        ops.StartRun(R1, 1_003),
        ops.AppendStream(A, "stdout", "x"),
        ops.FinishRun(R1, "done", 1_006),
    )
    assert last(state) == LastRun(R1, "done", 0, 1_003, 1_006)


def test_km8_reply_in_one_batch_and_the_second_sending_in_the_next() -> None:
    k = Kernel()
    state, _ = read(running(), k.replies(status="aborted"))
    state, _ = read(state, k.idle(), k.sent())
    assert state.runs == (replace(a_run("r1", "a"), started_ms=1_003),)


def test_km8_an_aborted_run_is_over_when_something_else_comes_or_nothing() -> None:
    k = Kernel()
    state = do(running("a", "b"), ops.QueueRuns((a_run("r2", "b"),)))
    _, meant = read(state, k.replies(status="aborted"), k.idle(), k.sent("r2"))

    assert meant[:2] == (ops.FinishRun(R1, "aborted", 1_002), ops.StartRun(R2, 1_003))


def test_km6_a_page_is_shown() -> None:
    k = Kernel()
    page = {"source": "page", "data": {"text/plain": ["a\n", "b"]}, "start": 0}
    _, meant = read(running(), k.replies(payload=[page, {"source": "ask_exit"}, {"source": "page"}]))

    assert meant[0] == ops.ShowPage(R1, {"text/plain": "a\nb"})
    assert [type(operation) for operation in meant] == [ops.ShowPage, ops.MarkRun, ops.SetKernel]


def test_km6_the_next_input_replaces_the_source() -> None:
    k = Kernel()
    state = do(running(), ops.ChangeSource(A, 1, [[1, "%load x"]]))

    def loads(text: str) -> dict[str, object]:
        return {"source": "set_next_input", "text": text, "replace": True}

    state, _ = read(state, k.replies(payload=[loads("1\n2"), loads("1\n2"), loads("1\n3")]))
    assert state.cells[A].cell.source == "1\n3"
    assert state.cells[A].version == 3

    gone = do(running("a", "b"), ops.DeleteCells((A,)))
    assert len(read(gone, Kernel().replies(payload=[loads("1")]))[1]) == 2


def test_km6_or_comes_in_a_cell_below() -> None:
    k = Kernel()
    payload = [{"source": "set_next_input", "text": "new", "replace": False}]
    state, _ = read(running("a", "b"), k.replies(payload=payload))

    assert [state.cells[cell_id].cell for cell_id in state.order] == [
        a_cell("a", "a"),
        Cell(CellId("next-r1"), "code", "new"),
        a_cell("b", "b"),
    ]
    gone = do(running("a", "b"), ops.DeleteCells((A,)))
    assert read(gone, Kernel().replies(payload=payload))[0].order == (B,)


# ---- outputs


def test_displays_keep_their_id_and_text_is_one_string() -> None:
    k = Kernel()
    data = {
        "text/html": ["<b>", "x"],
        "application/json": ["a", "b"],
        "odd/type": ["a", 1],
        "text/plain": "p",
    }
    _, meant = read(running(), k.says("display_data", data=data, metadata={}, transient={"display_id": "d"}))

    expected: dict[str, Json] = {
        "text/html": "<b>x",
        "application/json": ["a", "b"],
        "odd/type": ["a", 1],
        "text/plain": "p",
    }
    assert meant[0] == ops.AddOutput(A, DisplayData(expected, display_id="d"))


def test_input_is_asked_for_in_the_cell() -> None:
    k = Kernel()
    state, _ = read(running(), k.asks(prompt="name? ", password=True))

    assert state.cells[A].input == InputRequest(R1, "name? ", True, '{"msg_id":"h"}')


def test_input_for_a_deleted_cell_is_said() -> None:
    state = do(running("a", "b"), ops.DeleteCells((A,)))
    state, _ = read(state, Kernel().asks(prompt="name? "))

    (notice,) = state.notices
    assert (notice.id, notice.kind, notice.at_ms) == (INPUT_LOST, "warning", 9_000)
    assert "waits for input" in notice.text


def test_km9_the_kernel_is_busy_while_a_run_is_sent() -> None:
    k = Kernel()
    state, meant = read(running(), k.idle("completion"))
    assert meant == (ops.SetKernel(BUSY),)

    assert read(state, k.idle())[1] == (
        ops.MarkRun(R1, idle=True),
        ops.SetKernel(replace(IDLE, since_ms=9_000, cursor=1)),
    )


def test_km9_status_of_a_kernel_that_is_not_ready_does_not_count() -> None:
    k = Kernel()
    state = a_session("a", kernel=replace(IDLE, status="starting"))

    assert read(state, k.busy("x"), k.says("status", "", execution_state="starting"))[1] == ()


# ---- what the host says


def test_km12_a_kernel_that_is_ready_names_itself_in_the_notebook() -> None:
    starting = KernelState(K1, "python3", "Python 3", "", "starting", 1, problem="x", replaces=K1)
    info: dict[str, Json] = {"language_info": {"name": "python", "version": "3"}}
    state, _ = read(a_session("a", kernel=starting), Kernel().host(KernelStarted(1, info)))

    assert state.kernel == KernelState(
        K1, "python3", "Python 3", "python", "idle", 1_001, lineage=1, cursor=1
    )
    assert state.metadata == {
        "language_info": {"name": "python", "version": "3"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    }
    assert read(state, Kernel(1).host(KernelStarted(1, info)))[1] == ()


def test_km12_a_kernel_may_say_nothing_of_its_language() -> None:
    state = a_session("a", kernel=KernelState(K1, "", status="starting", language="R"))

    infos: tuple[dict[str, Json], ...] = ({}, {"language_info": None})
    for info in infos:
        after, _ = read(state, Kernel().host(KernelStarted(1, info)))
        assert (after.kernel.language, after.metadata) == ("R", {})
    after, _ = read(state, Kernel().host(KernelStarted(1, {"language_info": {"name": 3}})))
    assert after.kernel.language == "R"


def test_km11_a_kernel_that_dies_takes_its_runs_with_it_and_gets_an_obituary() -> None:
    k = Kernel()
    obituary = Obituary(signal=9, signal_name="SIGKILL", run_id=R1)
    state = do(running("a", "b"), ops.QueueRuns((a_run("r2", "b"),)))
    state, _ = read(state, k.prints("x"), k.host(KernelDied(1, obituary)), k.busy())

    assert (last(state), last(state, B)) == (
        LastRun(R1, "lost", 0, 200, 1_002),
        LastRun(R2, "aborted", 0, None, 1_002),
    )
    assert state.runs == ()
    assert state.kernel == replace(IDLE, status="dead", since_ms=1_002, obituary=obituary, cursor=3)
    (notice,) = state.notices
    assert (notice.id, notice.kind) == (DIED, "error")
    assert "SIGKILL" in notice.text
    assert outputs(state) == (Stream("stdout", "x"),)


def test_km11_a_run_whose_reply_is_in_is_not_lost() -> None:
    k = Kernel()
    state, _ = read(running(), k.replies(), k.host(KernelDied(1, Obituary(exit_code=0, asked=True))))

    assert last(state) == LastRun(R1, "done", 0, 200, 1_002)
    assert state.notices == ()
    assert state.kernel.status == "dead"


def test_km11_a_kernel_that_never_was_ready_is_a_problem() -> None:
    state = do(a_session("a", kernel=KernelState(K1, status="starting")), ops.QueueRuns((a_run("r1", "a"),)))
    state, _ = read(state, Kernel().host(KernelDied(1, Obituary(exit_code=1, stderr_tail="No module"))))

    assert state.kernel.status == "dead"
    assert state.kernel.problem == (
        "The kernel could not be started: it ended itself with exit code 1. Its last words: No module"
    )
    assert state.runs == ()


def test_km11_runs_queued_for_after_a_restart_stay() -> None:
    k = Kernel()
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))
    state, _ = read(
        state,
        k.host(RunDropped(R2, "restarted")),
        k.host(KernelRestarting(1)),
        k.host(KernelDied(1, Obituary(signal=15, asked=True, run_id=R1))),
        k.host(KernelStarted(2, {})),
    )

    assert [run.id for run in state.runs] == [R3]
    assert (last(state), last(state, B)) == (
        LastRun(R1, "lost", 0, 200, 1_003),
        LastRun(R2, "aborted", 0, None, 1_001),
    )
    assert (state.kernel.status, state.kernel.lineage, state.notices) == ("idle", 2, ())


def test_km11_a_restart_that_fails_drops_them_too() -> None:
    k = Kernel()
    state = do(a_session("a", kernel=replace(IDLE, status="restarting")), ops.QueueRuns((a_run("r1", "a"),)))
    state, _ = read(state, k.host(KernelDied(2, Obituary(exit_code=1))))

    assert (state.runs, state.kernel.status) == ((), "dead")


def test_km11_a_new_process_ends_the_runs_of_one_whose_end_nobody_saw() -> None:
    state, _ = read(running(), Kernel().started(lineage=2))

    assert last(state) == LastRun(R1, "lost", 0, 200, 1_001)


def test_km10_the_host_drops_and_ends_runs() -> None:
    k = Kernel()
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))
    state, meant = read(
        state,
        k.host(RunDropped(R2, "cancelled")),
        k.host(RunDropped(R3, "cancelled")),
        k.host(RunDropped(R3, "cancelled")),
        k.host(RunDropped(R1, "cancelled")),
        k.host(RunEnded(R1, ("reply",))),
    )
    assert meant[:2] == (ops.DropRuns((R2, R3), "aborted", 1_002), ops.FinishRun(R1, "aborted", 1_004))

    state, _ = read(running(), Kernel().host(RunEnded(R1, ("reply",))))
    assert last(state) == LastRun(R1, "lost", 0, 200, 1_001)
    state, _ = read(running(), Kernel().replies(), Kernel(1).host(RunEnded(R1, ("idle",))))
    assert last(state) == LastRun(R1, "done", 0, 200, 1_002)


def test_a_gap_is_said() -> None:
    state, _ = read(a_session(kernel=IDLE), Kernel().host(JournalGap(5, "the kernel host was killed")))

    text = "Some output of this kernel may be missing: for 1 s, the kernel host was killed."
    assert state.notices == (Notice(GAP, "warning", text, 9_000),)


def test_runs_that_are_not_ours_do_not_disturb() -> None:
    k = Kernel()
    state = a_session("a", kernel=IDLE)

    assert read(state, k.sent("x"), k.host(RunDropped(R1, "cancelled")), k.host(RunEnded(R1, ())))[1] == ()


# ---- what cannot be read


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": 1, "text": 2}', b"\xff", b"[" * 100_000])
def test_km14_what_cannot_be_read_is_said_and_left_out(content: bytes) -> None:
    k = Kernel()
    state, _ = read(running(), k.record("iopub", "stream", "r1", content), k.prints("next"))

    assert outputs(state) == (Stream("stdout", "next"),)
    (notice,) = state.notices
    assert (notice.id, notice.kind) == (MALFORMED, "warning")
    assert "(stream)" in notice.text
    assert state.kernel.cursor == 2


def test_km14_an_unreadable_reply_is_a_failure() -> None:
    k = Kernel()
    state, _ = read(running(), k.record("shell", "execute_reply", "r1", b"{}"), k.idle())

    assert last(state) == LastRun(R1, "failed", 0, 200, 1_002)
    assert [notice.id for notice in state.notices] == [MALFORMED]


def test_km14_an_unreadable_event_of_the_host_is_left_out() -> None:
    state, _ = read(running(), Kernel().record("host", "", "", b'{"type": "from-the-future"}'))

    assert [notice.id for notice in state.notices] == [MALFORMED]


def test_km14_nan_and_half_characters_are_read_as_null_and_as_a_replacement() -> None:
    k = Kernel()
    _, meant = read(
        running(),
        k.record("iopub", "stream", "r1", b'{"name": "stdout", "text": "a\\ud83dz"}'),
        k.record("iopub", "display_data", "r1", b'{"data": {"application/json": {"x\\udc00": [NaN, 1.5]}}}'),
        k.record("iopub", "stream", "r1", b'{"name": "stdout", "text": "\xff"}'),
    )

    assert meant[:-1] == (
        ops.AppendStream(A, "stdout", "a�z"),
        ops.AddOutput(A, DisplayData({"application/json": {"x�": [None, 1.5]}})),
        ops.AppendStream(A, "stdout", "�"),
    )


@pytest.mark.parametrize(
    ("said", "read_as"),
    [
        (b"[1e999, -1e999, 0.5]", [None, None, 0.5]),
        (b'{"wei": 1000000000000000000000}', {"wei": 1e21}),
        (b"[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
        (b"1" * 400, "1" * 400),
    ],
)
def test_km14_numbers_out_of_range_do_not_stop_what_comes_after(said: bytes, read_as: Json) -> None:
    k = Kernel()
    _, meant = read(
        running(),
        k.record("iopub", "display_data", "r1", b'{"data": {"application/json": ' + said + b"}}"),
        k.prints("next"),
    )

    assert meant[:-1] == (
        ops.AddOutput(A, DisplayData({"application/json": read_as})),
        ops.AppendStream(A, "stdout", "next"),
    )


def test_km14_a_count_that_nothing_can_carry_is_no_count() -> None:
    k = Kernel()
    state, _ = read(running(), k.record("iopub", "execute_input", "r1", b'{"execution_count": 1%040d}' % 0))

    assert state.cells[A].cell.execution_count is None
    assert [notice.id for notice in state.notices] == [MALFORMED]


# ---- what a file can hold


def nested(levels: int) -> Json:
    value: Json = 1
    for _ in range(levels):
        value = [value]
    return value


def show(kind: str, levels: int, beside: dict[str, Json]) -> SessionState:
    k = Kernel()
    data = {"application/json": nested(levels), **beside}
    transient = {"display_id": "d"}
    first = k.says("display_data", data={"text/plain": "before"}, transient=transient)
    shown = k.says(kind, data=data, metadata={"m": nested(levels)}, transient=transient)
    state, _ = read(running(), first, shown, k.prints("next"))
    return state


@pytest.mark.parametrize("kind", ["display_data", "execute_result", "update_display_data"])
@pytest.mark.parametrize("levels", [LEVELS - 2, LEVELS - 1, 495, 800])
def test_km15_whatever_a_kernel_shows_its_file_can_be_read(kind: str, levels: int) -> None:
    state = show(kind, levels, {"text/html": "<b>x</b>"})

    data = encode(notebook_of(state))
    assert nbformat.reads(data.decode(), as_version=4).cells  # type: ignore[no-untyped-call]
    read_again = decode(data, new_ids=itertools.repeat(A)).cells[0].outputs
    assert len(read_again) == len(outputs(state))
    assert outputs(state)[-1] == Stream("stdout", "next")
    is_kept = levels <= LEVELS - 2  # the bundle is one more, and the list that it is in
    assert ('"application/json": [' in data.decode()) is is_kept
    assert [notice.id for notice in state.notices] == ([] if is_kept else [TOO_DEEP])


def test_km15_what_is_left_out_is_said_where_nothing_else_is_shown() -> None:
    for beside, said in (("", "[Left out: application/json, m: lists"), ("own", "own")):
        own: dict[str, Json] = {"text/plain": beside} if beside else {}
        shown = outputs(show("display_data", 600, own))[1]
        assert isinstance(shown, DisplayData)
        assert str(shown.data["text/plain"]).startswith(said)
        assert shown.metadata == {}


def test_km15_a_language_that_is_too_deep_is_not_taken() -> None:
    k = Kernel()
    state, _ = read(running(), k.host(KernelStarted(1, {"language_info": {"name": "x", "y": nested(600)}})))

    assert "language_info" not in state.metadata
    assert state.kernel.language == "x"


# ---- beside


def test_a_kernel_that_is_gone_ends_everything_on_it() -> None:
    state = do(running("a", "b"), ops.QueueRuns((a_run("r2", "b"),)))
    state = do(state, *kernel_gone(state, problem="The machine was started again.", at_ms=7))

    assert (last(state), last(state, B)) == (
        LastRun(R1, "lost", 0, 200, 7),
        LastRun(R2, "aborted", 0, None, 7),
    )
    assert state.kernel == replace(IDLE, status="dead", since_ms=7, problem="The machine was started again.")


def test_km13_what_the_host_does_not_have_is_ended() -> None:
    state = do(
        running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))), ops.SetKernel(BUSY)
    )
    at_rest = ops.SetKernel(replace(IDLE, since_ms=7))
    assert settle(state, running=R1, queued=[R2, R3], at_ms=7) == ()

    cancelled = do(state, ops.MarkRun(R2, cancelled=True))
    assert settle(cancelled, running=None, queued=[R3], at_ms=7) == (
        ops.FinishRun(R1, "lost", 7),
        ops.DropRuns((R2,), "aborted", 7),
        at_rest,
    )
    # A queued one may be on its way to the host.
    assert settle(state, running=R1, queued=[R3], at_ms=7) == ()
    replied = do(state, ops.MarkRun(R1, reply="failed"))
    assert settle(replied, running=None, queued=[R2, R3], at_ms=7) == (
        ops.FinishRun(R1, "failed", 7),
        at_rest,
    )


def test_large_values_go_to_blobs() -> None:
    stored: list[tuple[bytes, str]] = []

    def new_blob(data: bytes, media_type: str) -> BlobRef:
        stored.append((data, media_type))
        return replace(BLOB, size_bytes=len(data), media_type=media_type)

    html = BlobRef(BLOB.sha256, 100, "text/html")
    large: dict[str, Json] = {"text/html": "x" * 100, "text/plain": "small"}
    output = DisplayData(large, display_id="d")
    small_output = DisplayData({"text/plain": "small"}, blobs={"text/html": html}, display_id="d")
    given: tuple[Operation, ...] = (
        ops.AddOutput(A, output),
        ops.UpdateDisplay("d", large, {"m": 1}),
        ops.ReplaceOutputs(A, (output, ErrorOutput("E")), 3),
        ops.InsertCells(None, (Cell(B, "code", outputs=(output,)),)),
        ops.AppendStream(A, "stdout", "y" * 1_000),
    )

    assert externalise(given, limit_bytes=50, new_blob=new_blob) == (
        ops.AddOutput(A, small_output),
        ops.UpdateDisplay("d", {"text/plain": "small"}, {"m": 1}, {"text/html": html}),
        ops.ReplaceOutputs(A, (small_output, ErrorOutput("E")), 3),
        ops.InsertCells(None, (Cell(B, "code", outputs=(small_output,)),)),
        ops.AppendStream(A, "stdout", "y" * 1_000),
    )
    assert stored == [(b"x" * 100, "text/html")] * 4
    assert externalise(given, limit_bytes=5_000, new_blob=new_blob) == given

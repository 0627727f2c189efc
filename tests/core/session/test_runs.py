"""The run queue, and cells that run."""

import pytest
from msgspec.structs import replace

from carnet.core.notebook.model import Cell, ExecuteResult, Stream
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.runs import find_run, queued_ids
from carnet.core.session.state import CellState, InputRequest, LastRun, RunOutcome
from carnet.ids import RunId
from tests.core.session.sessions import (
    IDLE,
    K1,
    R1,
    R2,
    R3,
    A,
    B,
    a_cell,
    a_run,
    a_session,
    did,
    do,
    outputs,
    running,
    unchanged,
)

GONE = RunId("gone")


def test_se12_runs_queue_up_once_and_are_submitted() -> None:
    state = a_session("a", "b", kernel=IDLE)
    runs = (a_run("r1", "a"), a_run("r2", "b"))

    state, effects = did(state, ops.QueueRuns((*runs, a_run("r1", "b"))))
    assert state.runs == runs
    assert effects == (fx.SubmitRuns(K1, runs),)
    assert unchanged(state, ops.QueueRuns(runs))
    assert queued_ids(state) == (R1, R2)


def test_runs_without_a_kernel_are_not_submitted() -> None:
    state, effects = did(a_session("a"), ops.QueueRuns((a_run("r1", "a"), a_run("r2", "a"))))
    assert effects == ()

    state, effects = did(state, ops.ReorderRuns((R2,)))
    assert queued_ids(state) == (R2, R1)
    assert effects == ()

    state, effects = did(state, ops.MarkRun(R1, cancelled=True))
    assert state.runs[1].cancelled
    assert effects == ()


def test_se12_queued_runs_take_another_order_behind_the_running_one() -> None:
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))

    state, effects = did(state, ops.ReorderRuns((R3, GONE, R1, R3)))
    assert [run.id for run in state.runs] == [R1, R3, R2]
    assert effects == (fx.ReorderRuns(K1, (R3, R2)),)
    assert unchanged(state, ops.ReorderRuns((R3, R2)), ops.ReorderRuns(()))


def test_se3_a_started_run_is_running() -> None:
    state = do(a_session("a", kernel=IDLE), ops.QueueRuns((a_run("r1", "a"),)))

    state, effects = did(state, ops.StartRun(R1, 200))
    assert state.runs == (replace(a_run("r1", "a"), started_ms=200),)
    assert state.cells[A] == CellState(a_cell("a", "a"), clear_pending=True, old_outputs=True)
    assert effects == ()
    assert unchanged(state, ops.StartRun(GONE, 300))


def test_se7_a_run_that_starts_over_forgets_reply_and_idle() -> None:
    state = do(running(), ops.MarkRun(R1, reply="aborted", idle=True))
    assert (state.runs[0].reply, state.runs[0].idle) == ("aborted", True)

    state = do(state, ops.StartRun(R1, 300))
    assert state.runs == (replace(a_run("r1", "a"), started_ms=300),)


def test_se7_what_is_known_of_a_run_is_kept_until_the_rest_comes() -> None:
    state = do(running(), ops.MarkRun(R1, reply="done"))
    assert (state.runs[0].reply, state.runs[0].idle) == ("done", False)

    state = do(state, ops.MarkRun(R1, idle=True))
    assert (state.runs[0].reply, state.runs[0].idle) == ("done", True)
    assert unchanged(state, ops.MarkRun(R1, reply="done"), ops.MarkRun(GONE, idle=True))


def test_in8_a_cancelled_run_waits_for_the_host_to_drop_it() -> None:
    state = do(a_session("a", kernel=IDLE), ops.QueueRuns((a_run("r1", "a"),)))

    state, effects = did(state, ops.MarkRun(R1, cancelled=True))
    assert state.runs[0].cancelled
    assert effects == (fx.CancelRuns(K1, (R1,)),)
    assert unchanged(state, ops.MarkRun(R1, cancelled=True))


def test_se3_the_kernel_gives_a_run_its_number() -> None:
    state, effects = did(running(), ops.CountRun(R1, 7))

    assert state.cells[A].cell.execution_count == 7
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(state, ops.CountRun(R1, 7), ops.CountRun(GONE, 8))


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_se4_a_run_that_ends_without_output_removes_the_old_ones(outcome: RunOutcome) -> None:
    state = do(running(), ops.AppendStream(A, "stdout", "old"), ops.FinishRun(R1, "done", 1))
    state = do(state, ops.QueueRuns((a_run("r2", "a", version=3),)), ops.StartRun(R2, 300))
    assert outputs(state) == (Stream("stdout", "old"),)

    state, effects = did(state, ops.FinishRun(R2, outcome, 400, 5))
    assert state.runs == ()
    assert state.cells[A] == CellState(
        Cell(A, "code", "a", execution_count=5), last=LastRun(R2, outcome, 3, 300, 400)
    )
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(state, ops.FinishRun(R2, "failed", 500))


@pytest.mark.parametrize(("outcome", "count"), [("aborted", None), ("lost", 4)])
def test_se4_a_run_that_came_to_nothing_keeps_the_old_outputs(outcome: RunOutcome, count: int | None) -> None:
    state = do(running(), ops.AppendStream(A, "stdout", "old"), ops.FinishRun(R1, "done", 1, 4))
    state = do(state, ops.QueueRuns((a_run("r2", "a"),)), ops.StartRun(R2, 300))

    state = do(state, ops.FinishRun(R2, outcome, 400))
    assert state.cells[A] == CellState(
        Cell(A, "code", "a", outputs=(Stream("stdout", "old"),), execution_count=count),
        last=LastRun(R2, outcome, 0, 300, 400),
    )


def test_se3_of_a_run_that_never_ran_only_the_count_of_its_cell_goes_from_the_file() -> None:
    shown = ExecuteResult({"text/plain": "2"}, execution_count=4)
    state = do(running("a", "b"), ops.AddOutput(A, shown), ops.FinishRun(R1, "done", 1, 4))
    before = notebook_of(state)
    state = do(state, ops.QueueRuns((a_run("r2", "a"),)))
    assert notebook_of(state) == before

    state = do(state, ops.DropRuns((R2,), "aborted", 500))

    first, *rest = before.cells
    assert notebook_of(state) == replace(before, cells=(replace(first, execution_count=None), *rest))


def test_se5_a_clear_that_waits_outlives_its_run() -> None:
    state = do(
        running(),
        ops.AppendStream(A, "stdout", "x"),
        ops.ClearOutput(A, wait=True),
        ops.FinishRun(R1, "done", 1),
    )
    assert outputs(state) == (Stream("stdout", "x"),)
    assert state.cells[A].clear_pending

    assert outputs(do(state, ops.AppendStream(A, "stdout", "late"))) == (Stream("stdout", "late"),)


def test_op3_a_run_that_changes_nothing_in_the_file_is_not_saved() -> None:
    state, effects = did(running(), ops.FinishRun(R1, "done", 1))

    assert effects == ()
    assert state.changed_seq == 0


def test_se3_dropped_runs_return_their_cells_to_an_empty_prompt() -> None:
    state = do(running("a", "b"), ops.CountRun(R1, 4), ops.FinishRun(R1, "done", 1))
    state = do(state, ops.QueueRuns((a_run("r2", "a", version=2), a_run("r3", "b"), a_run("r4", "gone"))))

    state, effects = did(state, ops.DropRuns((R2, R3, RunId("r4"), GONE), "aborted", 500))
    assert state.runs == ()
    assert state.cells[A] == CellState(a_cell("a", "a"), last=LastRun(R2, "aborted", 2, None, 500))
    assert state.cells[B].last == LastRun(R3, "aborted", 0, None, 500)
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(state, ops.DropRuns((R2,), "lost", 600))


def test_se3_two_dropped_runs_of_one_cell_leave_the_last_one() -> None:
    state = do(a_session("a"), ops.QueueRuns((a_run("r1", "a"), a_run("r2", "a"))))

    state = do(state, ops.DropRuns((R1, R2), "aborted", 5))
    assert state.cells[A].last == LastRun(R2, "aborted", 0, None, 5)


def test_op2_runs_of_cells_that_are_gone_end_quietly() -> None:
    state = do(running("a", "b"), ops.DeleteCells((A,)))

    assert unchanged(state, ops.CountRun(R1, 3), ops.RequestInput(A, InputRequest(R1, "", False, "{}")))
    after, effects = did(state, ops.StartRun(R1, 9), ops.FinishRun(R1, "done", 10, 1))
    assert after.runs == ()
    assert effects == ()


def test_se3_an_input_request_ends_with_its_run() -> None:
    asked = InputRequest(R1, "name? ", False, "{}")
    state = do(running(), ops.RequestInput(A, asked))
    assert state.cells[A].input == asked

    assert do(state, ops.CloseInput(A)).cells[A].input is None
    assert do(state, ops.FinishRun(R1, "lost", 1)).cells[A].input is None
    other = do(state, ops.QueueRuns((a_run("r2", "a"),)), ops.DropRuns((R2,), "aborted", 1))
    assert other.cells[A].input == asked
    assert unchanged(do(state, ops.CloseInput(A)), ops.CloseInput(A), ops.CloseInput(B))
    assert unchanged(do(state, ops.FinishRun(R1, "done", 1)), ops.RequestInput(A, asked))


def test_find_run() -> None:
    state = running()
    assert find_run(state, R1) == state.runs[0]
    assert find_run(state, GONE) is None

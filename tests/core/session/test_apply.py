"""Entries: numbers, decisions, cursors, effects; kernel, file and notices."""

import pytest
from msgspec.structs import replace

from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.apply import apply, apply_entry, effects_after_restart
from carnet.core.session.operations import Entry, KernelCursor
from carnet.core.session.state import CLIENTS_LIMIT, REFUSED_LIMIT, KernelState, Notice, Saved
from carnet.ids import ClientId, NotebookPath, Revision
from tests.core.session.sessions import (
    IDLE,
    K1,
    K2,
    R1,
    R2,
    R3,
    TAB,
    A,
    B,
    a_cell,
    a_run,
    a_session,
    did,
    do,
    running,
    unchanged,
)


def test_op1_entries_have_no_gap() -> None:
    with pytest.raises(AssertionError, match="entry 2 does not follow 0"):
        apply_entry(a_session(), Entry(2, 1))


def test_op3_one_save_is_scheduled_for_an_entry_however_much_it_changes() -> None:
    state, effects = did(
        a_session("a"),
        ops.InsertCells(None, (a_cell("b"),)),
        ops.MoveCells((A,), None),
        ops.DeleteCells((A,)),
    )

    assert effects == (fx.ScheduleSave(),)
    assert (state.seq, state.changed_seq) == (1, 1)


def test_op3_one_operation_alone() -> None:
    state = a_session("a")

    changed, effects = apply(state, ops.DeleteCells((A,)), seq=7)
    assert (changed.seq, changed.changed_seq) == (0, 7)
    assert effects == (fx.ScheduleSave(),)
    assert apply(state, ops.DeleteCells((B,)), seq=7) == (state, ())


def test_op4_an_entry_decides_an_intent() -> None:
    state, effects = apply_entry(a_session(), Entry(1, 1, client_id=TAB, intent=4))
    assert state.clients == {TAB: 4}
    assert state.refused == {}
    assert effects == ()

    state, _ = apply_entry(state, Entry(2, 1, client_id=TAB, intent=5, refusal="invalid", message="no"))
    assert state.clients == {TAB: 5}
    assert state.refused == {TAB: (5,)}


def test_op4_the_newest_refusals_are_remembered() -> None:
    state = a_session()
    for number in range(1, REFUSED_LIMIT + 3):
        state, _ = apply_entry(state, Entry(number, 1, client_id=TAB, intent=number, refusal="invalid"))

    assert state.refused == {TAB: tuple(range(3, REFUSED_LIMIT + 3))}


def test_op4_the_client_heard_of_longest_ago_is_forgotten_first() -> None:
    clients = {ClientId(f"c{number}"): 1 for number in range(CLIENTS_LIMIT)}
    state = replace(a_session(), clients=clients, refused={ClientId("c1"): (1,)})

    state, _ = apply_entry(state, Entry(1, 1, client_id=ClientId("c0"), intent=2))
    state, _ = apply_entry(state, Entry(2, 1, client_id=TAB, intent=1))
    assert len(state.clients) == CLIENTS_LIMIT
    assert "c1" not in state.clients
    assert state.clients[ClientId("c0")] == 2
    assert state.refused == {}


def test_op4_the_cursor_moves_with_entries_of_the_bound_kernel_only() -> None:
    state = a_session(kernel=IDLE)

    state, _ = apply_entry(state, Entry(1, 1, cursor=KernelCursor(K1, 7)))
    assert state.kernel.cursor == 7
    state, _ = apply_entry(state, Entry(2, 1, cursor=KernelCursor(K2, 99)))
    assert state.kernel.cursor == 7
    state = do(state, ops.SetKernel(replace(IDLE, status="busy")))
    assert (state.kernel.status, state.kernel.cursor) == ("busy", 7)
    state, _ = apply_entry(state, Entry(4, 1, (ops.SetKernel(KernelState(K2)),), cursor=KernelCursor(K1, 8)))
    assert state.kernel == KernelState(K2)


def test_a_new_kernel_is_started_and_one_that_is_known_is_not() -> None:
    new = KernelState(K2, "ir", status="starting")

    state, effects = did(a_session(kernel=IDLE), ops.SetKernel(new))
    assert effects == (fx.StartKernel(K2, "ir"),)
    assert did(state, ops.SetKernel(replace(new, display_name="R")))[1] == ()
    assert did(state, ops.SetKernel(KernelState(K1, status="idle")))[1] == ()
    assert did(state, ops.SetKernel(KernelState()))[1] == ()


def test_se9_deleting_a_cell_cancels_its_queued_runs() -> None:
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "a"), a_run("r3", "b"))))

    after, effects = did(state, ops.DeleteCells((A,)))
    assert effects == (fx.CancelRuns(K1, (R2,)), fx.ScheduleSave())
    assert [run.id for run in after.runs] == [R1, R2, R3]
    assert did(do(state, ops.DropRuns((R2, R3), "aborted", 1)), ops.DeleteCells((A, B)))[1] == (
        fx.ScheduleSave(),
    )


def test_se15_saving_is_marked() -> None:
    state = do(a_session(), ops.MarkSaved(Revision("r1"), 5, 100))
    assert state.saved == Saved(Revision("r1"), 5, 100)

    state = do(state, ops.MarkSaved(Revision("r2"), 3, 200))
    assert state.saved == Saved(Revision("r2"), 5, 200)

    state = do(state, ops.MarkSaveFailed("Full.", 300), ops.MarkSaveFailed("Full still.", 400))
    assert state.saved == Saved(Revision("r2"), 5, 200, "Full still.", 300)
    assert do(state, ops.MarkSaved(Revision("r3"), 6, 500)).saved == Saved(Revision("r3"), 6, 500)


def test_se15_notices_replace_those_of_their_id() -> None:
    one, two, new = (
        Notice("1", "info", "one", 1),
        Notice("2", "info", "two", 2),
        Notice("1", "error", "new", 3),
    )

    state = do(a_session(), ops.AddNotice(one), ops.AddNotice(two), ops.AddNotice(new))
    assert state.notices == (new, two)
    assert do(state, ops.DropNotice("1")).notices == (two,)
    assert unchanged(state, ops.DropNotice("gone"))


def test_paths_change_and_pages_leave_no_trace() -> None:
    state, effects = did(
        a_session(), ops.SetPath(NotebookPath("b/c.ipynb")), ops.ShowPage(R1, {"text/plain": "help"})
    )

    assert state.path == "b/c.ipynb"
    assert effects == ()


# ---- after a restart of the server (OP5)


def test_op5_nothing_is_done_again_for_a_session_at_rest() -> None:
    assert effects_after_restart(a_session("a", kernel=IDLE)) == ()


def test_op5_a_start_and_its_runs_are_asked_for_again() -> None:
    starting = KernelState(K2, "ir", status="starting", replaces=K1)
    state = do(
        a_session("a", "b"), ops.SetKernel(starting), ops.QueueRuns((a_run("r1", "a"), a_run("r2", "b")))
    )
    state = do(state, ops.ReorderRuns((R2,)))

    assert effects_after_restart(state) == (
        fx.ShutdownKernel(K1, now=False),
        fx.StartKernel(K2, "ir"),
        fx.SubmitRuns(K2, (a_run("r2", "b"), a_run("r1", "a"))),
        fx.ReorderRuns(K2, (R2, R1)),
    )


def test_op5_a_restart_is_asked_for_again_with_its_lineage() -> None:
    state = a_session(kernel=replace(IDLE, status="restarting", lineage=3))

    assert effects_after_restart(state) == (fx.RestartKernel(K1, 3),)


def test_op5_cancelled_runs_and_those_of_deleted_cells_are_cancelled_again() -> None:
    state = do(running("a", "b", "c"), ops.QueueRuns((a_run("r2", "b"), a_run("r3", "c"))))
    state = do(
        state, ops.MarkRun(R3, cancelled=True), ops.DeleteCells((B,)), ops.MarkSaved(Revision("r"), 9, 1)
    )

    assert effects_after_restart(state) == (fx.CancelRuns(K1, (R2, R3)),)


def test_op5_what_is_not_in_the_file_is_saved() -> None:
    assert effects_after_restart(do(a_session("a"), ops.DeleteCells((A,)))) == (fx.ScheduleSave(),)


def test_op5_a_session_without_a_kernel_ends_the_one_it_left() -> None:
    state = do(a_session("a"), ops.SetKernel(KernelState(replaces=K1)))

    assert effects_after_restart(state) == (fx.ShutdownKernel(K1, now=False),)

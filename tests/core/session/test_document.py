"""Cells, their order and sources, and the bin."""

from carnet.core.notebook.model import Cell, DisplayData
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.state import BIN_LIMIT, CHANGES_LIMIT, CellState, SessionState
from carnet.ids import CellId
from tests.core.session.sessions import A, B, C, a_cell, a_session, did, do, outputs, unchanged

GONE = CellId("gone")


def order(state: SessionState) -> str:
    return "".join(state.order)


def test_op3_a_changed_document_is_saved_soon_and_says_when_it_changed() -> None:
    state, effects = did(a_session("a"), ops.InsertCells(A, (a_cell("b"),)))

    assert (state.seq, state.changed_seq) == (1, 1)
    assert effects == (fx.ScheduleSave(),)


def test_se1_cells_are_inserted_behind_one_at_the_top_or_at_the_end() -> None:
    state = a_session("a", "b")

    assert order(do(state, ops.InsertCells(A, (a_cell("x"), a_cell("y"))))) == "axyb"
    assert order(do(state, ops.InsertCells(None, (a_cell("x"), a_cell("y"))))) == "xyab"
    assert order(do(state, ops.InsertCells(GONE, (a_cell("x"), a_cell("y"))))) == "abxy"


def test_se1_a_cell_whose_id_exists_is_left_out() -> None:
    state = do(
        a_session("a", "b"), ops.InsertCells(None, (a_cell("b", "other"), a_cell("x", "1"), a_cell("x", "2")))
    )

    assert order(state) == "xab"
    assert state.cells[B].cell.source == "b"
    assert state.cells[CellId("x")].cell.source == "1"
    assert unchanged(state, ops.InsertCells(None, (a_cell("a"),)))


def test_se1_a_cell_keeps_only_what_its_kind_has() -> None:
    given = {"outputs": (DisplayData(),), "execution_count": 3, "attachments": {"f": {}}}
    code = Cell(A, "code", **given)  # type: ignore[arg-type]  # a dict has one value type
    raw = Cell(B, "raw", **given)  # type: ignore[arg-type]  # the same

    state = do(a_session(), ops.InsertCells(None, (code, raw)))

    assert state.cells[A].cell == Cell(A, "code", outputs=(DisplayData(),), execution_count=3)
    assert state.cells[B].cell == Cell(B, "raw", attachments={"f": {}})


def test_se1_a_cell_that_comes_again_starts_above_the_version_it_had() -> None:
    state = do(a_session("a"), ops.ChangeSource(A, 1, [[1, "x"]]), ops.DeleteCells((A,)))

    state = do(state, ops.InsertCells(None, (a_cell("a", "new"),)))

    assert state.cells[A] == CellState(a_cell("a", "new"), version=2)


def test_se1_cells_move_in_the_given_order() -> None:
    state = a_session("a", "b", "c", "d")

    assert order(do(state, ops.MoveCells((C, A), None))) == "cabd"
    assert order(do(state, ops.MoveCells((C, A, GONE, C), CellId("d")))) == "bdca"
    assert unchanged(state, ops.MoveCells((B,), A))


def test_se1_nothing_moves_behind_a_cell_that_is_gone_or_moves_itself() -> None:
    state = a_session("a", "b", "c")

    assert unchanged(state, ops.MoveCells((C,), GONE))
    assert unchanged(state, ops.MoveCells((C, A), A))
    assert unchanged(state, ops.MoveCells((GONE,), None))


def test_se2_a_source_change_makes_the_next_version_and_is_kept() -> None:
    state = do(a_session("a"), ops.ChangeSource(A, 1, [1, [0, "bc"]]))

    assert state.cells[A] == CellState(a_cell("a", "abc"), version=1)
    assert state.changes == {A: ([1, [0, "bc"]],)}


def test_se2_only_the_newest_changes_are_kept() -> None:
    state = a_session("a")
    for version in range(1, CHANGES_LIMIT + 3):
        state = do(state, ops.ChangeSource(A, version, [version, [0, "x"]]))

    assert len(state.changes[A]) == CHANGES_LIMIT
    assert state.changes[A][0] == [3, [0, "x"]]


def test_op2_a_change_of_a_cell_that_is_gone_or_of_another_version_does_nothing() -> None:
    state = a_session("a")

    assert unchanged(state, ops.ChangeSource(GONE, 1, [[0, "x"]]))
    assert unchanged(state, ops.ChangeSource(A, 3, [1, [0, "x"]]))


def test_se2_another_kind_drops_what_does_not_fit() -> None:
    cell = Cell(A, "code", "s", outputs=(DisplayData(display_id="d"),), execution_count=3)
    state = a_session(cell)
    assert state.displays == {"d": (A,)}

    state = do(state, ops.SetKind(A, "markdown"))
    assert state.cells[A] == CellState(Cell(A, "markdown", "s"))
    assert state.displays == {}

    state = do(state, ops.SetAttachments(A, {"f": {}}), ops.SetKind(A, "raw"))
    assert state.cells[A].cell.attachments == {"f": {}}

    state = do(state, ops.SetKind(A, "code"))
    assert state.cells[A] == CellState(Cell(A, "code", "s"))
    assert unchanged(state, ops.SetKind(A, "code"), ops.SetKind(GONE, "raw"))


def test_metadata_is_set_and_removed_key_by_key() -> None:
    state = a_session(a_cell("a", metadata={"x": 1, "y": 2}))

    state = do(state, ops.SetCellMetadata(A, {"z": 3}, ("x", "none")), ops.SetMetadata({"title": "T"}))
    assert state.cells[A].cell.metadata == {"y": 2, "z": 3}
    assert state.metadata == {"title": "T"}

    assert unchanged(state, ops.SetCellMetadata(A, {"z": 3}), ops.SetCellMetadata(GONE, {"z": 4}))
    assert unchanged(state, ops.SetMetadata({"title": "T"}, ("none",)))
    assert do(state, ops.SetMetadata({}, ("title",))).metadata == {}


def test_attachments_belong_to_cells_that_are_not_code() -> None:
    state = a_session(a_cell("a", kind="raw"), "b")

    state = do(state, ops.SetAttachments(A, {"f": {}}))
    assert state.cells[A].cell.attachments == {"f": {}}
    assert unchanged(
        state,
        ops.SetAttachments(A, {"f": {}}),
        ops.SetAttachments(B, {"f": {}}),
        ops.SetAttachments(GONE, None),
    )


def test_unknown_fields_of_cells_and_notebook_can_come_from_outside() -> None:
    state, effects = did(a_session("a"), ops.SetExtra(A, {"x": 1}), ops.SetExtra(None, {"y": 2}))

    assert state.cells[A].cell.extra == {"x": 1}
    assert state.extra == {"y": 2}
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(state, ops.SetExtra(A, {"x": 1}), ops.SetExtra(GONE, {}), ops.SetExtra(None, {"y": 2}))


def test_se9_deleted_cells_come_back_behind_the_one_they_stood_behind() -> None:
    state = do(a_session("a", "b", "c"), ops.DeleteCells((B, GONE)))
    assert order(state) == "ac"
    assert B not in state.cells

    state = do(state, ops.MoveCells((C,), None), ops.RestoreCells((B, GONE)))
    assert order(state) == "cab"
    assert state.bin == ()
    assert unchanged(state, ops.DeleteCells((GONE,)), ops.RestoreCells((B,)))


def test_se9_where_that_one_is_in_the_bin_too_the_one_before_it_counts() -> None:
    state = do(a_session("a", "b", "c", "d"), ops.DeleteCells((C, B)))

    assert order(do(state, ops.RestoreCells((C,)))) == "acd"
    assert order(do(state, ops.RestoreCells((C, B)))) == "abcd"
    assert order(do(state, ops.RestoreCells((B, C)))) == "abcd"


def test_se9_first_cells_come_back_at_the_top_and_lost_places_at_the_end() -> None:
    assert order(do(a_session("a", "b"), ops.DeleteCells((A,)), ops.RestoreCells((A,)))) == "ab"

    many = [f"n{number}" for number in range(BIN_LIMIT - 1)]
    state = do(
        a_session("a", "b", *many, "z"), ops.DeleteCells((A, B)), ops.DeleteCells(tuple(map(CellId, many)))
    )
    assert len(state.bin) == BIN_LIMIT
    assert unchanged(state, ops.RestoreCells((A,)))
    assert order(do(state, ops.RestoreCells((B,)))) == "zb"


def test_se9_two_cells_that_name_each_other_do_not_hang_the_restore() -> None:
    # a stood behind b, and later b behind a.
    state = do(a_session("b", "a"), ops.DeleteCells((A,)), ops.InsertCells(None, (a_cell("a"),)))
    state = do(state, ops.MoveCells((A,), None), ops.DeleteCells((B,)), ops.DeleteCells((A,)))

    assert order(do(state, ops.RestoreCells((B,)))) == "b"


def test_se9_a_restored_cell_has_its_outputs_and_displays_again() -> None:
    cell = Cell(A, "code", outputs=(DisplayData(display_id="d"),))
    state = do(a_session(cell), ops.ClearOutput(A, wait=True), ops.DeleteCells((A,)))
    assert state.displays == {}
    assert unchanged(state, ops.UpdateDisplay("d", {"text/plain": "late"}, {}))

    state = do(state, ops.RestoreCells((A,)))
    assert outputs(state) == (DisplayData(display_id="d"),)
    assert state.displays == {"d": (A,)}
    assert not state.cells[A].clear_pending


def test_se9_the_newer_of_two_in_the_bin_comes_back() -> None:
    state = do(a_session("a"), ops.DeleteCells((A,)), ops.InsertCells(None, (a_cell("a", "new"),)))
    assert unchanged(state, ops.RestoreCells((A,)))

    state = do(state, ops.DeleteCells((A,)), ops.RestoreCells((A,)))
    assert state.cells[A].cell.source == "new"
    assert [binned.state.cell.source for binned in state.bin] == ["a"]


def test_in5_a_change_under_way_still_fits_a_cell_that_was_deleted_and_restored() -> None:
    state = do(a_session("a"), ops.ChangeSource(A, 1, [1, [0, "b"]]), ops.DeleteCells((A,)))
    assert do(state, ops.RestoreCells((A,))).changes == {A: ([1, [0, "b"]],)}

    # Another cell of that id does not know them, nor does a session whose bin forgot the cell.
    assert do(state, ops.InsertCells(None, (a_cell("a"),))).changes == {}
    many = tuple(CellId(f"n{number}") for number in range(BIN_LIMIT))
    full = do(state, ops.InsertCells(None, tuple(map(a_cell, many))), ops.DeleteCells(many))
    assert full.changes == {}
    kept = do(
        state, ops.RestoreCells((A,)), ops.InsertCells(None, tuple(map(a_cell, many))), ops.DeleteCells(many)
    )
    assert kept.changes == {A: ([1, [0, "b"]],)}

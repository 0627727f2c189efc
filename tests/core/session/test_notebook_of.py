"""The file's content, the page's view, and a session from a file."""

from carnet.core.notebook.model import Cell, DisplayData, ErrorOutput, ExecuteResult, Notebook, Stream
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import new_session, notebook_of, view_of
from carnet.core.session.state import CellState, KernelState, Saved, SessionState
from carnet.ids import JournalId, NotebookPath, Revision
from tests.core.session.sessions import IDLE, A, B, C, a_cell, a_session, do

BOOK = Notebook((a_cell("a", "1"), a_cell("b", "# b", kind="markdown")), {"title": "T"}, 4, 5, {"odd": 1})


def test_se13_a_notebook_that_was_opened_is_written_as_it_was() -> None:
    state = new_session(JournalId("j"), NotebookPath("n.ipynb"), BOOK, Revision("r"), at_ms=5)

    assert notebook_of(state) == BOOK
    assert state == SessionState(
        journal_id=JournalId("j"),
        path=NotebookPath("n.ipynb"),
        order=(A, B),
        cells={A: CellState(BOOK.cells[0]), B: CellState(BOOK.cells[1])},
        metadata={"title": "T"},
        extra={"odd": 1},
        saved=Saved(Revision("r"), 0, 5),
    )


def test_a_new_session_can_go_on_with_a_kernel() -> None:
    state = new_session(JournalId("j"), NotebookPath("n"), BOOK, None, at_ms=5, kernel=IDLE)
    assert state.kernel == IDLE
    assert new_session(JournalId("j"), NotebookPath("n"), BOOK, None, at_ms=5).kernel == KernelState()


def test_se13_what_lives_only_with_the_kernel_is_not_written() -> None:
    outputs = (
        Stream("stdout", "50%", column=0),
        Stream("stdout", "x"),
        DisplayData({"text/plain": "d"}, display_id="d"),
        ExecuteResult({"text/plain": "d"}, execution_count=1, display_id="d"),
        ErrorOutput("E"),
    )
    state = a_session(Cell(A, "code", outputs=outputs))

    assert notebook_of(state).cells[0].outputs == (
        Stream("stdout", "50%"),
        Stream("stdout", "x"),
        DisplayData({"text/plain": "d"}),
        ExecuteResult({"text/plain": "d"}, execution_count=1),
        ErrorOutput("E"),
    )


def test_se13_cells_without_such_outputs_are_the_same_objects() -> None:
    state = a_session(Cell(A, "code", outputs=(ErrorOutput("E"), DisplayData())))

    assert notebook_of(state).cells[0] is state.cells[A].cell


def test_lk6_a_view_has_the_first_cells_of_the_order() -> None:
    state = do(a_session("a", "b", "c", kernel=IDLE), ops.MoveCells((C,), None))

    view = view_of(state, 2)
    assert view.order == (C, A, B)
    assert list(view.cells) == [C, A]
    assert list(view_of(state).cells) == [C, A, B]
    for field in view.__struct_fields__:
        if field != "cells":
            assert getattr(view, field) == getattr(state, field)

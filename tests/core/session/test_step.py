"""The small helpers of `apply`."""

from carnet.core.session.state import CellState
from carnet.core.session.step import Step, with_cells, without
from tests.core.session.sessions import A, B, a_cell, a_session


def test_with_cells_leaves_the_others() -> None:
    state = a_session("a", "b")
    new = CellState(a_cell("b", "new"))

    assert with_cells(state, {B: new}).cells == {A: state.cells[A], B: new}


def test_without_gives_the_same_mapping_when_there_is_nothing_to_take() -> None:
    mapping = {"a": 1, "b": 2}

    assert without(mapping, "a", "c") == {"b": 2}
    assert without(mapping, "c") is mapping


def test_a_step_changes_nothing_and_asks_for_nothing_unless_it_says_so() -> None:
    state = a_session()
    assert Step(state) == (state, False, ())

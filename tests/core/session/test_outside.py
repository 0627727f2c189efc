"""A file that changed outside."""

from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from carnet.core.notebook.model import Cell, DisplayData, Notebook, Stream
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.operations import Operation
from carnet.core.session.outside import CONFLICT, PORTION, in_portions, outside_change
from carnet.core.session.state import Notice, SessionState
from carnet.ids import CellId
from tests.core.session.sessions import A, B, C, Client, a_cell, a_session, do, numbered

NEW = CellId("new")


def changed(
    state: SessionState, base: Notebook, theirs: Notebook
) -> tuple[SessionState, tuple[Operation, ...]]:
    made = outside_change(state, base, theirs, new_ids=iter(numbered("x"), CellId("")), at_ms=7)
    return do(state, *made), made


def test_ou1_an_untouched_notebook_becomes_what_the_file_is() -> None:
    base = Notebook(
        (a_cell("a", "1"), a_cell("b", "2"), a_cell("c", "3"), a_cell("d", "4")),
        {"x": 1, "y": {"z": 1}},
        extra={"o": 1},
    )
    state = replace(a_session(*base.cells), metadata=base.metadata, extra=base.extra)
    theirs = Notebook(
        (
            replace(a_cell("d", "4 changed"), extra={"odd": 1}),
            replace(a_cell("a", "1"), outputs=(Stream("stdout", "o"),), execution_count=3),
            a_cell("new", "n"),
            a_cell("new2", "n2"),
            Cell(C, "markdown", "3", {"tags": ["t"]}, attachments={"f.png": {"image/png": "eA=="}}),
        ),
        {"y": {"z": 2}, "w": 1},
        extra={"o": 2},
    )

    state, made = changed(state, base, theirs)
    assert notebook_of(state) == theirs
    assert [binned.state.cell.id for binned in state.bin] == [B]
    kinds = [type(operation) for operation in made]
    assert kinds.count(ops.InsertCells) == 1
    assert state.notices == ()
    assert changed(state, theirs, theirs)[1] == ()


def test_ou1_changes_in_different_places_are_all_kept() -> None:
    base = Notebook((a_cell("a", "one\ntwo\nthree"), a_cell("b", "b")))
    tab = Client(a_session(*base.cells))
    tab.edit(intents.ChangeSourceFrom(A, 0, [0, [0, "ours ", ""], 13]))
    tab.edit(intents.ChangeSourceFrom(B, 0, [1, [0, " ours"]]))
    theirs = Notebook((a_cell("new", "n"), a_cell("a", "one\ntwo\nthree theirs"), a_cell("b", "b")))

    state, _ = changed(tab.state, base, theirs)
    assert [cell.source for cell in notebook_of(state).cells] == [
        "n",
        "ours \none\ntwo\nthree theirs",
        "b ours",
    ]


def test_ou2_a_pending_change_is_mapped_over_a_merge() -> None:
    base = Notebook((a_cell("a", "one\ntwo"),))
    tab = Client(a_session(*base.cells))
    tab.state, _ = changed(tab.state, base, Notebook((a_cell("a", "zero\none\ntwo"),)))

    tab.edit(intents.ChangeSourceFrom(A, 0, [7, [0, "!"]]))
    assert tab.state.cells[A].cell.source == "zero\none\ntwo!"


def test_ou4_the_same_lines_on_both_sides_stay_both_and_it_is_said() -> None:
    base = Notebook((a_cell("a", "base"), a_cell("b", "base b")))
    tab = Client(a_session(*base.cells))
    tab.edit(intents.ChangeSourceFrom(A, 0, [[4, "ours"]]))
    theirs = Notebook((a_cell("a", "theirs"), a_cell("b", "base b")))

    state, _ = changed(tab.state, base, theirs)
    assert [(cell.id, cell.source) for cell in notebook_of(state).cells] == [
        ("a", "ours"),
        ("x1", "theirs"),
        ("b", "base b"),
    ]
    text = (
        "The file changed outside. One cell was changed there and here in the same lines: "
        "the other version stands below each, choose what to keep."
    )
    assert state.notices == (Notice(CONFLICT, "warning", text, 7),)


def test_ou4_several_conflicts_are_counted() -> None:
    base = Notebook((a_cell("a", "base"), a_cell("b", "base b")))
    tab = Client(a_session(*base.cells))
    tab.edit(intents.ChangeSourceFrom(A, 0, [[4, "ours"]]), intents.ChangeSourceFrom(B, 0, [[6, "ours"]]))

    state, _ = changed(tab.state, base, Notebook((a_cell("a", "theirs"), a_cell("b", "their b"))))
    assert "2 cells were changed" in state.notices[0].text


def test_ou2_cells_they_deleted_can_be_restored() -> None:
    base = Notebook((a_cell("a"), a_cell("b"), a_cell("c")))
    state, made = changed(a_session(*base.cells), base, Notebook((a_cell("b"),)))
    assert made == (ops.DeleteCells((A, C)),)

    assert do(state, ops.RestoreCells((A, C))).order == (A, B, C)


def test_ou3_metadata_is_set_and_removed_key_by_key() -> None:
    base = Notebook((a_cell("a", metadata={"x": 1, "y": 1}),), {"p": 1, "q": 1})
    state = do(
        replace(a_session(*base.cells), metadata=base.metadata),
        ops.SetCellMetadata(A, {"ours": 1}),
        ops.SetMetadata({"ours": 1}),
    )

    state, made = changed(state, base, Notebook((a_cell("a", metadata={"x": 2}),), {"p": 2}))
    assert made == (ops.SetCellMetadata(A, {"x": 2}, ("y",)), ops.SetMetadata({"p": 2}, ("q",)))
    assert state.cells[A].cell.metadata == {"x": 2, "ours": 1}
    assert state.metadata == {"p": 2, "ours": 1}


def test_ou1_what_lives_with_the_kernel_is_no_difference() -> None:
    shown = DisplayData({"text/plain": "d"}, display_id="d")
    state = do(a_session("a"), ops.AddOutput(A, shown), ops.AppendStream(A, "stdout", "50%\r"))
    book = notebook_of(state)

    assert changed(state, book, book)[1] == ()
    moved = Notebook((a_cell("new", "n"), *book.cells))
    assert changed(state, book, moved)[1] == (ops.InsertCells(None, (a_cell("new", "n"),)),)


LONG = "x" * (PORTION // 3)
STATES = st.lists(
    st.tuples(
        st.sampled_from("abcdefghij"), st.sampled_from(("1", "2", LONG)), st.sampled_from(("", "o", LONG))
    ),
    max_size=8,
    unique_by=lambda cell: cell[0],
).map(
    lambda found: Notebook(
        tuple(
            replace(a_cell(name, source), outputs=(Stream("stdout", output),) if output else ())
            for name, source, output in found
        )
    )
)


@given(STATES, STATES, STATES, st.sampled_from((1, 1000, PORTION)))
def test_ou5_portions_do_what_the_whole_does(
    base: Notebook, ours: Notebook, theirs: Notebook, cells: int
) -> None:
    state = a_session(*ours.cells)
    made = outside_change(state, base, theirs, new_ids=iter(numbered("x"), CellId("")), at_ms=7, trusted=True)
    portions = in_portions(made, cells=cells)
    assert portions
    assert all(portions) or not made
    assert do(state, *(operation for portion in portions for operation in portion)) == do(state, *made)


@given(STATES, STATES, STATES, st.integers(0, 30))
@example(
    Notebook((a_cell("a", LONG), a_cell("b", LONG))),
    Notebook((a_cell("b", LONG),)),
    Notebook((a_cell("c", "1"), a_cell("d", LONG))),
    1,
)
def test_ou5_what_is_in_already_is_the_same_when_it_is_merged_again(
    base: Notebook, ours: Notebook, theirs: Notebook, done: int
) -> None:
    """After a crash between two portions: nothing is lost, nothing is there twice but what both had changed."""
    state = a_session(*ours.cells)
    made = outside_change(state, base, theirs, new_ids=iter(numbered("x"), CellId("")), at_ms=7)
    portions = in_portions(made, cells=PORTION)
    half = do(state, *(operation for portion in portions[:done] for operation in portion))
    again = outside_change(half, base, theirs, new_ids=iter(numbered("y"), CellId("")), at_ms=7)
    in_one = do(state, *made)
    in_two = do(half, *again)
    wanted = {cell.cell.source for cell in in_one.cells.values()}
    assert {cell.cell.source for cell in in_two.cells.values()} == wanted
    if not in_one.notices:
        assert set(in_two.order) == set(in_one.order)


def test_ou5_a_portion_is_small_whatever_came() -> None:
    base = Notebook(tuple(a_cell(f"c{n}", "1") for n in range(600)))
    state = a_session(*base.cells)
    texts = tuple(replace(cell, outputs=(Stream("stdout", "o" * 2000),)) for cell in base.cells)
    new = tuple(a_cell(f"n{n}", "2" * 2000) for n in range(600))
    made = outside_change(
        state, base, Notebook((*texts, *new)), new_ids=iter(numbered("x"), CellId("")), at_ms=7
    )
    portions = in_portions(made, cells=600)
    assert max(map(len, portions)) <= PORTION // 2600
    assert len(portions) >= 1200 * 2000 // PORTION


def test_ou5_neighbours_that_move_together_are_one_operation() -> None:
    base = Notebook(tuple(a_cell(f"c{n}", str(n)) for n in range(10)))
    state = a_session(*base.cells)
    theirs = replace(base, cells=base.cells[::-1])
    state, made = changed(state, base, theirs)
    assert notebook_of(state) == theirs
    assert [type(operation) for operation in made] == [ops.MoveCells]

"""Rules NB13 and NB14 (docs/specs/notebook.md): a file that changed outside is merged, and nothing is lost."""

from collections.abc import Iterator, Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from carnet.core.notebook.diff import (
    ChangeSource,
    DeleteCell,
    Edit,
    InsertCell,
    MoveCell,
    ReplaceOutputs,
    SetKind,
    SetMetadata,
    apply_edits,
    merge,
    merge_metadata,
)
from carnet.core.notebook.model import (
    Cell,
    CellKind,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Json,
    JsonObject,
    Output,
    Stream,
)
from carnet.core.text.changes import ChangeSet
from carnet.ids import CellId


def new_ids() -> Iterator[CellId]:
    return (CellId(f"new{n}") for n in count())


def cells(*sources: str) -> tuple[Cell, ...]:
    """Code cells whose id is the first letter of their source."""
    return tuple(Cell(CellId(source[0]), "code", source) for source in sources)


def merged(base: Sequence[Cell], ours: Sequence[Cell], theirs: Sequence[Cell]) -> tuple[Cell, ...]:
    return apply_edits(ours, merge(base, ours, theirs, new_ids=new_ids()))


def edits(base: Sequence[Cell], ours: Sequence[Cell], theirs: Sequence[Cell]) -> tuple[Edit, ...]:
    return merge(base, ours, theirs, new_ids=new_ids())


def sources(merged_cells: Sequence[Cell]) -> list[str]:
    return [cell.source for cell in merged_cells]


A, B, C = CellId("a"), CellId("b"), CellId("c")
BASE = cells("a = 1", "b = 2", "c = 3")


def test_nb13_each_kind_of_edit() -> None:
    stream = Stream("stdout", "4\n")
    theirs = (
        replace(BASE[2], outputs=(stream,), execution_count=2),
        replace(BASE[0], kind="markdown", source="a = 10", metadata={"tags": ["x"]}),
        Cell(CellId("d"), "code", "d = 4"),
    )

    found = edits(BASE, BASE, theirs)

    assert found == (
        DeleteCell(B),
        ReplaceOutputs(C, (stream,), 2),
        SetKind(A, "markdown"),
        ChangeSource(A, ChangeSet.from_json([5, [0, "0"]])),
        SetMetadata(A, {"tags": ["x"]}, None, {}),
        MoveCell(C, None),
        InsertCell(theirs[2], A),
    )
    assert apply_edits(BASE, found) == theirs


def test_nb13_a_move_to_the_top() -> None:
    theirs = (Cell(CellId("d"), "raw", "d"), BASE[2], BASE[0], BASE[1])

    assert edits(BASE, BASE, theirs) == (InsertCell(theirs[0], None), MoveCell(C, CellId("d")))
    assert apply_edits(BASE, (MoveCell(C, None),)) == (BASE[2], BASE[0], BASE[1])


def test_nb13_only_they_moved_then_their_order() -> None:
    ours = (*BASE[:1], *cells("x = ours"), *BASE[1:])
    theirs = (BASE[2], BASE[0], BASE[1])

    assert sources(merged(BASE, ours, theirs)) == ["c = 3", "a = 1", "x = ours", "b = 2"]


def test_nb13_we_moved_then_our_order() -> None:
    ours = (BASE[2], BASE[0], BASE[1])
    theirs = (BASE[1], BASE[0], *cells("x = theirs"), BASE[2])

    assert sources(merged(BASE, ours, theirs)) == ["c = 3", "a = 1", "x = theirs", "b = 2"]


def test_nb13_both_append_ours_first() -> None:
    ours, theirs = (*BASE, *cells("x = ours")), (*BASE, *cells("y = theirs"))

    assert sources(merged(BASE, ours, theirs)) == ["a = 1", "b = 2", "c = 3", "x = ours", "y = theirs"]


def test_nb13_deletion_gives_way_to_writing() -> None:
    wrote = replace(BASE[1], source="b = 2\nmore")
    deleted = (BASE[0], BASE[2])

    assert merged(BASE, (BASE[0], wrote, BASE[2]), deleted) == (BASE[0], wrote, BASE[2])
    assert merged(BASE, deleted, (BASE[0], wrote, BASE[2])) == (BASE[0], wrote, BASE[2])
    assert merged(BASE, deleted, BASE) == deleted


def test_nb13_what_is_in_already_does_not_change_which_cells_are_the_same() -> None:
    base = (Cell(A, "code", "x"), Cell(B, "code", "x"))
    theirs = (Cell(C, "code", "1"), Cell(CellId("d"), "code", "x"))
    first, *rest = edits(base, base[1:], theirs)

    assert (first, rest) == (InsertCell(theirs[0], None), [])
    assert edits(base, apply_edits(base[1:], [first]), theirs) == ()


def test_nb13_a_new_cell_that_both_have_is_not_taken_for_one_of_base() -> None:
    base, both = (Cell(A, "code", "x = 1"),), (Cell(C, "code", "x = 2"),)

    assert edits(base, both, both) == ()


def test_nb13_running_is_not_writing() -> None:
    ran = replace(BASE[1], outputs=(Stream("stdout", "x"),), execution_count=1)

    assert merged(BASE, (BASE[0], ran, BASE[2]), (BASE[0], BASE[2])) == (BASE[0], BASE[2])


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        ("1\n2\n3", "1x\n2\n3", "1\n2\n3y", "1x\n2\n3y"),
        ("1\n2", "1x\n2", "1\n2y", "1x\n2y"),  # neighbours
        ("1\n2", "1\nnew\n2", "1\n2y", "1\nnew\n2y"),
        ("1\n2", "1\n2y", "1\nnew\n2", "1\nnew\n2y"),
        ("1\n2", "1\nnew\n2", "1y\n2", "1y\nnew\n2"),
        ("1\n2\n3", "x\n2\n3", "x\n2\ny", "x\n2\ny"),  # both did the same, and they more
        ("1\n2\n3", "x\n2\n3", "x\n2\n3", "x\n2\n3"),
        ("1\n2", "2", "1", ""),  # each deleted one line
    ],
)
def test_nb14_lines_of_both_sides_are_merged(base: str, ours: str, theirs: str, expected: str) -> None:
    one, two, three = (Cell(A, "code", source) for source in (base, ours, theirs))

    assert merged([one], [two], [three]) == (Cell(A, "code", expected),)


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("1\n2\n3", "1\nx\n3", "1\ny\n3"),
        ("1\n2", "1\n2\nx", "1\n2\ny"),  # both insert at one place
        ("1\n2\n3\n4", "x", "1\n2\ny\n3\n4"),  # they insert into what we replaced
        ("1\n2\n3\n4", "1\n2\ny\n3\n4", "x"),
    ],
)
def test_nb14_a_conflict_keeps_both(base: str, ours: str, theirs: str) -> None:
    one, two, three = (Cell(A, "code", source) for source in (base, ours, theirs))
    after = Cell(B, "code", "after")

    conflict = Cell(CellId("new0"), "code", theirs, metadata={"carnet": {"conflict_of": "a"}})
    assert merged([one, after], [two, after], [three, after]) == (two, conflict, after)


def test_nb14_a_conflict_cell_gets_an_unused_id_and_keeps_our_mark() -> None:
    one, two = Cell(A, "code", "1"), Cell(A, "code", "2")
    three = Cell(A, "code", "3", metadata={"carnet": {"folded": True}, "k": 1})
    new0 = Cell(CellId("new0"), "code", "")

    _, conflict, *_ = merged([one, new0], [two, new0], [three, new0])

    assert conflict.id == "new1"
    assert conflict.metadata == {"carnet": {"folded": True, "conflict_of": "a"}, "k": 1}


def test_nb14_both_made_a_cell_of_one_id() -> None:
    ours, theirs = Cell(A, "code", "1", metadata={"x": 1}), Cell(A, "code", "2", outputs=(ErrorOutput("E"),))

    assert merged([], [ours], [theirs]) == (
        replace(ours, outputs=theirs.outputs),
        replace(theirs, id=CellId("new0"), metadata={"carnet": {"conflict_of": "a"}}),
    )


def test_nb14_kinds() -> None:
    def kinds(base: CellKind, ours: CellKind, theirs: CellKind) -> CellKind:
        (cell,) = merged([Cell(A, base)], [Cell(A, ours)], [Cell(A, theirs)])
        return cell.kind

    assert kinds("code", "code", "raw") == "raw"
    assert kinds("code", "markdown", "raw") == "markdown"
    assert kinds("code", "markdown", "code") == "markdown"
    assert kinds("code", "raw", "raw") == "raw"


SHOWN: tuple[Output, ...] = (
    Stream("stdout", "a", column=0),
    DisplayData({"text/plain": "x"}, display_id="d"),
    ExecuteResult({"text/plain": "x"}, display_id="d"),
    ErrorOutput("E"),
)
FILED: tuple[Output, ...] = (
    Stream("stdout", "a"),
    DisplayData({"text/plain": "x"}),
    ExecuteResult({"text/plain": "x"}),
    ErrorOutput("E"),
)


def test_nb14_outputs_are_compared_as_a_file_holds_them() -> None:
    base, theirs = Cell(A, "code", outputs=SHOWN), Cell(A, "code", outputs=FILED)

    assert edits([base], [base], [theirs]) == ()


def test_nb14_outputs_of_both_sides_ours_stay() -> None:
    base = Cell(A, "code", outputs=FILED)
    ours, theirs = replace(base, execution_count=5), replace(base, outputs=())

    assert edits([base], [base], [theirs]) == (ReplaceOutputs(A, (), None),)
    assert edits([base], [ours], [theirs]) == ()
    assert edits([base], [theirs], [theirs]) == ()


def test_nb14_metadata_is_merged_field_by_field() -> None:
    base: JsonObject = {
        "same": 1,
        "they_set": 1,
        "we_set": 1,
        "both": 1,
        "they_drop": 1,
        "we_drop": 1,
        "in": {"a": 1, "b": 1},
    }
    ours: JsonObject = {
        "same": 1,
        "they_set": 1,
        "we_set": 2,
        "both": 2,
        "they_drop": 1,
        "in": {"a": 2, "b": 1},
        "new": {"o": 1},
    }
    theirs: JsonObject = {
        "same": 1,
        "they_set": 3,
        "we_set": 1,
        "both": 3,
        "we_drop": 1,
        "in": {"a": 1},
        "new": {"t": 1},
    }

    assert merge_metadata(base, ours, theirs) == {
        "same": 1,
        "they_set": 3,
        "we_set": 2,
        "both": 2,
        "in": {"a": 2},
        "new": {"o": 1, "t": 1},
    }
    assert merge_metadata(base, ours, base) is ours
    assert merge_metadata(base, {"x": 1}, {}) == {"x": 1}
    assert merge_metadata({}, {}, {"null": None}) == {"null": None}
    assert merge_metadata({"gone": 1}, {}, {}) == {}


def test_nb14_attachments_and_unknown_fields() -> None:
    base = Cell(A, "markdown", attachments={"a.png": {"image/png": "1"}}, extra={"x": 1})
    theirs = replace(base, attachments=None, extra={"x": 2})
    ours = replace(base, attachments={"a.png": {"image/png": "1"}, "b.png": {}})

    assert merged([base], [base], [theirs]) == (theirs,)
    assert merged([base], [ours], [theirs]) == (replace(ours, attachments={"b.png": {}}, extra={"x": 2}),)
    assert merged([theirs], [theirs], [replace(theirs, attachments={})]) == (replace(theirs, attachments={}),)


def renamed(some: Sequence[Cell]) -> tuple[Cell, ...]:
    return tuple(replace(cell, id=CellId(f"file{n}")) for n, cell in enumerate(some))


def test_nb13_cells_without_common_ids_are_matched_by_their_source() -> None:
    base = cells("a = 1", "b", "import numpy as np\nx = np.zeros(3)", "b", "c")
    moved = (base[4], base[0], base[1], replace(base[2], source="import numpy as np\nx = np.zeros(4)"))

    found = edits(base, base, renamed(moved))

    # The two cells "b" have one id here (their first letter); the edits name only what changed.
    assert (
        apply_edits(
            base[:3] + base[4:],
            merge(base[:3] + base[4:], base[:3] + base[4:], renamed(moved), new_ids=new_ids()),
        )
        == moved
    )
    assert not any(isinstance(edit, InsertCell) for edit in found)


def test_nb13_cells_too_different_are_new() -> None:
    base = cells("alpha beta gamma")
    theirs = renamed((replace(base[0], source="delta epsilon"), replace(base[0], kind="raw")))

    assert edits(base, base, theirs) == (
        DeleteCell(A),
        InsertCell(theirs[0], None),
        InsertCell(theirs[1], theirs[0].id),
    )


def test_nb13_the_most_similar_cell_is_taken() -> None:
    base = cells("a b c d e f")
    theirs = renamed((replace(base[0], source="a b c x y z d"), replace(base[0], source="a b c d e g")))

    assert [type(edit) for edit in edits(base, base, theirs)] == [ChangeSource, InsertCell]
    assert merged(base, base, theirs) == (theirs[0], replace(theirs[1], id=A))


def test_nb13_very_many_new_cells_are_not_compared_word_by_word() -> None:
    base = tuple(Cell(CellId(f"b{n}"), "code", f"x = {n} + 1") for n in range(101))
    theirs = tuple(Cell(CellId(f"t{n}"), "code", f"x = {n} + 2") for n in range(101))

    assert merged(base, base, theirs) == theirs


words = st.sampled_from(["one", "two", "three", "four", "five"])
lines = st.lists(words, max_size=4).map("\n".join)
values: st.SearchStrategy[Json] = st.sampled_from([0, 1, 2, {}, {"k": 0}, {"k": 1}])
metadata = st.dictionaries(st.sampled_from("mn"), values, max_size=2)
bundles: list[JsonObject | None] = [None, {}, {"f": {"t": "1"}}]
outputs = st.lists(st.sampled_from(FILED), max_size=2).map(tuple)


@st.composite
def notebooks(draw: st.DrawFn) -> tuple[Cell, ...]:
    ids = draw(st.lists(st.sampled_from("abcdef"), unique=True, max_size=6))
    return tuple(
        Cell(
            CellId(cell_id),
            draw(st.sampled_from(("code", "markdown"))),
            draw(lines),
            metadata=draw(metadata),
            outputs=draw(outputs),
            attachments=draw(st.sampled_from(bundles)),
            extra=draw(metadata),
        )
        for cell_id in ids
    )


@pytest.mark.slow
@given(notebooks(), notebooks())
def test_nb13_without_our_changes_theirs_results(base: tuple[Cell, ...], theirs: tuple[Cell, ...]) -> None:
    assert tuple(replace(cell, id=A) for cell in merged(base, base, theirs)) == tuple(
        replace(cell, id=A) for cell in theirs
    )


@pytest.mark.slow
@given(notebooks(), notebooks())
def test_nb13_without_their_changes_there_is_nothing_to_do(
    base: tuple[Cell, ...], ours: tuple[Cell, ...]
) -> None:
    assert edits(base, ours, base) == ()


@pytest.mark.slow
@given(notebooks(), notebooks())
def test_nb13_what_both_did_is_done_once(base: tuple[Cell, ...], both: tuple[Cell, ...]) -> None:
    assert edits(base, both, both) == ()


@st.composite
def written(draw: st.DrawFn, base: tuple[Cell, ...], mark: str) -> tuple[Cell, ...]:
    """Base after someone wrote lines that start with `mark`, and deleted and moved cells."""
    some = draw(st.permutations(base)) if draw(st.booleans()) else list(base)
    result: list[Cell] = []
    for number, cell in enumerate(some):
        if draw(st.integers(0, 4)) == 0:
            continue
        written_lines = cell.source.split("\n")
        for at in draw(st.lists(st.integers(0, 4), max_size=2)):
            written_lines[at : at + draw(st.integers(0, 1))] = [f"{mark}{number}.{len(written_lines)}.{at}"]
        result.append(replace(cell, source="\n".join(written_lines)))
        if draw(st.integers(0, 3)) == 0:
            result.append(Cell(CellId(f"{mark}{number}"), "code", f"{mark} new {number}"))
    return tuple(result)


@st.composite
def three_sides(draw: st.DrawFn) -> tuple[tuple[Cell, ...], ...]:
    base = draw(notebooks())
    return base, draw(written(base, "ours")), draw(written(base, "theirs"))


def all_lines(some: Sequence[Cell]) -> set[str]:
    return {line for cell in some for line in cell.source.split("\n")}


@pytest.mark.slow
@given(three_sides())
def test_nb14_no_line_that_either_side_wrote_is_lost(sides: tuple[tuple[Cell, ...], ...]) -> None:
    base, ours, theirs = sides

    result = merged(base, ours, theirs)

    assert (all_lines(ours) | all_lines(theirs)) - all_lines(base) <= all_lines(result)
    assert len({cell.id for cell in result}) == len(result)

"""Rule NB17: docs/specs/notebook.md."""

import msgspec

from carnet.core.notebook.model import Cell, ExecuteResult, Notebook
from carnet.core.notebook.numbers import carried, carried_notebook, finite
from carnet.ids import CellId


def test_nb17_what_has_room_stays_the_same_notebook() -> None:
    cells = (Cell(CellId("a"), "code", "1", metadata={"n": [2**64 - 1, -(2**63), 0.5, True]}),)
    notebook = Notebook(cells, metadata={"n": float("inf")})

    assert carried_notebook(notebook) is notebook


def test_nb17_only_the_cells_that_need_it_are_other_ones() -> None:
    large = ExecuteResult({"application/json": {"n": [2**64]}}, {}, execution_count=2**99)
    cells = (Cell(CellId("a"), "raw", "1"), Cell(CellId("b"), "code", "2", outputs=(large,)))
    notebook = Notebook(cells, metadata={"n": -(2**80)})

    found = carried_notebook(notebook)

    assert msgspec.msgpack.encode(found)
    assert found.metadata == {"n": -(2.0**80)}
    assert found.cells[0] is cells[0]
    assert found.cells[1].outputs == (
        ExecuteResult({"application/json": {"n": [2.0**64]}}, {}, execution_count=None),
    )


def test_nb17_digits_stay_where_no_number_has_room() -> None:
    assert carried([10**400, -(10**400), 10**308]) == [f"{10**400}", f"-{10**400}", 1e308]


def test_finite_is_what_json_has() -> None:
    assert finite({"a": [float("nan"), float("-inf"), 1.5, 10**30]}) == {"a": [None, None, 1.5, 10**30]}

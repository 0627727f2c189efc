"""Whose outputs may run scripts (SE16)."""

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, DisplayData, Notebook, Output
from carnet.core.session import effects as fx
from carnet.core.session import intents
from carnet.core.session import operations as ops
from carnet.core.session.outside import outside_change
from carnet.core.session.state import SessionState
from tests.core.session.sessions import R1, A, B, Client, a_cell, a_run, a_session, did, do, numbered

SCRIPT = DisplayData({"text/html": "<script>1</script>"}, {})
OUTPUTS: tuple[Output, ...] = (SCRIPT,)


def with_output(cell_id: str) -> Cell:
    return replace(a_cell(cell_id, "1"), outputs=OUTPUTS)


def foreign(state: SessionState) -> set[str]:
    return {cell_id for cell_id, cell in state.cells.items() if cell.foreign}


def test_se16_what_came_with_the_file_is_foreign_until_it_goes() -> None:
    state = a_session(with_output("a"), with_output("b"), "c")
    assert foreign(state) == {"a", "b"}

    assert foreign(do(state, ops.ClearOutputs((A,)))) == {"b"}
    assert foreign(do(state, ops.ClearOutput(A, wait=False))) == {"b"}
    assert foreign(do(state, ops.SetKind(A, "markdown"))) == {"b"}
    ran = do(state, ops.QueueRuns((a_run("r1", "a"),)), ops.StartRun(R1, 5))
    assert foreign(ran) == {"a", "b"}, "the old outputs still stand there"
    assert foreign(do(ran, ops.AddOutput(A, SCRIPT))) == {"b"}
    assert foreign(do(ran, ops.FinishRun(R1, "done", 6))) == {"b"}


def test_se16_a_run_that_never_was_makes_nothing_of_the_file_ours() -> None:
    state = do(a_session(with_output("a")), ops.QueueRuns((a_run("r1", "a"),)))

    assert foreign(do(state, ops.DropRuns((R1,), "aborted", 5))) == {"a"}
    assert foreign(do(state, ops.StartRun(R1, 5), ops.FinishRun(R1, "aborted", 6))) == {"a"}
    assert foreign(do(state, ops.StartRun(R1, 5), ops.DropRuns((R1,), "lost", 6))) == {"a"}


def test_se16_what_is_pasted_is_foreign_and_the_bin_keeps_it_so() -> None:
    tab = Client(a_session("a"))
    tab.edit(ops.InsertCells(A, (with_output("b"),)))
    assert foreign(tab.state) == {"b"}

    tab.edit(ops.DeleteCells((B,)))
    tab.edit(ops.RestoreCells((B,)))
    assert foreign(tab.state) == {"b"}


def test_se16_a_person_trusts_all_there_is_in_the_bin_too() -> None:
    tab = Client(a_session(with_output("a"), with_output("b")))
    tab.edit(ops.DeleteCells((B,)))

    tab.send(intents.TrustNotebook())
    assert foreign(tab.state) == set()
    assert list(tab.effects) == [fx.TrustFile()]
    tab.edit(ops.RestoreCells((B,)))
    assert foreign(tab.state) == set()

    tab.send(intents.TrustNotebook())
    assert not tab.effects, "there is nothing to trust"


def test_se16_an_outside_change_is_as_trusted_as_its_file() -> None:
    base = Notebook((a_cell("a", "1"),))
    theirs = Notebook((with_output("a"), with_output("new")))
    for trusted, wanted in ((False, {"a", "new"}), (True, set())):
        state = a_session(*base.cells)
        made = outside_change(
            state, base, theirs, new_ids=iter(numbered("x"), None), at_ms=7, trusted=trusted
        )
        state, effects = did(state, *made)
        assert foreign(state) == wanted
        assert fx.TrustFile() not in effects

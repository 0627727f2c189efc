"""Rule SV10."""

from carnet.core.notebook.model import BlobRef, Cell, Notebook, Spill, Stream
from carnet.core.session.notebook_of import new_session, notebook_of
from carnet.core.session.state import CellState, LastRun, Run, SessionState
from carnet.ids import BatchId, CellId, JournalId, NotebookPath, RunId
from carnet.live.written import written

C1 = CellId("c1")
LONG = Stream(
    "stdout", text="tail\n", head="head\n", spilled=(Spill(BlobRef("0" * 64, 5_000, "text/plain"), 700),)
)


def a_state(stream: Stream, *, ran: bool, running: bool = False, old: bool = False) -> SessionState:
    notebook = Notebook(cells=(Cell(C1, "code", "1", outputs=(stream,)),))
    state = new_session(JournalId("j"), NotebookPath("a.ipynb"), notebook, None, at_ms=0)
    last = LastRun(RunId("r0"), "done", 0, 1, 2) if ran else None
    cell = CellState(state.cells[C1].cell, last=last, old_outputs=old)
    run = Run(RunId("r1"), C1, BatchId("b"), "1", 0, stop_on_error=True, by="ann", queued_ms=0, started_ms=1)
    return SessionState(
        journal_id=state.journal_id,
        path=state.path,
        order=state.order,
        cells={C1: cell},
        runs=(run,) if running else (),
    )


def test_sv10_of_a_very_long_stream_head_and_tail_are_written_and_a_line_says_so() -> None:
    for state in (a_state(LONG, ran=True), a_state(LONG, ran=False, running=True)):
        [output] = written(state, stream_limit_bytes=4_999).cells[0].outputs
        assert output == Stream(
            "stdout",
            text=(
                "head\n[... 700 lines (5000 bytes) are not in this file. Carnet keeps them: "
                "open the notebook there to read or download all of it. ...]\ntail\n"
            ),
        )


def test_sv10_a_head_that_ends_in_mid_line_is_followed_by_a_line_feed() -> None:
    stream = Stream("stdout", text="tail", head="head", spilled=LONG.spilled)
    [output] = written(a_state(stream, ran=True), stream_limit_bytes=0).cells[0].outputs
    assert isinstance(output, Stream)
    assert output.text.startswith("head\n[... 700 lines")


def test_sv10_a_stream_up_to_the_limit_is_written_whole() -> None:
    state = a_state(LONG, ran=True)
    assert written(state, stream_limit_bytes=5_000) == notebook_of(state)


def test_sv10_what_came_with_the_file_is_written_as_it_came() -> None:
    for state in (a_state(LONG, ran=False), a_state(LONG, ran=False, running=True, old=True)):
        assert written(state, stream_limit_bytes=0) == notebook_of(state)

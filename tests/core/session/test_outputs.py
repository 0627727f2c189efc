"""Outputs: append, update, clear, spill."""

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, DisplayData, ErrorOutput, ExecuteResult, Spill, Stream
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.apply import effects_after_restart
from carnet.core.session.outputs import spill_operation
from carnet.core.session.state import STREAM_HEAD, STREAM_LIMIT, STREAM_TAIL, SessionState
from carnet.ids import CellId
from tests.core.session.sessions import (
    BLOB,
    R1,
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

GONE = CellId("gone")


def text(text: str, name: str = "stdout", cell_id: CellId = A) -> ops.AppendStream:
    return ops.AppendStream(cell_id, name, text)


def test_se6_text_goes_on_in_the_last_stream_of_its_name() -> None:
    state = do(a_session("a"), text("one"), text(" two\n"), text("warn", "stderr"), text("three"))

    assert outputs(state) == (
        Stream("stdout", "one two\n"),
        Stream("stderr", "warn"),
        Stream("stdout", "three"),
    )


def test_se6_text_is_written_as_on_a_terminal() -> None:
    state = do(a_session("a"), text("10%"), text("\r"), text("50"))

    assert outputs(state) == (Stream("stdout", "50%", column=2),)


def test_op2_outputs_of_cells_that_cannot_have_them_are_left_out() -> None:
    state = a_session(a_cell("a", kind="markdown"))
    shown = DisplayData(display_id="d")

    assert unchanged(
        state, text("x"), text("x", cell_id=GONE), ops.AddOutput(A, shown), ops.AddOutput(GONE, shown)
    )
    assert unchanged(
        state, ops.ClearOutput(A, wait=False), ops.ClearOutput(GONE, wait=True), ops.ClearOutputs((A, GONE))
    )
    assert unchanged(state, ops.ReplaceOutputs(A, (shown,), 1), ops.ReplaceOutputs(GONE, (shown,), 1))
    assert unchanged(a_session("a"), text(""))


def test_se4_old_outputs_stay_until_the_first_new_one() -> None:
    state = running()
    state = replace(
        state, cells={A: replace(state.cells[A], cell=Cell(A, "code", "a", outputs=(DisplayData(),)))}
    )
    assert outputs(state) == (DisplayData(),)

    for operation, shown in (
        (text("new"), Stream("stdout", "new")),
        (ops.AddOutput(A, ErrorOutput("E")), ErrorOutput("E")),
    ):
        after = do(state, operation)
        assert outputs(after) == (shown,)
        assert not after.cells[A].clear_pending
        assert not after.cells[A].old_outputs


def test_se5_clear_output_removes_at_once_or_when_the_next_comes() -> None:
    state = do(a_session("a"), text("old"))

    at_once, effects = did(state, ops.ClearOutput(A, wait=False))
    assert outputs(at_once) == ()
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(at_once, ops.ClearOutput(A, wait=False))

    waiting, effects = did(state, ops.ClearOutput(A, wait=True))
    assert outputs(waiting) == (Stream("stdout", "old"),)
    assert effects == ()
    assert outputs(do(waiting, text("new"))) == (Stream("stdout", "new"),)
    assert outputs(do(waiting, ops.ClearOutput(A, wait=False), text("1"), text("2"))) == (
        Stream("stdout", "12"),
    )


def test_se5_clear_outputs_removes_counts_too() -> None:
    counted = Cell(A, "code", outputs=(DisplayData(),), execution_count=3)
    state, effects = did(a_session(counted, "b"), ops.ClearOutputs((A, A, B)))

    assert state.cells[A].cell == Cell(A, "code")
    assert effects == (fx.ScheduleSave(),)
    assert unchanged(state, ops.ClearOutputs((A, B)))


def test_outputs_from_outside_replace_all_and_are_of_no_run() -> None:
    state = do(running(), text("x"), ops.FinishRun(R1, "done", 1, 1))

    state = do(state, ops.ReplaceOutputs(A, (Stream("stdout", "file"),), 7))
    assert state.cells[A].cell == Cell(A, "code", "a", outputs=(Stream("stdout", "file"),), execution_count=7)
    assert state.cells[A].last is None


def test_se14_a_display_is_updated_wherever_it_stands() -> None:
    shown = DisplayData({"text/plain": "1"}, display_id="d")
    result = ExecuteResult({"text/plain": "1"}, execution_count=2, display_id="d")
    other = DisplayData({"text/plain": "1"}, display_id="e")
    state = do(
        a_session("a", "b"), ops.AddOutput(A, shown), ops.AddOutput(A, other), ops.AddOutput(B, result)
    )

    state, effects = did(state, ops.UpdateDisplay("d", {"text/plain": "2"}, {"m": 1}, {"image/png": BLOB}))
    new = {"data": {"text/plain": "2"}, "metadata": {"m": 1}, "blobs": {"image/png": BLOB}}
    assert outputs(state) == (replace(shown, **new), other)
    assert outputs(state, B) == (replace(result, **new),)
    assert effects == (fx.ScheduleSave(),)

    assert unchanged(state, ops.UpdateDisplay("d", {"text/plain": "2"}, {"m": 1}, {"image/png": BLOB}))
    assert unchanged(state, ops.UpdateDisplay("gone", {}, {}))


def test_se14_a_display_that_was_cleared_is_not_looked_for() -> None:
    shown = DisplayData(display_id="d")
    state = do(a_session("a", "b"), *(ops.AddOutput(cell_id, shown) for cell_id in (A, A, B)))
    assert state.displays == {"d": (A, B)}

    state = do(state, ops.ClearOutput(A, wait=False))
    assert state.displays == {"d": (B,)}
    assert do(state, ops.ClearOutputs((B,))).displays == {}


# ---- spilling

LINE = "x" * 63 + "\n"


def spilled(
    state: SessionState, effects: tuple[fx.Effect, ...]
) -> tuple[SessionState, tuple[fx.Effect, ...]]:
    """Apply the operation of the spill that stands first in the effects."""
    effect = effects[0]
    assert isinstance(effect, fx.SpillStream)
    operation = spill_operation(state, effect, BLOB)
    assert operation is not None
    return did(state, operation)


def stream(state: SessionState, index: int = 0) -> Stream:
    output = state.cells[A].cell.outputs[index]
    assert isinstance(output, Stream)
    return output


def test_se10_a_long_stream_gives_away_its_middle_in_whole_lines() -> None:
    whole = LINE * (STREAM_LIMIT // 64) + "end"
    state, effects = did(a_session("a"), text(whole))
    head, middle = LINE * (STREAM_HEAD // 64), LINE * ((STREAM_LIMIT - STREAM_TAIL - STREAM_HEAD) // 64)
    assert effects == (fx.SpillStream(A, 0, head, middle), fx.ScheduleSave())

    state, effects = spilled(state, effects)
    assert stream(state) == Stream(
        "stdout", whole[len(head + middle) :], head=head, spilled=(Spill(BLOB, middle.count("\n")),)
    )
    assert effects == ()
    assert state.spilling == {}


def test_se10_a_limit_is_not_yet_too_long() -> None:
    assert did(a_session("a"), text("x" * STREAM_LIMIT))[1] == (fx.ScheduleSave(),)


def test_se10_one_spill_is_on_its_way_at_a_time_and_asks_for_the_next() -> None:
    state, effects = did(a_session("a"), text(LINE * 3_000))
    first = effects
    for _ in range(5):
        state, effects = did(state, text(LINE * 3_000))
        assert effects == (fx.ScheduleSave(),)

    state, effects = spilled(state, first)
    (second,) = effects
    assert isinstance(second, fx.SpillStream)
    assert second.head == stream(state).head

    state, effects = spilled(state, effects)
    assert effects == ()
    kept = stream(state)
    assert [spill.lines for spill in kept.spilled] == [first[0].text.count("\n"), second.text.count("\n")]  # type: ignore[union-attr]  # it is a spill
    assert len(kept.text) <= STREAM_TAIL
    assert kept.head + first[0].text + second.text + kept.text == LINE * 18_000  # type: ignore[union-attr]  # the same


def test_se10_a_line_without_an_end_is_cut() -> None:
    state, effects = did(a_session("a"), text("y" * 200_000))
    effect = effects[0]
    assert effect == fx.SpillStream(A, 0, "y" * STREAM_HEAD, "y" * (200_000 - STREAM_TAIL - STREAM_HEAD))

    state, _ = spilled(state, effects)
    assert stream(state).text == "y" * STREAM_TAIL


def test_se10_nothing_at_or_behind_the_cursor_is_given_away() -> None:
    state, effects = did(a_session("a"), text(LINE * 1_000 + "z" * 100_000 + "\rnew"))
    effect = effects[0]
    assert isinstance(effect, fx.SpillStream)
    assert effect.head + effect.text == LINE * 1_000 + "new"

    state, _ = spilled(state, effects)
    assert stream(state).column == 0
    assert stream(do(state, text("er"))).text.startswith("er" + "z" * 99)

    # The cursor stands before all that could go.
    assert did(a_session("a"), text("z" * 200_000 + "\r"))[1] == (fx.ScheduleSave(),)


def test_se11_a_column_counts_from_what_is_left_of_its_line() -> None:
    state, effects = did(a_session("a"), text("z" * 200_000 + "\b" * 10))
    assert stream(state).column == 199_990

    state, _ = spilled(state, effects)
    assert stream(state).column == STREAM_TAIL - 10
    assert stream(do(state, text("!"))).text == "z" * (STREAM_TAIL - 10) + "!" + "z" * 9


def test_se11_what_was_written_over_meanwhile_is_not_moved_and_asked_for_again() -> None:
    state, first = did(a_session("a"), text("y" * 200_000))
    state = do(state, text("\rchanged\n" + LINE))

    state, effects = spilled(state, first)
    assert stream(state).spilled == ()
    assert stream(state).text.startswith("changed")
    assert isinstance(effects[0], fx.SpillStream)

    state, effects = spilled(state, effects)
    assert stream(state).head == "changed" + "y" * (STREAM_HEAD - 7)
    assert effects == ()


def test_se10_outputs_that_are_gone_end_their_spill() -> None:
    state, effects = did(a_session("a"), text(LINE * 3_000))
    effect = effects[0]
    assert isinstance(effect, fx.SpillStream)

    for operation in (
        ops.ClearOutput(A, wait=False),
        ops.ClearOutputs((A,)),
        ops.DeleteCells((A,)),
        ops.SetKind(A, "raw"),
        ops.ReplaceOutputs(A, (), None),
    ):
        assert spill_operation(do(state, operation), effect, BLOB) is None
    late = ops.SpillStream(A, 0, 3, "", Spill(BLOB, 0))
    assert unchanged(do(state, ops.DeleteCells((A,))), late)
    assert unchanged(do(state, ops.ClearOutputs((A,))), late)
    assert unchanged(do(a_session("a"), ops.AddOutput(A, DisplayData())), late)


def test_se10_another_stream_in_the_same_place_is_not_cut() -> None:
    state, effects = did(a_session("a"), text(LINE * 3_000))
    effect = effects[0]
    assert isinstance(effect, fx.SpillStream)

    state, _ = did(state, ops.ClearOutputs((A,)), text("other\n" * 30_000))
    operation = spill_operation(state, effect, BLOB)
    assert operation is not None
    assert operation.length == 0
    assert stream(do(state, operation)).text == "other\n" * 30_000


def test_se10_two_long_streams_of_a_cell_are_spilled_one_after_the_other() -> None:
    state, effects = did(a_session("a"), text(LINE * 3_000), text(LINE * 3_000, "stderr"))
    assert [effect for effect in effects if isinstance(effect, fx.SpillStream)] == [effects[0]]

    state, effects = spilled(state, effects)
    state, effects = spilled(state, effects)
    assert len(stream(state, 0).spilled) == len(stream(state, 1).spilled) == 1
    assert effects == ()


def test_se10_long_streams_that_come_with_a_cell_are_spilled_too() -> None:
    long = Stream("stdout", LINE * 3_000)
    cell = Cell(A, "code", outputs=(DisplayData(), long))

    inserted = did(a_session(), ops.InsertCells(None, (cell,)))[1]
    assert [type(effect) for effect in inserted] == [fx.SpillStream, fx.ScheduleSave]
    added = did(a_session("a"), ops.AddOutput(A, long))[1]
    assert [type(effect) for effect in added] == [fx.SpillStream, fx.ScheduleSave]
    replaced = did(a_session("a"), ops.ReplaceOutputs(A, (long,), None))[1]
    assert [type(effect) for effect in replaced] == [fx.SpillStream, fx.ScheduleSave]
    opened = effects_after_restart(a_session(cell))
    assert [type(effect) for effect in opened] == [fx.SpillStream]
    restored = did(a_session(cell), ops.DeleteCells((A,)), ops.RestoreCells((A,)))[1]
    assert [type(effect) for effect in restored] == [fx.SpillStream, fx.ScheduleSave]


def test_se10_a_spill_under_way_is_done_again_after_a_restart() -> None:
    state, effects = did(a_session("a"), text(LINE * 3_000))
    assert effects_after_restart(state) == effects

    erased, effects = did(a_session("a"), text("y" * 200_000))
    erased = do(erased, text("\r\x1b[K"))
    (again, _) = effects_after_restart(erased)
    assert again == fx.SpillStream(A, 0, "", "")
    after, effects = spilled(erased, (again,))
    assert (after.spilling, effects) == ({}, ())


def test_a_run_that_prints_after_its_cell_was_restored_finds_it() -> None:
    state = do(running("a", "b"), ops.DeleteCells((A,)), text("lost"), ops.RestoreCells((A,)), text("found"))

    assert outputs(state) == (Stream("stdout", "found"),)
    assert a_run("r1", "a").id == state.runs[0].id

"""What operations do to the outputs of cells: append, update, clear, spill.

A stream longer than `STREAM_LIMIT` gives away its middle: `SpillStream` asks
for a blob of it, and the operation of the same name takes it out of the state.
One spill of a cell is on its way at a time (`SessionState.spilling`), so that
no text is stored twice, whatever the rate.

Rules SE4 to SE6, SE10, SE11, SE14: docs/specs/session.md.
"""

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from carnet.core.notebook.model import (
    BlobRef,
    DisplayData,
    ErrorOutput,
    ExecuteResult,
    Output,
    Spill,
    Stream,
)
from carnet.core.notebook.terminal_text import write
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.state import STREAM_HEAD, STREAM_LIMIT, STREAM_TAIL, CellState, SessionState
from carnet.core.session.step import Step, with_cells, without
from carnet.ids import CellId


def code_cell(state: SessionState, cell_id: CellId) -> CellState | None:
    """Return the cell if it is still there and can have outputs."""
    cell = state.cells.get(cell_id)
    return cell if cell is not None and cell.cell.kind == "code" else None


def append_stream(state: SessionState, operation: ops.AppendStream) -> Step:
    cell = code_cell(state, operation.cell_id)
    if cell is None or not operation.text:
        return Step(state)
    state, cell = _opened(state, cell)
    outputs = cell.cell.outputs
    last = outputs[-1] if outputs else None
    if isinstance(last, Stream) and last.name == operation.name:
        text, column = write(last.text, last.column, operation.text)
        stream, rest = replace(last, text=text, column=column), outputs[:-1]
    else:
        text, column = write("", -1, operation.text)
        stream, rest = Stream(operation.name, text, column=column), outputs
    state, effects = _spill(_with_outputs(state, cell, (*rest, stream)), operation.cell_id, len(rest))
    return Step(state, changed=True, effects=effects)


def add_output(state: SessionState, operation: ops.AddOutput) -> Step:
    cell = code_cell(state, operation.cell_id)
    if cell is None:
        return Step(state)
    state, cell = _opened(state, cell)
    state = _with_outputs(state, cell, (*cell.cell.outputs, operation.output))
    state = _index_displays(state, operation.cell_id, (operation.output,))
    state, effects = _spill(state, operation.cell_id, len(cell.cell.outputs))
    return Step(state, changed=True, effects=effects)


def replace_outputs(state: SessionState, operation: ops.ReplaceOutputs) -> Step:
    cell = code_cell(state, operation.cell_id)
    if cell is None:
        return Step(state)
    state = forget_outputs(state, cell)
    content = replace(cell.cell, outputs=operation.outputs, execution_count=operation.execution_count)
    foreign = bool(operation.outputs)
    cell = replace(cell, cell=content, last=None, clear_pending=False, old_outputs=False, foreign=foreign)
    state, effects = meet_outputs(with_cells(state, {operation.cell_id: cell}), operation.cell_id)
    return Step(state, changed=True, effects=effects)


def update_display(state: SessionState, operation: ops.UpdateDisplay) -> Step:
    changed: dict[CellId, CellState] = {}
    for cell_id in state.displays.get(operation.display_id, ()):
        cell = state.cells[cell_id]
        outputs = tuple(_updated(output, operation) for output in cell.cell.outputs)
        if outputs != cell.cell.outputs:
            changed[cell_id] = replace(cell, cell=replace(cell.cell, outputs=outputs))
    return Step(with_cells(state, changed), changed=True) if changed else Step(state)


def _updated(output: Output, operation: ops.UpdateDisplay) -> Output:
    if isinstance(output, DisplayData | ExecuteResult) and output.display_id == operation.display_id:
        return replace(output, data=operation.data, metadata=operation.metadata, blobs=operation.blobs)
    return output


def clear_output(state: SessionState, operation: ops.ClearOutput) -> Step:
    """The kernel cleared: at once, or when the next output comes (SE5)."""
    cell = code_cell(state, operation.cell_id)
    if cell is None:
        return Step(state)
    if operation.wait:
        return Step(with_cells(state, {operation.cell_id: replace(cell, clear_pending=True)}))
    changed = bool(cell.cell.outputs)
    state, _ = _emptied(state, cell)
    return Step(state, changed=changed)


def clear_outputs(state: SessionState, operation: ops.ClearOutputs) -> Step:
    """A person cleared: the counts go too."""
    cleared: dict[CellId, CellState] = {}
    changed = False
    for cell_id in operation.cell_ids:
        cell = code_cell(state, cell_id)
        if cell is not None and cell_id not in cleared:
            changed = changed or bool(cell.cell.outputs) or cell.cell.execution_count is not None
            state = forget_outputs(state, cell)
            content = replace(cell.cell, outputs=(), execution_count=None)
            cleared[cell_id] = replace(
                cell, cell=content, clear_pending=False, old_outputs=False, foreign=False
            )
    return Step(with_cells(state, cleared), changed=changed) if cleared else Step(state)


def trust_outputs(state: SessionState, operation: ops.TrustOutputs) -> Step:
    """Outputs are trusted: those of a file that is, or all there are, in the bin too, since a person says so (SE16)."""
    wanted = state.cells if operation.cell_ids is None else operation.cell_ids
    trusted = {
        cell_id: replace(state.cells[cell_id], foreign=False)
        for cell_id in wanted
        if cell_id in state.cells and state.cells[cell_id].foreign
    }
    state = with_cells(state, trusted) if trusted else state
    if operation.cell_ids is not None:
        return Step(state)
    binned = tuple(
        replace(one, state=replace(one.state, foreign=False)) if one.state.foreign else one
        for one in state.bin
    )
    if not trusted and binned == state.bin:
        return Step(state)
    return Step(replace(state, bin=binned), effects=(fx.TrustFile(),))


# ---- old outputs


def _opened(state: SessionState, cell: CellState) -> tuple[SessionState, CellState]:
    """Return both with what waited to be cleared cleared: an output comes (SE4)."""
    return _emptied(state, cell) if cell.clear_pending or cell.old_outputs else (state, cell)


def _emptied(state: SessionState, cell: CellState) -> tuple[SessionState, CellState]:
    state = forget_outputs(state, cell)
    content = replace(cell.cell, outputs=())
    cell = replace(cell, cell=content, clear_pending=False, old_outputs=False, foreign=False)
    return with_cells(state, {cell.cell.id: cell}), cell


def without_old_outputs(state: SessionState, cell: CellState) -> tuple[SessionState, CellState]:
    """Return both without the outputs of an earlier run, if they still stand there (SE4)."""
    return _emptied(state, cell) if cell.old_outputs else (state, cell)


def _with_outputs(state: SessionState, cell: CellState, outputs: tuple[Output, ...]) -> SessionState:
    return with_cells(state, {cell.cell.id: replace(cell, cell=replace(cell.cell, outputs=outputs))})


# ---- what is known of outputs elsewhere in the state


def meet_outputs(state: SessionState, cell_id: CellId) -> tuple[SessionState, tuple[fx.Effect, ...]]:
    """Return the state that knows the displays and long streams of a cell that just came."""
    outputs = state.cells[cell_id].cell.outputs
    state = _index_displays(state, cell_id, outputs)
    for index in range(len(outputs)):
        state, effects = _spill(state, cell_id, index)
        if effects:
            return state, effects
    return state, ()


def forget_outputs(state: SessionState, cell: CellState) -> SessionState:
    """Return the state that no longer looks for displays or streams in this cell: its outputs go."""
    cell_id = cell.cell.id
    displays = state.displays
    for display_id in {_display_id(output) for output in cell.cell.outputs}:
        if display_id is not None and cell_id in displays.get(display_id, ()):
            others = tuple(other for other in displays[display_id] if other != cell_id)
            displays = {**displays, display_id: others} if others else without(displays, display_id)
    spilling = without(state.spilling, cell_id)
    if displays is state.displays and spilling is state.spilling:
        return state
    return replace(state, displays=displays, spilling=spilling)


def _index_displays(state: SessionState, cell_id: CellId, outputs: Iterable[Output]) -> SessionState:
    displays = state.displays
    for output in outputs:
        display_id = _display_id(output)
        if display_id is not None and cell_id not in displays.get(display_id, ()):
            displays = {**displays, display_id: (*displays.get(display_id, ()), cell_id)}
    return state if displays is state.displays else replace(state, displays=displays)


def _display_id(output: Output) -> str | None:
    match output:
        case DisplayData() | ExecuteResult():
            return output.display_id
        case Stream() | ErrorOutput():
            return None
        case _:
            assert_never(output)


# ---- spilling (SE10)


def spill_stream(state: SessionState, operation: ops.SpillStream) -> Step:
    cell = code_cell(state, operation.cell_id)
    if cell is None:
        return Step(state)
    state = replace(state, spilling=without(state.spilling, operation.cell_id))
    outputs = cell.cell.outputs
    stream = outputs[operation.index] if operation.index < len(outputs) else None
    if isinstance(stream, Stream) and operation.length:
        start = 0 if stream.spilled else len(operation.head)
        stream = _cut(stream, start + operation.length, operation)
        outputs = (*outputs[: operation.index], stream, *outputs[operation.index + 1 :])
        state = _with_outputs(state, cell, outputs)
    # What came meanwhile may be too long again, here or in another stream of the cell.
    state, effects = meet_outputs(state, operation.cell_id)
    return Step(state, effects=effects)


def _cut(stream: Stream, end: int, operation: ops.SpillStream) -> Stream:
    last_line = stream.text.rfind("\n") + 1
    column = stream.column
    if column >= 0:
        column = max(0, column - max(0, end - last_line))
    head = stream.head if stream.spilled else operation.head
    spilled = (*stream.spilled, operation.spill)
    return replace(stream, text=stream.text[end:], head=head, spilled=spilled, column=column)


def spill_operation(state: SessionState, effect: fx.SpillStream, blob: BlobRef) -> ops.SpillStream | None:
    """Return the operation that ends this spill, whose text is now in the blob.

    None: its outputs are gone, there is nothing to end. Call it when the entry
    is made, not before: between the effect and now, the stream may have changed.
    """
    if state.spilling.get(effect.cell_id) != effect.index:
        return None
    stream = state.cells[effect.cell_id].cell.outputs[effect.index]
    assert isinstance(stream, Stream), "only streams are in `spilling`"
    expected = effect.text if stream.spilled else effect.head + effect.text
    # Only a line so long that it is spilled in part can have changed (SE11).
    length = len(effect.text) if stream.text.startswith(expected) else 0
    spill = Spill(blob, effect.text.count("\n"))
    return ops.SpillStream(effect.cell_id, effect.index, length, effect.head, spill)


def spills_under_way(state: SessionState) -> tuple[fx.Effect, ...]:
    """Return the effects of all spills that did not come to their operation."""
    # A long line may have been erased meanwhile: then there is nothing to move, but the spill has to end.
    return tuple(
        _spill_effect(state, cell_id, index) or fx.SpillStream(cell_id, index, head="", text="")
        for cell_id, index in state.spilling.items()
    )


def _spill(state: SessionState, cell_id: CellId, index: int) -> tuple[SessionState, tuple[fx.Effect, ...]]:
    """Return the state and the effect of a spill, when this output is too long and none is on its way."""
    if cell_id in state.spilling:
        return state, ()
    effect = _spill_effect(state, cell_id, index)
    if effect is None:
        return state, ()
    return replace(state, spilling={**state.spilling, cell_id: index}), (effect,)


def _spill_effect(state: SessionState, cell_id: CellId, index: int) -> fx.SpillStream | None:
    stream = state.cells[cell_id].cell.outputs[index]
    if not isinstance(stream, Stream) or len(stream.text) <= STREAM_LIMIT:
        return None
    text, start, head = stream.text, 0, stream.head
    if not stream.spilled:
        start = text.rfind("\n", 0, STREAM_HEAD) + 1 or STREAM_HEAD
        head = text[:start]
    # Whole lines, unless that leaves much more than the tail: then a line is cut where the tail begins.
    end = len(text) - STREAM_TAIL
    end = max(text.rfind("\n", end - STREAM_TAIL // 4, end) + 1, 0) or end
    if stream.column >= 0:  # The last line is being written over from there.
        end = min(end, text.rfind("\n") + 1 + stream.column)
    return fx.SpillStream(cell_id, index, head, text[start:end]) if end > start else None

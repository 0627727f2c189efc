"""What operations do to the document itself: cells, their order, sources and metadata, and the bin.

Rules SE1, SE2, SE9: docs/specs/session.md.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from carnet.core.notebook.model import Cell, Json
from carnet.core.session import effects as fx
from carnet.core.session import operations as ops
from carnet.core.session.outputs import forget_outputs, meet_outputs
from carnet.core.session.state import BIN_LIMIT, CHANGES_LIMIT, Binned, CellState, SessionState
from carnet.core.session.step import Step, with_cells, without
from carnet.core.text.changes import ChangeSet
from carnet.ids import CellId


def insert_cells(state: SessionState, operation: ops.InsertCells) -> Step:
    new: dict[CellId, CellState] = {}
    for cell in operation.cells:
        if cell.id not in state.cells and cell.id not in new:
            fitting = _fitting(cell)
            foreign = bool(fitting.outputs)
            new[cell.id] = CellState(fitting, version=_first_version(state, cell.id), foreign=foreign)
    if not new:
        return Step(state)
    order = _with_block(state.order, list(new), operation.after)
    # Changes of an earlier cell of the same id are none of the new one.
    changes = without(state.changes, *new)
    state = replace(state, order=order, cells={**state.cells, **new}, changes=changes)
    effects: list[fx.Effect] = []
    for cell_id in new:
        state, more = meet_outputs(state, cell_id)
        effects += more
    return Step(state, changed=True, effects=tuple(effects))


def _fitting(cell: Cell) -> Cell:
    """Return the cell with only what its kind has."""
    if cell.kind == "code":
        return cell if cell.attachments is None else replace(cell, attachments=None)
    if cell.outputs or cell.execution_count is not None:
        return replace(cell, outputs=(), execution_count=None)
    return cell


def _first_version(state: SessionState, cell_id: CellId) -> int:
    """Return 0, or what no change of an earlier cell of this id can have been based on."""
    return max(
        (binned.state.version + 1 for binned in state.bin if binned.state.cell.id == cell_id), default=0
    )


def _with_block(
    order: tuple[CellId, ...], block: Iterable[CellId], after: CellId | None
) -> tuple[CellId, ...]:
    if after is None:
        return (*block, *order)
    index = order.index(after) + 1 if after in order else len(order)
    return (*order[:index], *block, *order[index:])


def delete_cells(state: SessionState, operation: ops.DeleteCells) -> Step:
    gone = {cell_id for cell_id in operation.cell_ids if cell_id in state.cells}
    if not gone:
        return Step(state)
    binned: list[Binned] = []
    before: CellId | None = None
    for cell_id in state.order:
        if cell_id in gone:
            cell = state.cells[cell_id]
            state = forget_outputs(state, cell)
            cell = replace(cell, clear_pending=False, old_outputs=False, input=None)
            binned.append(Binned(cell, before))
        before = cell_id
    everything = (*state.bin, *binned)
    kept = everything[-BIN_LIMIT:]
    # The changes of what can be restored are kept: a client may have one for it under way.
    left = {*(state.cells.keys() - gone), *(one.state.cell.id for one in kept)}
    lost = [one.state.cell.id for one in everything[:-BIN_LIMIT] if one.state.cell.id not in left]
    state = replace(
        state,
        order=tuple(cell_id for cell_id in state.order if cell_id not in gone),
        cells=without(state.cells, *gone),
        changes=without(state.changes, *lost),
        bin=kept,
    )
    return Step(state, changed=True)


def restore_cells(state: SessionState, operation: ops.RestoreCells) -> Step:
    changed = False
    effects: list[fx.Effect] = []
    for cell_id in operation.cell_ids:
        index = _bin_index(state, cell_id)
        if index is None or cell_id in state.cells:
            continue
        binned = state.bin[index]
        order = _with_block(state.order, [cell_id], _place(state, binned.after))
        rest = (*state.bin[:index], *state.bin[index + 1 :])
        state = replace(state, order=order, cells={**state.cells, cell_id: binned.state}, bin=rest)
        state, more = meet_outputs(state, cell_id)
        effects += more
        changed = True
    return Step(state, changed=changed, effects=tuple(effects))


def _bin_index(state: SessionState, cell_id: CellId) -> int | None:
    """Return the place in the bin of the newest cell of this id."""
    for index in range(len(state.bin) - 1, -1, -1):
        if state.bin[index].state.cell.id == cell_id:
            return index
    return None


def _place(state: SessionState, after: CellId | None) -> CellId | None:
    """Return the cell to stand behind: where that one is in the bin, what it stood behind."""
    seen: set[CellId] = set()
    while after is not None and after not in state.cells and after not in seen:
        seen.add(after)
        index = _bin_index(state, after)
        if index is None:
            break
        after = state.bin[index].after
    return after


def move_cells(state: SessionState, operation: ops.MoveCells) -> Step:
    block = [cell_id for cell_id in dict.fromkeys(operation.cell_ids) if cell_id in state.cells]
    moving = set(block)
    if operation.after is not None and (operation.after in moving or operation.after not in state.cells):
        return Step(state)
    rest = tuple(cell_id for cell_id in state.order if cell_id not in moving)
    order = _with_block(rest, block, operation.after)
    return Step(replace(state, order=order), changed=True) if order != state.order else Step(state)


def change_source(state: SessionState, operation: ops.ChangeSource) -> Step:
    cell = state.cells.get(operation.cell_id)
    if cell is None or operation.version != cell.version + 1:
        return Step(state)
    source = ChangeSet.from_json(operation.changes).apply(cell.cell.source)
    cell = replace(cell, cell=replace(cell.cell, source=source), version=operation.version)
    known = (*state.changes.get(operation.cell_id, ()), operation.changes)[-CHANGES_LIMIT:]
    state = replace(state, changes={**state.changes, operation.cell_id: known})
    return Step(with_cells(state, {operation.cell_id: cell}), changed=True)


def set_kind(state: SessionState, operation: ops.SetKind) -> Step:
    cell = state.cells.get(operation.cell_id)
    if cell is None or cell.cell.kind == operation.kind:
        return Step(state)
    if operation.kind != "code":
        state = forget_outputs(state, cell)
        cell = replace(cell, last=None, clear_pending=False, old_outputs=False, input=None, foreign=False)
    cell = replace(cell, cell=_fitting(replace(cell.cell, kind=operation.kind)))
    return Step(with_cells(state, {operation.cell_id: cell}), changed=True)


def set_cell_metadata(state: SessionState, operation: ops.SetCellMetadata) -> Step:
    cell = state.cells.get(operation.cell_id)
    if cell is None:
        return Step(state)
    metadata = _merged(cell.cell.metadata, operation.set, operation.remove)
    if metadata == cell.cell.metadata:
        return Step(state)
    cell = replace(cell, cell=replace(cell.cell, metadata=metadata))
    return Step(with_cells(state, {operation.cell_id: cell}), changed=True)


def set_metadata(state: SessionState, operation: ops.SetMetadata) -> Step:
    metadata = _merged(state.metadata, operation.set, operation.remove)
    if metadata == state.metadata:
        return Step(state)
    return Step(replace(state, metadata=metadata), changed=True)


def _merged(metadata: dict[str, Json], new: dict[str, Json], remove: tuple[str, ...]) -> dict[str, Json]:
    return {**without(metadata, *remove), **new}


def set_attachments(state: SessionState, operation: ops.SetAttachments) -> Step:
    cell = state.cells.get(operation.cell_id)
    if cell is None or cell.cell.kind == "code" or cell.cell.attachments == operation.attachments:
        return Step(state)
    cell = replace(cell, cell=replace(cell.cell, attachments=operation.attachments))
    return Step(with_cells(state, {operation.cell_id: cell}), changed=True)


def set_extra(state: SessionState, operation: ops.SetExtra) -> Step:
    if operation.cell_id is None:
        return Step(replace(state, extra=operation.extra), changed=operation.extra != state.extra)
    cell = state.cells.get(operation.cell_id)
    if cell is None or cell.cell.extra == operation.extra:
        return Step(state)
    cell = replace(cell, cell=replace(cell.cell, extra=operation.extra))
    return Step(with_cells(state, {operation.cell_id: cell}), changed=True)

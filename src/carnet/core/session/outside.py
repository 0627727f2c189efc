"""A file that changed outside, as operations: merged cell by cell, nothing of either side lost (invariant 4).

How cells and lines are merged is `core.notebook.diff`; here its edits become
operations of this session. Cells that they deleted go to the bin.

Rules OU1 to OU4: docs/specs/session.md.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec.structs import replace

from carnet.core.notebook import diff
from carnet.core.notebook.model import Json, JsonObject, Notebook
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.operations import Operation
from carnet.core.session.state import Notice, SessionState
from carnet.ids import CellId

CONFLICT = "outside-conflict"
"""Id of the notice: the same lines were changed on both sides."""


def outside_change(
    state: SessionState,
    base: Notebook,
    theirs: Notebook,
    *,
    new_ids: Iterator[CellId],
    at_ms: int,
    trusted: bool = False,
) -> tuple[Operation, ...]:
    """Return the operations that bring into the session what `theirs` (the file now) changed since `base`.

    `base` is the content as last read or written, `new_ids` an endless supply.
    Large values must be in blobs on all sides alike. `trusted`: the outputs in the file are (SE16).
    """
    ours = notebook_of(state)
    # What the program that runs a cell has of its outputs, we have, or shall (SE17): it must not come twice.
    elsewhere = {run.cell_id for run in state.runs if run.elsewhere}
    writer = _Writer(state)
    for edit in diff.merge(base.cells, ours.cells, theirs.cells, new_ids=new_ids):
        if not (isinstance(edit, diff.ReplaceOutputs) and edit.cell_id in elsewhere):
            writer.add(edit)
    metadata = diff.merge_metadata(base.metadata, ours.metadata, theirs.metadata)
    if metadata != ours.metadata:
        writer.ops.append(ops.SetMetadata(*_difference(ours.metadata, metadata)))
    extra = diff.merge_metadata(base.extra, ours.extra, theirs.extra)
    if extra != ours.extra:
        writer.ops.append(ops.SetExtra(None, extra))
    if trusted:
        writer.ops += _trusted(writer.ops)
    if writer.conflicts:
        writer.ops.append(ops.AddNotice(Notice(CONFLICT, "warning", _conflict_text(writer.conflicts), at_ms)))
    return tuple(writer.ops)


def _conflict_text(count: int) -> str:
    cells = "One cell was" if count == 1 else f"{count} cells were"
    return (
        f"The file changed outside. {cells} changed there and here in the same lines: "
        "the other version stands below each, choose what to keep."
    )


def _trusted(operations: Iterable[Operation]) -> list[Operation]:
    """Return what says that the outputs which these bring are trusted."""
    cell_ids: list[CellId] = []
    for operation in operations:
        if isinstance(operation, ops.InsertCells):
            cell_ids += [cell.id for cell in operation.cells if cell.outputs]
        elif isinstance(operation, ops.ReplaceOutputs) and operation.outputs:
            cell_ids.append(operation.cell_id)
    return [ops.TrustOutputs(tuple(cell_ids))] if cell_ids else []


class _Writer:
    def __init__(self, state: SessionState) -> None:
        self.ops: list[Operation] = []
        self.conflicts = 0
        self._state = state

    def add(self, edit: diff.Edit) -> None:
        last = self.ops[-1] if self.ops else None
        match edit:
            case diff.InsertCell(cell=cell, after=after):
                mark = cell.metadata.get("carnet")
                self.conflicts += isinstance(mark, dict) and "conflict_of" in mark
                if isinstance(last, ops.InsertCells) and last.cells[-1].id == after:
                    self.ops[-1] = replace(last, cells=(*last.cells, cell))
                else:
                    self.ops.append(ops.InsertCells(after, (cell,)))
            case diff.DeleteCell(cell_id=cell_id):
                if isinstance(last, ops.DeleteCells):
                    self.ops[-1] = ops.DeleteCells((*last.cell_ids, cell_id))
                else:
                    self.ops.append(ops.DeleteCells((cell_id,)))
            case diff.MoveCell(cell_id=cell_id, after=after):
                self.ops.append(ops.MoveCells((cell_id,), after))
            case diff.SetKind(cell_id=cell_id, kind=kind):
                self.ops.append(ops.SetKind(cell_id, kind))
            case diff.ChangeSource(cell_id=cell_id, change=change):
                version = self._state.cells[cell_id].version + 1
                self.ops.append(ops.ChangeSource(cell_id, version, change.to_json()))
            case diff.ReplaceOutputs(cell_id=cell_id, outputs=outputs, execution_count=count):
                self.ops.append(ops.ReplaceOutputs(cell_id, outputs, count))
            case diff.SetMetadata():
                self._set_metadata(edit)
            case _:
                assert_never(edit)

    def _set_metadata(self, edit: diff.SetMetadata) -> None:
        cell = self._state.cells[edit.cell_id].cell
        if edit.metadata != cell.metadata:
            self.ops.append(ops.SetCellMetadata(edit.cell_id, *_difference(cell.metadata, edit.metadata)))
        if edit.attachments != cell.attachments:
            self.ops.append(ops.SetAttachments(edit.cell_id, edit.attachments))
        if edit.extra != cell.extra:
            self.ops.append(ops.SetExtra(edit.cell_id, edit.extra))


def _difference(old: JsonObject, new: JsonObject) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Return what to set and what to remove to make `new` of `old`."""
    changed = {key: value for key, value in new.items() if key not in old or old[key] != value}
    return changed, tuple(key for key in old if key not in new)

"""A file that changed outside, as operations: merged cell by cell, nothing of either side lost (invariant 4).

How cells and lines are merged is `core.notebook.diff`; here its edits become
operations of this session. Cells that they deleted go to the bin.

Rules OU1 to OU5: docs/specs/session.md.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar, assert_never

from carnet.core.notebook import diff
from carnet.core.notebook.model import Cell, ErrorOutput, Json, JsonObject, Notebook, Output, Stream
from carnet.core.session import operations as ops
from carnet.core.session.notebook_of import notebook_of
from carnet.core.session.operations import Operation
from carnet.core.session.saved_widgets import KEY as WIDGETS
from carnet.core.session.state import Notice, SessionState
from carnet.ids import CellId

T = TypeVar("T")

CONFLICT = "outside-conflict"
"""Id of the notice: the same lines were changed on both sides."""

PORTION: Final = 256 << 10
"""Characters of text that one portion may have, about."""

_EACH: Final = PORTION // 256
"""What an operation, or one more cell in it, counts for however little is in it."""


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
    writer.flush()
    metadata = diff.merge_metadata(base.metadata, ours.metadata, _without_widgets(state, base, theirs))
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


def _without_widgets(state: SessionState, base: Notebook, theirs: Notebook) -> JsonObject:
    """Return their metadata; the states of widgets in it are those that we wrote while there are widgets here (SE25)."""
    if not state.comms:
        return theirs.metadata
    kept = {name: value for name, value in theirs.metadata.items() if name != WIDGETS}
    return {**kept, WIDGETS: base.metadata[WIDGETS]} if WIDGETS in base.metadata else kept


def in_portions(operations: Sequence[Operation], *, cells: int) -> list[list[Operation]]:
    """Return the same operations, at least one list of them, each of which is applied in little time (OU5).

    `cells`: how many there are in the session. To apply an operation takes time with each.
    """
    portions: list[list[Operation]] = [[]]
    size = 0
    for operation in operations:
        for part, weight in _parts(operation, _EACH + cells):
            if portions[-1] and size + weight > PORTION:
                portions.append([])
                size = 0
            portions[-1].append(part)
            size += weight
    return portions


def _parts(operation: Operation, least: int) -> Iterator[tuple[Operation, int]]:
    """Yield an operation in parts that do the same one after another, and how much each counts for."""
    match operation:
        case ops.InsertCells(after=after, cells=cells):
            for some, weight in _in_runs(cells, [_cell_weight(cell) for cell in cells]):
                yield ops.InsertCells(after, some), weight + least
                after = some[-1].id
        case ops.DeleteCells(cell_ids=cell_ids):
            for ids, weight in _in_runs(cell_ids, [_EACH] * len(cell_ids)):
                yield ops.DeleteCells(ids), weight + least
        case ops.TrustOutputs(cell_ids=cell_ids) if cell_ids is not None:
            for ids, weight in _in_runs(cell_ids, [_EACH] * len(cell_ids)):
                yield ops.TrustOutputs(ids), weight + least
        case ops.ReplaceOutputs(outputs=outputs):
            yield operation, least + sum(map(_output_weight, outputs))
        case _:
            yield operation, least


def _in_runs(items: tuple[T, ...], weights: list[int]) -> Iterator[tuple[tuple[T, ...], int]]:
    """Yield the items in runs that weigh no more than a portion, unless one of them does."""
    start, size = 0, 0
    for index, weight in enumerate(weights):
        if index > start and size + weight > PORTION:
            yield items[start:index], size
            start, size = index, 0
        size += weight
    yield items[start:], size


def _cell_weight(cell: Cell) -> int:
    return _EACH + len(cell.source) + sum(map(_output_weight, cell.outputs))


def _output_weight(output: Output) -> int:
    if isinstance(output, Stream):
        return _EACH + len(output.head) + len(output.text)
    if isinstance(output, ErrorOutput):
        return _EACH + sum(map(len, output.traceback))
    return _EACH + sum(len(value) if isinstance(value, str) else _EACH for value in output.data.values())


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
        #: Neighbours that come, go or move together are one operation.
        self._inserted: list[Cell] = []
        self._deleted: list[CellId] = []
        self._moved: list[CellId] = []
        self._after: CellId | None = None

    def add(self, edit: diff.Edit) -> None:
        match edit:
            case diff.InsertCell(cell=cell, after=after):
                mark = cell.metadata.get("carnet")
                self.conflicts += isinstance(mark, dict) and "conflict_of" in mark
                if not self._inserted or self._inserted[-1].id != after:
                    self.flush()
                    self._after = after
                self._inserted.append(cell)
            case diff.DeleteCell(cell_id=cell_id):
                if not self._deleted:
                    self.flush()
                self._deleted.append(cell_id)
            case diff.MoveCell(cell_id=cell_id, after=after):
                if not self._moved or self._moved[-1] != after:
                    self.flush()
                    self._after = after
                self._moved.append(cell_id)
            case _:
                self.flush()
                self._add_one(edit)

    def _add_one(
        self, edit: diff.SetKind | diff.ChangeSource | diff.ReplaceOutputs | diff.SetMetadata
    ) -> None:
        match edit:
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

    def flush(self) -> None:
        """Make an operation of what was gathered."""
        if self._inserted:
            self.ops.append(ops.InsertCells(self._after, tuple(self._inserted)))
        if self._deleted:
            self.ops.append(ops.DeleteCells(tuple(self._deleted)))
        if self._moved:
            self.ops.append(ops.MoveCells(tuple(self._moved), self._after))
        self._inserted, self._deleted, self._moved = [], [], []

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

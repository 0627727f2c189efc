"""Merge a file that changed outside into the open notebook, cell by cell.

`merge` looks at three lists of cells: the base that both sides started from,
ours (the open notebook) and theirs (the file), and returns the edits that bring
what they did into ours. Nothing that either side wrote is lost: where both
changed the same lines of a cell, ours stays and theirs comes as a cell below.

It never decides about the file, and makes no ids. It is the one module here
that knows `core.text`: an edit of a source is a `ChangeSet`.

Rules NB13 and NB14: docs/specs/notebook.md.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from typing import Final, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

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
from carnet.core.text.changes import Block, ChangeSet, changed_blocks, diff, longest_rising
from carnet.ids import CellId

#: Cells are the same when at least this part of their words is (0 to 1).
_SIMILAR: Final = 0.5
#: Pairs of cells without a common id that are compared by their words; with more, only equal ones are matched.
_PAIRS_LIMIT: Final = 10_000
_WORD = re.compile(r"\w+|[^\w\s]")


class InsertCell(Struct, frozen=True, tag="insert_cell"):
    """Put `cell` after the cell `after`, or first."""

    cell: Cell
    after: CellId | None


class DeleteCell(Struct, frozen=True, tag="delete_cell"):
    """Take the cell away."""

    cell_id: CellId


class MoveCell(Struct, frozen=True, tag="move_cell"):
    """Move the cell to just after the cell `after`, or to the first place."""

    cell_id: CellId
    after: CellId | None


class SetKind(Struct, frozen=True, tag="set_kind"):
    """Make it a cell of another kind; nothing else of it changes."""

    cell_id: CellId
    kind: CellKind


class ChangeSource(Struct, frozen=True, tag="change_source"):
    """Change the source as it is in ours."""

    cell_id: CellId
    change: ChangeSet


class ReplaceOutputs(Struct, frozen=True, tag="replace_outputs"):
    """Set outputs and execution count."""

    cell_id: CellId
    outputs: tuple[Output, ...]
    execution_count: int | None


class SetMetadata(Struct, frozen=True, tag="set_metadata"):
    """Set metadata, attachments and unknown fields, each whole."""

    cell_id: CellId
    metadata: dict[str, Json]
    attachments: dict[str, Json] | None
    extra: dict[str, Json]


Edit: TypeAlias = InsertCell | DeleteCell | MoveCell | SetKind | ChangeSource | ReplaceOutputs | SetMetadata


def merge(
    base: Sequence[Cell], ours: Sequence[Cell], theirs: Sequence[Cell], *, new_ids: Iterator[CellId]
) -> tuple[Edit, ...]:
    """Return the edits that bring what `theirs` changed since `base` into `ours`, to be made in order.

    Cells of base and ours are the same when their ids are; so are those of
    theirs, and else when their kind and (nearly) their source are. Ids of
    conflict cells are drawn from `new_ids`, which is endless. Outputs are
    compared as a file would hold them, so the three should have their large
    values in blobs alike.
    """
    return _Merge(base, ours, theirs, new_ids).edits()


def apply_edits(cells: Sequence[Cell], edits: Sequence[Edit]) -> tuple[Cell, ...]:
    """Return `cells` with the edits made, in order. Every cell that an edit names must be there."""
    result = {cell.id: cell for cell in cells}
    order = [cell.id for cell in cells]

    def place(cell_id: CellId, after: CellId | None) -> None:
        order.insert(0 if after is None else order.index(after) + 1, cell_id)

    for edit in edits:
        match edit:
            case InsertCell(cell, after):
                result[cell.id] = cell
                place(cell.id, after)
            case DeleteCell(cell_id):
                order.remove(cell_id)
            case MoveCell(cell_id, after):
                order.remove(cell_id)
                place(cell_id, after)
            case SetKind(cell_id, kind):
                result[cell_id] = replace(result[cell_id], kind=kind)
            case ChangeSource(cell_id, change):
                result[cell_id] = replace(result[cell_id], source=change.apply(result[cell_id].source))
            case ReplaceOutputs(cell_id, outputs, count):
                result[cell_id] = replace(result[cell_id], outputs=outputs, execution_count=count)
            case SetMetadata(cell_id, metadata, attachments, extra):
                result[cell_id] = replace(
                    result[cell_id], metadata=metadata, attachments=attachments, extra=extra
                )
            case _:
                assert_never(edit)
    return tuple(result[cell_id] for cell_id in order)


def merge_metadata(base: JsonObject, ours: JsonObject, theirs: JsonObject) -> JsonObject:
    """Return `ours` with the fields that theirs changed and ours did not, objects inside it merged likewise."""
    if theirs == base:
        return ours
    merged = dict(ours)
    for name in [*base, *(name for name in theirs if name not in base)]:
        before, our, their = base.get(name, _ABSENT), ours.get(name, _ABSENT), theirs.get(name, _ABSENT)
        if isinstance(our, dict) and isinstance(their, dict):
            merged[name] = merge_metadata(before if isinstance(before, dict) else {}, our, their)
        elif our == before and their != before:
            if name in theirs:
                merged[name] = theirs[name]
            else:
                merged.pop(name, None)
    return ours if merged == ours else merged


class _Absent:
    """Equal to nothing else; JSON's null is a value."""


_ABSENT: Final = _Absent()


class _Merge:
    def __init__(
        self, base: Sequence[Cell], ours: Sequence[Cell], theirs: Sequence[Cell], new_ids: Iterator[CellId]
    ) -> None:
        self._base = {cell.id: cell for cell in base}
        self._ours = {cell.id: cell for cell in ours}
        self._new_ids = new_ids
        # Theirs under the ids of base, so that an id means one cell on all three sides.
        names = _names(base, theirs, ours=self._ours.keys())
        self._theirs = {
            (name := names[cell.id]): cell if name == cell.id else replace(cell, id=name) for cell in theirs
        }
        self._taken = {*self._base, *self._ours, *self._theirs}
        self._changes: list[Edit] = []
        #: Cells to be inserted, under their ids.
        self._inserted: dict[CellId, Cell] = {}
        #: Our cell to the conflict cell that must follow it.
        self._conflicts: dict[CellId, CellId] = {}

    def edits(self) -> tuple[Edit, ...]:
        deleted = {cell.id for cell in self._ours.values() if self._deleted_by_them(cell)}
        kept = [cell_id for cell_id in self._ours if cell_id not in deleted]
        for cell_id, their in self._theirs.items():
            our, base = self._ours.get(cell_id), self._base.get(cell_id)
            if our is not None:
                self._merge_cell(base, our, their)
            elif base is None or _wrote(base, their):
                self._inserted[cell_id] = their
            # else: we deleted it, and they did not touch it
        deletes: list[Edit] = [DeleteCell(cell_id) for cell_id in self._ours if cell_id in deleted]
        return (*deletes, *self._changes, *self._placements(kept))

    def _deleted_by_them(self, our: Cell) -> bool:
        base = self._base.get(our.id)
        return base is not None and our.id not in self._theirs and not _wrote(base, our)

    def _merge_cell(self, base: Cell | None, our: Cell, their: Cell) -> None:
        if their is base or their == base:  # as nearly all are
            return
        if base is None:  # Both sides made a cell with this id: as if it had been empty before.
            base = Cell(our.id, their.kind)
        if their.kind not in {base.kind, our.kind} and our.kind == base.kind:
            self._changes.append(SetKind(our.id, their.kind))
        self._merge_source(base, our, their)
        if (
            _outputs(their) != _outputs(base)
            and _outputs(our) == _outputs(base)
            and _outputs(their) != _outputs(our)
        ):
            self._changes.append(ReplaceOutputs(our.id, their.outputs, their.execution_count))
        metadata = merge_metadata(base.metadata, our.metadata, their.metadata)
        extra = merge_metadata(base.extra, our.extra, their.extra)
        attachments: JsonObject | None = merge_metadata(
            base.attachments or {}, our.attachments or {}, their.attachments or {}
        )
        if not attachments:  # none, or an empty object: as theirs has it, if they changed that
            attachments = our.attachments if their.attachments == base.attachments else their.attachments
        if (metadata, attachments, extra) != (our.metadata, our.attachments, our.extra):
            self._changes.append(SetMetadata(our.id, metadata, attachments, extra))

    def _merge_source(self, base: Cell, our: Cell, their: Cell) -> None:
        if their.source in {base.source, our.source}:
            return
        merged = (
            their.source
            if our.source == base.source
            else _merged_lines(base.source, our.source, their.source)
        )
        if merged is not None:
            self._changes.append(ChangeSource(our.id, diff(our.source, merged)))
            return
        conflict_id = next(cell_id for cell_id in self._new_ids if cell_id not in self._taken)
        self._taken.add(conflict_id)
        mark = their.metadata.get("carnet")
        mark = {**(mark if isinstance(mark, dict) else {}), "conflict_of": our.id}
        self._inserted[conflict_id] = replace(
            their, id=conflict_id, metadata={**their.metadata, "carnet": mark}
        )
        self._conflicts[our.id] = conflict_id

    def _placements(self, kept: list[CellId]) -> Iterator[Edit]:
        """Yield the inserts and moves that give the merged order; what need not move does not."""
        order = self._order(kept)
        place = {cell_id: index for index, cell_id in enumerate(kept)}
        old = [cell_id for cell_id in order if cell_id in place]
        stays = {old[index] for index in longest_rising([place[cell_id] for cell_id in old])}
        after: CellId | None = None
        for cell_id in order:
            if cell_id in self._inserted:
                yield InsertCell(self._inserted[cell_id], after)
            elif cell_id not in stays:
                yield MoveCell(cell_id, after)
            after = cell_id

    def _order(self, kept: list[CellId]) -> list[CellId]:
        """Return the merged order: theirs if only they moved cells, else ours, with the rest after what it followed."""
        theirs = [cell_id for cell_id in self._theirs if cell_id in self._inserted or cell_id in self._ours]
        common = {cell_id: None for cell_id in kept if cell_id in self._base and cell_id in self._theirs}
        if list(common) == [cell_id for cell_id in self._base if cell_id in common]:
            order = _woven(theirs, kept)
        else:
            order = _woven(kept, theirs)
        with_conflicts: list[CellId] = []
        for cell_id in order:
            with_conflicts.append(cell_id)
            if cell_id in self._conflicts:
                with_conflicts.append(self._conflicts[cell_id])
        return with_conflicts


def _woven(main: list[CellId], other: list[CellId]) -> list[CellId]:
    """Return `main` with each cell that only `other` has put after the cell that it follows there."""
    known = set(main)
    following: dict[CellId | None, list[CellId]] = {}
    anchor: CellId | None = None
    for cell_id in other:
        if cell_id in known:
            anchor = cell_id
        else:
            following.setdefault(anchor, []).append(cell_id)
    woven = following.get(None, [])
    for cell_id in main:
        woven.append(cell_id)
        woven.extend(following.get(cell_id, ()))
    return woven


def _wrote(base: Cell, cell: Cell) -> bool:
    """Whether someone wrote into the cell; running it is not writing."""
    return (cell.kind, cell.source, cell.attachments) != (base.kind, base.source, base.attachments)


def _outputs(cell: Cell) -> tuple[tuple[Output, ...], int | None]:
    """Return what a file would hold: no display ids, no cursors."""
    return tuple(map(_as_filed, cell.outputs)), cell.execution_count


def _as_filed(output: Output) -> Output:
    match output:
        case Stream():
            return replace(output, column=-1)
        case DisplayData() | ExecuteResult():
            return replace(output, display_id=None)
        case ErrorOutput():
            return output
        case _:
            assert_never(output)


def _merged_lines(base: str, ours: str, theirs: str) -> str | None:
    """Return the source with the changed lines of both, or None: they changed the same lines differently."""
    base_lines, our_lines, their_lines = base.split("\n"), ours.split("\n"), theirs.split("\n")
    our_blocks = list(changed_blocks(base_lines, our_lines))
    replacements: list[tuple[int, int, list[str]]] = [(i, j, our_lines[a:b]) for i, j, a, b in our_blocks]
    for start, end, a, b in changed_blocks(base_lines, their_lines):
        replacement = (start, end, their_lines[a:b])
        if replacement in replacements:
            continue
        if any(_meet((start, end, a, b), block) for block in our_blocks):
            return None
        replacements.append(replacement)
    merged: list[str] = []
    position = 0
    for start, end, lines in sorted(replacements, key=lambda replacement: replacement[:2]):
        merged += (*base_lines[position:start], *lines)
        position = end
    return "\n".join(merged + base_lines[position:])


def _meet(one: Block, other: Block) -> bool:
    """Whether two blocks share a line of base, or insert at one place. To be neighbours is not to meet."""
    start, end = max(one[0], other[0]), min(one[1], other[1])
    if start != end:
        return start < end
    return one[0] < start < one[1] or other[0] < start < other[1] or one[:2] == other[:2]


def _names(base: Sequence[Cell], theirs: Sequence[Cell], ours: Set[CellId]) -> dict[CellId, CellId]:
    """Return, for each cell of theirs, the id of its cell in base, or its own when `ours` has that, or it is new."""
    names = {cell.id: cell.id for cell in theirs}
    base_ids = {cell.id for cell in base}
    old = [cell for cell in base if cell.id not in names]
    # What ours holds has no say in which cells are pairs: when half of a merge is in and it is made again, they must be
    # the same. What is in by then under its own id was in no pair.
    new = [cell for cell in theirs if cell.id not in base_ids]
    for find_pairs in (_equal_in_order, _equal_moved, _similar):
        pairs = find_pairs(old, new)
        names.update({new[j].id: old[i].id for i, j in pairs if new[j].id not in ours})
        old_found, new_found = {i for i, _ in pairs}, {j for _, j in pairs}
        old = [cell for i, cell in enumerate(old) if i not in old_found]
        new = [cell for j, cell in enumerate(new) if j not in new_found]
    return names


def _key(cell: Cell) -> str:
    return f"{cell.kind} {cell.source}"


def _equal_in_order(old: Sequence[Cell], new: Sequence[Cell]) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    i = j = 0
    for old_start, old_end, _, new_end in changed_blocks([*map(_key, old)], [*map(_key, new)]):
        pairs.extend(zip(range(i, old_start), range(j, len(new)), strict=False))
        i, j = old_end, new_end
    return [*pairs, *zip(range(i, len(old)), range(j, len(new)), strict=True)]


def _equal_moved(old: Sequence[Cell], new: Sequence[Cell]) -> list[tuple[int, int]]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for i, cell in enumerate(old):
        places[_key(cell)].append(i)
    return [(places[_key(cell)].pop(0), j) for j, cell in enumerate(new) if places[_key(cell)]]


def _similar(old: Sequence[Cell], new: Sequence[Cell]) -> list[tuple[int, int]]:
    """Pair what has the most words in common first."""
    if len(old) * len(new) > _PAIRS_LIMIT:
        return []
    old_words = [Counter(_WORD.findall(cell.source)) for cell in old]
    new_words = [Counter(_WORD.findall(cell.source)) for cell in new]
    scores = [
        (_similarity(old_words[i], new_words[j]), -abs(i - j), i, j)
        for i, before in enumerate(old)
        for j, after in enumerate(new)
        if before.kind == after.kind
    ]
    pairs: dict[int, int] = {}
    found: set[int] = set()
    for score, _, i, j in sorted(scores, reverse=True):
        if score >= _SIMILAR and i not in pairs and j not in found:
            pairs[i] = j
            found.add(j)
    return list(pairs.items())


def _similarity(one: Counter[str], other: Counter[str]) -> float:
    return 2 * (one & other).total() / max(1, one.total() + other.total())

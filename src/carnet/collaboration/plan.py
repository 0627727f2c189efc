"""What has to be done where a room's document and its session differ, in both directions. Purely.

`wish_of` reads what clients did to the document as edits of the session;
`cell_steps` and `order_steps` say how the document becomes what the session
is. Neither knows Yjs: documents are lists of plain values here. Rules CB5 to
CB12: docs/specs/collaboration.md.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from msgspec import Struct

from carnet.collaboration.shape import (
    CLIENTS_OWN,
    Inline,
    alike,
    cell_of,
    outputs_of,
    shaped,
    text_of,
)
from carnet.core.notebook.model import Cell, Json, JsonObject
from carnet.core.session.intents import CellEdit, ChangeSourceFrom
from carnet.core.session.operations import (
    ClearOutputs,
    DeleteCells,
    InsertCells,
    MoveCells,
    ReplaceOutputs,
    RestoreCells,
    SetAttachments,
    SetCellMetadata,
    SetKind,
    SetMetadata,
)
from carnet.core.session.state import CellState, SessionState
from carnet.core.text.changes import KEEP, ChangeSet, diff, longest_rising
from carnet.errors import InvalidChange
from carnet.ids import CellId

PORTION: Final = 256 << 10
"""Characters that come into a document in one transaction, about."""

_LEAST: Final = 32
"""What a value weighs however short it is."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


# ---- from the document to the session


@dataclass(frozen=True)
class Slot:
    """One place in the document's list of cells."""

    cell_id: CellId
    """Empty: what stands there says none, or none that can be one."""
    is_new: bool = False
    """A client put it there just now."""
    raw: JsonObject | None = None
    """Its content, where a client may have changed it; else None."""


@dataclass
class Wish:
    """What clients did, as edits of the session."""

    edits: list[CellEdit] = field(default_factory=list)
    outputs: list[ReplaceOutputs] = field(default_factory=list)
    """Outputs that a client wrote: it runs cells by itself."""
    named: dict[int, CellId] = field(default_factory=dict)
    """Places whose cell is to be called so from now on: it had no id, or that of another one."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wished."""
        return not self.edits and not self.outputs


@dataclass(frozen=True)
class Deed:
    """What an update of a client did to the document."""

    slots: Sequence[Slot]
    ordered: bool
    """Cells came, went or moved; else only what is in them changed."""
    changes: Mapping[CellId, ChangeSet] = field(default_factory=dict)
    """How sources were changed, where that is known exactly."""
    written_away: Mapping[CellId, tuple[str, str]] = field(default_factory=dict)
    """Sources that the client changed while it was away, as it had them and as they are now."""


def wish_of(
    state: SessionState,
    deed: Deed,
    *,
    inline_for: Callable[[CellId], Inline],
    fresh_id: Callable[[], CellId],
) -> Wish:
    """Return what a client's update asks of the session, whose state the document showed before it."""
    slots, written_away = deed.slots, deed.written_away
    wish = Wish()
    kept: dict[CellId, Slot] = {}
    places: dict[CellId, int] = {}
    for index, slot in _first_the_known(slots):
        found = slot
        if not slot.cell_id or slot.cell_id in kept:
            if slot.raw is None or (
                slot.cell_id
                and (slot.cell_id in written_away or not _says_more(slot, kept[slot.cell_id], state))
            ):
                continue  # nothing, or the same cell a second time: two clients moved it
            wish.named[index] = fresh_id()
            found = Slot(wish.named[index], is_new=True, raw=slot.raw)
        kept[found.cell_id] = found
        places[found.cell_id] = index
    if deed.ordered or wish.named:
        wish.edits += _order_edits(state, sorted(kept, key=places.__getitem__), kept)
    for cell_id, slot in kept.items():
        cell = state.cells.get(cell_id)
        if cell is not None and slot.raw is not None:
            _cell_edits(wish, state, cell, slot.raw, deed.changes.get(cell_id), inline_for(cell_id))
    for cell_id, (before, after) in written_away.items():
        if cell_id not in kept or kept[cell_id].raw is None:
            wish.edits += _brought_home(state, cell_id, before, after)
    return wish


def _brought_home(state: SessionState, cell_id: CellId, before: str, after: str) -> Iterator[CellEdit]:
    """Yield the edits for a source that was changed in a cell which is another one now, or gone."""
    cell = state.cells.get(cell_id)
    if cell is None:
        binned = next((one.state for one in reversed(state.bin) if one.state.cell.id == cell_id), None)
        if binned is None:
            yield InsertCells(state.order[-1] if state.order else None, (Cell(cell_id, "code", after),))
            return
        yield RestoreCells((cell_id,))
        cell = binned
    change = diff(before, after).map(diff(before, cell.cell.source))
    yield ChangeSourceFrom(cell_id, cell.version, change.to_json())


def _first_the_known(slots: Sequence[Slot]) -> Iterator[tuple[int, Slot]]:
    """Yield the cells that were there before those that came just now: of two with one id, the first is it."""
    for is_new in (False, True):
        for index, slot in enumerate(slots):
            if slot.is_new is is_new:
                yield index, slot


def _says_more(slot: Slot, kept: Slot, state: SessionState) -> bool:
    """Return whether a second cell of one id has a text that would be lost with it.

    A copy that was made to move the cell may lack what others wrote into it meanwhile: that is none.
    """
    if slot.raw is None:
        return False
    text = text_of(slot.raw.get("source"))
    other = kept.raw.get("source") if kept.raw is not None else None
    known = state.cells.get(slot.cell_id)
    texts = [text_of(other)] if other is not None else []
    if known is not None:
        texts.append(known.cell.source)
    return bool(text.strip()) and not any(_only_adds(text, one) for one in texts)


def _only_adds(old: str, new: str) -> bool:
    """Return whether all of a text stands in a newer one, in order."""
    return all(section.inserted == KEEP or not section.length for section in diff(old, new).sections)


def is_id(value: Json) -> bool:
    """Return whether this can be a cell's id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _order_edits(
    state: SessionState, order: Sequence[CellId], slots: Mapping[CellId, Slot]
) -> Iterator[CellEdit]:
    there = set(order)
    gone = tuple(cell_id for cell_id in state.order if cell_id not in there)
    if gone:
        yield DeleteCells(gone)
    places = {cell_id: place for place, cell_id in enumerate(state.order)}
    common = [cell_id for cell_id in order if cell_id in places]
    staying = {common[index] for index in longest_rising([places[cell_id] for cell_id in common])}
    after: CellId | None = None
    block: list[Cell] = []
    block_after: CellId | None = None
    for cell_id in order:
        if cell_id in places:
            if block:
                yield InsertCells(block_after, tuple(block))
                block = []
            if cell_id not in staying:
                yield MoveCells((cell_id,), after)
        else:
            if not block:
                block_after = after
            block.append(cell_of(slots[cell_id].raw or {}, cell_id))
        after = cell_id
    if block:
        yield InsertCells(block_after, tuple(block))


def _cell_edits(
    wish: Wish,
    state: SessionState,
    cell: CellState,
    raw: JsonObject,
    change: ChangeSet | None,
    inline: Inline,
) -> None:
    content = cell.cell
    kind = raw.get("cell_type")
    if kind in {"code", "markdown", "raw"} and kind != content.kind:
        wish.edits.append(SetKind(content.id, kind))  # type: ignore[arg-type]  # one of the three
    source = text_of(raw.get("source"))
    if source != content.source:
        wish.edits.append(
            ChangeSourceFrom(content.id, cell.version, _fitting(change, content.source, source).to_json())
        )
    metadata = raw.get("metadata")
    if isinstance(metadata, dict):
        new, gone = _difference(content.metadata, metadata)
        if new or gone:
            wish.edits.append(SetCellMetadata(content.id, new, gone))
    if kind == "code" and content.kind == "code":
        _output_edits(wish, state, cell, raw, inline)
    elif kind != "code":
        attachments = raw.get("attachments")
        if isinstance(attachments, dict) and not alike(attachments, content.attachments or {}):
            wish.edits.append(SetAttachments(content.id, attachments or None))


def _fitting(change: ChangeSet | None, old: str, new: str) -> ChangeSet:
    """Return the change that a client made where it is known and makes this of the old text; else their difference."""
    if change is not None:
        try:
            if change.apply(old) == new:
                return change
        except InvalidChange:
            pass
    return diff(old, new)


def _output_edits(wish: Wish, state: SessionState, cell: CellState, raw: JsonObject, inline: Inline) -> None:
    content = cell.cell
    if content.id in busy_cells(state):
        return  # the session writes them; what a client makes of that is not asked for
    shape = shaped(cell, running=False, inline=inline)
    shapes, outputs = shape["outputs"], raw.get("outputs")
    count = raw.get("execution_count")
    count = count if type(count) is int else None
    if alike(outputs, shapes) and count == content.execution_count:
        return
    if outputs == [] and count is None:
        wish.edits.append(ClearOutputs((content.id,)))
        return
    assert isinstance(shapes, list)
    found = outputs_of(outputs, content.outputs, shapes)
    if found is not None:
        wish.outputs.append(ReplaceOutputs(content.id, found, count))


def metadata_edit(state: SessionState, raw: Json) -> SetMetadata | None:
    """Return the edit of the notebook's metadata that a client made, or None."""
    if not isinstance(raw, dict):
        return None
    new, gone = _difference(state.metadata, raw)
    return SetMetadata(new, gone) if new or gone else None


def _difference(old: Mapping[str, Json], new: Mapping[str, Json]) -> tuple[dict[str, Json], tuple[str, ...]]:
    """Return what to set and what to remove to make `new` of `old`; what is the clients' own is neither."""
    changed = {
        key: value
        for key, value in new.items()
        if key not in CLIENTS_OWN and (key not in old or not alike(old[key], value))
    }
    return changed, tuple(key for key in old if key not in new and key not in CLIENTS_OWN)


def busy_cells(state: SessionState) -> set[CellId]:
    """Return the cells whose outputs a run of this session writes, or will."""
    return {run.cell_id for run in state.runs}


# ---- from the session to the document


class PutCells(Struct, frozen=True):
    """Put cells of these shapes in at a place."""

    at: int
    cells: tuple[JsonObject, ...]


class DropCells(Struct, frozen=True):
    """Take cells out."""

    at: int
    count: int


class PutKey(Struct, frozen=True):
    """Set a plain value of a cell."""

    at: int
    key: str
    value: Json


class DropKey(Struct, frozen=True):
    """Remove one."""

    at: int
    key: str


class PutMetadata(Struct, frozen=True):
    """Set and remove keys of a cell's metadata; None: of the notebook's."""

    at: int | None
    new: dict[str, Json]
    gone: tuple[str, ...]


class ChangeText(Struct, frozen=True):
    """Change a source, or (`output`) the text of a stream."""

    at: int
    changes: ChangeSet
    output: int | None = None


class PutOutputs(Struct, frozen=True):
    """Replace outputs from a place on."""

    at: int
    start: int
    count: int
    outputs: tuple[JsonObject, ...]


Step: TypeAlias = PutCells | DropCells | PutKey | DropKey | PutMetadata | ChangeText | PutOutputs


def in_portions(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Yield the same steps in lists that bring about `PORTION` characters each."""
    portion: list[Step] = []
    size = 0
    for step in steps:
        for part, weight in _parts(step):
            if portion and size + weight > PORTION:
                yield portion
                portion, size = [], 0
            portion.append(part)
            size += weight
    if portion:
        yield portion


def _parts(step: Step) -> Iterator[tuple[Step, int]]:
    """Yield a step in parts that do the same one after another, and what each weighs. Of cells, the last ones come first."""
    if isinstance(step, PutOutputs):
        yield step, _weight(list(step.outputs))
        return
    if not isinstance(step, PutCells):
        yield step, _LEAST
        return
    end, size = len(step.cells), 0
    for index in range(end - 1, -1, -1):
        weight = _weight(step.cells[index])
        if index < end - 1 and size + weight > PORTION:
            yield PutCells(step.at, step.cells[index + 1 : end]), size
            end, size = index + 1, 0
        size += weight
    yield PutCells(step.at, step.cells[:end]), size


def _weight(value: Json) -> int:
    if isinstance(value, str):
        return _LEAST + len(value)
    if isinstance(value, dict):
        return _LEAST + sum(map(_weight, value.values()))
    if isinstance(value, list | tuple):
        return _LEAST + sum(map(_weight, value))
    return _LEAST


def steps_between(
    ids: Sequence[CellId],
    cell_at: Callable[[int], JsonObject],
    old: SessionState | None,
    new: SessionState,
    *,
    dirty: Collection[CellId] = (),
    inline_for: Callable[[CellId], Inline],
) -> list[Step]:
    """Return what a document needs to show `new`.

    Args:
        ids: of the cells that stand in it.
        cell_at: what stands at a place; empty where that is no cell.
        old: what it shows, but for the order and the dirty cells; None: nobody knows.
        inline_for: where a cell's blobs come from.
    """
    was_busy, is_busy = busy_cells(old) if old is not None else set(), busy_cells(new)

    def shape(cell_id: CellId) -> JsonObject:
        return shaped(new.cells[cell_id], running=cell_id in is_busy, inline=inline_for(cell_id))

    steps: list[Step] = []
    put: set[CellId] = set()
    if list(ids) != list(new.order):
        steps = order_steps(ids, new.order, shape)
        put = {CellId(str(one["id"])) for step in steps if isinstance(step, PutCells) for one in step.cells}
    places: dict[CellId, int] | None = None
    for at, cell_id in enumerate(new.order):
        if cell_id in put:
            continue
        cell = new.cells[cell_id]
        before = old.cells.get(cell_id) if old is not None else None
        if before is None or cell_id in dirty:
            if places is None:
                places = {cell_id: index for index, cell_id in reversed(list(enumerate(ids)))}
            want = shape(cell_id)
            if old is not None and cell_id not in was_busy and cell_id not in is_busy:
                want.pop("execution_state", None)  # a client's own, while it runs the cell
            steps += cell_steps(at, cell_at(places[cell_id]), want)
        elif cell is not before or (cell_id in was_busy) is not (cell_id in is_busy):
            have = shaped(before, running=cell_id in was_busy, inline=inline_for(cell_id))
            known, count = new.changes.get(cell_id, ()), cell.version - before.version
            changes = (
                [ChangeSet.from_json(one) for one in known[-count:]] if 0 < count <= len(known) else None
            )
            steps += cell_steps(at, have, shape(cell_id), changes=changes)
    if old is not None and old.metadata is not new.metadata:
        steps += metadata_steps(old.metadata, new.metadata)
    return steps


def order_steps(
    have: Sequence[CellId], want: Sequence[CellId], shape: Callable[[CellId], JsonObject]
) -> list[Step]:
    """Return the steps that make the document's cells these, in this order; of two with one id, the first stays."""
    places = {cell_id: place for place, cell_id in enumerate(want)}
    firsts: dict[CellId, int] = {}
    for index, cell_id in enumerate(have):
        if cell_id in places:
            firsts.setdefault(cell_id, index)
    indices = sorted(firsts.values())
    rising = longest_rising([places[have[index]] for index in indices])
    staying = [indices[index] for index in rising]
    steps: list[Step] = []
    stays = set(staying)
    end = len(have)
    while end:  # from the end, so that places before stay what they are
        start = end
        while start and start - 1 not in stays:
            start -= 1
        if start < end:
            steps.append(DropCells(start, end - start))
        end = max(start - 1, 0)
    there = {have[index] for index in staying}
    block: list[JsonObject] = []
    for place, cell_id in enumerate(want):
        if cell_id in there:
            if block:
                steps.append(PutCells(place - len(block), tuple(block)))
                block = []
        else:
            block.append(shape(cell_id))
    if block:
        steps.append(PutCells(len(want) - len(block), tuple(block)))
    return steps


def cell_steps(
    at: int, have: JsonObject, want: JsonObject, *, changes: Sequence[ChangeSet] | None = None
) -> list[Step]:
    """Return the steps that make a cell of the document this shape.

    Args:
        changes: how its source became what it is, where that is known.
    """
    if have.get("cell_type") != want["cell_type"] or not isinstance(have.get("source"), str):
        # Clients make another object of each kind.
        return [DropCells(at, 1), PutCells(at, (want,))]
    steps: list[Step] = []
    old, new = have["source"], want["source"]
    assert isinstance(old, str)
    assert isinstance(new, str)
    if old != new:
        known = changes if changes and _makes(changes, old, new) else (diff(old, new),)
        steps += [ChangeText(at, change) for change in known]
    had = have.get("metadata")
    wanted = want["metadata"]
    assert isinstance(wanted, dict)
    metadata = _difference(had, wanted) if isinstance(had, dict) else (wanted, ())
    if metadata[0] or metadata[1]:
        steps.append(PutMetadata(at, *metadata))
    if want["cell_type"] == "code":
        outputs = have.get("outputs")
        steps += output_steps(at, outputs if isinstance(outputs, list) else [], want["outputs"])
        for key in ("execution_count", "execution_state"):
            if key in want and (key not in have or not alike(have[key], want[key])):
                steps.append(PutKey(at, key, want[key]))
    elif not alike(have.get("attachments") or {}, want.get("attachments") or {}):
        value = want.get("attachments")
        steps.append(PutKey(at, "attachments", value) if value else DropKey(at, "attachments"))
    return steps


def _makes(changes: Sequence[ChangeSet], old: str, new: str) -> bool:
    try:
        for change in changes:
            old = change.apply(old)
    except InvalidChange:
        return False
    return old == new


def metadata_steps(have: Json, want: Mapping[str, Json]) -> list[Step]:
    """Return the steps that make the notebook's metadata these."""
    new, gone = _difference(have if isinstance(have, dict) else {}, want)
    return [PutMetadata(None, new, gone)] if new or gone else []


def output_steps(at: int, have: Sequence[Json], want: Json) -> list[Step]:
    """Return the steps that make a cell's outputs these: a stream that grew is not sent again."""
    assert isinstance(want, list)
    shorter = min(len(have), len(want))
    same = next((index for index in range(shorter) if not alike(have[index], want[index])), shorter)
    if same == len(have) == len(want):
        return []
    steps: list[Step] = []
    change = _grown(have[same], want[same]) if same < shorter else None
    if change is not None:
        steps.append(ChangeText(at, change, output=same))
        same += 1
    rest = tuple(one for one in want[same:] if isinstance(one, dict))
    if same < len(have) or rest:
        steps.append(PutOutputs(at, same, len(have) - same, rest))
    return steps


def _grown(old: Json, new: Json) -> ChangeSet | None:
    """Return the change of a stream's text where most of it stays; None: it is another output."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return None
    before, after = old.get("text"), new.get("text")
    if new.get("output_type") != "stream" or {**old, "text": ""} != {**new, "text": ""}:
        return None
    if not isinstance(before, str) or not isinstance(after, str):
        return None
    if after.startswith(before):
        return splice(before, len(before), len(before), after[len(before) :])
    shorter = min(len(before), len(after))
    head = next((index for index in range(shorter) if before[index] != after[index]), shorter)
    return splice(before, head, len(before), after[head:]) if head * 2 >= len(before) else None


def splice(old: str, start: int, end: int, text: str) -> ChangeSet:
    """Return the change that replaces characters of a text."""
    parts: list[int | list[int | str]] = [
        _units(old[:start]),
        [_units(old[start:end]), *text.split("\n")],
        _units(old[end:]),
    ]
    return ChangeSet.from_json(parts)


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2

"""A room's Yjs document: what clients see of a session, and where their changes arrive. Knows pycrdt, and no session.

It has the keys of jupyter_ydoc's YNotebook. Texts are counted in UTF-8 bytes by
pycrdt and in UTF-16 units by changes; here they are turned into each other.
Rules CB5, CB13: docs/specs/collaboration.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from pycrdt import Array, Map, MapEvent, Text, TextEvent

from carnet.collaboration import plan
from carnet.collaboration.plan import Slot, Step, is_id
from carnet.collaboration.shape import normal, text_of
from carnet.collaboration.shared_document import SharedDocument, Spoilt
from carnet.collaboration.updates import clocks
from carnet.core.notebook.ipynb import check_depth
from carnet.core.notebook.model import Json, JsonObject
from carnet.core.text.changes import ChangeSet
from carnet.errors import InvalidNotebook
from carnet.ids import CellId

PATH_LIMIT: Final = 100
"""How deep a shared type may stand that somebody changes. In a notebook it is four: a cell, its outputs, an output, its text."""


@dataclass
class Touched:
    """What an update changed."""

    update: bytes = b""
    """All of it that was new. Empty: nothing."""
    slots: list[Slot] = field(default_factory=list)
    ordered: bool = False
    """Cells came, went, moved, or changed their ids."""
    changes: dict[CellId, list[Any]] = field(default_factory=dict)
    """How sources were changed, as pycrdt says it."""
    metadata: Json = None
    """The notebook's, where a client may have changed it."""

    @property
    def is_visible(self) -> bool:
        """Whether anything of it can be seen in the document."""
        return self.ordered or self.metadata is not None or any(slot.raw is not None for slot in self.slots)


class NotebookDocument(SharedDocument):
    """One room's document."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: Array[Any] = self._doc.get("cells", type=Array)
        self._meta: Map[Any] = self._doc.get("meta", type=Map)
        self._state: Map[Any] = self._doc.get("state", type=Map)
        self._ids: list[CellId] = []
        self._events: list[Any] | None = None
        """What clients change is noted here; None: it is we who change."""
        self._subscriptions = (
            self._cells.observe_deep(self._note),
            self._meta.observe_deep(self._note_meta),
            self._state.observe_deep(self._note_depth),
        )
        self._meta_touched = False
        self._depth = 0
        """How deep what a client changed stands."""

    # ---- whole

    def load(self, updates: Sequence[bytes]) -> None:
        """Take the updates that were kept.

        Raises:
            PeerError: one cannot be read.
        """
        for update in updates:
            self._apply(update)
        self._updates.clear()
        self._ids = [self._id_at(index) for index in range(len(self._cells))]

    @property
    def ids(self) -> Sequence[CellId]:
        """The cells' ids, in order; empty where there is none."""
        return self._ids

    def cell(self, index: int) -> JsonObject:
        """Return what stands at a place, as plain values; empty where it is not of the shape that clients know."""
        found = self._cells[index]
        raw = self._raw(found)
        if (
            raw is None
            or not isinstance(found.get("source"), Text)
            or not isinstance(found.get("metadata"), Map)
        ):
            return {}
        if raw.get("cell_type") == "code" and not isinstance(found.get("outputs"), Array):
            return {}
        return raw

    def sources(self) -> dict[CellId, str]:
        """Return the sources of the cells, by id."""
        found: dict[CellId, str] = {}
        for index, cell_id in enumerate(self._ids):
            if cell_id:
                raw = self._raw(self._cells[index]) or {}
                found.setdefault(cell_id, text_of(raw.get("source")))
        return found

    def metadata(self) -> Json:
        """Return the notebook's metadata."""
        found = self._meta.get("metadata")
        return normal(found.to_py()) if isinstance(found, Map) else None

    # ---- what clients do

    def take(self, update: bytes) -> Touched:
        """Take a client's update, and say what it changed.

        Raises:
            PeerError: it cannot be read; nothing changed.
            Spoilt: it broke off in the middle, or nothing could be made of it.
        """
        events: list[Any] = []
        self._events, self._meta_touched, self._depth = events, False, 0
        try:
            self._apply(update)
        finally:
            self._events = None
        if self._depth > PATH_LIMIT:
            # Types in texts, and lists in maps, are seen by nobody: they are not among the values that are looked at below.
            raise Spoilt("not a Yjs message: shared types are nested too deep")
        try:
            touched = self._touched(events)
            check_depth([self._meta.to_py(), self._state.to_py(), *(slot.raw for slot in touched.slots)])
        except (RecursionError, InvalidNotebook) as error:
            # Shared types in each other, each a small item of its own.
            raise Spoilt("not a Yjs message: an update that is nested too deep") from error
        return touched

    def _note(self, events: list[Any]) -> None:
        if self._events is None:
            return
        self._note_depth(events)
        for event in events:
            kind = type(event)
            keys = set(event.keys) if kind is MapEvent else None
            delta = event.delta if keys is None else None
            self._events.append((list(event.path), kind is TextEvent, delta, keys))

    def _note_meta(self, events: list[Any]) -> None:
        self._meta_touched = True
        self._note_depth(events)

    def _note_depth(self, events: list[Any]) -> None:
        if self._events is not None:
            self._depth = max(self._depth, *(len(event.path) for event in events), 0)

    def _touched(self, events: list[Any]) -> Touched:
        touched = Touched(self._taken())
        old: list[CellId | None] = list(self._ids)
        dirty: set[int] = set()
        deltas: dict[int, list[Any]] = {}
        for path, is_text, delta, keys in events:
            if not path:
                touched.ordered = True
                old = _moved(old, delta, len(self._cells))
            else:
                dirty.add(path[0])
                if is_text and path[1:] == ["source"]:
                    deltas[path[0]] = delta
                elif len(path) == 1 and keys is not None and "id" in keys:
                    touched.ordered = True
        for index, known in enumerate(old):
            if known is not None and index not in dirty:
                touched.slots.append(Slot(known))
                continue
            raw = self._raw(self._cells[index])
            named = raw.get("id") if raw is not None else None
            cell_id = CellId(named) if isinstance(named, str) and is_id(named) else CellId("")
            if cell_id != known:
                touched.ordered = True
            touched.slots.append(Slot(cell_id, is_new=cell_id != known, raw=raw))
            if index in deltas and cell_id == known:
                touched.changes[cell_id] = deltas[index]
        self._ids = [slot.cell_id for slot in touched.slots]
        if self._meta_touched:
            touched.metadata = self.metadata()
        return touched

    # ---- what the session did

    def name(self, named: "dict[int, CellId]") -> bytes:
        """Give cells ids; return the update."""
        with self._doc.transaction():
            for index, cell_id in named.items():
                self._cells[index]["id"] = cell_id
                self._ids[index] = cell_id
        return self._taken()

    def perform(self, steps: Sequence[Step], state: "dict[str, Json] | None" = None) -> bytes:
        """Do these steps in one transaction; return the update, empty when nothing changed."""
        with self._doc.transaction():
            for step in steps:
                self._perform(step)
            self._say(state or {})
        return self._taken()

    def _say(self, state: "dict[str, Json]") -> None:
        for key, said in state.items():
            if self._state.get(key) != said:
                self._state[key] = said

    def complete(
        self, steps: Sequence[Step], state: "dict[str, Json]", nbformat: tuple[int, int]
    ) -> list[bytes]:
        """Do these steps, and say what every notebook's document says; return the updates that changed something.

        What is much comes in several: each call into pycrdt keeps the interpreter's lock to its end.
        """
        with self._doc.transaction():
            for key, value in zip(("nbformat", "nbformat_minor"), nbformat, strict=True):
                if self._meta.get(key) != value:
                    self._meta[key] = value
            if not isinstance(self._meta.get("metadata"), Map):
                self._meta["metadata"] = Map({})
            self._say(state)
        updates = [self._taken()]
        updates += [self.perform(portion) for portion in plan.in_portions(steps)]
        return [update for update in updates if update]

    def _perform(self, step: Step) -> None:
        match step:
            case plan.PutCells(at=at, cells=cells):
                # The last one first: to find a place takes pycrdt time with each item that stands before it.
                for shape in reversed(cells):
                    self._cells.insert(at, _cell(shape))
                self._ids[at:at] = [CellId(str(shape["id"])) for shape in cells]
            case plan.DropCells(at=at, count=count):
                del self._cells[at : at + count]
                del self._ids[at : at + count]
            case plan.PutKey(at=at, key=key, value=value):
                self._cells[at][key] = _plain(value)
            case plan.DropKey(at=at, key=key):
                self._cells[at].pop(key, None)
            case plan.PutMetadata(at=at, new=new, gone=gone):
                metadata = (self._meta if at is None else self._cells[at])["metadata"]
                for key in gone:
                    metadata.pop(key, None)
                for key, value in new.items():
                    metadata[key] = _plain(value)
            case plan.ChangeText(at=at, changes=changes, output=index):
                if index is None:
                    change_text(self._cells[at]["source"], changes)
                else:
                    self._change_stream(self._cells[at]["outputs"], index, changes)
            case plan.PutOutputs(at=at, start=start, count=count, outputs=shapes):
                outputs = self._cells[at]["outputs"]
                if count:
                    del outputs[start : start + count]
                for offset, shape in enumerate(shapes):
                    outputs.insert(start + offset, _output(shape))
            case _:
                assert_never(step)

    def _change_stream(self, outputs: "Array[Any]", index: int, changes: ChangeSet) -> None:
        output = outputs[index]
        if isinstance(output, Map) and isinstance(output.get("text"), Text):
            change_text(output["text"], changes)
            return
        # A client put it there as a plain value, which cannot be changed in part.
        raw = normal(output.to_py() if isinstance(output, Map) else output)
        assert isinstance(raw, dict)
        raw["text"] = changes.apply(str(raw["text"]))
        del outputs[index]
        outputs.insert(index, _output(raw))

    # ---- reading

    def _raw(self, found: object) -> JsonObject | None:
        raw = normal(found.to_py()) if isinstance(found, Map) else None
        return raw if isinstance(raw, dict) else None

    def _id_at(self, index: int) -> CellId:
        found = self._cells[index]
        named = found.get("id") if isinstance(found, Map) else None
        return CellId(named) if isinstance(named, str) and is_id(named) else CellId("")


def written_away(updates: Sequence[bytes], vector: bytes, update: bytes) -> dict[CellId, tuple[str, str]]:
    """Return the sources that a client changed while it was away: each as it had it, and as it is now.

    Where a cell was moved meanwhile, which in Yjs is another cell, or deleted,
    the letters of its update reach nobody. So the document is made again that the
    client had when it left.

    Args:
        updates: all that are kept, oldest first.
        vector: what the client had of them.
        update: what it brings.
    """
    return written_on(updates[: _known(updates, clocks(vector))], update)


def written_on(updates: Sequence[bytes], update: bytes) -> dict[CellId, tuple[str, str]]:
    """Return the sources that an update changes in the document that these updates make: each before, and after."""
    document = NotebookDocument()
    document.load(updates)
    before = document.sources()
    document.take(update)
    after = document.sources()
    return {
        cell_id: (source, after[cell_id])
        for cell_id, source in before.items()
        if after.get(cell_id, source) != source
    }


def _known(updates: Sequence[bytes], have: Mapping[int, int]) -> int:
    """Return how many of the updates somebody has: the first so many, without those at their end that only delete."""
    document = NotebookDocument()
    count, last = 0, b""
    for index, update in enumerate(updates):
        document.load([update])
        vector = document.vector()
        if any(have.get(client, 0) < clock for client, clock in clocks(vector).items()):
            break
        if vector != last:
            count, last = index + 1, vector
    return count


def _moved(old: list[CellId | None], delta: list[Any], length: int) -> list[CellId | None]:
    """Return whose places the places are now; None: of a cell that came just now."""
    new: list[CellId | None] = []
    at = 0
    for part in delta:
        if "retain" in part:
            new += old[at : at + part["retain"]]
            at += part["retain"]
        elif "delete" in part:
            at += part["delete"]
        else:
            new += [None] * len(part["insert"])
    new += old[at:]
    return new if len(new) == length else [None] * length


def change_of(old: str, delta: Sequence[Any]) -> ChangeSet | None:
    """Return pycrdt's delta of a text, counted in UTF-8 bytes, as a change of the text before it; None: it is not one."""
    data, at = old.encode(), 0
    parts: list[int | list[int | str]] = []
    try:
        for part in delta:
            if "insert" in part:
                if not isinstance(part["insert"], str):
                    return None
                parts.append([0, *part["insert"].split("\n")])
                continue
            kept = part.get("retain", part.get("delete"))
            units = len(data[at : at + kept].decode().encode("utf-16-le")) // 2
            parts.append(units if "retain" in part else [units])
            at += kept
        parts.append(len(data[at:].decode().encode("utf-16-le")) // 2)
    except UnicodeDecodeError:
        return None
    return ChangeSet.from_json(parts)


def change_text(text: Text, changes: ChangeSet) -> None:
    """Change a shared text."""
    old = str(text)
    for start, end, new in reversed(list(changes.replaced())):
        first, last = _byte(old, start), _byte(old, end)
        if last > first:
            del text[first:last]
        if new:
            text.insert(first, sound(new))


def _byte(text: str, unit: int) -> int:
    """Return which byte of UTF-8 a UTF-16 unit begins with."""
    if text.isascii():
        return unit
    return len(text.encode("utf-16-le")[: 2 * unit].decode("utf-16-le").encode())


def _cell(shape: JsonObject) -> Map[Any]:
    parts: dict[str, Any] = {key: _plain(value) for key, value in shape.items()}
    parts["source"] = Text(sound(str(shape["source"])))
    parts["metadata"] = Map(parts["metadata"])
    outputs = shape.get("outputs")
    if isinstance(outputs, list):
        parts["outputs"] = Array([_output(one) for one in outputs if isinstance(one, dict)])
    return Map(parts)


def _output(shape: JsonObject) -> Map[Any]:
    parts: dict[str, Any] = {key: _plain(value) for key, value in shape.items()}
    if shape.get("output_type") == "stream":
        parts["text"] = Text(sound(str(shape.get("text", ""))))
    return Map(parts)


def _plain(value: Json) -> Any:
    """Return a value as pycrdt takes it: what JavaScript cannot count is a float."""
    match value:
        case int() if not isinstance(value, bool):
            return float(value)
        case str():
            return sound(value)
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {sound(key): _plain(one) for key, one in value.items()}
        case _:
            return value


def sound(text: str) -> str:
    """Return the text without halves of surrogate pairs, which UTF-8 cannot carry."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

"""Look through a Yjs update, byte by byte, before anything else does. Purely.

An update comes from whoever is in the room, and goes to a library that was not
made for hostile bytes: values nested a hundred thousand deep end a process. So
each one is walked through here first, with bounds, and only what a notebook or
a text file can hold is let through: texts, maps, lists, plain values.

The format is that of Yjs 13, version 1 (`UpdateDecoderV1`), which has no
specification but its source. Rules CB20, CB26: docs/specs/collaboration.md.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, NoReturn, TypeAlias

from carnet.errors import PeerError

DEPTH_LIMIT: Final = 100
"""Of lists and objects in each other, in one value."""

_MORE: Final = 0x80
_NUMBER_LIMIT: Final = 1 << 53
"""JavaScript counts no further."""

_CLOCK_LIMIT: Final = 1 << 31
"""So that sums of clocks and lengths do not go round where they have 32 bits."""

# What an item's first byte says: its content, and which places are named.
_CONTENT: Final = 0x1F
_HAS_LEFT: Final = 0x80
_HAS_RIGHT: Final = 0x40
_HAS_KEY: Final = 0x20

TYPES_LIMIT: Final = 5000
"""Shared types in one update: a thousand new cells."""

STRUCTS_LIMIT: Final = 500_000
"""Structs in one update. Letters that were typed one after the other are one; each takes some 200 bytes of memory, and six on the line."""

NESTING_LIMIT: Final = 100
"""Of shared types in each other, in one update; a notebook has four. Some 30,000 end a process, when they are deleted."""

ROOTS: Final = frozenset({"cells", "meta", "state"})
"""Where a notebook's document begins. What stands elsewhere nobody would look at."""

SOURCE: Final = "source"
TEXT_ROOTS: Final = frozenset({SOURCE, "state"})
"""Where a text file's document begins."""

_GC, _DELETED, _JSON, _BINARY, _STRING, _TYPE, _ANY, _SKIP = 0, 1, 2, 3, 4, 7, 8, 10
_SHARED_TYPES: Final = frozenset({0, 1, 2})
"""Array, map, text. The others are for XML."""


class Reader:
    """Reads lib0's encoding: numbers of seven bits a byte, strings and bytes with their length before them."""

    __slots__ = ("_data", "at")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    @property
    def is_done(self) -> bool:
        """Whether all was read."""
        return self.at == len(self._data)

    def byte(self) -> int:
        """Read one byte."""
        if self.at >= len(self._data):
            self.fail("it ends too early")
        self.at += 1
        return self._data[self.at - 1]

    def number(self) -> int:
        """Read a whole number that is not negative."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & ~_MORE) << shift
            if byte < _MORE:
                return value
            shift += 7
            if value >= _NUMBER_LIMIT or shift > 63:
                self.fail("a number is too large")

    def small(self) -> int:
        """Read a clock, or a length that is added to one."""
        value = self.number()
        if value >= _CLOCK_LIMIT:
            self.fail("a clock is too large")
        return value

    def signed(self) -> None:
        """Pass a whole number with a sign."""
        byte = self.byte()
        for _ in range(10):
            if byte < _MORE:
                return
            byte = self.byte()
        self.fail("a number is too large")

    def bytes(self) -> bytes:
        """Read bytes."""
        length = self.number()
        self.skip(length)
        return self._data[self.at - length : self.at]

    def string(self) -> str:
        """Read a string."""
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            self.fail("a string is not UTF-8")

    def skip(self, length: int) -> None:
        """Pass so many bytes."""
        if length > len(self._data) - self.at:
            self.fail("it ends too early")
        self.at += length

    def fail(self, what: str) -> NoReturn:
        """Say what is wrong, and where.

        Raises:
            PeerError: always.
        """
        raise PeerError(f"not a Yjs message: {what} (byte {self.at})")


Place: TypeAlias = tuple[int, int]
"""Client and clock: how Yjs names an item."""


class Struct(NamedTuple):
    """One struct, as far as anybody here asks."""

    is_type: bool
    length: int
    beside: Place | None
    """Its parent, or an item with the same parent. None: it stands in a root, or nowhere."""
    is_parent: bool
    """`beside` is its parent."""
    is_first: bool = False
    """It is the first of a root's list or text."""


class Brought(NamedTuple):
    """What an update brings."""

    structs: int
    types: int
    """Shared types among them."""
    ends: Mapping[int, int]
    """Of each client, the clock behind the last struct of its that is brought, or deleted."""

    def waits(self, have: Mapping[int, int]) -> bool:
        """Return whether a document that has so much of each client has not got all of it."""
        return any(have.get(client, 0) < end for client, end in self.ends.items())

    founders: frozenset[int] = frozenset()
    """Clients of which something stands first in a root's list or text, with nothing beside it, deleted or not."""


def check_update(update: bytes, *, roots: frozenset[str] = ROOTS) -> Brought:
    """Return what an update brings. `roots`: where documents of its kind begin.

    Raises:
        PeerError: it is malformed, or holds what no such document does.
    """
    reader, structs, types = Reader(update), 0, 0
    ends: dict[int, int] = {}
    founders: set[int] = set()
    for _ in range(reader.number()):
        count = reader.number()
        client = reader.number()
        clock = reader.small()
        for _ in range(count):
            struct = _struct(reader, roots)
            clock += struct.length
            types += struct.is_type
            structs += 1
            if struct.is_first:
                founders.add(client)
            if types > TYPES_LIMIT:
                reader.fail(f"more than {TYPES_LIMIT} shared types in one update")
            if structs > STRUCTS_LIMIT:
                reader.fail(f"more than {STRUCTS_LIMIT} structs in one update")
        ends[client] = max(ends.get(client, 0), clock)
    for _ in range(reader.number()):
        client = reader.number()
        for _ in range(reader.number()):
            clock = reader.small()
            ends[client] = max(ends.get(client, 0), clock + reader.small())
    if not reader.is_done:
        reader.fail("something follows its end")
    if types > NESTING_LIMIT and _levels(update) > NESTING_LIMIT:
        reader.fail(f"shared types are nested too deep: more than {NESTING_LIMIT} in each other")
    return Brought(structs, types, ends, frozenset(founders))


def clocks(vector: bytes) -> dict[int, int]:
    """Return how much a state vector says to have of each client."""
    reader = Reader(vector)
    return {reader.number(): reader.small() for _ in range(reader.number())}


def _levels(update: bytes) -> int:
    """Return how many shared types of an update are in each other. It was looked through before.

    What stands in something that the update does not bring begins anew.
    """
    reader = Reader(update)
    items: list[Struct] = []
    starts: dict[int, list[tuple[int, int]]] = {}
    """Of each client: where its structs begin, and which of `items` they are."""
    for _ in range(reader.number()):
        count, client, clock = reader.number(), reader.number(), reader.small()
        own = starts.setdefault(client, [])
        for _ in range(count):
            own.append((clock, len(items)))
            items.append(_struct(reader, ROOTS | TEXT_ROOTS))
            clock += items[-1].length
    for own in starts.values():
        own.sort()
    return max(_depths(items, [_index_of(item.beside, items, starts) for item in items]), default=0)


def _index_of(
    place: Place | None, items: Sequence[Struct], starts: Mapping[int, Sequence[tuple[int, int]]]
) -> int:
    """Return which of the items a place is in; -1: none of them."""
    if place is None:
        return -1
    own = starts.get(place[0], ())
    at = bisect_right(own, (place[1], len(items))) - 1
    if at < 0:
        return -1
    start, index = own[at]
    return index if place[1] < start + items[index].length else -1


def _depths(items: Sequence[Struct], beside: Sequence[int]) -> list[int]:
    """Return for each item how many shared types it is in, itself among them. No recursion, as below."""
    depths = [-1] * len(items)
    for first in range(len(items)):
        way, at = [], first
        # An item that leads to itself never comes to anything: it ends where it began.
        while at >= 0 and depths[at] < 0:
            depths[at] = 0
            way.append(at)
            at = beside[at]
        for one in reversed(way):
            to = beside[one]
            inside = 0 if to < 0 else depths[to] if items[one].is_parent else depths[to] - items[to].is_type
            depths[one] = max(inside, 0) + items[one].is_type
    return depths


def _struct(reader: Reader, roots: frozenset[str]) -> Struct:
    """Pass one struct."""
    info = reader.byte()
    content = info & _CONTENT
    if content in {_GC, _SKIP}:
        return Struct(False, reader.small(), None, False)
    beside: Place | None = None
    is_parent = is_first = False
    if info & _HAS_LEFT:
        beside = _place(reader)
    if info & _HAS_RIGHT:
        right = _place(reader)
        beside = beside or right
    if not info & (_HAS_LEFT | _HAS_RIGHT):
        if reader.number() == 1:
            if reader.string() not in roots:
                reader.fail("a root that no such document has")
            is_first = not info & _HAS_KEY
        else:
            beside, is_parent = _place(reader), True
        if info & _HAS_KEY:
            reader.string()
    return Struct(content == _TYPE, _content(reader, content), beside, is_parent, is_first)


def _place(reader: Reader) -> Place:
    return reader.number(), reader.small()


def _content(reader: Reader, content: int) -> int:
    """Pass what a struct holds; return its length, as clocks count it."""
    length = 1
    if content == _STRING:
        text = reader.string()
        length = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    elif content == _ANY:
        length = reader.number()
        for _ in range(length):
            _any(reader)
    elif content == _TYPE:
        if reader.number() not in _SHARED_TYPES:
            reader.fail("a shared type that no document has")
    elif content == _DELETED:
        length = reader.small()
    elif content == _BINARY:
        reader.bytes()
    elif content == _JSON:
        length = reader.number()
        for _ in range(length):
            text = reader.string()
            # Read by a parser that nests as deep as it is told; so count what opens.
            if text.count("[") + text.count("{") > DEPTH_LIMIT:
                reader.fail("a value is nested too deep")
    else:
        reader.fail(f"content of kind {content}, which no document has")
    return length


def _any(reader: Reader) -> None:
    """Pass one plain value. No recursion: the depth is what is to be bounded."""
    left = [1]
    """How many values are to come, on each level; negative: of an object, with keys."""
    while left:
        if left[-1] == 0:
            left.pop()
            continue
        if left[-1] < 0:
            left[-1] += 1
            reader.string()
        else:
            left[-1] -= 1
        kind = reader.byte()
        if kind in {118, 117}:
            count = reader.number()
            left.append(-count if kind == 118 else count)
            if len(left) > DEPTH_LIMIT:
                reader.fail("a value is nested too deep")
        elif kind == 125:
            reader.signed()
        elif kind in {124, 123, 122}:
            reader.skip(4 if kind == 124 else 8)
        elif kind in {119, 116}:
            reader.bytes()
        elif kind not in {127, 126, 121, 120}:
            reader.fail(f"a value of kind {kind}")

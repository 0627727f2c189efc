"""Look through a Yjs update, byte by byte, before anything else does. Purely.

An update comes from whoever is in the room, and goes to a library that was not
made for hostile bytes: values nested a hundred thousand deep end a process. So
each one is walked through here first, with bounds, and only what a notebook can
hold is let through: texts, maps, lists, plain values.

The format is that of Yjs 13, version 1 (`UpdateDecoderV1`), which has no
specification but its source. Rule CB20: docs/specs/collaboration.md.
"""

from typing import Final, NamedTuple, NoReturn

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
"""Shared types in one update: a thousand new cells. 100,000 in each other end a process, when they are deleted."""

ROOTS: Final = frozenset({"cells", "meta", "state"})
"""Where a notebook's document begins. What stands elsewhere nobody would look at."""

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


class Brought(NamedTuple):
    """What an update brings."""

    structs: int
    types: int
    """Shared types among them."""


def check_update(update: bytes) -> Brought:
    """Return what an update brings.

    Raises:
        PeerError: it is malformed, or holds what no notebook does.
    """
    reader, structs, types = Reader(update), 0, 0
    for _ in range(reader.number()):
        count = reader.number()
        reader.number()  # client
        reader.small()  # clock
        for _ in range(count):
            types += _struct(reader)
            if types > TYPES_LIMIT:
                reader.fail(f"more than {TYPES_LIMIT} shared types in one update")
        structs += count
    for _ in range(reader.number()):
        reader.number()  # client
        for _ in range(reader.number()):
            reader.small()  # clock
            reader.small()  # length
    if not reader.is_done:
        reader.fail("something follows its end")
    return Brought(structs, types)


def clocks(vector: bytes) -> dict[int, int]:
    """Return how much a state vector says to have of each client."""
    reader = Reader(vector)
    return {reader.number(): reader.small() for _ in range(reader.number())}


def _struct(reader: Reader) -> bool:
    """Pass one struct; return whether it is a shared type."""
    info = reader.byte()
    content = info & _CONTENT
    if content in {_GC, _SKIP}:
        reader.small()
        return False
    if info & _HAS_LEFT:
        _place(reader)
    if info & _HAS_RIGHT:
        _place(reader)
    if not info & (_HAS_LEFT | _HAS_RIGHT):
        if reader.number() == 1:
            if reader.string() not in ROOTS:
                reader.fail("a root that no notebook has")
        else:
            _place(reader)
        if info & _HAS_KEY:
            reader.string()
    _content(reader, content)
    return content == _TYPE


def _place(reader: Reader) -> None:
    reader.number()
    reader.small()


def _content(reader: Reader, content: int) -> None:
    if content == _STRING:
        reader.string()
    elif content == _ANY:
        for _ in range(reader.number()):
            _any(reader)
    elif content == _TYPE:
        if reader.number() not in _SHARED_TYPES:
            reader.fail("a shared type that no notebook has")
    elif content == _DELETED:
        reader.small()
    elif content == _BINARY:
        reader.bytes()
    elif content == _JSON:
        for _ in range(reader.number()):
            text = reader.string()
            # Read by a parser that nests as deep as it is told; so count what opens.
            if text.count("[") + text.count("{") > DEPTH_LIMIT:
                reader.fail("a value is nested too deep")
    else:
        reader.fail(f"content of kind {content}, which no notebook has")


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

"""Cut a large notebook's JSON into pieces of some cells each, without reading it.

Any call into msgspec or json holds the interpreter's lock from its first byte to
its last, and everybody on the server waits for it: 50 MB take 20 to 90 ms. So
the list of cells is cut where one ends and the next begins, found by how the file
is written, and each piece is parsed alone. That a cut was right is proved by the
grammar: when every piece is items of a list, and what is around them, with one
string in the place of that list, is an object, then the whole is exactly what it
seems. Who finds a piece that is not reads the whole in one go. Rule NB16:
docs/specs/notebook.md.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import msgspec

from carnet.core.notebook.model import Json, JsonObject

Buffer: TypeAlias = bytes | bytearray
"""Where a notebook's bytes may be; or in what can be searched and cut as these can (an `mmap`)."""

PIECE_BYTES: Final = 64 << 10
"""A piece is so long, and then up to the end of its last cell."""

_WINDOW_BYTES: Final = 1 << 20
"""Searched in one call."""

_ENDS: Final = 64
"""Closing brackets tried, from the end, for that of the cells."""

#: Where the cells begin: the white space before the first one, and in it before its first key, and that key.
_BEGIN: Final = re.compile(rb'"cells"\s*:\s*(\[(\s*))\{(\s*)("\w+")')

_CELLS: Final = "\0cells"
"""In the place of the list."""


class Apart(NamedTuple):
    """A notebook, cut."""

    around: JsonObject
    """The object that the bytes are, with something else in the place of the cells."""
    pieces: list[slice]
    """Where the cells are, with the commas between them."""


def take_apart(data: Buffer, *, inside: str = "") -> Apart | None:
    """Cut a notebook, or an object whose key `inside` is a notebook; None: it cannot be cut."""
    begin = _BEGIN.search(data, 0, _WINDOW_BYTES)
    if begin is None:
        return None
    pieces: list[slice] = []
    start = begin.end(1)
    for end in _ends_of_cells(data, start, begin):
        pieces.append(slice(start, end))
        start = end + 1  # after the comma
    before = bytes(data[: begin.start(1)]) + msgspec.json.encode(_CELLS)
    end = len(data)
    for _ in range(_ENDS):
        end = data.rfind(b"]", max(start, end - _WINDOW_BYTES), end)
        if end < 0:
            return None
        try:
            around = msgspec.json.decode(before + data[end + 1 :], type=dict[str, Json])
        except (msgspec.MsgspecError, RecursionError):
            continue
        holder = around.get(inside) if inside else around
        if not isinstance(holder, dict) or holder.get("cells") != _CELLS:
            return None
        return Apart(around, [*pieces, slice(start, end)])
    return None


def items(data: Buffer, piece: slice) -> list[Json]:
    """Return the cells of one piece.

    Raises:
        msgspec.MsgspecError, RecursionError: the cut was wrong, or something is wrong with a cell.
    """
    return msgspec.json.decode(b"".join((b"[", memoryview(data)[piece], b"]")), type=list[Json])


def _ends_of_cells(data: Buffer, start: int, begin: "re.Match[bytes]") -> Iterator[int]:
    """Yield where pieces end: behind the last brace of a cell that another one follows."""
    space, inner, key = begin[2], begin[3], begin[4]
    if b"\n" in space:
        # Indented. No string of JSON has a line feed in it, so these are the file's own lines.
        separators = [(space + b"}," + space + b"{", len(space) + 1)]
    else:
        # Dense. A quote before a key's name is no string's end, so this is between two objects.
        separators = [(b"}," + between + b"{" + inner + key, 1) for between in (b"", b" ")]
    at = start + PIECE_BYTES
    while at < len(data):
        stop = at + _WINDOW_BYTES
        found = [
            where + skip
            for separator, skip in separators
            if (where := data.find(separator, at, stop + len(separator))) >= 0
        ]
        if found:
            yield min(found)
            at = min(found) + PIECE_BYTES
        else:
            at = stop

"""Pieces of bytes as a file, so that what is made in pieces need not be put together to be saved.

Rule ST26: docs/specs/storage.md.
"""

from collections.abc import Sequence
from io import BytesIO, RawIOBase
from typing import BinaryIO, Final, cast

STEP_BYTES: Final = 1 << 20
"""Copied at a time: a longer copy would hold the interpreter's lock while all other threads wait."""


def file_of(pieces: Sequence[bytes]) -> BinaryIO:
    """Return a file, at its start, whose bytes are those of the pieces. It can be read, and be read again after `seek(0)`."""
    return cast("BinaryIO", _Pieces(pieces))


def whole(pieces: Sequence[bytes]) -> bytes:
    """Return the pieces as one. `BytesIO` grows in place, and gives its buffer away without a copy."""
    buffer = BytesIO()
    for piece in pieces:
        if len(piece) <= STEP_BYTES:
            buffer.write(piece)
            continue
        view = memoryview(piece)
        for at in range(0, len(piece), STEP_BYTES):
            buffer.write(view[at : at + STEP_BYTES])
    return buffer.getvalue()


class _Pieces(RawIOBase):
    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._next = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go back to the start, or, as the only other place, stay."""
        if (offset, whence) != (0, 0):
            raise OSError("pieces can be read from their start only")
        self._next, self._rest = 0, memoryview(b"")
        return 0

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes, or what is left; all of it for -1."""
        if size < 0:
            left = [bytes(self._rest), *self._pieces[self._next :]]
            self._next, self._rest = len(self._pieces), memoryview(b"")
            return whole(left)
        taken: list[memoryview] = []
        while size > 0 and self._has_more():
            part, self._rest = self._rest[:size], self._rest[size:]
            size -= len(part)
            taken.append(part)
        return b"".join(taken)

    def _has_more(self) -> bool:
        while not self._rest and self._next < len(self._pieces):
            self._rest = memoryview(self._pieces[self._next])
            self._next += 1
        return bool(self._rest)

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        """Fill the buffer as far as there are bytes."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

"""Which bytes a Range header asks for. One range only; anything else means the whole file."""

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NotSatisfiable(Exception):
    """The range begins behind the end."""


def byte_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return (start, stop) of the bytes to send; None: all of them, with status 200.

    Raises:
        NotSatisfiable: answer 416.
    """
    found = _RANGE.fullmatch((header or "").strip())
    if found is None or (not found[1] and not found[2]):
        return None
    if not found[1]:
        length = int(found[2])
        if length == 0 or size_bytes == 0:
            raise NotSatisfiable
        return max(0, size_bytes - length), size_bytes
    start = int(found[1])
    stop = min(int(found[2]) + 1, size_bytes) if found[2] else size_bytes
    if start >= size_bytes:
        raise NotSatisfiable
    return (start, stop) if start < stop else None

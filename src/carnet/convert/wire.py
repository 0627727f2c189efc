"""What the server says to the process that converts, and what that answers. One JSON line each, then the bytes."""

from typing import Final

from msgspec import Struct

HEAD_BYTES: Final = 64 << 10
"""Of an answer's first line, at most."""


class Order(Struct, frozen=True, kw_only=True):
    """What is to be done. Without `format`: say which formats there are."""

    format: str = ""
    name: str = ""
    """Of the notebook, without its ending: a title."""
    folder: str = ""
    """Where the notebook is on this machine, for what it shows from beside itself; empty: it is nowhere."""
    sanitize_html: bool = False
    memory_bytes: int
    output_bytes: int
    time_s: float


class Reply(Struct, frozen=True, kw_only=True):
    """How it went. The result's bytes follow the line."""

    formats: dict[str, str] | None = None
    """Name of each format, and its media type."""
    media_type: str = ""
    ending: str = ""
    """Of the result's file name, with its dot."""
    status: int = 200
    """Other than 200: it was not possible, and `message` says why."""
    message: str = ""

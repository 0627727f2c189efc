"""Which notebooks' bytes a person trusts: their SHA-256, kept in the server's state. Rule JA3: docs/specs/jupyter-api.md."""

from hashlib import sha256
from typing import Any, Final

from carnet.journal.store import JournalStore

_KEY: Final = "api.trust."


def trust(journal: JournalStore, data: bytes) -> None:
    """Trust these bytes from now on."""
    journal.put_value(_key(data), b"1")


def is_trusted(journal: JournalStore, data: bytes) -> bool:
    """Return whether these bytes are trusted."""
    return journal.get_value(_key(data)) is not None


def mark(content: dict[str, Any], *, trusted: bool) -> None:
    """Say in each code cell of a notebook's JSON whether its outputs are trusted."""
    for cell in content.get("cells", ()):
        if cell.get("cell_type") == "code":
            cell.setdefault("metadata", {})["trusted"] = trusted or not cell.get("outputs")


def says_trusted(content: object) -> bool:
    """Return whether a client sent a notebook all of whose code cells it says are trusted, as one that it ran itself."""
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        return False
    return all(
        isinstance(cell, dict)
        and (
            cell.get("cell_type") != "code"
            or not cell.get("outputs")
            or (isinstance(cell.get("metadata"), dict) and cell["metadata"].get("trusted") is True)
        )
        for cell in content["cells"]
    )


def _key(data: bytes) -> str:
    return _KEY + sha256(data).hexdigest()

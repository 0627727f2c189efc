"""Which notebooks' bytes a person trusts: their SHA-256, kept in the server's state. Rules SE16, SV11, JA3.

Trust is for content, not for a path: another file of the same name is not
trusted, and a trusted one stays so when it is copied or moved.
"""

from hashlib import sha256
from typing import Final

from carnet.journal.store import JournalStore

_KEY: Final = "api.trust."


def trust(journal: JournalStore, data: bytes, *, instead_of: str = "") -> str:
    """Trust these bytes from now on, and return their mark. `instead_of`: the mark of bytes that they replace."""
    key = _key(data)
    journal.put_value(key, b"1")
    if instead_of not in {"", key}:
        journal.put_value(instead_of, None)
    return key


def is_trusted(journal: JournalStore, data: bytes) -> bool:
    """Return whether these bytes are trusted."""
    return journal.get_value(_key(data)) is not None


def _key(data: bytes) -> str:
    return _KEY + sha256(data).hexdigest()

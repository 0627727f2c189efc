"""Which notebooks' bytes a person trusts: their SHA-256, kept in the server's state. Rules SE16, SV11, JA3.

Trust is for content, not for a path: another file of the same name is not
trusted, and a trusted one stays so when it is copied or moved.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from carnet.journal.store import JournalStore

_KEY: Final = "api.trust."


def trust(journal: JournalStore, pieces: Iterable[bytes], *, instead_of: str = "") -> str:
    """Trust the bytes that these pieces are from now on, and return their mark. Blocking.

    `instead_of`: the mark of bytes that they replace.
    """
    key = _key(pieces)
    journal.put_value(key, b"1")
    if instead_of not in {"", key}:
        journal.put_value(instead_of, None)
    return key


def is_trusted(journal: JournalStore, data: bytes) -> bool:
    """Return whether these bytes are trusted."""
    return journal.get_value(_key((data,))) is not None


def _key(pieces: Iterable[bytes]) -> str:
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return _KEY + digest.hexdigest()

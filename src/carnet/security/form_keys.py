"""The key that tokens of forms are signed with, kept, so that a page that was open over a restart goes on.

A server that asks for nothing has no logins whose tokens could be known again:
there, everything that other people's clients write is let in by such a token,
and they ask for it once. Rule AC8: docs/specs/access.md.
"""

import secrets
import sqlite3
from typing import Final

from carnet import database

KEY_BYTES: Final = 32

STEPS: Final = (
    """
    CREATE TABLE form_keys (
        number INTEGER PRIMARY KEY CHECK (number = 1),
        key BLOB NOT NULL
    );
    """,
)


def form_key(connection: sqlite3.Connection) -> bytes:
    """Return the key of this state folder; the first call makes it."""
    database.migrate(connection, "security.form_keys", STEPS)
    with database.transaction(connection):
        # Two servers may share a state folder, and both may be the first.
        connection.execute("INSERT OR IGNORE INTO form_keys VALUES (1, ?)", (secrets.token_bytes(KEY_BYTES),))
        return bytes(connection.execute("SELECT key FROM form_keys").fetchone()[0])

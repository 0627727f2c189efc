"""The owner's password as the server knows it, beside the one in the configuration. A file of the user is never edited.

A password changed in the page, or an old hash renewed at a login, is kept here
together with the configured hash it stands in for. When the configuration gets
another password, that one wins again, and all logins end. Rules AC28 to AC30:
docs/specs/access.md.
"""

import sqlite3
from hashlib import sha256
from typing import Final

from carnet import database
from carnet.clock import Clock

STEPS: Final = (
    """
    CREATE TABLE passwords (
        user TEXT PRIMARY KEY,
        hash TEXT NOT NULL,           -- as carnet.security.passwords makes them
        stands_for TEXT NOT NULL,     -- SHA-256 of the configured hash
        changed_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE configured (
        user TEXT PRIMARY KEY,
        sha256 TEXT NOT NULL          -- of the hash that the configuration had at the last start
    ) WITHOUT ROWID;
    """,
)


class Accounts:
    """The passwords of one state folder."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        database.migrate(connection, "security.accounts", STEPS)

    def password_hash(self, user: str, configured: str) -> str:
        """Return the hash in force; empty: there is no password. `configured`: what the configuration says."""
        row = self._connection.execute(
            "SELECT hash FROM passwords WHERE user = ? AND stands_for = ?", (user, _digest(configured))
        ).fetchone()
        return str(row[0]) if row is not None else configured

    def set_password(self, user: str, hashed: str, *, configured: str) -> None:
        """Keep a new hash, to be used for as long as the configuration says what it says now."""
        with database.transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO passwords VALUES (?, ?, ?, ?)",
                (user, hashed, _digest(configured), self._clock.now_ms()),
            )

    def note_configured(self, user: str, configured: str) -> bool:
        """Remember what the configuration says; return whether it said something else at the last start."""
        row = self._connection.execute("SELECT sha256 FROM configured WHERE user = ?", (user,)).fetchone()
        digest = _digest(configured)
        if row is not None and row[0] == digest:
            return False
        with database.transaction(self._connection) as connection:
            connection.execute("INSERT OR REPLACE INTO configured VALUES (?, ?)", (user, digest))
        return row is not None


def _digest(configured: str) -> str:
    return sha256(configured.encode()).hexdigest()

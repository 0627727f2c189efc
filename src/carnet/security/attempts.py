"""Wrong tries, kept in the state folder: who guesses gains nothing by a restart of the server.

Only buckets that are not full are kept, at most as many as the throttle keeps.
Rule AC11: docs/specs/access.md.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carnet import database

STEPS: Final = (
    """
    CREATE TABLE attempts (
        address TEXT PRIMARY KEY,     -- empty: all strangers together
        tries REAL NOT NULL,          -- left in the bucket at that time
        at_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    """,
)


@dataclass(frozen=True)
class Level:
    """How many tries a bucket had left, and when."""

    tries: float
    at_ms: int


class AttemptStore:
    """Where the throttle keeps its buckets."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        database.migrate(connection, "security.attempts", STEPS)

    def load(self) -> Mapping[str, Level]:
        """Return all levels, the oldest first."""
        rows = self._connection.execute("SELECT address, tries, at_ms FROM attempts ORDER BY at_ms")
        return {address: Level(tries, at_ms) for address, tries, at_ms in rows}

    def keep(self, levels: Mapping[str, Level], *, forget_before_ms: int) -> None:
        """Write levels, and forget those that must be full again."""
        with database.transaction(self._connection) as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?)",
                [(address, level.tries, level.at_ms) for address, level in levels.items()],
            )
            connection.execute("DELETE FROM attempts WHERE at_ms < ?", (forget_before_ms,))

    def forget(self, address: str) -> None:
        """An address signed in."""
        with database.transaction(self._connection) as connection:
            connection.execute("DELETE FROM attempts WHERE address = ?", (address,))

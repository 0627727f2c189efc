"""The audit record: who came in, who was refused, what was changed about coming in. Never a secret.

Bounded: the oldest records go when there are too many, and refusals are counted
by the throttle before they are written, so that nobody can fill the disk. Rules
AC25 to AC27: docs/specs/access.md.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from carnet import database
from carnet.clock import Clock

KEPT: Final = 100_000
DETAIL_CHARACTERS: Final = 200

Event = Literal[
    "server-started",
    "server-stopped",
    "login",
    "login-refused",
    "login-throttled",
    "second-factor-refused",
    "logout",
    "login-revoked",
    "password-changed",
    "password-renewed",
    "token-created",
    "token-revoked",
    "totp-set-up",
    "totp-removed",
    "passkey-added",
    "passkey-removed",
    "passkey-refused",
    "two-factors-required",
    "two-factors-not-required",
]
EVENTS: Final = get_args(Event)

STEPS: Final = (
    """
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        event TEXT NOT NULL,
        user TEXT NOT NULL,       -- empty: nobody yet
        address TEXT NOT NULL,    -- empty: from this machine, by the command line
        detail TEXT NOT NULL
    );
    """,
)


@dataclass(frozen=True)
class Record:
    """One thing that happened."""

    number: int
    at_ms: int
    event: str
    user: str
    address: str
    detail: str


class Audit:
    """The record of one state folder."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock, *, kept: int = KEPT) -> None:
        self._connection = connection
        self._clock = clock
        self._kept = kept
        database.migrate(connection, "security.audit", STEPS)

    def note(self, event: Event, *, user: str = "", address: str = "", detail: str = "") -> None:
        """Write one record. `detail` is for people; control characters do not get in."""
        plain = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in detail)
        with database.transaction(self._connection) as connection:
            connection.execute(
                "INSERT INTO audit (at_ms, event, user, address, detail) VALUES (?, ?, ?, ?, ?)",
                (self._clock.now_ms(), event, user, address, plain[:DETAIL_CHARACTERS]),
            )
            connection.execute(
                "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (self._kept,)
            )

    def latest(self, count: int, *, event: str = "") -> Sequence[Record]:
        """Return the last records, the oldest of them first."""
        rows = self._connection.execute(
            "SELECT * FROM audit WHERE ? IN ('', event) ORDER BY number DESC LIMIT ?", (event, count)
        ).fetchall()
        return [Record(*row) for row in reversed(rows)]

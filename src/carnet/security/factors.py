"""Second factors of a person: the secret of a one-time code, whether one is required, and codes for when all are lost.

The secret must be readable, since codes are made from it: it lies in the state
database (0600). Recovery codes are kept hashed, and each works once. Rules
AC31 to AC33, AC55: docs/specs/access.md.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from carnet import database
from carnet.clock import Clock
from carnet.security.totp import matching_step

RECOVERY_CODES: Final = 8
RECOVERY_BYTES: Final = 10
"""80 bits: not to be guessed, so a plain SHA-256 is enough."""

STEPS: Final = (
    """
    CREATE TABLE totp (
        user TEXT PRIMARY KEY,
        secret TEXT NOT NULL,
        last_step INTEGER NOT NULL,
        created_ms INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE recovery_codes (
        user TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (user, sha256)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE two_factors_required (user TEXT PRIMARY KEY) WITHOUT ROWID;
    """,
)


class Factors:
    """The second factors in one state folder."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        database.migrate(connection, "security.factors", STEPS)

    def has_totp(self, user: str) -> bool:
        """Return whether this person must show a code."""
        return self._connection.execute("SELECT 1 FROM totp WHERE user = ?", (user,)).fetchone() is not None

    def set_up(self, user: str, secret: str, code: str) -> Sequence[str] | None:
        """Ask for codes from now on; `code` proves that the app has the secret.

        Returns the recovery codes, which are shown once; None: the code is wrong, nothing changed.
        """
        step = matching_step(secret, code, now_ms=self._clock.now_ms(), last_step=-1)
        if step is None:
            return None
        with database.transaction(self._connection) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO totp VALUES (?, ?, ?, ?)", (user, secret, step, self._clock.now_ms())
            )
            return _new_recovery_codes(connection, user)

    def requires_two(self, user: str) -> bool:
        """Return whether a password alone is not enough, once there is a passkey."""
        row = self._connection.execute(
            "SELECT 1 FROM two_factors_required WHERE user = ?", (user,)
        ).fetchone()
        return row is not None

    def require_two(self, user: str) -> Sequence[str]:
        """Ask for a second factor from now on. Returns the recovery codes, which are shown once."""
        with database.transaction(self._connection) as connection:
            connection.execute("INSERT OR IGNORE INTO two_factors_required VALUES (?)", (user,))
            return _new_recovery_codes(connection, user)

    def require_one(self, user: str) -> bool:
        """Let a password alone do again, unless one-time codes are set up. Returns whether it did not."""
        with database.transaction(self._connection) as connection:
            was = connection.execute("DELETE FROM two_factors_required WHERE user = ?", (user,)).rowcount == 1
            _forget_useless_codes(connection, user)
            return was

    def take(self, user: str, code: str) -> bool:
        """Return whether a code is right, and use it up: one of the app's, or a recovery code."""
        with database.transaction(self._connection) as connection:
            row = connection.execute("SELECT secret, last_step FROM totp WHERE user = ?", (user,)).fetchone()
            step = (
                matching_step(row[0], code, now_ms=self._clock.now_ms(), last_step=row[1])
                if row is not None
                else None
            )
            if step is not None:
                connection.execute("UPDATE totp SET last_step = ? WHERE user = ?", (step, user))
                return True
            used = connection.execute(
                "DELETE FROM recovery_codes WHERE user = ? AND sha256 = ?", (user, _hashed(code))
            )
            return used.rowcount == 1

    def recovery_codes_left(self, user: str) -> int:
        """Return how many recovery codes were not used."""
        row = self._connection.execute(
            "SELECT count(*) FROM recovery_codes WHERE user = ?", (user,)
        ).fetchone()
        return int(row[0])

    def remove(self, user: str) -> bool:
        """Ask for no one-time code any more. Returns whether one was asked for."""
        with database.transaction(self._connection) as connection:
            was = connection.execute("DELETE FROM totp WHERE user = ?", (user,)).rowcount == 1
            _forget_useless_codes(connection, user)
            return was


def _new_recovery_codes(connection: sqlite3.Connection, user: str) -> Sequence[str]:
    codes = [_spaced(secrets.token_hex(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    connection.execute("DELETE FROM recovery_codes WHERE user = ?", (user,))
    connection.executemany(
        "INSERT INTO recovery_codes VALUES (?, ?)", [(user, _hashed(one)) for one in codes]
    )
    return codes


def _forget_useless_codes(connection: sqlite3.Connection, user: str) -> None:
    """Recovery codes are for who is asked for a second factor."""
    connection.execute(
        "DELETE FROM recovery_codes WHERE user = ?1 AND NOT EXISTS (SELECT 1 FROM totp WHERE user = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM two_factors_required WHERE user = ?1)",
        (user,),
    )


def _spaced(digits: str) -> str:
    return " ".join(digits[at : at + 5] for at in range(0, len(digits), 5))


def _hashed(code: str) -> str:
    return sha256("".join(code.lower().split()).encode("utf-8", "surrogateescape")).hexdigest()

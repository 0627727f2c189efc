"""Named tokens for programs: each with what it may do and until when. Only their SHA-256 is kept.

A token is `carnet_ID_SECRET`: the first word tells people and secret scanners what
it is. Rules AC21 to AC23: docs/specs/access.md. Times are milliseconds since the epoch.
"""

import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from carnet import database
from carnet.clock import Clock
from carnet.errors import AlreadyExists, ConfigError, NotFound
from carnet.security.scopes import Scope, parse_scopes, written

PREFIX: Final = "carnet_"
ID_BYTES: Final = 4
SECRET_BYTES: Final = 32
TOUCH_MS: Final = 60 * 1000
NEVER_MS: Final = 0
"""As `expires_ms`: it does not end by itself."""

_TOKEN: Final = re.compile(rf"{PREFIX}([0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}")
_NAME: Final = re.compile(r"[^\x00-\x1f\x7f]{1,64}")

STEPS: Final = (
    """
    CREATE TABLE api_tokens (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        user TEXT NOT NULL,
        sha256 TEXT NOT NULL,         -- of the whole token
        scopes TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL,  -- 0: never
        used_ms INTEGER NOT NULL      -- 0: not yet
    ) WITHOUT ROWID;
    """,
)


@dataclass(frozen=True)
class ApiToken:
    """One token, without its secret."""

    token_id: str
    name: str
    user: str
    scopes: frozenset[Scope]
    created_ms: int
    expires_ms: int
    used_ms: int


class ApiTokens:
    """The tokens of one state folder."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        database.migrate(connection, "security.api_tokens", STEPS)

    def create(
        self, name: str, *, user: str, scopes: frozenset[Scope], expires_ms: int = NEVER_MS
    ) -> tuple[str, ApiToken]:
        """Make a token. It is returned here and never again.

        Raises:
            AlreadyExists: one of this name is there.
            ConfigError: the name cannot be used, or the end lies in the past.
        """
        now_ms = self._clock.now_ms()
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot be the name of a token: 1 to 64 characters are wanted.")
        if expires_ms != NEVER_MS and expires_ms <= now_ms:
            raise ConfigError(f"The token {name!r} would have ended already.")
        self._forget_ended(now_ms)
        token_id = secrets.token_hex(ID_BYTES)
        text = f"{PREFIX}{token_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
        made = ApiToken(token_id, name, user, scopes, now_ms, expires_ms, 0)
        try:
            with database.transaction(self._connection) as connection:
                connection.execute(
                    "INSERT INTO api_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (token_id, name, user, _hashed(text), written(scopes), now_ms, expires_ms, 0),
                )
        except sqlite3.IntegrityError:
            raise AlreadyExists(
                f"There is a token named {name!r} already. Revoke it first, or choose another name."
            ) from None
        return text, made

    def find(self, text: str) -> ApiToken | None:
        """Return the token that this text is, and note that it is used; None: it is not, or no more, one."""
        found = _TOKEN.fullmatch(text)
        if found is None:
            return None
        row = self._connection.execute(
            "SELECT * FROM api_tokens WHERE id = ? AND sha256 = ?", (found[1], _hashed(text))
        ).fetchone()
        if row is None:
            return None
        token, now_ms = _from_row(row), self._clock.now_ms()
        if _has_ended(token, now_ms):
            return None
        if now_ms - token.used_ms > TOUCH_MS:
            self._write("UPDATE api_tokens SET used_ms = ? WHERE id = ?", now_ms, token.token_id)
        return token

    def is_alive(self, token_id: str) -> bool:
        """Return whether it may still be used: for links that stay open long."""
        row = self._connection.execute("SELECT * FROM api_tokens WHERE id = ?", (token_id,)).fetchone()
        return row is not None and not _has_ended(_from_row(row), self._clock.now_ms())

    def all(self) -> Sequence[ApiToken]:
        """Return every token that may be used, by name."""
        self._forget_ended(self._clock.now_ms())
        return [_from_row(row) for row in self._connection.execute("SELECT * FROM api_tokens ORDER BY name")]

    def revoke(self, name_or_id: str) -> ApiToken:
        """End a token at once.

        Raises:
            NotFound: there is none of this name or id.
        """
        row = self._connection.execute(
            "SELECT * FROM api_tokens WHERE name = ? OR id = ?", (name_or_id, name_or_id)
        ).fetchone()
        if row is None:
            raise NotFound(f"There is no token {name_or_id!r}.")
        token = _from_row(row)
        self._write("DELETE FROM api_tokens WHERE id = ?", token.token_id)
        return token

    def _forget_ended(self, now_ms: int) -> None:
        self._write("DELETE FROM api_tokens WHERE expires_ms != 0 AND expires_ms <= ?", now_ms)

    def _write(self, statement: str, *values: object) -> None:
        with database.transaction(self._connection) as connection:
            connection.execute(statement, values)


_UNITS_MS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000}
_SPAN: Final = re.compile(r"(\d{1,6})([mhdwy])")


def expiry_of(text: str, now_ms: int) -> int:
    """Return when a token ends that is to live for `90d`, `12h`, `never`.

    Raises:
        ConfigError: it is not a span of time.
    """
    if text == "never":
        return NEVER_MS
    found = _SPAN.fullmatch(text)
    if found is None or int(found[1]) == 0:
        raise ConfigError(f"{text!r} is not a span of time. Write 30m, 12h, 90d, 6w, 1y, or never.")
    return now_ms + int(found[1]) * _UNITS_MS[found[2]]


def _has_ended(token: ApiToken, now_ms: int) -> bool:
    return token.expires_ms != NEVER_MS and token.expires_ms <= now_ms


def _from_row(row: tuple[str, str, str, str, str, int, int, int]) -> ApiToken:
    token_id, name, user, _, scopes, created_ms, expires_ms, used_ms = row
    return ApiToken(token_id, name, user, parse_scopes(scopes.split()), created_ms, expires_ms, used_ms)


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()

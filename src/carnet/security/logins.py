"""Who is signed in, on which device: a table on the server, so that signing out ends it.

The browser holds a random word of 256 bits; the table holds only its SHA-256,
so the state folder opens nothing. Logins survive restarts. Why one ended is
kept for a while, so that its browser can be told. Rules AC17 to AC20, AC38:
docs/specs/access.md. Times are milliseconds since the epoch.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, NamedTuple

from carnet import database
from carnet.clock import Clock

IDLE_MS: Final = 14 * 24 * 3600 * 1000
LIFE_MS: Final = 30 * 24 * 3600 * 1000
TOUCH_MS: Final = 60 * 1000
"""The time of last use is written at most this often."""

COOKIE_MS: Final = LIFE_MS + 24 * 3600 * 1000
"""The browser keeps its cookie for longer than it is worth something: by it, it is told why."""

CONFIRMED_MS: Final = 10 * 60 * 1000
"""So long after somebody showed who they are, they are not asked again."""

SECRET_BYTES: Final = 32

ENDED_KEPT: Final = 1000
"""Of how many logins that ended it is known why."""

Ending = Literal["signed-out", "elsewhere", "password", "too-old"]

#: What a browser is told whose login ended, for each way.
ENDINGS: Final[Mapping[str, str]] = {
    "signed-out": "You signed out in this browser.",
    "elsewhere": "This device was signed out from another one.",
    "password": "The password was changed, and every device signed out.",
    "too-old": "You were signed in for as long as a login lasts.",
}
UNKNOWN_ENDING: Final = "This browser is not signed in any more."

_STEPS: Final = (
    """
    CREATE TABLE logins (
        id TEXT PRIMARY KEY,          -- SHA-256 of the secret in the cookie
        user TEXT NOT NULL,
        device TEXT NOT NULL,         -- browser and system, for people
        address TEXT NOT NULL,        -- where it signed in from
        created_ms INTEGER NOT NULL,
        used_ms INTEGER NOT NULL,
        form_sha256 TEXT NOT NULL     -- of the XSRF token of the form it came from; empty: none
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE ended_logins (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,             -- as in logins
        why TEXT NOT NULL
    );
    CREATE INDEX ended_logins_by_id ON ended_logins (id);
    """,
    """
    -- When its owner last showed a password or a passkey; 0: never.
    ALTER TABLE logins ADD COLUMN confirmed_ms INTEGER NOT NULL DEFAULT 0;
    """,
)


class Login(NamedTuple):
    """One person's authenticated stay on one device."""

    login_id: str
    user: str
    device: str
    address: str
    created_ms: int
    used_ms: int
    form_sha256: str
    confirmed_ms: int

    def is_confirmed(self, now_ms: int) -> bool:
        """Return whether its owner showed a password or a passkey just now (rule AC57)."""
        return 0 <= now_ms - self.confirmed_ms < CONFIRMED_MS


class LoginTable:
    """The logins of one state folder. Quick (microseconds), for one thread at a time."""

    def __init__(self, state_folder: Path, clock: Clock) -> None:
        """Open the table.

        Raises:
            carnet.database.DatabaseDamaged, sqlite3.Error, OSError: it cannot be opened.
        """
        self._clock = clock
        self._connection = database.connect(state_folder)
        database.migrate(self._connection, "security", _STEPS)
        self._end_old()

    def close(self) -> None:
        """Close the table; the logins stay."""
        self._connection.close()

    def create(
        self, user: str, *, user_agent: str, address: str, form_token: str = "", is_confirmed: bool = False
    ) -> tuple[str, Login]:
        """Sign somebody in, and return the secret for the cookie and the login.

        Args:
            is_confirmed: it was with a password or a passkey.
        """
        secret = secrets.token_urlsafe(SECRET_BYTES)
        now_ms = self._clock.now_ms()
        form = _hashed(form_token) if form_token else ""
        confirmed_ms = now_ms if is_confirmed else 0
        device = device_label(user_agent)
        login = Login(_hashed(secret), user, device, address, now_ms, now_ms, form, confirmed_ms)
        with database.transaction(self._connection) as connection:
            connection.execute(
                "INSERT INTO logins (id, user, device, address, created_ms, used_ms, form_sha256, confirmed_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                login,
            )
        return secret, login

    def confirm(self, login_id: str) -> None:
        """Note that its owner has just shown a password or a passkey."""
        self._write("UPDATE logins SET confirmed_ms = ? WHERE id = ?", self._clock.now_ms(), login_id)

    def forget_confirmations(self) -> None:
        """Ask everybody again."""
        self._write("UPDATE logins SET confirmed_ms = 0")

    def find(self, secret: str) -> Login | None:
        """Return the login of a cookie, and note that it is used now; None if it is not, or no more, one."""
        login = self._read("WHERE id = ?", _hashed(secret))
        if not login:
            return None
        now_ms = self._clock.now_ms()
        if _is_over(login[0], now_ms):
            self.end(login[0].login_id, "too-old")
            return None
        if now_ms - login[0].used_ms > TOUCH_MS:
            self._write("UPDATE logins SET used_ms = ? WHERE id = ?", now_ms, login[0].login_id)
        return login[0]

    def is_alive(self, login_id: str) -> bool:
        """Return whether a login goes on: for links that stay open long. It does not count as a use."""
        found = self._read("WHERE id = ?", login_id)
        return bool(found) and not _is_over(found[0], self._clock.now_ms())

    def all(self) -> Sequence[Login]:
        """Return every login, the last used first."""
        self._end_old()
        return self._read("ORDER BY used_ms DESC, id")

    def end(self, login_id: str, why: Ending = "elsewhere") -> bool:
        """Sign one device out. Returns whether it was signed in."""
        return self._end("id = ?", login_id, why=why) == 1

    def end_others(self, login_id: str, why: Ending = "elsewhere") -> int:
        """Sign every other device out. Returns how many."""
        return self._end("id != ?", login_id, why=why)

    def end_all(self, why: Ending = "password") -> int:
        """Sign every device out (a new password does that). Returns how many."""
        return self._end("TRUE", why=why)

    def why_ended(self, login_id: str) -> str:
        """Return a sentence for whoever had this login."""
        with closing(
            self._connection.execute("SELECT why FROM ended_logins WHERE id = ?", (login_id,))
        ) as rows:
            row = rows.fetchone()
        return ENDINGS.get(row[0], UNKNOWN_ENDING) if row else UNKNOWN_ENDING

    def why_secret_ended(self, secret: str) -> str:
        """Return the sentence for the browser that shows this secret."""
        return self.why_ended(_hashed(secret))

    def _end_old(self) -> None:
        now_ms = self._clock.now_ms()
        self._end("used_ms < ? OR created_ms < ?", now_ms - IDLE_MS, now_ms - LIFE_MS, why="too-old")

    def _end(self, where: str, *values: object, why: Ending) -> int:
        if not self._read(f"WHERE {where} LIMIT 1", *values):
            return 0
        with database.transaction(self._connection) as connection:
            connection.execute(
                f"INSERT INTO ended_logins (id, why) SELECT id, ? FROM logins WHERE {where}", (why, *values)
            )
            connection.execute(
                "DELETE FROM ended_logins WHERE number <= (SELECT max(number) FROM ended_logins) - ?",
                (ENDED_KEPT,),
            )
            return connection.execute(f"DELETE FROM logins WHERE {where}", values).rowcount

    def _read(self, where: str, *values: object) -> list[Login]:
        query = (
            "SELECT id, user, device, address, created_ms, used_ms, form_sha256, confirmed_ms "
            f"FROM logins {where}"
        )
        with closing(self._connection.execute(query, values)) as rows:
            return [Login(*row) for row in rows]

    def _write(self, statement: str, *values: object) -> int:
        with database.transaction(self._connection) as connection:
            return connection.execute(statement, values).rowcount


def came_from_form(login: Login, form_token: str) -> bool:
    """Return whether the login was made with the form that held this XSRF token."""
    return bool(login.form_sha256) and login.form_sha256 == _hashed(form_token)


def device_label(user_agent: str) -> str:
    """Return browser and system in a few words, from a User-Agent header: what a person knows a device by."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for mark, name in browsers if f"{mark}/" in user_agent), "")
    system = next((name for mark, name in systems if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z0-9._-]{1,40}", user_agent)
    return program[0] if program else "unknown device"


def _is_over(login: Login, now_ms: int) -> bool:
    return now_ms - login.used_ms > IDLE_MS or now_ms - login.created_ms > LIFE_MS


def _hashed(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()

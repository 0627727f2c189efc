"""One SQLite file for all server state: how it is opened, kept and migrated.

A leaf: it imports nothing of ours, so that every room that keeps state
(journal, security) can use it without knowing the others. It knows no table
but its own list of migration steps. Rules JN1 to JN4: docs/specs/journal.md.
Why a commit does not wait for the disk: docs/decisions/sqlite-durability.md.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "carnet.sqlite3"

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for another one. Transactions here are short; this is for stalls."""

APPLICATION_ID = 0x43524E54
"""`CRNT`: tells `file(1)`, and us, whose database it is."""


class DatabaseDamaged(sqlite3.DatabaseError):
    """The file is not a database that SQLite can read. It has not been touched."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: the state database is damaged ({reason}). Your notebooks are not in it. Move it away, with what "
            "begins with its name, and start again; passwords, tokens and logins that were kept in it begin anew."
        )
        self.path = path


def database_path(state_folder: Path) -> Path:
    """Return where the database of a state folder is."""
    return state_folder / FILE_NAME


def connect(state_folder: Path) -> sqlite3.Connection:
    """Open the database of a state folder, making both if needed (0700 and 0600).

    The connection is in autocommit mode: use `transaction`. It may be used from any
    one thread at a time. It never checkpoints: `JournalStore` does so in a thread of
    its own, for all connections.

    Raises:
        DatabaseDamaged: the file is not a database; see `move_aside`.
        sqlite3.Error, OSError: it cannot be opened.
    """
    state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = database_path(state_folder)
    # SQLite gives its -wal and -shm files the mode of the main file, so the
    # main file must have the right one before SQLite sees it.
    # Only where there is none: closing any descriptor of a file drops all locks
    # that this process has on it, those of SQLite's other connections too. Another
    # process would then take itself for the last one, and remove the log under us.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # When the log begins anew it is cut, so that its size tells how much is in it.
        connection.execute("PRAGMA journal_size_limit = 0")
        connection.execute("PRAGMA foreign_keys = ON")
        # Reads the schema, so that a damaged file says so now and not in mid-work.
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        raise
    except sqlite3.DatabaseError as error:
        connection.close()
        raise DatabaseDamaged(path, str(error)) from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run a block as one write transaction: all of it is committed, or nothing is."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # After some errors (a full disk) SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, room: str, steps: Sequence[str]) -> None:
    """Bring the tables of one room up to date: run the steps that were not run yet, in order.

    A step is one or more SQL statements, and is never changed after a release:
    a change is a new step at the end. Each step is one transaction. Rooms do not
    touch each other's tables.

    Raises:
        sqlite3.DatabaseError: the database knows more steps than we do (a newer Carnet wrote it).
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (room TEXT PRIMARY KEY, steps INTEGER NOT NULL) WITHOUT ROWID"
    )
    for number in range(len(steps) + 1):
        with transaction(connection):
            row = connection.execute("SELECT steps FROM migrations WHERE room = ?", (room,)).fetchone()
            done = 0 if row is None else int(row[0])
            if done > len(steps):
                raise sqlite3.DatabaseError(
                    f"The state database was written by a newer Carnet ({room}: {done} steps, we know "
                    f"{len(steps)}). Start that version, or use another state folder."
                )
            if done > number or number == len(steps):
                continue
            for statement in _statements(steps[number]):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET steps = excluded.steps",
                (room, number + 1),
            )


def move_aside(state_folder: Path) -> Path:
    """Rename a damaged database and what belongs to it, so that a new one can be made.

    Nothing is deleted. Returns the new name of the database file.
    """
    path = database_path(state_folder)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for ending in ("-wal", "-shm", ""):
        source = path.with_name(path.name + ending)
        if source.exists():
            source.rename(kept.with_name(kept.name + ending))
    return kept


def _statements(step: str) -> Iterator[str]:
    """Split SQL text at the semicolons that end statements (not `executescript`: it commits)."""
    statement = ""
    *ended, rest = step.split(";")
    for piece in ended:
        statement += piece + ";"
        if sqlite3.complete_statement(statement):  # not a semicolon in a string, comment or trigger
            yield statement
            statement = ""
    if (statement + rest).strip():
        yield statement + rest

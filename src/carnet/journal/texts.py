"""What is kept of text files that clients share: each update of their documents, and which of them the file holds.

A text file has no session. What was typed and is not in the file yet is in
here, before anybody is told of it. Updates are opaque. Calls are synchronous
and short, as those of `journal.store`. Rule JN29: docs/specs/journal.md; what they are for, CB24 to CB30: docs/specs/collaboration.md.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

from carnet.database import connect, migrate, transaction
from carnet.errors import JournalDamaged, JournalError
from carnet.ids import NotebookPath, Revision
from carnet.journal.store import JournalStore, translated

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE texts (
        text INTEGER PRIMARY KEY,
        file_id TEXT NOT NULL UNIQUE,
        path TEXT UNIQUE,
        used_ms INTEGER NOT NULL,
        history TEXT NOT NULL,
        revision TEXT,
        saved INTEGER NOT NULL,
        base BLOB,
        writing TEXT NOT NULL DEFAULT '',
        writing_number INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE text_updates (
        text INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
        number INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (text, number)
    );
    """,
)


class Held(Struct, frozen=True):
    """What the file holds: the base of a three-way merge."""

    revision: Revision | None
    """None: the file is not there."""
    number: int
    """It holds the text that the updates up to this one make; but see `base`."""
    base: bytes | None = None
    """It holds these bytes, which were merged into the document and are not its text."""


class Writing(Struct, frozen=True):
    """A save that was begun, and of which nobody knows whether it happened."""

    digest: str = ""
    """SHA-256 of its bytes. Empty: none."""
    number: int = 0
    """The updates up to this one make its text."""


class TextRecord(Struct, frozen=True):
    """What is kept of one text file."""

    file_id: str
    path: NotebookPath | None
    """None: it was deleted."""
    history: str
    held: Held
    writing: Writing
    updates: Sequence[tuple[int, bytes]]
    """With their numbers, which rise and have gaps; oldest first."""


class Beginning(Struct, frozen=True):
    """The first that is kept of a file."""

    file_id: str
    path: NotebookPath
    history: str
    """Names this history: updates of another one cannot be put together with it."""
    revision: Revision
    """Of the file whose text the update makes."""
    update: bytes


class TextStore:
    """The text files of one state folder. Safe to call from several threads."""

    def __init__(self, journal: JournalStore) -> None:
        """Open its tables, in the journal's database.

        Raises:
            JournalError: they cannot be opened.
        """
        self._journal = journal
        self._lock = threading.RLock()
        try:
            self._connection = connect(journal.state_folder)
            migrate(self._connection, "journal.texts", STEPS)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"The texts that are shared cannot be opened: {error}.") from error

    def close(self) -> None:
        """Let go of the database. Idempotent."""
        with self._lock:
            self._connection.close()

    def find(self, file_id: str) -> NotebookPath | None:
        """Return where a file is; None: it is not known, or was deleted."""
        with self._reading() as connection:
            row = connection.execute("SELECT path FROM texts WHERE file_id = ?", (file_id,)).fetchone()
        return None if row is None or row[0] is None else NotebookPath(row[0])

    def id_of(self, path: NotebookPath) -> str | None:
        """Return the id of the file at a path; None: it has none yet."""
        with self._reading() as connection:
            row = connection.execute("SELECT file_id FROM texts WHERE path = ?", (path,)).fetchone()
        return None if row is None else str(row[0])

    def record(self, path: NotebookPath) -> TextRecord | None:
        """Return what is kept of the file at a path; None: nothing.

        Raises:
            JournalDamaged: an update cannot be read; `begin` begins a new history.
        """
        with self._reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS} FROM texts WHERE path = ?", (path,)).fetchone()
            if row is None:
                return None
            updates = connection.execute(
                "SELECT number, crc, bytes FROM text_updates WHERE text = ? ORDER BY number", (row[0],)
            ).fetchall()
        if any(zlib.crc32(data) != crc for _, crc, data in updates):
            raise JournalDamaged(f"{path}: an update of its shared text is damaged.")
        return _record_of(row, [(number, bytes(data)) for number, _, data in updates])

    def begin(self, beginning: "Beginning", now_ms: int) -> None:
        """Begin a history of the file at a path, in the place of the one before. Its update becomes number 1.

        Raises:
            JournalFull: no room on the disk; nothing changed.
        """
        one = beginning
        with self._writing(f"begin to share {one.path}") as connection:
            connection.execute("DELETE FROM texts WHERE path = ? OR file_id = ?", (one.path, one.file_id))
            cursor = connection.execute(
                "INSERT INTO texts (file_id, path, used_ms, history, revision, saved) VALUES (?, ?, ?, ?, ?, 1)",
                (one.file_id, one.path, now_ms, one.history, one.revision),
            )
            assert cursor.lastrowid is not None
            _keep(connection, cursor.lastrowid, 1, one.update)

    def used(self, file_id: str, now_ms: int) -> None:
        """Note that somebody shares a file now."""
        with self._writing(f"note the use of {file_id}") as connection:
            connection.execute("UPDATE texts SET used_ms = ? WHERE file_id = ?", (now_ms, file_id))

    def append(self, file_id: str, number: int, update: bytes, held: Held | None = None) -> None:
        """Keep one more update; with what the file held that is merged by it.

        Raises:
            JournalFull: no room on the disk; nothing was kept.
        """
        with self._writing(f"keep what was written in {file_id}") as connection:
            _keep(connection, self._number(file_id), number, update)
            if held is not None:
                _hold(connection, file_id, held)

    def hold(self, file_id: str, held: Held) -> None:
        """Say what the file holds now; no save is under way."""
        with self._writing(f"note the save of {file_id}") as connection:
            _hold(connection, file_id, held)

    def begin_writing(self, file_id: str, writing: Writing) -> None:
        """Note which bytes are about to be written."""
        with self._writing(f"note a save of {file_id}") as connection:
            connection.execute(
                "UPDATE texts SET writing = ?, writing_number = ? WHERE file_id = ?",
                (writing.digest, writing.number, file_id),
            )

    def compact(self, file_id: str, update: bytes, number: int) -> None:
        """Keep one update in the place of those up to this number.

        Raises:
            JournalFull: no room on the disk; nothing changed.
        """
        with self._writing(f"compact what is kept of {file_id}") as connection:
            text = self._number(file_id)
            connection.execute("DELETE FROM text_updates WHERE text = ? AND number <= ?", (text, number))
            _keep(connection, text, number, update)

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        """Follow a file or a folder to its new path."""
        with self._writing(f"rename {old} to {new}") as connection:
            # `0` is the character after `/`: exactly the paths below the folder.
            connection.execute(
                "UPDATE texts SET path = NULL WHERE path = ?1 OR (path >= ?2 AND path < ?3)",
                (new, f"{new}/", f"{new}0"),
            )
            connection.execute(
                "UPDATE texts SET path = ?1 || substr(path, ?2) WHERE path = ?3 OR (path >= ?4 AND path < ?5)",
                (new, len(old) + 1, old, f"{old}/", f"{old}0"),
            )

    def forget(self, path: NotebookPath) -> None:
        """Forget a file, or all in a folder, that were deleted on purpose."""
        with self._writing(f"forget {path}") as connection:
            connection.execute(
                "DELETE FROM texts WHERE path = ?1 OR (path >= ?2 AND path < ?3)",
                (path, f"{path}/", f"{path}0"),
            )

    def forget_unused(self, before_ms: int) -> None:
        """Forget files that nobody shared since a time, and that hold everything."""
        with self._writing("forget what nobody shares") as connection:
            connection.execute(
                "DELETE FROM texts WHERE path IS NULL OR (used_ms < ? AND saved ="
                " (SELECT max(number) FROM text_updates WHERE text_updates.text = texts.text))",
                (before_ms,),
            )

    def unsaved(self) -> list[NotebookPath]:
        """Return the files that lack something which is kept here."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT path FROM texts WHERE path IS NOT NULL AND revision IS NOT NULL AND saved <"
                " (SELECT max(number) FROM text_updates WHERE text_updates.text = texts.text)"
            ).fetchall()
        return [NotebookPath(path) for (path,) in rows]

    # ---- inside

    def _number(self, file_id: str) -> int:
        row = self._connection.execute("SELECT text FROM texts WHERE file_id = ?", (file_id,)).fetchone()
        if row is None:
            raise JournalError(f"Nothing is kept of the text {file_id!r}: it was deleted.")
        return int(row[0])

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise translated(error, "read what is kept of texts") from error

    @contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with transaction(self._connection):
                    yield self._connection
            except sqlite3.Error as error:
                raise translated(error, what) from error
        self._journal.sync_soon()


_COLUMNS = "text, file_id, path, history, revision, saved, base, writing, writing_number"


def _record_of(
    row: tuple[int, str, str, str, str | None, int, bytes | None, str, int], updates: list[tuple[int, bytes]]
) -> TextRecord:
    _, file_id, path, history, revision, saved, base, writing, writing_number = row
    return TextRecord(
        file_id=file_id,
        path=NotebookPath(path),
        history=history,
        held=Held(
            None if revision is None else Revision(revision), saved, None if base is None else bytes(base)
        ),
        writing=Writing(writing, writing_number),
        updates=updates,
    )


def _keep(connection: sqlite3.Connection, text: int, number: int, update: bytes) -> None:
    connection.execute(
        "INSERT INTO text_updates VALUES (?, ?, ?, ?)", (text, number, zlib.crc32(update), update)
    )


def _hold(connection: sqlite3.Connection, file_id: str, held: Held) -> None:
    connection.execute(
        "UPDATE texts SET revision = ?, saved = ?, base = ?, writing = '', writing_number = 0 WHERE file_id = ?",
        (held.revision, held.number, held.base, file_id),
    )

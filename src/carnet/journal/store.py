"""Notebook journals in SQLite: append-only, numbered entries; snapshots; kernel cursors.

Entries and snapshots are opaque bytes to this room: it never decodes them, never
decides when to write one, never deletes one unasked. Calls are synchronous, short
and bounded, made for the event loop: a commit writes to the write-ahead log, and
the disk is synced by a thread of our own (see `journal.checkpoint`). Only a
snapshot may be long: it is put and read on a worker thread, piece by piece, so that
no commit waits for it.

Rules JN1 to JN20, JN27, JN28: docs/specs/journal.md.
"""

import logging
import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec import Struct

from carnet.database import DatabaseDamaged, connect, database_path, migrate, move_aside, transaction
from carnet.errors import JournalDamaged, JournalError, JournalFull
from carnet.ids import JournalId, KernelId, NotebookPath, new_id
from carnet.journal.checkpoint import Checkpointer

log = logging.getLogger("carnet.journal")

Seq = int
"""Number of an entry in its journal: 1, 2, 3, ... without a gap. 0: before the first."""

READ_LIMIT_BYTES = 1 << 20
"""Default bound of one `read`; the next call goes on from there."""

_SEQ_BITS = 40
_SEQ_LIMIT = (1 << _SEQ_BITS) - 1
_PURGE_ROWS = 500
_PURGE_PIECES = 8
_PIECE_BITS = 24
_PIECE_LIMIT = (1 << _PIECE_BITS) - 1

_BREATH_S = 0.0005
"""Between two pieces of a snapshot: a lock goes to whoever asks for it when it is free, and that would be us again."""

# One B-tree, one insert an entry: the key is (notebook << 40) | seq, which is the
# rowid, so an append goes to the end of its notebook's range with no second index.
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE notebooks (
        notebook INTEGER PRIMARY KEY,
        journal_id TEXT NOT NULL UNIQUE,
        path TEXT UNIQUE,
        last_path TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        opened_ms INTEGER NOT NULL,
        first_seq INTEGER NOT NULL DEFAULT 1,
        forgotten INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE entries (
        key INTEGER PRIMARY KEY,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL
    );
    CREATE TABLE cursors (
        notebook INTEGER NOT NULL REFERENCES notebooks ON DELETE CASCADE,
        kernel_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (notebook, kernel_id)
    ) WITHOUT ROWID;
    CREATE TABLE snapshots (
        notebook INTEGER PRIMARY KEY REFERENCES notebooks ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL
    );
    CREATE TABLE server_values (
        key TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE rooms (
        notebook INTEGER PRIMARY KEY REFERENCES notebooks ON DELETE CASCADE,
        history TEXT NOT NULL
    );
    CREATE TABLE room_updates (
        notebook INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
        number INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (notebook, number)
    );
    """,
    # `bytes` of a snapshot is its first piece. The key of the others is (made << 24) | number: those of a
    # `made` that no snapshot names are of one that was never finished, or was replaced.
    """
    ALTER TABLE snapshots ADD COLUMN made INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE snapshots ADD COLUMN pieces INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE snapshot_pieces (
        key INTEGER PRIMARY KEY,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL
    );
    """,
)


class KernelCursor(Struct, frozen=True):
    """How far one kernel's journal has been read into a notebook's journal."""

    kernel_id: KernelId
    number: int
    """Of the last kernel record whose outcome is in the notebook journal."""


class NotebookRecord(Struct, frozen=True):
    """One notebook journal, and the notebook it belongs to."""

    journal_id: JournalId
    path: NotebookPath | None
    """None: detached, its file is gone; the journal is kept."""
    last_path: NotebookPath
    """`path`, or what it was before the notebook was detached."""
    created_ms: int
    opened_ms: int


class Append(Struct, frozen=True):
    """What to append to one journal, all of it or nothing."""

    journal_id: JournalId
    entries: Sequence[tuple[Seq, bytes]]
    """In order; the first has the number `last_seq + 1`. May be empty: then only the cursor moves."""
    cursor: KernelCursor | None = None
    room: bytes = b""
    """An update of the notebook's collaboration room, to keep in the same transaction."""


class RoomRecord(Struct, frozen=True):
    """What is kept of a notebook's collaboration room."""

    history: str
    """Names this history: updates of another one cannot be put together with it."""
    updates: Sequence[bytes]
    """All of them, oldest first. Opaque here."""


class JournalStore:
    """All notebook journals of one state folder. One process writes them (the server).

    Safe to call from several threads; a call waits for another one's transaction.
    """

    def __init__(self, state_folder: Path) -> None:
        """Open, or make, the journals of a state folder.

        Raises:
            JournalDamaged: the file cannot be read as a database. It was moved aside, kept
                whole, and the sentence names it: open again to start a new one.
            JournalError: it cannot be opened or written.
        """
        self.state_folder = state_folder
        self._lock = threading.RLock()
        self._numbers: dict[JournalId, int] = {}
        self._last_seqs: dict[JournalId, Seq] = {}
        self._connection = _open(state_folder)
        #: Snapshots whose pieces nothing reaches any more. (Only one process writes: at the start, none is under way.)
        self._litter = deque(_unreached(self._connection))
        self._made = _last_made(self._connection)
        self._checkpointer = Checkpointer(state_folder, purge=self._purge_some)
        self._checkpointer.start()
        self._checkpointer.committed()  # what an earlier process left to sync or to purge

    def close(self) -> None:
        """Sync what was written and end the thread. Idempotent."""
        with self._lock:
            self._checkpointer.stop()
            self._connection.close()

    def sync_soon(self) -> None:
        """Say that another connection committed to the database."""
        self._checkpointer.committed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- which notebooks ---------------------------------------------------------------------

    def open_notebook(self, path: NotebookPath, now_ms: int) -> NotebookRecord | None:
        """Return the record of the notebook at a path, noting that it was opened now."""
        with self._writing(f"open {path}") as connection:
            connection.execute(
                "UPDATE notebooks SET opened_ms = ? WHERE path = ? AND NOT forgotten", (now_ms, path)
            )
            return self._record("path = ?", path)

    def create_notebook(self, path: NotebookPath, now_ms: int) -> NotebookRecord:
        """Begin a journal for the notebook at a path.

        Raises:
            JournalError: there is one for this path already.
        """
        record = NotebookRecord(
            journal_id=JournalId(new_id()), path=path, last_path=path, created_ms=now_ms, opened_ms=now_ms
        )
        with self._writing(f"create a journal for {path}") as connection:
            self._refuse_taken(path)
            connection.execute(
                "INSERT INTO notebooks (journal_id, path, last_path, created_ms, opened_ms)"
                " VALUES (?, ?, ?, ?, ?)",
                (record.journal_id, path, path, now_ms, now_ms),
            )
        return record

    def find_notebook(self, journal_id: JournalId) -> NotebookRecord | None:
        """Return the record of a journal."""
        with self._reading():
            return self._record("journal_id = ?", journal_id)

    def all_notebooks(self) -> Sequence[NotebookRecord]:
        """Return all records, the last opened first, detached ones included."""
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_RECORD} FROM notebooks WHERE NOT forgotten ORDER BY opened_ms DESC, notebook DESC"
            )
            return [_record_of(row) for row in rows]

    def rename_notebook(self, journal_id: JournalId, new_path: NotebookPath) -> None:
        """Say that a notebook (a detached one too) is at another path now.

        Raises:
            JournalError: another notebook has that path, or there is no such journal.
        """
        with self._writing(f"rename {journal_id} to {new_path}") as connection:
            number = self._number(journal_id)
            self._refuse_taken(new_path, but_for=number)
            connection.execute(
                "UPDATE notebooks SET path = ?, last_path = ? WHERE notebook = ?",
                (new_path, new_path, number),
            )

    def rename_folder(self, old: NotebookPath, new: NotebookPath) -> int:
        """Say that a folder was renamed: every notebook below it has another path now.

        Returns how many. The root cannot be renamed.

        Raises:
            JournalError: a notebook outside has one of the new paths; nothing changed.
        """
        if not old or not new:
            raise JournalError("The root folder cannot be renamed.")
        with self._writing(f"rename folder {old} to {new}") as connection:
            # `0` is the character after `/`: exactly the paths below the folder, by the index.
            cursor = connection.execute(
                "UPDATE notebooks SET path = ?1 || substr(path, ?2), last_path = ?1 || substr(path, ?2)"
                " WHERE path >= ?3 AND path < ?4",
                (new, len(old) + 1, f"{old}/", f"{old}0"),
            )
            return cursor.rowcount

    def detach_notebook(self, journal_id: JournalId) -> None:
        """Say that the file is gone. The journal stays; `rename_notebook` brings it back."""
        with self._writing(f"detach {journal_id}") as connection:
            connection.execute(
                "UPDATE notebooks SET path = NULL WHERE notebook = ?", (self._number(journal_id),)
            )

    def forget_notebook(self, journal_id: JournalId) -> None:
        """Delete a journal for ever: entries, snapshot, cursors.

        It is gone at once; the room it took is given back in the background.
        """
        with self._writing(f"forget {journal_id}") as connection:
            number = self._number(journal_id)
            made = _made_of(connection, number)
            connection.execute(
                "UPDATE notebooks SET path = NULL, forgotten = 1 WHERE notebook = ?", (number,)
            )
            # Whatever becomes of the rest now: none of its pieces is reached any more.
            connection.execute("DELETE FROM snapshots WHERE notebook = ?", (number,))
            self._numbers.pop(journal_id, None)
            self._last_seqs.pop(journal_id, None)
        self._litter.append(made)

    # -- entries -------------------------------------------------------------------------------

    def append(
        self,
        journal_id: JournalId,
        entries: Sequence[tuple[Seq, bytes]],
        *,
        cursor: KernelCursor | None,
        room: bytes = b"",
    ) -> None:
        """Append entries, move the kernel cursor, and keep a room's update, in one transaction.

        Raises:
            JournalFull: no room; nothing was appended, try again when there is room.
            JournalError: a number is not the next one, a cursor would go back, no such
                journal. Nothing was appended.
        """
        self.append_many((Append(journal_id=journal_id, entries=entries, cursor=cursor, room=room),))

    def append_many(self, appends: Sequence[Append]) -> None:
        """Append to several journals in one transaction: all of it, or nothing.

        Raises:
            JournalFull, JournalError: as `append`.
        """
        rows: list[tuple[int, int, bytes]] = []
        cursors: list[tuple[int, str, int]] = []
        last_seqs: dict[JournalId, Seq] = {}
        with self._writing("append") as connection:
            for append in appends:
                number = self._number(append.journal_id)
                last = last_seqs.get(append.journal_id)
                if last is None:
                    last = self._last_seq(append.journal_id)
                for seq, data in append.entries:
                    if seq != last + 1:
                        raise JournalError(
                            f"Journal {append.journal_id}: entry {seq} cannot follow entry {last}."
                            " Read the journal again."
                        )
                    last = seq
                    rows.append(((number << _SEQ_BITS) | seq, zlib.crc32(data), data))
                if last > _SEQ_LIMIT:
                    raise JournalError(f"Journal {append.journal_id}: no numbers left.")
                last_seqs[append.journal_id] = last
                if append.room:
                    _keep_room_update(connection, number, append.room)
                if append.cursor is not None:
                    cursors.append((number, append.cursor.kernel_id, append.cursor.number))
            connection.executemany("INSERT INTO entries (key, crc, bytes) VALUES (?, ?, ?)", rows)
            for row in cursors:
                changed = connection.execute(
                    "INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT (notebook, kernel_id)"
                    " DO UPDATE SET number = excluded.number WHERE excluded.number >= number",
                    row,
                )
                if changed.rowcount != 1:
                    raise JournalError(f"Kernel {row[1]}: its cursor cannot go back to {row[2]}.")
        self._last_seqs.update(last_seqs)

    def read(
        self, journal_id: JournalId, after_seq: Seq, *, limit_bytes: int = READ_LIMIT_BYTES
    ) -> Iterator[tuple[Seq, bytes]]:
        """Yield the entries after a number, in order, up to about `limit_bytes` (at least one entry).

        When it ends early, call again with the last number you got.

        Raises:
            JournalDamaged: an entry cannot be read, or is missing; the ones yielded before are good.
            JournalError: no such journal; or the entries after `after_seq` were pruned (load the snapshot).
        """
        expected = after_seq + 1
        size = 0
        with self._reading():
            number = self._number(journal_id)
            last = self._last_seq(journal_id)
        self._refuse_pruned(journal_id, expected)
        while expected <= last and size < limit_bytes:
            # One row a time by its key, so that no read transaction stays open while the
            # caller works: an open one would keep the write-ahead log from being reused.
            with self._reading() as connection:
                row = connection.execute(
                    "SELECT crc, bytes FROM entries WHERE key = ?", ((number << _SEQ_BITS) | expected,)
                ).fetchone()
            if row is None:
                self._refuse_pruned(journal_id, expected)  # pruned or forgotten while the caller worked?
                raise JournalDamaged(f"Journal {journal_id}: entry {expected} of {last} is missing.")
            data = bytes(row[1])
            if zlib.crc32(data) != row[0]:
                raise JournalDamaged(f"Journal {journal_id}: entry {expected} of {last} is damaged.")
            yield expected, data
            size += len(data)
            expected += 1

    def _refuse_pruned(self, journal_id: JournalId, seq: Seq) -> None:
        first = self.first_seq(journal_id)
        if seq < first:
            raise JournalError(
                f"Journal {journal_id}: entries before {first} were pruned. Load the snapshot."
            )

    def last_seq(self, journal_id: JournalId) -> Seq:
        """Return the number of the last entry; 0 if there was never one.

        Raises:
            JournalError: no such journal.
        """
        with self._reading():
            return self._last_seq(journal_id)

    def first_seq(self, journal_id: JournalId) -> Seq:
        """Return the number of the oldest entry that is kept (of the next one, if none is)."""
        with self._reading():
            return self._first_seq(self._number(journal_id))

    def cursors(self, journal_id: JournalId) -> Mapping[KernelId, int]:
        """Return how far each kernel's journal has been read into this one."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT kernel_id, number FROM cursors WHERE notebook = ?", (self._number(journal_id),)
            )
            return {KernelId(kernel_id): number for kernel_id, number in rows}

    def drop_cursor(self, journal_id: JournalId, kernel_id: KernelId) -> None:
        """Forget a kernel that will never be read again (it ended, and all of it was read)."""
        with self._writing(f"drop the cursor of {kernel_id}") as connection:
            connection.execute(
                "DELETE FROM cursors WHERE notebook = ? AND kernel_id = ?",
                (self._number(journal_id), kernel_id),
            )

    # -- snapshots -------------------------------------------------------------------------------

    def put_snapshot(self, journal_id: JournalId, seq: Seq, pieces: Iterable[bytes]) -> None:
        """Keep the whole state after entry `seq`, instead of the snapshot before. Entries stay.

        Its pieces, at least one, are drawn and written one after another; commits go on in between. Until the last one
        is there, and whatever happens, the snapshot before is the one that is kept.

        Raises:
            JournalError: `seq` is after the last entry, or before the snapshot that is kept.
            JournalFull: no room; the snapshot before is kept.
        """
        what = f"put a snapshot of {journal_id}"
        with self._lock:
            self._made += 1
            made = self._made
        unreached = made
        count = 0
        try:
            drawn = iter(pieces)
            first = next(drawn)
            for piece in drawn:
                count += 1
                assert count <= _PIECE_LIMIT, "a snapshot of terabytes"
                row = ((made << _PIECE_BITS) | count, zlib.crc32(piece), piece)
                with self._writing(what) as connection:
                    if count == 1:
                        self._number(journal_id)  # what was forgotten needs no snapshot
                    connection.execute("INSERT INTO snapshot_pieces VALUES (?, ?, ?)", row)
                time.sleep(_BREATH_S)
            with self._writing(what) as connection:
                number = self._number(journal_id)
                last = self._last_seq(journal_id)
                if not 0 <= seq <= last:
                    raise JournalError(
                        f"Journal {journal_id}: a snapshot at {seq}, but the last entry is {last}."
                    )
                before = _made_of(connection, number)
                changed = connection.execute(
                    "INSERT INTO snapshots (notebook, seq, crc, bytes, made, pieces) VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (notebook) DO UPDATE SET seq = excluded.seq, crc = excluded.crc, bytes = excluded.bytes,"
                    " made = excluded.made, pieces = excluded.pieces WHERE excluded.seq >= seq",
                    (number, seq, zlib.crc32(first), first, made, count),
                )
                if changed.rowcount != 1:
                    raise JournalError(f"Journal {journal_id}: the snapshot kept is newer than {seq}.")
            unreached = before
        finally:
            self._litter.append(unreached)

    def snapshot(self, journal_id: JournalId) -> tuple[Seq, list[bytes]] | None:
        """Return the snapshot's number, and its pieces.

        Raises:
            JournalDamaged: it cannot be read. The entries may still be replayed from the start.
        """
        while True:
            with self._reading() as connection:
                row = connection.execute(
                    "SELECT seq, crc, bytes, made, pieces FROM snapshots WHERE notebook = ?",
                    (self._number(journal_id),),
                ).fetchone()
            if row is None:
                return None
            seq, crc, first, made, count = row
            pieces = [(crc, bytes(first))]
            for number in range(1, count + 1):
                # One at a time, as entries are read.
                with self._reading() as connection:
                    piece = connection.execute(
                        "SELECT crc, bytes FROM snapshot_pieces WHERE key = ?",
                        ((made << _PIECE_BITS) | number,),
                    ).fetchone()
                if piece is None:
                    break
                pieces.append(piece)
            if len(pieces) == count + 1 and all(zlib.crc32(data) == crc for crc, data in pieces):
                return int(seq), [data for _, data in pieces]
            with self._reading() as connection:
                is_newest = _made_of(connection, self._number(journal_id)) == made
            if is_newest:
                raise JournalDamaged(f"Journal {journal_id}: the snapshot at {seq} is damaged.")
            # It was replaced while we read.

    def prune(self, journal_id: JournalId, before_seq: Seq) -> None:
        """Drop the entries before a number: they are history that nobody can see again.

        Raises:
            JournalError: the snapshot does not cover them (it must be at `before_seq - 1` or later).
        """
        with self._writing(f"prune {journal_id}") as connection:
            number = self._number(journal_id)
            if before_seq <= self._first_seq(number):
                return
            row = connection.execute("SELECT seq FROM snapshots WHERE notebook = ?", (number,)).fetchone()
            if row is None or row[0] < before_seq - 1:
                raise JournalError(
                    f"Journal {journal_id}: entries before {before_seq} are needed until a snapshot covers them."
                )
            connection.execute("UPDATE notebooks SET first_seq = ? WHERE notebook = ?", (before_seq, number))

    # -- collaboration rooms -----------------------------------------------------------------------

    def room(self, journal_id: JournalId) -> RoomRecord | None:
        """Return what is kept of a notebook's room; None: there was never one.

        Raises:
            JournalDamaged: an update cannot be read; `begin_room` begins a new history.
        """
        with self._reading() as connection:
            number = self._number(journal_id)
            row = connection.execute("SELECT history FROM rooms WHERE notebook = ?", (number,)).fetchone()
            if row is None:
                return None
            updates = connection.execute(
                "SELECT crc, bytes FROM room_updates WHERE notebook = ? ORDER BY number", (number,)
            ).fetchall()
        if any(zlib.crc32(data) != crc for crc, data in updates):
            raise JournalDamaged(f"Journal {journal_id}: an update of its collaboration room is damaged.")
        return RoomRecord(row[0], [bytes(data) for _, data in updates])

    def begin_room(self, journal_id: JournalId, history: str, update: bytes) -> None:
        """Begin a history of a notebook's room, in the place of the one before.

        Raises:
            JournalFull: no room on the disk; nothing changed.
        """
        with self._writing(f"begin a room of {journal_id}") as connection:
            number = self._number(journal_id)
            connection.execute("DELETE FROM room_updates WHERE notebook = ?", (number,))
            connection.execute(
                "INSERT INTO rooms VALUES (?, ?) ON CONFLICT (notebook) DO UPDATE SET history = excluded.history",
                (number, history),
            )
            _keep_room_update(connection, number, update)

    def compact_room(self, journal_id: JournalId, update: bytes, count: int) -> None:
        """Keep one update in the place of a room's first `count`.

        Raises:
            JournalFull: no room on the disk; nothing changed.
        """
        with self._writing(f"compact the room of {journal_id}") as connection:
            number = self._number(journal_id)
            last = connection.execute(
                "SELECT number FROM room_updates WHERE notebook = ? ORDER BY number LIMIT 1 OFFSET ?",
                (number, count - 1),
            ).fetchone()
            if last is None:
                raise JournalError(f"Journal {journal_id}: its room has fewer than {count} updates.")
            connection.execute(
                "DELETE FROM room_updates WHERE notebook = ? AND number <= ?", (number, last[0])
            )
            connection.execute(
                "INSERT INTO room_updates VALUES (?, ?, ?, ?)", (number, last[0], zlib.crc32(update), update)
            )

    def append_to_room(self, journal_id: JournalId, update: bytes) -> None:
        """Keep one more update of a room.

        Raises:
            JournalFull: no room on the disk; nothing was kept.
        """
        with self._writing(f"append to the room of {journal_id}") as connection:
            _keep_room_update(connection, self._number(journal_id), update)

    # -- small server state ------------------------------------------------------------------------

    def get_value(self, key: str) -> bytes | None:
        """Return a small value kept for the server."""
        with self._reading() as connection:
            row = connection.execute("SELECT value FROM server_values WHERE key = ?", (key,)).fetchone()
            return None if row is None else bytes(row[0])

    def put_value(self, key: str, value: bytes | None) -> None:
        """Keep a small value; None removes it."""
        with self._writing(f"keep {key}") as connection:
            if value is None:
                connection.execute("DELETE FROM server_values WHERE key = ?", (key,))
            else:
                connection.execute(
                    "INSERT INTO server_values VALUES (?, ?) ON CONFLICT (key) DO UPDATE"
                    " SET value = excluded.value",
                    (key, value),
                )

    # -- inside ------------------------------------------------------------------------------------

    def _purge_some(self, connection: sqlite3.Connection) -> bool:
        """Delete some rows that nothing can reach any more; return whether there may be more.

        Runs on the checkpoint thread, with a connection of its own, a few rows a transaction, so that no commit waits long.
        """
        if not self._litter:
            return _purge_entries(connection)
        made = self._litter[0]
        with transaction(connection):
            deleted = connection.execute(
                "DELETE FROM snapshot_pieces WHERE key IN"
                " (SELECT key FROM snapshot_pieces WHERE key >= ? AND key < ? LIMIT ?)",
                (made << _PIECE_BITS, (made + 1) << _PIECE_BITS, _PURGE_PIECES),
            ).rowcount
        if deleted < _PURGE_PIECES:
            self._litter.popleft()
        return True

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise translated(error, "read the journal") from error

    @contextmanager
    def _writing(self, what: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with transaction(self._connection):
                    yield self._connection
            except sqlite3.Error as error:
                self._last_seqs.clear()
                raise translated(error, what) from error
            self._checkpointer.committed()

    def _number(self, journal_id: JournalId) -> int:
        number = self._numbers.get(journal_id)
        if number is None:
            row = self._connection.execute(
                "SELECT notebook FROM notebooks WHERE journal_id = ? AND NOT forgotten", (journal_id,)
            ).fetchone()
            if row is None:
                raise JournalError(f"There is no journal {journal_id!r}.")
            number = int(row[0])
            self._numbers[journal_id] = number
        return number

    def _first_seq(self, number: int) -> Seq:
        row = self._connection.execute(
            "SELECT first_seq FROM notebooks WHERE notebook = ?", (number,)
        ).fetchone()
        return int(row[0])

    def _last_seq(self, journal_id: JournalId) -> Seq:
        last = self._last_seqs.get(journal_id)
        if last is None:
            number = self._number(journal_id)
            row = self._connection.execute(
                "SELECT max(key) FROM entries WHERE key BETWEEN ? AND ?",
                (number << _SEQ_BITS, (number << _SEQ_BITS) | _SEQ_LIMIT),
            ).fetchone()
            stored = 0 if row[0] is None else int(row[0]) & _SEQ_LIMIT
            last = max(stored, self._first_seq(number) - 1)
            self._last_seqs[journal_id] = last
        return last

    def _record(self, where: str, value: str) -> NotebookRecord | None:
        row = self._connection.execute(
            f"SELECT {_RECORD} FROM notebooks WHERE {where} AND NOT forgotten", (value,)
        ).fetchone()
        return None if row is None else _record_of(row)

    def _refuse_taken(self, path: NotebookPath, *, but_for: int = -1) -> None:
        row = self._connection.execute("SELECT notebook FROM notebooks WHERE path = ?", (path,)).fetchone()
        if row is not None and row[0] != but_for:
            raise JournalError(f"{path}: another notebook's journal has this path already.")


def _keep_room_update(connection: sqlite3.Connection, number: int, update: bytes) -> None:
    connection.execute(
        "INSERT INTO room_updates VALUES (?1,"
        " (SELECT coalesce(max(number), 0) + 1 FROM room_updates WHERE notebook = ?1), ?2, ?3)",
        (number, zlib.crc32(update), update),
    )


_RECORD = "journal_id, path, last_path, created_ms, opened_ms"


def _record_of(row: tuple[str, str | None, str, int, int]) -> NotebookRecord:
    journal_id, path, last_path, created_ms, opened_ms = row
    return NotebookRecord(
        journal_id=JournalId(journal_id),
        path=None if path is None else NotebookPath(path),
        last_path=NotebookPath(last_path),
        created_ms=created_ms,
        opened_ms=opened_ms,
    )


def _open(state_folder: Path) -> sqlite3.Connection:
    path = database_path(state_folder)
    try:
        connection = connect(state_folder)
        try:
            migrate(connection, "journal", STEPS)
        except BaseException:
            connection.close()
            raise
    except DatabaseDamaged as error:
        kept = move_aside(state_folder)
        raise JournalDamaged(
            f"{error} It was moved to {kept.name}, whole; start again to begin a new one."
        ) from error
    except OSError as error:
        raise JournalError(f"{path}: the state database cannot be opened: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise translated(error, f"open {path}") from error
    return connection


def translated(error: sqlite3.Error, what: str) -> JournalError:
    """Return our error for SQLite's, with one sentence: `what` is what could not be done."""
    # Python's sqlite3 sets the code on errors that come from SQLite itself only.
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return JournalFull(f"Disk full: could not {what}. Nothing was written; free some space.")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalDamaged(f"Could not {what}: the state database is damaged ({error}).")
    return JournalError(f"Could not {what}: {error}.")


def _made_of(connection: sqlite3.Connection, number: int) -> int:
    """Return the key of the pieces of a notebook's snapshot; 0: there is none."""
    row = connection.execute("SELECT made FROM snapshots WHERE notebook = ?", (number,)).fetchone()
    return 0 if row is None else int(row[0])


def _last_made(connection: sqlite3.Connection) -> int:
    made, key = connection.execute(
        "SELECT (SELECT max(made) FROM snapshots), (SELECT max(key) FROM snapshot_pieces)"
    ).fetchone()
    return max(made or 0, (key or 0) >> _PIECE_BITS)


def _unreached(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield the keys of pieces that no snapshot names: one look for each snapshot, not for each piece."""
    reached = {made for (made,) in connection.execute("SELECT made FROM snapshots")}
    key = 0
    while True:
        row = connection.execute("SELECT min(key) FROM snapshot_pieces WHERE key >= ?", (key,)).fetchone()
        if row[0] is None:
            return
        made = row[0] >> _PIECE_BITS
        if made not in reached:
            yield made
        key = (made + 1) << _PIECE_BITS


def _purge_entries(connection: sqlite3.Connection) -> bool:
    """Delete some entries that were pruned, or whose journal was forgotten; return whether there may be more."""
    row = connection.execute("SELECT notebook FROM notebooks WHERE forgotten LIMIT 1").fetchone()
    if row is not None:
        start, stop, forgotten = row[0] << _SEQ_BITS, (row[0] + 1) << _SEQ_BITS, True
    else:
        row = connection.execute(
            "SELECT notebook, first_seq FROM notebooks WHERE first_seq > 1 AND EXISTS (SELECT 1 FROM entries"
            " WHERE key >= notebook << 40 AND key < ((notebook << 40) | first_seq)) LIMIT 1"
        ).fetchone()
        if row is None:
            return False
        start, stop, forgotten = row[0] << _SEQ_BITS, (row[0] << _SEQ_BITS) | row[1], False
    with transaction(connection):
        deleted = connection.execute(
            "DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE key >= ? AND key < ? LIMIT ?)",
            (start, stop, _PURGE_ROWS),
        ).rowcount
        if forgotten and deleted < _PURGE_ROWS:
            connection.execute("DELETE FROM notebooks WHERE notebook = ?", (row[0],))
    return True

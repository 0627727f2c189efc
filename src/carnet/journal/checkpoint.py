"""The thread that syncs and checkpoints the database, so that no commit has to.

It has a connection of its own. It never decides what is written. Why it exists:
docs/decisions/sqlite-durability.md. Rules JN15 to JN18: docs/specs/journal.md.
"""

import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from carnet.database import connect, database_path, transaction

log = logging.getLogger("carnet.journal")

SYNC_INTERVAL_S = 0.25
"""After a commit, the write-ahead log is on the disk within about this time (a power cut loses no more)."""

CHECKPOINT_BYTES = 8 << 20
"""Size of the write-ahead log at which it is copied into the database file."""

RESTART_BYTES = 64 << 20
"""Size at which commits are made to wait until all of the log is copied: in a flood that never pauses."""

IDLE_S = 30.0
"""After this long without a commit, the log is copied whatever its size."""


class Checkpointer:
    """Syncs the write-ahead log soon after commits; copies it into the database when it is long."""

    def __init__(self, state_folder: Path, *, purge: Callable[[sqlite3.Connection], bool]) -> None:
        self._state_folder = state_folder
        self._purge = purge
        self._wal = database_path(state_folder).with_name(database_path(state_folder).name + "-wal")
        self._dirty = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="carnet-checkpoint", daemon=True)
        self._failures: set[str] = set()
        self.checkpoints = 0
        """How many were done; for tests and the doctor."""
        self.syncs = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def committed(self) -> None:
        """Say that something was committed. Costs next to nothing."""
        if not self._dirty.is_set():
            self._dirty.set()

    def stop(self) -> None:
        """Sync and checkpoint once more, and end the thread. Idempotent."""
        self._stopping.set()
        self._dirty.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        connection = connect(self._state_folder)
        try:
            while not self._stopping.is_set():
                self._round(connection)
            self._guarded(self._sync, connection)
            self._guarded(self._checkpoint, connection)
        finally:
            connection.close()

    def _round(self, connection: sqlite3.Connection) -> None:
        if not self._dirty.wait(IDLE_S):
            self._guarded(self._checkpoint, connection)
            self._dirty.wait()
        self._dirty.clear()
        self._guarded(self._sync, connection)
        self._guarded(self._purge_all, connection)
        self._guarded(self._checkpoint_if_long, connection)
        self._stopping.wait(SYNC_INTERVAL_S)

    def _guarded(self, step: Callable[[sqlite3.Connection], None], connection: sqlite3.Connection) -> None:
        try:
            step(connection)
            self._failures.discard(step.__name__)
        except (OSError, sqlite3.Error) as error:
            # Full or failing disk: commits tell their callers themselves; we try again next round.
            self._dirty.set()
            if step.__name__ not in self._failures:  # once a failure, not four times a second
                self._failures.add(step.__name__)
                log.warning("state database: %s failed: %s", step.__name__.strip("_"), error)

    def _sync(self, _: sqlite3.Connection) -> None:
        # SQLite keeps its locks on the -shm file, none on the -wal file, so that
        # opening and closing the -wal file here drops no lock of this process.
        try:
            wal = os.open(self._wal, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.fsync(wal)
            self.syncs += 1
        finally:
            os.close(wal)

    def _purge_all(self, connection: sqlite3.Connection) -> None:
        while not self._stopping.is_set() and self._purge(connection):
            pass

    def _checkpoint_if_long(self, connection: sqlite3.Connection) -> None:
        try:
            size_bytes = self._wal.stat().st_size
        except FileNotFoundError:
            return
        if size_bytes >= CHECKPOINT_BYTES:
            self._checkpoint(connection)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        # PASSIVE never makes a writer wait: it copies what is there now.
        frames, copied = self._copy(connection, "PASSIVE")
        if frames > copied and self._wal.stat().st_size >= RESTART_BYTES:
            # Nearly all is copied by now, so that the wait is for the little that came since.
            frames, copied = self._copy(connection, "RESTART")
        if 0 < frames <= copied:
            # The next commit begins the log anew, and must sync its header. We do that here,
            # with a write that changes nothing, to spare the event loop the wait for the disk.
            with transaction(connection):
                connection.execute("PRAGMA user_version = 0")
        self.checkpoints += 1

    def _copy(self, connection: sqlite3.Connection, how: Literal["PASSIVE", "RESTART"]) -> tuple[int, int]:
        """Return how many frames (pages) the log has, and how many of them are in the database file."""
        _busy, frames, copied = connection.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        return int(frames), int(copied)

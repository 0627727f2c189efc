"""JN15 to JN18: the thread that syncs and checkpoints, beside commits."""

import os
import select
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from carnet.database import database_path
from carnet.ids import NotebookPath
from carnet.journal import checkpoint
from carnet.journal.store import JournalStore
from tests.conftest import ExpectLog

NOW_MS = 1_700_000_000_000


def wait_until(true: Callable[[], bool]) -> None:
    """Poll, as nothing tells the outside when the background thread has done its work."""
    for _ in range(1000):
        if true():
            return
        select.select([], [], [], 0.01)
    raise AssertionError("it never became true")


def in_main_file(folder: Path) -> bytes:
    """Return the database file without its log: what is there after a checkpoint only."""
    return database_path(folder).read_bytes()


def test_jn15_a_commit_never_syncs_in_its_own_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced_by = set()
    real = os.fsync

    def fsync(fd: int) -> None:
        synced_by.add(threading.current_thread().name)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        store.append(a, [(1, b"x")], cursor=None)
        wait_until(lambda: store._checkpointer.syncs > 0)
    assert synced_by == {"carnet-checkpoint"}


@pytest.mark.slow
def test_jn16_a_commit_is_synced_soon_after(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        for seq in range(1, 4):
            before = store._checkpointer.syncs
            store.append(a, [(seq, b"x")], cursor=None)
            wait_until(lambda before=before: store._checkpointer.syncs > before)  # type: ignore[misc]  # binds


def test_jn17_a_long_log_is_copied_and_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_BYTES", 200_000)
    monkeypatch.setattr(checkpoint, "SYNC_INTERVAL_S", 0.001)
    wal = tmp_path / "carnet.sqlite3-wal"
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        for seq in range(1, 4):
            store.append(a, [(seq, b"entry %d;" % seq * 40_000)], cursor=None)
            wait_until(lambda seq=seq: b"entry %d;" % seq in in_main_file(tmp_path))  # type: ignore[misc]  # binds
            wait_until(lambda: wal.stat().st_size < 50_000)
        assert [data[:8] for _, data in store.read(a, 0)] == [b"entry 1;", b"entry 2;", b"entry 3;"]


def test_jn17_in_a_flood_the_log_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_BYTES", 0)
    monkeypatch.setattr(checkpoint, "RESTART_BYTES", 0)
    monkeypatch.setattr(checkpoint, "SYNC_INTERVAL_S", 0.0)
    how = []
    real = checkpoint.Checkpointer._copy

    def copy(self: checkpoint.Checkpointer, connection: sqlite3.Connection, kind: str) -> tuple[int, int]:
        frames, copied = real(self, connection, kind)  # type: ignore[arg-type]  # one of the two
        how.append((kind, frames > copied))
        return frames, copied

    monkeypatch.setattr(checkpoint.Checkpointer, "_copy", copy)
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        seq = 0
        while ("RESTART", False) not in how:  # until the flood was held once, and all was copied
            seq += 1
            store.append(a, [(seq, b"%d" % seq * 50)], cursor=None)
            assert seq < 200_000
        for _ in range(100):
            seq += 1
            store.append(a, [(seq, b"%d" % seq * 50)], cursor=None)
        last = seq
    with JournalStore(tmp_path) as store:
        assert list(store.read(a, 0, limit_bytes=1 << 40)) == [
            (seq, b"%d" % seq * 50) for seq in range(1, last + 1)
        ]


def test_jn18_closing_leaves_all_in_one_file(tmp_path: Path) -> None:
    store = JournalStore(tmp_path)
    a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
    store.append(a, [(1, b"the last word")], cursor=None)
    store.close()
    store.close()
    assert [file.name for file in tmp_path.iterdir()] == ["carnet.sqlite3"]
    assert b"the last word" in in_main_file(tmp_path)
    assert "carnet-checkpoint" not in [thread.name for thread in threading.enumerate()]


def test_jn18_a_failing_disk_is_logged_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expect_log: ExpectLog
) -> None:
    expect_log("sync failed: .*Input/output error", logger="carnet.journal")
    failures = 0
    real = os.fsync

    def fsync(fd: int) -> None:
        nonlocal failures
        if failures == 0:
            failures += 1
            raise OSError(5, "Input/output error")
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(checkpoint, "SYNC_INTERVAL_S", 0.001)
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        store.append(a, [(1, b"x")], cursor=None)
        wait_until(lambda: failures == 1)
        wait_until(lambda: store._checkpointer.syncs > 0)


def test_another_connection_reads_while_the_store_writes(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = store.create_notebook(NotebookPath("n"), NOW_MS).journal_id
        other = sqlite3.connect(database_path(tmp_path), isolation_level=None)
        other.execute("BEGIN")
        assert other.execute("SELECT count(*) FROM entries").fetchone() == (0,)
        store.append(a, [(1, b"x")], cursor=None)
        assert other.execute("SELECT count(*) FROM entries").fetchone() == (0,)
        other.execute("COMMIT")
        assert other.execute("SELECT count(*) FROM entries").fetchone() == (1,)
        other.close()

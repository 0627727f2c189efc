"""JN5 to JN20, JN27, JN28: notebook journals. Real files, real processes."""

import os
import random
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from carnet.database import connect, database_path, migrate
from carnet.errors import JournalDamaged, JournalError, JournalFull
from carnet.ids import JournalId, KernelId, NotebookPath
from carnet.journal.store import STEPS, Append, JournalStore, KernelCursor, NotebookRecord, RoomRecord

NOW_MS = 1_700_000_000_000
K1, K2 = KernelId("k1"), KernelId("k2")


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]  # pytest's own shape of a closing fixture
    with JournalStore(tmp_path / "state") as opened:
        yield opened


def path_of(raw: str) -> NotebookPath:
    return NotebookPath(raw)


def new(store: JournalStore, raw: str = "n.ipynb") -> JournalId:
    return store.create_notebook(path_of(raw), NOW_MS).journal_id


def entries_of(store: JournalStore, journal_id: JournalId, after: int = 0) -> list[tuple[int, bytes]]:
    return list(store.read(journal_id, after))


# -- which notebooks --------------------------------------------------------------------------------


def test_jn5_a_notebook_is_found_by_its_path(store: JournalStore) -> None:
    assert store.open_notebook(path_of("n.ipynb"), NOW_MS) is None
    made = store.create_notebook(path_of("n.ipynb"), NOW_MS)
    opened = store.open_notebook(path_of("n.ipynb"), NOW_MS + 5)
    assert opened == NotebookRecord(
        journal_id=made.journal_id,
        path=path_of("n.ipynb"),
        last_path=path_of("n.ipynb"),
        created_ms=NOW_MS,
        opened_ms=NOW_MS + 5,
    )
    assert list(store.all_notebooks()) == [opened]
    assert store.find_notebook(made.journal_id) == opened
    assert store.find_notebook(JournalId("other")) is None
    with pytest.raises(JournalError, match="already"):
        store.create_notebook(path_of("n.ipynb"), NOW_MS)


def test_jn6_a_rename_keeps_the_journal(store: JournalStore) -> None:
    a, b = new(store, "a.ipynb"), new(store, "b.ipynb")
    store.append(a, [(1, b"x")], cursor=None)
    with pytest.raises(JournalError, match=r"b\.ipynb"):
        store.rename_notebook(a, path_of("b.ipynb"))
    store.rename_notebook(a, path_of("a.ipynb"))
    store.rename_notebook(a, path_of("c.ipynb"))
    assert store.open_notebook(path_of("a.ipynb"), NOW_MS) is None
    found = store.open_notebook(path_of("c.ipynb"), NOW_MS)
    assert found is not None
    assert found.journal_id == a
    assert entries_of(store, a) == [(1, b"x")]
    assert b != a


def test_jn6_a_folder_rename_moves_what_is_below_and_nothing_else(store: JournalStore) -> None:
    paths = ["d/a", "d/e/b", "d", "d-private/c", "d0", "d!", "D/a", "é/x", "d/é%_/y"]
    ids = {raw: new(store, raw) for raw in paths}
    assert store.rename_folder(path_of("d"), path_of("x/longer")) == 3
    now = {record.journal_id: record.path for record in store.all_notebooks()}
    assert {raw: now[ids[raw]] for raw in paths} == {
        "d/a": "x/longer/a",
        "d/e/b": "x/longer/e/b",
        "d": "d",
        "d-private/c": "d-private/c",
        "d0": "d0",
        "d!": "d!",
        "D/a": "D/a",
        "é/x": "é/x",
        "d/é%_/y": "x/longer/é%_/y",
    }
    assert store.rename_folder(path_of("é"), path_of("ü")) == 1
    with pytest.raises(JournalError, match="root"):
        store.rename_folder(path_of(""), path_of("x"))


def test_jn6_a_folder_rename_onto_another_notebook_changes_nothing(store: JournalStore) -> None:
    new(store, "d/a"), new(store, "d/b"), new(store, "x/b")
    with pytest.raises(JournalError):
        store.rename_folder(path_of("d"), path_of("x"))
    assert sorted(str(record.path) for record in store.all_notebooks()) == ["d/a", "d/b", "x/b"]


def test_jn7_a_detached_notebook_frees_its_path_and_comes_back(store: JournalStore) -> None:
    a = new(store)
    store.append(a, [(1, b"x")], cursor=None)
    store.detach_notebook(a)
    assert store.open_notebook(path_of("n.ipynb"), NOW_MS) is None
    record = store.find_notebook(a)
    assert record is not None
    assert (record.path, record.last_path) == (None, "n.ipynb")
    b = new(store)
    with pytest.raises(JournalError):
        store.rename_notebook(a, path_of("n.ipynb"))
    store.rename_notebook(a, path_of("n2.ipynb"))
    assert entries_of(store, a) == [(1, b"x")]
    assert b != a


def test_jn8_a_forgotten_notebook_is_gone_with_all_it_had(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a, b = new(store, "a"), new(store, "b")
        for journal_id in (a, b):
            store.append(
                journal_id,
                [(seq, b"x") for seq in range(1, 1201)],
                cursor=KernelCursor(kernel_id=K1, number=1),
            )
            store.put_snapshot(journal_id, 1200, [b"s"])
        store.forget_notebook(a)
        assert store.find_notebook(a) is None
        for act in (store.last_seq, store.cursors, store.snapshot, store.forget_notebook):
            with pytest.raises(JournalError, match="no journal"):
                act(a)
        a2 = new(store, "a")
        assert (store.last_seq(a2), store.last_seq(b)) == (0, 1200)
    # The room is given back by the thread: reopening waits for nothing, so ask the database.
    with JournalStore(tmp_path) as store:
        _wait_until(lambda: _count(tmp_path, "entries") == 1200)
        assert [_count(tmp_path, table) for table in ("cursors", "snapshots", "notebooks")] == [1, 1, 2]
        assert len(entries_of(store, b)) == 1200


# -- entries --------------------------------------------------------------------------------------------


def test_jn9_entries_come_back_in_order(store: JournalStore) -> None:
    a = new(store)
    assert (store.last_seq(a), entries_of(store, a)) == (0, [])
    written = [(1, b"one"), (2, b""), (3, b"\0\xff" * 100_000)]
    store.append(a, written[:2], cursor=None)
    store.append(a, written[2:], cursor=None)
    assert entries_of(store, a) == written
    assert entries_of(store, a, 1) == written[1:]
    assert entries_of(store, a, 3) == entries_of(store, a, 99) == []
    assert store.last_seq(a) == 3


def test_jn9_a_read_is_bounded_and_goes_on(store: JournalStore) -> None:
    a = new(store)
    store.append(a, [(seq, b"x" * 100) for seq in range(1, 11)], cursor=None)
    assert [seq for seq, _ in store.read(a, 0, limit_bytes=250)] == [1, 2, 3]
    assert [seq for seq, _ in store.read(a, 3, limit_bytes=1)] == [4]


@pytest.mark.parametrize("seqs", [[2], [0], [1, 3], [1, 1], [1, 2, 2]])
def test_jn10_a_number_out_of_order_appends_nothing(store: JournalStore, seqs: list[int]) -> None:
    a = new(store)
    with pytest.raises(JournalError, match="cannot follow"):
        store.append(a, [(seq, b"x") for seq in seqs], cursor=KernelCursor(kernel_id=K1, number=7))
    assert (store.last_seq(a), entries_of(store, a), store.cursors(a)) == (0, [], {})
    store.append(a, [(1, b"x")], cursor=None)
    with pytest.raises(JournalError, match="entry 1 cannot follow entry 1"):
        store.append(a, [(1, b"other")], cursor=None)
    assert entries_of(store, a) == [(1, b"x")]


def test_jn11_the_kernel_cursor_is_committed_with_the_entries(store: JournalStore) -> None:
    a = new(store)
    store.append(a, [(1, b"x")], cursor=KernelCursor(kernel_id=K1, number=5))
    store.append(a, [], cursor=KernelCursor(kernel_id=K1, number=6))
    store.append(a, [(2, b"y")], cursor=KernelCursor(kernel_id=K2, number=1))
    assert store.cursors(a) == {K1: 6, K2: 1}
    with pytest.raises(JournalError, match="cannot go back"):
        store.append(a, [(3, b"z")], cursor=KernelCursor(kernel_id=K1, number=5))
    assert (store.cursors(a), store.last_seq(a)) == ({K1: 6, K2: 1}, 2)
    store.drop_cursor(a, K1)
    assert store.cursors(a) == {K2: 1}


def test_jn12_several_journals_in_one_transaction(store: JournalStore) -> None:
    a, b = new(store, "a"), new(store, "b")
    store.append_many([
        Append(journal_id=a, entries=[(1, b"a1")]),
        Append(journal_id=b, entries=[(1, b"b1")], cursor=KernelCursor(kernel_id=K1, number=1)),
        Append(journal_id=a, entries=[(2, b"a2")]),
    ])  # fmt: skip
    with pytest.raises(JournalError):
        store.append_many(
            [Append(journal_id=a, entries=[(3, b"a3")]), Append(journal_id=b, entries=[(3, b"b3")])]
        )
    with pytest.raises(JournalError, match="no journal"):
        store.append_many(
            [Append(journal_id=a, entries=[(3, b"a3")]), Append(journal_id=JournalId("?"), entries=[])]
        )
    assert entries_of(store, a) == [(1, b"a1"), (2, b"a2")]
    assert entries_of(store, b) == [(1, b"b1")]
    assert store.last_seq(a) == 2


def test_jn13_a_full_disk_appends_nothing_and_heals(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = new(store)
        store.append(a, [(1, b"x")], cursor=None)
        store._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(JournalFull, match="Disk full"):
            store.append(a, [(2, b"x" * 500_000)], cursor=KernelCursor(kernel_id=K1, number=9))
        assert (store.last_seq(a), entries_of(store, a), store.cursors(a)) == (1, [(1, b"x")], {})
        store.append(a, [(2, b"small")], cursor=None)
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.append(a, [(3, b"x" * 500_000)], cursor=None)
        assert store.last_seq(a) == 3


def test_jn13_a_disk_that_refuses_to_grow_the_log_appends_nothing(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = new(store)
        store.append(a, [(1, b"x")], cursor=None)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
        try:
            with pytest.raises(JournalError):
                store.append(a, [(2, b"x" * 1_000_000)], cursor=None)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)
        assert entries_of(store, a) == [(1, b"x")]
        store.append(a, [(2, b"y" * 1_000_000)], cursor=None)
    with JournalStore(tmp_path) as store:
        assert [(seq, len(data)) for seq, data in store.read(a, 0)] == [(1, 1), (2, 1_000_000)]


# -- snapshots ---------------------------------------------------------------------------------------------


def test_jn14_a_snapshot_replaces_the_one_before(store: JournalStore) -> None:
    a = new(store)
    assert store.snapshot(a) is None
    store.append(a, [(1, b"x"), (2, b"y")], cursor=None)
    store.put_snapshot(a, 1, [b"state 1"])
    store.put_snapshot(a, 2, [b"state 2"])
    for wrong in (1, 3, -1):
        with pytest.raises(JournalError):
            store.put_snapshot(a, wrong, [b"wrong"])
    assert store.snapshot(a) == (2, [b"state 2"])
    assert entries_of(store, a) == [(1, b"x"), (2, b"y")]


def test_jn14_only_what_a_snapshot_covers_is_pruned(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = new(store)
        store.append(a, [(seq, b"%d" % seq) for seq in range(1, 11)], cursor=None)
        with pytest.raises(JournalError, match="snapshot"):
            store.prune(a, 5)
        store.put_snapshot(a, 6, [b"state 6"])
        with pytest.raises(JournalError, match="snapshot"):
            store.prune(a, 8)
        store.prune(a, 7)
        store.prune(a, 3)  # pruned already
        assert (store.first_seq(a), store.last_seq(a)) == (7, 10)
        assert [seq for seq, _ in store.read(a, 6)] == [7, 8, 9, 10]
        with pytest.raises(JournalError, match="pruned"):
            entries_of(store, a, 5)
        store.put_snapshot(a, 10, [b"state 10"])
        store.prune(a, 11)
        _wait_until(lambda: _count(tmp_path, "entries") == 0)
    with JournalStore(tmp_path) as store:
        assert (store.last_seq(a), store.snapshot(a)) == (10, (10, [b"state 10"]))
        store.append(a, [(11, b"next")], cursor=None)
        assert entries_of(store, a, 10) == [(11, b"next")]


def breaking(pieces: list[bytes]) -> Iterator[bytes]:
    """Yield the pieces, and fail after the last one."""
    yield from pieces
    raise ZeroDivisionError


def test_jn28_a_snapshot_is_put_in_pieces_and_commits_go_on_in_between(store: JournalStore) -> None:
    a = new(store)
    store.append(a, [(1, b"x")], cursor=None)
    store.put_snapshot(a, 1, [b"state 1", b"more 1"])
    seen: list[object] = []

    def pieces() -> Iterator[bytes]:
        yield b"state 2"
        for number in range(2, 5):
            store.append(a, [(number, b"y")], cursor=None)
            seen.append(store.snapshot(a))
            yield b"more 2, %d" % number

    store.put_snapshot(a, 1, pieces())
    assert seen == [(1, [b"state 1", b"more 1"])] * 3, "it was there before it was whole"
    assert store.snapshot(a) == (1, [b"state 2", b"more 2, 2", b"more 2, 3", b"more 2, 4"])
    assert store.last_seq(a) == 4


def test_jn28_a_snapshot_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = new(store)
        store.append(a, [(1, b"x"), (2, b"y")], cursor=None)
        store.put_snapshot(a, 2, [b"state 2", b"a", b"b"])
        with pytest.raises(ZeroDivisionError):
            store.put_snapshot(a, 2, breaking([b"broken"] * 20))
        with pytest.raises(JournalError, match="newer"):
            store.put_snapshot(a, 1, [b"too old"] * 20)
        assert store.snapshot(a) == (2, [b"state 2", b"a", b"b"])
        _wait_until(lambda: _count(tmp_path, "snapshot_pieces") == 2)
        store.forget_notebook(a)
        _wait_until(lambda: _count(tmp_path, "snapshot_pieces") == 0)


def test_jn28_a_snapshot_that_is_replaced_while_it_is_read_is_read_anew(store: JournalStore) -> None:
    a = new(store)
    old, newer = [b"old"] * 3, [b"new"] * 3
    store.put_snapshot(a, 0, old)
    over = threading.Event()

    def replace() -> None:
        while not over.is_set():
            store.put_snapshot(a, 0, newer)
            store.put_snapshot(a, 0, old)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        found = [store.snapshot(a) for _ in range(200)]
    finally:
        over.set()
        thread.join()
    assert all(one in [(0, old), (0, newer)] for one in found)


def test_jn28_what_an_earlier_version_kept_is_one_piece(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    migrate(connection, "journal", STEPS[:2])
    connection.execute(
        "INSERT INTO notebooks (journal_id, path, last_path, created_ms, opened_ms) VALUES ('j', 'n', 'n', 0, 0)"
    )
    connection.execute("INSERT INTO snapshots VALUES (1, 0, ?, ?)", (zlib.crc32(b"old"), b"old"))
    connection.close()
    with JournalStore(tmp_path) as store:
        assert store.snapshot(JournalId("j")) == (0, [b"old"])
        store.put_snapshot(JournalId("j"), 0, [b"new", b"piece"])
        assert store.snapshot(JournalId("j")) == (0, [b"new", b"piece"])


def test_jn14_pruned_or_forgotten_in_mid_read_is_not_damage(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        for ending in ("pruned", "no journal"):
            a = new(store)
            store.append(a, [(seq, b"x") for seq in range(1, 6)], cursor=None)
            reading = store.read(a, 0)
            assert next(reading) == (1, b"x")
            if ending == "pruned":
                store.put_snapshot(a, 5, [b"s"])
                store.prune(a, 6)
            store.detach_notebook(a)
            if ending == "no journal":
                store.forget_notebook(a)
            wait_for_purge(tmp_path)
            with pytest.raises(JournalError, match=ending) as caught:
                next(reading)
            assert type(caught.value) is JournalError


def wait_for_purge(folder: Path) -> None:
    _wait_until(lambda: _count(folder, "entries") == 0)


# -- damage, and the process that dies -----------------------------------------------------------------------


def test_jn19_a_damaged_entry_is_told_and_what_came_before_is_good(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        a = new(store)
        store.append(a, [(1, b"good"), (2, b"damaged"), (3, b"good")], cursor=None)
        store.put_snapshot(a, 1, [b"snapshot"])
    connection = sqlite3.connect(database_path(tmp_path))
    connection.execute("UPDATE entries SET bytes = x'00' WHERE bytes = CAST('damaged' AS BLOB)")
    connection.execute("UPDATE snapshots SET bytes = x'00'")
    connection.commit()
    connection.close()
    with JournalStore(tmp_path) as store:
        seen = []
        with pytest.raises(JournalDamaged, match="entry 2 of 3"):  # noqa: PT012 - what came before is the point
            for seq, data in store.read(a, 0):
                seen.append((seq, data))
        assert seen == [(1, b"good")]
        with pytest.raises(JournalDamaged, match="snapshot"):
            store.snapshot(a)
        for spoil in ("DELETE FROM snapshot_pieces", "UPDATE snapshot_pieces SET bytes = x'00'"):
            store.put_snapshot(a, 1, [b"good", b"piece"])
            assert store.snapshot(a) == (1, [b"good", b"piece"])
            with closing(sqlite3.connect(database_path(tmp_path))) as connection, connection:
                connection.execute(spoil)
            with pytest.raises(JournalDamaged, match="snapshot"):
                store.snapshot(a)


def test_jn20_a_damaged_database_is_moved_aside_and_kept(tmp_path: Path) -> None:
    database_path(tmp_path).write_bytes(b"rubbish" * 1000)
    with pytest.raises(JournalDamaged) as caught:
        JournalStore(tmp_path)
    kept = [file for file in tmp_path.iterdir() if ".damaged-" in file.name]
    assert [file.read_bytes() for file in kept] == [b"rubbish" * 1000]
    assert kept[0].name in str(caught.value)
    with JournalStore(tmp_path) as store:
        assert list(store.all_notebooks()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be opened"):
        JournalStore(tmp_path / "file" / "state")


def test_jn27_a_rooms_updates_come_back_in_their_order(store: JournalStore) -> None:
    one = store.create_notebook(path_of("a.ipynb"), 1).journal_id
    assert store.room(one) is None

    store.begin_room(one, "first", b"1")
    store.append_to_room(one, b"2")
    store.append(one, [(1, b"entry")], cursor=None, room=b"3")
    assert store.room(one) == RoomRecord("first", [b"1", b"2", b"3"])

    store.compact_room(one, b"1+2", 2)
    store.append_to_room(one, b"4")
    assert store.room(one) == RoomRecord("first", [b"1+2", b"3", b"4"])
    with pytest.raises(JournalError, match="fewer than 9"):
        store.compact_room(one, b"x", 9)

    store.begin_room(one, "second", b"new")
    assert store.room(one) == RoomRecord("second", [b"new"])
    store.forget_notebook(one)
    with pytest.raises(JournalError):
        store.room(one)


def test_jn27_an_update_is_kept_with_the_entry_it_caused_or_not_at_all(store: JournalStore) -> None:
    one = store.create_notebook(path_of("a.ipynb"), 1).journal_id
    store.begin_room(one, "first", b"1")

    with pytest.raises(JournalError):
        store.append(one, [(7, b"entry")], cursor=None, room=b"2")

    assert store.room(one) == RoomRecord("first", [b"1"])


def test_jn27_a_damaged_update_is_told(tmp_path: Path) -> None:
    with JournalStore(tmp_path / "state") as store:
        one = store.create_notebook(path_of("a.ipynb"), 1).journal_id
        store.begin_room(one, "first", b"1")
    with closing(sqlite3.connect(tmp_path / "state" / "carnet.sqlite3")) as connection, connection:
        connection.execute("UPDATE room_updates SET bytes = x'00'")
    with JournalStore(tmp_path / "state") as store, pytest.raises(JournalDamaged, match="collaboration room"):
        store.room(one)


def test_small_values_are_kept_and_removed(tmp_path: Path) -> None:
    with JournalStore(tmp_path) as store:
        assert store.get_value("k") is None
        store.put_value("k", b"1")
        store.put_value("k", b"2")
    with JournalStore(tmp_path) as store:
        assert store.get_value("k") == b"2"
        store.put_value("k", None)
        assert store.get_value("k") is None


WRITER = """
import sys
from pathlib import Path
from carnet.journal.store import JournalStore, KernelCursor
store = JournalStore(Path(sys.argv[1]))
record = store.open_notebook("n", 0) or store.create_notebook("n", 0)
seq = store.last_seq(record.journal_id)
while True:
    group = [(seq + i, (b"%d " % (seq + i)) * 200) for i in range(1, 4)]
    seq += 3
    store.append(record.journal_id, group, cursor=KernelCursor(kernel_id="k", number=seq))
    print(seq, flush=True)
"""


@pytest.mark.fault
@pytest.mark.slow
def test_jn15_killed_at_any_moment_a_whole_prefix_is_left(tmp_path: Path) -> None:
    chance = random.Random(20140220)
    acknowledged = 0
    for _ in range(15):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        try:
            acknowledged = int(child.stdout.readline())
            select.select([], [], [], chance.random() * 0.05)
        finally:
            child.kill()
            lines = child.stdout.read().split(b"\n")[:-1]  # the last one may be cut
            child.stdout.close()
            child.wait()
        acknowledged = int(lines[-1]) if lines else acknowledged
        with JournalStore(tmp_path) as store:
            record = store.open_notebook(path_of("n"), NOW_MS)
            assert record is not None
            last = store.last_seq(record.journal_id)
            assert last in (acknowledged, acknowledged + 3)
            assert store.cursors(record.journal_id) == {"k": last}, "cursor and entries differ"
            entries = list(store.read(record.journal_id, 0, limit_bytes=1 << 40))
            assert entries == [(seq, b"%d " % seq * 200) for seq in range(1, last + 1)]


SNAPSHOTTER = """
import sys
from pathlib import Path
from carnet.journal.store import JournalStore
store = JournalStore(Path(sys.argv[1]))
record = store.open_notebook("n", 0) or store.create_notebook("n", 0)
seq = store.last_seq(record.journal_id)
while True:
    seq += 1
    store.append(record.journal_id, [(seq, b"x")], cursor=None)
    store.put_snapshot(record.journal_id, seq, (b"%d of %d" % (number, seq) * 100 for number in range(20)))
    print(seq, flush=True)
"""


@pytest.mark.fault
@pytest.mark.slow
def test_jn28_killed_at_any_moment_a_whole_snapshot_is_left(tmp_path: Path) -> None:
    chance = random.Random(20140220)
    for _ in range(15):
        child = subprocess.Popen(
            [sys.executable, "-c", SNAPSHOTTER, tmp_path],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        try:
            first = child.stdout.readline()
            select.select([], [], [], chance.random() * 0.05)
        finally:
            child.kill()
            lines = [first, *child.stdout.read().split(b"\n")[:-1]]  # the last one may be cut
            child.stdout.close()
            child.wait()
        acknowledged = int(lines[-1])
        with JournalStore(tmp_path) as store:
            record = store.open_notebook(path_of("n"), NOW_MS)
            assert record is not None
            found = store.snapshot(record.journal_id)
            assert found is not None
            assert found[0] in (acknowledged, acknowledged + 1)
            assert found[1] == [b"%d of %d" % (number, found[0]) * 100 for number in range(20)]
            _wait_until(lambda: _count(tmp_path, "snapshot_pieces") == 19)


def test_jn16_several_threads_append_to_one_store(store: JournalStore) -> None:
    ids = [new(store, f"{number}") for number in range(4)]

    def write(journal_id: JournalId) -> None:
        for seq in range(1, 101):
            store.append(journal_id, [(seq, b"%d" % seq)], cursor=None)

    threads = [threading.Thread(target=write, args=(journal_id,)) for journal_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for journal_id in ids:
        assert entries_of(store, journal_id) == [(seq, b"%d" % seq) for seq in range(1, 101)]


# -- a model ---------------------------------------------------------------------------------------------------


class JournalMachine(RuleBasedStateMachine):
    """Whatever is done, the store says what a list in memory says, also after it is opened again."""

    journals = Bundle("journals")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="carnet-test-"))
        self.store = JournalStore(self.folder)
        self.entries: dict[JournalId, list[bytes]] = {}
        self.first: dict[JournalId, int] = {}
        self.kept: dict[JournalId, tuple[int, list[bytes]] | None] = {}
        self.kernels: dict[JournalId, dict[str, int]] = {}
        self.made = 0

    @rule(target=journals)
    def create(self) -> JournalId:
        self.made += 1
        journal_id = new(self.store, f"folder/{self.made}.ipynb")
        self.entries[journal_id], self.first[journal_id] = [], 1
        self.kept[journal_id], self.kernels[journal_id] = None, {}
        return journal_id

    @rule(journal_id=journals, datas=st.lists(st.binary(max_size=50), max_size=4), ahead=st.integers(0, 3))
    def append(self, journal_id: JournalId, datas: list[bytes], ahead: int) -> None:
        last = len(self.entries[journal_id])
        number = self.kernels[journal_id].get(K1, 0) + ahead
        numbered = list(enumerate(datas, start=last + 1))
        self.store.append(journal_id, numbered, cursor=KernelCursor(kernel_id=K1, number=number))
        self.entries[journal_id].extend(datas)
        self.kernels[journal_id][K1] = number

    @rule(journal_id=journals, off=st.integers(-3, 3).filter(bool))
    def append_wrongly(self, journal_id: JournalId, off: int) -> None:
        with pytest.raises(JournalError):
            self.store.append(journal_id, [(len(self.entries[journal_id]) + 1 + off, b"wrong")], cursor=None)

    @rule(
        journal_id=journals,
        pieces=st.lists(st.binary(max_size=20), min_size=1, max_size=12),
        share=st.floats(0, 1),
        breaks=st.booleans(),
    )
    def put_snapshot(self, journal_id: JournalId, pieces: list[bytes], share: float, breaks: bool) -> None:
        seq = round(len(self.entries[journal_id]) * share)
        before = self.kept[journal_id]
        if breaks:
            with pytest.raises(ZeroDivisionError):
                self.store.put_snapshot(journal_id, seq, breaking(pieces))
            return
        if before is not None and seq < before[0]:
            with pytest.raises(JournalError):
                self.store.put_snapshot(journal_id, seq, pieces)
            return
        self.store.put_snapshot(journal_id, seq, pieces)
        self.kept[journal_id] = (seq, pieces)

    @rule(journal_id=journals, share=st.floats(0, 1))
    def prune(self, journal_id: JournalId, share: float) -> None:
        kept = self.kept[journal_id]
        if kept is not None:
            before = round((kept[0] + 1) * share)
            self.store.prune(journal_id, before)
            self.first[journal_id] = max(self.first[journal_id], before)

    @rule(journal_id=consumes(journals))
    def forget(self, journal_id: JournalId) -> None:
        self.store.forget_notebook(journal_id)
        for model in (self.entries, self.first, self.kept, self.kernels):
            del model[journal_id]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = JournalStore(self.folder)

    @invariant()
    def the_store_is_the_model(self) -> None:
        assert {record.journal_id for record in self.store.all_notebooks()} == set(self.entries)
        for journal_id, datas in self.entries.items():
            first = self.first[journal_id]
            assert (self.store.first_seq(journal_id), self.store.last_seq(journal_id)) == (first, len(datas))
            assert (
                entries_of(self.store, journal_id, first - 1) == list(enumerate(datas, start=1))[first - 1 :]
            )
            assert self.store.snapshot(journal_id) == self.kept[journal_id]
            assert self.store.cursors(journal_id) == self.kernels[journal_id]

    @rule()
    def purged(self) -> None:
        """What nothing reaches is deleted in the end, and nothing else."""
        wanted = sum(len(kept[1]) - 1 for kept in self.kept.values() if kept is not None)
        _wait_until(lambda: _count(self.folder, "snapshot_pieces") == wanted)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


TestJournalMachine = pytest.mark.slow(
    settings(max_examples=25, stateful_step_count=25, deadline=None)(JournalMachine).TestCase
)


def _count(folder: Path, table: str) -> int:
    connection = sqlite3.connect(database_path(folder))
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def _wait_until(true: object) -> None:
    """Poll, as nothing tells the outside when the background thread has done its work."""
    assert callable(true)
    for _ in range(1000):
        if true():
            return
        select.select([], [], [], 0.01)
    raise AssertionError("it never became true")

"""JN1 to JN4: one database file for all rooms."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from carnet.database import DatabaseDamaged, connect, database_path, migrate, move_aside, transaction


def test_jn1_folder_and_files_are_private(tmp_path: Path) -> None:
    connection = connect(tmp_path / "state")
    connection.execute("CREATE TABLE t (x)")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    assert modes == {"carnet.sqlite3": 0o600, "carnet.sqlite3-wal": 0o600, "carnet.sqlite3-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    connection.close()


def test_jn1_the_pragmas_are_those_of_the_decision(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    names = ("journal_mode", "synchronous", "wal_autocheckpoint", "foreign_keys", "busy_timeout")
    assert [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names] == ["wal", 1, 0, 1, 5000]
    connection.close()


def test_jn2_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    connection.execute("CREATE TABLE t (x)")
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (1)")

    def fail() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (2)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert connection.execute("SELECT x FROM t").fetchall() == [(1,)]
    connection.close()


def test_jn3_each_room_runs_its_steps_once_and_in_order(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    steps = ["CREATE TABLE a (x); INSERT INTO a VALUES ('one;'); -- a comment; with a semicolon\n"]
    migrate(connection, "journal", steps)
    migrate(connection, "security", ["CREATE TABLE s (x)"])
    steps.append("INSERT INTO a VALUES ('two')")
    for _ in range(2):
        migrate(connection, "journal", steps)
    assert connection.execute("SELECT x FROM a").fetchall() == [("one;",), ("two",)]
    connection.close()


def test_jn3_a_step_that_fails_leaves_the_step_before(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(
            connection,
            "r",
            ["CREATE TABLE a (x)", "INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)"],
        )
    assert connection.execute("SELECT * FROM a").fetchall() == []
    migrate(connection, "r", ["CREATE TABLE a (x)", "INSERT INTO a VALUES (2)"])
    assert connection.execute("SELECT * FROM a").fetchall() == [(2,)]
    connection.close()


def test_jn3_a_database_of_a_newer_carnet_is_not_touched(tmp_path: Path) -> None:
    connection = connect(tmp_path)
    migrate(connection, "r", ["CREATE TABLE a (x)", "CREATE TABLE b (x)"])
    with pytest.raises(sqlite3.DatabaseError, match="newer Carnet"):
        migrate(connection, "r", ["CREATE TABLE a (x)"])
    connection.close()


@pytest.mark.parametrize("data", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_jn4_a_damaged_file_says_so_and_is_kept(tmp_path: Path, data: bytes) -> None:
    database_path(tmp_path).write_bytes(data)
    with pytest.raises(DatabaseDamaged) as caught:
        connect(tmp_path)
    assert caught.value.path == database_path(tmp_path)
    assert "Move it away" in str(caught.value)  # the way out
    assert database_path(tmp_path).read_bytes() == data

    kept = [move_aside(tmp_path)]
    database_path(tmp_path).write_bytes(b"again")
    kept.append(move_aside(tmp_path))
    assert [file.read_bytes() for file in kept] == [data, b"again"]
    connect(tmp_path).close()


def test_jn1_a_second_connection_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Closing any descriptor of the file would drop them, and the next process to close would remove the log."""
    first = connect(tmp_path)
    first.execute("CREATE TABLE kept (a)")
    second = connect(tmp_path)

    program = (
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM kept').fetchone()"
    )
    subprocess.run([sys.executable, "-c", program, database_path(tmp_path)], check=True)

    assert database_path(tmp_path).with_name("carnet.sqlite3-wal").exists()
    first.execute("INSERT INTO kept VALUES (1)")
    assert second.execute("SELECT a FROM kept").fetchall() == [(1,)]
    second.close()
    first.close()

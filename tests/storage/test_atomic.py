"""FS6 to FS11: one write, one rename, seen from below."""

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from carnet.storage import atomic
from carnet.storage.atomic import rename_exclusive, sweep, write_file
from carnet.storage.base import revision_of


@pytest.fixture
def folder_fd(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.fixture(params=["the system's call", "an old kernel without it"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "an old kernel without it":

        def unknown(*_: object) -> int:
            ctypes.set_errno(errno.ENOSYS)
            return -1

        monkeypatch.setattr(atomic, "_rename_natively", unknown)


@pytest.mark.usefixtures("_both_ways")
def test_fs8_an_exclusive_rename_never_overwrites(folder_fd: int, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for taken in ("b", "folder", "link"):
        with pytest.raises(FileExistsError):
            rename_exclusive(folder_fd, "a", folder_fd, taken)
    rename_exclusive(folder_fd, "a", folder_fd, "free")
    with pytest.raises(FileNotFoundError):
        rename_exclusive(folder_fd, "a", folder_fd, "other")
    assert (tmp_path / "free").read_text() == "a"
    assert (tmp_path / "b").read_text() == "b"


def test_fs6_the_steps_of_a_save_come_in_order(
    folder_fd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def note(*args: object, **keywords: object) -> object:
            if name == "fsync":
                steps.append("sync folder" if os.path.isdir(f"/proc/self/fd/{args[0]}") else "sync file")
            else:
                steps.append(name)
            return real(*args, **keywords)

        monkeypatch.setattr(os, name, note)

    (tmp_path / "a").write_bytes(b"old")
    for name in ("write", "fchmod", "fsync", "rename"):
        noting(name)
    revision = write_file(folder_fd, "a", [b"n", b"ew"], like=(tmp_path / "a").stat(), new_mode=0o600)
    assert steps == ["write", "write", "fchmod", "sync file", "rename", "sync folder"]
    assert revision == revision_of(b"new")


def test_fs11_whatever_stops_it_leaves_the_old_file_and_no_litter(folder_fd: int, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(folder_fd, "a", chunks(), like=(tmp_path / "a").stat(), new_mode=0o600)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"old")]


def test_fs10_sweep_takes_our_litter_only(folder_fd: int, tmp_path: Path) -> None:
    for name in (".~carnet-a.tmp", ".~lock.odt#", "~carnet-a.tmp", "a.tmp"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".~carnet-folder").mkdir()
    (tmp_path / ".~carnet-link").symlink_to("a.tmp")
    assert sweep(folder_fd) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        ".~carnet-folder", ".~carnet-link", ".~lock.odt#", "a.tmp", "~carnet-a.tmp",
    ]  # fmt: skip


def test_fs10_a_sweep_between_open_and_lock_costs_nothing(
    folder_fd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic._lock
    turns: list[int] = []

    def lock(fd: int, how: int) -> str:
        if not turns:
            turns.append(1)
            assert sweep(folder_fd) == 1  # takes the file that was just made
        return real(fd, how)

    monkeypatch.setattr(atomic, "_lock", lock)
    write_file(folder_fd, "a", [b"x"], like=None, new_mode=0o600)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a", b"x")]


def test_fs10_without_locks_only_old_litter_is_taken(
    folder_fd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    write_file(folder_fd, "a", [b"x"], like=None, new_mode=0o600)
    litter = tmp_path / ".~carnet-a.tmp"
    litter.write_bytes(b"")
    assert sweep(folder_fd) == 0
    os.utime(litter, (0, 0))
    assert sweep(folder_fd) == 1

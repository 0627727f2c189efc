"""FS12 to FS14: the trash moves whole things, also to another disk, and survives being cut short."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from carnet.errors import NotFound
from carnet.ids import NotebookPath
from carnet.storage import trash as trash_module
from carnet.storage.atomic import rename_exclusive
from carnet.storage.base import Trashed, TrashId
from carnet.storage.trash import Trash, remove

Act = Callable[[int], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no rename cross between the folders of a test, as between two disks."""
    real = rename_exclusive

    def rename(old_fd: int, old: str, new_fd: int, new: str) -> None:
        if os.fstat(old_fd).st_ino != os.fstat(new_fd).st_ino:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(old_fd, old, new_fd, new)

    monkeypatch.setattr(trash_module, "rename_exclusive", rename)


def what(trash_id: str, *, deleted_ms: int = 1000) -> Trashed:
    return Trashed(
        trash_id=TrashId(trash_id), path=NotebookPath("d"), kind="folder", deleted_ms=deleted_ms, size_bytes=0
    )


def in_folder(folder: Path, act: Act) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        act(fd)
    finally:
        os.close(fd)


def a_tree(root: Path) -> dict[str, object]:
    (root / "d" / "inner").mkdir(parents=True)
    (root / "d" / "inner" / "run.sh").write_bytes(b"#!")
    (root / "d" / "inner" / "run.sh").chmod(0o750)
    (root / "d" / "link").symlink_to("/nowhere")
    os.utime(root / "d" / "inner" / "run.sh", ns=(10**18, 10**18))
    (root / "d" / "inner").chmod(0o705)
    return shape(root / "d")


def shape(folder: Path) -> dict[str, object]:
    """Return all that must come back: kinds, modes, bytes, times of files."""
    seen: dict[str, object] = {}
    for file in sorted(folder.rglob("*")):
        status = file.lstat()
        name = str(file.relative_to(folder))
        if file.is_symlink():
            seen[name] = os.readlink(file)
        elif file.is_dir():
            seen[name] = stat.S_IMODE(status.st_mode)
        else:
            seen[name] = (stat.S_IMODE(status.st_mode), file.read_bytes(), status.st_mtime_ns)
    return seen


def there_and_back(trash: Trash, root: Path) -> None:
    before = a_tree(root)
    in_folder(root, lambda fd: trash.put(what("one"), fd, "d"))
    assert list(root.iterdir()) == []
    assert list(trash.list()) == [what("one")]
    in_folder(root, lambda fd: trash.take(TrashId("one"), fd, "back"))
    assert shape(root / "back") == before
    assert list(trash.list()) == []
    assert list(trash.folder.iterdir()) == []


def test_fs12_a_folder_goes_and_comes_back_whole(root: Path, tmp_path: Path) -> None:
    there_and_back(Trash(tmp_path / "trash"), root)


@pytest.mark.usefixtures("another_disk")
def test_fs13_to_another_disk_it_is_copied_whole(root: Path, tmp_path: Path) -> None:
    there_and_back(Trash(tmp_path / "trash"), root)


@pytest.mark.usefixtures("another_disk")
def test_fs13_when_the_other_disk_is_full_nothing_changed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = a_tree(root)
    trash = Trash(tmp_path / "trash")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        in_folder(root, lambda fd: trash.put(what("one"), fd, "d"))
    assert shape(root / "d") == before
    assert list(trash.folder.iterdir()) == []


def test_a_taken_name_is_not_overwritten(root: Path, tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    a_tree(root)
    in_folder(root, lambda fd: trash.put(what("one"), fd, "d"))
    (root / "d").write_bytes(b"new")
    with pytest.raises(FileExistsError):
        in_folder(root, lambda fd: trash.take(TrashId("one"), fd, "d"))
    assert (root / "d").read_bytes() == b"new"
    assert list(trash.list()) == [what("one")]


@pytest.mark.parametrize("missing", ["item", "info.json"])
def test_fs14_what_a_crash_cut_short_is_not_listed_but_tidied(
    root: Path, tmp_path: Path, missing: str
) -> None:
    trash = Trash(tmp_path / "trash")
    (root / "d").write_bytes(b"x")
    in_folder(root, lambda fd: trash.put(what("one"), fd, "d"))
    (trash.folder / "one" / missing).unlink()
    assert list(trash.list()) == []
    with pytest.raises(NotFound):
        trash.find(TrashId("one"))
    trash.empty(older_than_ms=1)  # just made: perhaps another thread is filling it
    assert (trash.folder / "one").exists()
    trash.empty(older_than_ms=None)
    assert list(trash.folder.iterdir()) == []


def test_remove_takes_files_links_and_folders(root: Path) -> None:
    a_tree(root)
    (root / "file").write_bytes(b"")
    (root / "link").symlink_to("d")
    for name in ("link", "file", "d", "never there"):
        in_folder(root, lambda fd, name=name: remove(fd, name))  # type: ignore[misc]  # a default binds the name
    assert list(root.iterdir()) == []

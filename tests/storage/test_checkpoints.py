"""The checkpoints of files: rules FS17 to FS20, with what Jupyter does in the same folder."""

import errno
import hashlib
import os
import random
import select
import stat
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from traitlets import TraitError

from carnet.errors import NotFound, PermissionDenied, StorageFull
from carnet.ids import NotebookPath
from carnet.storage import atomic, checkpoints, trash
from carnet.storage.base import normalise_path
from carnet.storage.files import FileNotebookManager
from carnet.testing.fake_clock import FakeClock
from tests.conftest import ExpectLog

N = NotebookPath("n.ipynb")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(now_ms=1_400_000_000_000)


@pytest.fixture
def manager(root: Path, tmp_path: Path, clock: FakeClock) -> FileNotebookManager:
    made = FileNotebookManager(root, state_dir=tmp_path / "state")
    made.clock = clock
    return made


@pytest.fixture
def jupyters(root: Path) -> Path:
    """The file that Jupyter takes for the checkpoint of n.ipynb."""
    return root / ".ipynb_checkpoints" / "n-checkpoint.ipynb"


def id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def keep(manager: FileNotebookManager, *contents: bytes, path: NotebookPath = N) -> list[str]:
    """Write and checkpoint each of these; return the ids. A second lies between each two."""
    made = []
    for data in contents:
        revision = manager.stat(path).revision if manager.exists(path) else None
        manager.save(path, data, expected=revision)
        made.append(manager.create_checkpoint(path).checkpoint_id)
        assert isinstance(manager.clock, FakeClock)
        manager.clock.advance(1)
    return made


def kept(manager: FileNotebookManager, path: NotebookPath = N) -> list[bytes]:
    """Return the bytes of what is listed, latest first."""
    return [manager.read_checkpoint(path, one.checkpoint_id) for one in manager.list_checkpoints(path)]


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# -- FS17: where they are ---------------------------------------------------------------------------


def test_fs17_s27_each_under_its_time_and_the_newest_where_jupyter_looks(
    manager: FileNotebookManager, root: Path, jupyters: Path
) -> None:
    one, two = keep(manager, b"one", b"two")

    assert files_in(root) == [
        f".ipynb_checkpoints/.carnet/n.ipynb/2014-05-13T165320.000Z-{one}.ipynb",
        f".ipynb_checkpoints/.carnet/n.ipynb/2014-05-13T165321.000Z-{two}.ipynb",
        ".ipynb_checkpoints/n-checkpoint.ipynb",
        "n.ipynb",
    ]
    assert (one, two) == (id_of(b"one"), id_of(b"two"))
    assert jupyters.read_bytes() == b"two"
    assert jupyters.stat().st_mtime == 1_400_000_001
    manager.delete(N)
    assert files_in(root) == []
    assert list((root / ".ipynb_checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "jupyters"),
    [
        ("a.tar.gz", "a.tar-checkpoint.gz"),
        (".bashrc", ".bashrc-checkpoint"),
        ("noext", "noext-checkpoint"),
        ("dots..", "dots.-checkpoint."),
        ("x.y-checkpoint.ipynb", "x.y-checkpoint-checkpoint.ipynb"),
    ],
)
def test_fs17_jupyters_name_is_jupyters(
    manager: FileNotebookManager, root: Path, name: str, jupyters: str
) -> None:
    """As os.path.splitext has it, which Jupyter uses."""
    manager.allow_hidden = True
    keep(manager, b"x", path=normalise_path(name))
    assert (root / ".ipynb_checkpoints" / jupyters).read_bytes() == b"x"
    assert kept(manager, normalise_path(name)) == [b"x"]


def test_fs17_the_name_of_the_folder_is_a_setting(
    manager: FileNotebookManager, root: Path, jupyters: Path
) -> None:
    manager.checkpoint_dir = "kept"
    keep(manager, b"1", b"2")
    assert kept(manager) == [b"2", b"1"]
    assert (root / "kept" / "n-checkpoint.ipynb").read_bytes() == b"2"
    assert not jupyters.exists()


@pytest.mark.parametrize("name", ["n" * 249 + ".ipynb", "n." + "x" * 250, "日" * 80 + ".ipynb"])
def test_fs17_a_name_too_long_for_jupyters_checkpoint_has_ours(
    manager: FileNotebookManager, root: Path, name: str
) -> None:
    path = normalise_path(name)
    keep(manager, b"1", b"2", path=path)
    assert kept(manager, path) == [b"2", b"1"]
    manager.rename(path, N)
    assert kept(manager) == [b"2", b"1"]
    manager.rename(N, path)
    manager.copy(path, normalise_path("c"))
    assert kept(manager, path) == kept(manager, normalise_path("c")) == [b"2", b"1"]
    manager.delete_checkpoint(path, id_of(b"2"))
    assert kept(manager, path) == [b"1"]


@pytest.mark.parametrize("where", [".ipynb_checkpoints", ".ipynb_checkpoints/.carnet"])
@pytest.mark.parametrize("what", ["link", "file"])
def test_fs17_a_link_in_place_of_a_folder_is_not_followed(
    manager: FileNotebookManager, root: Path, tmp_path: Path, where: str, what: str
) -> None:
    outside = tmp_path / "outside"
    (outside / "n.ipynb").mkdir(parents=True)
    (outside / "n-checkpoint.ipynb").write_bytes(b"of another")
    (outside / "n.ipynb" / f"2014-05-13T165320.000Z-{id_of(b'y')}.ipynb").write_bytes(b"y")
    before = files_in(outside)
    place = root / where
    place.parent.mkdir(exist_ok=True)
    if what == "link":
        place.symlink_to(outside)
    else:
        place.write_bytes(b"")
    manager.save(N, b"x", expected=None)

    assert list(manager.list_checkpoints(N)) == []
    with pytest.raises(PermissionDenied, match=r"is a file or a link, not a folder. Move it away"):
        manager.create_checkpoint(N)
    with pytest.raises(NotFound):
        manager.read_checkpoint(N, id_of(b"y"))
    manager.copy(N, NotebookPath("m.ipynb"))
    manager.rename(N, NotebookPath("o.ipynb"))
    manager.delete(NotebookPath("o.ipynb"))
    assert files_in(outside) == before


def test_fs17_what_is_not_a_file_is_no_checkpoint(
    manager: FileNotebookManager, root: Path, jupyters: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    keep(manager, b"1")
    inner = root / ".ipynb_checkpoints" / ".carnet" / "n.ipynb"
    (inner / f"2014-06-13T165320.000Z-{id_of(b's')}.ipynb").symlink_to(tmp_path / "secret")
    (inner / f"2014-06-13T165320.000Z-{'0' * 32}").mkdir()
    (inner / f"2014-99-99T165320.000Z-{id_of(b'1')}").write_bytes(b"1")
    (inner / "notes.txt").write_bytes(b"")
    os.mkfifo(inner / f"2014-06-13T165320.001Z-{'1' * 32}")
    jupyters.unlink()
    jupyters.symlink_to(tmp_path / "secret")

    assert kept(manager) == [b"1"]
    with pytest.raises(NotFound):
        manager.read_checkpoint(N, id_of(b"s"))
    manager.create_checkpoint(N)
    assert (tmp_path / "secret").read_bytes() == b"s"
    assert jupyters.read_bytes() == b"1"
    assert not jupyters.is_symlink()


def test_fs17_a_checkpoint_is_as_private_as_the_file(
    manager: FileNotebookManager, root: Path, jupyters: Path
) -> None:
    keep(manager, b"1")
    (root / "n.ipynb").chmod(0o600)
    keep(manager, b"2")
    inner = root / ".ipynb_checkpoints" / ".carnet" / "n.ipynb"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(inner.iterdir())]
    assert modes[1] == stat.S_IMODE(jupyters.stat().st_mode) == 0o600


# -- FS18: ids and order ------------------------------------------------------------------------------


def test_fs18_the_same_bytes_are_not_kept_twice(
    manager: FileNotebookManager, root: Path, jupyters: Path
) -> None:
    keep(manager, b"1", b"2")
    files = files_in(root)
    first = list(manager.list_checkpoints(N))
    assert manager.create_checkpoint(N) == first[0]
    assert list(manager.list_checkpoints(N)) == first
    assert files_in(root) == files

    keep(manager, b"1")
    assert kept(manager) == [b"1", b"2"]
    assert len(files_in(root)) == len(files)
    assert jupyters.read_bytes() == b"1"


def test_fs18_a_clock_that_goes_back_changes_no_order(manager: FileNotebookManager, clock: FakeClock) -> None:
    keep(manager, b"1")
    clock.jump_wall(-86_400)
    keep(manager, b"2")
    clock.jump_wall(-86_400)
    keep(manager, b"3")
    assert kept(manager) == [b"3", b"2", b"1"]
    times = [one.created_ms for one in manager.list_checkpoints(N)]
    assert times == sorted(times, reverse=True)


def test_fs18_one_that_was_edited_in_its_place_is_gone(manager: FileNotebookManager, root: Path) -> None:
    one, two = keep(manager, b"1", b"2")
    for path in (root / ".ipynb_checkpoints").rglob(f"*{one}*"):
        path.write_bytes(b"edited")
    with pytest.raises(NotFound, match="there is no checkpoint"):
        manager.read_checkpoint(N, one)
    assert manager.read_checkpoint(N, two) == b"2"


def test_fs18_so_many_are_kept(manager: FileNotebookManager, jupyters: Path) -> None:
    keep(manager, *(b"%d" % number for number in range(12)))
    assert kept(manager) == [b"%d" % number for number in range(11, 1, -1)]
    manager.checkpoints_kept = 1
    keep(manager, b"last")
    assert kept(manager) == [b"last"]
    assert jupyters.read_bytes() == b"last"


@pytest.mark.parametrize("number", [0, -1])
def test_fs18_none_at_all_is_no_setting(manager: FileNotebookManager, number: int) -> None:
    with pytest.raises(TraitError, match="checkpoints_kept"):
        manager.checkpoints_kept = number


def test_fs18_of_many_that_are_made_at_once_none_is_lost(manager: FileNotebookManager) -> None:
    paths = [normalise_path(f"{number}.txt") for number in range(4)]
    for path in paths:
        manager.save(path, path.encode(), expected=None)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(manager.create_checkpoint, paths * 8))
    assert [kept(manager, path) for path in paths] == [[path.encode()] for path in paths]


# -- FS19: Jupyter in the same folder -------------------------------------------------------------------


def test_fs19_what_jupyter_kept_before_is_there(
    manager: FileNotebookManager, root: Path, jupyters: Path
) -> None:
    manager.save(N, b"now", expected=None)
    jupyters.parent.mkdir()
    jupyters.write_bytes(b"jupyter's")
    os.utime(jupyters, (1_300_000_000, 1_300_000_000))

    [found] = manager.list_checkpoints(N)
    assert (found.checkpoint_id, found.created_ms) == (id_of(b"jupyter's"), 1_300_000_000_000)
    assert files_in(root) == [".ipynb_checkpoints/n-checkpoint.ipynb", "n.ipynb"]  # looking writes nothing

    manager.create_checkpoint(N)
    assert kept(manager) == [b"now", b"jupyter's"]
    assert manager.list_checkpoints(N)[1] == found
    assert jupyters.read_bytes() == b"now"


def test_fs19_what_jupyter_puts_over_ours_is_the_newest_and_ours_stays(
    manager: FileNotebookManager, jupyters: Path
) -> None:
    one, two = keep(manager, b"1", b"2")
    # As Jupyter writes: into the same file, with the time of the notebook, which may be older.
    with jupyters.open("r+b") as file:
        file.truncate()
        file.write(b"jupyter's")
    os.utime(jupyters, (1_300_000_000, 1_300_000_000))

    listed = manager.list_checkpoints(N)
    assert [one.checkpoint_id for one in listed] == [id_of(b"jupyter's"), two, one]
    assert [one.created_ms for one in listed] == [1_400_000_001_001, 1_400_000_001_000, 1_400_000_000_000]
    assert kept(manager) == [b"jupyter's", b"2", b"1"]
    keep(manager, b"3")
    assert kept(manager) == [b"3", b"jupyter's", b"2", b"1"]


def test_fs19_what_is_both_files_and_jupyters_newest_makes_nothing_new(
    manager: FileNotebookManager, jupyters: Path
) -> None:
    keep(manager, b"1")
    jupyters.write_bytes(b"2")
    manager.save(N, b"2", expected=manager.stat(N).revision)
    assert manager.create_checkpoint(N).checkpoint_id == id_of(b"2")
    assert kept(manager) == [b"2", b"1"]


def test_fs19_one_that_jupyter_put_can_be_deleted(manager: FileNotebookManager, jupyters: Path) -> None:
    keep(manager, b"1")
    jupyters.write_bytes(b"2")
    manager.delete_checkpoint(N, id_of(b"2"))
    assert kept(manager) == [b"1"]
    assert jupyters.read_bytes() == b"1"
    manager.delete_checkpoint(N, id_of(b"1"))
    assert kept(manager) == []
    assert not jupyters.exists()


def test_fs19_what_jupyter_took_away_is_still_ours(manager: FileNotebookManager, jupyters: Path) -> None:
    keep(manager, b"1", b"2")
    jupyters.unlink()
    assert kept(manager) == [b"2", b"1"]
    manager.create_checkpoint(N)
    assert jupyters.read_bytes() == b"2"


def test_fs19_a_copy_has_what_jupyter_kept(manager: FileNotebookManager, jupyters: Path) -> None:
    keep(manager, b"1")
    jupyters.write_bytes(b"2")
    manager.copy(N, NotebookPath("c.ipynb"))
    assert kept(manager, NotebookPath("c.ipynb")) == [b"2", b"1"]
    # Jupyter writes into its own file: the copy has another.
    jupyters.write_bytes(b"3")
    assert kept(manager, NotebookPath("c.ipynb")) == [b"2", b"1"]


@pytest.mark.parametrize("time_s", [-86_400, 10**11])
def test_fs19_any_time_of_a_file_will_do(manager: FileNotebookManager, jupyters: Path, time_s: int) -> None:
    manager.save(N, b"now", expected=None)
    jupyters.parent.mkdir()
    jupyters.write_bytes(b"jupyter's")
    # A disk that knows no such time takes the nearest that it knows.
    os.utime(jupyters, (time_s, time_s))
    keep(manager, b"2", b"3")
    assert kept(manager) == [b"3", b"2", b"jupyter's"]


# -- FS20: they go with the file ---------------------------------------------------------------------------


def test_fs20_a_copy_costs_no_space(manager: FileNotebookManager, root: Path) -> None:
    keep(manager, b"1", b"2")
    manager.copy(N, NotebookPath("c.ipynb"))
    files = [*(root / ".ipynb_checkpoints" / ".carnet").rglob("*Z-*")]
    assert len(files) == 4
    assert len({path.stat().st_ino for path in files}) == 2


def test_fs20_without_hard_links_a_copy_is_one(
    manager: FileNotebookManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    keep(manager, b"1", b"2")
    monkeypatch.setattr(os, "link", refuse)
    manager.copy(N, NotebookPath("c.ipynb"))
    assert kept(manager, NotebookPath("c.ipynb")) == [b"2", b"1"]
    assert manager.list_checkpoints(NotebookPath("c.ipynb")) == manager.list_checkpoints(N)


def test_fs20_a_file_that_takes_a_name_brings_its_own(manager: FileNotebookManager, root: Path) -> None:
    """What another program left under that name when it deleted the file is not of this one."""
    keep(manager, b"1", b"2")
    keep(manager, b"other", path=NotebookPath("m.ipynb"))
    (root / "m.ipynb").unlink()
    manager.rename(N, NotebookPath("m.ipynb"))
    assert kept(manager, NotebookPath("m.ipynb")) == [b"2", b"1"]
    manager.save(N, b"new", expected=None)
    assert kept(manager) == []


def test_fs20_a_file_without_any_takes_none_away(manager: FileNotebookManager, root: Path) -> None:
    keep(manager, b"1")
    (root / "n.ipynb").unlink()
    manager.save(NotebookPath("m.ipynb"), b"new", expected=None)
    manager.rename(NotebookPath("m.ipynb"), N)
    assert kept(manager) == [b"1"]


def test_fs20_deleted_for_ever_they_are_too(manager: FileNotebookManager, root: Path) -> None:
    manager.delete_to_trash = False
    keep(manager, b"1", b"2")
    manager.delete(N)
    assert files_in(root) == []


def test_fs20_a_trash_on_another_disk_has_them_too(
    manager: FileNotebookManager, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic.rename_exclusive

    def between_disks(old_fd: int, old: str, new_fd: int, new: str) -> None:
        if os.fstat(old_fd).st_ino != os.fstat(new_fd).st_ino:
            raise OSError(errno.EXDEV, "another disk")
        real(old_fd, old, new_fd, new)

    made = keep(manager, b"1", b"2")
    before = list(manager.list_checkpoints(N))
    monkeypatch.setattr(trash, "rename_exclusive", between_disks)
    trash_id = manager.delete(N)
    assert files_in(root) == []
    assert trash_id is not None
    manager.restore(trash_id)
    assert list(manager.list_checkpoints(N)) == before
    assert [one.checkpoint_id for one in before] == made[::-1]


def test_fs20_a_file_is_renamed_also_where_they_cannot_be(
    manager: FileNotebookManager, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "to").mkdir()
    (root / "to" / ".ipynb_checkpoints").write_text("not a folder")
    keep(manager, b"1")
    manager.rename(N, NotebookPath("to/n.ipynb"))
    assert manager.read(NotebookPath("to/n.ipynb"))[0] == b"1"
    assert "to/n.ipynb: its checkpoints did not all come along" in caplog.text


# -- when something fails -------------------------------------------------------------------------------------


def test_fs17_a_full_disk_leaves_what_was_there(
    manager: FileNotebookManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(manager, b"1")
    before = files_in(root)
    manager.save(N, b"2", expected=manager.stat(N).revision)
    manager.save(NotebookPath("d"), b"3", expected=None)

    def full(folder_fd: int, name: str, chunks: Iterable[bytes], **_: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(checkpoints, "write_file", full)
    for path in (N, NotebookPath("d")):
        with pytest.raises(StorageFull, match="not checkpointed: the disk is full"):
            manager.create_checkpoint(path)
    monkeypatch.undo()
    assert kept(manager) == [b"1"]
    assert [*files_in(root)] == sorted([*before, "d"])
    assert not (root / ".ipynb_checkpoints" / ".carnet" / "d").exists()


def test_fs17_jupyters_copy_may_fail(
    manager: FileNotebookManager, jupyters: Path, expect_log: ExpectLog
) -> None:
    expect_log("n.ipynb: Jupyter will not find the newest checkpoint", logger="carnet.storage")
    jupyters.mkdir(parents=True)
    (jupyters / "something").write_bytes(b"")
    keep(manager, b"1", b"2")
    assert kept(manager) == [b"2", b"1"]


SAVER = """
import json, sys
from carnet.storage.files import FileNotebookManager
from carnet.storage.base import normalise_path
manager = FileNotebookManager(sys.argv[1], state_dir=sys.argv[2])
path = normalise_path("n.ipynb")
for number in range(int(sys.argv[3]), 10**9):
    manager.save(path, b"%012d" % number * 20_000, expected=manager.stat(path).revision)
    print(number, manager.create_checkpoint(path).checkpoint_id, flush=True)
"""


@pytest.mark.fault
@pytest.mark.slow
def test_fs17_killed_at_any_moment_what_was_kept_is_there(root: Path, tmp_path: Path, jupyters: Path) -> None:
    chance = random.Random(20140220)
    (root / "n.ipynb").write_bytes(b"%012d" % 0 * 20_000)
    done, said = 0, {}
    for _ in range(25):
        child = subprocess.Popen(
            [sys.executable, "-c", SAVER, root, tmp_path / "state", str(done + 1)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        assert child.stdout is not None
        try:
            lines = [child.stdout.readline()]
            select.select([], [], [], chance.random() * 0.03)
        finally:
            child.kill()
            lines += child.stdout.readlines()
            child.stdout.close()
            child.wait()
        for line in lines:
            if line.endswith("\n"):
                done = int(line.split()[0])
                said[line.split()[1]] = done

        manager = FileNotebookManager(root, state_dir=tmp_path / "state")
        listed = [one.checkpoint_id for one in manager.list_checkpoints(N)]
        numbers = [int(manager.read_checkpoint(N, one)[:12]) for one in listed]
        # The last that was acknowledged is there, and perhaps the one that was not.
        assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1))
        assert done in numbers[:2]
        assert len(numbers) == min(10, numbers[0]) or len(numbers) == 11
        assert all(said.get(one, number) == number for one, number in zip(listed, numbers, strict=True))
        assert len(jupyters.read_bytes()) == 12 * 20_000

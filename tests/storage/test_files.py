"""The file notebook manager keeps the contract; and the rules FS1 to FS16 of files."""

import errno
import os
import random
import resource
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets import TraitError
from traitlets.config import Config

from carnet.errors import (
    AlreadyExists,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RevisionConflict,
    StorageError,
    StorageFull,
)
from carnet.ids import NotebookPath, Revision
from carnet.storage import files
from carnet.storage.base import NotebookManager, normalise_path
from carnet.storage.files import FileNotebookManager
from carnet.testing.fake_clock import FakeClock
from carnet.testing.notebook_manager import NotebookManagerContract

NOBODY = 65534


class TestFileNotebookManager(NotebookManagerContract):
    @pytest.fixture
    def manager(self, tmp_path: Path) -> NotebookManager:
        return FileNotebookManager(tmp_path / "root", state_dir=tmp_path / "state")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def manager(root: Path, tmp_path: Path) -> FileNotebookManager:
    return FileNotebookManager(root, state_dir=tmp_path / "state")


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """Not be root for a test: root may write everywhere. Gives a folder of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="carnet-test-"))
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(folder, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
            os.setegid(0)
        for inner in folder.rglob("*"):
            if inner.is_dir() and not inner.is_symlink():
                inner.chmod(0o700)
        shutil.rmtree(folder)


def path_of(raw: str) -> NotebookPath:
    return normalise_path(raw)


def litter(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.name.startswith(".~carnet-")]


# -- the folder, and its settings ------------------------------------------------------------------


def test_s26_the_folder_is_made_if_missing(tmp_path: Path) -> None:
    config = Config()
    config.FileNotebookManager.notebook_dir = str(tmp_path / "new" / "folder")
    config.FileNotebookManager.state_dir = str(tmp_path / "state")
    manager = FileNotebookManager(config=config)
    assert (tmp_path / "new" / "folder").is_dir()
    assert manager.info_string() == f"Serving notebooks from local directory: {tmp_path / 'new' / 'folder'}"


def test_s26_the_base_class_name_in_the_configuration_works_too(tmp_path: Path) -> None:
    config = Config()
    config.NotebookManager.notebook_dir = str(tmp_path / "nb")
    assert FileNotebookManager(state_dir=tmp_path / "state", config=config).root == tmp_path / "nb"


def test_s26_by_default_it_is_where_carnet_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert FileNotebookManager(state_dir=tmp_path / "state").root == tmp_path


def test_a_file_in_the_place_of_the_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="not opened as the notebook folder"):
        FileNotebookManager(tmp_path / "file", state_dir=tmp_path / "state")


@pytest.mark.parametrize("name", ["", "..", "a/b", "/tmp", ".~carnet-x"])
def test_checkpoint_dir_is_a_name(manager: FileNotebookManager, name: str) -> None:
    with pytest.raises(TraitError, match="checkpoint_dir must be the name of a folder"):
        manager.checkpoint_dir = name


# -- FS1 to FS5: nothing outside the root ------------------------------------------------------------


def every_verb(manager: FileNotebookManager, path: NotebookPath) -> Iterator[StorageError | None]:
    """Yield what each verb raises on a path that must not be reached."""
    other = path_of("made-by-verb")
    for act in (
        lambda: manager.read(path),
        lambda: manager.read_range(path, 0, 1),
        lambda: manager.stat(path),
        lambda: manager.list(path),
        lambda: manager.save(path, b"overwritten", expected=None),
        lambda: manager.save(path, b"overwritten", expected=Revision("h0")),
        lambda: manager.copy(path, other),
        lambda: manager.create_checkpoint(path),
        lambda: manager.list_checkpoints(path),
    ):
        try:
            act()
        except StorageError as error:
            yield error
        else:
            yield None


@pytest.mark.parametrize("kind", ["absolute", "relative", "through a folder", "in a chain"])
def test_fs2_a_link_out_of_the_root_is_refused(
    manager: FileNotebookManager, root: Path, tmp_path: Path, kind: str
) -> None:
    # The name of the outside folder begins with that of the root: CVE-2026-35397.
    outside = tmp_path / "root-private"
    outside.mkdir()
    secret = outside / "secret"
    secret.write_bytes(b"secret")
    link = root / "link"
    path = path_of("link")
    match kind:
        case "absolute":
            link.symlink_to(secret)
        case "relative":
            link.symlink_to("../root-private/secret")
        case "through a folder":
            link.symlink_to(outside)
            path = path_of("link/secret")
        case _:
            (root / "second").symlink_to("../root-private")
            link.symlink_to("second/secret")

    raised = list(every_verb(manager, path))
    assert {type(error) for error in raised} == {PermissionDenied}
    assert secret.read_bytes() == b"secret"
    assert sorted(p.name for p in outside.iterdir()) == ["secret"]
    assert manager.local_path(path) is None
    assert [entry.path for entry in manager.list()] == []


def test_fs2_a_dangling_link_out_does_not_make_a_file_outside(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    (root / "link").symlink_to(tmp_path / "not-there-yet")
    with pytest.raises(PermissionDenied):
        manager.save(path_of("link"), b"x", expected=None)
    assert not (tmp_path / "not-there-yet").exists()


def test_fs3_an_allowed_link_may_lead_out(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "data"
    (outside / ".deep").mkdir(parents=True)
    (outside / "a.csv").write_bytes(b"1")
    (outside / ".deep" / "b").write_bytes(b"2")
    (root / "data").symlink_to(outside)
    (root / "deep").symlink_to("../data/.deep/b")
    config = Config()
    config.FileNotebookManager.allowed_links = [str(outside), str(tmp_path / "gone")]
    manager = FileNotebookManager(root, state_dir=tmp_path / "state", config=config)

    data, entry = manager.read(path_of("data/a.csv"))
    manager.save(path_of("data/a.csv"), data + b"0", expected=entry.revision)
    assert (outside / "a.csv").read_bytes() == b"10"
    with pytest.raises(NotFound, match="hidden"):
        manager.read(path_of("deep"))


def test_fs1_a_link_inside_is_followed_and_stays_a_link(manager: FileNotebookManager, root: Path) -> None:
    (root / "real").mkdir()
    (root / "real" / "n.ipynb").write_bytes(b"old")
    (root / "relative.ipynb").symlink_to("real/n.ipynb")
    (root / "absolute.ipynb").symlink_to(root / "real" / "n.ipynb")
    (root / "folder").symlink_to("real/../real")
    (root / "real" / "up").symlink_to("..")

    for number, raw in enumerate(
        ["relative.ipynb", "absolute.ipynb", "folder/n.ipynb", "real/up/real/n.ipynb"]
    ):
        revision = manager.stat(path_of(raw)).revision
        manager.save(path_of(raw), b"new %d" % number, expected=revision)
        assert (root / "real" / "n.ipynb").read_bytes() == b"new %d" % number
    assert (root / "relative.ipynb").is_symlink()
    assert manager.stat(path_of("real/up")).kind == "folder"
    assert [(e.path, e.kind) for e in manager.list()] == [
        ("absolute.ipynb", "notebook"), ("folder", "folder"), ("real", "folder"), ("relative.ipynb", "notebook"),
    ]  # fmt: skip


def test_fs4_links_in_a_circle_and_dangling_links_end(manager: FileNotebookManager, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    (root / "dangling").symlink_to("nowhere/x")
    with pytest.raises(InvalidPath, match="links"):
        manager.read(path_of("a"))
    with pytest.raises(NotFound):
        manager.read(path_of("dangling"))
    assert list(manager.list()) == []


def test_fs4_deleting_or_renaming_a_link_spares_its_target(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_bytes(b"x")
    (root / "link").symlink_to(tmp_path / "outside")
    manager.rename(path_of("link"), path_of("moved"))
    assert os.readlink(root / "moved") == str(tmp_path / "outside")
    manager.delete(path_of("moved"))
    assert (tmp_path / "outside").read_bytes() == b"x"
    assert not os.path.lexists(root / "moved")


def test_fs5_a_link_does_not_lead_to_hidden_files(manager: FileNotebookManager, root: Path) -> None:
    (root / ".ssh").mkdir()
    (root / ".ssh" / "id").write_bytes(b"key")
    (root / "innocent.txt").symlink_to(".ssh/id")
    with pytest.raises(NotFound, match="hidden"):
        manager.read(path_of("innocent.txt"))
    manager.allow_hidden = True
    assert manager.read(path_of("innocent.txt"))[0] == b"key"


@pytest.mark.slow
def test_fs5_a_folder_swapped_for_a_link_in_mid_walk_leads_nowhere(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_bytes(b"SECRET")
    (root / "good").mkdir()
    (root / "good" / "f").write_bytes(b"public")
    (root / "bad").symlink_to(tmp_path / "outside")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for old, new in (("good", "d"), ("d", "good"), ("bad", "d"), ("d", "bad")):
                os.rename(root / old, root / new)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(manager.read(path_of("d/f"))[0])
            except (NotFound, PermissionDenied):
                continue
    finally:
        done.set()
        swapper.join()
    assert seen == {b"public"}


def test_pipes_sockets_and_devices_are_not_files(manager: FileNotebookManager, root: Path) -> None:
    os.mkfifo(root / "pipe")
    for error in every_verb(manager, path_of("pipe")):
        assert isinstance(error, (InvalidPath, AlreadyExists))
    assert list(manager.list()) == []


def test_names_that_cannot_be_paths_are_not_listed(manager: FileNotebookManager, root: Path) -> None:
    for name in (b"line\nfeed", b"back\\slash", b"not-utf8-\xff"):
        (Path(os.fsdecode(os.fsencode(root) + b"/" + name))).write_bytes(b"")
    (root / "fine").write_bytes(b"")
    assert [entry.path for entry in manager.list()] == ["fine"]


def test_paths_are_judged_once_more_where_it_would_hurt(manager: FileNotebookManager, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"s")
    manager.allow_hidden = True
    for raw in ("../secret", "/etc/passwd", "a/../../secret"):
        for error in every_verb(manager, NotebookPath(raw)):
            assert isinstance(error, InvalidPath)


# -- FS6 to FS9: what a save keeps -----------------------------------------------------------------------


def test_fs6_mode_and_attributes_stay(manager: FileNotebookManager, root: Path) -> None:
    file = root / "n.ipynb"
    file.write_bytes(b"old")
    file.chmod(0o640)
    os.setxattr(file, "user.carnet", b"kept")
    manager.save(path_of("n.ipynb"), b"new", expected=manager.stat(path_of("n.ipynb")).revision)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.getxattr(file, "user.carnet") == b"kept"


def test_fs6_the_owner_stays_where_the_system_allows_it(manager: FileNotebookManager, root: Path) -> None:
    # As root, any owner can be given; as an ordinary user, only one's own stays: both must hold.
    file = root / "n.ipynb"
    file.write_bytes(b"old")
    if os.geteuid() == 0:
        os.chown(file, NOBODY, NOBODY)
    before = file.stat()
    manager.save(path_of("n.ipynb"), b"new", expected=manager.stat(path_of("n.ipynb")).revision)
    after = file.stat()
    assert (after.st_uid, after.st_gid, file.read_bytes()) == (before.st_uid, before.st_gid, b"new")


def test_fs6_a_new_file_has_the_mode_of_the_umask(manager: FileNotebookManager, root: Path) -> None:
    (root / "by-us").write_bytes(b"")
    manager.save(path_of("by-carnet"), b"", expected=None)
    assert (root / "by-carnet").stat().st_mode == (root / "by-us").stat().st_mode


def test_fs7_nobody_else_can_read_a_file_while_it_is_written(
    manager: FileNotebookManager, root: Path
) -> None:
    seen: list[int] = []

    class Source:
        def read(self, _: int) -> bytes:
            seen.extend(stat.S_IMODE((root / name).stat().st_mode) for name in litter(root))
            return b"" if len(seen) > 1 else b"secret"

    manager.save_from(path_of("a"), Source(), expected=None)  # type: ignore[arg-type]  # only `read` is used
    assert seen == [0o600, 0o600]


def test_fs8_an_outside_change_in_mid_save_is_kept(manager: FileNotebookManager, root: Path) -> None:
    path = path_of("n.ipynb")
    revision = manager.save(path, b"mine", expected=None)

    class Source:
        turns = iter([b"mine again", b""])

        def read(self, _: int) -> bytes:
            (root / "n.ipynb").write_bytes(b"them")  # as long as "mine", in the same tick
            return next(self.turns)

    with pytest.raises(RevisionConflict) as caught:
        manager.save_from(path, Source(), expected=revision)  # type: ignore[arg-type]  # only `read` is used
    assert caught.value.found == manager.stat(path).revision
    assert (root / "n.ipynb").read_bytes() == b"them"
    assert litter(root) == []


def test_fs8_a_file_made_in_mid_save_is_kept(manager: FileNotebookManager, root: Path) -> None:
    class Source:
        turns = iter([b"mine", b""])

        def read(self, _: int) -> bytes:
            (root / "new").write_bytes(b"them")
            return next(self.turns)

    with pytest.raises(AlreadyExists):
        manager.save_from(path_of("new"), Source(), expected=None)  # type: ignore[arg-type]  # only `read` is used
    assert (root / "new").read_bytes() == b"them"
    assert litter(root) == []


def test_fs8_the_same_bytes_written_by_another_are_no_conflict(
    manager: FileNotebookManager, root: Path
) -> None:
    path = path_of("n.ipynb")
    revision = manager.save(path, b"same", expected=None)
    (root / "n.ipynb").unlink()
    (root / "n.ipynb").write_bytes(b"same")
    manager.save(path, b"next", expected=revision)
    assert (root / "n.ipynb").read_bytes() == b"next"


# -- FS9: disks that are full or read-only ------------------------------------------------------------------


def test_fs9_a_full_disk_hurts_nothing(manager: FileNotebookManager, root: Path) -> None:
    path = path_of("n.ipynb")
    revision = manager.save(path, b"old", expected=None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StorageFull, match=r"^n\.ipynb: not saved: "):
            manager.save(path, b"x" * 8192, expected=revision)
        with pytest.raises(StorageFull):
            manager.save(path_of("new"), b"x" * 8192, expected=None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert sorted(file.name for file in root.iterdir()) == ["n.ipynb"]
    assert (root / "n.ipynb").read_bytes() == b"old"
    manager.save(path, b"x" * 8192, expected=revision)  # it heals by itself


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_fs9_an_error_at_any_call_leaves_the_old_file(
    manager: FileNotebookManager, root: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    path = path_of("n.ipynb")
    revision = manager.save(path, b"old", expected=None)

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StorageError):
            manager.save(path, b"new", expected=revision)
    assert (manager.read(path)[0], litter(root)) == (b"old", [])


def test_fs9_a_read_only_folder(ordinary_user: Path) -> None:
    root = ordinary_user / "root"
    manager = FileNotebookManager(root, state_dir=ordinary_user / "state")
    path = path_of("n.ipynb")
    revision = manager.save(path, b"old", expected=None)
    root.chmod(0o500)

    sentence = "the operating system does not allow it. Check owner and mode."
    with pytest.raises(PermissionDenied) as caught:
        manager.save(path, b"new", expected=revision)
    assert str(caught.value) == f"n.ipynb: not saved: {sentence}"
    for act in (
        lambda: manager.save(path_of("new"), b"", expected=None),
        lambda: manager.make_folder(path_of("folder")),
        lambda: manager.rename(path, path_of("other")),
        lambda: manager.delete(path),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert manager.read(path)[0] == b"old"
    assert list(manager.list_trash()) == []
    assert sorted(file.name for file in root.iterdir()) == ["n.ipynb"]


def test_fs9_a_read_only_file_is_not_replaced(ordinary_user: Path) -> None:
    manager = FileNotebookManager(ordinary_user / "root", state_dir=ordinary_user / "state")
    path = path_of("n.ipynb")
    revision = manager.save(path, b"old", expected=None)
    (manager.root / "n.ipynb").chmod(0o400)
    assert not manager.stat(path).writable
    with pytest.raises(PermissionDenied):
        manager.save(path, b"new", expected=revision)
    assert manager.read(path)[0] == b"old"


def test_fs9_an_unreadable_file_is_listed_but_not_read(ordinary_user: Path) -> None:
    manager = FileNotebookManager(ordinary_user / "root", state_dir=ordinary_user / "state")
    manager.save(path_of("n.ipynb"), b"secret", expected=None)
    (manager.root / "n.ipynb").chmod(0o000)
    assert [entry.path for entry in manager.list()] == ["n.ipynb"]
    with pytest.raises(PermissionDenied):
        manager.read(path_of("n.ipynb"))


def test_fs9_a_broken_state_folder_does_not_stop_saving(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    manager = FileNotebookManager(root, state_dir=tmp_path / "state")
    manager.save(path_of("n.ipynb"), b"x", expected=None)
    assert (root / "n.ipynb").read_bytes() == b"x"


# -- FS10, FS11: crashes ---------------------------------------------------------------------------------------

SAVER = """
import sys
from carnet.storage.files import FileNotebookManager
from carnet.storage.base import normalise_path
manager = FileNotebookManager(sys.argv[1], state_dir=sys.argv[2])
path = normalise_path("sub/n.ipynb")
for number in range(int(sys.argv[3]), 10**9):
    revision = manager.stat(path).revision
    manager.save(path, (b"%012d" % number) * 50_000, expected=revision)
    print(number, flush=True)
"""


@pytest.mark.fault
@pytest.mark.slow
def test_fs11_killed_at_any_moment_the_file_is_old_or_new(root: Path, tmp_path: Path) -> None:
    chance = random.Random(20140220)
    (root / "sub").mkdir()
    file = root / "sub" / "n.ipynb"
    file.write_bytes(b"%012d" % 0 * 50_000)
    done, littered = 0, 0
    for _ in range(25):
        child = subprocess.Popen(
            [sys.executable, "-c", SAVER, root, tmp_path / "state", str(done + 1)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert child.stdout is not None
        try:
            # Let it save at least once, then kill it at a random moment of a later save.
            done = int(child.stdout.readline())
            select.select([], [], [], chance.random() * 0.02)
        finally:
            child.kill()
            rest = child.stdout.read().split()
            child.stdout.close()
            child.wait()
        done = int(rest[-1]) if rest else done
        littered += len(litter(root))

        data = file.read_bytes()
        number = int(data[:12])
        assert data == b"%012d" % number * 50_000, "torn"
        assert number in (done, done + 1), "an acknowledged save is lost"
        done = number
        FileNotebookManager(root, state_dir=tmp_path / "state")
        assert litter(root) == []
    assert littered > 0, "no kill hit a save in the middle: the test proves nothing"


def test_fs10_litter_is_removed_at_the_next_start(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    manager.make_folder(path_of("d"))
    manager.save(path_of("d/n.ipynb"), b"x", expected=None)
    (root / "d" / ".~carnet-0123456789abcdef.tmp").write_bytes(b"half a noteb")
    FileNotebookManager(root, state_dir=tmp_path / "state")
    assert litter(root) == []
    assert (root / "d" / "n.ipynb").read_bytes() == b"x"


def test_fs10_litter_in_a_folder_that_moved_is_removed_when_it_is_listed(
    manager: FileNotebookManager, root: Path
) -> None:
    (root / "moved").mkdir()
    (root / "moved" / ".~carnet-0123456789abcdef.tmp").write_bytes(b"half a noteb")
    manager.allow_hidden = True
    assert list(manager.list(path_of("moved"))) == []
    assert litter(root) == []


def test_fs10_a_save_that_goes_on_now_is_not_litter(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    class Source:
        turns = iter([b"1", b"2", b""])

        def read(self, _: int) -> bytes:
            FileNotebookManager(root, state_dir=tmp_path / "state")
            manager.list()
            return next(self.turns)

    manager.save(path_of("other"), b"", expected=None)
    manager.save_from(path_of("n"), Source(), expected=None)  # type: ignore[arg-type]  # only `read` is used
    assert (root / "n").read_bytes() == b"12"


# -- FS15, FS16: revisions ---------------------------------------------------------------------------------------


def test_fs15_a_change_in_the_same_tick_is_seen(manager: FileNotebookManager, root: Path) -> None:
    path, file = path_of("a"), root / "a"
    seen: dict[Revision | None, bytes] = {}
    for number in range(200):
        data = b"%03d" % (number % 10)
        file.write_bytes(data)
        assert seen.setdefault(manager.stat(path).revision, data) == data
    assert len(seen) == 10


def test_fs15_a_settled_file_is_not_read_again(
    manager: FileNotebookManager, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of("a")
    revision = manager.save(path, b"x", expected=None)
    monkeypatch.setattr(files, "SETTLED_NS", -(10**18))  # every file counts as settled
    assert manager.stat(path).revision == revision

    def fail(*_: object) -> bytes:
        raise AssertionError("read again")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", fail)
        assert manager.stat(path).revision == revision
    (root / "a").write_bytes(b"yy")
    assert manager.stat(path).revision != revision


def test_fs16_a_large_file_is_not_read_for_its_revision(
    manager: FileNotebookManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of("big")
    saved = manager.save(path, b"0123456789", expected=None)
    manager.hash_limit_bytes = 5
    # Just changed: nobody can say whether it is what we saved, so it is equal to nothing.
    assert manager.stat(path).revision != manager.stat(path).revision
    monkeypatch.setattr(files, "SETTLED_NS", 0)
    settled = manager.stat(path).revision
    assert settled == manager.stat(path).revision
    assert settled is not None
    # Either form of revision is good for a save.
    saved = manager.save(path, b"0123456789!", expected=saved)
    settled = manager.stat(path).revision
    manager.save(path, b"0123456789?", expected=settled)
    with pytest.raises(RevisionConflict):
        manager.save(path, b"lost", expected=settled)
    with pytest.raises(RevisionConflict):
        manager.save(path, b"lost", expected=saved)
    assert manager.read(path)[0] == b"0123456789?"


# -- FS12 to FS14: the trash ----------------------------------------------------------------------------------------


def test_fs12_the_trash_is_in_the_state_folder_and_private(
    manager: FileNotebookManager, root: Path, tmp_path: Path
) -> None:
    manager.save(path_of("a"), b"x", expected=None)
    manager.delete(path_of("a"))
    assert list(root.iterdir()) == []
    assert stat.S_IMODE(next((tmp_path / "state" / "trash").iterdir()).stat().st_mode) == 0o700


def test_fs12_without_trash_it_is_gone(manager: FileNotebookManager, root: Path) -> None:
    manager.delete_to_trash = False
    manager.make_folder(path_of("d"))
    manager.save(path_of("d/a"), b"x", expected=None)
    assert manager.delete(path_of("d")) is None
    assert list(manager.list_trash()) == []
    assert list(root.iterdir()) == []


def test_fs14_the_trash_forgets_after_its_days(root: Path, tmp_path: Path) -> None:
    manager = FileNotebookManager(root, state_dir=tmp_path / "state")
    clock = FakeClock(now_ms=time.time_ns() // 1_000_000)
    manager.clock = clock
    clock.jump_wall(-31 * 86_400)
    manager.save(path_of("old"), b"", expected=None)
    manager.delete(path_of("old"))
    clock.jump_wall(2 * 86_400)
    manager.save(path_of("new"), b"", expected=None)
    manager.delete(path_of("new"))
    assert [gone.path for gone in manager.list_trash()] == ["new", "old"]
    again = FileNotebookManager(root, state_dir=tmp_path / "state")
    assert [gone.path for gone in again.list_trash()] == ["new"]


# -- S27: scripts -------------------------------------------------------------------------------------------------------

NOTEBOOK = b'{"cells": [{"cell_type": "code", "source": "print(%d)", "execution_count": 2}]}'


def test_s27_save_script_writes_the_code_beside_the_notebook(
    manager: FileNotebookManager, root: Path
) -> None:
    manager.save_script = True
    revision = manager.save(path_of("n.ipynb"), NOTEBOOK % 1, expected=None)
    manager.save(path_of("n.ipynb"), NOTEBOOK % 2, expected=revision)
    assert (root / "n.py").read_text() == (
        "# Written by Carnet from n.ipynb. Changes made here are overwritten.\n\n# In[2]:\n\nprint(2)\n"
    )
    manager.save(path_of("t.txt"), b"{}", expected=None)
    manager.save(path_of("broken.ipynb"), b"{", expected=None)
    assert sorted(file.name for file in root.iterdir()) == ["broken.ipynb", "n.ipynb", "n.py", "t.txt"]


def test_s27_somebodys_own_script_is_left_alone(
    manager: FileNotebookManager, root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "n.py").write_text("my_work = 1\n")
    manager.save_script = True
    manager.save(path_of("n.ipynb"), NOTEBOOK % 1, expected=None)
    assert (root / "n.py").read_text() == "my_work = 1\n"
    assert "n.py: not written" in caplog.text

"""The contract of `NotebookManager`, as tests to run on your own subclass.

    class TestMyManager(NotebookManagerContract):
        @pytest.fixture
        def manager(self, tmp_path):
            return MyManager(...)

Each test gets a manager whose root is empty. The rules are in
docs/specs/storage.md; each test names the one it holds you to.
"""

import io
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

from carnet.errors import AlreadyExists, InvalidPath, NotFound, RevisionConflict, StorageError
from carnet.ids import NotebookPath, Revision
from carnet.storage.base import ROOT, Checkpoint, NotebookManager, TrashId, normalise_path

ODD_NAMES = (
    "with space.ipynb",
    " leading and trailing .txt ",
    "percent%20twice%2520.ipynb",
    "hash#mark?query&and=equals.ipynb",
    "quotes'\"`.txt",
    "semi;colon:and,comma.txt",
    "brackets[0]{1}(2)<3>.txt",
    "star*tilde~caret^pipe|dollar$.txt",
    "plus+at@bang!.txt",
    "naïve-e\u0301-composed-and-not.ipynb",
    "日本語のノート.ipynb",
    "עברית-اردو.ipynb",
    "🧪🧑‍🔬.ipynb",
    "zero\u200bwidth\u202eoverride.txt",
    "...three dots",
    "two..dots.ipynb",
    "dot at the end.",
    "-rf",
    "CON",
    "nul.txt",
    "UPPER.IPYNB",
    "noext",
    "a" * 249 + ".ipynb",
)
"""Names that every store must keep as they are (all of them pass `normalise_path`).

None begins with a dot but for "...three dots", which is therefore a hidden one.
"""


def _path(raw: str) -> NotebookPath:
    return normalise_path(raw)


class NotebookManagerContract:
    """What every notebook manager does. Subclass it, and give it a `manager` fixture."""

    keeps_trash = True
    """Set to False for a store whose `delete` is for ever."""

    keeps_checkpoints = True
    """Set to False for a store without checkpoints."""

    keeps_several_checkpoints = True
    """Set to False for a store that keeps only the latest checkpoint."""

    carries_checkpoints = True
    """Set to False for a store whose checkpoints do not come along with copies, into the trash and back."""

    def checkpoint_bytes(self, manager: NotebookManager, path: NotebookPath, checkpoint_id: str) -> bytes:
        """Return the bytes of a checkpoint. Redefine it for a store that can restore, but not show one.

        Raises:
            NotFound: there is none of that id.
        """
        return manager.read_checkpoint(path, checkpoint_id)

    @pytest.fixture
    def manager(self) -> NotebookManager:
        """Return a manager with an empty root. Yours redefines this."""
        raise NotImplementedError("Define a fixture `manager` in your subclass of NotebookManagerContract.")

    # -- bytes and revisions -------------------------------------------------------------------

    @pytest.mark.parametrize(
        "data",
        [b"", b"text\n", b"\r\n\r\x00\xff\xfe", bytes(range(256)) * 4096],
        ids=["empty", "text", "binary", "1MiB"],
    )
    def test_st5_any_bytes_come_back_as_they_were(self, manager: NotebookManager, data: bytes) -> None:
        revision = manager.save(_path("a.bin"), data, expected=None)

        read, entry = manager.read(_path("a.bin"))
        assert read == data
        assert (entry.size_bytes, entry.revision) == (len(data), revision)

    def test_st6_one_revision_from_save_read_and_stat(self, manager: NotebookManager) -> None:
        path = _path("a.ipynb")
        first = manager.save(path, b"one", expected=None)
        assert manager.stat(path).revision == manager.read(path)[1].revision == first

        second = manager.save(path, b"two", expected=first)
        assert second != first
        assert manager.stat(path).revision == manager.read(path)[1].revision == second

    def test_st6_equal_revisions_mean_equal_bytes(self, manager: NotebookManager) -> None:
        # Quick saves of one length: what a store that trusts clocks gets wrong.
        path = _path("a.txt")
        seen: dict[Revision, bytes] = {}
        revision = None
        for number in range(50):
            data = b"%04d" % (number % 7)
            revision = manager.save(path, data, expected=revision)
            assert seen.setdefault(revision, data) == data
            stat = manager.stat(path).revision
            assert stat is not None
            assert seen.setdefault(stat, data) == data

    def test_st7_save_without_a_revision_never_overwrites(self, manager: NotebookManager) -> None:
        manager.save(_path("a.txt"), b"first", expected=None)
        with pytest.raises(AlreadyExists):
            manager.save(_path("a.txt"), b"second", expected=None)
        assert manager.read(_path("a.txt"))[0] == b"first"

    def test_st8_an_old_revision_is_refused_and_nothing_changes(self, manager: NotebookManager) -> None:
        path = _path("a.txt")
        old = manager.save(path, b"mine", expected=None)
        theirs = manager.save(path, b"theirs", expected=old)

        with pytest.raises(RevisionConflict) as caught:
            manager.save(path, b"mine again", expected=old)
        assert (caught.value.path, caught.value.expected, caught.value.found) == (path, old, theirs)
        assert manager.read(path)[0] == b"theirs"

    def test_st8_a_deleted_file_is_not_made_again_unasked(self, manager: NotebookManager) -> None:
        path = _path("a.txt")
        revision = manager.save(path, b"mine", expected=None)
        manager.delete(path)

        with pytest.raises(RevisionConflict) as caught:
            manager.save(path, b"mine again", expected=revision)
        assert caught.value.found is None
        assert not manager.exists(path)

    def test_st9_of_many_writers_with_one_revision_one_wins(self, manager: NotebookManager) -> None:
        path = _path("a.txt")
        base = manager.save(path, b"base", expected=None)
        outcomes = _together(
            8, lambda number: manager.save(path, b"writer %d" % number, expected=base), RevisionConflict
        )

        winners = [number for number, revision in enumerate(outcomes) if revision is not None]
        assert len(winners) == 1
        assert manager.read(path)[0] == b"writer %d" % winners[0]

    def test_st9_of_many_creators_one_wins(self, manager: NotebookManager) -> None:
        path = _path("new.txt")
        outcomes = _together(
            8, lambda number: manager.save(path, b"creator %d" % number, expected=None), AlreadyExists
        )

        winners = [number for number, revision in enumerate(outcomes) if revision is not None]
        assert len(winners) == 1
        assert manager.read(path)[0] == b"creator %d" % winners[0]

    def test_st10_save_needs_its_folder_and_spares_folders(self, manager: NotebookManager) -> None:
        with pytest.raises(NotFound):
            manager.save(_path("nowhere/a.txt"), b"", expected=None)
        manager.make_folder(_path("folder"))
        with pytest.raises(StorageError):
            manager.save(_path("folder"), b"", expected=None)
        with pytest.raises(StorageError):
            manager.save(ROOT, b"", expected=None)
        assert manager.stat(_path("folder")).kind == "folder"

    def test_st10_a_file_is_not_a_folder(self, manager: NotebookManager) -> None:
        manager.save(_path("file"), b"x", expected=None)
        with pytest.raises(NotFound):
            manager.save(_path("file/below"), b"", expected=None)
        with pytest.raises(NotFound):
            manager.stat(_path("file/below"))
        with pytest.raises(InvalidPath):
            manager.list(_path("file"))
        manager.make_folder(_path("folder"))
        with pytest.raises(InvalidPath):
            manager.read(_path("folder"))

    def test_st10_what_is_not_there_is_not_found(self, manager: NotebookManager) -> None:
        gone = _path("gone.txt")
        for verb in (manager.read, manager.stat, manager.list, manager.delete):
            with pytest.raises(NotFound):
                verb(gone)
        with pytest.raises(NotFound):
            manager.read_range(gone, 0, 1)
        with pytest.raises(NotFound):
            manager.rename(gone, _path("new.txt"))
        with pytest.raises(NotFound):
            manager.copy(gone, _path("new.txt"))
        assert not manager.exists(gone)
        assert list(manager.list()) == []

    def test_st18_read_range_is_cut_at_the_end(self, manager: NotebookManager) -> None:
        path = _path("a.bin")
        manager.save(path, b"0123456789", expected=None)
        ranges = [(0, 10), (2, 5), (8, 99), (10, 20), (99, 100), (5, 5), (5, 2), (0, 0)]
        assert [manager.read_range(path, start, stop) for start, stop in ranges] == [
            b"0123456789", b"234", b"89", b"", b"", b"", b"", b"",
        ]  # fmt: skip

    def test_st19_save_from_keeps_to_the_rules_of_save(self, manager: NotebookManager) -> None:
        path = _path("upload.bin")
        data = b"0123456789abcdef" * (1 << 17)
        revision = manager.save_from(path, io.BytesIO(data), expected=None)
        assert manager.read(path)[0] == data
        with pytest.raises(AlreadyExists):
            manager.save_from(path, io.BytesIO(b"x"), expected=None)
        changed = manager.save_from(path, io.BytesIO(b"y"), expected=revision)
        with pytest.raises(RevisionConflict):
            manager.save_from(path, io.BytesIO(b"z"), expected=revision)
        assert manager.read(path) == (b"y", manager.stat(path))
        assert manager.stat(path).revision == changed

    # -- entries and folders --------------------------------------------------------------------

    def test_st11_entries_say_what_is_there(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("data"))
        manager.save(_path("data/n.ipynb"), b"{}", expected=None)
        manager.save(_path("data/t.csv"), b"a,b\n", expected=None)
        manager.save(_path("data/x.unheardof"), b"???", expected=None)

        seen = {
            entry.path: (entry.name, entry.kind, entry.size_bytes, entry.media_type, entry.writable)
            for entry in (*manager.list(), *manager.list(_path("data")))
        }
        assert seen == {
            "data": ("data", "folder", 0, "inode/directory", True),
            "data/n.ipynb": ("n.ipynb", "notebook", 2, "application/x-ipynb+json", True),
            "data/t.csv": ("t.csv", "file", 4, "text/csv", True),
            "data/x.unheardof": ("x.unheardof", "file", 3, "application/octet-stream", True),
        }
        for entry in manager.list(_path("data")):
            stat = manager.stat(entry.path)
            assert entry.modified_ms == stat.modified_ms
            assert entry.revision in (None, stat.revision)
        assert (manager.stat(ROOT).kind, manager.stat(ROOT).name) == ("folder", "")

    def test_st12_a_listing_is_sorted_and_one_folder_deep(self, manager: NotebookManager) -> None:
        for name in ("b", "b/inner", "a", "B"):
            manager.make_folder(_path(name))
        manager.save(_path("é.txt"), b"", expected=None)
        manager.save(_path("b/deep.txt"), b"", expected=None)
        assert [entry.path for entry in manager.list()] == ["B", "a", "b", "é.txt"]
        assert [entry.path for entry in manager.list(_path("b"))] == ["b/deep.txt", "b/inner"]

    def test_st13_hidden_things_are_not_served(self, manager: NotebookManager) -> None:
        manager.allow_hidden = True
        manager.save(_path(".secret"), b"s", expected=None)
        manager.make_folder(_path(".git"))
        manager.save(_path(".git/config"), b"c", expected=None)
        manager.save(_path("seen.txt"), b"", expected=None)
        assert [entry.path for entry in manager.list()] == [".git", ".secret", "seen.txt"]
        manager.allow_hidden = False

        assert [entry.path for entry in manager.list()] == ["seen.txt"]
        for path in (_path(".secret"), _path(".git/config"), _path(".git")):
            assert manager.is_hidden(path)
            assert not manager.exists(path)
            for verb in (manager.read, manager.stat, manager.list, manager.delete):
                with pytest.raises(NotFound):
                    verb(path)
            with pytest.raises(NotFound):
                manager.read_range(path, 0, 1)
            with pytest.raises(NotFound):
                manager.rename(path, _path("shown"))
            with pytest.raises(NotFound):
                manager.copy(path, _path("shown"))
        for path in (_path(".new"), _path(".git/new"), _path("seen.d/.new")):
            with pytest.raises(NotFound):
                manager.save(path, b"", expected=None)
            with pytest.raises(NotFound):
                manager.make_folder(path)
            with pytest.raises(NotFound):
                manager.rename(_path("seen.txt"), path)
        assert not manager.is_hidden(_path("seen.txt"))

    def test_st14_make_folder(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("a"))
        manager.make_folder(_path("a/b"))
        assert manager.stat(_path("a/b")).kind == "folder"
        assert list(manager.list(_path("a/b"))) == []
        for taken in (_path("a"), _path("a/b"), ROOT):
            with pytest.raises(AlreadyExists):
                manager.make_folder(taken)
        with pytest.raises(NotFound):
            manager.make_folder(_path("x/y"))

    @pytest.mark.parametrize("name", ODD_NAMES, ids=lambda name: ascii(name)[:20])
    def test_st22_odd_names_stay_as_they_are(self, manager: NotebookManager, name: str) -> None:
        manager.allow_hidden = True
        path = _path(name)
        revision = manager.save(path, b"1", expected=None)
        manager.save(path, b"22", expected=revision)
        assert [(entry.path, entry.size_bytes) for entry in manager.list()] == [(name, 2)]

        if self.keeps_checkpoints:
            checkpoint = manager.create_checkpoint(path)
            assert self.checkpoint_bytes(manager, path, checkpoint.checkpoint_id) == b"22"
        manager.rename(path, _path("plain"))
        manager.make_folder(path)
        inside = _path(f"{name}/inside.txt")
        manager.save(inside, b"3", expected=None)
        assert manager.read(inside)[0] == b"3"
        assert [entry.path for entry in manager.list(path)] == [inside]

    # -- rename, copy, delete ---------------------------------------------------------------------

    def test_st15_rename_moves_a_file(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("to"))
        manager.save(_path("a.txt"), b"bytes", expected=None)
        manager.rename(_path("a.txt"), _path("to/b.txt"))
        assert manager.read(_path("to/b.txt"))[0] == b"bytes"
        assert not manager.exists(_path("a.txt"))

    def test_st15_rename_never_overwrites(self, manager: NotebookManager) -> None:
        manager.save(_path("a.txt"), b"a", expected=None)
        manager.save(_path("b.txt"), b"b", expected=None)
        manager.make_folder(_path("empty"))
        manager.make_folder(_path("folder"))
        for old, new in [("a.txt", "b.txt"), ("a.txt", "empty"), ("folder", "empty"), ("folder", "a.txt")]:
            with pytest.raises(AlreadyExists):
                manager.rename(_path(old), _path(new))
        with pytest.raises(NotFound):
            manager.rename(_path("a.txt"), _path("nowhere/a.txt"))
        assert [entry.path for entry in manager.list()] == ["a.txt", "b.txt", "empty", "folder"]
        assert manager.read(_path("a.txt"))[0] == b"a"
        assert manager.read(_path("b.txt"))[0] == b"b"

    def test_st15_rename_moves_a_folder_with_all_in_it(self, manager: NotebookManager) -> None:
        for folder in ("a", "a/b", "ab"):
            manager.make_folder(_path(folder))
        manager.save(_path("a/b/n.ipynb"), b"n", expected=None)
        manager.save(_path("ab/other.txt"), b"o", expected=None)
        manager.rename(_path("a"), _path("ab/c"))
        assert manager.read(_path("ab/c/b/n.ipynb"))[0] == b"n"
        assert manager.read(_path("ab/other.txt"))[0] == b"o"
        assert not manager.exists(_path("a"))
        assert [entry.path for entry in manager.list()] == ["ab"]

    def test_st15_a_folder_does_not_go_into_itself(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("a"))
        manager.save(_path("a/n.ipynb"), b"n", expected=None)
        with pytest.raises(InvalidPath):
            manager.rename(_path("a"), _path("a/b"))
        with pytest.raises(StorageError):
            manager.rename(ROOT, _path("b"))
        assert manager.read(_path("a/n.ipynb"))[0] == b"n"

    def test_st16_copy_never_overwrites(self, manager: NotebookManager) -> None:
        manager.save(_path("a.txt"), b"a", expected=None)
        manager.save(_path("b.txt"), b"b", expected=None)
        revision = manager.copy(_path("a.txt"), _path("c.txt"))
        assert manager.stat(_path("c.txt")).revision == revision
        assert manager.read(_path("c.txt"))[0] == b"a"
        with pytest.raises(AlreadyExists):
            manager.copy(_path("a.txt"), _path("b.txt"))
        assert manager.read(_path("b.txt"))[0] == b"b"
        manager.make_folder(_path("folder"))
        with pytest.raises(InvalidPath):
            manager.copy(_path("folder"), _path("folder2"))

    def test_st17_delete(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("a"))
        manager.save(_path("a/n.ipynb"), b"n", expected=None)
        with pytest.raises(InvalidPath):
            manager.delete(ROOT)
        deleted = [manager.delete(_path("a/n.ipynb")), manager.delete(_path("a"))]
        assert list(manager.list()) == []
        assert manager.has_trash() == self.keeps_trash
        if self.keeps_trash:
            assert [gone.trash_id for gone in manager.list_trash()] == deleted[::-1]
        else:
            assert deleted == [None, None]
            assert list(manager.list_trash()) == []

    def test_st17_what_was_deleted_comes_back(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("a"))
        manager.make_folder(_path("a/b"))
        manager.save(_path("a/b/n.ipynb"), b"n", expected=None)
        trash_id = manager.delete(_path("a/b"))
        manager.delete(_path("a"))
        if trash_id is None:
            assert not self.keeps_trash
            return

        gone = {what.trash_id: what for what in manager.list_trash()}[trash_id]
        assert (gone.path, gone.kind) == ("a/b", "folder")
        assert manager.restore(trash_id) == "a/b"
        assert manager.read(_path("a/b/n.ipynb"))[0] == b"n"
        with pytest.raises(NotFound):
            manager.restore(trash_id)

    def test_st17_a_restored_file_overwrites_nothing(self, manager: NotebookManager) -> None:
        path = _path("n.ipynb")
        manager.save(path, b"old", expected=None)
        trash_id = manager.delete(path)
        manager.save(path, b"new", expected=None)
        if trash_id is None:
            assert not self.keeps_trash
            return

        assert manager.restore(trash_id) == "n-Restored.ipynb"
        assert manager.read(path)[0] == b"new"
        assert manager.read(_path("n-Restored.ipynb"))[0] == b"old"
        manager.delete(path)
        manager.empty_trash()
        assert list(manager.list_trash()) == []

    def test_st17_an_unknown_trash_id_is_not_found(self, manager: NotebookManager) -> None:
        for unknown in ("nothing", "../../etc/passwd", ".", ""):
            with pytest.raises(NotFound):
                manager.restore(TrashId(unknown))

    # -- names, checkpoints, the rest --------------------------------------------------------------

    def test_st20_untitled_names_are_free(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("d"))
        made = [manager.save_untitled(_path("d"), b"{}")[0] for _ in range(3)]
        assert made == ["d/Untitled.ipynb", "d/Untitled1.ipynb", "d/Untitled2.ipynb"]
        assert manager.untitled_path(stem="untitled", suffix=".txt") == "untitled.txt"
        assert manager.untitled_path(stem="Untitled Folder", suffix="") == "Untitled Folder"
        with pytest.raises(NotFound):
            manager.untitled_path(_path("nowhere"))

    def test_st20_untitled_names_are_given_once(self, manager: NotebookManager) -> None:
        made = _together(6, lambda _: manager.save_untitled(ROOT, b"{}")[0], AlreadyExists)
        assert sorted(str(path) for path in made) == [
            "Untitled.ipynb", *(f"Untitled{number}.ipynb" for number in range(1, 6)),
        ]  # fmt: skip

    def test_st20_copy_names_count_on(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("d"))
        manager.save(_path("n.ipynb"), b"", expected=None)
        for expected in ("n-Copy1.ipynb", "n-Copy2.ipynb"):
            path = manager.copy_path(_path("n.ipynb"))
            assert path == expected
            manager.copy(_path("n.ipynb"), path)
        assert manager.copy_path(_path("n-Copy1.ipynb")) == "n-Copy3.ipynb"
        assert manager.copy_path(_path("n.ipynb"), _path("d")) == "d/n-Copy1.ipynb"

    def test_st20_free_names_fit(self, manager: NotebookManager) -> None:
        for name in ("a" * 249 + ".ipynb", "日" * 83 + ".ipynb"):
            path = _path(name)
            manager.save(path, b"", expected=None)
            for number in (1, 2):
                copied = manager.copy_path(path)
                assert len(copied.encode()) <= 255
                assert f"-Copy{number}" in copied
                manager.copy(path, copied)

    def test_st21_checkpoints_are_copies(self, manager: NotebookManager) -> None:
        path = _path("n.ipynb")
        revision = manager.save(path, b"good", expected=None)
        if not self.keeps_checkpoints:
            assert list(manager.list_checkpoints(path)) == []
            with pytest.raises(NotFound):
                manager.create_checkpoint(path)
            return

        checkpoint = manager.create_checkpoint(path)
        revision = manager.save(path, b"bad", expected=revision)
        assert list(manager.list_checkpoints(path)) == [checkpoint]
        assert manager.read_checkpoint(path, checkpoint.checkpoint_id) == b"good"
        with pytest.raises(RevisionConflict):
            manager.restore_checkpoint(path, checkpoint.checkpoint_id, expected=Revision("another"))
        manager.restore_checkpoint(path, checkpoint.checkpoint_id, expected=revision)
        assert manager.read(path)[0] == b"good"

        manager.rename(path, _path("m.ipynb"))
        assert [kept.checkpoint_id for kept in manager.list_checkpoints(_path("m.ipynb"))] == [
            checkpoint.checkpoint_id
        ]
        manager.delete_checkpoint(_path("m.ipynb"), checkpoint.checkpoint_id)
        assert list(manager.list_checkpoints(_path("m.ipynb"))) == []

    def test_st21_an_id_names_the_same_bytes_or_is_gone(self, manager: NotebookManager) -> None:
        if not self.keeps_checkpoints:
            return
        path = _path("n.ipynb")
        made: dict[str, bytes] = {}
        revision = None
        for data in (b"one", b"two", b"one", b"three", b"three"):
            revision = manager.save(path, data, expected=revision)
            kept = manager.create_checkpoint(path).checkpoint_id
            assert made.setdefault(kept, data) == data
            # The latest comes first, and is what was made just now, whatever the clock says.
            assert manager.list_checkpoints(path)[0].checkpoint_id == kept

        listed = [one.checkpoint_id for one in manager.list_checkpoints(path)]
        assert len(set(listed)) == len(listed)
        assert set(listed) <= set(made)
        assert set(listed) == set(made) or not self.keeps_several_checkpoints
        for checkpoint_id, data in made.items():
            if checkpoint_id in listed:
                assert self.checkpoint_bytes(manager, path, checkpoint_id) == data
            else:
                with pytest.raises(NotFound):
                    self.checkpoint_bytes(manager, path, checkpoint_id)

    def test_st21_one_is_deleted_and_the_others_stay(self, manager: NotebookManager) -> None:
        if not self.keeps_checkpoints or not self.keeps_several_checkpoints:
            return
        path = _path("n.ipynb")
        made = _with_checkpoints(manager, path)
        for gone in (made[1], made[2]):
            manager.delete_checkpoint(path, gone.checkpoint_id)
            with pytest.raises(NotFound):
                self.checkpoint_bytes(manager, path, gone.checkpoint_id)
            with pytest.raises(NotFound):
                manager.delete_checkpoint(path, gone.checkpoint_id)
        assert list(manager.list_checkpoints(path)) == [made[0]]
        assert self.checkpoint_bytes(manager, path, made[0].checkpoint_id) == b"1"

    def test_st25_checkpoints_follow_a_file(self, manager: NotebookManager) -> None:
        if not self.keeps_checkpoints:
            return
        for folder in ("a", "a/b", "to"):
            manager.make_folder(_path(folder))
        _with_checkpoints(manager, _path("a/b/n.ipynb"))
        kept = self._shown(manager, _path("a/b/n.ipynb"))
        assert kept != []

        manager.rename(_path("a/b/n.ipynb"), _path("a/b/m.txt"))
        manager.rename(_path("a"), _path("to/c"))
        assert self._shown(manager, _path("to/c/b/m.txt")) == kept
        manager.rename(_path("to/c/b/m.txt"), _path("n.ipynb"))
        assert self._shown(manager, _path("n.ipynb")) == kept
        manager.save(_path("to/c/b/m.txt"), b"another", expected=None)
        assert list(manager.list_checkpoints(_path("to/c/b/m.txt"))) == []

    def test_st25_a_copy_has_its_own(self, manager: NotebookManager) -> None:
        if not self.keeps_checkpoints or not self.carries_checkpoints:
            return
        path, copied = _path("n.ipynb"), _path("n-Copy1.ipynb")
        made = _with_checkpoints(manager, path)
        kept = self._shown(manager, path)

        manager.copy(path, copied)
        assert self._shown(manager, copied) == kept
        manager.delete_checkpoint(path, made[-1].checkpoint_id)
        manager.save(path, b"later", expected=manager.stat(path).revision)
        manager.create_checkpoint(path)
        assert self._shown(manager, copied) == kept
        manager.delete(path)
        assert self._shown(manager, copied) == kept

    def test_st25_a_deleted_file_takes_them_along(self, manager: NotebookManager) -> None:
        if not self.keeps_checkpoints or not self.carries_checkpoints:
            return
        manager.make_folder(_path("d"))
        for path, what in (("n.ipynb", "n.ipynb"), ("d/n.ipynb", "d")):
            _with_checkpoints(manager, _path(path))
            kept = self._shown(manager, _path(path))
            trash_id = manager.delete(_path(what))
            if what == "d":
                manager.make_folder(_path("d"))
            manager.save(_path(path), b"new", expected=None)
            assert list(manager.list_checkpoints(_path(path))) == []
            if trash_id is None:
                assert not self.keeps_trash
                continue
            manager.create_checkpoint(_path(path))

            back = manager.restore(trash_id)
            assert self._shown(manager, _path(path.replace(what, back, 1))) == kept
            assert len(manager.list_checkpoints(_path(path))) == 1

    def _shown(self, manager: NotebookManager, path: NotebookPath) -> list[tuple[Checkpoint, bytes]]:
        return [
            (one, self.checkpoint_bytes(manager, path, one.checkpoint_id))
            for one in manager.list_checkpoints(path)
        ]

    def test_st21_an_unknown_checkpoint_is_not_found(self, manager: NotebookManager) -> None:
        path = _path("n.ipynb")
        manager.save(path, b"good", expected=None)
        assert list(manager.list_checkpoints(path)) == []
        for unknown in ("nothing", "../n", "checkpoint", ""):
            with pytest.raises(NotFound):
                manager.read_checkpoint(path, unknown)
            with pytest.raises(NotFound):
                manager.delete_checkpoint(path, unknown)

    def test_st23_a_local_path_is_really_there(self, manager: NotebookManager) -> None:
        manager.make_folder(_path("d"))
        manager.save(_path("d/n.ipynb"), b"n", expected=None)
        local = manager.local_path(_path("d/n.ipynb"))
        assert local is None or (local.is_absolute() and local.read_bytes() == b"n")
        folder = manager.local_path(_path("d"))
        assert (folder is None) == (local is None)
        assert folder is None or folder.is_dir()

    def test_st24_it_introduces_itself_in_one_line(self, manager: NotebookManager) -> None:
        line = manager.info_string()
        assert line.startswith("Serving notebooks from ")
        assert "\n" not in line


def _with_checkpoints(manager: NotebookManager, path: NotebookPath) -> list[Checkpoint]:
    """Make a file, and three checkpoints of it, with `1`, `2` and `3` in them. The file has `4`."""
    made = []
    revision = None
    for number in (1, 2, 3):
        revision = manager.save(path, b"%d" % number, expected=revision)
        made.append(manager.create_checkpoint(path))
    manager.save(path, b"4", expected=revision)
    return made


T = TypeVar("T")


def _together(count: int, act: Callable[[int], T], lost: type[StorageError]) -> list[T | None]:
    """Run `act` in threads, all at once; None where it raised `lost`."""
    outcomes: list[T | None] = [None] * count
    failures: list[StorageError] = []
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        try:
            outcomes[number] = act(number)
        except StorageError as error:
            if not isinstance(error, lost):
                failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return outcomes

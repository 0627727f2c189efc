"""The base class: its defaults work on what a small subclass defines."""

import io
from collections.abc import Sequence

import pytest

from carnet.errors import AlreadyExists, NotFound, RevisionConflict
from carnet.ids import NotebookPath, Revision
from carnet.storage.base import (
    ROOT,
    Entry,
    NotebookManager,
    TrashId,
    entry_kind,
    media_type_of,
    normalise_path,
    revision_of,
)
from carnet.storage.memory import MemoryNotebookManager
from carnet.testing.notebook_manager import NotebookManagerContract


class SmallestManager(NotebookManager):
    """Only what must be defined: no ranges, no trash, no checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self._inner = MemoryNotebookManager()

    def _hidden_too(self) -> MemoryNotebookManager:
        self._inner.allow_hidden = self.allow_hidden
        return self._inner

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        return self._hidden_too().read(path)

    def stat(self, path: NotebookPath) -> Entry:
        return self._hidden_too().stat(path)

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        return self._hidden_too().list(folder)

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        return self._hidden_too().save(path, data, expected=expected)

    def make_folder(self, path: NotebookPath) -> None:
        self._hidden_too().make_folder(path)

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        self._hidden_too().rename(old, new)

    def delete(self, path: NotebookPath) -> TrashId | None:
        self._hidden_too().delete(path)
        return None


class TestSmallestManager(NotebookManagerContract):
    """The defaults of the base class keep the contract."""

    keeps_trash = False
    keeps_checkpoints = False

    @pytest.fixture
    def manager(self) -> NotebookManager:
        return SmallestManager()


def test_what_must_be_defined_says_so_by_name() -> None:
    with pytest.raises(NotImplementedError, match="NotebookManager must define read"):
        NotebookManager().read(normalise_path("a"))


def test_s26_the_2014_name_of_the_folder_is_a_setting_of_every_manager() -> None:
    assert "notebook_dir" in NotebookManager.class_trait_names(config=True)


def test_revisions_of_bytes() -> None:
    assert revision_of(b"a") == revision_of(b"a") != revision_of(b"b")


def test_kinds_and_media_types_go_by_the_name() -> None:
    names = ["a.ipynb", "a.txt", "a.png", "a.svg", "a.json", "a.csv.gz", "a", "a.html"]
    assert [(entry_kind(NotebookPath(n)), media_type_of(NotebookPath(n))) for n in names] == [
        ("notebook", "application/x-ipynb+json"),
        ("file", "text/plain"),
        ("file", "image/png"),
        ("file", "image/svg+xml"),
        ("file", "application/json"),
        ("file", "application/octet-stream"),
        ("file", "application/octet-stream"),
        ("file", "text/html"),
    ]


def test_st20_an_untitled_name_taken_in_between_is_not_lost() -> None:
    class Racing(MemoryNotebookManager):
        others = 2

        def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
            if self.others:
                self.others -= 1
                super().save(path, b"other", expected=None)
            return super().save(path, data, expected=expected)

    manager = Racing()
    path, revision = manager.save_untitled(ROOT, b"mine")
    assert path == "Untitled2.ipynb"
    assert manager.read(path)[1].revision == revision
    assert manager.read(normalise_path("Untitled.ipynb"))[0] == b"other"


def test_st19_save_from_by_default_is_save() -> None:
    manager = SmallestManager()
    path = normalise_path("a")
    revision = manager.save_from(path, io.BytesIO(b"1"), expected=None)
    with pytest.raises(AlreadyExists):
        manager.save_from(path, io.BytesIO(b"2"), expected=None)
    with pytest.raises(RevisionConflict):
        manager.save_from(path, io.BytesIO(b"2"), expected=Revision("x"))
    assert manager.stat(path).revision == revision


def test_a_store_without_trash_or_checkpoints_says_so() -> None:
    manager = SmallestManager()
    manager.empty_trash()
    with pytest.raises(NotFound, match="in the trash"):
        manager.restore(TrashId("x"))
    with pytest.raises(NotFound, match="keeps no checkpoints"):
        manager.create_checkpoint(normalise_path("a"))

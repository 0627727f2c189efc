"""Holds a store that keeps only notebooks to the contract, which speaks of files of any kind: each stands in a notebook."""

import contextlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import pytest
from msgspec.structs import replace

from carnet.core.notebook.ipynb import decode, encode
from carnet.core.notebook.model import Cell, Notebook
from carnet.errors import AlreadyExists, RevisionConflict, StorageError
from carnet.ids import CellId, NotebookPath, Revision
from carnet.storage.base import (
    ROOT,
    Checkpoint,
    Entry,
    NotebookManager,
    TrashId,
    entry_kind,
    media_type_of,
)
from carnet.testing.notebook_manager import NotebookManagerContract

T = TypeVar("T")
MARK = ".any.ipynb"
"""Ends the names of notebooks that stand for other files."""


class AnyFiles(NotebookManager):
    """Files of any kind in a store of notebooks. Every rule but ST5 is the store's own to keep."""

    def __init__(self, store: NotebookManager) -> None:
        super().__init__()
        self.store = store

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        data, entry = self._of(lambda: self.store.read(self._place(path)), path)
        return unwrapped(data), self._entry(entry)

    def stat(self, path: NotebookPath) -> Entry:
        return self._entry(self._of(lambda: self.store.stat(self._place(path)), path))

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        found = self._of(lambda: self.store.list(self._place(folder)), folder)
        return sorted(map(self._entry, found), key=lambda entry: entry.path)

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        return self._of(lambda: self.store.save(self._place(path), wrapped(data), expected=expected), path)

    def make_folder(self, path: NotebookPath) -> None:
        self._check_free(path, is_folder=True)
        self._of(lambda: self.store.make_folder(path), path)

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        is_folder = self._is_folder(old)
        if not self._of(lambda: self.store.exists(self._place(old)), old):
            self.store.stat(self._place(old))
        self._check_free(new, is_folder=is_folder)
        self._of(lambda: self.store.rename(self._place(old), new if is_folder else _file(new)), old)

    def delete(self, path: NotebookPath) -> TrashId | None:
        return self._of(lambda: self.store.delete(self._place(path)), path)

    def create_checkpoint(self, path: NotebookPath) -> Checkpoint:
        return self._of(lambda: self.store.create_checkpoint(self._place(path)), path)

    def list_checkpoints(self, path: NotebookPath) -> Sequence[Checkpoint]:
        return self._of(lambda: self.store.list_checkpoints(self._place(path)), path)

    def read_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> bytes:
        return self._of(lambda: self.store.read_checkpoint(self._place(path), checkpoint_id), path)

    def delete_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        self._of(lambda: self.store.delete_checkpoint(self._place(path), checkpoint_id), path)

    def restore_checkpoint(
        self, path: NotebookPath, checkpoint_id: str, *, expected: Revision | None
    ) -> Revision:
        return self._of(
            lambda: self.store.restore_checkpoint(self._place(path), checkpoint_id, expected=expected), path
        )

    def info_string(self) -> str:
        return self.store.info_string()

    # -- inside

    def _of(self, ask: Callable[[], T], path: NotebookPath) -> T:
        self.store.allow_hidden = self.allow_hidden
        with _named(path):
            return ask()

    def _is_folder(self, path: NotebookPath) -> bool:
        try:
            return self.store.stat(path).kind == "folder"
        except StorageError:
            return False

    def _place(self, path: NotebookPath) -> NotebookPath:
        return path if self._is_folder(path) else _file(path)

    def _check_free(self, path: NotebookPath, *, is_folder: bool) -> None:
        taken = self.store.exists(_file(path)) if is_folder else self._is_folder(path)
        if taken:
            raise AlreadyExists(f"{path}: taken")

    def _entry(self, entry: Entry) -> Entry:
        if entry.kind == "folder":
            return entry
        data, _ = self.store.read(entry.path)
        path = NotebookPath(entry.path.removesuffix(MARK))
        return replace(
            entry,
            path=path,
            kind=entry_kind(path),
            size_bytes=len(unwrapped(data)),
            media_type=media_type_of(path),
        )


class ContractOf2014(NotebookManagerContract):
    """The contract, as far as a class of 2014 can keep it: all but the trash, and reading a checkpoint."""

    keeps_trash = False
    carries_checkpoints = False

    def checkpoint_bytes(self, manager: NotebookManager, path: NotebookPath, checkpoint_id: str) -> bytes:
        manager.restore_checkpoint(path, checkpoint_id, expected=manager.stat(path).revision)
        return manager.read(path)[0]

    def test_st21_checkpoints_are_copies(self, manager: NotebookManager) -> None:
        path = NotebookPath("n.ipynb")
        revision = manager.save(path, b"good", expected=None)
        checkpoint = manager.create_checkpoint(path)
        revision = manager.save(path, b"bad", expected=revision)
        assert list(manager.list_checkpoints(path)) == [checkpoint]
        with pytest.raises(StorageError, match=r"n\.ipynb: .* can restore a checkpoint, but not show it"):
            manager.read_checkpoint(path, checkpoint.checkpoint_id)
        with pytest.raises(RevisionConflict):
            manager.restore_checkpoint(path, checkpoint.checkpoint_id, expected=Revision("another"))
        manager.restore_checkpoint(path, checkpoint.checkpoint_id, expected=revision)
        assert manager.read(path)[0] == b"good"

        manager.rename(path, NotebookPath("m.ipynb"))
        kept = manager.list_checkpoints(NotebookPath("m.ipynb"))
        assert [one.checkpoint_id for one in kept] == [checkpoint.checkpoint_id]
        manager.delete_checkpoint(NotebookPath("m.ipynb"), checkpoint.checkpoint_id)
        assert list(manager.list_checkpoints(NotebookPath("m.ipynb"))) == []


def wrapped(data: bytes) -> bytes:
    """Return a notebook that holds the bytes."""
    return encode(
        Notebook(cells=(Cell(id=CellId("bytes"), kind="raw", source=b64encode(data).decode("ascii")),))
    )


def unwrapped(data: bytes) -> bytes:
    """Return the bytes that a notebook holds."""
    return b64decode(decode(data, new_ids=iter(())).cells[0].source)


def _file(path: NotebookPath) -> NotebookPath:
    return path if path.endswith(".ipynb") else NotebookPath(path + MARK)


@contextlib.contextmanager
def _named(path: NotebookPath) -> Iterator[None]:
    try:
        yield
    except RevisionConflict as conflict:
        raise RevisionConflict(path, expected=conflict.expected, found=conflict.found) from None

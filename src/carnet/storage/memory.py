"""A notebook manager that keeps everything in memory: for tests, demonstrations, and as an example.

All of it is gone when the server ends. It never touches a disk.
"""

import threading
from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from traitlets import Integer
from traitlets.config import Config

from carnet.errors import AlreadyExists, InvalidPath, NotFound, RevisionConflict
from carnet.ids import NotebookPath, Revision, new_id
from carnet.storage.base import (
    FOLDER_MEDIA_TYPE,
    Checkpoint,
    Entry,
    NotebookManager,
    Trashed,
    TrashId,
    entry_kind,
    media_type_of,
    revision_of,
)
from carnet.storage.paths import ROOT, folder_of, is_below, name_of, split_suffix


class _File(Struct, frozen=True):
    data: bytes
    created_ms: int
    modified_ms: int


class _Folder(Struct, frozen=True):
    created_ms: int


_Node = _File | _Folder


T = TypeVar("T")


class _Gone(Struct, frozen=True):
    what: Trashed
    nodes: dict[NotebookPath, _Node]
    checkpoints: dict[NotebookPath, dict[str, _File]]


class MemoryNotebookManager(NotebookManager):
    """Notebooks in a dictionary of paths."""

    checkpoints_kept = Integer(10, min=1, help="Checkpoints kept of each file; then the oldest goes.").tag(
        config=True
    )

    def __init__(self, *, config: Config | None = None) -> None:
        super().__init__(**({} if config is None else {"config": config}))
        self._lock = threading.RLock()
        self._nodes: dict[NotebookPath, _Node] = {ROOT: _Folder(created_ms=self.clock.now_ms())}
        self._trash: dict[TrashId, _Gone] = {}
        self._checkpoints: dict[NotebookPath, dict[str, _File]] = {}

    def info_string(self) -> str:
        return "Serving notebooks from memory"

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        with self._lock:
            file = self._file(path)
            return file.data, self._entry(path, file)

    def stat(self, path: NotebookPath) -> Entry:
        with self._lock:
            return self._entry(path, self._node(path))

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        with self._lock:
            if isinstance(self._node(folder), _File):
                raise InvalidPath(f"{folder}: it is a file, not a folder.")
            return [
                self._entry(path, self._nodes[path])
                for path in sorted(self._nodes)
                if path != ROOT
                and folder_of(path) == folder
                and (self.allow_hidden or not name_of(path).startswith("."))
            ]

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        with self._lock:
            self.check_visible(path)
            node = self._nodes.get(path)
            if isinstance(node, _Folder):
                raise InvalidPath(f"{path or '/'}: it is a folder; a file cannot be saved over it.")
            if expected is None:
                if node is not None:
                    raise AlreadyExists(f"{path}: a file is there already. Choose another name.")
                self._folder_for(path)
            else:
                found = None if node is None else revision_of(node.data)
                if found != expected:
                    raise RevisionConflict(path, expected=expected, found=found)
            now_ms = self.clock.now_ms()
            created_ms = now_ms if node is None else node.created_ms
            self._nodes[path] = _File(data=bytes(data), created_ms=created_ms, modified_ms=now_ms)
            return revision_of(data)

    def make_folder(self, path: NotebookPath) -> None:
        with self._lock:
            self.check_visible(path)
            if path in self._nodes:
                raise AlreadyExists(f"{path}: something is there already. Choose another name.")
            self._folder_for(path)
            self._nodes[path] = _Folder(created_ms=self.clock.now_ms())

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        with self._lock:
            self._node(old)
            self.check_visible(new)
            if old == ROOT or (old != new and is_below(new, old)):
                raise InvalidPath(f"{old or '/'}: a folder cannot be moved into itself.")
            if new in self._nodes:
                raise AlreadyExists(f"{new}: something is there already. Choose another name.")
            self._folder_for(new)
            self._nodes.update(_moved(self._take(old), old, new))
            self._checkpoints.update(_moved(self._take_checkpoints(old), old, new))

    def copy(self, old: NotebookPath, new: NotebookPath) -> Revision:
        with self._lock:
            revision = super().copy(old, new)
            self._checkpoints[new] = dict(self._checkpoints.get(old, {}))
            return revision

    def delete(self, path: NotebookPath) -> TrashId | None:
        with self._lock:
            entry = self._entry(path, self._node(path))
            if path == ROOT:
                raise InvalidPath("The root folder cannot be deleted.")
            what = Trashed(
                trash_id=TrashId(new_id()),
                path=path,
                kind=entry.kind,
                deleted_ms=self.clock.now_ms(),
                size_bytes=entry.size_bytes,
            )
            self._trash[what.trash_id] = _Gone(
                what=what, nodes=self._take(path), checkpoints=self._take_checkpoints(path)
            )
            return what.trash_id

    def has_trash(self) -> bool:
        return True

    def list_trash(self) -> Sequence[Trashed]:
        with self._lock:
            # Reversed first: of two things deleted in one millisecond, the later one comes first.
            gone = reversed([gone.what for gone in self._trash.values()])
            return sorted(gone, key=lambda what: what.deleted_ms, reverse=True)

    def restore(self, trash_id: TrashId) -> NotebookPath:
        with self._lock:
            gone = self._trash.get(trash_id)
            if gone is None:
                return super().restore(trash_id)
            old, new = gone.what.path, gone.what.path
            missing = []
            folder = folder_of(old)
            while folder not in self._nodes:
                missing.append(folder)
                folder = folder_of(folder)
            for folder in reversed(missing):
                self.make_folder(folder)
            if new in self._nodes:
                stem, suffix = split_suffix(name_of(old))
                new = self.free_path(folder_of(old), stem, suffix, first="-Restored", next_="-Restored{}")
            self._nodes.update(_moved(gone.nodes, old, new))
            self._checkpoints.update(_moved(gone.checkpoints, old, new))
            del self._trash[trash_id]
            return new

    def empty_trash(self, *, older_than_ms: int | None = None) -> None:
        with self._lock:
            self._trash = {
                trash_id: gone
                for trash_id, gone in self._trash.items()
                if older_than_ms is not None and gone.what.deleted_ms >= older_than_ms
            }

    def create_checkpoint(self, path: NotebookPath) -> Checkpoint:
        with self._lock:
            file = self._file(path)
            kept = self._checkpoints.setdefault(path, {})
            while len(kept) >= self.checkpoints_kept:
                del kept[next(iter(kept))]
            checkpoint = Checkpoint(checkpoint_id=new_id(), created_ms=self.clock.now_ms())
            kept[checkpoint.checkpoint_id] = _File(
                data=file.data, created_ms=checkpoint.created_ms, modified_ms=checkpoint.created_ms
            )
            return checkpoint

    def list_checkpoints(self, path: NotebookPath) -> Sequence[Checkpoint]:
        with self._lock:
            self._file(path)
            kept = self._checkpoints.get(path, {})
            return [
                Checkpoint(checkpoint_id=checkpoint_id, created_ms=file.created_ms)
                for checkpoint_id, file in reversed(kept.items())
            ]

    def read_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> bytes:
        with self._lock:
            self._file(path)
            file = self._checkpoints.get(path, {}).get(checkpoint_id)
            return super().read_checkpoint(path, checkpoint_id) if file is None else file.data

    def delete_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        with self._lock:
            self.read_checkpoint(path, checkpoint_id)
            del self._checkpoints[path][checkpoint_id]

    # -- inside: the lock is held ------------------------------------------------------------------

    def _node(self, path: NotebookPath) -> _Node:
        self.check_visible(path)
        node = self._nodes.get(path)
        if node is None:
            raise NotFound(f"{path}: there is no such file or folder.")
        return node

    def _file(self, path: NotebookPath) -> _File:
        node = self._node(path)
        if isinstance(node, _Folder):
            raise InvalidPath(f"{path or '/'}: it is a folder, not a file.")
        return node

    def _folder_for(self, path: NotebookPath) -> None:
        if not isinstance(self._nodes.get(folder_of(path)), _Folder):
            raise NotFound(f"{path}: there is no such folder to put it in.")

    def _take(self, path: NotebookPath) -> dict[NotebookPath, _Node]:
        return {p: self._nodes.pop(p) for p in list(self._nodes) if is_below(p, path)}

    def _take_checkpoints(self, path: NotebookPath) -> dict[NotebookPath, dict[str, _File]]:
        return {p: self._checkpoints.pop(p) for p in list(self._checkpoints) if is_below(p, path)}

    def _entry(self, path: NotebookPath, node: _Node) -> Entry:
        if isinstance(node, _Folder):
            return Entry(
                path=path,
                kind="folder",
                size_bytes=0,
                created_ms=node.created_ms,
                modified_ms=node.created_ms,
                revision=None,
                writable=True,
                media_type=FOLDER_MEDIA_TYPE,
            )
        return Entry(
            path=path,
            kind=entry_kind(path),
            size_bytes=len(node.data),
            created_ms=node.created_ms,
            modified_ms=node.modified_ms,
            revision=revision_of(node.data),
            writable=True,
            media_type=media_type_of(path),
        )


def _moved(things: dict[NotebookPath, T], old: NotebookPath, new: NotebookPath) -> dict[NotebookPath, T]:
    return {NotebookPath(new + path[len(old) :]): thing for path, thing in things.items()}

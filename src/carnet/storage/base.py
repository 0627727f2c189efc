"""`NotebookManager`: where notebooks live. The class to extend for another store.

A manager keeps files of any kind (notebooks, text, binary) in folders. It knows
bytes and revisions; it never parses a notebook, never knows whether one is open,
never serves HTTP. Methods are ordinary blocking functions that the server calls
on worker threads, several at once.

Run `carnet.testing.notebook_manager.NotebookManagerContract` on your own
subclass; docs/howto/write-a-notebook-manager.md shows how. Rules ST1 to ST25:
docs/specs/storage.md.
"""

import hashlib
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NewType

from msgspec import Struct
from traitlets import Bool, Unicode
from traitlets.config import LoggingConfigurable

from carnet.clock import Clock, SystemClock
from carnet.errors import AlreadyExists, InvalidPath, NotFound
from carnet.ids import NotebookPath, Revision
from carnet.storage.paths import ROOT, fitting_name, join_path, name_of, normalise_path, split_suffix

__all__ = [
    "ROOT",
    "Checkpoint",
    "Entry",
    "EntryKind",
    "NotebookManager",
    "TrashId",
    "Trashed",
    "entry_kind",
    "media_type_of",
    "normalise_path",
    "revision_of",
]

EntryKind = Literal["notebook", "file", "folder"]

TrashId = NewType("TrashId", str)
"""Names one deleted thing in the trash of one manager: `[0-9a-z]+`."""

NOTEBOOK_SUFFIX = ".ipynb"
NOTEBOOK_MEDIA_TYPE = "application/x-ipynb+json"
FOLDER_MEDIA_TYPE = "inode/directory"


class Entry(Struct, frozen=True):
    """What is at a path, without its bytes."""

    path: NotebookPath
    kind: EntryKind
    size_bytes: int
    """0 for a folder."""
    created_ms: int
    """Wall time. The oldest time known where the store keeps no creation time."""
    modified_ms: int
    revision: Revision | None
    """Of the bytes. None for a folder; in a listing also where it would cost a read: ask `stat`."""
    writable: bool
    """A hint for the page: `save` may still be refused."""
    media_type: str

    @property
    def name(self) -> str:
        """The last part of the path; empty for the root."""
        return name_of(self.path)


class Trashed(Struct, frozen=True):
    """Something deleted that `restore` can bring back."""

    trash_id: TrashId
    path: NotebookPath
    """Where it was."""
    kind: EntryKind
    deleted_ms: int
    size_bytes: int
    """Of a file; 0 for a folder."""


class Checkpoint(Struct, frozen=True):
    """One kept copy of a file's bytes, made on request."""

    checkpoint_id: str
    """`[0-9A-Za-z_-]{1,64}`. Names the same bytes as long as there is one of that id."""
    created_ms: int


def entry_kind(path: NotebookPath) -> EntryKind:
    """Return the kind of a *file* by its name: a notebook, or any other file."""
    return "notebook" if path.endswith(NOTEBOOK_SUFFIX) else "file"


def media_type_of(path: NotebookPath) -> str:
    """Return the media type of a *file* by its name (`application/octet-stream` if unknown)."""
    if path.endswith(NOTEBOOK_SUFFIX):
        return NOTEBOOK_MEDIA_TYPE
    guess, encoding = mimetypes.guess_type(name_of(path), strict=False)
    if guess is None or encoding is not None:
        return "application/octet-stream"
    return guess


def revision_of(data: bytes) -> Revision:
    """Return a revision made of the bytes alone: for stores that have none of their own."""
    return Revision(f"h{hashlib.sha256(data).hexdigest()}")


class NotebookManager(LoggingConfigurable):
    """Where notebooks live. Extend it, and run `NotebookManagerContract` on it.

    Paths are POSIX, relative to the root, with no leading slash; the root is
    `""`. Every path given to a method has been through `normalise_path` (the
    server does that; a manager may rely on it). Revisions are opaque: equal
    revisions mean equal bytes.

    A subclass must define `read`, `stat`, `list`, `save`, `make_folder`,
    `rename` and `delete`; the rest has defaults made of these. Hidden paths
    (a part begins with a dot) are `NotFound` unless `allow_hidden`.
    """

    notebook_dir = Unicode(
        "", help="Where the notebooks are. A folder for files; other stores may ignore it."
    ).tag(config=True)
    allow_hidden = Bool(
        False, help="Show, read and write files and folders whose name begins with a dot."
    ).tag(config=True)

    clock: Clock = SystemClock()
    """Tells the times in entries and in the trash; tests put their own here."""

    # -- what a store must define ------------------------------------------------------------

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        """Return all bytes of a file, and the entry (with its revision) of exactly these bytes.

        Raises:
            NotFound: nothing is there, or it is hidden.
            InvalidPath: it is a folder.
        """
        raise NotImplementedError(f"{type(self).__name__} must define read")

    def stat(self, path: NotebookPath) -> Entry:
        """Return what is at the path; for a file with its revision. The root is a folder.

        Raises:
            NotFound: nothing is there, or it is hidden.
        """
        raise NotImplementedError(f"{type(self).__name__} must define stat")

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        """Return the entries of one folder, sorted by name (code points), hidden ones left out.

        Raises:
            NotFound: no such folder.
            InvalidPath: it is a file.
        """
        raise NotImplementedError(f"{type(self).__name__} must define list")

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        """Replace all bytes, or none. `expected=None`: must not exist yet.

        Returns the revision of `data`, on disk (or as safe as the store can) by then.

        Raises:
            RevisionConflict: someone else wrote or deleted it first; nothing changed.
            AlreadyExists: `expected` is None and something is there; nothing changed.
            NotFound: the folder is not there.
            InvalidPath: it is a folder.
            PermissionDenied, StorageFull, StorageUnavailable: nothing changed.
        """
        raise NotImplementedError(f"{type(self).__name__} must define save")

    def make_folder(self, path: NotebookPath) -> None:
        """Make one folder; its parent must be there.

        Raises:
            AlreadyExists: something is there.
            NotFound: the parent is not there.
        """
        raise NotImplementedError(f"{type(self).__name__} must define make_folder")

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        """Move a file or a folder with all that is in it. Never overwrites.

        Raises:
            NotFound: nothing at `old`, or the folder of `new` is not there.
            AlreadyExists: something at `new`; nothing changed.
            InvalidPath: a folder into itself.
        """
        raise NotImplementedError(f"{type(self).__name__} must define rename")

    def delete(self, path: NotebookPath) -> TrashId | None:
        """Remove a file, or a folder with all that is in it.

        Returns its id in the trash, or None where the store has no trash (then it is gone).

        Raises:
            NotFound: nothing is there.
            InvalidPath: the root.
        """
        raise NotImplementedError(f"{type(self).__name__} must define delete")

    # -- what has a default -------------------------------------------------------------------

    def read_range(self, path: NotebookPath, start: int, stop: int) -> bytes:
        """Return bytes `start` to `stop` (not included), cut at the end of the file.

        Redefine it where the store can read a part.
        """
        data, _ = self.read(path)
        return data[max(start, 0) : max(stop, 0)]

    def save_from(self, path: NotebookPath, source: BinaryIO, *, expected: Revision | None) -> Revision:
        """Like `save`, with the bytes read from a file object to its end (notebooks, and large uploads).

        Redefine it where the store need not hold all bytes in memory.
        """
        return self.save(path, source.read(), expected=expected)

    def exists(self, path: NotebookPath) -> bool:
        """Return whether something (not hidden) is at the path."""
        try:
            self.stat(path)
        except NotFound:
            return False
        return True

    def copy(self, old: NotebookPath, new: NotebookPath) -> Revision:
        """Copy one file. Never overwrites.

        Raises:
            NotFound, AlreadyExists, InvalidPath: as `read` and `save`; nothing changed.
        """
        data, _ = self.read(old)
        return self.save(new, data, expected=None)

    def is_hidden(self, path: NotebookPath) -> bool:
        """Return whether some part of the path begins with a dot. Does not ask the store."""
        return any(part.startswith(".") for part in path.split("/"))

    def check_visible(self, path: NotebookPath) -> None:
        """Raise `NotFound` for a hidden path, unless `allow_hidden`. For subclasses."""
        if not self.allow_hidden and self.is_hidden(path):
            raise NotFound(f"{path}: there is no such file or folder (hidden ones are not served).")

    def local_path(self, path: NotebookPath) -> Path | None:
        """Return the real file or folder of the path, to be watched for outside changes.

        None where there is none (other stores). Only for watching: never open it.
        """
        return None

    def info_string(self) -> str:
        """Return one line for the start-up log."""
        return f"Serving notebooks from {type(self).__name__}"

    # -- trash ----------------------------------------------------------------------------------

    def has_trash(self) -> bool:
        """Return whether what is deleted can be brought back: before it deletes, a page says which.

        Redefine it with `list_trash` and `restore`.
        """
        return False

    def list_trash(self) -> Sequence[Trashed]:
        """Return what `delete` moved away and `restore` can bring back, latest first."""
        return ()

    def restore(self, trash_id: TrashId) -> NotebookPath:
        """Bring a deleted thing back to where it was, or beside it if that is taken now.

        Folders on the way are made again. Returns where it is.

        Raises:
            NotFound: no such id in the trash.
        """
        raise NotFound(f"{trash_id}: nothing of that id is in the trash.")

    def empty_trash(self, *, older_than_ms: int | None = None) -> None:
        """Remove for ever what is in the trash; or only what was deleted before that wall time."""

    # -- checkpoints: copies made on request (the Jupyter API speaks of them). They belong to the
    # -- file: a store that keeps some takes them along in rename, copy, delete and restore (ST25).

    def create_checkpoint(self, path: NotebookPath) -> Checkpoint:
        """Keep a copy of the file as it is now; where the latest has the same bytes, it may be given again.

        A store may keep only some, the latest first of all.
        """
        raise NotFound(f"{path}: {type(self).__name__} keeps no checkpoints.")

    def list_checkpoints(self, path: NotebookPath) -> Sequence[Checkpoint]:
        """Return the kept copies of a file, latest first."""
        return ()

    def read_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> bytes:
        """Return the bytes of a kept copy.

        Raises:
            NotFound: no such checkpoint of this file.
        """
        raise NotFound(f"{path}: there is no checkpoint {checkpoint_id!r}.")

    def delete_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        """Remove a kept copy.

        Raises:
            NotFound: no such checkpoint of this file.
        """
        raise NotFound(f"{path}: there is no checkpoint {checkpoint_id!r}.")

    def restore_checkpoint(
        self, path: NotebookPath, checkpoint_id: str, *, expected: Revision | None
    ) -> Revision:
        """Save a kept copy over the file, under the same rules as `save`."""
        return self.save(path, self.read_checkpoint(path, checkpoint_id), expected=expected)

    # -- names for new files ----------------------------------------------------------------------

    def name_taken(self, path: NotebookPath) -> bool:
        """Return whether a new file may not have this free name.

        Whoever keeps notebooks open sets this: one whose file is gone still has its name.
        """
        return False

    def untitled_path(
        self, folder: NotebookPath = ROOT, *, stem: str = "Untitled", suffix: str = NOTEBOOK_SUFFIX
    ) -> NotebookPath:
        """Return a free path: Untitled.ipynb, Untitled1.ipynb, Untitled2.ipynb, ..."""
        return self.free_path(folder, stem, suffix, first="", next_="{}")

    def copy_path(self, path: NotebookPath, folder: NotebookPath | None = None) -> NotebookPath:
        """Return a free path for a copy: name-Copy1.ipynb, name-Copy2.ipynb, ...

        Beside the original, or in `folder`. A copy of a copy counts on.
        """
        stem, suffix = split_suffix(name_of(path))
        original, mark, number = stem.rpartition("-Copy")
        if mark and original and number.isdecimal():
            stem = original
        target = NotebookPath(path.rpartition("/")[0]) if folder is None else folder
        return self.free_path(target, stem, suffix, first="-Copy1", next_="-Copy{}")

    def save_untitled(
        self,
        folder: NotebookPath,
        data: bytes,
        *,
        stem: str = "Untitled",
        suffix: str = NOTEBOOK_SUFFIX,
    ) -> tuple[NotebookPath, Revision]:
        """Save under a free untitled name, also when others take names at the same time."""
        while True:
            path = self.untitled_path(folder, stem=stem, suffix=suffix)
            try:
                return path, self.save(path, data, expected=None)
            except AlreadyExists:
                continue  # another client took the name in between: take the next one

    def free_path(
        self, folder: NotebookPath, stem: str, suffix: str, *, first: str, next_: str
    ) -> NotebookPath:
        """Return the first path in `folder` that is free: stem, `first`, suffix; then with `next_` and 1, 2, ...

        A name that would be too long loses the end of its stem, or of its suffix.
        """
        if self.stat(folder).kind != "folder":
            raise InvalidPath(f"{folder}: it is a file, not a folder.")
        number = 1
        path = join_path(folder, fitting_name(stem, first, suffix))
        if not first and self._is_taken(path):
            path = join_path(folder, fitting_name(stem, next_.format(number), suffix))
        while self._is_taken(path):
            number += 1
            path = join_path(folder, fitting_name(stem, next_.format(number), suffix))
        return path

    def _is_taken(self, path: NotebookPath) -> bool:
        return self.exists(path) or self.name_taken(path)

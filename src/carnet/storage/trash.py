"""The trash of one notebook folder, in the state folder: what was deleted can come back.

Not the desktop's trash: a server on another machine has no desktop, and its
state folder is where everything else of ours is kept. One folder for each
deleted thing, `item` (the thing), `info.json` (where it was), and what else
belongs to it; a thing without its info, or the other way round, was cut short
by a crash and is only tidied away. Rules FS12 to FS14: docs/specs/storage.md. POSIX only.
"""

import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from carnet.errors import NotFound
from carnet.ids import new_id
from carnet.storage.atomic import rename_exclusive
from carnet.storage.base import Trashed, TrashId
from carnet.storage.paths import RESERVED_PREFIX

_ID = re.compile(r"[0-9a-z]{1,64}")
ITEM = "item"
"""The name of a deleted thing in its folder in the trash."""

_INFO = "info.json"


class Trash:
    """What was deleted from one root. The folder is made when the first thing comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(
        self, what: Trashed, folder_fd: int, name: str, *, bring: Callable[[int], None] = lambda _: None
    ) -> None:
        """Move `name` out of an open folder into the trash. All of it, or nothing.

        `bring` is called then with the open folder that `ITEM` is in, to put beside it what
        belongs to it.

        Raises:
            OSError: nothing changed.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = self.folder / what.trash_id
        home.mkdir(mode=0o700)
        try:
            _write_private(home / _INFO, msgspec.json.encode(what))
            with _opened(home) as home_fd:
                move(folder_fd, name, home_fd, ITEM)
        except BaseException:
            shutil.rmtree(home, ignore_errors=True)
            raise
        with _opened(home) as home_fd:
            bring(home_fd)

    def take(
        self, trash_id: TrashId, folder_fd: int, name: str, *, fetch: Callable[[int], None] = lambda _: None
    ) -> None:
        """Move a thing out of the trash, to a name that is free in an open folder.

        `fetch` is called then with the open folder that it was in, as `bring` of `put`.

        Raises:
            FileExistsError: something is there already; nothing changed.
            OSError: nothing changed.
        """
        home = self.folder / self.find(trash_id).trash_id
        with _opened(home) as home_fd:
            move(home_fd, ITEM, folder_fd, name)
            fetch(home_fd)
        shutil.rmtree(home, ignore_errors=True)

    def find(self, trash_id: TrashId) -> Trashed:
        """Return what is in the trash under an id.

        Raises:
            NotFound: nothing.
        """
        if _ID.fullmatch(trash_id) is not None:
            home = self.folder / trash_id
            with suppress(OSError, msgspec.DecodeError):
                what = msgspec.json.decode((home / _INFO).read_bytes(), type=Trashed)
                if what.trash_id == trash_id and os.path.lexists(home / ITEM):
                    return what
        raise NotFound(f"{trash_id!a}: nothing of that id is in the trash.")

    def list(self) -> Sequence[Trashed]:
        """Return what is in the trash, latest first."""
        found = []
        for name in self._ids():
            with suppress(NotFound):
                found.append(self.find(TrashId(name)))
        return sorted(
            found, key=lambda what: (what.deleted_ms, _made_ns(self.folder / what.trash_id)), reverse=True
        )

    def empty(self, *, older_than_ms: int | None) -> None:
        """Remove for ever what was deleted before a wall time, or everything."""
        for name in self._ids():
            try:
                deleted_ms = self.find(TrashId(name)).deleted_ms
            except NotFound:
                # Cut short by a crash, or being filled by another thread just now: by its age.
                deleted_ms = _made_ns(self.folder / name) // 1_000_000
            if older_than_ms is None or deleted_ms < older_than_ms:
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def _ids(self) -> Sequence[str]:
        try:
            return [name for name in os.listdir(self.folder) if _ID.fullmatch(name)]
        except (FileNotFoundError, NotADirectoryError):
            return []


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def move(old_fd: int, old: str, new_fd: int, new: str) -> None:
    """Move a file, link or folder between open folders, also between disks; whole, or not at all.

    Raises:
        FileExistsError: something is at the new name.
        OSError: nothing changed.
    """
    try:
        rename_exclusive(old_fd, old, new_fd, new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    # The state folder is on another disk: copy under another name, rename, remove the original.
    partial = f"{RESERVED_PREFIX}{new_id()}.tmp"
    try:
        _copy(old_fd, old, new_fd, partial)
        rename_exclusive(new_fd, partial, new_fd, new)
    except BaseException:
        remove(new_fd, partial)
        raise
    remove(old_fd, old)


def _copy(old_fd: int, old: str, new_fd: int, new: str) -> None:
    """Copy a file, link or folder with all in it; modes and times are kept, pipes and devices left out."""
    status = os.stat(old, dir_fd=old_fd, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(old, dir_fd=old_fd), new, dir_fd=new_fd)
        return
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(new, 0o700, dir_fd=new_fd)
        inner = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=old_fd)
        try:
            outer = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=new_fd)
            try:
                for name in os.listdir(inner):
                    _copy(inner, name, outer, name)
                os.fchmod(outer, stat.S_IMODE(status.st_mode))
                os.utime(outer, ns=(status.st_atime_ns, status.st_mtime_ns))
            finally:
                os.close(outer)
        finally:
            os.close(inner)
    elif stat.S_ISREG(status.st_mode):
        source_fd = os.open(old, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=old_fd)
        with open(source_fd, "rb") as source:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(new, flags, 0o600, dir_fd=new_fd), "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fchmod(target.fileno(), stat.S_IMODE(status.st_mode))
                os.utime(target.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
                os.fsync(target.fileno())


def remove(folder_fd: int, name: str) -> None:
    """Remove a file, link or folder with all in it, for ever. Nothing there: nothing to do."""
    try:
        status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(status.st_mode):
        shutil.rmtree(name, dir_fd=folder_fd)
    else:
        os.unlink(name, dir_fd=folder_fd)


def _write_private(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)


def _made_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0

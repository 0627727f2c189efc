"""Find what a path names, without ever leaving the root: by open folders, never by comparing strings.

Every part is looked up in the folder opened before it, and no call follows a
link by itself. A link is read and walked part by part like a path; where the
walk ends, the folders it stands in must contain the root, or a folder the owner
allowed, *by identity* (device and inode). So `/srv/nb` never lets in
`/srv/nb-private`, and a folder swapped for a link in mid-walk leads nowhere.

Rules FS1 to FS5: docs/specs/storage.md. POSIX only.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from carnet.errors import (
    AlreadyExists,
    InvalidPath,
    NotFound,
    PermissionDenied,
    StorageError,
    StorageFull,
    StorageUnavailable,
)
from carnet.ids import NotebookPath
from carnet.storage.paths import parts_of

# O_PATH lets us walk through a folder that we may enter but not list.
_WALK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LINK_LIMIT = 40

Identity = tuple[int, int]
"""Device and inode."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: a name in an open folder, and what is there now."""

    path: NotebookPath
    """As it was asked for; for sentences."""
    folder_fd: int
    name: str
    """A single part, or `.` for the folder itself (the root, or a link to a folder above)."""
    status: os.stat_result | None
    """Of the thing itself (a link is followed, or is the thing); None: nothing is there."""

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        return self.status is not None and stat.S_ISREG(self.status.st_mode)

    def found(self) -> os.stat_result:
        """Return what is there.

        Raises:
            NotFound: nothing.
        """
        if self.status is None:
            raise NotFound(f"{self.path or '/'}: there is no such file or folder.")
        return self.status

    def open(self, flags: int) -> int:
        """Open the thing itself; never a link, never waiting for the other end of a pipe."""
        return os.open(self.name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.folder_fd)


@dataclass(slots=True)
class _Walk:
    """The folders we stand in, outermost first, each opened in the one before."""

    fds: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def close(self) -> None:
        while self.fds:
            os.close(self.fds.pop())
        self.names.clear()

    def restart(self, folder: str | Path) -> None:
        self.close()
        self.fds.append(os.open(folder, _WALK & ~os.O_NOFOLLOW))
        self.names.append("")

    def enter(self, name: str) -> None:
        self.fds.append(os.open(name, _WALK, dir_fd=self.fds[-1]))
        self.names.append(name)

    def leave(self) -> None:
        if len(self.fds) > 1:
            os.close(self.fds.pop())
            self.names.pop()
        else:
            above = os.open("..", _WALK, dir_fd=self.fds[0])
            os.close(self.fds[0])
            self.fds[0] = above


class Beneath:
    """One root folder, and the folders outside that links in it may lead to."""

    def __init__(self, root: Path, allowed_links: Sequence[Path] = ()) -> None:
        self.root = root
        self.allowed_links = allowed_links

    @contextmanager
    def place(
        self, path: NotebookPath, *, follow: bool = True, through_hidden: bool = False
    ) -> Iterator[Place]:
        """Find what a path names; its folder stays open in the block.

        `follow=False`: if the last part is a link, the link itself is meant.
        `through_hidden=False`: a link does not lead to hidden files or folders.

        Raises:
            NotFound: a folder on the way is not there.
            PermissionDenied: a link leads out of the root, or a folder may not be entered.
        """
        walk = _Walk()
        try:
            try:
                found = self._walk(walk, path, follow=follow, through_hidden=through_hidden)
            except OSError as error:
                raise translated(error, path, "found") from error
            yield found
        finally:
            walk.close()

    def _walk(self, walk: _Walk, path: NotebookPath, *, follow: bool, through_hidden: bool) -> Place:
        walk.restart(self.root)
        ahead = deque(parts_of(path))
        links = 0
        name, status = ".", None
        while ahead:
            part = ahead.popleft()
            if part == "..":  # of a link: a path has none
                walk.leave()
                name, status = ".", None
                continue
            try:
                status = os.stat(part, dir_fd=walk.fds[-1], follow_symlinks=False)
            except FileNotFoundError:
                if ahead:
                    raise
                name, status = part, None
                break
            if stat.S_ISLNK(status.st_mode) and (ahead or follow):
                links += 1
                if links > _LINK_LIMIT:
                    raise InvalidPath(f"{path}: more than {_LINK_LIMIT} links, one leading to the next.")
                target = _read_link(part, walk.fds[-1])
                if target.startswith("/"):
                    walk.restart("/")
                ahead.extendleft(reversed([p for p in target.split("/") if p not in ("", ".")]))
                name, status = ".", None
                continue
            if not ahead:
                name = part
                break
            walk.enter(part)
            name, status = ".", None
        if name == ".":
            status = os.fstat(walk.fds[-1])
        if links:
            self._check_contained(walk, path, name, status, through_hidden=through_hidden)
        return Place(path=path, folder_fd=walk.fds[-1], name=name, status=status)

    def _check_contained(
        self,
        walk: _Walk,
        path: NotebookPath,
        name: str,
        status: os.stat_result | None,
        *,
        through_hidden: bool,
    ) -> None:
        homes = {_identity(os.stat(self.root))}
        for allowed in self.allowed_links:
            try:
                homes.add(_identity(os.stat(allowed)))
            except OSError:
                continue  # not there now: nothing can be in it
        if status is not None and name != "." and _identity(status) in homes:
            return
        for level in range(len(walk.fds) - 1, -1, -1):
            if _identity(os.fstat(walk.fds[level])) in homes:
                below = [*walk.names[level + 1 :], name]
                if not through_hidden and any(part.startswith(".") and part != "." for part in below):
                    raise NotFound(
                        f"{path}: the link leads to a hidden file or folder; those are not served."
                    )
                return
        raise PermissionDenied(
            f"{path}: the link leads out of the notebook folder. To allow it, list its target in allowed_links."
        )


def _read_link(name: str, folder_fd: int) -> str:
    try:
        return os.readlink(name, dir_fd=folder_fd)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # It was a link when we looked, and is none now.
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


_SENTENCES: dict[int, tuple[type[StorageError], str]] = {
    errno.ENOENT: (NotFound, "there is no such file or folder."),
    errno.ENOTDIR: (NotFound, "there is no such file or folder (a part of the path is a file)."),
    errno.EEXIST: (AlreadyExists, "something is there already. Choose another name."),
    errno.ENOTEMPTY: (AlreadyExists, "a folder is there already. Choose another name."),
    errno.EISDIR: (InvalidPath, "it is a folder, not a file."),
    errno.ENAMETOOLONG: (InvalidPath, "the name is too long for this disk. Use a shorter one."),
    errno.EILSEQ: (InvalidPath, "this disk does not take such a name. Use another one."),
    errno.EINVAL: (InvalidPath, "this disk does not take such a name. Use another one."),
    errno.ELOOP: (NotFound, "a part of the path was replaced just now. Try again."),
    errno.EACCES: (PermissionDenied, "the operating system does not allow it. Check owner and mode."),
    errno.EPERM: (PermissionDenied, "the operating system does not allow it. Check owner and mode."),
    errno.EROFS: (PermissionDenied, "the disk is mounted read-only."),
    errno.ENOSPC: (StorageFull, "the disk is full. Free some space."),
    errno.EDQUOT: (StorageFull, "your disk quota is used up. Free some space."),
    errno.EFBIG: (StorageFull, "the file is larger than the disk or a limit of the process allows."),
    errno.EMFILE: (StorageUnavailable, "the server has too many files open. Try again later."),
    errno.EIO: (StorageUnavailable, "the disk reports an input/output error. Check the disk."),
    errno.ESTALE: (StorageUnavailable, "the network disk has lost the folder. Try again later."),
}


def translated(error: OSError, path: str, done: str) -> StorageError:
    """Return our error for one of the operating system, in one sentence: "a.txt: not saved: ..."."""
    kind, reason = _SENTENCES.get(
        error.errno or 0, (StorageUnavailable, f"{error.strerror or error}. Try again later.")
    )
    return kind(f"{path or '/'}: not {done}: {reason}")

"""Write a file so that it is the old one or the new one at every moment, a power cut included.

A temporary file in the same folder, locked while it is written; its bytes synced;
renamed over the target; the folder synced. A crash leaves at most one temporary
file, whose name says that it is ours (`RESERVED_PREFIX`) and whose lock is gone,
so that `sweep` can tell it from one that is being written now.

Rules FS6 to FS11: docs/specs/storage.md. POSIX only.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Literal

from carnet.ids import Revision, new_id
from carnet.storage.paths import RESERVED_PREFIX

_SURELY_LITTER_S = 24 * 3600.0
"""On a disk without locks, a temporary file that nobody wrote to for so long is litter."""

_NO_SUPPORT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


def write_file(
    folder_fd: int,
    name: str,
    chunks: Iterable[bytes],
    *,
    like: os.stat_result | Literal["anything"] | None,
    new_mode: int,
    committing: AbstractContextManager[None] | None = None,
) -> Revision:
    """Put the bytes of `chunks` at `name`, all or nothing. Returns their revision.

    `like`: the file to be replaced, whose mode, owner and attributes are kept; None: nothing is
    there, and nothing that appears meanwhile is replaced; "anything": whatever is there is
    replaced, and nothing of it kept. `committing` is entered at the last moment, when all bytes are
    on the disk, and left after the rename; what it raises stops the write.

    Raises:
        FileExistsError: `like` is None and something is there now.
        OSError: nothing changed, and no temporary file is left.
    """
    temporary, fd = _make_temporary(folder_fd)
    try:
        digest = hashlib.sha256()
        try:
            for chunk in chunks:
                digest.update(chunk)
                _write_all(fd, chunk)
            if like is None or like == "anything":
                os.fchmod(fd, new_mode)
            else:
                _copy_attributes(folder_fd, name, fd, like)
            os.fsync(fd)
            with committing or nullcontext():
                if like is None:
                    rename_exclusive(folder_fd, temporary, folder_fd, name)
                else:
                    os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder_fd)
            raise
    finally:
        os.close(fd)
    sync_folder(folder_fd)
    return Revision(f"h{digest.hexdigest()}")


def chunks_of(fd: int, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Yield all bytes of an open file, from its start to its end."""
    offset = 0
    while chunk := os.pread(fd, max(min(chunk_bytes, 64 << 20), 4096), offset):
        offset += len(chunk)
        yield chunk


def sync_folder(folder_fd: int) -> None:
    """Sync a folder: after a crash, some file systems keep the new bytes but forget the rename."""
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_SUPPORT:  # some network and FUSE disks cannot sync folders
            raise
    finally:
        os.close(fd)


def sweep(folder_fd: int) -> int:
    """Remove what crashes left in one folder. Temporary files being written are left alone.

    Returns how many were removed.
    """
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        names = [name for name in os.listdir(fd) if name.startswith(RESERVED_PREFIX)]
    finally:
        os.close(fd)
    return sum(_remove_if_unlocked(folder_fd, name) for name in names)


def rename_exclusive(old_fd: int, old: str, new_fd: int, new: str) -> None:
    """Rename, unless something is at the new name: then FileExistsError. In one step where the system can."""
    if _rename_natively is not None:
        code = _rename_natively(old_fd, os.fsencode(old), new_fd, os.fsencode(new), _EXCLUSIVE)
        if code == 0:
            return
        number = ctypes.get_errno()
        if number not in _NO_SUPPORT:
            raise OSError(number, os.strerror(number), new)
    # An old kernel or a disk without that call (some network disks): look, then rename.
    try:
        os.stat(new, dir_fd=new_fd, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=old_fd, dst_dir_fd=new_fd)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


def _native_rename() -> tuple[Callable[[int, bytes, int, bytes, int], int] | None, int]:
    library = ctypes.CDLL(None, use_errno=True)
    name, flag = ("renameatx_np", 4) if sys.platform == "darwin" else ("renameat2", 1)
    function = getattr(library, name, None)
    if function is None:
        return None, 0
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function, flag


_rename_natively, _EXCLUSIVE = _native_rename()


def _make_temporary(folder_fd: int) -> tuple[str, int]:
    while True:
        name = f"{RESERVED_PREFIX}{new_id()}.tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=folder_fd)
        try:
            _lock(fd, fcntl.LOCK_EX)
            if os.fstat(fd).st_nlink > 0:
                return name, fd
            # A sweep came between the open and the lock, and took it for litter: make another.
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                os.unlink(name, dir_fd=folder_fd)
            raise
        os.close(fd)


def _lock(fd: int, how: int) -> Literal["ours", "another's", "unknown"]:
    """Lock an open file; unknown on a disk without locks."""
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return "another's"
    except OSError as error:
        if error.errno not in (errno.ENOLCK, *_NO_SUPPORT):
            raise
        return "unknown"
    return "ours"


def _remove_if_unlocked(folder_fd: int, name: str) -> bool:
    try:
        status = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            return False
        fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
    except OSError:
        return False  # gone meanwhile, or not ours to touch
    try:
        holder = _lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        old = time.time() - status.st_mtime > _SURELY_LITTER_S
        if holder == "another's" or (holder == "unknown" and not old):
            return False
        os.unlink(name, dir_fd=folder_fd)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        # At most 64 MiB a call: some systems refuse more than 2 GiB at once.
        view = view[os.write(fd, view[: 64 << 20]) :]


def _copy_attributes(folder_fd: int, name: str, fd: int, like: os.stat_result) -> None:
    """Give the new file the owner, mode and extended attributes (ACLs, labels) of the old one."""
    made = os.fstat(fd)
    mode = stat.S_IMODE(like.st_mode)
    if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(fd, like.st_uid, like.st_gid)
        except OSError:
            # Somebody else's file in a folder that we share: it becomes ours, but we keep the
            # group if we are in it. If not, the old mode would open it to the wrong group.
            try:
                os.fchown(fd, -1, like.st_gid)
            except OSError:
                mode &= ~0o070
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            old = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder_fd)
            try:
                for attribute in os.listxattr(old):
                    with suppress(OSError):  # some labels are the system's to set
                        os.setxattr(fd, attribute, os.getxattr(old, attribute))
            finally:
                os.close(old)
    os.fchmod(fd, mode)

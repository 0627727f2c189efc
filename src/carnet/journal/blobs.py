"""Large values outside the database: content-addressed, immutable files.

A blob's name is the SHA-256 of its bytes, so writing one twice is writing it
once, and a reader may cache it for ever. This module never decides what is
large, and deletes only in `collect`. Rules JN21 to JN26: docs/specs/journal.md.
"""

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from carnet.core.notebook.model import BlobRef
from carnet.errors import JournalDamaged, JournalError, JournalFull, NotFound
from carnet.ids import new_id

GRACE_S = 24 * 3600.0
"""A blob younger than this is never collected: its entry may not be committed yet."""

SYNC_THREADS = 16

_NAME = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = ".tmp-"


class BlobStore:
    """The blobs of one folder. Safe for several threads and processes."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, the folder (0700)."""
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, data: bytes, media_type: str) -> BlobRef:
        """Keep bytes, and return their reference; if they are kept already, only that.

        On the disk (synced) when it returns. It may wait for the disk: call it on a worker thread.

        Raises:
            JournalFull: no room; nothing was kept.
            JournalError: the folder cannot be written.
        """
        with self.together() as put:
            return put(data, media_type)

    @contextmanager
    def together(self) -> Iterator[Callable[[bytes, str], BlobRef]]:
        """Lend a `put` for many blobs: they are kept, and on the disk, when the block ends, or none of them is.

        The disk is waited for once, not for one blob after another.

        Raises:
            JournalFull, JournalError: as `put`; from `put`, or when the block ends.
        """
        unsynced: dict[str, Path] = {}

        def put(data: bytes, media_type: str) -> BlobRef:
            sha256 = hashlib.sha256(data).hexdigest()
            path = self.path(sha256)
            if sha256 not in unsynced and not self._touch(path, len(data)):
                temporary = unsynced[sha256] = path.with_name(_TEMPORARY + new_id())
                try:
                    path.parent.mkdir(mode=0o700, exist_ok=True)
                    with open(temporary, "xb", opener=_open_private) as file:
                        file.write(data)
                except OSError as error:
                    raise _translated(error, sha256) from error
            return BlobRef(sha256=sha256, size_bytes=len(data), media_type=media_type)

        try:
            yield put
            if unsynced:
                self._keep(unsynced)
        except BaseException:
            for temporary in unsynced.values():
                temporary.unlink(missing_ok=True)
            raise

    def _keep(self, unsynced: Mapping[str, Path]) -> None:
        """Sync the temporary files, give them their names, and sync these."""
        try:
            _sync_all([*unsynced.values()])
            for sha256, temporary in unsynced.items():
                os.replace(temporary, self.path(sha256))
            # After a crash, some file systems keep the new bytes but forget the rename.
            _sync_all([*{temporary.parent for temporary in unsynced.values()}])
        except OSError as error:
            raise _translated(error, next(iter(unsynced))) from error

    def get(self, sha256: str) -> bytes:
        """Return all bytes, checked against their name.

        Raises:
            NotFound: no such blob.
            JournalDamaged: the bytes are not those that were put.
        """
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        except OSError as error:
            raise _translated(error, sha256) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise JournalDamaged(f"Blob {sha256}: its bytes are damaged.")
        return data

    def open_range(self, sha256: str, start: int, stop: int) -> bytes:
        """Return bytes `start` to `stop` (not included), cut at the end of the blob.

        Raises:
            NotFound: no such blob.
        """
        start = max(start, 0)
        try:
            with open(self.path(sha256), "rb") as file:
                file.seek(start)
                return file.read(max(stop - start, 0))
        except FileNotFoundError as error:
            raise _missing(sha256) from error
        except OSError as error:
            raise _translated(error, sha256) from error

    def path(self, sha256: str) -> Path:
        """Return where a blob is, or would be.

        Raises:
            NotFound: not 64 lower-case hexadecimal digits.
        """
        if _NAME.fullmatch(sha256) is None:
            raise NotFound(f"{sha256[:80]!a} is not the name of a blob.")
        return self.folder / sha256[:2] / sha256

    def exists(self, sha256: str) -> bool:
        """Return whether a blob of that name is kept."""
        return self.path(sha256).is_file()

    def size(self, sha256: str) -> int:
        """Return the size in bytes.

        Raises:
            NotFound: no such blob.
        """
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError as error:
            raise _missing(sha256) from error

    def collect(self, used: Set[str], *, grace_s: float = GRACE_S, now_s: float | None = None) -> int:
        """Delete the blobs that nothing uses and that are older than the grace age.

        Deletes what crashes left behind, too. Returns how many bytes were freed.
        `now_s`: wall time in seconds (`time.time()` if not given).
        """
        limit_s = (time.time() if now_s is None else now_s) - grace_s
        freed_bytes = 0
        for shard in self.folder.iterdir():
            if not shard.is_dir():
                continue
            for file in shard.iterdir():
                if file.name in used or not (_NAME.fullmatch(file.name) or file.name.startswith(_TEMPORARY)):
                    continue
                try:
                    status = file.stat()
                    if status.st_mtime < limit_s:
                        file.unlink()
                        freed_bytes += status.st_size
                except FileNotFoundError:
                    continue  # another collector was quicker
        return freed_bytes

    def _touch(self, path: Path, size_bytes: int) -> bool:
        """Make a kept blob young again, so that a collector running now leaves it; say whether it is whole."""
        try:
            if path.stat().st_size != size_bytes:
                return False  # cut short by something that is not us: write it anew
            os.utime(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _translated(error, path.name) from error
        return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _sync_all(paths: Sequence[Path]) -> None:
    """Sync files or folders. Those that wait at the same time share what the file system has to write."""
    if len(paths) == 1:
        _sync(paths[0])
        return
    with ThreadPoolExecutor(min(SYNC_THREADS, len(paths)), thread_name_prefix="carnet-sync") as threads:
        list(threads.map(_sync, paths))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _missing(sha256: str) -> NotFound:
    return NotFound(f"There is no blob {sha256}.")


def _translated(error: OSError, sha256: str) -> JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return JournalFull(f"Disk full: blob {sha256} was not kept. Free some space.")
    return JournalError(f"Blob {sha256}: {error.strerror}.")

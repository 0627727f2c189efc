"""The checkpoints of one file, in a folder beside it.

    .ipynb_checkpoints/.carnet/n.ipynb/2026-11-29T205746.123Z-ID.ipynb   each of them
    .ipynb_checkpoints/n-checkpoint.ipynb                                the newest, for Jupyter

Jupyter keeps one, under its own name. It finds our newest there, and what it puts
there is one more of ours: newer than all, for each of ours put itself there. It
writes over that file, so what is there is a copy and no second name of ours.

An id is made of the bytes (SHA-256), so that it can name no others, also where
Jupyter or a person wrote. Rules ST21, ST25, FS17 to FS20: docs/specs/storage.md. POSIX only.
"""

import errno
import logging
import os
import re
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from carnet.errors import PermissionDenied
from carnet.ids import Revision
from carnet.storage.atomic import chunks_of, sweep, sync_folder, write_file
from carnet.storage.base import Checkpoint, revision_of
from carnet.storage.trash import move, remove

_OURS = ".carnet"
"""Jupyter's names end with `-checkpoint` and the suffix, so this can be none of them."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d{6}\.\d{3})Z-([0-9a-f]{32})(?:\..*)?", re.DOTALL)
_TIME = "%Y-%m-%dT%H%M%S.%f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 250_000_000_000_000
"""Some year before 9999, which names can hold; a file may have any time."""

_LONGEST_SUFFIX_BYTES = 32
"""Longer ones are left out of our names, which must fit into 255 bytes."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

_LOCKS = [threading.Lock() for _ in range(64)]

log = logging.getLogger("carnet.storage")


class _Kept(NamedTuple):
    """A file of ours in the inner folder."""

    created_ms: int
    checkpoint_id: str
    name: str


class _Folders(NamedTuple):
    """Open folders; None for what is not there."""

    outer: int | None
    """For the checkpoints of all files beside it."""
    own: int | None
    """In it: ours."""
    inner: int | None
    """In it: for this file."""


@dataclass(frozen=True, slots=True)
class FileCheckpoints:
    """The checkpoints of one file. Its folder must be open as long as this is used."""

    folder_fd: int
    """The folder that the file is in."""
    file_name: str
    dir_name: str
    """Of the folder for checkpoints, in that folder."""
    revision_of: Callable[[int], Revision]
    """Tells the revision of an open file: `h` and the SHA-256 of its bytes."""

    def list(self) -> Sequence[Checkpoint]:
        """Return what is kept, latest first."""
        with self._opened() as (outer, _, inner):
            ours = _ours(inner)
            foreign = self._foreign(outer, ours)
            return [*([] if foreign is None else [foreign]), *(_checkpoint(one) for one in ours)]

    def create(self, source_fd: int, *, now_ms: int, at_most: int) -> Checkpoint:
        """Keep what is in an open file; where that is what the newest has, nothing is made.

        Raises:
            OSError, PermissionDenied: nothing changed.
        """
        with _alone(self), self._made() as (outer, inner):
            for fd in (outer, inner):
                sweep(fd)
            if self._foreign(outer, _ours(inner)) is not None:
                # Jupyter put it there: it becomes one of ours, before we put something else there.
                with _open_file(outer, self._jupyter_name) as there:
                    self._write(inner, there)
            ours = _ours(inner)
            if not ours or ours[0].checkpoint_id != _id_of(self.revision_of(source_fd)):
                self._write(inner, source_fd, created_ms=now_ms)
                ours = _ours(inner)
            _remove_all_but(ours[:at_most], inner)
            self._show(outer, inner, ours[0])
            return _checkpoint(ours[0])

    def read(self, checkpoint_id: str) -> bytes | None:
        """Return the bytes of one, or None if there is none of that id."""
        with self._opened() as (outer, _, inner):
            names = [(inner, one.name) for one in _ours(inner) if one.checkpoint_id == checkpoint_id]
            for folder, name in (*names, (outer, self._jupyter_name)):
                with _open_file(folder, name) as fd:
                    data = b"".join(chunks_of(fd)) if fd is not None else b""
                    # Somebody may have edited it in its place: then it is not what the id means.
                    if fd is not None and _id_of(revision_of(data)) == checkpoint_id:
                        return data
            return None

    def remove(self, checkpoint_id: str) -> bool:
        """Remove one; False if there is none of that id."""
        with _alone(self), self._opened() as (outer, _, inner):
            ours = _ours(inner)
            left = [one for one in ours if one.checkpoint_id != checkpoint_id]
            shown = self._shown_id(outer) == checkpoint_id
            if len(left) < len(ours):
                _remove_all_but(left, inner)
            if shown and left:
                self._show(outer, inner, left[0])
            elif shown:
                os.unlink(self._jupyter_name, dir_fd=outer)
            self._tidy()
            return shown or len(left) < len(ours)

    def remove_all(self) -> None:
        """Remove all, and the folder that they are in."""
        with _alone(self):
            self._remove_all()

    def move_to(self, target: "FileCheckpoints") -> None:
        """Give all to another file, in place of what that may have. Nothing here: nothing to do.

        Raises:
            OSError, PermissionDenied: some may have stayed.
        """
        with _alone(self, target), self._opened() as (outer, own, inner):
            shown = _is_file(outer, self._jupyter_name)
            if inner is None and not shown:
                return
            target._remove_all()
            with ExitStack() as stack:
                new_outer = _make(stack, target.folder_fd, target.dir_name)
                if own is not None and inner is not None:
                    new_own = _make(stack, new_outer, _OURS)
                    move(own, self.file_name, new_own, target.file_name)
                    sync_folder(new_own)
                if outer is not None and shown:
                    with _ignoring_long_names():
                        move(outer, self._jupyter_name, new_outer, target._jupyter_name)
                sync_folder(new_outer)
            self._tidy()

    def copy_to(self, target: "FileCheckpoints") -> None:
        """Give the same to another file, in place of what that may have. Nothing here: nothing to do.

        Raises:
            OSError, PermissionDenied: some may be missing.
        """
        with _alone(self, target), self._opened() as (outer, _, inner):
            ours = _ours(inner)
            foreign = self._foreign(outer, ours)
            if not ours and foreign is None:
                return
            target._remove_all()
            with target._made() as (new_outer, new_inner):
                for one in ours:
                    _link_or_copy(one.name, inner, new_inner)
                if foreign is not None:
                    with _open_file(outer, self._jupyter_name) as there:
                        target._write(new_inner, there)
                for newest in _ours(new_inner)[:1]:
                    target._show(new_outer, new_inner, newest)

    # -- inside -----------------------------------------------------------------------------------

    @property
    def _jupyter_name(self) -> str:
        stem, suffix = os.path.splitext(self.file_name)
        return f"{stem}-checkpoint{suffix}"

    @contextmanager
    def _opened(self) -> Iterator[_Folders]:
        """Open what is there."""
        with (
            _opened(self.folder_fd, self.dir_name) as outer,
            _opened(outer, _OURS) as own,
            _opened(own, self.file_name) as inner,
        ):
            yield _Folders(outer, own, inner)

    @contextmanager
    def _made(self) -> Iterator[tuple[int, int]]:
        """Open them, and make what is not there."""
        with ExitStack() as stack:
            outer = _make(stack, self.folder_fd, self.dir_name)
            try:
                yield outer, _make(stack, _make(stack, outer, _OURS), self.file_name)
            except BaseException:
                self._tidy()
                raise

    def _foreign(self, outer: int | None, ours: Sequence[_Kept]) -> Checkpoint | None:
        """Return what Jupyter put there, if it is none of ours."""
        with _open_file(outer, self._jupyter_name) as fd:
            if fd is None:
                return None
            checkpoint_id = _id_of(self.revision_of(fd))
            if any(one.checkpoint_id == checkpoint_id for one in ours):
                return None
            # Jupyter gives it the time of the file that it copied.
            return Checkpoint(checkpoint_id=checkpoint_id, created_ms=max(_modified_ms(fd), _after(ours)))

    def _write(self, inner: int, source_fd: int | None, *, created_ms: int | None = None) -> None:
        """Write a copy of an open file into the inner folder, later than all that is there.

        Without `created_ms`, it has the time of the file.
        """
        if source_fd is None:
            return  # gone since we looked
        if created_ms is None:
            created_ms = _modified_ms(source_fd)
        moment = _EPOCH + timedelta(milliseconds=max(created_ms, _after(_ours(inner))))
        suffix = os.path.splitext(self.file_name)[1]
        if len(suffix.encode()) > _LONGEST_SUFFIX_BYTES:
            suffix = ""

        def name_of(revision: Revision) -> str:
            return f"{moment.strftime(_TIME)[:-3]}Z-{_id_of(revision)}{suffix}"

        name = name_of(self.revision_of(source_fd))
        mode = stat.S_IMODE(os.fstat(source_fd).st_mode) & 0o777
        written = name_of(write_file(inner, name, chunks_of(source_fd), like=None, new_mode=mode))
        if written != name:  # the file changed meanwhile
            os.rename(name, written, src_dir_fd=inner, dst_dir_fd=inner)

    def _show(self, outer: int | None, inner: int | None, newest: _Kept) -> None:
        """Put a copy of the newest where Jupyter looks. Without, it is kept all the same."""
        try:
            with _ignoring_long_names(), _open_file(inner, newest.name) as fd:
                if outer is None or fd is None or self._shown_id(outer) == newest.checkpoint_id:
                    return
                name, mode = self._jupyter_name, stat.S_IMODE(os.fstat(fd).st_mode)
                write_file(outer, name, chunks_of(fd), like="anything", new_mode=mode)
                times_ns = (newest.created_ms * 1_000_000,) * 2
                os.utime(name, ns=times_ns, dir_fd=outer, follow_symlinks=False)
        except OSError as error:
            log.warning("%s: Jupyter will not find the newest checkpoint: %s", self.file_name, error)

    def _shown_id(self, outer: int | None) -> str | None:
        with _open_file(outer, self._jupyter_name) as fd:
            return None if fd is None else _id_of(self.revision_of(fd))

    def _remove_all(self) -> None:
        with self._opened() as (outer, own, _):
            if own is not None:
                remove(own, self.file_name)
            if _is_file(outer, self._jupyter_name):
                os.unlink(self._jupyter_name, dir_fd=outer)
        self._tidy()

    def _tidy(self) -> None:
        """Remove folders of ours that nothing is in."""
        with self._opened() as (outer, own, _):
            for folder, name in ((own, self.file_name), (outer, _OURS)):
                if folder is not None:
                    with suppress(OSError):  # something is in it, or it is not there
                        os.rmdir(name, dir_fd=folder)


@contextmanager
def _alone(*those: FileCheckpoints) -> Iterator[None]:
    """Let nobody else of this process change what these files have."""
    numbers = set()
    for one in those:
        status = os.fstat(one.folder_fd)
        numbers.add(hash((status.st_dev, status.st_ino, one.file_name)) % len(_LOCKS))
    with ExitStack() as stack:
        for number in sorted(numbers):
            stack.enter_context(_LOCKS[number])
        yield


@contextmanager
def _opened(above: int | None, name: str) -> Iterator[int | None]:
    """Open a folder in an open one; None if it is not there, or is none, or a link."""
    if above is None:
        yield None
        return
    try:
        fd = os.open(name, _FOLDER, dir_fd=above)
    except (FileNotFoundError, NotADirectoryError):
        yield None
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _make(stack: ExitStack, above: int, name: str) -> int:
    """Open a folder in an open one, made if need be; it is closed with the stack."""
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=above)
        sync_folder(above)
    fd = stack.enter_context(_opened(above, name))
    if fd is None:
        raise PermissionDenied(
            f"{name!a}, where checkpoints are kept, is a file or a link, not a folder. Move it away."
        )
    return fd


def _link_or_copy(name: str, old: int | None, new: int) -> None:
    """Give a file of ours to another folder: nobody writes into them, so that two folders may share one."""
    try:
        os.link(name, name, src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)
    except OSError:  # a disk without hard links
        with _open_file(old, name) as fd:
            if fd is not None:
                write_file(new, name, chunks_of(fd), like=None, new_mode=stat.S_IMODE(os.fstat(fd).st_mode))


@contextmanager
def _open_file(folder: int | None, name: str) -> Iterator[int | None]:
    """Open a regular file for reading; None if it is not there, or something else."""
    if not _is_file(folder, name):
        yield None
        return
    try:
        fd = os.open(name, _FILE, dir_fd=folder)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _is_file(folder: int | None, name: str) -> bool:
    if folder is None:
        return False
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
            return False
        raise


@contextmanager
def _ignoring_long_names() -> Iterator[None]:
    """Jupyter's name is longer than that of the file. Where it is too long, Jupyter keeps none either."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise


def _ours(inner: int | None) -> Sequence[_Kept]:
    """Return what is in the inner folder, latest first, each id once."""
    if inner is None:
        return []
    found: dict[str, _Kept] = {}
    for name in sorted(os.listdir(inner), reverse=True):
        match = _NAME.fullmatch(name)
        if match is None or not _is_file(inner, name):
            continue
        try:
            moment = datetime.strptime(match[1], _TIME).replace(tzinfo=UTC)
        except ValueError:
            continue
        created_ms = (moment - _EPOCH) // timedelta(milliseconds=1)
        # The latest of those with the same bytes.
        found.setdefault(match[2], _Kept(created_ms=created_ms, checkpoint_id=match[2], name=name))
    return [*found.values()]


def _remove_all_but(kept: Sequence[_Kept], inner: int | None) -> None:
    names = {one.name for one in kept}
    for name in os.listdir(inner) if inner is not None else ():
        if name not in names and _NAME.fullmatch(name) is not None and _is_file(inner, name):
            with suppress(FileNotFoundError):  # another server was quicker
                os.unlink(name, dir_fd=inner)


def _checkpoint(kept: _Kept) -> Checkpoint:
    return Checkpoint(checkpoint_id=kept.checkpoint_id, created_ms=kept.created_ms)


def _after(ours: Sequence[_Kept]) -> int:
    """Return the first millisecond after the newest of ours, whatever the clock says."""
    return ours[0].created_ms + 1 if ours else 0


def _modified_ms(fd: int) -> int:
    return min(max(os.fstat(fd).st_mtime_ns // 1_000_000, 0), _LATEST_MS)


def _id_of(revision: Revision) -> str:
    """Return the id of a checkpoint: 128 bits of the SHA-256 of its bytes."""
    return revision[1:33]

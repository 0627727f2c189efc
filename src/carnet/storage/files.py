"""Notebooks as ordinary files in a folder: the default notebook manager.

A file is the old one or the new one at every moment; nothing outside the folder
is reached; nothing that somebody else wrote is written over. It never parses a
notebook, but for `save_script`. How: `beneath` (finding), `atomic` (writing),
`trash` (deleting), `checkpoints`. Rules ST5 to ST25 and FS1 to FS20: docs/specs/storage.md.

POSIX only (Linux, macOS): it works with open folders, which Windows has not.
"""

import errno
import hashlib
import os
import re
import secrets
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_state_path
from traitlets import Bool, Integer, TraitError, Unicode, default, validate
from traitlets import List as ListTrait
from traitlets.config import Config
from traitlets.utils.bunch import Bunch

from carnet.errors import AlreadyExists, InvalidPath, NotFound, RevisionConflict, StorageError
from carnet.ids import NotebookPath, Revision, new_id
from carnet.storage.atomic import chunks_of, rename_exclusive, sweep, sync_folder, write_file
from carnet.storage.base import (
    FOLDER_MEDIA_TYPE,
    Checkpoint,
    Entry,
    NotebookManager,
    Trashed,
    TrashId,
    entry_kind,
    media_type_of,
)
from carnet.storage.beneath import Beneath, Place, translated
from carnet.storage.checkpoints import FileCheckpoints
from carnet.storage.paths import (
    RESERVED_PREFIX,
    ROOT,
    folder_of,
    is_below,
    join_path,
    name_of,
    normalise_path,
    parts_of,
    split_suffix,
)
from carnet.storage.script import MARK, is_our_script, notebook_script
from carnet.storage.trash import ITEM, Trash, remove

MIB = 1 << 20

SETTLED_NS = 2_000_000_000
"""A file changed within this time may change again without a new time stamp: the coarsest
file system clocks tick every two seconds."""

_CHUNK_BYTES = 1 * MIB
_CACHE_SIZE = 4096
_READ_TRIES = 5

_Version = tuple[int, int, int, int, int]
"""What changes when a file changes: device, inode, size, and the times of bytes and inode (ns)."""


class FileNotebookManager(NotebookManager):
    """Notebooks in a folder of this machine."""

    notebook_dir = Unicode(
        help="The folder that notebooks are served from. Made if missing. Default: where Carnet was started."
    ).tag(config=True)
    save_script = Bool(
        False,
        help="Write the code of each notebook beside it as a script (.py or what its language has) when it is"
        " saved. A script that Carnet did not write is left alone.",
    ).tag(config=True)
    checkpoint_dir = Unicode(
        ".ipynb_checkpoints",
        help="Name of the folder, beside each file, for its checkpoints.",
    ).tag(config=True)
    checkpoints_kept = Integer(
        10,
        min=1,
        help="Checkpoints kept of each file; then the oldest goes. JupyterLab makes one at each save,"
        " unless the newest has the same bytes.",
    ).tag(config=True)
    delete_to_trash = Bool(
        True, help="Keep deleted files in the state folder, to be restored. False: delete for ever."
    ).tag(config=True)
    trash_keep_days = Integer(
        30, help="Days that deleted files are kept in the trash. 0: until it is emptied by hand."
    ).tag(config=True)
    allowed_links = ListTrait(
        Unicode(),
        help="Folders or files outside notebook_dir that links in it may lead to. Other links outside are refused.",
    ).tag(config=True)
    state_dir = Unicode(
        help="The folder for the trash and for notes about saves. The server sets it to its state folder."
    ).tag(config=True)
    hash_limit_bytes = Integer(
        64 * MIB,
        help="Larger files get their revision from size and times where that is certain, not from their bytes.",
    ).tag(config=True)

    @default("notebook_dir")
    def _default_notebook_dir(self) -> str:
        return os.getcwd()

    @default("state_dir")
    def _default_state_dir(self) -> str:
        return str(user_state_path("carnet"))

    @validate("checkpoint_dir")
    def _validate_checkpoint_dir(self, proposal: Bunch) -> str:
        name = str(proposal.value)
        if not name or "/" in name or name in (".", "..") or name.startswith(RESERVED_PREFIX):
            raise TraitError(
                f"checkpoint_dir must be the name of a folder, like '.ipynb_checkpoints', not {name!r}."
            )
        return name

    def __init__(
        self,
        notebook_dir: str | Path | None = None,
        *,
        state_dir: str | Path | None = None,
        config: Config | None = None,
    ) -> None:
        """Serve a folder. `notebook_dir` and `state_dir` override what the configuration says.

        Raises:
            StorageError: the folder cannot be made or read.
        """
        super().__init__(**({} if config is None else {"config": config}))
        if notebook_dir is not None:
            self.notebook_dir = str(notebook_dir)
        if state_dir is not None:
            self.state_dir = str(state_dir)
        root = Path(self.notebook_dir).expanduser().absolute()
        try:
            root.mkdir(parents=True, exist_ok=True)
            self.root = root.resolve(strict=True)
            os.close(os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as error:
            raise translated(error, str(root), "opened as the notebook folder") from error
        state = Path(self.state_dir).expanduser().absolute()
        key = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        self._trash = Trash(state / "trash" / key)
        self._saving = state / "saving" / key
        self._beneath = Beneath(self.root, [Path(link).expanduser() for link in self.allowed_links])
        self._new_file_mode = 0o666 & ~_umask()
        self._commit_lock = threading.Lock()
        self._hashes_lock = threading.Lock()
        self._hashes: OrderedDict[_Version, Revision] = OrderedDict()
        self._noted: set[tuple[int, int]] = set()
        self._tidy()

    def info_string(self) -> str:
        return f"Serving notebooks from local directory: {self.root}"

    def local_path(self, path: NotebookPath) -> Path | None:
        try:
            with self._place(path):
                return Path(os.path.realpath(self.root.joinpath(*parts_of(path))))
        except StorageError:
            return None

    # -- reading ----------------------------------------------------------------------------------

    def read(self, path: NotebookPath) -> tuple[bytes, Entry]:
        with self._file(path) as (place, fd):
            for _ in range(_READ_TRIES):
                started_ns = time.time_ns()
                before = os.fstat(fd)
                data = b"".join(chunks_of(fd, before.st_size))
                after = os.fstat(fd)
                if _version(before) == _version(after):
                    break
                # Written to while we read: these bytes may be half old, half new. Once more.
            # Whatever happened: the revision is that of the bytes that we return.
            revision = Revision(f"h{hashlib.sha256(data).hexdigest()}")
            if _version(before) == _version(after):
                self._remember(after, revision, started_ns)
            return data, self._entry(place, after, revision, size_bytes=len(data))

    def read_range(self, path: NotebookPath, start: int, stop: int) -> bytes:
        with self._file(path) as (_, fd):
            start = max(start, 0)
            pieces = []
            while start < stop:
                piece = os.pread(fd, min(stop - start, 64 * MIB), start)
                if not piece:
                    break
                pieces.append(piece)
                start += len(piece)
            return b"".join(pieces)

    def stat(self, path: NotebookPath) -> Entry:
        with self._place(path) as place:
            status = place.found()
            if place.is_folder:
                return self._entry(place, status, None)
            if not place.is_file:
                raise InvalidPath(f"{path}: it is a pipe, socket or device, not a file.")
            return self._entry(place, status, self._revision(place, status))

    def list(self, folder: NotebookPath = ROOT) -> Sequence[Entry]:
        with self._place(folder) as place:
            place.found()
            if not place.is_folder:
                raise InvalidPath(f"{folder}: it is a file, not a folder.")
            try:
                fd = place.open(os.O_RDONLY | os.O_DIRECTORY)
            except OSError as error:
                raise translated(error, folder, "listed") from error
            try:
                names = sorted(os.listdir(fd))
                if any(name.startswith(RESERVED_PREFIX) for name in names):
                    sweep(fd)
                entries = (self._listed(fd, folder, name) for name in names)
                return [entry for entry in entries if entry is not None]
            except OSError as error:
                raise translated(error, folder, "listed") from error
            finally:
                os.close(fd)

    # -- writing ----------------------------------------------------------------------------------

    def save(self, path: NotebookPath, data: bytes, *, expected: Revision | None) -> Revision:
        revision = self._save(path, (data,), expected)
        if self.save_script and entry_kind(path) == "notebook":
            self._save_script(path, data)
        return revision

    def save_from(self, path: NotebookPath, source: BinaryIO, *, expected: Revision | None) -> Revision:
        is_ours = (
            type(self).save is FileNotebookManager.save
        )  # what a subclass does with all bytes, it does here too
        if not is_ours or (self.save_script and entry_kind(path) == "notebook"):
            return super().save_from(path, source, expected=expected)
        return self._save(path, iter(lambda: source.read(_CHUNK_BYTES), b""), expected)

    def copy(self, old: NotebookPath, new: NotebookPath) -> Revision:
        with self._file(old) as (source, fd):
            revision = self._save(new, chunks_of(fd, _CHUNK_BYTES), None)
            with self._beside(new), self._place(new) as target:
                self._checkpoints(source).copy_to(self._checkpoints(target))
            return revision

    def make_folder(self, path: NotebookPath) -> None:
        with self._place(path, follow=False) as place, _translating(path, "made"):
            if place.name == ".":
                raise AlreadyExists(f"{path or '/'}: something is there already. Choose another name.")
            os.mkdir(place.name, dir_fd=place.folder_fd)

    def rename(self, old: NotebookPath, new: NotebookPath) -> None:
        if old == ROOT:
            raise InvalidPath("The root folder cannot be renamed.")
        with self._place(old, follow=False) as source:
            source.found()
            if old != new and is_below(new, old):
                raise InvalidPath(f"{old}: a folder cannot be moved into itself.")
            with self._place(new, follow=False) as target, _translating(new, "renamed"):
                if target.name == "." or target.status is not None:
                    raise AlreadyExists(f"{new}: something is there already. Choose another name.")
                with self._commit_lock:
                    rename_exclusive(source.folder_fd, source.name, target.folder_fd, target.name)
                sync_folder(target.folder_fd)
                sync_folder(source.folder_fd)
                if source.is_file:
                    with self._beside(new):
                        self._checkpoints(source).move_to(self._checkpoints(target))

    def delete(self, path: NotebookPath) -> TrashId | None:
        if path == ROOT:
            raise InvalidPath("The root folder cannot be deleted.")
        with self._place(path, follow=False) as place, _translating(path, "deleted"):
            status = place.found()
            trash_id = None

            def bring(home_fd: int) -> None:
                with self._beside(path):
                    self._checkpoints(place).move_to(self._trashed_checkpoints(home_fd))

            with self._commit_lock:
                if self.delete_to_trash:
                    trash_id = TrashId(new_id())
                    what = Trashed(
                        trash_id=trash_id,
                        path=path,
                        kind="folder" if place.is_folder else entry_kind(path),
                        deleted_ms=self.clock.now_ms(),
                        size_bytes=0 if place.is_folder else status.st_size,
                    )
                    if place.is_file:
                        self._trash.put(what, place.folder_fd, place.name, bring=bring)
                    else:
                        self._trash.put(what, place.folder_fd, place.name)
                else:
                    remove(place.folder_fd, place.name)
            sync_folder(place.folder_fd)
            if place.is_file:
                # What did not come along would come back with the next file of that name.
                with self._beside(path):
                    self._checkpoints(place).remove_all()
            return trash_id

    # -- trash --------------------------------------------------------------------------------------

    def has_trash(self) -> bool:
        return self.delete_to_trash

    def list_trash(self) -> Sequence[Trashed]:
        return self._trash.list()

    def restore(self, trash_id: TrashId) -> NotebookPath:
        old = self._trash.find(trash_id).path
        for depth in range(1, len(parts_of(old))):
            with suppress(AlreadyExists):
                self.make_folder(NotebookPath("/".join(parts_of(old)[:depth])))
        new = old
        while True:
            with self._place(new, follow=False) as place, _translating(new, "restored"):
                if place.status is None:

                    def fetch(home_fd: int, place: Place = place) -> None:
                        with self._beside(place.path):
                            self._trashed_checkpoints(home_fd).move_to(self._checkpoints(place))

                    with suppress(FileExistsError):
                        self._trash.take(trash_id, place.folder_fd, place.name, fetch=fetch)
                        sync_folder(place.folder_fd)
                        return new
            stem, suffix = split_suffix(name_of(old))
            new = self.free_path(folder_of(old), stem, suffix, first="-Restored", next_="-Restored{}")

    def empty_trash(self, *, older_than_ms: int | None = None) -> None:
        self._trash.empty(older_than_ms=older_than_ms)

    # -- checkpoints (FS17 to FS20) ------------------------------------------------------------------

    def create_checkpoint(self, path: NotebookPath) -> Checkpoint:
        with self._file(path) as (place, fd), _translating(path, "checkpointed"):
            return self._checkpoints(place).create(
                fd, now_ms=self.clock.now_ms(), at_most=self.checkpoints_kept
            )

    def list_checkpoints(self, path: NotebookPath) -> Sequence[Checkpoint]:
        with self._file(path) as (place, _):
            return self._checkpoints(place).list()

    def read_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> bytes:
        with self._file(path) as (place, _):
            data = self._checkpoints(place).read(checkpoint_id)
        return super().read_checkpoint(path, checkpoint_id) if data is None else data

    def delete_checkpoint(self, path: NotebookPath, checkpoint_id: str) -> None:
        with self._file(path) as (place, _), _translating(path, "deleted"):
            if not self._checkpoints(place).remove(checkpoint_id):
                super().delete_checkpoint(path, checkpoint_id)

    def _checkpoints(self, place: Place) -> FileCheckpoints:
        return FileCheckpoints(
            folder_fd=place.folder_fd,
            file_name=place.name,
            dir_name=self.checkpoint_dir,
            revision_of=self._revision_of_open,
        )

    def _trashed_checkpoints(self, home_fd: int) -> FileCheckpoints:
        """Return the checkpoints of a thing in the trash, whose folder there is open."""
        return FileCheckpoints(
            folder_fd=home_fd, file_name=ITEM, dir_name="checkpoints", revision_of=self._revision_of_open
        )

    @contextmanager
    def _beside(self, path: NotebookPath) -> Iterator[None]:
        """Checkpoints are copies on the side: what fails with them fails nothing else."""
        try:
            yield
        except (StorageError, OSError) as error:
            self.log.warning("%s: its checkpoints did not all come along: %s", path, error)

    # -- inside: finding ------------------------------------------------------------------------------

    @contextmanager
    def _place(self, path: NotebookPath, *, follow: bool = True) -> Iterator[Place]:
        self.check_visible(path)
        # Paths have been judged at the door; once more here, where it would hurt.
        if normalise_path(path) != path:
            raise InvalidPath(f"{path!a} is not a path.")
        with self._beneath.place(path, follow=follow, through_hidden=self.allow_hidden) as place:
            yield place

    @contextmanager
    def _file(self, path: NotebookPath) -> Iterator[tuple[Place, int]]:
        """Open a regular file for reading."""
        with self._place(path) as place:
            place.found()
            if place.is_folder:
                raise InvalidPath(f"{path or '/'}: it is a folder, not a file.")
            if not place.is_file:
                raise InvalidPath(f"{path}: it is a pipe, socket or device, not a file.")
            with _translating(path, "read"):
                fd = place.open(os.O_RDONLY)
            try:
                with _translating(path, "read"):
                    yield place, fd
            finally:
                os.close(fd)

    def _listed(self, fd: int, folder: NotebookPath, name: str) -> Entry | None:
        """Return the entry of one name in an open folder; None for what is not shown."""
        if name.startswith(".") and not self.allow_hidden:
            return None
        try:
            path = join_path(folder, name)
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                with self._place(path) as place:
                    if place.is_folder or place.is_file:
                        return self._entry(place, place.found(), None)
                return None
        except (StorageError, OSError):
            return None  # a name we cannot serve, a link that leads nowhere or outside, or gone meanwhile
        place = Place(path=path, folder_fd=fd, name=name, status=status)
        return self._entry(place, status, None) if place.is_folder or place.is_file else None

    def _entry(
        self,
        place: Place,
        status: os.stat_result,
        revision: Revision | None,
        *,
        size_bytes: int | None = None,
    ) -> Entry:
        folder = stat.S_ISDIR(status.st_mode)
        modified_ms = status.st_mtime_ns // 1_000_000
        born_s = getattr(status, "st_birthtime", None)
        created_ms = status.st_ctime_ns // 1_000_000 if born_s is None else int(born_s * 1000)
        return Entry(
            path=place.path,
            kind="folder" if folder else entry_kind(place.path),
            size_bytes=0 if folder else status.st_size if size_bytes is None else size_bytes,
            # Linux tells no time of birth here: the oldest time that is known is the nearest to it.
            created_ms=min(created_ms, modified_ms),
            modified_ms=modified_ms,
            revision=revision,
            writable=_is_writable(place.name, place.folder_fd),
            media_type=FOLDER_MEDIA_TYPE if folder else media_type_of(place.path),
        )

    # -- inside: revisions (FS15, FS16) -------------------------------------------------------------------

    def _revision(self, place: Place, status: os.stat_result) -> Revision:
        """Return the revision of a file: of its bytes, or of its inode where that is just as certain."""
        with self._hashes_lock:
            known = self._hashes.get(_version(status))
        if known is not None:
            return known
        if status.st_size > self.hash_limit_bytes:
            if time.time_ns() - status.st_ctime_ns < SETTLED_NS:
                # Too large to read, too young to be certain: equal to no other revision.
                return Revision(f"u{secrets.token_hex(16)}")
            return Revision("s" + "-".join(f"{number:x}" for number in _version(status)))
        with _translating(place.path, "read"):
            fd = place.open(os.O_RDONLY)
            try:
                return self._hash(fd)
            finally:
                os.close(fd)

    def _revision_of_open(self, fd: int) -> Revision:
        """Return the revision of an open file by its bytes, whatever its size."""
        with self._hashes_lock:
            known = self._hashes.get(_version(os.fstat(fd)))
        return self._hash(fd) if known is None else known

    def _hash(self, fd: int) -> Revision:
        for _ in range(_READ_TRIES):
            started_ns = time.time_ns()
            before = os.fstat(fd)
            digest = hashlib.sha256()
            for chunk in chunks_of(fd, _CHUNK_BYTES):
                digest.update(chunk)
            revision = Revision(f"h{digest.hexdigest()}")
            after = os.fstat(fd)
            if _version(before) == _version(after):
                self._remember(after, revision, started_ns)
                break
        return revision

    def _remember(self, status: os.stat_result, revision: Revision, started_ns: int) -> None:
        """Keep the hash of a file that cannot have changed again without a new time stamp."""
        if started_ns - max(status.st_ctime_ns, status.st_mtime_ns) < SETTLED_NS:
            return
        with self._hashes_lock:
            self._hashes[_version(status)] = revision
            while len(self._hashes) > _CACHE_SIZE:
                self._hashes.popitem(last=False)

    # -- inside: saving -------------------------------------------------------------------------------------

    def _save(self, path: NotebookPath, chunks: Iterable[bytes], expected: Revision | None) -> Revision:
        with self._place(path) as place, _translating(path, "saved"):
            if place.is_folder:
                raise InvalidPath(f"{path or '/'}: it is a folder; a file cannot be saved over it.")
            if place.status is not None and not place.is_file:
                raise InvalidPath(f"{path}: it is a pipe, socket or device, not a file.")
            if expected is None and place.status is not None:
                raise AlreadyExists(f"{path}: a file is there already. Choose another name.")
            if expected is not None and place.status is None:
                raise RevisionConflict(path, expected=expected, found=None)
            if place.status is not None and not _is_writable(place.name, place.folder_fd):
                raise translated(PermissionError(errno.EACCES, "not writable"), path, "saved")
            self._note(place)

            try:
                return write_file(
                    place.folder_fd,
                    place.name,
                    chunks,
                    like=place.status,
                    new_mode=self._new_file_mode,
                    committing=self._committing(place, expected),
                )
            except FileExistsError as error:
                raise AlreadyExists(f"{path}: a file is there already. Choose another name.") from error

    @contextmanager
    def _committing(self, place: Place, expected: Revision | None) -> Iterator[None]:
        """Compare what is there with what the caller read, and let nobody of us in until it is replaced."""
        with self._commit_lock:
            if expected is not None:
                found = self._found_now(place, expected)
                if found != expected:
                    raise RevisionConflict(place.path, expected=expected, found=found)
            yield

    def _found_now(self, place: Place, expected: Revision) -> Revision | None:
        """Return the revision of what is there at the last moment, in the form of the expected one."""
        try:
            status = os.stat(place.name, dir_fd=place.folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        now = Place(path=place.path, folder_fd=place.folder_fd, name=place.name, status=status)
        if not now.is_file:
            return None
        if not expected.startswith("h"):
            return self._revision(now, status)
        fd = now.open(os.O_RDONLY)
        try:
            return self._hash(fd)  # never from the cache: here it must be true
        finally:
            os.close(fd)

    def _save_script(self, path: NotebookPath, data: bytes) -> None:
        script = notebook_script(data, name_of(path))
        if script is None:
            return
        suffix, text = script
        try:
            target = join_path(folder_of(path), split_suffix(name_of(path))[0] + suffix)
            try:
                old, entry = self.read(target)
            except NotFound:
                self._save(target, (text,), None)
                return
            if not is_our_script(old[:4096]):
                self.log.warning("%s: not written: the file there does not begin with %r", target, MARK)
            elif old != text:
                self._save(target, (text,), entry.revision)
        except StorageError as error:
            self.log.warning("the script of %s was not written: %s", path, error)

    # -- inside: litter (FS10) ---------------------------------------------------------------------------------

    def _note(self, place: Place) -> None:
        """Note, once a folder, that we save in it: the next start looks there for what a crash left."""
        status = os.fstat(place.folder_fd)
        folder = status.st_dev, status.st_ino
        if folder in self._noted:
            return
        # A state folder that is full or read-only must not keep anybody from saving: then only
        # a listing of the folder finds what a crash left.
        with suppress(OSError):
            # One after the other: `parents` takes no mode for the folders above.
            for place_of_notes in (self._saving.parent, self._saving):
                place_of_notes.mkdir(mode=0o700, parents=True, exist_ok=True)
            note = self._saving / hashlib.sha256(place.path.encode()).hexdigest()[:32]
            fd = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:
                file.write(place.path.encode())
                file.flush()
                os.fsync(file.fileno())
        self._noted.add(folder)

    def _tidy(self) -> None:
        """Remove what crashes left, and what has been in the trash for long."""
        with suppress(OSError):
            for note in self._saving.iterdir():
                with suppress(StorageError, OSError, UnicodeDecodeError):
                    path = normalise_path(note.read_bytes().decode())
                    with self._beneath.place(path, through_hidden=True) as place:
                        removed = sweep(place.folder_fd)
                    if removed:
                        self.log.info("removed %d unfinished saves beside %s", removed, path)
                with suppress(OSError):
                    note.unlink()
        if self.trash_keep_days > 0:
            self.empty_trash(older_than_ms=self.clock.now_ms() - self.trash_keep_days * 86_400_000)


def _version(status: os.stat_result) -> _Version:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_writable(name: str, folder_fd: int) -> bool:
    try:
        return os.access(name, os.W_OK, dir_fd=folder_fd, effective_ids=True)
    except (OSError, NotImplementedError):
        return False


@contextmanager
def _translating(path: str, done: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise translated(error, path, done) from error


def _umask() -> int:
    """Return the umask. Where the system does not tell, it must be set to be read: do so at start only."""
    with suppress(OSError):
        found = re.search(r"^Umask:\s*([0-7]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found is not None:
            return int(found.group(1), 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask

"""A folder as one archive, made while it is sent: no copy on the disk, a few MiB of memory whatever its size.

Blocking; each step of the generator is called on a worker thread, when the reader
has taken the one before. Hidden files are not in it, nor what leads out of the root:
only what the store lists. Rules FI8 to FI10: docs/specs/files.md.
"""

import gzip
import tarfile
import time
import zipfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Final, Literal

from carnet.errors import InvalidPath, NotFound, TooLarge
from carnet.ids import NotebookPath
from carnet.storage.base import Entry, NotebookManager

Form = Literal["zip", "tar.gz"]

FORMS: Final = ("zip", "tar.gz")
MEDIA_TYPES: Final = {"zip": "application/zip", "tar.gz": "application/gzip"}

LIMIT_FILES: Final = 100_000
LIMIT_BYTES: Final = 64 << 30

_STEP_BYTES: Final = 1 << 20
_LEVEL: Final = 1
"""Of compression: what is large here (pictures in notebooks, data) hardly shrinks, and the reader waits."""

_OLDEST_ZIP_S, _NEWEST_ZIP_S = 315_532_800, 4_354_819_198
"""1980 and 2107: ZIP knows no time before or after."""


def entries_below(storage: NotebookManager, folder: NotebookPath) -> list[Entry]:
    """Return all that is in a folder, folders before what is in them; a link to a folder that it is in is left out.

    Raises:
        NotFound, InvalidPath: there is no such folder.
        TooLarge: more than `LIMIT_FILES`, or `LIMIT_BYTES`.
    """
    if storage.stat(folder).kind != "folder":
        raise InvalidPath(f"{folder}: it is a file. Leave `archive` out to download it.")
    found: list[Entry] = []
    waiting, size_bytes = [(folder, frozenset({storage.local_path(folder)}))], 0
    while waiting:
        here, above = waiting.pop()
        for entry in storage.list(here):
            if entry.kind == "folder":
                where = storage.local_path(entry.path)
                if where is not None and where in above:
                    continue  # a link that leads to what it is in: there is no end to it
                waiting.append((entry.path, above | {where}))
            found.append(entry)
            size_bytes += entry.size_bytes
            if len(found) > LIMIT_FILES or size_bytes > LIMIT_BYTES:
                raise TooLarge(
                    f"{folder or '/'}: it holds more than {LIMIT_FILES:,} files or {LIMIT_BYTES >> 30} GiB, "
                    "which is more than one archive takes. Download its folders one by one."
                )
    return found


def archive(
    storage: NotebookManager, folder: NotebookPath, entries: list[Entry], form: Form
) -> Iterator[bytes]:
    """Yield the archive. A file that is gone in the meantime is left out.

    Raises:
        StorageError: a file cannot be read, or became shorter; what was yielded is no archive.
    """
    return _zip(storage, folder, entries) if form == "zip" else _tar(storage, folder, entries)


class _Sink(RawIOBase):
    """Takes what is written, and gives it away."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # what zipfile and tarfile give
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def _zip(storage: NotebookManager, folder: NotebookPath, entries: list[Entry]) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as made:
        for entry in entries:
            name = _name(folder, entry)
            time_s = min(max(entry.modified_ms / 1000, _OLDEST_ZIP_S), _NEWEST_ZIP_S)
            info = zipfile.ZipInfo(name, time.gmtime(time_s)[:6])
            if entry.kind == "folder":
                info.external_attr = 0o40755 << 16 | 0x10
                made.writestr(info, b"")
                continue
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o100644 << 16
            try:
                data = storage.read_range(entry.path, 0, _STEP_BYTES)
            except NotFound:
                continue
            with made.open(info, "w", force_zip64=True) as target:
                at = 0
                while data:
                    target.write(data)
                    at += len(data)
                    yield sink.take()
                    data = storage.read_range(entry.path, at, at + _STEP_BYTES)
    yield sink.take()


def _tar(storage: NotebookManager, folder: NotebookPath, entries: list[Entry]) -> Iterator[bytes]:
    sink = _Sink()
    with (
        gzip.GzipFile("", "wb", _LEVEL, sink, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as made,
    ):
        for entry in entries:
            info = tarfile.TarInfo(_name(folder, entry))
            info.mtime = entry.modified_ms // 1000
            if entry.kind == "folder":
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                made.addfile(info)
                continue
            try:
                info.size = storage.stat(entry.path).size_bytes
            except NotFound:
                continue
            info.mode = 0o644
            reader = _Reader(storage, entry.path, info.size)
            # `addfile` would take all bytes in one go: its head; then its bytes, padded to full blocks.
            _append(made, info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
            while data := reader.next():
                _append(made, data)
                yield sink.take()
            _append(made, b"\0" * (-info.size % tarfile.BLOCKSIZE))
    yield sink.take()


def _append(made: tarfile.TarFile, data: bytes) -> None:
    """Write bytes of a member."""
    assert made.fileobj is not None
    made.fileobj.write(data)
    made.offset += len(data)


class _Reader:
    """Reads just as much as was promised."""

    def __init__(self, storage: NotebookManager, path: NotebookPath, size_bytes: int) -> None:
        self._storage, self._path, self._size_bytes = storage, path, size_bytes
        self._at = 0

    def next(self) -> bytes:
        data = self._storage.read_range(self._path, self._at, min(self._at + _STEP_BYTES, self._size_bytes))
        self._at += len(data)
        if not data and self._at < self._size_bytes:
            raise NotFound(f"{self._path}: it became shorter while it was read.")
        return data


def _name(folder: NotebookPath, entry: Entry) -> str:
    """Return its name in the archive: below the folder's own name."""
    top = folder.rpartition("/")[2] or "notebooks"
    below = entry.path[len(folder) + 1 :] if folder else entry.path
    return f"{top}/{below}{'/' if entry.kind == 'folder' else ''}"

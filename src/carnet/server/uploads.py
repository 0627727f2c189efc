"""Uploads that come in pieces: kept in the state folder until the last one is here, then saved in one go.

Jupyter's clients number the pieces and say nothing else of an upload, so two of
one client to one path are told apart by what can be seen: the order, and the
bytes of a piece that comes twice. What might be a mixture is refused, never
saved. Rule CO9: docs/specs/contents-api.md.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from carnet.errors import PeerError, StorageFull, TooMuch, UploadConflict
from carnet.ids import NotebookPath, Revision, new_id
from carnet.server.contents import save_over
from carnet.server.shares import Holder
from carnet.storage.base import NotebookManager

UPLOAD_LIMIT_BYTES: Final = 64 << 30
ABANDONED_S: Final = 24 * 3600.0
OWN_LENGTH: Final = 16
"""Characters of an upload's name that say whose it is."""
UNDER_WAY_S: Final = 10.0
"""A piece came so short a time ago that the next is on its way."""

LAST: Final = -1

_LOCKS: Final = [threading.Lock() for _ in range(64)]


class _Pieces(msgspec.Struct, frozen=True):
    """What is there of an upload."""

    count: int
    start: int
    """Where the newest piece begins, in bytes."""
    end: int
    first: str
    """SHA-256 of the first piece."""


_NONE: Final = _Pieces(count=0, start=0, end=0, first="")


def upload_file(state_folder: Path, holder: Holder, path: NotebookPath) -> Path:
    """Return where the pieces of one upload are kept."""
    own = sha256(repr(holder).encode()).hexdigest()[:OWN_LENGTH]
    return state_folder / "uploads" / f"{own}-{sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()}"


def append_chunk(upload: Path, chunk: int, data: bytes, *, uploads_limit: int) -> Path | None:
    """Add a piece. Piece 1 begins anew, a piece that comes again changes nothing, `LAST` ends it.

    Returns the file of all pieces after the last one: it is the caller's then, to save and to remove.

    Raises:
        PeerError: a later piece of an upload that never began, or not the next one; nothing changed.
        UploadConflict: somebody else sends another file to this path.
        TooMuch: its holder has begun as many as it may, and not finished them.
        StorageFull: no room, or more than anybody sends.
    """
    upload.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if chunk == 1:
        _sweep(upload.parent)
    own = [
        one
        for one in upload.parent.glob(f"{upload.name[:OWN_LENGTH]}-*")
        if one != upload and not one.suffix  # notes of uploads, and what is being saved
    ]
    if chunk == 1 and len(own) >= uploads_limit:
        raise TooMuch(
            f"You have begun {uploads_limit} uploads in pieces, and not finished them. Finish some, wait a day, "
            "or set c.NotebookApp.holder_uploads higher."
        )
    other_bytes = sum(map(_size_of, own))
    with _alone(upload):
        pieces = _begun(upload, data) if chunk == 1 else _known(upload, chunk, data)
        if pieces is None:
            return None
        if other_bytes + pieces.end + len(data) > UPLOAD_LIMIT_BYTES:
            raise StorageFull(
                f"Uploads in pieces are limited to {UPLOAD_LIMIT_BYTES} bytes, all that are not finished together."
            )
        _write(upload, pieces.end, data)
        if chunk == LAST:
            whole = upload.with_name(f"{upload.name}.{new_id()}")
            upload.rename(whole)
            _notes(upload).unlink(missing_ok=True)
            return whole
        first = pieces.first or sha256(data).hexdigest()
        grown = _Pieces(count=pieces.count + 1, start=pieces.end, end=pieces.end + len(data), first=first)
        _note(upload, grown)
    return None


def take_upload(whole: Path, path: NotebookPath, storage: NotebookManager, based_on: Revision | None) -> bool:
    """Save what was uploaded, and return whether the file is new.

    Raises:
        StorageError: it was not saved; the pieces are gone.
    """
    try:
        with whole.open("rb") as source:

            def write(expected: Revision | None) -> Revision:
                source.seek(0)
                return storage.save_from(path, source, expected=expected)

            return save_over(storage, path, based_on, write)[0]
    finally:
        whole.unlink(missing_ok=True)


def _begun(upload: Path, data: bytes) -> _Pieces:
    """Forget what was there, unless another upload is under way."""
    pieces = _noted(upload)
    if pieces is not None and pieces.first != sha256(data).hexdigest() and _age_s(upload) < UNDER_WAY_S:
        raise UploadConflict(
            "Another file is being uploaded to this path. Wait until it is there, or ten seconds if it was given up."
        )
    return _NONE


def _known(upload: Path, chunk: int, data: bytes) -> _Pieces | None:
    """Return what is there before a later piece; None if it is there too."""
    pieces = _noted(upload)
    if pieces is None:
        raise PeerError("This upload is not known: begin again with chunk 1.")
    if chunk in {LAST, pieces.count + 1}:
        return pieces
    if chunk != pieces.count:
        raise PeerError(
            f"Chunk {chunk} came where {pieces.count + 1} is wanted. Send that one, or begin again with chunk 1."
        )
    with upload.open("rb") as file:
        file.seek(pieces.start)
        if file.read(pieces.end - pieces.start) == data:
            return None  # sent again, because the answer was lost
    for file_of_it in (upload, _notes(upload)):
        file_of_it.unlink(missing_ok=True)
    raise UploadConflict(
        "Two files are being uploaded to this path at once. Neither was saved: begin again, one after the other."
    )


def _write(upload: Path, end: int, data: bytes) -> None:
    try:
        with open(os.open(upload, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as file:
            # What is after the end was cut short when it came.
            file.truncate(end)
            file.seek(end)
            file.write(data)
    except OSError as error:
        raise StorageFull(f"The upload could not be kept: {error.strerror}.") from error


def _notes(upload: Path) -> Path:
    return upload.with_suffix(".json")


def _noted(upload: Path) -> _Pieces | None:
    try:
        pieces = msgspec.json.decode(_notes(upload).read_bytes(), type=_Pieces)
        return pieces if upload.stat().st_size >= pieces.end else None
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _note(upload: Path, pieces: _Pieces) -> None:
    fresh = upload.with_name(f"{upload.name}.{new_id()}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(pieces))
        fresh.replace(_notes(upload))
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise StorageFull(f"The upload could not be kept: {error.strerror}.") from error


def _age_s(upload: Path) -> float:
    return time.time() - _notes(upload).stat().st_mtime


@contextmanager
def _alone(upload: Path) -> Iterator[None]:
    """Let pieces of one upload in one after the other, when a client sends several at once."""
    with _LOCKS[hash(upload.name) % len(_LOCKS)]:
        yield


def _size_of(upload: Path) -> int:
    try:
        return upload.stat().st_size
    except FileNotFoundError:  # finished meanwhile
        return 0


def _sweep(folder: Path) -> None:
    """Remove what was never finished."""
    for one in folder.iterdir():
        try:
            if time.time() - one.stat().st_mtime > ABANDONED_S:
                one.unlink()
        except FileNotFoundError:
            continue

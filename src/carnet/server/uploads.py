"""Uploads that come in pieces: kept in the state folder until the last one is here, then saved in one go."""

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Final

from carnet.errors import NotFound, PeerError, RevisionConflict, StorageFull, TooMuch
from carnet.ids import NotebookPath, Revision
from carnet.server.shares import Holder
from carnet.storage.base import NotebookManager

UPLOAD_LIMIT_BYTES: Final = 64 << 30
ABANDONED_S: Final = 24 * 3600.0
OWN_LENGTH: Final = 16
"""Characters of an upload's name that say whose it is."""


def upload_file(state_folder: Path, holder: Holder, path: NotebookPath) -> Path:
    """Return where the pieces of one upload are kept."""
    own = sha256(repr(holder).encode()).hexdigest()[:OWN_LENGTH]
    return state_folder / "uploads" / f"{own}-{sha256(path.encode('utf-8', 'surrogateescape')).hexdigest()}"


def append_chunk(upload: Path, chunk: int, data: bytes, *, uploads_limit: int) -> None:
    """Add a piece. Piece 1 begins anew.

    Raises:
        PeerError: a later piece of an upload that never began.
        TooMuch: its holder has begun as many as it may, and not finished them.
        StorageFull: no room, or more than anybody sends.
    """
    upload.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if chunk == 1:
        _sweep(upload.parent)
    own = [one for one in upload.parent.glob(f"{upload.name[:OWN_LENGTH]}-*") if one != upload]
    if chunk == 1 and len(own) >= uploads_limit:
        raise TooMuch(
            f"You have begun {uploads_limit} uploads in pieces, and not finished them. Finish some, wait a day, "
            "or set c.NotebookApp.holder_uploads higher."
        )
    other_bytes = sum(map(_size_of, own))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT | os.O_TRUNC if chunk == 1 else 0)
    try:
        descriptor = os.open(upload, flags, 0o600)
    except FileNotFoundError:
        raise PeerError("This upload is not known: begin again with chunk 1.") from None
    with os.fdopen(descriptor, "ab") as file:
        if other_bytes + file.tell() + len(data) > UPLOAD_LIMIT_BYTES:
            raise StorageFull(
                f"Uploads in pieces are limited to {UPLOAD_LIMIT_BYTES} bytes, all that are not finished together."
            )
        try:
            file.write(data)
        except OSError as error:
            raise StorageFull(f"The upload could not be kept: {error.strerror}.") from error


def take_upload(
    upload: Path, path: NotebookPath, storage: NotebookManager, based_on: Revision | None
) -> bool:
    """Save what was uploaded, and return whether the file is new.

    Raises:
        StorageError: it was not saved; the pieces are gone.
    """
    try:
        with upload.open("rb") as source:
            try:
                found = storage.stat(path).revision
            except NotFound:
                found = None
            if based_on is not None and found != based_on:
                raise RevisionConflict(path, expected=based_on, found=found)
            storage.save_from(path, source, expected=found)
    finally:
        upload.unlink(missing_ok=True)
    return found is None


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

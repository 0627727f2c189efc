"""`/files/PATH`: the bytes of a user's file. They can be looked at and downloaded; they can never act.

Bytes go out piece by piece as the reader takes them, and come in to a file, so
that no size needs memory. Rules FI1 to FI10: docs/specs/files.md.
"""

import logging
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import BinaryIO, Final, NamedTuple, cast
from urllib.parse import quote

from tornado.iostream import StreamClosedError
from tornado.web import stream_request_body

from carnet.errors import InvalidPath, PeerError, StorageError, StorageFull
from carnet.ids import NotebookPath, Revision
from carnet.security import headers
from carnet.server.archives import FORMS, MEDIA_TYPES, Form, archive, entries_below
from carnet.server.contents import save_over
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.ranges import NotSatisfiable, byte_range
from carnet.storage.base import NotebookManager

log = logging.getLogger("carnet.server")

CHUNK_BYTES: Final = 1 << 20


@stream_request_body
class UserFile(Handler):
    """The bytes of a user's file, and large uploads."""

    keeps_body_in_memory = False
    _received: BinaryIO | None = None

    def prepare(self) -> None:
        """Make room for a body before it comes."""
        if self.request.method == "PUT":
            folder = self.services.state_folder / "uploads"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # It has no name, so it is gone when it is closed, or when we are killed. `on_finish` closes it.
            self._received = cast("BinaryIO", tempfile.TemporaryFile(dir=folder))  # noqa: SIM115

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep what comes in."""
        if self._received is None:
            return None
        return self.blocking(_write, self._received, chunk)

    def on_finish(self) -> None:
        """Let go of what came in."""
        if self._received is not None:
            self._received.close()
        super().on_finish()

    async def get(self, raw: str) -> None:
        """Send it, or a range of it. `download=1`: as a download whatever it is. `archive=zip`, `tar.gz`: a folder."""
        path = path_of(raw)
        storage = (await self.workbench()).storage
        form = self.get_query_argument("archive", "")
        if form:
            await self._send_archive(storage, path, form)
            return
        entry = await self.blocking(storage.stat, path)
        if entry.kind == "folder":
            raise InvalidPath(
                f"{path or '/'}: it is a folder. Ask for archive=zip or archive=tar.gz to get all of it."
            )
        shown = headers.shown_type(entry.media_type)
        if self.get_query_argument("download", "0") not in {"", "0"}:
            shown = None
        self.set_header("Last-Modified", _http_time(entry.modified_ms))
        what = Bytes(
            read=lambda start, stop: self.blocking(storage.read_range, path, start, stop),
            size_bytes=entry.size_bytes,
            etag=f'"{entry.revision}"' if entry.revision else None,
            shown_type=shown,
            name=entry.name,
        )
        await send_bytes(self, what)

    async def _send_archive(self, storage: NotebookManager, path: NotebookPath, form: str) -> None:
        if form not in FORMS:
            raise PeerError("archive: zip or tar.gz is wanted.")
        entries = await self.blocking(entries_below, storage, path)
        name = f"{path.rpartition('/')[2] or 'notebooks'}.{form}"
        self.send(headers.user_file(MEDIA_TYPES[form]))
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", MEDIA_TYPES[form])
        self.set_header("Content-Disposition", _disposition("attachment", name))
        if self.request.method == "HEAD":
            self.finish()
            return
        pieces = archive(storage, path, entries, cast("Form", form))
        try:
            while (piece := await self.blocking(next, pieces, None)) is not None:
                if piece:
                    self.write(piece)
                    await self.flush()
            self.finish()
        except StorageError as error:
            # The reader must not take what it has for the whole.
            log.warning("an archive was not finished: %s", error)
            self.request.connection.close()  # type: ignore[union-attr]  # it is an HTTP/1 connection
        except StreamClosedError:
            pass  # the reader has gone

    async def put(self, raw: str) -> None:
        """Make or replace it with the body's bytes. `If-Match`: only if it still is that revision."""
        path = path_of(raw)
        storage = (await self.workbench()).storage
        received = self._received
        assert received is not None, "prepare has made it"

        def write(expected: Revision | None) -> Revision:
            received.seek(0)
            return storage.save_from(path, received, expected=expected)

        header = self.request.headers.get("If-Match", "").strip().strip('"')
        based_on = Revision(header) if header and header != "*" else None
        is_new, revision = await self.blocking(save_over, storage, path, based_on, write)
        self.set_header("Etag", f'"{revision}"')
        self.set_status(201 if is_new else 204)
        self.finish()


class Bytes(NamedTuple):
    """Bytes that are not ours, and how they are to be sent."""

    read: Callable[[int, int], Awaitable[bytes]]
    """From start to stop (not included)."""
    size_bytes: int
    etag: str | None
    shown_type: str | None
    """None: as a download only."""
    name: str
    cache: str = "private, no-cache"
    guards: Mapping[str, str] | None = None
    """Other headers than those of a user's file."""


async def send_bytes(handler: Handler, what: Bytes) -> None:
    """Answer a GET or HEAD with bytes, whole or a range, under the headers that tie them down."""
    media_type, etag, size_bytes = what.shown_type or "application/octet-stream", what.etag, what.size_bytes
    handler.send(headers.user_file(media_type) if what.guards is None else what.guards)
    handler.set_header("Cache-Control", what.cache)
    handler.set_header("Accept-Ranges", "bytes")
    handler.set_header("Content-Type", media_type)
    handler.set_header(
        "Content-Disposition", _disposition("inline" if what.shown_type else "attachment", what.name)
    )
    if etag:
        handler.set_header("Etag", etag)
        if handler.check_etag_header():
            handler.set_status(304)
            handler.finish()
            return
    if_range = handler.request.headers.get("If-Range")
    wanted = handler.request.headers.get("Range") if if_range in {None, etag} else None
    try:
        part = byte_range(wanted, size_bytes)
    except NotSatisfiable:
        handler.set_status(416)
        handler.set_header("Content-Range", f"bytes */{size_bytes}")
        handler.finish()
        return
    start, stop = part or (0, size_bytes)
    if part is not None:
        handler.set_status(206)
        handler.set_header("Content-Range", f"bytes {start}-{stop - 1}/{size_bytes}")
    handler.set_header("Content-Length", str(stop - start))
    if handler.request.method == "HEAD":
        handler.finish()
        return
    try:
        while start < stop:
            data = await what.read(start, min(start + CHUNK_BYTES, stop))
            if not data:
                # The file became shorter while it was sent: the reader must not take the rest for zeros.
                handler.request.connection.close()  # type: ignore[union-attr]  # it is an HTTP/1 connection
                return
            handler.write(data)
            await handler.flush()
            start += len(data)
        handler.finish()
    except StreamClosedError:
        pass  # the reader has gone


def _disposition(how: str, name: str) -> str:
    plain = "".join(
        one if one.isascii() and one.isprintable() and one not in '"\\%;' else "_" for one in name
    )
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _http_time(ms: int) -> str:

    return formatdate(ms / 1000, usegmt=True)


def _write(file: BinaryIO, chunk: bytes) -> None:
    try:
        file.write(chunk)
    except OSError as error:
        raise StorageFull(f"The upload could not be kept: {os.strerror(error.errno or 0)}.") from error

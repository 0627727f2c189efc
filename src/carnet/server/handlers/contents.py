"""`/api/contents`: folders, notebooks and files, in Jupyter's shapes.

A write here is an outside change for a notebook that is open: its session
merges it (invariant 4). Rules CO1 to CO16: docs/specs/contents-api.md.
"""

import asyncio
import base64
import binascii
import mmap
from collections.abc import Awaitable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from tornado.web import stream_request_body

from carnet.core.notebook.apart import Buffer
from carnet.errors import PeerError
from carnet.ids import NotebookPath, Revision
from carnet.journal.trust import is_trusted, trust
from carnet.security.access import SAFE_METHODS
from carnet.server.contents import (
    LARGE_BYTES,
    Sent,
    kept_model,
    model_json,
    model_of,
    new_notebook,
    notebook_pieces,
    read_sent,
    save_over,
)
from carnet.server.handlers.base import Handler
from carnet.server.shares import holder_of
from carnet.server.tabs import TAB_HEADER, Tab, tab_of
from carnet.server.uploads import append_chunk, take_upload, upload_file
from carnet.server.workbench import Workbench
from carnet.storage.base import NotebookManager
from carnet.storage.paths import normalise_path
from carnet.storage.pieces import file_of

TURN_BYTES: Final = 1 << 20
"""After so many bytes of a body others have their turn."""

#: Of nobody else: without it, the system keeps such memory as a file that processes share.
_PRIVATE: Final = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}

_TYPES: Final = {"directory", "notebook", "file", None}


def path_of(raw: str) -> NotebookPath:
    """Return the path in an address; one slash at either end is the address's, not the path's.

    Raises:
        InvalidPath: it is not a path below the root.
    """
    return normalise_path(raw.removeprefix("/").removesuffix("/"))


@stream_request_body
class Contents(Handler):
    """A folder, notebook or file, as JSON."""

    def prepare(self) -> None:
        """Make room for a body. (Tornado would join what comes in one go, and what grows is moved: everybody would wait.)

        How long it may be was asked at the front door. Memory that nobody has written to yet costs nothing.
        """
        announced = self.request.headers.get("Content-Length", "")
        size_bytes = int(announced) if announced.isdecimal() else 0
        self._body: bytearray | mmap.mmap = (
            mmap.mmap(-1, size_bytes, **_PRIVATE) if size_bytes > LARGE_BYTES else bytearray()
        )
        self._received_bytes = 0

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Keep what comes in, and let others have their turn now and then."""
        before = self._received_bytes
        self._received_bytes += len(chunk)
        self._body[before : self._received_bytes] = chunk
        crossed = self._received_bytes // TURN_BYTES > before // TURN_BYTES
        return asyncio.sleep(0) if crossed else None

    def take_body(self) -> Buffer:
        """Return the body, once, and let go of it."""
        body, self._body = self._body, bytearray()
        return cast("Buffer", body)

    async def _sent(self) -> Sent:
        if self._received_bytes <= LARGE_BYTES:
            return read_sent(self.take_body())
        return await self.blocking(lambda: read_sent(self.take_body()))

    async def get(self, raw: str) -> None:
        """Answer with a model. `content=0`: without content; `hash=1`: with the SHA-256 of the bytes."""
        path = path_of(raw)
        wanted_type = self.get_query_argument("type", None)
        wanted_format = self.get_query_argument("format", None)
        if wanted_type not in _TYPES or wanted_format not in {"text", "base64", "json", None}:
            raise PeerError("type is directory, notebook or file; format is text, base64 or json.")
        with_content = self.get_query_argument("content", "1") != "0"
        bench = await self.workbench()
        with_hash = self.get_query_argument("hash", "0") == "1"
        known_hash = ""
        if with_hash and not with_content:
            known_hash = await self._known_hash(bench, path, wanted_type, wanted_format)
        session = bench.registry.find(path)
        if session is not None and session.saver.unsaved and not known_hash:
            # What the page shows is what other programs get, and base their changes on. Who asks for the file's
            # time only, as JupyterLab does before it saves, must not find that asking has changed it.
            saver = session.saver
            await (saver.save() if with_content else saver.save_own())
        pieces = await self.blocking(
            model_json,
            bench.storage,
            path,
            wanted_type=wanted_type,
            wanted_format=wanted_format,
            with_content=with_content,
            with_hash=with_hash,
            known_hash=known_hash,
            is_trusted=partial(is_trusted, bench.journal),
        )
        await self.answer_pieces(pieces)

    async def put(self, raw: str) -> None:
        """Make or replace a file, or make a folder."""
        path = path_of(raw)
        sent = await self._sent()
        body = sent.body
        bench = await self.workbench()
        storage = bench.storage
        kind = body.get("type", "notebook" if path.endswith(".ipynb") else "file")
        if kind != "file" and body.get("chunk") is not None:
            raise PeerError(f"chunk: only a file comes in chunks, not a {kind!a}. Send it with type file.")
        if kind == "directory":
            await self.blocking(storage.make_folder, path)
            is_new = True
        elif kind == "notebook":
            is_none = sent.file is None and body.get("content") is None
            pieces = [new_notebook()] if is_none else await self.blocking(notebook_pieces, sent)
            is_new = await self.blocking(self._save, storage, path, pieces)
            if sent.trusted:
                await self.blocking(trust, bench.journal, pieces)
        elif kind == "file":
            data = await self.blocking(_file_bytes, body)
            if body.get("chunk") is None:
                is_new = await self.blocking(self._save, storage, path, [data])
            elif (whole := await self._keep_chunk(path, data, body["chunk"])) is not None:
                is_new = await self.blocking(take_upload, whole, path, storage, self._based_on())
            else:
                # Nothing is at the path before the last chunk, but JupyterLab looks for every key.
                self.answer(kept_model(path, self.services.clock.now_ms()), 201)
                return
        else:
            raise PeerError("type must be directory, notebook or file.")
        session = bench.registry.find(path)
        if session is not None:
            # An outside change: merged now, so that every open page shows it when this is answered.
            await session.saver.look_outside()
        elif bench.rooms is not None and (room := bench.rooms.texts.find(path)) is not None:
            await room.look_outside()
        model = await self.blocking(model_of, storage, path)
        self._answer_made(model, 201 if is_new else 200)

    async def post(self, raw: str) -> None:
        """Make something new in a folder, or copy a file into it."""
        folder, body = path_of(raw), (await self._sent()).body
        storage = (await self.workbench()).storage
        copy_from = body.get("copy_from")
        if isinstance(copy_from, str):
            path = await self.blocking(_copy, storage, path_of(copy_from), folder)
        else:
            path = await self.blocking(_make, storage, folder, body)
        model = await self.blocking(model_of, storage, path)
        self._answer_made(model, 201)

    async def patch(self, raw: str) -> None:
        """Rename or move. An open notebook goes along."""
        old, body = path_of(raw), (await self._sent()).body
        if not isinstance(body.get("path"), str):
            raise PeerError("path: the new path is wanted.")
        new = path_of(body["path"])
        bench = await self.workbench()
        if new != old:
            await self.blocking(bench.storage.rename, old, new)
            await bench.renamed(old, new)
        model = await self.blocking(model_of, bench.storage, new)
        if bench.tabs.is_sharing(self._tab(), new):
            from carnet.collaboration.protocol import ROOM_HASH

            model |= {
                "hash": ROOM_HASH,
                "hash_algorithm": "sha256",
            }  # JupyterLab takes the answer for what it knows
        self.answer(model)

    async def delete(self, raw: str) -> None:
        """Move to the trash, where the store has one. Its id is in a header, to bring it back."""
        path = path_of(raw)
        bench = await self.workbench()
        await bench.about_to_delete(path)
        trash_id = await self.blocking(bench.storage.delete, path)
        await bench.deleted(path)
        if trash_id is not None:
            self.set_header("X-Carnet-Trash-Id", trash_id)
        self.answer_nothing()

    async def _known_hash(
        self, bench: Workbench, path: NotebookPath, wanted_type: str | None, wanted_format: str | None
    ) -> str:
        """Return the hash that a tab of JupyterLab knows of a document, where that is not the file's (LB19)."""
        tab = self._tab()
        begins = (wanted_type, wanted_format) in {("notebook", "json"), ("file", "text")}
        if tab and begins and await bench.open_rooms() is not None:
            # Only what is about to share a document asks so: its room has the content.
            if wanted_type == "file":
                await self.blocking(_check_text, bench.storage, path)  # JupyterLab shows our words, if not
            bench.tabs.shares(tab, path)
        if not bench.tabs.is_sharing(tab, path):
            return ""
        from carnet.collaboration.protocol import ROOM_HASH

        return ROOM_HASH

    def _tab(self) -> Tab:
        return tab_of(self.identity, self.request.headers.get(TAB_HEADER, ""))

    async def is_folder(self, raw: str) -> bool:
        """Return whether a folder is there (rule CO16).

        Raises:
            NotFound: nothing is.
        """
        storage = (await self.workbench()).storage
        return (await self.blocking(storage.stat, path_of(raw))).kind == "folder"

    async def _keep_chunk(self, path: NotebookPath, data: bytes, chunk: object) -> Path | None:
        """Keep a part of an upload, and return the file of all of it after the last."""
        if not isinstance(chunk, int) or isinstance(chunk, bool) or chunk < -1 or chunk == 0:
            raise PeerError("chunk must be a number: 1, 2, 3 ..., and -1 for the last.")
        holder = holder_of(self.identity, self.request.remote_ip or "")
        upload = upload_file(self.services.state_folder, holder, path)
        limit = self.services.settings.holder_uploads
        return await self.blocking(append_chunk, upload, chunk, data, uploads_limit=limit)

    def _save(self, storage: NotebookManager, path: NotebookPath, pieces: Sequence[bytes]) -> bool:
        """Save, and return whether it is new."""

        def write(expected: Revision | None) -> Revision:
            return storage.save_from(path, file_of(pieces), expected=expected)

        return save_over(storage, path, self._based_on(), write)[0]

    def _based_on(self) -> Revision | None:
        """Return the revision that a careful client says it read."""
        header = self.request.headers.get("If-Match", "").strip().strip('"')
        return Revision(header) if header and header != "*" else None

    def _answer_made(self, model: dict[str, Any], status: int) -> None:
        if status == 201:
            self.set_header("Location", f"{self.services.base_url}api/contents/{quote(str(model['path']))}")
        self.answer(model, status)


@stream_request_body
class OldNotebooks(Handler):
    """What clients of 2014 ask for; it leads to `/api/contents`."""

    def data_received(self, chunk: bytes) -> None:
        """Let go of it: it comes again."""

    def get(self, raw: str) -> None:
        """Lead there, with what was asked."""
        query = f"?{self.request.query}" if self.request.query else ""
        # With 302 a client would ask for what it wanted to write: 307 says to send the same again.
        status = 302 if self.request.method in SAFE_METHODS else 307
        self.redirect(f"{self.services.base_url}api/contents{quote(raw)}{query}", status=status)

    post = put = patch = delete = get


def _check_text(storage: NotebookManager, path: NotebookPath) -> None:
    """Look whether a file can be shared as text.

    Raises:
        InvalidPath: it is none, or too large.
    """
    from carnet.collaboration.text_file import text_file

    text_file(path, storage.read(path)[0])


def _file_bytes(body: dict[str, Any]) -> bytes:
    content, form = body.get("content"), body.get("format")
    if content is None and form is None and body.get("chunk") is None:
        return b""
    if not isinstance(content, str):
        raise PeerError("content: text or base64 is wanted.")
    if form == "base64":
        try:
            return base64.b64decode(content.encode("ascii"), validate=False)
        except (binascii.Error, UnicodeEncodeError):
            raise PeerError("content is not valid base64.") from None
    if form in {"text", None}:
        try:
            return content.encode()
        except UnicodeEncodeError:
            raise PeerError("content is not valid Unicode text.") from None
    raise PeerError("format must be text or base64 for a file.")


def _copy(storage: NotebookManager, source: NotebookPath, folder: NotebookPath) -> NotebookPath:
    path = storage.copy_path(source, folder)
    storage.copy(source, path)
    return path


def _make(storage: NotebookManager, folder: NotebookPath, body: dict[str, Any]) -> NotebookPath:
    kind, ext = body.get("type", "notebook" if not body.get("ext") else "file"), body.get("ext") or ""
    if not isinstance(ext, str) or "/" in ext or len(ext) > 40:
        raise PeerError("ext must be a file name's ending, as .txt.")
    if kind == "directory":
        path = storage.untitled_path(folder, stem="Untitled Folder", suffix="")
        storage.make_folder(path)
    elif kind == "notebook" or ext == ".ipynb":
        path, _ = storage.save_untitled(folder, new_notebook())
    elif kind == "file":
        path, _ = storage.save_untitled(folder, b"", stem="untitled", suffix=ext)
    else:
        raise PeerError("type must be directory, notebook or file.")
    return path

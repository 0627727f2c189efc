"""`/nbconvert`: a notebook as another format, in Jupyter's addresses. The work is done in a process of its own.

Without nbconvert there are two formats, the notebook itself and its script,
which need nobody. Rules NC1 to NC9: docs/specs/nbconvert.md.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final, cast
from urllib.parse import quote

from carnet.convert.converter import Converted, is_installed
from carnet.errors import ConversionFailed, PeerError
from carnet.ids import NotebookPath
from carnet.security import headers
from carnet.server.contents import notebook_pieces, read_sent
from carnet.server.handlers.base import Handler
from carnet.server.handlers.contents import path_of
from carnet.server.handlers.files import Bytes, send_bytes
from carnet.server.shares import Thing, holder_of
from carnet.storage.base import NotebookManager, entry_kind
from carnet.storage.pieces import whole
from carnet.storage.script import script_text

_ENDING: Final = ".ipynb"

#: What needs no nbconvert.
_PLAIN: Final[Mapping[str, str]] = {"notebook": "application/json", "script": "text/plain"}

#: Under these types a result is shown; other text as plain text. Never as a script, which a page could load (NC5).
_SHOWN: Final = frozenset({"application/json", "text/html", "text/markdown"})
_NOT_TEXT: Final = frozenset({"application/pdf", "application/zip"})


class Formats(Handler):
    """The formats that a notebook can become."""

    async def get(self) -> None:
        """Answer with their names, and the media type of each."""
        found = await (await self.workbench()).converter.formats() if is_installed() else _PLAIN
        self.answer({name: {"output_mimetype": media_type} for name, media_type in found.items()})


class _Converting(Handler):
    """Converts while its client waits, and stops when nobody does."""

    _work: "asyncio.Task[Converted] | None" = None

    def on_connection_close(self) -> None:
        """End what nobody waits for any more."""
        if self._work is not None:
            self._work.cancel()

    async def convert(
        self, data: bytes, format_: str, name: str, *, folder: Path | None = None, sanitize: bool = False
    ) -> Converted | None:
        """Return the result; None: the client has gone.

        Raises:
            ConversionFailed: says why there is none.
        """
        if not is_installed():
            return await self.blocking(_plainly, data, format_, name)
        bench = await self.workbench()
        address = self.request.remote_ip or ""
        place = self.services.shares.lease(self.identity, address, Thing.CONVERSIONS)
        place.hold(1)
        work = bench.converter.convert(
            data,
            format_,
            name=name,
            folder=folder,
            sanitize_html=sanitize,
            whose=holder_of(self.identity, address),
        )
        self._work = asyncio.create_task(work, name=f"convert to {format_}")
        self._work.add_done_callback(lambda _: place.release())
        await asyncio.wait({self._work})
        return None if self._work.cancelled() else self._work.result()

    async def send_converted(self, result: Converted | None, name: str, *, download: bool) -> None:
        """Answer with a result, and let go of it."""
        if result is None:
            return
        shown = result.media_type if result.media_type in _SHOWN else "text/plain"
        is_file = download or result.media_type in _NOT_TEXT
        with result.file:
            what = Bytes(
                read=lambda start, stop: self.blocking(result.read, start, stop),
                size_bytes=result.size_bytes,
                etag=None,
                shown_type=None if is_file else f"{shown}; charset=utf-8",
                name=name + result.ending,
                cache="no-store",
                guards=headers.converted(),
            )
            await send_bytes(self, what)


class NotebookAs(_Converting):
    """A notebook as another format."""

    async def get(self, format_: str, raw: str) -> None:
        """Answer with it. `download=1`: as a download; `sanitize_html=1`: without scripts."""
        path = path_of(raw)
        bench = await self.workbench()
        if entry_kind(path) != "notebook":
            self.redirect(f"{self.services.base_url}files/{quote(path)}")
            return
        session = bench.registry.find(path)
        if session is not None and session.saver.unsaved:
            await session.saver.save()
        data, folder = await self.blocking(_read, bench.storage, path)
        name = path.rpartition("/")[2].removesuffix(_ENDING)
        result = await self.convert(data, format_, name, folder=folder, sanitize=self._says("sanitize_html"))
        await self.send_converted(result, name, download=self._says("download"))

    def _says(self, name: str) -> bool:
        return self.get_query_argument(name, "").lower() in {"1", "true", "yes"}


class SentAs(_Converting):
    """A notebook that is sent here, as another format."""

    async def post(self, format_: str) -> None:
        """Answer with it. The body is a model of `/api/contents`: `content`, and perhaps `name`."""
        data, name = await self.blocking(_sent, self.request.body)
        result = await self.convert(data, format_, name)
        await self.send_converted(result, name, download=False)


def _read(storage: NotebookManager, path: NotebookPath) -> tuple[bytes, Path | None]:
    """Return a notebook's bytes, and the folder it is in, where it is on this machine."""
    data, _ = storage.read(path)
    where = storage.local_path(path)
    return data, None if where is None else where.parent


def _sent(body: bytes) -> tuple[bytes, str]:
    """Return the bytes of a notebook that came as a model, and its name.

    Raises:
        PeerError, InvalidNotebook: it is not one.
    """
    sent = read_sent(body)
    name = sent.body.get("name") or "notebook"
    if not isinstance(name, str) or "/" in name or len(name) > 255:
        raise PeerError("name: a file name is wanted.")
    return whole(notebook_pieces(sent)), name.removesuffix(_ENDING)


def _plainly(data: bytes, format_: str, name: str) -> Converted:
    """Return one of the formats that need no nbconvert.

    Raises:
        ConversionFailed: it is another one, or this is not a notebook.
    """
    if format_ == "notebook":
        return _in_file(data, "application/json", _ENDING)
    if format_ != "script":
        raise ConversionFailed(
            f"This server cannot make {format_}: nbconvert is not installed. "
            "`pip install carnet[export]` brings it.",
            501,
        )
    script = script_text(data, f"From {name}{_ENDING}")
    if script is None:
        raise ConversionFailed(f"{name}{_ENDING} is not a notebook.")
    return _in_file(script[1], "text/plain", script[0])


def _in_file(data: bytes, media_type: str, ending: str) -> Converted:
    file = cast("BinaryIO", tempfile.TemporaryFile(prefix="carnet-convert-"))  # noqa: SIM115  the answer closes it
    file.write(data)
    file.flush()
    return Converted(file, 0, len(data), media_type, ending)

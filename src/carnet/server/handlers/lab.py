"""`/lab`: JupyterLab's own front end, as it is, over our API. Rules LB1 to LB16: docs/specs/lab.md."""

import gzip
import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from carnet.errors import NotFound, PeerError
from carnet.ids import NotebookPath
from carnet.lab import extensions, files, page, translations
from carnet.lab.folders import LabFolders, find_lab
from carnet.lab.settings import LabSettings
from carnet.lab.workspaces import Workspaces
from carnet.security import headers
from carnet.server.handlers.base import Handler
from carnet.server.handlers.pages import exchange_token, set_xsrf_cookie, token_for_page
from carnet.storage.base import media_type_of

_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(?::\d{1,5})?")
_COMPRESSED: Final = (".js", ".css", ".json", ".svg", ".txt", ".map")
_LISTINGS: Final = "@jupyterlab/extensionmanager-extension/listings.json"


def lab_of(handler: Handler) -> LabFolders:
    """Return where JupyterLab is.

    Raises:
        NotFound: it is not installed, or switched off.
    """
    if not handler.services.settings.jupyterlab:
        raise NotFound("JupyterLab is switched off here: NotebookApp.jupyterlab is False.")
    found = find_lab()
    if found is None:
        raise NotFound("JupyterLab is not installed here. `pip install carnet[lab]` brings it.")
    return found


class Page(Handler):
    """JupyterLab, or one document in it."""

    async def get(self, mode: str, workspace: str, tree: str) -> None:
        """Answer with its page; first exchange a token in the address for a login."""
        folders = lab_of(self)
        if exchange_token(self):
            return
        bench = await self.workbench()
        root = await self.blocking(bench.storage.local_path, NotebookPath(""))
        visit = page.Visit(
            base_url=self.services.base_url,
            root="" if root is None else root.as_posix(),
            workspace=workspace or "default",
            tree_path=tree.removeprefix("/tree").strip("/"),
            is_single=mode == "doc",
            has_terminals=self.services.settings.terminals_enabled,
        )
        html = await self.blocking(page.render, folders, visit, self.nonce)
        self.services.first_page.set()
        report_to = f"{self.services.base_url}api/security/csp-report"
        self.send(headers.lab_page(self.nonce, scripts=self._scripts(), report_to=report_to))
        set_xsrf_cookie(self, token_for_page(self))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(html)

    def _scripts(self) -> list[str]:
        """Return the sources of scripts: two folders of ours. A policy cannot name those of an IPv6 address."""
        if not _HOST.fullmatch(self.request.host):
            return ["'self'"]
        start = f"{self.request.host}{self.services.base_url}lab/"
        return [f"{start}static/", f"{start}extensions/"]


class _File(Handler):
    """A file that is part of the front end."""

    async def send_file(self, find: Callable[[LabFolders, str], Path | None], name: str) -> None:
        """Answer with the file of a name."""
        path = await self.blocking(find, lab_of(self), name)
        if path is None:
            self.refuse(404, "no-file", "There is no such file.")
            return
        may_compress = path.suffix in _COMPRESSED and "gzip" in self.request.headers.get(
            "Accept-Encoding", ""
        )
        data, etag = await self.blocking(_read, path, compress=may_compress)
        self.send(headers.static())
        media_type = "text/javascript" if path.suffix == ".js" else media_type_of(NotebookPath(path.name))
        self.set_header(
            "Content-Type", f"{media_type}; charset=utf-8" if "text" in media_type else media_type
        )
        self.set_header("Vary", "Accept-Encoding")
        self.set_header("Etag", etag)
        forever = headers.FOREVER["Cache-Control"]
        self.set_header("Cache-Control", forever if files.is_immutable(path) else "private, no-cache")
        if self.check_etag_header():
            self.set_status(304)
            self.finish()
            return
        if may_compress:
            self.set_header("Content-Encoding", "gzip")
        self.finish(data)


class StaticFile(_File):
    """A file of JupyterLab itself."""

    async def get(self, name: str) -> None:
        """Answer with it."""
        await self.send_file(files.static_file, name)


class ExtensionFile(_File):
    """A file of a federated extension."""

    async def get(self, name: str) -> None:
        """Answer with it."""
        await self.send_file(files.extension_file, name)


class ThemeFile(_File):
    """A file of a theme."""

    async def get(self, name: str) -> None:
        """Answer with it."""
        await self.send_file(files.theme_file, name)


class AllSettings(Handler):
    """The settings of JupyterLab and its extensions."""

    async def get(self) -> None:
        """Answer with all; `ids_only=true`: with their names."""
        settings = _settings(self)
        ids_only = self.get_query_argument("ids_only", "") == "true"
        self.answer({"settings": await self.blocking(settings.ids if ids_only else settings.all)})


class OneSettings(Handler):
    """The settings of one plugin."""

    async def get(self, plugin: str) -> None:
        """Answer with its schema, and what the user set."""
        self.answer(await self.blocking(_settings(self).get, plugin))

    async def put(self, plugin: str) -> None:
        """Keep what the user set: `raw`, JSON with comments."""
        raw = self.json_body().get("raw")
        if not isinstance(raw, str):
            raise PeerError("raw: the settings as text are wanted.")
        await self.blocking(_settings(self).save, plugin, raw)
        self.answer_nothing()


class AllWorkspaces(Handler):
    """The workspaces: how JupyterLab's windows stand."""

    async def get(self) -> None:
        """Answer with all."""
        found = await self.blocking(_workspaces(self).all)
        ids = [one["metadata"]["id"] for one in found]
        self.answer({"workspaces": {"ids": ids, "values": found}})


class OneWorkspace(Handler):
    """A workspace."""

    async def get(self, name: str) -> None:
        """Answer with it; with an empty one where there is none."""
        self.answer(await self.blocking(_workspaces(self).get, name))

    async def put(self, name: str) -> None:
        """Keep it."""
        await self.blocking(_workspaces(self).save, name, self.request.body)
        self.answer_nothing()

    async def delete(self, name: str) -> None:
        """Remove it."""
        await self.blocking(_workspaces(self).delete, name)
        self.answer_nothing()


class Translations(Handler):
    """The languages of JupyterLab, or the words of one."""

    async def get(self, name: str) -> None:
        """Answer with them."""
        lab_of(self)
        if name:
            data, message = await self.blocking(translations.words, name)
        else:
            data, message = await self.blocking(translations.packs), ""
        self.answer({"data": data, "message": message})


class Listings(Handler):
    """Which extensions may be installed: nothing is installed here, so the list is empty."""

    def get(self, name: str) -> None:
        """Answer with it."""
        lab_of(self)
        if name != _LISTINGS:
            raise NotFound("There is no such listing.")
        keys = (
            "blocked_extensions_uris",
            "allowed_extensions_uris",
            "blocked_extensions",
            "allowed_extensions",
        )
        self.answer({key: [] for key in keys})


class Licenses(Handler):
    """The licenses of all that JupyterLab's page is made of."""

    async def get(self) -> None:
        """Answer with them; `bundles`: the names of those wanted, with `|` between."""
        wanted = self.get_query_argument("bundles", "")
        self.answer(await self.blocking(extensions.licenses, lab_of(self), wanted))


class LanguageServers(Handler):
    """The language servers that JupyterLab could ask: there are none."""

    def get(self) -> None:
        """Answer with none."""
        lab_of(self)
        self.answer({"version": 2, "sessions": {}, "specs": {}})


def _settings(handler: Handler) -> LabSettings:
    return LabSettings(lab_of(handler), handler.services.state_folder / "lab" / "settings")


def _workspaces(handler: Handler) -> Workspaces:
    lab_of(handler)
    return Workspaces(handler.services.state_folder / "lab" / "workspaces")


def _read(path: Path, *, compress: bool) -> tuple[bytes, str]:
    """Return a file's bytes as they are to be sent, and their entity tag."""
    if compress:
        data = _compressed(path, path.stat().st_mtime_ns)
        return data, f'"{sha256(data).hexdigest()[:24]}gzip"'
    data = path.read_bytes()
    return data, f'"{sha256(data).hexdigest()[:24]}"'


@lru_cache(maxsize=400)
def _compressed(path: Path, _changed_ns: int) -> bytes:
    """Return a file's bytes, compressed. Kept: all of JupyterLab is 4 MB then, and a third of a second to make."""
    return gzip.compress(path.read_bytes(), compresslevel=4, mtime=0)
